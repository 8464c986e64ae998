//! Runs found in any units, against a walk over them one by one.

use super::*;
use crate::marks::{LANES, TILE};
use crate::runs::{RunSlices, Runs};

/// The definition: a walk over the units, one by one.
fn oracle(units: &[u32], least: u64) -> Vec<Run> {
    let (mut line, mut column) = (1, 1);
    let mut runs: Vec<Run> = Vec::new();
    for (index, &unit) in (0..).zip(units) {
        match runs.last_mut() {
            Some(run) if run.unit == unit => run.length += 1,
            _ => runs.push(Run {
                start: index,
                length: 1,
                line,
                column,
                unit,
            }),
        }
        column += 1;
        if unit == NEWLINE {
            (line, column) = (line + 1, 1);
        }
    }
    runs.retain(|run| run.length >= least);
    runs
}

/// Units of all widths, and newlines, in runs that are mostly short.
fn units(state: &mut u64, number: usize) -> Vec<u32> {
    let mut below = |limit: u64| {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (*state >> 33) % limit
    };
    let alphabet: Vec<u32> = "ab\n\0жз€ह𝄞𝄟\u{10ffff}".chars().map(u32::from).collect();
    let width = [3, 4, 6, 8, alphabet.len() as u64][below(5) as usize];
    let mut units = Vec::new();
    while units.len() < number {
        let unit = alphabet[below(width) as usize];
        let length = [1, 1, 1, 1, 2, 2, 3, 64, 130, 300][below(10) as usize];
        units.extend(std::iter::repeat_n(unit, length));
    }
    units
}

type Append = fn(&mut Finder, &[u8], u64, &mut Vec<Run>);
type Collect = fn(&mut Finder, &[u8], u64, &mut Runs) -> Result<(), Uncollected>;
type Methods = (Append, Collect);

fn append_bytes(finder: &mut Finder, bytes: &[u8], least: u64, found: &mut Vec<Run>) {
    finder.append_bytes(bytes, least, |run| found.push(run));
}

fn append_utf8(finder: &mut Finder, bytes: &[u8], least: u64, found: &mut Vec<Run>) {
    let done = finder.append_utf8(bytes, least, |run| found.push(run));
    assert_eq!(done, Ok(()));
}

fn append_utf16(finder: &mut Finder, bytes: &[u8], least: u64, found: &mut Vec<Run>) {
    finder.append_utf16(bytes, least, |run| found.push(run));
}

fn append_utf32(finder: &mut Finder, bytes: &[u8], least: u64, found: &mut Vec<Run>) {
    finder.append_utf32(bytes, least, |run| found.push(run));
}

/// What is found in bytes that come in two parts, and how far the search has come.
fn found(append: Append, bytes: &[u8], cut: usize, least: u64) -> (Vec<Run>, Finder) {
    let mut finder = Finder::default();
    let mut found = Vec::new();
    append(&mut finder, &bytes[..cut], least, &mut found);
    append(&mut finder, &bytes[cut..], least, &mut found);
    found.extend(finder.end(least));
    (found, finder)
}

fn columns_of(run: &Run) -> (i64, i64, u32) {
    (run.start as i64, run.length as i64, run.unit)
}

/// What is collected of bytes that come in two parts, as start, length and unit.
fn collected(collect: Collect, bytes: &[u8], cut: usize, least: u64) -> Vec<(i64, i64, u32)> {
    let (mut finder, mut runs) = (Finder::default(), Runs::new());
    for part in [&bytes[..cut], &bytes[cut..]] {
        assert_eq!(collect(&mut finder, part, least, &mut runs), Ok(()));
    }
    assert_eq!(finder.collect_end(least, &mut runs), Ok(()));
    let RunSlices {
        rows,
        starts,
        lengths,
        units,
    } = runs.slices();
    assert_eq!(rows, None);
    assert_eq!((starts.len(), lengths.len()), (runs.len(), units.len()));
    assert_eq!(runs.is_empty(), units.is_empty());
    let columns = starts.iter().zip(lengths).zip(units);
    columns
        .map(|((&start, &length), &unit)| (start, length, unit))
        .collect()
}

