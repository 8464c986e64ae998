//! The exports that measure the longest run.

use super::guard::{DoublesStatus, bytes, guard, required_mut};
use crate::code_points::InvalidUtf8;
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
    let append = |longest: &mut Longest, data: &[u8]| {
        longest.append_bytes(data);
        Ok(())
    };
    // SAFETY: NULL or a struct, and `len` bytes.
    unsafe { measure(longest, data, len, append) }
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
    unsafe { measure(longest, data, len, Longest::append_utf8) }
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
    let append = |longest: &mut Longest, data: &[u8]| {
        longest.append_utf16(data);
        Ok(())
    };
    // SAFETY: NULL or a struct, and `len` bytes.
    unsafe { measure(longest, data, len, append) }
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
    let append = |longest: &mut Longest, data: &[u8]| {
        longest.append_utf32(data);
        Ok(())
    };
    // SAFETY: NULL or a struct, and `len` bytes.
    unsafe { measure(longest, data, len, append) }
}

/// Continues a struct that `append` may leave half-way.
///
/// # Safety
///
/// See the contract of `guard`'s module.
unsafe fn measure(
    longest: *mut Longest,
    data: *const u8,
    len: usize,
    append: fn(&mut Longest, &[u8]) -> Result<(), InvalidUtf8>,
) -> i64 {
    guard(|| {
        // SAFETY: NULL or a struct, and `len` bytes.
        let (longest, data) = unsafe { (required_mut(longest)?, bytes(data, len)?) };
        let mut after = longest.validated().ok_or(DoublesStatus::InvalidStruct)?;
        append(&mut after, data)?;
        *longest = after;
        Ok(0)
    })
}
