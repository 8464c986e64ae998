//! How many doubles each unit makes.
#![forbid(unsafe_code)]

use crate::code_points::scalar;
use crate::kernel;
use crate::marks::{Fixed, LANES, Tiles, Units, Utf8, each_mark, keep_whole};
use crate::summary::Unit;

/// Units per page of the table. Text keeps to a few scripts, so few pages are ever made.
const PAGE: usize = 256;

/// Pages that all code points need, up to 0x10FFFF.
const PAGES: usize = 0x11_0000 / PAGE;

/// Lane blocks that are compared at a time.
const BLOCKS: usize = 16;

/// Below this many bytes of UTF-8, decoding it is faster than marking (Zen 4).
const SHORT_UTF8: usize = 64;

/// Doubles per unit. A unit is a byte's or a code point's number.
#[derive(Default)]
pub struct Tally {
    /// Up to the page of the greatest unit. Room for all pages takes 35 KB: clearing and searching it
    /// was a third of the time of a short text (Zen 5).
    pages: Vec<Option<Box<[u64; PAGE]>>>,
}

impl Tally {
    /// An empty tally.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the doubles between units of fixed width, in the machine's byte order.
    pub fn add_units<U: Unit>(&mut self, bytes: &[u8]) {
        match size_of::<U>() {
            1 => kernel::tally(bytes, self.page(0)),
            2 => self.add_wide::<2>(bytes),
            4 => self.add_wide::<4>(bytes),
            _ => unreachable!("no unit is wider"),
        }
    }

    /// Adds the doubles between the code points of valid UTF-8. Other bytes add wrong doubles and do nothing
    /// worse.
    ///
    /// ```
    /// let mut tally = doubles::tally::Tally::new();
    /// tally.add_utf8("жжж".as_bytes());
    /// assert_eq!(tally.iter().collect::<Vec<_>>(), [('ж' as u32, 2)]);
    /// ```
    pub fn add_utf8(&mut self, text: &[u8]) {
        if text.len() >= SHORT_UTF8 {
            let mut tiles = Tiles::<Utf8>::new(text, None);
            let mut marks = [0; _];
            while let Some(tile) = tiles.advance(&mut marks) {
                kernel::run(
                    #[inline(always)]
                    || tile.each_marked(&marks, |unit| self.add(unit, 1)),
                );
            }
            return;
        }
        // At first no code point, so that `add` drops it even if the first unit equals it.
        let (mut last, mut rest) = (u32::MAX, text);
        while let Some(&first) = rest.first() {
            let unit = scalar(rest);
            if unit == last {
                self.add(unit, 1);
            }
            last = unit;
            // Most often predicted, while a table would have the next unit wait for its answer.
            let width = if first < 0x80 {
                1
            } else {
                1 + Utf8::more(first)
            };
            rest = rest.get(width..).unwrap_or_default();
        }
    }

    /// Adds the doubles between units of `WIDTH` bytes: 2 or 4. They are compared in place: with windows, whose first
    /// and last ones are copies, 500 bytes take twice as long (Zen 4).
    fn add_wide<const WIDTH: usize>(&mut self, mut bytes: &[u8]) {
        let mut equal = [0; BLOCKS];
        while bytes.len() >= LANES + WIDTH {
            let blocks = BLOCKS.min((bytes.len() - WIDTH) / LANES);
            let equal = &mut equal[..blocks];
            kernel::equal_bits(bytes, &bytes[WIDTH..], equal);
            self.add_equal::<WIDTH>(bytes, equal);
            bytes = &bytes[blocks * LANES..];
        }
        let (units, _) = bytes.as_chunks::<WIDTH>();
        for pair in units.windows(2).filter(|pair| pair[0] == pair[1]) {
            let mut bytes = [0; 4];
            bytes[4 - WIDTH..].copy_from_slice(&pair[0]);
            self.add(Fixed::<WIDTH>::number(bytes), 1);
        }
    }

    /// Adds the units of which all bytes equal those of the next one: each has a bit in `equal`.
    fn add_equal<const WIDTH: usize>(&mut self, bytes: &[u8], equal: &mut [u64]) {
        keep_whole(equal, WIDTH);
        kernel::run(
            #[inline(always)]
            || {
                // Now one bit in `WIDTH` is set at most, so that as many blocks share a number.
                for (first, group) in (0..).step_by(WIDTH).zip(equal.chunks(WIDTH)) {
                    let shared = (1..).zip(group).map(|(i, equal)| equal >> (WIDTH - i));
                    each_mark(&[shared.fold(0, |all, equal| all | equal)], |bit| {
                        let unit = (first + bit % WIDTH) * LANES + bit / WIDTH * WIDTH;
                        // The four bytes that the next one ends with. Nothing may be before the first one.
                        let bytes = bytes[unit + 2 * WIDTH - 4..].first_chunk();
                        let number = Fixed::<WIDTH>::number(*bytes.expect("it has a next one"));
                        self.add(number, 1);
                    });
                }
            },
        );
    }

