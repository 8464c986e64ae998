//! The export that makes random text.

use super::guard::{DoublesStatus, bytes, guard, output, required};
use crate::random::{self, Alphabet, Key, TooLong};
use std::num::NonZeroUsize;

/// The number of bytes in a key for `doubles_fill_random`.
pub const DOUBLES_KEY_LENGTH: usize = 32;

/// The number of characters in a block of random text.
pub const DOUBLES_BLOCK_LENGTH: usize = 65536;

const _: () = assert!(DOUBLES_KEY_LENGTH == size_of::<Key>());
const _: () = assert!(DOUBLES_BLOCK_LENGTH == random::BLOCK);

/// Fills `out` with characters of `alphabet`, each of them as likely as any other, on at most `threads` threads
/// (0: as many as help).
///
/// The text depends on the alphabet and the key alone. It is divided into blocks of DOUBLES_BLOCK_LENGTH
/// characters, 2^63 of them, and `out` begins with block `first_block`: so a long text can be written in parts.
/// Returns zero or a status: DOUBLES_STATUS_INVALID_LENGTH if the text ends before `out` does.
///
/// # Safety
///
/// - `alphabet` points to `alphabet_len` readable bytes, 1 to 128, all different.
/// - `key` is NULL or points to DOUBLES_KEY_LENGTH readable bytes.
/// - `out` points to `out_len` writable bytes, which overlap neither of the others.
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
    // SAFETY: `alphabet_len` bytes, NULL or a key, and `out_len` bytes to write.
    guard(|| unsafe {
        let (alphabet, key) = (bytes(alphabet, alphabet_len)?, required(key.cast())?);
        let alphabet = Alphabet::new(alphabet).ok_or(DoublesStatus::InvalidAlphabet)?;
        let (out, threads) = (output(out, out_len)?, NonZeroUsize::new(threads));
        random::fill(out, &alphabet, key, first_block, threads)?;
        Ok(0)
    })
}

impl From<TooLong> for DoublesStatus {
    fn from(_: TooLong) -> Self {
        Self::InvalidLength
    }
}
