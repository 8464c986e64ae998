//! The export that makes random text.

use super::guard::{DoublesStatus, array, bytes, guard, output};
use crate::random::{self, Alphabet, TooLong};
use std::num::NonZeroUsize;

/// Bytes of a key for `doubles_fill_random`.
pub const DOUBLES_KEY_LENGTH: usize = 32;

/// Characters per block of random text.
pub const DOUBLES_BLOCK_LENGTH: usize = 65536;

const _: () = assert!(DOUBLES_KEY_LENGTH == size_of::<random::Key>());
const _: () = assert!(DOUBLES_BLOCK_LENGTH == random::BLOCK);

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

impl From<TooLong> for DoublesStatus {
    fn from(_: TooLong) -> Self {
        Self::InvalidLength
    }
}
