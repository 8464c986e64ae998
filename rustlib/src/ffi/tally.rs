//! The exports for tallies: a handle that the caller makes, fills, reads and frees.

use super::guard::{DoublesStatus, guard, input, output};
use crate::tally::Tally;
use std::ptr;

/// How many doubles each unit makes: a byte, or a code point.
pub struct DoublesTally(Tally);

/// Makes an empty tally, to be freed by `doubles_tally_free`. Returns NULL if the library panicked.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_tally_new() -> *mut DoublesTally {
    let mut tally = ptr::null_mut();
    guard(|| {
        tally = Box::into_raw(Box::new(DoublesTally(Tally::new())));
        Ok(0)
    });
    tally
}

/// Frees a tally, if it is not NULL.
///
/// # Safety
///
/// `tally` is NULL or came from `doubles_tally_new`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_tally_free(tally: *mut DoublesTally) {
    guard(|| {
        if !tally.is_null() {
            // SAFETY: it came from Box::into_raw in doubles_tally_new, by the caller's word.
            drop(unsafe { Box::from_raw(tally) });
        }
        Ok(0)
    });
}

/// Returns how many different units the tally holds.
///
/// # Safety
///
/// `tally` is NULL or came from `doubles_tally_new`, and no other thread changes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_tally_len(tally: *const DoublesTally) -> i64 {
    guard(|| {
        // SAFETY: tally is what this function demands.
        let tally = unsafe { handle(tally) }?;
        Ok(tally.iter().count() as u64)
    })
}

/// Writes the first `len` units of the tally, in ascending order, and how many doubles each of them
/// makes. Returns how many it wrote.
///
/// # Safety
///
/// - `tally` is NULL or came from `doubles_tally_new`, and no other thread changes it.
/// - `units` and `counts` point to `len` writable elements each, aligned, initialized, and apart from
///   each other.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_tally_read(
    tally: *const DoublesTally,
    units: *mut u32,
    counts: *mut u64,
    len: usize,
) -> i64 {
    guard(|| {
        // SAFETY: tally, units, counts and len are what this function demands.
        let (tally, units, counts) =
            unsafe { (handle(tally)?, output(units, len)?, output(counts, len)?) };
        let slots = units.iter_mut().zip(counts);
        let written = slots.zip(tally.iter()).map(|((unit, count), entry)| {
            (*unit, *count) = entry;
        });
        Ok(written.count() as u64)
    })
}

/// Adds doubles of `len` units, as `doubles_tally_read` writes them: the number in `counts` for
/// each of `units`. What is beyond the last code point is dropped. Returns zero or a status.
///
/// # Safety
///
/// - `tally` is NULL or came from `doubles_tally_new`, and no other thread uses it.
/// - `units` and `counts` point to `len` readable elements each, aligned, which nobody changes meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_tally_add(
    tally: *mut DoublesTally,
    units: *const u32,
    counts: *const u64,
    len: usize,
) -> i64 {
    guard(|| {
        // SAFETY: tally, units, counts and len are what this function demands.
        let (tally, units, counts) =
            unsafe { (handle_mut(tally)?, input(units, len)?, input(counts, len)?) };
        let entries = units.iter().zip(counts);
        entries.for_each(|(&unit, &times)| tally.add(unit, times));
        Ok(0)
    })
}

/// # Safety
///
/// `tally` is NULL or came from `doubles_tally_new`, and nobody changes it for as long as `'a`.
unsafe fn handle<'a>(tally: *const DoublesTally) -> Result<&'a Tally, DoublesStatus> {
    // SAFETY: NULL or a live tally, by the caller's word.
    let tally = unsafe { tally.as_ref() };
    tally
        .map(|tally| &tally.0)
        .ok_or(DoublesStatus::NullPointer)
}

/// # Safety
///
/// `tally` is NULL or came from `doubles_tally_new`, and nobody else uses it for as long as `'a`.
pub(super) unsafe fn optional<'a>(tally: *mut DoublesTally) -> Option<&'a mut Tally> {
    // SAFETY: NULL or a live tally, by the caller's word.
    unsafe { tally.as_mut() }.map(|tally| &mut tally.0)
}

/// # Safety
///
/// `tally` is NULL or came from `doubles_tally_new`, and nobody else uses it for as long as `'a`.
unsafe fn handle_mut<'a>(tally: *mut DoublesTally) -> Result<&'a mut Tally, DoublesStatus> {
    // SAFETY: the same.
    unsafe { optional(tally) }.ok_or(DoublesStatus::NullPointer)
}
