//! Random text.
#![forbid(unsafe_code)]

use rand::rngs::{ChaCha12Rng, SysError, SysRng};
use rand::{RngExt, SeedableRng};

/// What a text is made from, if it is to be made again.
pub type Key = [u8; 32];

/// Fills `out` with characters of `alphabet`, each as likely as any other.
///
/// The text depends on the key alone; without one, the system is asked for a fresh one.
///
/// # Panics
///
/// If `alphabet` is empty.
pub fn fill(out: &mut [u8], alphabet: &[u8], key: Option<Key>) -> Result<(), SysError> {
    let mut generator = match key {
        Some(key) => ChaCha12Rng::from_seed(key),
        None => ChaCha12Rng::try_from_rng(&mut SysRng)?,
    };
    for byte in out {
        *byte = alphabet[generator.random_range(..alphabet.len())];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTERS: &[u8] = b"abcXYZ";

    fn text(length: usize, alphabet: &[u8], key: Option<Key>) -> Vec<u8> {
        let mut out = vec![0; length];
        fill(&mut out, alphabet, key).expect("the system has entropy");
        out
    }

    #[test]
    fn one_key_gives_one_text() {
        let first = text(100, LETTERS, Some([1; 32]));
        assert_eq!(first, text(100, LETTERS, Some([1; 32])));
        for byte in 0..32 {
            let mut key = [1; 32];
            key[byte] = 2;
            assert_ne!(first, text(100, LETTERS, Some(key)));
        }
        assert_ne!(text(100, LETTERS, None), text(100, LETTERS, None));
    }

    #[test]
    fn every_character_of_the_alphabet_comes_and_no_other() {
        let mut seen = text(10_000, LETTERS, Some([3; 32]));
        seen.sort_unstable();
        seen.dedup();
        let mut expected = LETTERS.to_vec();
        expected.sort_unstable();
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_alphabet_of_one() {
        assert_eq!(text(3, b"z", None), b"zzz");
        assert_eq!(text(0, b"z", None), b"");
    }
}
