//! The exports of the ladder: the historic counters, one each.

use super::guard::{DoublesStatus, bytes, guard};
use crate::ladder;

/// Counts doubles between the code points of UTF-8 with two iterators: the slowest counter of the ladder. Returns
/// the count, or a status.
///
/// # Safety
///
/// `data` points to `len` readable bytes, which no other thread changes during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_zip(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: `data` points to `len` bytes.
        let data = unsafe { bytes(data, len) }?;
        Ok(ladder::count_doubles_zip(text(data)?))
    })
}

/// Counts doubles between the code points of UTF-8 with one iterator: the second counter of the ladder. Returns
/// the count, or a status.
///
/// # Safety
///
/// `data` points to `len` readable bytes, which no other thread changes during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_once(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: `data` points to `len` bytes.
        let data = unsafe { bytes(data, len) }?;
        Ok(ladder::count_doubles_once(text(data)?))
    })
}

/// Counts doubles between bytes with one iterator: the third counter of the ladder. Returns the count, or a status.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_once_bytes(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: `data` points to `len` bytes.
        let data = unsafe { bytes(data, len) }?;
        Ok(ladder::count_doubles_once_bytes(data))
    })
}

/// Counts doubles between bytes with windows of two: the fourth counter of the ladder. Returns the count, or a
/// status.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_slice(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: `data` points to `len` bytes.
        let data = unsafe { bytes(data, len) }?;
        Ok(ladder::count_doubles_slice(data))
    })
}

/// Counts doubles between bytes with windows of two on all threads, by rayon: the last historic counter of the
/// ladder. Returns the count, or a status.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_slice_parallel(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: `data` points to `len` bytes.
        let data = unsafe { bytes(data, len) }?;
        Ok(ladder::count_doubles_slice_parallel(data))
    })
}

fn text(data: &[u8]) -> Result<&str, DoublesStatus> {
    std::str::from_utf8(data).map_err(|_| DoublesStatus::InvalidUtf8)
}
