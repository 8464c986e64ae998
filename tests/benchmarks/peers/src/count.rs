//! The historic counters, slowest to fastest.
#![forbid(unsafe_code)]

use rayon::prelude::*;

/// Two iterators over the characters, one of them a step ahead.
pub fn doubles(text: &str) -> u64 {
    let mut total = 0;
    for (left, right) in text.chars().zip(text.chars().skip(1)) {
        if left == right {
            total += 1;
        }
    }
    total
}

/// One iterator over the characters.
pub fn doubles_once(text: &str) -> u64 {
    let mut total = 0;
    let mut characters = text.chars();
    if let Some(mut previous) = characters.next() {
        for character in characters {
            if character == previous {
                total += 1;
            }
            previous = character;
        }
    }
    total
}

/// One iterator over the bytes.
pub fn doubles_once_bytes(bytes: &[u8]) -> u64 {
    let mut total = 0;
    let mut bytes = bytes.iter();
    if let Some(mut previous) = bytes.next() {
        for byte in bytes {
            if byte == previous {
                total += 1;
            }
            previous = byte;
        }
    }
    total
}

/// Windows of two units: bytes, or the integers in which CPython keeps a str.
pub fn doubles_slice<Unit: PartialEq>(units: &[Unit]) -> u64 {
    units.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
}

/// Windows of two bytes, on all threads.
pub fn doubles_slice_parallel(bytes: &[u8]) -> u64 {
    let pairs = bytes.par_windows(2);
    pairs.filter(|pair| pair[0] == pair[1]).count() as u64
}
