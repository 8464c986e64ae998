//! The exports for tallies.

use super::guard::{boxed, guard, input, output, required, required_mut, unboxed};
use crate::tally::Tally;

/// How many doubles each unit makes. A unit is a byte or the number of a code point.
///
/// Its life: `doubles_tally_new`; any number of calls of `doubles_update_*`, `doubles_merge` and
/// `doubles_tally_add`; `doubles_tally_len`, then `doubles_tally_read` into arrays of that length;
/// `doubles_tally_free`.
///
/// ```c
/// DoublesTally *tally = doubles_tally_new();
/// DoublesSummary summary = {0};
/// if (doubles_update_utf8(&summary, tally, data, len, 0) == 0) {
///     int64_t number = doubles_tally_len(tally);
///     uint32_t *units = calloc((size_t)number, sizeof *units);
///     uint64_t *counts = calloc((size_t)number, sizeof *counts);
///     number = doubles_tally_read(tally, units, counts, (size_t)number);
/// }
/// doubles_tally_free(tally);
/// ```
pub struct DoublesTally(pub(super) Tally);

/// Makes an empty tally. Free it with `doubles_tally_free`. Returns NULL if the library panicked.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_tally_new() -> *mut DoublesTally {
    boxed(|| DoublesTally(Tally::new()))
}

/// Frees a tally. Does nothing if it is NULL.
///
/// # Safety
///
/// `tally` is NULL or came from `doubles_tally_new`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_tally_free(tally: *mut DoublesTally) {
    // SAFETY: `tally` came from `doubles_tally_new`, and is not used again.
    unsafe { unboxed(tally) };
}

/// Returns the number of different units in the tally, or a status.
///
/// # Safety
///
/// `tally` is NULL or came from `doubles_tally_new`, and no other thread changes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_tally_len(tally: *const DoublesTally) -> i64 {
    // SAFETY: NULL or a tally.
    guard(|| unsafe { Ok(required(tally)?.0.iter().count() as u64) })
}

/// Writes the first `len` units of the tally, in ascending order, and how many doubles each of them makes.
/// Returns how many it wrote, which is less than `len` if the tally holds fewer, or a status.
///
/// # Safety
///
/// - `tally` is NULL or came from `doubles_tally_new`, and no other thread changes it.
/// - `units` and `counts` point to `len` writable elements each, aligned and initialized (by calloc, for
///   example), which do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_tally_read(
    tally: *const DoublesTally,
    units: *mut u32,
    counts: *mut u64,
    len: usize,
) -> i64 {
    // SAFETY: NULL or a tally, and `len` elements to write at each of the others.
    guard(|| unsafe {
        let (units, counts) = (output(units, len)?, output(counts, len)?);
        Ok(required(tally)?.0.read(units, counts) as u64)
    })
}

/// Adds the doubles of `len` units, as `doubles_tally_read` writes them: `counts[i]` to those of `units[i]`.
/// Numbers beyond the last code point, 0x10FFFF, are ignored. Returns zero or a status.
///
/// # Safety
///
/// - `tally` is NULL or came from `doubles_tally_new`, and no other thread uses it.
/// - `units` and `counts` point to `len` readable elements each, aligned, which nobody changes during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_tally_add(
    tally: *mut DoublesTally,
    units: *const u32,
    counts: *const u64,
    len: usize,
) -> i64 {
    // SAFETY: NULL or a tally, and `len` elements to read at each of the others.
    guard(|| unsafe {
        let entries = input(units, len)?.iter().zip(input(counts, len)?);
        let tally = required_mut(tally)?;
        entries.for_each(|(&unit, &times)| tally.0.add(unit, times));
        Ok(0)
    })
}
