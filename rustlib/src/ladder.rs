//! The historic counters, slowest to fastest, in safe Rust.
//!
//! Each is one idea of how to look at the text, kept as its teaching example had it, so that every
//! rung can be called and raced. [`crate::parallel::summarize`] over [`crate::kernel`] is where the
//! ladder leads to.
#![forbid(unsafe_code)]

use crate::pool::pool;
use rayon::prelude::*;

/// Two iterators over the characters, one of them a step ahead.
///
/// ```
/// assert_eq!(doubles::ladder::count_doubles_zip("aaa"), 2);
/// ```
pub fn count_doubles_zip(text: &str) -> u64 {
    let pairs = text.chars().zip(text.chars().skip(1));
    pairs.filter(|(left, right)| left == right).count() as u64
}

/// One iterator over the characters, each compared with the one before.
///
/// ```
/// assert_eq!(doubles::ladder::count_doubles_once("aaa"), 2);
/// ```
pub fn count_doubles_once(text: &str) -> u64 {
    count_once(text.chars())
}

/// One iterator over the bytes, each compared with the one before: nothing to decode.
///
/// ```
/// assert_eq!(doubles::ladder::count_doubles_once_bytes(b"aaa"), 2);
/// ```
pub fn count_doubles_once_bytes(bytes: &[u8]) -> u64 {
    count_once(bytes.iter())
}

fn count_once<U: PartialEq>(mut units: impl Iterator<Item = U>) -> u64 {
    let Some(mut previous) = units.next() else {
        return 0;
    };
    let mut total = 0;
    for unit in units {
        if unit == previous {
            total += 1;
        }
        previous = unit;
    }
    total
}

/// Windows of two bytes: no step depends on the last, so that the compiler can vectorise.
///
/// ```
/// assert_eq!(doubles::ladder::count_doubles_slice(b"aaa"), 2);
/// ```
pub fn count_doubles_slice(bytes: &[u8]) -> u64 {
    bytes.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
}

/// Windows of two bytes under rayon, in the private pool; without one, on this thread.
///
/// ```
/// assert_eq!(doubles::ladder::count_doubles_slice_parallel(b"aaa"), 2);
/// ```
pub fn count_doubles_slice_parallel(bytes: &[u8]) -> u64 {
    let Some(pool) = pool() else {
        return count_doubles_slice(bytes);
    };
    let pairs = bytes.par_windows(2);
    pool.install(|| pairs.filter(|pair| pair[0] == pair[1]).count()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [(&str, u64, u64); 9] = [
        // text, doubles between characters, doubles between bytes
        ("", 0, 0),
        ("a", 0, 0),
        ("ab", 0, 0),
        ("aaa", 2, 2),
        ("Mississippi", 3, 3),
        ("\n\n\0\0", 2, 2),
        ("жжук", 1, 0),
        ("\u{10ffff}\u{10ffff}", 1, 2), // f4 8f bf bf, twice
        ("𓀀", 0, 1),                    // one character, f0 93 80 80
    ];

    #[test]
    fn character_rungs_count_characters() {
        for (text, characters, _) in TEXTS {
            assert_eq!(count_doubles_zip(text), characters, "{text:?}");
            assert_eq!(count_doubles_once(text), characters, "{text:?}");
        }
    }

    #[test]
    fn byte_rungs_count_bytes() {
        for (text, _, bytes) in TEXTS {
            let text = text.as_bytes();
            assert_eq!(count_doubles_once_bytes(text), bytes, "{text:?}");
            assert_eq!(count_doubles_slice(text), bytes, "{text:?}");
            assert_eq!(count_doubles_slice_parallel(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn every_rung_counts_long_runs() {
        let text = "z".repeat(300_000);
        let expected = 299_999;
        assert_eq!(count_doubles_zip(&text), expected);
        assert_eq!(count_doubles_once(&text), expected);
        assert_eq!(count_doubles_once_bytes(text.as_bytes()), expected);
        assert_eq!(count_doubles_slice(text.as_bytes()), expected);
        assert_eq!(count_doubles_slice_parallel(text.as_bytes()), expected);
    }
}
