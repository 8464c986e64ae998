//! The exports that squeeze runs.

use super::chunks::advance;
use super::guard::{DoublesStatus, input, output};
use crate::chunks::Kind;
use crate::squeeze::{Rule, Squeezer};

/// Continues squeezing with bytes: writes them to `out`, but of each run of equal bytes only the first `most`. Runs
/// continue from one chunk to the next; pass the same `most` and `only` with each chunk.
///
/// `only` limits this to some bytes: it has a bit for each value, `only_len` bytes of them, the lowest bit of the
/// first byte for 0. Values beyond are not selected. NULL selects all.
///
/// Returns the number of bytes written, or a status; then the squeezer is as it was, and the contents of `out` are
/// unspecified. DOUBLES_STATUS_INVALID_LENGTH says that `most` is 0, and DOUBLES_STATUS_OUTPUT_TOO_SMALL that
/// `out_len` is less than `len`. Bytes of `out` after those written may be overwritten too.
///
/// # Safety
///
/// - `squeezer` is NULL or points to a squeezer, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `only` is NULL or points to `only_len` readable bytes.
/// - `out` points to `out_len` writable bytes, apart from `data`, initialized by calloc, for example.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_squeeze_bytes(
    squeezer: *mut Squeezer,
    data: *const u8,
    len: usize,
    most: u64,
    only: *const u8,
    only_len: usize,
    out: *mut u8,
    out_len: usize,
) -> i64 {
    let (data, only, out) = ((data, len), (only, only_len), (out, out_len));
    // SAFETY: NULL or a squeezer, `len` bytes, NULL or `only_len` bytes, and `out_len` bytes to write.
    unsafe { squeeze(squeezer, Kind::Bytes, data, most, only, out) }
}

/// Continues squeezing with UTF-8: writes it to `out`, but of each run of equal code points only the first `most`.
/// Runs continue from one chunk to the next; pass the same `most` and `only` with each chunk. `data` may begin and
/// end in the middle of a code point, which is written when it is whole: look at `squeezer->tail_len` after the last
/// chunk. If it is not zero, the text ends in the middle of a code point.
///
/// `only` limits this to some code points: it has a bit for each, `only_len` bytes of them, the lowest bit of the
/// first byte for U+0000. Code points beyond are not selected. NULL selects all.
///
/// Returns the number of bytes written, or a status; then the squeezer is as it was, and the contents of `out` are
/// unspecified. DOUBLES_STATUS_INVALID_LENGTH says that `most` is 0, and DOUBLES_STATUS_OUTPUT_TOO_SMALL that
/// `out_len` is less than `len + 3`. Bytes of `out` after those written may be overwritten too.
///
/// # Safety
///
/// - `squeezer` is NULL or points to a squeezer, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `only` is NULL or points to `only_len` readable bytes.
/// - `out` points to `out_len` writable bytes, apart from `data`, initialized by calloc, for example.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_squeeze_utf8(
    squeezer: *mut Squeezer,
    data: *const u8,
    len: usize,
    most: u64,
    only: *const u8,
    only_len: usize,
    out: *mut u8,
    out_len: usize,
) -> i64 {
    let (data, only, out) = ((data, len), (only, only_len), (out, out_len));
    // SAFETY: NULL or a squeezer, `len` bytes, NULL or `only_len` bytes, and `out_len` bytes to write.
    unsafe { squeeze(squeezer, Kind::Utf8, data, most, only, out) }
}

