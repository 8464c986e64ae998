//! The exports for counts of rows: a handle that the caller makes, fills and frees, and an Arrow array of
//! what it holds.

use super::arrow::{DoublesArrowArray, DoublesArrowSchema, Struct};
use super::guard::{DoublesStatus, guard, input};
use crate::columns::{Counts, Validity};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

/// Counts of rows. What was exported shares their memory, which is freed with the last of them.
pub struct DoublesCounts(Arc<Counts>);

/// Where the memory of counts is.
#[repr(C)]
pub struct DoublesCountsView {
    /// The counts; 0 where there is none.
    pub values: *const i64,
    /// Whether there is one: a bit each, the first one lowest.
    pub validity: *const u8,
    /// How many rows there are.
    pub length: usize,
    /// How many of them are null.
    pub null_count: usize,
}

/// Makes counts of no rows, to be freed by `doubles_counts_free`. Returns NULL if the library panicked.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_counts_new() -> *mut DoublesCounts {
    let mut counts = ptr::null_mut();
    guard(|| {
        counts = Box::into_raw(Box::new(DoublesCounts(Arc::default())));
        Ok(0)
    });
    counts
}

/// Frees counts; NULL is none. What was exported stays.
///
/// # Safety
///
/// `counts` is NULL or came from `doubles_counts_new`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_counts_free(counts: *mut DoublesCounts) {
    guard(|| {
        if !counts.is_null() {
            // SAFETY: it came from Box::into_raw in doubles_counts_new, by the caller's word.
            drop(unsafe { Box::from_raw(counts) });
        }
        Ok(0)
    });
}

/// Appends counts of `len` rows. `validity` has a bit for each, the first one lowest: whether there is
/// one; NULL if all are there. Returns zero or a status.
///
/// # Safety
///
/// - `counts` is NULL or came from `doubles_counts_new`, and no other thread uses it.
/// - `values` points to `len` readable elements, aligned, and `validity`, unless it is NULL, to as many
///   bits, which nobody changes meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_counts_append(
    counts: *mut DoublesCounts,
    values: *const i64,
    validity: *const u8,
    len: usize,
) -> i64 {
    guard(|| {
        // SAFETY: the caller's word on all pointers and len.
        let (counts, values) = unsafe { (counts_mut(counts)?, input(values, len)?) };
        let validity = if validity.is_null() {
            None
        } else {
            // SAFETY: the same.
            Some(Validity::new(
                unsafe { input(validity, len.div_ceil(8)) }?,
                0,
            ))
        };
        let appended = counts.append(values, validity);
        appended.map_err(|_| DoublesStatus::NoMemory)?;
        Ok(0)
    })
}

/// Writes where the memory of counts is, until they are appended to or freed. Returns zero or a status.
///
/// # Safety
///
/// - `counts` is NULL or came from `doubles_counts_new`, and no other thread changes it.
/// - `view` is NULL or points to a writable one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_counts_view(
    counts: *const DoublesCounts,
    view: *mut DoublesCountsView,
) -> i64 {
    guard(|| {
        // SAFETY: NULL or counts, NULL or a place for a view, by the caller's word.
        let (counts, view) = unsafe { (counts.as_ref(), view.as_mut()) };
        let counts = &counts.ok_or(DoublesStatus::NullPointer)?.0;
        *view.ok_or(DoublesStatus::NullPointer)? = DoublesCountsView {
            values: counts.values().as_ptr(),
            validity: counts.validity().as_ptr(),
            length: counts.values().len(),
            null_count: counts.nulls(),
        };
        Ok(0)
    })
}

