//! Every exported function; those on a type of their own stand in `ffi/`. Nothing clever happens here:
//! raw pointers become slices, one call does the work, and its outcome becomes a count or a status.
//!
//! Common to all: a count is zero or more, a status is below zero. NULL is good for a length of zero.
//! Outputs are written only on success; what they hold after `Panicked` is not said.

mod guard;
mod summary;
mod tally;

use crate::random::Alphabet;
use crate::{code_points, kernel, ladder, parallel, random};
pub use guard::DoublesStatus;
use guard::{array, bytes, guard, output};
use std::ffi::c_char;
use std::num::NonZeroUsize;
pub use summary::{
    DoublesSummary, doubles_merge, doubles_update_bytes, doubles_update_utf8, doubles_update_utf32,
};
pub use tally::{
    DoublesTally, doubles_tally_add, doubles_tally_bytes, doubles_tally_free, doubles_tally_len,
    doubles_tally_new, doubles_tally_read, doubles_tally_utf8, doubles_tally_utf32,
};

/// Changes whenever a function of this header changes its name, its arguments or its meaning.
pub const DOUBLES_ABI_VERSION: u32 = 1;

/// Bytes of a key for `doubles_fill_random`.
pub const DOUBLES_KEY_LENGTH: usize = 32;

/// Characters per block of random text.
pub const DOUBLES_BLOCK_LENGTH: usize = 65536;

const _: () = assert!(DOUBLES_KEY_LENGTH == size_of::<random::Key>());
const _: () = assert!(DOUBLES_BLOCK_LENGTH == random::BLOCK);

/// Returns the version of the ABI that the library was built with.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_abi_version() -> u32 {
    DOUBLES_ABI_VERSION
}

/// Returns the text, in English and ASCII, for what another function returned. It is never NULL and
/// lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_status_message(status: i64) -> *const c_char {
    guard::message(status).as_ptr()
}

/// Returns the name of the hot loops in use: "portable", "avx2". It is never NULL and lives as long as
/// the library. The environment variable `DOUBLES_KERNEL` names the fastest that are allowed.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_kernel() -> *const c_char {
    kernel::name().as_ptr()
}

/// Returns how many threads the library uses at most, where their number is left to it. Callers that
/// split their work themselves may want to do the same.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_num_threads() -> i64 {
    guard(|| Ok(parallel::num_threads() as u64))
}

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

/// Counts doubles between the characters of UTF-8, by two iterators.
///
/// # Safety
///
/// `data` points to `len` readable bytes, which no other thread changes during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_count_zip(data: *const u8, len: usize) -> i64 {
    guard(|| {
        // SAFETY: the caller's word on data and len.
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
        // SAFETY: the caller's word on data and len.
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
        // SAFETY: the caller's word on data and len.
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
        // SAFETY: the caller's word on data and len.
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
        // SAFETY: the caller's word on data and len.
        let data = unsafe { bytes(data, len) }?;
        Ok(ladder::count_doubles_slice_parallel(data))
    })
}

/// Fills `out` with characters drawn from `alphabet`, each of them as likely as any other, on at most
/// `threads` threads; 0 leaves their number to the library. What stands where depends on the alphabet,
/// the key and the position alone: `out` begins with block `first_block` of the text, and a block has
/// `DOUBLES_BLOCK_LENGTH` characters. A text has 2^63 blocks. Returns zero or a status.
///
/// # Safety
///
/// - `alphabet` points to `alphabet_len` readable bytes.
/// - `key` is NULL or points to `DOUBLES_KEY_LENGTH` readable bytes.
/// - `out` points to `out_len` writable bytes, apart from the others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_fill_random(
    alphabet: *const u8,
    alphabet_len: usize,
    key: *const u8,
    first_block: u64,
    threads: usize,
    out: *mut u8,
    out_len: usize,
) -> i64 {
    guard(|| {
        // SAFETY: the caller's word on all pointers and lengths.
        let (alphabet, key, out) = unsafe {
            (
                bytes(alphabet, alphabet_len)?,
                array(key)?,
                output(out, out_len)?,
            )
        };
        let alphabet = Alphabet::new(alphabet).ok_or(DoublesStatus::InvalidAlphabet)?;
        random::fill(out, &alphabet, key, first_block, NonZeroUsize::new(threads))?;
        Ok(0)
    })
}

fn text(data: &[u8]) -> Result<&str, DoublesStatus> {
    std::str::from_utf8(data).map_err(|_| DoublesStatus::InvalidUtf8)
}
