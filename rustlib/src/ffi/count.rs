//! The exports that count.

use super::guard::{DoublesStatus, bytes, guard};
use crate::code_points::InvalidUtf8;
use crate::parallel;
use std::num::NonZeroUsize;

/// Counts doubles between bytes, on at most `threads` threads (0: as many as help). Returns the count, or a
/// status.
///
/// ```c
/// int64_t count = doubles_count_bytes((const uint8_t *)"aaa", 3, 0); // 2
/// ```
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_bytes(data: *const u8, len: usize, threads: usize) -> i64 {
    guard(|| {
        // SAFETY: `data` points to `len` bytes.
        let data = unsafe { bytes(data, len) }?;
        Ok(parallel::count::<u8>(data, NonZeroUsize::new(threads)))
    })
}

/// Counts doubles between the code points of UTF-8, on at most `threads` threads (0: as many as help). Returns the
/// count, or a status: DOUBLES_STATUS_INVALID_UTF8 also if the text begins or ends in the middle of a code point.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_utf8(data: *const u8, len: usize, threads: usize) -> i64 {
    guard(|| {
        // SAFETY: `data` points to `len` bytes.
        let data = unsafe { bytes(data, len) }?;
        Ok(parallel::summarize_utf8(data, NonZeroUsize::new(threads))?.count)
    })
}

/// Counts doubles between units of two bytes, on at most `threads` threads (0: as many as help). The units may
/// have any alignment and byte order; they are compared, never interpreted. If `len` is odd, the last byte is
/// ignored. Returns the count, or a status.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_utf16(data: *const u8, len: usize, threads: usize) -> i64 {
    guard(|| {
        // SAFETY: `data` points to `len` bytes.
        let data = unsafe { bytes(data, len) }?;
        Ok(parallel::count::<u16>(data, NonZeroUsize::new(threads)))
    })
}

/// Counts doubles between units of four bytes, on at most `threads` threads (0: as many as help). The units may
/// have any alignment and byte order; they are compared, never interpreted. Up to three bytes after the last
/// whole unit are ignored. Returns the count, or a status.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_utf32(data: *const u8, len: usize, threads: usize) -> i64 {
    guard(|| {
        // SAFETY: `data` points to `len` bytes.
        let data = unsafe { bytes(data, len) }?;
        Ok(parallel::count::<u32>(data, NonZeroUsize::new(threads)))
    })
}

impl From<InvalidUtf8> for DoublesStatus {
    fn from(_: InvalidUtf8) -> Self {
        Self::InvalidUtf8
    }
}
