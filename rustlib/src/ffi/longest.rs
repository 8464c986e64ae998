//! The exports that measure the longest run.

use super::chunks::advance;
use crate::chunks::Kind;
use crate::longest::Longest;

/// Continues to measure with bytes. The run at the end of `data` may continue in the next chunk.
///
/// Returns 0, or a status; then the struct is as it was.
///
/// # Safety
///
/// - `longest` is NULL or points to a struct of this type, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_longest_bytes(
    longest: *mut Longest,
    data: *const u8,
    len: usize,
) -> i64 {
    // SAFETY: NULL or a struct, and `len` bytes.
    unsafe { measure(longest, Kind::Bytes, data, len) }
}

/// Continues to measure with UTF-8, whose units are code points. `data` may begin and end in the middle of a code
/// point: look at `longest->tail_len` after the last chunk. If it is not zero, the text ends within a code point.
///
/// Returns 0, or a status; then the struct is as it was.
///
/// # Safety
///
/// - `longest` is NULL or points to a struct of this type, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_longest_utf8(
    longest: *mut Longest,
    data: *const u8,
    len: usize,
) -> i64 {
    // SAFETY: NULL or a struct, and `len` bytes.
    unsafe { measure(longest, Kind::Utf8, data, len) }
}

/// Continues to measure with units of two bytes, in the machine's byte order and of any alignment. If
/// `len` is odd, the last byte is ignored.
///
/// Returns 0, or a status; then the struct is as it was.
///
/// # Safety
///
/// - `longest` is NULL or points to a struct of this type, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_longest_utf16(
    longest: *mut Longest,
    data: *const u8,
    len: usize,
) -> i64 {
    // SAFETY: NULL or a struct, and `len` bytes.
    unsafe { measure(longest, Kind::Utf16, data, len) }
}

/// Continues to measure with units of four bytes, in the machine's byte order and of any alignment. Up
/// to three bytes after the last whole unit are ignored.
///
/// Returns 0, or a status; then the struct is as it was.
///
/// # Safety
///
/// - `longest` is NULL or points to a struct of this type, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_longest_utf32(
    longest: *mut Longest,
    data: *const u8,
    len: usize,
) -> i64 {
    // SAFETY: NULL or a struct, and `len` bytes.
    unsafe { measure(longest, Kind::Utf32, data, len) }
}

/// Continues to measure with a chunk.
///
/// # Safety
///
/// - `longest` is NULL or points to a struct of this type, and no other thread uses it.
/// - `data` points to `len` readable bytes.
unsafe fn measure(longest: *mut Longest, kind: Kind, data: *const u8, len: usize) -> i64 {
    // SAFETY: NULL or a struct, and `len` bytes.
    unsafe {
        advance(longest, (data, len), |longest, chunk| {
            longest.append(kind, chunk)?;
            Ok(0)
        })
    }
}
