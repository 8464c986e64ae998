//! One suite for every kernel that this CPU can run.
//!
//! Each is compared with the definition, on inputs whose lengths are around those of the vectors, the unrolled
//! loops and the flushes of all kernels, at all offsets, and between pages that can't be read.

use super::*;

/// Calls `check` with each kernel that this CPU can run, and its name.
fn each_kernel(mut check: impl FnMut(&Kernel, &str)) {
    let available = KERNELS.iter().filter_map(|detect| detect());
    available.for_each(|kernel| check(kernel, &kernel.name.to_string_lossy()));
}

#[test]
fn portable_is_the_last_resort() {
    let detect = KERNELS.last().expect("there is one");
    assert_eq!(detect().expect("every CPU can run it").name, c"portable");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_processor_that_has_the_instructions_is_given_the_kernel() {
    let mut found = Vec::new();
    each_kernel(|_, name| found.push(name.to_owned()));
    let has = |wanted: &str| found.iter().any(|name| name == wanted);
    assert_eq!(has("avx2"), is_x86_feature_detected!("avx2"));
    assert_eq!(has("avx512"), is_x86_feature_detected!("avx512vbmi2"));
}

/// The definition: every unit that equals the one before it, in order.
pub(crate) fn doubles<U: Copy + PartialEq>(units: &[U]) -> Vec<U> {
    let pairs = units.windows(2).filter(|pair| pair[0] == pair[1]);
    pairs.map(|pair| pair[1]).collect()
}

fn check(bytes: &[u8]) {
    let expected = doubles(bytes);
    let ends: Vec<usize> = (1..bytes.len())
        .filter(|&i| bytes[i - 1] == bytes[i])
        .collect();
    let mut expected_table = [0; 256];
    for &byte in &expected {
        expected_table[usize::from(byte)] += 1;
    }
    each_kernel(|kernel, name| {
        let count = call!(kernel, count(bytes));
        assert_eq!(
            count,
            expected.len() as u64,
            "{name}, length {}",
            bytes.len()
        );
        let mut table = [0; 256];
        call!(kernel, tally(bytes, &mut table));
        assert_eq!(table, expected_table, "{name}, length {}", bytes.len());
        let places = marked(bytes, |padded, marks| {
            call!(
                kernel,
                equal_bits(&padded[BEFORE..], &padded[BEFORE - 1..], marks)
            );
        });
        assert_eq!(places, ends, "{name}, length {}", bytes.len());
    });
}

/// A copy of a text between other bytes, as marks need them. No text of the suite begins with these.
fn padded(text: &[u8]) -> Vec<u8> {
    let after = vec![0x7F; LANES - text.len() % LANES];
    [&[0x7F; BEFORE], text, &after].concat()
}

/// Room for the marks of such a copy.
fn room(padded: &[u8]) -> Vec<u64> {
    vec![0; (padded.len() - BEFORE) / LANES]
}

/// Where `mark` sets bits for the bytes of a text.
fn marked(text: &[u8], mark: impl FnOnce(&[u8], &mut [u64])) -> Vec<usize> {
    let padded = padded(text);
    let mut marks = room(&padded);
    mark(&padded, &mut marks);
    let is_set = |&place: &usize| marks[place / LANES] >> (place % LANES) & 1 == 1;
    (0..text.len()).filter(is_set).collect()
}

#[test]
fn marks_read_nothing_outside() {
    for filler in [0x41, 0x80, 0xC2, 0xE2, 0xF0, 0xFF] {
        for length in [0, 1, 255, 256, 600] {
            let check = |padded: &[u8]| {
                let marks = room(padded);
                each_kernel(|kernel, _| {
                    call!(
                        kernel,
                        equal_bits(padded, &padded[BEFORE..], &mut marks.clone())
                    );
                    call!(kernel, mark_utf8(padded, &mut marks.clone()));
                });
            };
            let padded = padded(&vec![filler; length]);
            at_the_end_of_a_page(&padded, check);
            at_the_start_of_a_page(&padded, check);
        }
    }
}

/// About a third are doubles, in a pattern of prime period.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251 / 3 % 5) as u8).collect()
}

