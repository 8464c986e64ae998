//! The exports of the ladder: the historic counters, one each.

use super::guard::{DoublesStatus, bytes, guard};
use crate::ladder;

/// Counts doubles between the characters of UTF-8, by two iterators.
///
/// # Safety
///
/// `data` points to `len` readable bytes, which no other thread changes during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_zip(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: data points to len readable bytes, as this function demands.
        let data = unsafe { bytes(data, len) }?;
        Ok(ladder::count_doubles_zip(text(data)?))
    })
}

/// Counts doubles between the characters of UTF-8, by one iterator.
///
/// # Safety
///
/// `data` points to `len` readable bytes, which no other thread changes during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_once(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: data points to len readable bytes, as this function demands.
        let data = unsafe { bytes(data, len) }?;
        Ok(ladder::count_doubles_once(text(data)?))
    })
}

/// Counts doubles between bytes, by one iterator.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_once_bytes(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: data points to len readable bytes, as this function demands.
        let data = unsafe { bytes(data, len) }?;
        Ok(ladder::count_doubles_once_bytes(data))
    })
}

/// Counts doubles between bytes, by windows of two.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_slice(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: data points to len readable bytes, as this function demands.
        let data = unsafe { bytes(data, len) }?;
        Ok(ladder::count_doubles_slice(data))
    })
}

/// Counts doubles between bytes, by windows of two under rayon.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_slice_parallel(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: data points to len readable bytes, as this function demands.
        let data = unsafe { bytes(data, len) }?;
        Ok(ladder::count_doubles_slice_parallel(data))
    })
}

fn text(data: &[u8]) -> Result<&str, DoublesStatus> {
    std::str::from_utf8(data).map_err(|_| DoublesStatus::InvalidUtf8)
}
