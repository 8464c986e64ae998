//! Runs found in any units, against a walk over them one by one.

use super::*;
use crate::marks::{LANES, TILE};
use crate::oracle::Numbers;

const NEWLINE: u32 = b'\n' as u32;

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
fn units(numbers: &mut Numbers, number: usize) -> Vec<u32> {
    let alphabet: Vec<u32> = "ab\n\0жз€ह𝄞𝄟\u{10ffff}".chars().map(u32::from).collect();
    let width = [3, 4, 6, 8, alphabet.len()][numbers.below(5)];
    let mut units = Vec::new();
    while units.len() < number {
        let unit = alphabet[numbers.below(width)];
        let length = [1, 1, 1, 1, 2, 2, 3, 64, 130, 300][numbers.below(10)];
        units.extend(std::iter::repeat_n(unit, length));
    }
    units
}

fn append(finder: &mut Finder, kind: Kind, chunk: &[u8], least: u64, found: &mut Vec<Run>) {
    let appended = finder.append(kind, chunk, least, |run| found.push(run));
    assert_eq!(appended, Ok(()));
}

/// What is found in bytes that come in two parts, and how far the search has come. What is collected of them has to be
/// the same.
fn found(kind: Kind, bytes: &[u8], cut: usize, least: u64) -> (Vec<Run>, Finder) {
    let (mut finder, mut collector) = (Finder::default(), Finder::default());
    let (mut found, mut collected) = (Vec::new(), Runs::new());
    for part in [&bytes[..cut], &bytes[cut..]] {
        append(&mut finder, kind, part, least, &mut found);
        let collects = collector.collect(kind, part, least, &mut collected);
        assert_eq!(collects, Ok(()));
    }
    found.extend(finder.end(least));
    assert_eq!(collector.collect_end(least, &mut collected), Ok(()));
    let mut runs = Runs::new();
    for run in &found {
        runs.push(0, run.start as i64, run.length as i64, run.unit);
    }
    assert_eq!(collected.is_empty(), found.is_empty());
    assert_eq!(collected, runs, "{kind:?} cut at {cut} of {}", bytes.len());
    (found, finder)
}

/// Bytes for units, their width at least, and what they are.
fn encodings(units: &[u32]) -> [(Kind, usize, Vec<u8>, Vec<u32>); 4] {
    let chars = units.iter().filter_map(|&unit| char::from_u32(unit));
    let text: String = chars.collect();
    let halves: Vec<u16> = text.encode_utf16().collect();
    let bytes: Vec<u8> = units.iter().map(|&unit| unit as u8).collect();
    let of_bytes = bytes.iter().map(|&byte| byte.into()).collect();
    let of_halves = halves.iter().map(|&unit| unit.into()).collect();
    let halves = halves.into_iter().flat_map(u16::to_ne_bytes).collect();
    let wide = units.iter().flat_map(|unit| unit.to_ne_bytes()).collect();
    [
        (Kind::Utf8, 1, text.into_bytes(), units.to_vec()),
        (Kind::Bytes, 1, bytes, of_bytes),
        (Kind::Utf16, 2, halves, of_halves),
        (Kind::Utf32, 4, wide, units.to_vec()),
    ]
}

#[test]
fn runs_of_any_units_cut_anywhere() {
    let mut numbers = Numbers(1);
    for number in [0, 1, 2, 3, 5, 60, 64, 70, 300, 1500, 5000] {
        for _ in 0..12 {
            let units = units(&mut numbers, number);
            for (kind, width, bytes, units) in encodings(&units) {
                for (least, parts) in [(0, 7), (2, 3), (3, 5), (65, 2)] {
                    let expected = oracle(&units, least);
                    for part in 0..=parts {
                        // Code points may be torn.
                        let cut = bytes.len() / width * part / parts * width;
                        let (found, finder) = found(kind, &bytes, cut, least);
                        assert_eq!(found, expected, "{kind:?} {cut} of {}", bytes.len());
                        assert_eq!(finder.length, units.len() as u64);
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
        append(&mut finder, Kind::Utf8, &[*byte], 2, &mut found);
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
                for (kind, _, bytes, units) in encodings(&units) {
                    let (found, _) = found(kind, &bytes, 0, 2);
                    assert_eq!(found, oracle(&units, 2), "{unit:?} at {start}");
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
    append(
        &mut finder,
        Kind::Utf32,
        &u32::from('š').to_ne_bytes(),
        2,
        &mut found,
    ); // U+0161
    append(&mut finder, Kind::Bytes, b"a", 2, &mut found);
    append(
        &mut finder,
        Kind::Utf16,
        &u16::from(b'a').to_ne_bytes(),
        2,
        &mut found,
    );
    append(&mut finder, Kind::Utf8, "aжж".as_bytes(), 2, &mut found);
    append(
        &mut finder,
        Kind::Utf32,
        &0xD800u32.to_ne_bytes(),
        2,
        &mut found,
    );
    append(&mut finder, Kind::Utf8, "ж".as_bytes(), 2, &mut found);
    append(
        &mut finder,
        Kind::Utf16,
        &0x436u16.to_ne_bytes(),
        2,
        &mut found,
    );
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
        append(
            &mut finder,
            Kind::Utf32,
            &0xD800u32.to_ne_bytes(),
            2,
            &mut found,
        );
        append(&mut finder, Kind::Utf8, &[byte, byte], 2, &mut found);
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
        finder.append(Kind::Utf8, part, 2, |run| {
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
    let mut numbers = Numbers(7);
    for size in [1, 2, 3, 4, 5, 64, 100, 5000] {
        for _ in 0..100 {
            let byte = |_| b"\x80\xbf\xc3\xe2\xf0\xff\na"[numbers.below(8)];
            let bytes: Vec<u8> = (0..size).map(byte).collect();
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
            let done = finder.append(Kind::Utf8, &bytes, 2, |_| {});
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