#[test]
fn every_length_at_every_offset() {
    let bytes = pattern(1088 + 64);
    for offset in 0..64 {
        for length in 0..=1088 {
            check(&bytes[offset..offset + length]);
        }
    }
}

/// Lengths around every point at which a lane of some kernel is full.
fn around_the_flush() -> impl Iterator<Item = usize> {
    [16, 32, 64, 128, 256]
        .into_iter()
        .flat_map(|lanes| [254, 255, 256, 510, 511].map(|times| times * lanes))
        .flat_map(|length| length - 2..=length + 3)
}

#[test]
fn all_equal() {
    for length in around_the_flush() {
        check(&vec![0xA5; length]);
        check(&vec![0xA5; length + 319]);
    }
}

#[test]
fn none_equal() {
    for length in around_the_flush() {
        check(&(0..length).map(|i| (i % 253) as u8).collect::<Vec<_>>());
    }
}

#[test]
fn all_equal_but_one() {
    for length in [33, 65, 129, 1000, 1025, 1400, 255 * 64 + 1] {
        for odd in (0..length).step_by(if length > 1400 { 61 } else { 1 }) {
            let mut bytes = vec![7; length];
            bytes[odd] = 8;
            check(&bytes);
        }
    }
}

#[test]
fn bits_of_equal_bytes() {
    let left = pattern(1000);
    for offset in 0..70 {
        for number in [0, 1, 2, 14] {
            let right: Vec<u8> = pattern(1100)[offset..]
                .iter()
                .map(|byte| byte % 5)
                .collect();
            let expected: Vec<u64> = (0..number)
                .map(|block| {
                    let equal = |lane| left[block * 64 + lane] == right[block * 64 + lane];
                    (0..64).map(|lane| u64::from(equal(lane)) << lane).sum()
                })
                .collect();
            each_kernel(|kernel, name| {
                let mut bits = vec![7; number + 1];
                call!(kernel, equal_bits(&left, &right, &mut bits[..number]));
                assert_eq!(bits.pop(), Some(7));
                assert_eq!(bits, expected, "{name} {offset}");
            });
        }
    }
}

#[test]
fn long_tallies_of_few_and_of_many_doubles() {
    for letters in [1, 2, 3, 5, 26, 256] {
        let letter = |i: usize| (i * i / 7 % 10_007 % letters) as u8;
        let bytes: Vec<u8> = (0..40_000).map(letter).collect();
        for length in (16_380..16_390).chain([16_448, 16_449, 20_000, 39_999, 40_000]) {
            at_the_end_of_a_page(&bytes[..length], check);
            at_the_start_of_a_page(&bytes[..length], check);
        }
    }
}

fn check_units<const WIDTH: usize>(units: &[u32], bytes: &[u8]) {
    let expected = doubles(units);
    each_kernel(|kernel, name| {
        let shown = || format!("{name}, {} units of {WIDTH} bytes", units.len());
        let count = match WIDTH {
            2 => call!(kernel, count_utf16(bytes)),
            _ => call!(kernel, count_utf32(bytes)),
        };
        assert_eq!(count, expected.len() as u64, "{}", shown());
    });
}

/// Units of two and of four bytes, at all alignments, with bytes left over after the last unit, at both
/// ends of what can be read.
fn check_wide(units: &[u16]) {
    let wide: Vec<u32> = units.iter().map(|&unit| unit.into()).collect();
    let two: Vec<u8> = units.iter().flat_map(|unit| unit.to_ne_bytes()).collect();
    // Both halves differ when a unit does, but not always for the same reason.
    let four: Vec<u32> = wide.iter().map(|unit| unit * 0x1_0003).collect();
    let four_bytes: Vec<u8> = four.iter().flat_map(|unit| unit.to_ne_bytes()).collect();
    for after in 0..4 {
        let [two, four_bytes] = [&two, &four_bytes].map(|bytes| [bytes, &[0; 4][..after]].concat());
        at_the_end_of_a_page(&four_bytes, |bytes| check_units::<4>(&four, bytes));
        at_the_start_of_a_page(&four_bytes, |bytes| check_units::<4>(&four, bytes));
        if after < 2 {
            at_the_end_of_a_page(&two, |bytes| check_units::<2>(&wide, bytes));
            at_the_start_of_a_page(&two, |bytes| check_units::<2>(&wide, bytes));
        }
    }
}

