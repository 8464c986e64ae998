//! Random text. How many threads write it makes no difference.
//!
//! docs/random.md defines each character: a word of the generator makes four, unless it has to be
//! replaced. Four multiplications by the size of the alphabet leave of a word what one by its fourth
//! power leaves, so one comparison tells whether it has to.
#![forbid(unsafe_code)]

use crate::kernel::Table;
use crate::parallel;
use chacha20::ChaCha12;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use rand::rngs::ChaCha12Rng;
use rand::{Rng, SeedableRng};
use std::num::NonZeroUsize;

/// The key that a text is made from.
pub type Key = [u8; 32];

/// Characters per block, each of which has streams of its own.
///
/// cbindgen:ignore
pub const BLOCK: usize = 1 << 16;

/// Added to a block's stream for the words that replace others.
const REPLACEMENTS: u64 = 1 << 63;

/// Characters that are made at a time, from as many bytes; both stay in the L1 cache.
const CHUNK: usize = 1024;

/// A block whose stream would be the one that replaces words of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// 1 to 128 different characters.
#[derive(Clone, Debug)]
pub struct Alphabet(Table);

impl Alphabet {
    /// Takes the characters; `None` unless they are 1 to 128 different bytes.
    pub fn new(characters: &[u8]) -> Option<Self> {
        let different = |i: usize| !characters[..i].contains(&characters[i]);
        if !(1..=128).contains(&characters.len()) || !(0..characters.len()).all(different) {
            return None;
        }
        Some(Self(Table::new(characters)))
    }
}

/// Fills `out` with the text of `key` from block `first_block` on, on at most `threads` threads (`None`: as many
/// as help).
///
/// ```
/// use doubles::random::{Alphabet, BLOCK, fill};
/// let letters = Alphabet::new(b"abc").expect("three different characters");
/// let mut text = vec![0; 3 * BLOCK];
/// fill(&mut text, &letters, &[7; 32], 0, None)?;
/// let mut end = vec![0; BLOCK];
/// fill(&mut end, &letters, &[7; 32], 2, None)?;
/// assert_eq!(text[2 * BLOCK..], end);
/// # Ok::<(), doubles::random::TooLong>(())
/// ```
pub fn fill(
    out: &mut [u8],
    alphabet: &Alphabet,
    key: &Key,
    first_block: u64,
    threads: Option<NonZeroUsize>,
) -> Result<(), TooLong> {
    let blocks = out.len().div_ceil(BLOCK) as u64;
    if first_block > REPLACEMENTS - blocks {
        return Err(TooLong);
    }
    parallel::each_block(out, BLOCK, threads, |block, out| {
        fill_block(out, alphabet, key, first_block + block);
    });
    Ok(())
}

/// Fills `out` with the beginning of one block.
fn fill_block(out: &mut [u8], Alphabet(table): &Alphabet, key: &Key, block: u64) {
    let mut generator = generator(key, block);
    let mut replacements = None;
    let mut next_replacement = || {
        let stream = block + REPLACEMENTS;
        replacements
            .get_or_insert_with(|| replacement_generator(key, stream))
            .next_u32()
    };
    let mut words = [0; CHUNK];
    let mut draw = |text: &mut [u8]| {
        generator.write_keystream(&mut words);
        table.draw(&words, text, &mut next_replacement);
    };
    let (chunks, rest) = out.as_chunks_mut::<CHUNK>();
    chunks.iter_mut().for_each(|chunk| draw(chunk));
    if !rest.is_empty() {
        let mut chunk = [0; CHUNK];
        draw(&mut chunk);
        rest.copy_from_slice(&chunk[..rest.len()]);
    }
}

/// The words of a stream, from the cipher that rand's generator is made of: it writes the same words in
/// longer strides, and with AVX-512 where there is some, in half the time (Zen 5).
///
/// Its counter has 32 bits and its nonce 96, of which the first 32 are the upper half of Bernstein's
/// counter: zero, as no stream is that long.
fn generator(key: &Key, stream: u64) -> ChaCha12 {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&stream.to_le_bytes());
    ChaCha12::new(key.into(), &nonce.into())
}

/// The words of a stream one at a time, as few are needed.
fn replacement_generator(key: &Key, stream: u64) -> ChaCha12Rng {
    let mut generator = ChaCha12Rng::from_seed(*key);
    generator.set_stream(stream);
    generator
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = [9; 32];

    #[test]
    fn the_cipher_writes_the_words_of_rands_generator() {
        for stream in [0, 1, 77, 1 << 32, REPLACEMENTS, u64::MAX] {
            let mut words = vec![0; BLOCK];
            generator(&KEY, stream).write_keystream(&mut words);
            let mut expected = vec![0; BLOCK];
            replacement_generator(&KEY, stream).fill_bytes(&mut expected);
            assert!(words == expected, "stream {stream}");
        }
    }

    /// On any CPU. The hashes (FNV-1a) are those of what `tests/reference_random.py` writes.
    #[test]
    fn keys_give_the_golden_texts() {
        let letters: Vec<u8> = (b'a'..=b'z').chain(b'A'..=b'Z').collect();
        let most_replaced: Vec<u8> = (1..=123).collect();
        for (alphabet, golden) in [
            (letters, 0x8B4B_7ED9_433D_0B7D),
            (most_replaced, 0x5739_0B9F_6556_8E3B),
        ] {
            let alphabet = Alphabet::new(&alphabet).expect("different characters");
            let mut text = vec![0; BLOCK + 1001];
            fill(&mut text, &alphabet, &KEY, 3, None).expect("short");
            let hash = text.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, &byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
            });
            assert_eq!(hash, golden);
        }
    }

    #[test]
    fn alphabets_are_1_to_128_different_characters() {
        let ascii: Vec<u8> = (0..128).collect();
        assert!((1..=128).all(|size| Alphabet::new(&ascii[..size]).is_some()));
        assert!(Alphabet::new(b"").is_none());
        assert!(Alphabet::new(b"aba").is_none());
        assert!(Alphabet::new(&(0..129).collect::<Vec<u8>>()).is_none());
    }

    #[test]
    fn any_number_of_threads_writes_the_same() {
        let alphabet = Alphabet::new(b"abcdefg").expect("different characters");
        for length in [0, 1, BLOCK, 9 * BLOCK + 5, 40 * BLOCK + 1] {
            let text = |threads| {
                let mut text = vec![0; length];
                fill(&mut text, &alphabet, &KEY, 3, NonZeroUsize::new(threads)).expect("short");
                text
            };
            let serial = text(1);
            assert!(
                [0, 2, 3, 7, 1000]
                    .map(text)
                    .iter()
                    .all(|text| *text == serial)
            );
        }
    }

    #[test]
    fn blocks_beyond_the_last_one_are_refused() {
        let alphabet = Alphabet::new(b"ab").expect("different characters");
        let mut text = [0; BLOCK + 1];
        assert_eq!(
            fill(&mut text, &alphabet, &KEY, (1 << 63) - 2, None),
            Ok(())
        );
        assert_eq!(
            fill(&mut text, &alphabet, &KEY, (1 << 63) - 1, None),
            Err(TooLong)
        );
        assert_eq!(
            fill(&mut text, &alphabet, &KEY, u64::MAX, None),
            Err(TooLong)
        );
    }
}
