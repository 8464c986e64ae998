//! The longest run of a stream.
//!
//! ```text
//! for each tile:
//!     repeats = a bit for every byte of each unit that equals the unit before it
//!     a run of n units of w bytes is (n - 1) * w ones, between zeros
//!     for each word of repeats that might have more ones side by side than the longest run so far:
//!         measure its runs
//! ```
//!
//! After some thousand characters almost no tile has such a word, so that most cost a few operations on vectors.
#![forbid(unsafe_code)]

use crate::code_points::InvalidUtf8;
use crate::kernel::{self, LANES};
use crate::marks::{Bits, Fixed, NO_BITS, Tile, Tiles, Units, Utf8};
use crate::text_summary::Fragment;

/// The longest run of a stream, between two chunks of it: wherever that is cut, the run is the same.
///
/// Its life: set it to all zeros, with `= {0}`, calloc or memset. Then call one of `doubles_longest_*` for each chunk,
/// always of the same kind. After the last one `start`, `longest` and `unit` are the first of the longest runs, and
/// `longest` is 0 if there was no unit at all. There is nothing to free. After the last chunk of UTF-8, look at
/// `tail_len`: if it is not zero, the text ends in the middle of a code point, so it is not valid.
///
/// ```c
/// DoublesLongest longest = {0};
/// while ((len = fread(chunk, 1, CHUNK, stdin)) > 0)
///     if ((status = doubles_longest_utf8(&longest, chunk, len)) < 0)
///         return fail(doubles_status_message(status));
/// if (longest.tail_len > 0)
///     return fail("the text ends within a code point");
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Longest {
    /// The number of units so far.
    pub length: u64,
    /// The number of units before the longest run.
    pub start: u64,
    /// The number of units in the longest run; 0 before the first unit.
    pub longest: u64,
    /// The number of units in the run that ends with the last unit; 0 before the first unit.
    pub run: u64,
    /// The unit that the longest run repeats: a byte, or the number of a code point.
    pub unit: u32,
    /// The last unit.
    pub last: u32,
    /// The bytes of UTF-8 after the last whole code point.
    pub tail: [u8; 3],
    /// The number of bytes in `tail`.
    pub tail_len: u8,
}

impl Longest {
    /// Continues with bytes.
    ///
    /// ```
    /// use doubles::longest::Longest;
    /// let mut longest = Longest::default();
    /// longest.append_bytes(b"abb");
    /// longest.append_bytes(b"bcc");
    /// assert_eq!((longest.start, longest.longest, longest.unit), (1, 3, b'b'.into()));
    /// ```
    pub fn append_bytes(&mut self, bytes: &[u8]) {
        self.append_fixed::<1>(bytes);
    }

    /// Continues with units of two bytes, in the machine's byte order and of any alignment. Bytes after the
    /// last whole unit are dropped.
    pub fn append_utf16(&mut self, bytes: &[u8]) {
        self.append_fixed::<2>(bytes);
    }

    /// Continues with units of four bytes, in the machine's byte order and of any alignment. Bytes after the
    /// last whole unit are dropped.
    pub fn append_utf32(&mut self, bytes: &[u8]) {
        self.append_fixed::<4>(bytes);
    }

    /// Continues with UTF-8, which may begin and end within a code point. Fails if the text is not valid;
    /// the struct must not be used after that.
    pub fn append_utf8(&mut self, text: &[u8]) -> Result<(), InvalidUtf8> {
        let before = self.tail().ok_or(InvalidUtf8)?;
        let mut room = [0; 6];
        let (cut, body, tail) = before.complete(text, &mut room)?;
        self.append::<Utf8>(cut)?;
        self.append::<Utf8>(body)?;
        (self.tail, self.tail_len) = tail.into_parts();
        Ok(())
    }

    /// The struct itself, unless others have written a tail into it that is none.
    pub fn validated(self) -> Option<Self> {
        self.tail().map(|_| self)
    }

    fn tail(&self) -> Option<Fragment> {
        Fragment::from_parts(self.tail, self.tail_len)
    }

    fn append_fixed<const WIDTH: usize>(&mut self, bytes: &[u8]) {
        let valid = self.append::<Fixed<WIDTH>>(bytes);
        valid.expect("units of fixed width are valid");
    }

