//! How many doubles each unit makes.
#![forbid(unsafe_code)]

use crate::kernel;
use crate::marks::{Fixed, Pieces, Units, Utf8};

/// Units per page of the table. Text keeps to a few scripts, so few pages are ever made.
const PAGE: usize = 256;

/// Pages that all code points need, up to 0x10FFFF.
const PAGES: usize = 0x11_0000 / PAGE;

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

    /// Adds the doubles between bytes.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        kernel::tally(bytes, self.page(0));
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
        self.add_units::<Utf8>(text);
    }

    /// Adds the doubles between units of two bytes, in the machine's byte order.
    pub fn add_utf16(&mut self, bytes: &[u8]) {
        self.add_units::<Fixed<2>>(bytes);
    }

    /// Adds the doubles between units of four bytes, in the machine's byte order.
    pub fn add_utf32(&mut self, bytes: &[u8]) {
        self.add_units::<Fixed<4>>(bytes);
    }

    fn add_units<U: Units>(&mut self, bytes: &[u8]) {
        let mut pieces = Pieces::<U>::new(bytes, None);
        let mut marks = [0; _];
        while let Some(piece) = pieces.advance(&mut marks) {
            kernel::run(
                #[inline(always)]
                || piece.each_marked(&marks, |unit| self.add(unit, 1)),
            );
        }
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

    #[test]
    fn text_of_all_widths_across_blocks() {
        for pad in 0..8 {
            let text = "x".repeat(pad) + &"aab жжж €€ 𝄞𝄞𝄞𝄞 \u{10ffff}\u{10ffff}".repeat(2_000);
            let mut tally = Tally::new();
            tally.add_utf8(text.as_bytes());
            assert_eq!(tally.iter().collect::<Vec<_>>(), oracle(&text));

            let mut tally = Tally::new();
            let units: Vec<u8> = text
                .chars()
                .flat_map(|c| u32::from(c).to_ne_bytes())
                .collect();
            tally.add_utf32(&units);
            assert_eq!(tally.iter().collect::<Vec<_>>(), oracle(&text));

            let text = text.replace(|unit| unit > '\u{ffff}', "€");
            let mut tally = Tally::new();
            let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_ne_bytes).collect();
            tally.add_utf16(&units);
            assert_eq!(tally.iter().collect::<Vec<_>>(), oracle(&text));
        }
        let long_run = "ж".repeat(100_000);
        let mut tally = Tally::new();
        tally.add_utf8(long_run.as_bytes());
        assert_eq!(tally.iter().collect::<Vec<_>>(), oracle(&long_run));
    }

    #[test]
    fn tallies_of_bytes_add_up() {
        let mut tally = Tally::new();
        tally.add_bytes(b"aab\xff\xff\xff");
        tally.add_bytes(b"aa");
        tally.add_bytes(b"");
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
        tally.add_utf32(&[0xff; 12]);
        assert_eq!(tally.iter().count(), 0);
    }
}