/// Continues squeezing with units of two bytes, in the machine's byte order and of any alignment: writes them to
/// `out`, but of each run of equal units only the first `most`. If `len` is odd, the last byte is ignored. Runs
/// continue from one chunk to the next; pass the same `most` and `only` with each chunk.
///
/// `only` limits this to some units: it has a bit for each value, `only_len` bytes of them, the lowest bit of the
/// first byte for 0. Values beyond are not selected. NULL selects all.
///
/// Returns the number of bytes written, or a status; then the squeezer is as it was, and the contents of `out` are
/// unspecified. DOUBLES_STATUS_INVALID_LENGTH says that `most` is 0, and DOUBLES_STATUS_OUTPUT_TOO_SMALL that
/// `out_len` is less than `len`. Bytes of `out` after those written may be overwritten too.
///
/// # Safety
///
/// - `squeezer` is NULL or points to a squeezer, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `only` is NULL or points to `only_len` readable bytes.
/// - `out` points to `out_len` writable bytes, apart from `data`, initialized by calloc, for example.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_squeeze_utf16(
    squeezer: *mut Squeezer,
    data: *const u8,
    len: usize,
    most: u64,
    only: *const u8,
    only_len: usize,
    out: *mut u8,
    out_len: usize,
) -> i64 {
    let (data, only, out) = ((data, len), (only, only_len), (out, out_len));
    // SAFETY: NULL or a squeezer, `len` bytes, NULL or `only_len` bytes, and `out_len` bytes to write.
    unsafe { squeeze(squeezer, Kind::Utf16, data, most, only, out) }
}

/// Continues squeezing with units of four bytes, in the machine's byte order and of any alignment: writes them to
/// `out`, but of each run of equal units only the first `most`. Up to three bytes after the last whole unit are
/// ignored. Runs continue from one chunk to the next; pass the same `most` and `only` with each chunk.
///
/// `only` limits this to some units: it has a bit for each value, `only_len` bytes of them, the lowest bit of the
/// first byte for 0. Values beyond are not selected. NULL selects all.
///
/// Returns the number of bytes written, or a status; then the squeezer is as it was, and the contents of `out` are
/// unspecified. DOUBLES_STATUS_INVALID_LENGTH says that `most` is 0, and DOUBLES_STATUS_OUTPUT_TOO_SMALL that
/// `out_len` is less than `len`. Bytes of `out` after those written may be overwritten too.
///
/// # Safety
///
/// - `squeezer` is NULL or points to a squeezer, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `only` is NULL or points to `only_len` readable bytes.
/// - `out` points to `out_len` writable bytes, apart from `data`, initialized by calloc, for example.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_squeeze_utf32(
    squeezer: *mut Squeezer,
    data: *const u8,
    len: usize,
    most: u64,
    only: *const u8,
    only_len: usize,
    out: *mut u8,
    out_len: usize,
) -> i64 {
    let (data, only, out) = ((data, len), (only, only_len), (out, out_len));
    // SAFETY: NULL or a squeezer, `len` bytes, NULL or `only_len` bytes, and `out_len` bytes to write.
    unsafe { squeeze(squeezer, Kind::Utf32, data, most, only, out) }
}

/// Continues squeezing with a chunk. Returns the number of bytes written.
///
/// # Safety
///
/// - `squeezer` is NULL or points to a squeezer, and no other thread uses it.
/// - `chunk` is a pointer to readable bytes and their number; `only` too, or it is NULL.
/// - `out` points to `out_len` writable bytes, initialized.
unsafe fn squeeze(
    squeezer: *mut Squeezer,
    kind: Kind,
    chunk: (*const u8, usize),
    most: u64,
    (only, only_len): (*const u8, usize),
    (out, out_len): (*mut u8, usize),
) -> i64 {
    // SAFETY: NULL or a squeezer, as many bytes as said, NULL or `only_len` bytes, and `out_len` bytes to write.
    unsafe {
        advance(squeezer, chunk, |squeezer, chunk| {
            let (rule, out) = (rule(most, only, only_len)?, output(out, out_len)?);
            if out.len() < chunk.len() + usize::from(squeezer.tail_len) {
                return Err(DoublesStatus::OutputTooSmall);
            }
            Ok(squeezer.append(kind, chunk, &rule, out)? as u64)
        })
    }
}

/// The rule that keeps `most` units of each run of those that have a bit in `only`; of all runs if that is NULL.
///
/// # Safety
///
/// Unless it is NULL, `only` points to `only_len` readable bytes, for as long as `'a`.
pub(super) unsafe fn rule<'a>(
    most: u64,
    only: *const u8,
    only_len: usize,
) -> Result<Rule<'a>, DoublesStatus> {
    let only = (!only.is_null()).then(|| {
        // SAFETY: `only` is not NULL, so it points to `only_len` bytes.
        unsafe { input(only, only_len) }
    });
    Rule::new(most, only.transpose()?).ok_or(DoublesStatus::InvalidLength)
}
