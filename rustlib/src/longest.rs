//! The longest run of a stream.
//!
//! ```text
//! for each tile:
//!     repeats = a bit for every byte of each unit that equals the unit before it
//!     a run of n units of w bytes is (n - 1) * w ones, between zeros
//!     if repeats have more ones side by side than the longest run so far:
//!         find the runs of the tile that are longer
//! ```
//!
//! After some thousand characters almost no tile has them, so that most cost a few operations on vectors.
#![forbid(unsafe_code)]

use crate::chunks::{Kind, State, Work, work_on};
use crate::code_points::InvalidUtf8;
use crate::find::{Edges, Finder, Found, Run, Search, Sink};
use crate::kernel::{self, LANES};
use crate::marks::{Bits, NO_BITS, Tile, Units, below, ends};

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
    /// Continues with a chunk. Fails if text is not valid; the struct must not be used after that.
    ///
    /// ```
    /// use doubles::chunks::Kind;
    /// use doubles::longest::Longest;
    /// let mut longest = Longest::default();
    /// longest.append(Kind::Bytes, b"abb")?;
    /// longest.append(Kind::Bytes, b"bcc")?;
    /// assert_eq!((longest.start, longest.longest, longest.unit), (1, 3, b'b'.into()));
    /// # Ok::<(), doubles::code_points::InvalidUtf8>(())
    /// ```
    pub fn append(&mut self, kind: Kind, chunk: &[u8]) -> Result<(), InvalidUtf8> {
        let mut measuring = Measuring {
            longest: self,
            edges: Edges::new(),
            repeats: NO_BITS,
        };
        work_on(kind, chunk, &mut measuring)
    }

    /// Keeps a run if it is longer than the longest so far.
    fn take_run(&mut self, start: u64, length: u64, unit: u32) {
        if length > self.longest {
            (self.start, self.longest, self.unit) = (start, length, unit);
        }
    }
}

impl State for Longest {
    fn last(&self) -> Option<u32> {
        (self.run > 0).then_some(self.last)
    }

    fn tail(&mut self) -> (&mut [u8; 3], &mut u8) {
        (&mut self.tail, &mut self.tail_len)
    }
}

/// Measuring of a chunk.
struct Measuring<'a> {
    longest: &'a mut Longest,
    edges: Edges,
    repeats: Bits,
}

impl Work for Measuring<'_> {
    type State = Longest;
    type Fault = InvalidUtf8;

    fn state(&mut self) -> &mut Longest {
        self.longest
    }

    #[inline(always)]
    fn take_tile<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        marks: &mut Bits,
    ) -> Result<(), InvalidUtf8> {
        let longest = &mut *self.longest;
        let width = U::SHORTEST;
        let continuing = tile.continuing();
        let repeats = match &continuing {
            Some(_) => {
                tile.spread(continuing.as_ref(), marks, &mut self.repeats);
                &self.repeats
            }
            None => &*marks,
        };
        let repeats = &repeats[..=tile.size / LANES];
        let (&last, words) = repeats.split_last().expect("one at least");
        let lanes = tile.size % LANES;
        // The repeats before the tile.
        let open = longest.run.saturating_sub(1) * U::width(longest.last) as u64;
        let before = ones_before(open) & ends(width);
        let all = words.iter().fold(u64::MAX, |all, word| all & word);
        let ones = if all | !ends(width) == u64::MAX && last == ends(width) & below(lanes) {
            open + tile.size as u64
        } else if has_longer::<U>(longest.longest, before, marks, repeats, continuing.as_ref()) {
            return self.search(tile, marks);
        } else {
            // Fewer than are in a word.
            let two = u128::from(last) << LANES | u128::from(*words.last().unwrap_or(&before));
            let two = two << (LANES - lanes);
            let two = (0..width).fold(0, |all, by| all | two >> by);
            two.leading_ones().into()
        };
        longest.last = tile.number(tile.size - 1);
        longest.run = ones / U::width(longest.last) as u64 + 1;
        longest.length += tile.units_before(continuing.as_ref(), tile.size);
        longest.take_run(longest.length - longest.run, longest.run, longest.last);
        Ok(())
    }
}

impl Measuring<'_> {
    /// Measures the runs of a tile.
    #[cold]
    fn search<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        marks: &mut Bits,
    ) -> Result<(), InvalidUtf8> {
        let longest = &mut *self.longest;
        let mut finder = Finder {
            length: longest.length,
            run: Run {
                start: longest.length - longest.run,
                length: longest.run,
                unit: longest.last,
                ..Run::default()
            },
            ..Finder::default()
        };
        let (least, edges) = (longest.longest + 1, &mut self.edges);
        let mut search = Search::new(&mut finder, least, edges, &mut *longest);
        kernel::run(
            #[inline(always)]
            || search.take_tile(tile, marks),
        )?;
        (longest.length, longest.run) = (finder.length, finder.run.length);
        longest.last = finder.run.unit;
        longest.take_run(finder.run.start, finder.run.length, finder.run.unit);
        Ok(())
    }
}

impl Sink for &mut Longest {
    type Fault = InvalidUtf8;