/// Bytes for units, and what they are.
fn encodings(units: &[u32]) -> [(Methods, usize, Vec<u8>, Vec<u32>); 4] {
    let text: String = units
        .iter()
        .filter_map(|&unit| char::from_u32(unit))
        .collect();
    let halves: Vec<u16> = text.encode_utf16().collect();
    let bytes: Vec<u8> = units.iter().map(|&unit| unit as u8).collect();
    let wide = |bytes: &[u8]| bytes.iter().map(|&byte| byte.into()).collect();
    [
        (
            (append_utf8, Finder::collect_utf8),
            1,
            text.clone().into_bytes(),
            units.to_vec(),
        ),
        (
            (append_bytes, Finder::collect_bytes),
            1,
            bytes.clone(),
            wide(&bytes),
        ),
        (
            (append_utf16, Finder::collect_utf16),
            2,
            halves.iter().flat_map(|unit| unit.to_ne_bytes()).collect(),
            halves.iter().map(|&unit| unit.into()).collect(),
        ),
        (
            (append_utf32, Finder::collect_utf32),
            4,
            units.iter().flat_map(|unit| unit.to_ne_bytes()).collect(),
            units.to_vec(),
        ),
    ]
}

#[test]
fn runs_of_any_units_cut_anywhere() {
    let mut state = 1;
    for number in [0, 1, 2, 3, 5, 60, 64, 70, 300, 1500, 5000] {
        for _ in 0..12 {
            let units = units(&mut state, number);
            for ((append, collect), width, bytes, units) in encodings(&units) {
                for (least, parts) in [(0, 7), (2, 3), (3, 5), (65, 2)] {
                    let expected = oracle(&units, least);
                    for part in 0..=parts {
                        let cut = match width {
                            1 => bytes.len() * part / parts, // Code points may be torn.
                            _ => units.len() * part / parts * width,
                        };
                        let (found, finder) = found(append, &bytes, cut, least);
                        assert_eq!(found, expected, "{width} {cut} of {}", bytes.len());
                        assert_eq!(finder.length, units.len() as u64);
                        let expected: Vec<_> = expected.iter().map(columns_of).collect();
                        assert_eq!(collected(collect, &bytes, cut, least), expected);
                    }
                }
            }
        }
    }
}

#[test]
fn torn_code_points_one_byte_at_a_time() {
    let text = "a€€жж𝄞𝄞\n\nb𝄞";
    let units: Vec<u32> = text.chars().map(u32::from).collect();
    let mut finder = Finder::default();
    let mut found = Vec::new();
    for byte in text.as_bytes() {
        append_utf8(&mut finder, &[*byte], 2, &mut found);
    }
    found.extend(finder.end(2));
    assert_eq!(found, oracle(&units, 2));
}

/// Around the blocks, and the tiles that are marked at a time.
#[test]
fn one_run_at_every_place() {
    for size in [63, 64, 65, TILE - 1, TILE, TILE + 1, TILE + LANES] {
        for (unit, other) in [
            ("a", ["b", "c"]),
            ("\n", ["b", "c"]),
            ("€", ["ж", "з"]),
            ("𝄞", ["€", "b"]),
        ] {
            for start in (0..4).chain(size - 4..size + 3) {
                let before = (0..start).map(|i| other[i % 2]);
                let after = (0..70).map(|i| other[i % 2]);
                let text: String = before.chain([unit; 3]).chain(after).collect();
                let units: Vec<u32> = text.chars().map(u32::from).collect();
                for ((append, collect), _, bytes, units) in encodings(&units) {
                    let (found, _) = found(append, &bytes, 0, 2);
                    assert_eq!(found, oracle(&units, 2), "{unit:?} at {start}");
                    let found: Vec<_> = found.iter().map(columns_of).collect();
                    assert_eq!(
                        collected(collect, &bytes, 0, 2),
                        found,
                        "{unit:?} at {start}"
                    );
                }
            }
        }
    }
}