    fn append<U: Units>(&mut self, bytes: &[u8]) -> Result<(), InvalidUtf8> {
        let mut tiles = Tiles::<U>::new(bytes, (self.run > 0).then_some(self.last));
        let (mut marks, mut repeats) = (NO_BITS, NO_BITS);
        while let Some(tile) = tiles.advance(&mut marks) {
            tile.is_wide.ok_or(InvalidUtf8)?;
            if self.longest == 0 {
                (self.longest, self.unit) = (1, tile.first());
            }
            kernel::run(
                #[inline(always)]
                || {
                    let continuing = tile.continuing();
                    tile.spread(continuing.as_ref(), &marks, &mut repeats);
                    self.append_tile(&tile, continuing.as_ref(), &repeats);
                },
            );
        }
        Ok(())
    }

    #[inline(always)]
    fn append_tile<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        continuing: Option<&Bits>,
        repeats: &Bits,
    ) {
        // Ones side by side before the word.
        let mut open = self.run.saturating_sub(1) * U::width(self.last) as u64;
        let mut before = word_before(open);
        let (last, words) = repeats[..=tile.size / LANES]
            .split_last()
            .expect("one at least");
        let wanted = self.longest * U::SHORTEST as u64;
        let is_full = words.iter().fold(u64::MAX, |all, word| all & word) == u64::MAX;
        // Neither loop of these has a branch, so that a CPU takes several words at once.
        let is_poor = wanted >= 4 && !have_four_ones(before, words);
        let skipped = if is_full || is_poor { words.len() } else { 0 };
        if let (true, Some(word)) = (is_poor, words.last()) {
            open = word.leading_ones().into();
        } else if is_full {
            open += (words.len() * LANES) as u64;
        }
        for (block, &word) in words.iter().enumerate().skip(skipped) {
            if word == u64::MAX {
                open += LANES as u64;
                before = word;
                continue;
            }
            // Two ones are rare in text, and a longer run has more, of which the last are in this word or end
            // with the one before it.
            let two =
                word & (word << 1 | before >> (LANES - 1)) | (before & before << 1) >> (LANES - 1);
            let wanted = self.longest * U::SHORTEST as u64;
            if (two != 0 || wanted < 2) && has_ones(before, word, wanted) {
                self.measure_word(tile, continuing, (block, word), open);
            }
            open = word.leading_ones().into();
            before = word;
        }
        self.measure_word(tile, continuing, (words.len(), *last), open);
        let lanes = (tile.size % LANES) as u32;
        let ones = last
            .checked_shl(u64::BITS - lanes)
            .unwrap_or(0)
            .leading_ones();
        let ones = if ones == lanes { open } else { 0 } + u64::from(ones);
        self.last = tile.number(tile.size - 1);
        self.run = ones / U::width(self.last) as u64 + 1;
        self.length += tile.units_before(continuing, tile.size);
    }

    /// Measures the runs that end in a word of a tile, and one of `open` ones that ends before it.
    #[cold]
    fn measure_word<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        continuing: Option<&Bits>,
        (block, word): (usize, u64),
        open: u64,
    ) {
        // Ones at the end of the word may have more after them.
        let tail = word.leading_ones();
        let mut left = word << tail >> tail;
        let mut end = left.trailing_ones();
        let mut ones = open + u64::from(end);
        loop {
            let byte = block * LANES + end as usize;
            // A run that ended with the last tile was measured there.
            if ones > 0 && byte > 0 {
                let unit = tile.number(byte - 1);
                let length = ones / U::width(unit) as u64 + 1;
                if length > self.longest {
                    let end = self.length + tile.units_before(continuing, byte);
                    (self.start, self.longest, self.unit) = (end - length, length, unit);
                }
            }
            left = left >> end << end;
            if left == 0 {
                return;
            }
            let start = left.trailing_zeros();
            ones = (left >> start).trailing_ones().into();
            end = start + ones as u32;
        }
    }
}

/// A word that ends with a number of ones, or with all that fit.
fn word_before(ones: u64) -> u64 {
    match LANES as u64 - ones.min(LANES as u64) {
        64 => 0,
        zeros => u64::MAX << zeros,
    }
}