#[test]
fn wide_units_are_compared_whole() {
    // Neighbours that differ in one bit only, whichever it is, are no double.
    for bit in 0..32 {
        let (unit, other) = (0x4142_4344u32, 0x4142_4344 ^ 1 << bit);
        for units in [vec![unit, other], vec![unit, other, other], vec![unit]] {
            let units = units.repeat(700);
            let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_ne_bytes()).collect();
            check_units::<4>(&units, &bytes);
            let units: Vec<u32> = units.iter().map(|&unit| unit & 0xFFFF).collect();
            let bytes = units.iter().flat_map(|&unit| (unit as u16).to_ne_bytes());
            check_units::<2>(&units, &bytes.collect::<Vec<_>>());
        }
    }
}

#[test]
fn wide_units_of_any_length() {
    let around_the_sum = (1 << 15) - 2..(1 << 15) + 3;
    let around_the_flush = around_the_flush()
        .map(|length| length / 2)
        .filter(|&l| l < 5000);
    for length in (0..700).chain(around_the_flush).chain(around_the_sum) {
        check_wide(&vec![0xD800; length]);
        check_wide(
            &(0..length)
                .map(|i| (i % 251 / 3) as u16)
                .collect::<Vec<_>>(),
        );
        check_wide(&(0..length).map(|i| (i % 65521) as u16).collect::<Vec<_>>());
    }
}

#[test]
fn wide_units_all_equal_but_one() {
    for length in [17, 33, 65, 129, 300, 700] {
        for odd in 0..length {
            let mut units = vec![0x0102; length];
            units[odd] = 0x0103;
            check_wide(&units);
        }
    }
}

/// Text of code points of one to `widest` bytes, with doubles of each width, all of them near
/// others that share bytes with them.
fn text(widest: usize, length: usize) -> String {
    let units = ["aab", "жжзЖ", "€€₭", "𝄞𝄞𝄟"][..widest].concat();
    let units: Vec<char> = units.chars().chain("a".chars()).collect();
    let at = |i: usize| units[i * i % 61 % units.len()];
    (0..length).map(at).collect()
}

fn check_utf8(text: &str) {
    let units: Vec<(usize, char)> = text.char_indices().collect();
    let pairs = units.windows(2).filter(|pair| pair[0].1 == pair[1].1);
    let pairs: Vec<_> = pairs.map(|pair| pair[1]).collect();
    let ends: Vec<usize> = pairs
        .iter()
        .map(|(place, unit)| place + unit.len_utf8() - 1)
        .collect();
    let text = text.as_bytes();
    let expected = code_points(text);
    each_kernel(|kernel, name| {
        let shown = || format!("{name}, {:.200?}", String::from_utf8_lossy(text));
        assert_eq!(call!(kernel, count_utf8(text)), expected, "{}", shown());
        let found = marked(text, |padded, marks| {
            let wide = call!(kernel, mark_utf8(padded, marks));
            assert_eq!(wide, Some(!text.is_ascii()), "{}", shown());
        });
        assert!(found == ends, "{}", shown());
    });
}

/// The definition: the code points of UTF-8; `None` for anything else.
fn code_points(bytes: &[u8]) -> Option<CodePoints> {
    let units: Vec<char> = str::from_utf8(bytes).ok()?.chars().collect();
    Some(CodePoints {
        length: units.len() as u64,
        count: doubles(&units).len() as u64,
    })
}

/// Checks that what is no UTF-8 is refused, and what is, is counted.
fn check_validity(bytes: &[u8]) {
    let expected = code_points(bytes);
    each_kernel(|kernel, name| {
        assert_eq!(
            call!(kernel, count_utf8(bytes)),
            expected,
            "{name}, {bytes:02x?}"
        );
        marked(bytes, |padded, marks| {
            let wide = call!(kernel, mark_utf8(padded, marks));
            assert_eq!(wide.is_some(), expected.is_some(), "{name}, {bytes:02x?}");
        });
    });
}