/// Writes `len` of the counts, from `start` on, as an array of 64-bit integers and its type, for any
/// consumer of the Arrow C data interface. No memory is copied. Returns zero or a status.
///
/// # Safety
///
/// - `counts` is NULL or came from `doubles_counts_new`, and no other thread changes it.
/// - `schema` and `array` are NULL or point to places for such structs, which hold none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_counts_export(
    counts: *const DoublesCounts,
    start: usize,
    len: usize,
    schema: *mut DoublesArrowSchema,
    array: *mut DoublesArrowArray,
) -> i64 {
    guard(|| {
        // SAFETY: NULL or counts, NULL or places, by the caller's word.
        let (counts, schema, array) = unsafe { (counts.as_ref(), schema.as_mut(), array.as_mut()) };
        let counts = &counts.ok_or(DoublesStatus::NullPointer)?.0;
        let schema = schema.ok_or(DoublesStatus::NullPointer)?;
        let array = array.ok_or(DoublesStatus::NullPointer)?;
        let end = start
            .checked_add(len)
            .filter(|&end| end <= counts.values().len());
        let nulls = counts.nulls_in(start..end.ok_or(DoublesStatus::InvalidLength)?);
        let validity = match nulls {
            0 => ptr::null(),
            _ => counts.validity().as_ptr().cast(),
        };
        let exported = Box::into_raw(Box::new(Exported {
            buffers: [validity, counts.values().as_ptr().cast()],
            _counts: Arc::clone(counts),
        }));
        *schema = DoublesArrowSchema {
            format: c"l".as_ptr(),
            name: c"".as_ptr(),
            flags: NULLABLE,
            release: Some(release_schema),
            ..DoublesArrowSchema::EMPTY
        };
        *array = DoublesArrowArray {
            length: len as i64,
            null_count: nulls as i64,
            offset: start as i64,
            n_buffers: 2,
            // SAFETY: it came from Box::into_raw just now.
            buffers: unsafe { (&raw mut (*exported).buffers).cast() },
            release: Some(release_array),
            private_data: exported.cast(),
            ..DoublesArrowArray::EMPTY
        };
        Ok(0)
    })
}

/// Asks for huge pages for counts that will all be written soon. Making pages of 4 KiB takes as long as
/// counting short rows does, and more on a second thread. Where the system has no huge pages, nothing is lost.
pub(super) fn ask_for_huge_pages(counts: &mut [i64]) {
    /// Bytes per huge page on x86-64, and on aarch64 with pages of 4 KiB.
    #[cfg(target_os = "linux")]
    const HUGE: usize = 2 << 20;
    #[cfg(target_os = "linux")]
    {
        // None that reach beyond the counts, whose memory would be taken for nothing.
        let pages = counts.as_mut_ptr_range();
        let start = pages.start.addr().next_multiple_of(HUGE);
        let end = pages.end.addr() / HUGE * HUGE;
        if start < end {
            // SAFETY: it is advice about memory within the counts, and changes none of it.
            unsafe { libc::madvise(start as *mut c_void, end - start, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = counts;
}

/// The flag of a type whose rows may be null.
const NULLABLE: i64 = 2;

/// What an exported array holds.
struct Exported {
    buffers: [*const c_void; 2],
    /// What the buffers point into.
    _counts: Arc<Counts>,
}

unsafe extern "C" fn release_schema(schema: *mut DoublesArrowSchema) {
    // SAFETY: the consumer's word: a struct that was exported here and is not released. Its texts are
    // static.
    unsafe { (*schema).release = None };
}

unsafe extern "C" fn release_array(array: *mut DoublesArrowArray) {
    guard(|| {
        // SAFETY: the consumer's word: a struct that was exported here and is not released, so its
        // private data came from Box::into_raw.
        unsafe {
            (*array).release = None;
            drop(Box::from_raw((*array).private_data.cast::<Exported>()));
        }
        Ok(0)
    });
}

/// # Safety
///
/// `counts` is NULL or came from `doubles_counts_new`, and nobody else uses it as long as `'a`.
pub(super) unsafe fn counts_mut<'a>(
    counts: *mut DoublesCounts,
) -> Result<&'a mut Counts, DoublesStatus> {
    // SAFETY: NULL or live counts, by the caller's word.
    let counts = unsafe { counts.as_mut() }.ok_or(DoublesStatus::NullPointer)?;
    // What was exported stays as it was.
    Ok(Arc::make_mut(&mut counts.0))
}