    /// Every unit that makes doubles, with how many, in the order of the units.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> {
        let pages = self.pages.iter().enumerate();
        let pages = pages.filter_map(|(index, page)| Some((index * PAGE, page.as_ref()?)));
        let entries = pages.flat_map(|(first, page)| {
            let units = (first..).zip(page.iter());
            units.map(|(unit, &times)| (unit as u32, times))
        });
        entries.filter(|&(_, times)| times > 0)
    }

    /// Writes the first units, in ascending order, and how many doubles each of them makes. Returns how many
    /// units it wrote.
    pub fn read(&self, units: &mut [u32], counts: &mut [u64]) -> usize {
        let slots = units.iter_mut().zip(counts);
        let written = slots.zip(self.iter()).map(|((unit, count), entry)| {
            (*unit, *count) = entry;
        });
        written.count()
    }

    /// Adds doubles of one unit, up to `u64::MAX`. A unit beyond the code points comes from a buffer that
    /// another thread changed, and is dropped.
    pub fn add(&mut self, unit: u32, times: u64) {
        let index = unit as usize / PAGE;
        if index < PAGES {
            let total = &mut self.page(index)[unit as usize % PAGE];
            *total = total.saturating_add(times);
        }
    }

    fn page(&mut self, index: usize) -> &mut [u64; PAGE] {
        if index >= self.pages.len() {
            self.pages.resize(index + 1, None);
        }
        self.pages[index].get_or_insert_with(|| Box::new([0; PAGE]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::doubles;
    use std::collections::BTreeMap;

    fn oracle(text: &str) -> Vec<(u32, u64)> {
        let units: Vec<char> = text.chars().collect();
        let mut tally = BTreeMap::new();
        for unit in doubles(&units) {
            *tally.entry(u32::from(unit)).or_default() += 1;
        }
        tally.into_iter().collect()
    }

    /// Checks the tallies of a text as UTF-8, UTF-32 and, of what UTF-16 has in one unit, as UTF-16.
    fn check(text: &str) {
        let tallied = |add: &dyn Fn(&mut Tally)| {
            let mut tally = Tally::new();
            add(&mut tally);
            tally.iter().collect::<Vec<_>>()
        };
        assert_eq!(
            tallied(&|tally| tally.add_utf8(text.as_bytes())),
            oracle(text)
        );
        let units = text.chars().flat_map(|unit| u32::from(unit).to_ne_bytes());
        let units: Vec<u8> = units.collect();
        assert_eq!(
            tallied(&|tally| tally.add_units::<u32>(&units)),
            oracle(text)
        );
        let text = text.replace(|unit| unit > '\u{ffff}', "€");
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_ne_bytes).collect();
        assert_eq!(
            tallied(&|tally| tally.add_units::<u16>(&units)),
            oracle(&text)
        );
    }

    #[test]
    fn text_of_all_widths_across_blocks() {
        for pad in 0..8 {
            check(&("x".repeat(pad) + &"aab жжж €€ 𝄞𝄞𝄞𝄞 \u{10ffff}\u{10ffff}".repeat(2_000)));
        }
        check(&"ж".repeat(100_000));
    }

    /// Each length of input that is compared unit by unit, and of what is left after one or two lane blocks.
    #[test]
    fn text_of_every_short_length_is_tallied() {
        for text in ["aabccc", "жжkkж", "€a€€", "𝄞𝄞𝄞a\u{10ffff}\u{10ffff}"] {
            let long: Vec<char> = text.chars().cycle().take(LANES + 4).collect();
            for length in 0..=long.len() {
                check(&long[..length].iter().collect::<String>());
            }
        }
    }

    #[test]
    fn short_bytes_that_are_not_utf8_do_not_panic() {
        for byte in [0x80, 0xbf, 0xc3, 0xe2, 0xf0, 0xff] {
            for length in 0..SHORT_UTF8 {
                Tally::new().add_utf8(&vec![byte; length]);
            }
        }
    }

    #[test]
    fn tallies_of_bytes_add_up() {
        let mut tally = Tally::new();
        tally.add_units::<u8>(b"aab\xff\xff\xff");
        tally.add_units::<u8>(b"aa");
        tally.add_units::<u8>(b"");
        assert_eq!(tally.iter().collect::<Vec<_>>(), [(0x61, 2), (0xff, 2)]);
    }

    #[test]
    fn sums_stop_at_the_largest_number() {
        let mut tally = Tally::new();
        [u64::MAX - 1, 1, 1]
            .into_iter()
            .for_each(|times| tally.add(7, times));
        assert_eq!(tally.iter().collect::<Vec<_>>(), [(7, u64::MAX)]);
    }

    #[test]
    fn units_beyond_the_code_points_are_not_tallied() {
        let mut tally = Tally::new();
        tally.add_units::<u32>(&[0xff; 12]);
        assert_eq!(tally.iter().count(), 0);
    }
}
