//! Marks of any units, against a walk over them one by one.

use super::*;

/// Units in runs of one to five, and as many as asked for.
fn units<U: Clone>(alphabet: &[U], number: usize) -> Vec<U> {
    let runs = (0..).map(|i| (i * i % 61, i * 7 % 5 + 1));
    let runs = runs.flat_map(|(i, length)| std::iter::repeat_n(i % alphabet.len(), length));
    runs.take(number).map(|i| alphabet[i].clone()).collect()
}

/// The definition: the last byte of each unit that equals the one before it, and the unit.
fn oracle(units: &[Vec<u8>], numbers: &[u32], last: Option<u32>) -> Vec<(usize, u32)> {
    let before = [last].into_iter().chain(numbers.iter().copied().map(Some));
    let mut end = 0;
    let mut found = Vec::new();
    for ((unit, &number), before) in units.iter().zip(numbers).zip(before) {
        end += unit.len();
        if before == Some(number) {
            found.push((end - 1, number));
        }
    }
    found
}

fn marked<U: Units>(bytes: &[u8], last: Option<u32>) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    let mut tiles = Tiles::<U>::new(bytes, last);
    let mut marks = [u64::MAX; _];
    let mut start = 0;
    while let Some(tile) = tiles.advance(&mut marks) {
        assert!(tile.is_wide.is_some());
        assert_eq!(tile.blocks()[..tile.size], bytes[start..][..tile.size]);
        let mut numbers = Vec::new();
        tile.each_marked(&marks, |number| numbers.push(number));
        let is_set = |&end: &usize| marks[end / LANES] >> (end % LANES) & 1 == 1;
        let ends = (0..tile.size).filter(is_set).map(|end| start + end);
        found.extend(ends.zip(numbers.drain(..)));
        assert_eq!(marks[tile.size / LANES] & !below(tile.size % LANES), 0);
        start += tile.size;
    }
    assert_eq!(start, bytes.len());
    found
}

fn check<U: Units>(units: &[Vec<u8>], numbers: &[u32]) {
    let bytes = units.concat();
    let first = numbers.first().copied();
    for last in [None, first, first.map(|first| first ^ 1), Some(0x1_F600)] {
        let expected = oracle(units, numbers, last);
        assert_eq!(marked::<U>(&bytes, last), expected, "{} units", units.len());
    }
}

#[test]
fn the_last_byte_of_each_second_unit_is_marked_in_any_tile() {
    let text: Vec<char> = "ab\0жз€ह𝄞𝄟\u{1f600}\u{10ffff}".chars().collect();
    let around = |length: usize| length.saturating_sub(5)..length + 5;
    let sizes = [0, 64, 128, 256, 320, 1024, TILE, TILE + 256, 2 * TILE + 256];
    for size in sizes.into_iter().flat_map(around) {
        for few in [1, 2, 4, text.len()] {
            let chars = units(&text[text.len() - few..], size);
            let utf8 = chars.iter().map(|c| c.to_string().into_bytes());
            let numbers: Vec<u32> = chars.iter().map(|&c| c.into()).collect();
            check::<Utf8>(&utf8.collect::<Vec<_>>(), &numbers);
            let bytes = |number: u32, width| match width {
                1 => (number as u8).to_ne_bytes().to_vec(),
                2 => (number as u16).to_ne_bytes().to_vec(),
                _ => number.to_ne_bytes().to_vec(),
            };
            let fixed = |width: u32| {
                let mask = u32::MAX >> (32 - 8 * width);
                let numbers: Vec<u32> = numbers.iter().map(|number| number & mask).collect();
                let units: Vec<_> = numbers.iter().map(|&unit| bytes(unit, width)).collect();
                (units, numbers)
            };
            let [one, two, four] = [1, 2, 4].map(fixed);
            check::<Fixed<1>>(&one.0, &one.1);
            check::<Fixed<2>>(&two.0, &two.1);
            check::<Fixed<4>>(&four.0, &four.1);
        }
    }
}

#[test]
fn bytes_after_the_last_whole_unit_are_dropped() {
    for rest in 0..4 {
        let bytes = vec![7; 4 * 70 + rest];
        let mut tiles = Tiles::<Fixed<4>>::new(&bytes, None);
        let mut sizes = 0;
        while let Some(tile) = tiles.advance(&mut [0; _]) {
            sizes += tile.size;
        }
        assert_eq!(sizes, 4 * 70);
    }
}

#[test]
fn text_that_is_not_valid_is_said_to_be_so() {
    for length in [1, 200, 255, 256, 257, 5000] {
        for place in [0, length / 2, length - 1] {
            let mut text = vec![b'a'; length];
            text[place] = 0xFF;
            let mut tiles = Tiles::<Utf8>::new(&text, None);
            let mut is_valid = true;
            while let Some(tile) = tiles.advance(&mut [0; _]) {
                is_valid &= tile.is_wide.is_some();
            }
            assert!(!is_valid, "{place} of {length}");
        }
    }
}