/// Bytes at which the bytes that may follow, or come before, change; and one inside of each range.
const EDGES: [u8; 25] = [
    0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC,
    0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
];

/// All bytes; without optimization, those that make a difference.
fn bytes() -> Vec<u8> {
    if cfg!(debug_assertions) {
        EDGES.into()
    } else {
        (0..=u8::MAX).collect()
    }
}

/// Calls `check` with texts with `N` bytes around the borders of all kernels' tiles, and with
/// their position. The rest is valid, of code points of each width in turn, so that each of a kernel's
/// loops meets them.
fn around_tiles<const N: usize>(check: impl Fn(&mut [u8], usize)) {
    for units in ["ab", "жз", "€₭", "𝄞𝄟"] {
        let unit = units.len() / 2;
        for border in [64, 64 + 256, 64 + 512] {
            let places = if cfg!(debug_assertions) { 2 } else { 9 };
            for place in border + 2 - places..border + 2 {
                let text = "x".repeat(place % unit) + &units.repeat(800 / units.len());
                let mut bytes = text.into_bytes();
                bytes.splice(place..place, [b'-'; N]);
                check(&mut bytes, place);
            }
        }
    }
}

#[test]
fn utf8_every_two_bytes_around_tiles() {
    around_tiles::<2>(|text, place| {
        for first in bytes() {
            for second in bytes() {
                text[place..place + 2].copy_from_slice(&[first, second]);
                check_validity(text);
            }
        }
    });
}

#[test]
fn utf8_three_bytes_around_tiles() {
    around_tiles::<3>(|text, place| {
        for first in EDGES {
            for second in EDGES {
                for third in EDGES {
                    text[place..place + 3].copy_from_slice(&[first, second, third]);
                    check_validity(text);
                }
            }
        }
    });
}

#[test]
fn utf8_every_three_bytes() {
    for first in bytes() {
        for second in bytes() {
            for third in bytes() {
                check_validity(&[first, second, third]);
            }
        }
    }
}

#[test]
fn utf8_every_lead_of_four_bytes_and_its_second() {
    for before in [0, 61, 62, 63, 64] {
        let mut text = vec![b'a'; before + 4];
        for first in 0xF0..=0xFF {
            for second in bytes() {
                for third in EDGES {
                    for fourth in [0x41, 0x7F, 0x80, 0xBF, 0xC0] {
                        text[before..].copy_from_slice(&[first, second, third, fourth]);
                        check_validity(&text);
                    }
                }
            }
        }
    }
}

#[test]
fn utf8_cut_short_anywhere() {
    let all = text(4, 500);
    for end in 0..all.len() {
        check_validity(&all.as_bytes()[..end]);
        check_validity(&all.as_bytes()[end..]);
    }
}

#[test]
fn utf8_of_any_length() {
    for widest in 1..=4 {
        let all = text(widest, 1000);
        assert!(
            doubles(&all.chars().collect::<Vec<_>>()).len() > 100,
            "else it shows nothing"
        );
        for (from, to) in (0..70).flat_map(|from| (from..400).map(move |to| (from, to))) {
            check_utf8(&all.chars().skip(from).take(to - from).collect::<String>());
        }
    }
}

#[test]
fn utf8_tiles_of_different_width() {
    // A code point of another width may be at the border of two tiles.
    for unit in ["a", "ж", "€", "𝄞"] {
        for other in ["a", "ж", "€", "𝄞"] {
            for before in (50..70).chain(300..330).chain(560..590) {
                let fill = unit.repeat(before / unit.len());
                check_utf8(&[&fill, other, other, &fill].concat());
            }
        }
    }
}

#[test]
fn utf8_long_runs() {
    for unit in ["a", "ж", "€", "𝄞"] {
        for length in around_the_flush() {
            check_utf8(&unit.repeat(length));
        }
    }
}