/// A unit of another width never equals a part of one.
#[test]
fn kinds_may_follow_one_another() {
    let mut finder = Finder::default();
    let mut found = Vec::new();
    append_utf32(&mut finder, &u32::from('š').to_ne_bytes(), 2, &mut found); // U+0161
    append_bytes(&mut finder, b"a", 2, &mut found);
    append_utf16(&mut finder, &u16::from(b'a').to_ne_bytes(), 2, &mut found);
    append_utf8(&mut finder, "aжж".as_bytes(), 2, &mut found);
    append_utf32(&mut finder, &0xD800u32.to_ne_bytes(), 2, &mut found);
    append_utf8(&mut finder, "ж".as_bytes(), 2, &mut found);
    append_utf16(&mut finder, &0x436u16.to_ne_bytes(), 2, &mut found);
    found.extend(finder.end(2));
    let found: Vec<_> = found.iter().map(|run| (run.start, run.length)).collect();
    assert_eq!(found, [(1, 3), (4, 2), (7, 2)]);
}

/// A lone surrogate is no `char`, so text can't be compared with its bytes.
#[test]
fn text_after_a_lone_surrogate_begins_a_run_of_its_own() {
    for byte in 0..=0x7F {
        let mut finder = Finder::default();
        let mut found = Vec::new();
        append_utf32(&mut finder, &0xD800u32.to_ne_bytes(), 2, &mut found);
        append_utf8(&mut finder, &[byte, byte], 2, &mut found);
        found.extend(finder.end(2));
        let found: Vec<_> = found.iter().map(|run| (run.start, run.length)).collect();
        assert_eq!(found, [(1, 2)], "{byte}");
    }
}

/// Whether bytes that come in three parts are taken for UTF-8.
fn is_text(bytes: &[u8]) -> bool {
    let mut finder = Finder::default();
    let mut number = 0;
    let mut parts = bytes.chunks(bytes.len() / 3 + 1);
    let mut append = |part| {
        finder.append_utf8(part, 2, |run| {
            assert!(run.unit <= u32::from(char::MAX));
            number += 1;
        })
    };
    let is_valid = parts.all(|part| append(part).is_ok());
    assert!(number <= bytes.len() / 2 + 1);
    is_valid && finder.tail_len == 0
}

#[test]
fn what_is_not_utf8_is_refused() {
    let mut state = 7u64;
    for size in [1, 2, 3, 4, 5, 64, 100, 5000] {
        for _ in 0..100 {
            let bytes: Vec<u8> = (0..size)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    b"\x80\xbf\xc3\xe2\xf0\xff\na"[(state >> 33) as usize % 8]
                })
                .collect();
            assert_eq!(is_text(&bytes), str::from_utf8(&bytes).is_ok(), "{bytes:?}");
        }
    }
}

/// Nothing follows that could show it.
#[test]
fn a_last_byte_that_is_never_right_is_refused() {
    for size in (1..600).chain(TILE - 300..TILE + 300) {
        for wrong in [0x80, 0xC0, 0xC1, 0xF5, 0xFF] {
            let mut bytes = vec![b'a'; size];
            bytes[size - 1] = wrong;
            let mut finder = Finder::default();
            let done = finder.append_utf8(&bytes, 2, |_| {});
            assert_eq!(done, Err(InvalidUtf8), "{wrong:x} after {size} bytes");
        }
    }
}

/// One byte is wrong, near the ends of blocks, tiles and parts.
#[test]
fn one_fault_at_every_place() {
    let text = "aжж€\n𝄞".repeat(3 * (TILE + 80) / 14).into_bytes();
    let part = text.len() / 3 + 1;
    for end in [0, LANES, TILE, part, part + TILE, text.len()] {
        for place in end.saturating_sub(9)..(end + 9).min(text.len()) {
            for wrong in *b"\x00\x80\xc3\xe0\xff" {
                let mut bytes = text.clone();
                bytes[place] = wrong;
                let expected = str::from_utf8(&bytes).is_ok();
                assert_eq!(is_text(&bytes), expected, "{wrong:x} at {place}");
            }
        }
    }
    assert!(is_text(&text));
}
