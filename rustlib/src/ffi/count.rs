//! The exports that count.

use super::guard::{DoublesStatus, bytes, guard};
use crate::code_points::{self, InvalidUtf8};
use crate::{kernel, parallel};
use std::num::NonZeroUsize;

/// Counts doubles between bytes, on at most `threads` threads; 0 leaves their number to the library.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_bytes(data: *const u8, len: usize, threads: usize) -> i64 {
    guard(|| {
        // SAFETY: the caller's word on data and len.
        let data = unsafe { bytes(data, len) }?;
        Ok(parallel::summarize(data, NonZeroUsize::new(threads)).count)
    })
}

/// Counts doubles between the code points of UTF-8, on at most `threads` threads; 0 leaves their
/// number to the library.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_utf8(data: *const u8, len: usize, threads: usize) -> i64 {
    guard(|| {
        // SAFETY: the caller's word on data and len.
        let data = unsafe { bytes(data, len) }?;
        Ok(parallel::summarize_utf8(data, NonZeroUsize::new(threads))?.count)
    })
}

/// Returns how many bytes from the start are valid UTF-8: `len` if all are.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_valid_utf8(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: the caller's word on data and len.
        let data = unsafe { bytes(data, len) }?;
        Ok(code_points::valid_prefix(data) as u64)
    })
}

/// Counts doubles between UTF-32 units: four bytes each, of any alignment and byte order. What
/// follows the last whole unit is not counted.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_utf32(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: the caller's word on data and len.
        let data = unsafe { bytes(data, len) }?;
        Ok(kernel::count_utf32(data))
    })
}

impl From<InvalidUtf8> for DoublesStatus {
    fn from(_: InvalidUtf8) -> Self {
        Self::InvalidUtf8
    }
}