/// Long runs, in which each tile hands a carry to the next, that end anywhere in a vector. One byte of the last
/// unit differs, or the unit is another one, or of another width.
#[test]
fn utf8_runs_that_end_anywhere() {
    for (unit, others) in [
        ("a", ["b", "ж", "€", "𝄞"]),
        ("ж", ["з", "Ж", "a", "€"]),
        ("€", ["₭", "\u{21ac}", "ж", "𝄞"]),
        ("𝄞", ["𝄟", "\u{1d15e}", "\u{10d11e}", "€"]),
    ] {
        for other in others {
            let lengths = (0..200).chain(250..330).chain(500..600).chain(2040..2120);
            for length in lengths.step_by(if cfg!(debug_assertions) { 7 } else { 1 }) {
                let run = unit.repeat(length / unit.len());
                let pad = "x".repeat(length % unit.len());
                check_utf8(&[&pad, &run, other, unit].concat());
            }
        }
    }
}

/// Every second code point differs in one byte alone, whichever it is: nothing is a double, but most bytes equal
/// their peers.
#[test]
fn utf8_neighbours_that_differ_in_one_byte() {
    for (unit, other) in [
        ("ж", "з"),
        ("ж", "\u{4b6}"),
        ("€", "₭"),
        ("€", "\u{206c}"),
        ("€", "\u{10ac}"),
        ("𝄞", "𝄟"),
        ("𝄞", "\u{1d15e}"),
        ("𝄞", "\u{1e11e}"),
        ("𝄞", "\u{5d11e}"),
    ] {
        assert_eq!(unit.len(), other.len());
        for (ones, others) in [(1, 1), (2, 1), (3, 2)] {
            let pattern = unit.repeat(ones) + &other.repeat(others);
            for pad in 0..70 {
                check_utf8(&("x".repeat(pad) + &pattern.repeat(700 / pattern.len())));
            }
        }
    }
}

/// Bytes that are wrong at each place of a vector and of a tile, after and before text of each width, so that
/// each loop meets them, and hands to each other what it has not seen all of.
#[test]
fn utf8_faults_at_every_place() {
    let faults: [&[u8]; 14] = [
        b"\x80",
        b"\xbf\xbf",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xc2",
        b"\xe0\x9f\xbf",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf0\x9d\x84",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xff",
        b"\xff\xbf",
    ];
    let units = ["a", "ж", "€", "𝄞"];
    for (unit, after) in units
        .iter()
        .flat_map(|unit| units.map(|after| (unit, after)))
    {
        let text = unit.repeat(640 / unit.len()).into_bytes();
        let after = after.repeat(320 / after.len()).into_bytes();
        let step = if cfg!(debug_assertions) { 3 } else { 1 };
        for place in (0..=text.len()).step_by(unit.len() * step) {
            for fault in faults {
                check_validity(&[&text[..place], fault, &after].concat());
            }
        }
    }
}

/// Long texts are read from a cache line on, and what is before it is read as a copy.
#[test]
fn utf8_long_texts_at_every_place_of_a_line() {
    const LINE: usize = 64;
    let check = |text: &[u8], offset: usize, shown: &str| {
        let expected = code_points(text);
        let mut copy = vec![0; text.len() + 2 * LINE];
        let start = copy.as_ptr().addr().wrapping_neg() % LINE + offset;
        copy[start..start + text.len()].copy_from_slice(text);
        each_kernel(|kernel, name| {
            let found = call!(kernel, count_utf8(&copy[start..start + text.len()]));
            assert_eq!(found, expected, "{name}, {offset} {shown}");
        });
    };
    for offset in 0..LINE {
        // The first ones equal what may be the padding before them.
        for units in ["\0\0\u{1}", "\u{3}\u{3}", "ЖЖж", "€€₭", "𝄞𝄞𝄟", "a€€𝄞bbжж"]
        {
            let mut text = units.repeat(17_000 / units.len()).into_bytes();
            check(&text, offset, units);
            let line = (LINE - offset) % LINE;
            for place in [
                0,
                1,
                line,
                line + 1,
                line + LINE - 1,
                line + LINE,
                line + 2 * LINE,
            ] {
                let valid = text[place];
                text[place] = 0x80 | valid & 0x40;
                check(&text, offset, units);
                text[place] = valid;
            }
        }
    }
}

