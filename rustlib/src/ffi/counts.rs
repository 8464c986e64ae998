//! The exports for counts of rows.

use super::guard::{DoublesStatus, boxed, guard, input, required, required_mut, unboxed};
use crate::arrow::export::export;
use crate::arrow::structs::{ArrowArray, ArrowSchema};
use crate::columns::{Counts, Validity};
use std::collections::TryReserveError;
use std::sync::Arc;

/// Counts of rows, of which some may be null.
///
/// Its life: `doubles_counts_new`; any number of calls of `doubles_column_count` and
/// `doubles_counts_append`; `doubles_counts_view` to read them, or `doubles_counts_export` to hand them to
/// consumers of Arrow; `doubles_counts_free`. Exported arrays share their memory, which is freed with the
/// last owner.
pub struct DoublesCounts(Arc<Counts>);

/// The memory of counts, to be read until they are changed or freed.
#[repr(C)]
pub struct DoublesCountsView {
    /// The counts; 0 in null rows.
    pub values: *const i64,
    /// One bit for each row, the first row in the lowest bit: 1 if it is valid, 0 if it is null.
    pub validity: *const u8,
    /// The number of rows.
    pub length: usize,
    /// The number of null rows.
    pub null_count: usize,
}

/// Makes counts of no rows. Free them with `doubles_counts_free`. Returns NULL if the library panicked.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_counts_new() -> *mut DoublesCounts {
    boxed(|| DoublesCounts(Arc::default()))
}

/// Frees counts. Does nothing if they are NULL. Exported arrays stay valid.
///
/// # Safety
///
/// `counts` is NULL or came from `doubles_counts_new`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_counts_free(counts: *mut DoublesCounts) {
    // SAFETY: `counts` came from `doubles_counts_new`, and is not used again.
    unsafe { unboxed(counts) };
}

/// Appends the counts of `len` rows. `validity` has one bit for each, the first row in the lowest bit: 1 if it
/// is valid, 0 if it is null. It may be NULL: then all are valid. Returns zero or a status.
///
/// # Safety
///
/// - `counts` is NULL or came from `doubles_counts_new`, and no other thread uses it.
/// - `values` points to `len` readable elements, aligned, and `validity`, unless it is NULL, to `len` bits,
///   which nobody changes during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_counts_append(
    counts: *mut DoublesCounts,
    values: *const i64,
    validity: *const u8,
    len: usize,
) -> i64 {
    // SAFETY: NULL or counts, `len` values, and `len` bits unless that is NULL.
    guard(|| unsafe {
        let (values, validity) = (input(values, len)?, bits(validity, len)?);
        required_mut(counts)?.change().append(values, validity)?;
        Ok(0)
    })
}

/// Writes where the memory of the counts is. Returns zero or a status. To read the first count:
///
/// ```c
/// DoublesCountsView view = {0};
/// if (doubles_counts_view(counts, &view) == 0 && view.length > 0 && (view.validity[0] & 1))
///     printf("%lld\n", (long long)view.values[0]);
/// ```
///
/// # Safety
///
/// - `counts` is NULL or came from `doubles_counts_new`, and no other thread changes it.
/// - `view` is NULL or points to a writable struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_counts_view(
    counts: *const DoublesCounts,
    view: *mut DoublesCountsView,
) -> i64 {
    // SAFETY: NULL, counts, and a struct to write.
    guard(|| unsafe {
        *required_mut(view)? = (&*required(counts)?.0).into();
        Ok(0)
    })
}

/// Writes `len` of the counts, from `start` on, as an array of 64-bit integers and its type, for any consumer
/// of the Arrow C data interface. No memory is copied. The consumer releases both. Returns zero or a status.
///
/// # Safety
///
/// - `counts` is NULL or came from `doubles_counts_new`, and no other thread changes it.
/// - `schema` and `array` are NULL or point to writable structs, whose contents are not released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_counts_export(
    counts: *const DoublesCounts,
    start: usize,
    len: usize,
    schema: *mut ArrowSchema,
    array: *mut ArrowArray,
) -> i64 {
    // SAFETY: NULL, counts, and two structs to write.
    guard(|| unsafe {
        let (schema, array) = (required_mut(schema)?, required_mut(array)?);
        let exported = export(&required(counts)?.0, start, len);
        (*schema, *array) = exported.ok_or(DoublesStatus::InvalidLength)?;
        Ok(0)
    })
}

impl DoublesCounts {
    /// The counts, to be changed. Exported arrays do not change.
    pub(super) fn change(&mut self) -> &mut Counts {
        Arc::make_mut(&mut self.0)
    }
}

/// The validity of `rows` rows; `None` if its pointer is NULL.
///
/// # Safety
///
/// Unless it is NULL, `bits` points to as many readable bits as there are rows.
pub(super) unsafe fn bits<'a>(
    bits: *const u8,
    rows: usize,
) -> Result<Option<Validity<'a>>, DoublesStatus> {
    if bits.is_null() {
        return Ok(None);
    }
    // SAFETY: `rows` bits are in these bytes.
    let bytes = unsafe { input(bits, rows.div_ceil(8)) }?;
    Ok(Some(Validity::new(bytes, 0)))
}

impl From<&Counts> for DoublesCountsView {
    fn from(counts: &Counts) -> Self {
        Self {
            values: counts.values().as_ptr(),
            validity: counts.validity().as_ptr(),
            length: counts.values().len(),
            null_count: counts.nulls(),
        }
    }
}

impl From<TryReserveError> for DoublesStatus {
    fn from(_: TryReserveError) -> Self {
        Self::NoMemory
    }
}
