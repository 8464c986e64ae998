//! Doubles between the code points of UTF-8, validated but never decoded.
#![forbid(unsafe_code)]

use crate::kernel::{self, is_lead};
use crate::summary::Summary;

/// Bytes that are not UTF-8, somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUtf8;

/// Sums up UTF-8. A unit is a code point, given as its scalar value.
///
/// ```
/// use doubles::code_points::{InvalidUtf8, summarize};
/// assert_eq!(summarize("жжук".as_bytes()).map(|summary| summary.count), Ok(1));
/// assert_eq!(summarize(b"\xff"), Err(InvalidUtf8));
/// ```
pub fn summarize(text: &[u8]) -> Result<Summary<u32>, InvalidUtf8> {
    // Most merges come here with nothing: few cuts tear a code point.
    let Some(last) = text.len().checked_sub(1) else {
        return Ok(Summary::EMPTY);
    };
    let found = kernel::count_utf8(text).ok_or(InvalidUtf8)?;
    let last = &text[boundary(text, last)..];
    Ok(Summary {
        length: found.length,
        count: found.count,
        ends: Some((scalar(text), scalar(last))),
    })
}

/// Where to cut `text` so that no code point is torn: at `at`, or up to three bytes before it. Where
/// the text is not valid, any cut will do.
pub(crate) fn boundary(text: &[u8], at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    let mut cuts = (at.saturating_sub(3)..=at).rev();
    cuts.find(|&cut| is_lead(text[cut])).unwrap_or(at)
}

/// The scalar value of the code point that `text` begins with, if it is valid; otherwise any number.
pub(crate) fn scalar(text: &[u8]) -> u32 {
    let at = |i: usize| u32::from(text.get(i).copied().unwrap_or(0));
    let tail = |i: usize| at(i) & 0x3F;
    match text.first() {
        None => 0,
        Some(0..0x80) => at(0),
        Some(0x80..0xE0) => (at(0) & 0x1F) << 6 | tail(1),
        Some(0xE0..0xF0) => (at(0) & 0x0F) << 12 | tail(1) << 6 | tail(2),
        Some(0xF0..) => (at(0) & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::doubles;

    /// One, two, three and four bytes; neighbours that share leading or trailing bytes.
    const UNITS: [char; 14] = [
        'a',
        'b',
        '\0',
        'ж',
        'з',
        'Ж',
        'ก', // begins with 0xE0, as
        'ह', // most of the scripts of India do
        '€',
        '₭',
        '\u{ffff}',
        '𝄞',
        '𝄟',
        '\u{10ffff}',
    ];

    fn oracle(text: &str) -> Summary<u32> {
        let units: Vec<char> = text.chars().collect();
        Summary {
            length: units.len() as u64,
            count: doubles(&units).len() as u64,
            ends: units
                .first()
                .zip(units.last())
                .map(|(&a, &b)| (a.into(), b.into())),
        }
    }

    /// A walk through all pairs and many triples of units, in runs of one to five.
    fn mixed(mut state: u32) -> impl Iterator<Item = char> {
        std::iter::from_fn(move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let unit = UNITS[(state >> 16) as usize % UNITS.len()];
            Some(std::iter::repeat_n(unit, (state >> 28) as usize % 5 + 1))
        })
        .flatten()
    }

    #[test]
    fn mixed_text_of_every_length_is_counted() {
        for length in 0..700 {
            let text: String = mixed(length as u32).take(length).collect();
            let found = summarize(text.as_bytes());
            assert_eq!(found, Ok(oracle(&text)), "{} bytes", text.len());
        }
    }
}