/// Marks may begin and end within a text: what is before them only says whether the first unit ends a double.
#[test]
fn marks_of_a_part_of_a_text() {
    for widest in 1..=4 {
        let all = text(widest, 2500);
        let text = all.as_bytes();
        let units: Vec<(usize, char)> = all.char_indices().collect();
        let pairs = units.windows(2).filter(|pair| pair[0].1 == pair[1].1);
        let mut is_end = vec![false; text.len()];
        pairs.for_each(|pair| is_end[pair[1].0 + pair[1].1.len_utf8() - 1] = true);
        for blocks in [1, 2, 3, 4, 5, 8, 9, 32, 33] {
            for start in (BEFORE..BEFORE + 80).filter(|&start| is_lead(text[start])) {
                let end = start + blocks * LANES;
                let is_wide = text[start..end].iter().any(|&byte| !is_lead(byte));
                let whole = (start..=end)
                    .rfind(|&cut| is_lead(text[cut]))
                    .expect("text")
                    - start;
                each_kernel(|kernel, name| {
                    let mut marks = vec![u64::MAX; blocks];
                    let found = call!(kernel, mark_utf8(&text[start - BEFORE..end], &mut marks));
                    assert_eq!(found, Some(is_wide), "{name}");
                    let marks: Vec<bool> = (0..blocks * LANES)
                        .map(|bit| marks[bit / LANES] >> (bit % LANES) & 1 == 1)
                        .collect();
                    let shown = || format!("{name}, {widest}, {blocks} from {start}");
                    assert!(marks[..whole] == is_end[start..][..whole], "{}", shown());
                });
            }
        }
    }
}

/// The definition: four digits of one long multiplication for each word, from the next other one if less
/// is left than `2^32 mod size^4`.
fn drawn(characters: &[u8], words: &[u32], mut others: impl Iterator<Item = u32>) -> Vec<u8> {
    let size = characters.len() as u128;
    let usable =
        |word: &u32| u128::from(*word) * size.pow(4) % (1 << 32) >= (1 << 32) % size.pow(4);
    let draw = |&word: &u32| {
        let word = Some(word).filter(usable).or_else(|| others.find(usable));
        let product = (u128::from(word.expect("endless")) * size.pow(4)) >> 32;
        [3, 2, 1, 0].map(|place| characters[(product / size.pow(place) % size) as usize])
    };
    words.iter().flat_map(draw).collect()
}

#[test]
fn characters_are_those_of_one_long_multiplication() {
    let word = |i: u32| i.wrapping_mul(2_654_435_761).rotate_left(i);
    let others = || (7..).map(|i| word(i * i));
    for size in 1..=128u32 {
        // Backwards, so that no character is its own digit, except for one.
        let characters: Vec<u8> = (0..size).rev().map(|c| c as u8).collect();
        let table = Table::new(&characters);
        // Each of the words around the first ones of all digits, where a wrong rounding would show.
        let firsts = (0..size).map(|i| (u64::from(i) << 32).div_ceil(u64::from(size)) as u32);
        let around = firsts.flat_map(|word| [word.wrapping_sub(1), word]);
        let words: Vec<u32> = (0..97).map(word).chain(around).chain([u32::MAX]).collect();
        for used in (1..67).chain([words.len()]) {
            let words = &words[..used];
            let expected = drawn(&characters, words, others());
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let draw = |bytes: &[u8]| {
                each_kernel(|kernel, name| {
                    let mut text = vec![0; bytes.len()];
                    let mut others = others();
                    let mut other = || others.next().expect("endless");
                    call!(kernel, draw(&table, bytes, &mut text, &mut other));
                    assert_eq!(text, expected, "{name}, {size} characters");
                });
            };
            at_the_end_of_a_page(&bytes, draw);
            at_the_start_of_a_page(&bytes, draw);
        }
    }
}

