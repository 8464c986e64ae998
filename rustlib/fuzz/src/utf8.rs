//! Finds text for which code points are counted wrong, and bytes that are wrongly taken for text or not, at
//! the exact byte.

use crate::oracle::{self, Rest};
use doubles::code_points::{self, InvalidUtf8};
use doubles::kernel;
use doubles::summary::Summary;
use doubles::text_summary::TextSummary;

/// Counts `text`, and if it is wrong somewhere, finds where by appending its beginnings.
pub fn check(text: &[u8]) {
    let (units, rest) = oracle::decode(text);
    let (length, count) = (units.len() as u64, oracle::count(&units));
    let expected = (rest == Rest::Nothing).then_some((length, count));
    let found = kernel::count_utf8(text).map(|found| (found.length, found.count));
    assert_eq!(found, expected);
    let summary = Summary {
        length,
        count,
        ends: oracle::ends(&units),
    };
    let expected = expected.map(|_| summary).ok_or(InvalidUtf8);
    assert_eq!(code_points::summarize(text), expected);

    let right = if let Rest::Wrong(until) = rest {
        assert_eq!(append(&text[..until]), Err(InvalidUtf8));
        &text[..until - 1]
    } else {
        text
    };
    assert!(append(right).is_ok());
}

/// Appends to a text, so that it can't begin within a code point.
fn append(text: &[u8]) -> Result<(), InvalidUtf8> {
    let mut summary = TextSummary::EMPTY;
    summary.append_utf8(b"a", None, None)?;
    let before = summary;
    let appended = summary.append_utf8(text, None, None);
    assert!(appended.is_ok() || summary == before);
    appended
}
