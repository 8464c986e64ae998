//! The exports that count.

use super::guard::{DoublesStatus, bytes, guard};
use crate::code_points::InvalidUtf8;
use crate::parallel;
use std::num::NonZeroUsize;

/// Counts doubles between bytes, on at most `threads` threads; 0 leaves their number to the library.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_bytes(data: *const u8, len: usize, threads: usize) -> i64 {
    guard(|| {
        // SAFETY: data points to len readable bytes, as this function demands.
        let data = unsafe { bytes(data, len) }?;
        Ok(parallel::count::<u8>(data, NonZeroUsize::new(threads)))
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
        // SAFETY: data points to len readable bytes, as this function demands.
        let data = unsafe { bytes(data, len) }?;
        Ok(parallel::summarize_utf8(data, NonZeroUsize::new(threads))?.count)
    })
}

/// Counts doubles between units of two bytes each, of any alignment and byte order, on at most
/// `threads` threads; 0 leaves their number to the library. Units are compared, never interpreted. Bytes
/// after the last whole unit are ignored.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_utf16(data: *const u8, len: usize, threads: usize) -> i64 {
    guard(|| {
        // SAFETY: data points to len readable bytes, as this function demands.
        let data = unsafe { bytes(data, len) }?;
        Ok(parallel::count::<u16>(data, NonZeroUsize::new(threads)))
    })
}

/// The same for units of four bytes.
///
/// # Safety
///
/// `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_utf32(data: *const u8, len: usize, threads: usize) -> i64 {
    guard(|| {
        // SAFETY: data points to len readable bytes, as this function demands.
        let data = unsafe { bytes(data, len) }?;
        Ok(parallel::count::<u32>(data, NonZeroUsize::new(threads)))
    })
}

impl From<InvalidUtf8> for DoublesStatus {
    fn from(_: InvalidUtf8) -> Self {
        Self::InvalidUtf8
    }
}