#[test]
fn every_pair_is_taken_apart_exactly() {
    for size in 1..=128u32 {
        let characters: Vec<u8> = (0..size).map(|c| c as u8).collect();
        let table = Table::new(&characters);
        // The first word of each pair of digits, and the one before it.
        let pairs = u64::from(size * size);
        let words: Vec<u32> = (0..pairs)
            .map(|pair| (pair << 32).div_ceil(pairs) as u32)
            .flat_map(|word| [word.wrapping_sub(1), word])
            .collect();
        let expected = drawn(&characters, &words, std::iter::repeat(0x1234_5678));
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        each_kernel(|kernel, name| {
            let mut text = vec![0; bytes.len()];
            call!(kernel, draw(&table, &bytes, &mut text, &mut || 0x1234_5678));
            assert!(text == expected, "{name}, {size} characters");
        });
    }
}

/// One vector after another of equal words that must not be used, of any digits.
#[test]
fn vectors_of_words_that_must_not_be_used() {
    for size in [3u32, 26, 52, 65, 100] {
        let characters: Vec<u8> = (0..size).map(|c| c as u8).collect();
        let table = Table::new(&characters);
        let texts = u64::from(size).pow(4);
        // The first word of a text, where least is left.
        let first = |text: u64| (text << 32).div_ceil(texts) as u32;
        let is_refused = |&word: &u32| u64::from(word) * texts % (1 << 32) < (1 << 32) % texts;
        let refused = (texts - texts / 7..texts)
            .map(first)
            .filter(is_refused)
            .take(40);
        // Of the last text, as much is left as is just enough.
        let words = refused.chain([first(texts - 1)]);
        let words: Vec<u32> = words.flat_map(|word| [word; 16]).collect();
        assert!(words.len() > 16, "else it shows nothing");
        let expected = drawn(&characters, &words, std::iter::repeat(0x1234_5678));
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        each_kernel(|kernel, name| {
            let mut text = vec![0; bytes.len()];
            call!(kernel, draw(&table, &bytes, &mut text, &mut || 0x1234_5678));
            assert!(text == expected, "{name}, {size} characters");
        });
    }
}

#[test]
fn utf8_valid_or_not_reads_nothing_outside() {
    for filler in [0x41, 0x80, 0xC2, 0xE2, 0xF0, 0xFF] {
        for length in (0..300).chain(1000..1200) {
            at_the_end_of_a_page(&vec![filler; length], |bytes| {
                each_kernel(|kernel, _| {
                    call!(kernel, count_utf8(bytes));
                });
            });
        }
    }
}

/// Calls `check` with a copy of `bytes` after which nothing can be read.
fn at_the_end_of_a_page(bytes: &[u8], check: impl FnOnce(&[u8])) {
    guarded::with_room_after(bytes, 0, check);
}

/// Calls `check` with a copy of `bytes` before which nothing can be read.
fn at_the_start_of_a_page(bytes: &[u8], check: impl FnOnce(&[u8])) {
    guarded::flush_left(bytes, check);
}

#[test]
fn no_byte_outside_is_read() {
    let bytes = pattern(1088);
    for length in 0..=bytes.len() {
        for room in 0..64 {
            guarded::with_room_after(&bytes[..length], room, check);
        }
    }
}

#[test]
fn no_byte_outside_is_read_around_the_flush() {
    for length in around_the_flush() {
        guarded::with_room_after(&vec![1; length], 0, check);
        guarded::flush_left(&vec![1; length], check);
    }
    for length in 0..600 {
        guarded::flush_left(&pattern(length), check);
    }
}

mod guarded {
    use std::cell::RefCell;
    use std::{ptr, slice};

    /// Room for the largest input of the suite.
    const ROOM: usize = 256 * 1024;

    /// Unreadable on both sides; more than any page size in use.
    const GUARD: usize = 64 * 1024;

    thread_local! {
        static REGION: RefCell<*mut u8> = RefCell::new(map());
    }