    #[inline(always)]
    fn take<U: Units, const WIDE: bool>(
        &mut self,
        run: Run,
        _: usize,
        _: &Found<'_, U, WIDE>,
    ) -> Result<(), InvalidUtf8> {
        self.take_run(run.start, run.length, run.unit);
        Ok(())
    }
}

/// Whether a tile might have a run of more than `longest` units. `repeats` has a bit for each mark, or, if `continuing`
/// says which bytes continue code points, for every byte of a marked one. `before` is the word before it.
#[inline(always)]
fn has_longer<U: Units>(
    longest: u64,
    before: u64,
    marks: &Bits,
    repeats: &[u64],
    continuing: Option<&Bits>,
) -> bool {
    let Some(continuing) = continuing else {
        return have_ones(before, repeats.iter().copied(), longest, U::SHORTEST);
    };
    // A code point of two bytes or more has that many ones, so that each double would look like a longer run.
    let ascii = marks
        .iter()
        .zip(continuing)
        .map(|(marks, more)| marks & !more);
    let others = repeats
        .iter()
        .zip(ascii.clone())
        .map(|(all, ascii)| all & !ascii);
    have_ones(before, ascii.take(repeats.len()), longest, 1)
        || have_ones(before, others, 2 * longest, 1)
}

/// A word that ends with a number of ones, or with all that fit.
fn ones_before(number: u64) -> u64 {
    let zeros = (LANES as u64).saturating_sub(number);
    u64::MAX.checked_shl(zeros as u32).unwrap_or(0)
}

/// Whether words have a number of ones, each `step` bits after the one before it, of which all beyond one word are
/// taken for granted. `before` is the word before them.
#[inline(always)]
fn have_ones(mut before: u64, words: impl Iterator<Item = u64>, number: u64, step: usize) -> bool {
    let number = number.min((LANES / step) as u64) as usize;
    // Bits where `many` ones end.
    let (mut ends, mut size, mut many) = (NO_BITS, 0, 1);
    let mut any = 0;
    for (end, word) in ends.iter_mut().zip(words) {
        *end = word;
        any |= word;
        size += 1;
    }
    while any != 0 && many < number {
        let more = many.min(number - many);
        let by = more * step;
        let mut last = before;
        any = 0;
        for end in &mut ends[..size] {
            let word = *end;
            *end &= word << by | last >> (LANES - by);
            any |= *end;
            last = word;
        }
        before &= before << by;
        many += more;
    }
    any != 0 || number == 0
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
        kind: Kind,
        bytes: &[u8],
        cuts: &[usize],
    ) {
        let mut found = Longest::default();
        oracle::cut(bytes, cuts).for_each(|part| found.append(kind, part).expect("valid"));
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
            check(&text, Kind::Utf8, &utf8, &cuts);
            let wide = oracle::utf32(&text);
            oracle::round(&mut cuts, 4, wide.len());
            check(&text, Kind::Utf32, &wide, &cuts);
            let halves: Vec<u16> = text.iter().map(|&c| u32::from(c) as u16).collect();
            let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_ne_bytes()).collect();
            check(&halves, Kind::Utf16, &bytes, &[]);
        }
    }

    /// Runs of each length up to one beyond a tile, at places around words and tiles, after one of another length.
    #[test]
    fn runs_across_words_and_tiles() {
        for length in [2, 3, 63, 64, 65, 127, 128, 129, 4095, 4096, 4097, 9000] {
            for start in [0, 1, 62, 63, 64, 65, 4094, 4095, 4096, 4097] {
                let mut bytes: Vec<u8> = (0..start + length + 70).map(|i| 128 | i as u8).collect();
                bytes[start..start + length].fill(b'x');
                check(&bytes, Kind::Bytes, &bytes, &[]);
                check(
                    &bytes,
                    Kind::Bytes,
                    &bytes,
                    &[start + 1, start + length - 1],
                );
                for other in [length - 1, length, length + 1] {
                    let bytes = [&vec![b'y'; other], &bytes[..]].concat();
                    check(&bytes, Kind::Bytes, &bytes, &[]);
                }
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
            let words = [word(), word(), word()];
            // Where `number` ones end, `step` bits apart, by a look at each bit.
            let bit = |at: usize| words[at / LANES] >> (at % LANES) & 1 == 1;
            let has = |first: usize, number: u64, step: usize| {
                let is_end = |end: usize| {
                    (0..number as usize).all(|ones| end.checked_sub(ones * step).is_some_and(bit))
                };
                (first..3 * LANES).any(is_end)
            };
            for step in [1, 2, 4] {
                for number in 0..70 {
                    let few = number.min((LANES / step) as u64);
                    let found = have_ones(0, words.into_iter(), number, step);
                    assert_eq!(found, has(0, few, step), "{number} of {step} in {words:x?}");
                    let found = have_ones(words[0], words[1..].iter().copied(), number, step);
                    assert_eq!(
                        found,
                        has(LANES, few, step),
                        "{number} of {step} in {words:x?}"
                    );
                }
            }
        }
        for number in 0..70 {
            let word = ones_before(number);
            assert_eq!(u64::from(word.leading_ones()), number.min(64));
            assert_eq!(u64::from(word.count_ones()), number.min(64));
        }
    }
}