/// Whether any words have four ones side by side, with those at the end of the word before them.
#[inline(always)]
fn have_four_ones(mut before: u64, words: &[u64]) -> bool {
    let mut found = 0;
    for &word in words {
        let shifted = |by| word << by | before >> (LANES - by);
        found |= word & shifted(1) & shifted(2) & shifted(3);
        before = word;
    }
    found != 0
}

/// Whether two words have a number of ones side by side, of which all beyond 64 are taken for granted.
#[inline(always)]
fn has_ones(before: u64, word: u64, number: u64) -> bool {
    let mut left = number.min(LANES as u64);
    let mut words = u128::from(before) | u128::from(word) << LANES;
    while left > 1 {
        let half = left / 2;
        words &= words >> half;
        left -= half;
    }
    words != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{self, Case, Numbers};

    /// The definition: the first of the longest runs.
    fn longest<T: Copy + PartialEq + Into<u32>>(units: &[T]) -> (u64, u64, u32) {
        let (mut found, mut start) = ((0, 0, 0), 0);
        for run in units.chunk_by(|a, b| a == b) {
            let length = run.len() as u64;
            if length > found.1 {
                found = (start, length, run[0].into());
            }
            start += length;
        }
        found
    }

    fn check<T: Copy + PartialEq + Into<u32>>(
        units: &[T],
        bytes: &[u8],
        cuts: &[usize],
        append: impl Fn(&mut Longest, &[u8]),
    ) {
        let mut found = Longest::default();
        oracle::cut(bytes, cuts).for_each(|part| append(&mut found, part));
        assert_eq!(
            (found.start, found.longest, found.unit),
            longest(units),
            "{} bytes, cut at {cuts:?}",
            bytes.len()
        );
        assert_eq!(found.length, units.len() as u64);
    }

    #[test]
    fn every_text_cut_anywhere_is_measured_as_defined() {
        for Case {
            text,
            utf8,
            mut cuts,
            ..
        } in oracle::cases(3)
        {
            check(&text, &utf8, &cuts, |longest, part| {
                longest.append_utf8(part).expect("valid");
            });

            let wide = oracle::utf32(&text);
            oracle::round(&mut cuts, 4, wide.len());
            check(&text, &wide, &cuts, Longest::append_utf32);
            let halves: Vec<u16> = text.iter().map(|&c| u32::from(c) as u16).collect();
            let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_ne_bytes()).collect();
            check(&halves, &bytes, &[], Longest::append_utf16);
        }
    }

    /// Runs of each length up to one beyond a tile, at places around words and tiles.
    #[test]
    fn runs_across_words_and_tiles() {
        for length in [2, 3, 63, 64, 65, 127, 128, 129, 4095, 4096, 4097, 9000] {
            for start in [0, 1, 62, 63, 64, 65, 4094, 4095, 4096, 4097] {
                let mut bytes: Vec<u8> = (0..start + length + 70).map(|i| 128 | i as u8).collect();
                bytes[start..start + length].fill(b'x');
                check(&bytes, &bytes, &[], Longest::append_bytes);
                check(
                    &bytes,
                    &bytes,
                    &[start + 1, start + length - 1],
                    Longest::append_bytes,
                );
            }
        }
    }

    #[test]
    fn ones_side_by_side() {
        let mut numbers = Numbers(4);
        let mut word = || {
            (0..64).fold(0, |word: u64, _| {
                word << 1 | u64::from(numbers.below(9) > 0)
            })
        };
        for _ in 0..2000 {
            let (before, word) = (word(), word());
            let text = format!("{word:064b}{before:064b}");
            let most = text.split('0').map(str::len).max().unwrap_or(0) as u64;
            let words = u128::from(before) | u128::from(word) << LANES;
            let has_four = (LANES..2 * LANES).any(|last| words >> (last - 3) & 0xF == 0xF);
            assert_eq!(have_four_ones(before, &[word]), has_four, "{text}");
            assert_eq!(have_four_ones(0, &[before, word]), most >= 4, "{text}");
            for number in 1..70 {
                assert_eq!(
                    has_ones(before, word, number),
                    most >= number.min(64),
                    "{text}"
                );
            }
        }
        for ones in 0..70 {
            assert_eq!(u64::from(word_before(ones).leading_ones()), ones.min(64));
            assert_eq!(u64::from(word_before(ones).count_ones()), ones.min(64));
        }
    }
}