    /// Maps `ROOM` readable bytes between two guards and returns where they begin. They stay
    /// mapped: one region per thread of the test.
    #[cfg(unix)]
    fn map() -> *mut u8 {
        // SAFETY: a fresh anonymous mapping, then access to a part of it that nobody uses yet.
        unsafe {
            let start = libc::mmap(
                ptr::null_mut(),
                GUARD + ROOM + GUARD,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(start, libc::MAP_FAILED);
            let room = start.cast::<u8>().add(GUARD);
            let status = libc::mprotect(room.cast(), ROOM, libc::PROT_READ | libc::PROT_WRITE);
            assert_eq!(status, 0);
            room
        }
    }

    /// Maps `ROOM` readable bytes between two guards and returns where they begin. They stay
    /// mapped: one region per thread of the test.
    #[cfg(windows)]
    fn map() -> *mut u8 {
        use std::ffi::c_void;

        const MEM_COMMIT: u32 = 0x1000;
        const MEM_RESERVE: u32 = 0x2000;
        const PAGE_NOACCESS: u32 = 1;
        const PAGE_READWRITE: u32 = 4;

        #[link(name = "kernel32")]
        unsafe extern "system" {
            fn VirtualAlloc(start: *mut c_void, size: usize, kind: u32, access: u32)
            -> *mut c_void;
        }

        // SAFETY: fresh address space, then memory for a part of it that nobody uses yet.
        unsafe {
            let size = GUARD + ROOM + GUARD;
            let start = VirtualAlloc(ptr::null_mut(), size, MEM_RESERVE, PAGE_NOACCESS);
            assert!(!start.is_null());
            let room = VirtualAlloc(start.byte_add(GUARD), ROOM, MEM_COMMIT, PAGE_READWRITE);
            assert!(!room.is_null());
            room.cast()
        }
    }

    fn with_copy(bytes: &[u8], offset: usize, check: impl FnOnce(&[u8])) {
        assert!(offset + bytes.len() <= ROOM);
        REGION.with_borrow_mut(|region| {
            // SAFETY: the copy is within the mapped room, and the mutable borrow of the
            // region keeps others from it while the slice lives.
            let copy = unsafe {
                let copy = region.add(offset);
                ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
                slice::from_raw_parts(copy, bytes.len())
            };
            check(copy);
        });
    }

    /// Calls `check` with a copy that ends `room` bytes before what can't be read.
    pub(super) fn with_room_after(bytes: &[u8], room: usize, check: impl FnOnce(&[u8])) {
        with_copy(bytes, ROOM - bytes.len() - room, check);
    }

    /// Calls `check` with a copy that begins right after what can't be read.
    pub(super) fn flush_left(bytes: &[u8], check: impl FnOnce(&[u8])) {
        with_copy(bytes, 0, check);
    }
}

/// Dropped bytes: none, all, single ones, stretches, and any.
fn dropped(length: usize) -> Vec<Vec<bool>> {
    let each = |f: &dyn Fn(usize) -> bool| (0..length).map(f).collect();
    vec![
        each(&|_| false),
        each(&|_| true),
        each(&|i| i % 64 == 0),
        each(&|i| i % 64 == 63),
        each(&|i| i % 7 == 3),
        each(&|i| i % 131 > 50),
        each(&|i| i % 200 < 190),
        each(&|i| i * i % 11 < 4),
    ]
}

#[test]
fn squeezed_bytes_end_where_the_output_ends() {
    for length in (0..200).chain([255, 256, 257, 1000, 4095, 4096]) {
        let bytes: Vec<u8> = (0..length).map(|i| (i * 7 % 256) as u8).collect();
        for dropped in dropped(length) {
            let mut bits = vec![0; length / LANES + 1];
            (0..length).for_each(|i| bits[i / LANES] |= u64::from(dropped[i]) << (i % LANES));
            let kept = (0..length).filter(|&i| !dropped[i]).map(|i| bytes[i]);
            let kept: Vec<u8> = kept.collect();
            let check = |bytes: &[u8]| {
                each_kernel(|kernel, name| {
                    // Beside the output are bytes that must stay as they are.
                    let mut out = vec![0xEE; length + 128];
                    let size = call!(kernel, squeeze(bytes, &bits, &mut out[64..64 + length]));
                    assert_eq!(out[64..64 + size], kept, "{name}, length {length}");
                    let beside = [&out[..64], &out[64 + length..]].concat();
                    assert!(
                        beside.iter().all(|&byte| byte == 0xEE),
                        "{name}, length {length}"
                    );
                });
            };
            at_the_end_of_a_page(&bytes, check);
            at_the_start_of_a_page(&bytes, check);
        }
    }
}
