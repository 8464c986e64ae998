//! Squeezing: every run is cut to at most `most` units.
//!
//! ```text
//! for each tile:
//!     marks   = a bit for the last byte of each unit that equals the unit before it
//!     surplus = the marks of units that are at least the `most + 1`st of their run, and selected
//!     dropped = a bit for every byte of those units
//!     out    += the bytes of the tile that are not dropped
//! ```
//!
//! With `most` = 1 and all units selected, which is the usual case, `surplus` is `marks`. Otherwise units of one width
//! have shifted marks combined. Those of different widths are walked one by one: in text, one character in thirty is
//! doubled, so that this costs less than the copy.
#![forbid(unsafe_code)]

use crate::chunks::{Kind, State, Work, work_on};
use crate::code_points::InvalidUtf8;
use crate::kernel::{self, LANES};
use crate::marks::{Bits, NO_BITS, Tile, Units, ends};

/// Bits that marks are shifted by, at most: each step costs as much as a walk over one mark in 64.
const WITHIN: u64 = 32;

/// Which units of a run are kept.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    most: u64,
    only: Option<&'a [u8]>,
}

impl<'a> Rule<'a> {
    /// Keeps `most` units of each run; `None` if that is zero. `only` has a bit for each unit whose runs are cut,
    /// the lowest of the first byte for unit 0; units beyond the last bit are not selected. `None` selects all.
    ///
    /// ```
    /// use doubles::squeeze::Rule;
    /// assert!(Rule::new(0, None).is_none());
    /// ```
    pub fn new(most: u64, only: Option<&'a [u8]>) -> Option<Self> {
        (most > 0).then_some(Self { most, only })
    }

    #[inline(always)]
    fn selects(&self, unit: u32) -> bool {
        self.only.is_none_or(|bits| {
            let bits = bits.get(unit as usize / 8).copied().unwrap_or(0);
            bits >> (unit % 8) & 1 == 1
        })
    }
}

/// The state of squeezing a stream, between two chunks of it: wherever that is cut, the output is the same.
///
/// Its life: set it to all zeros, with `= {0}`, calloc or memset. Then call one of `doubles_squeeze_*` for each chunk,
/// always of the same kind and with the same rule. There is nothing to free and nothing to write at the end. After
/// the last chunk of UTF-8, look at `tail_len`: if it is not zero, the text ends in the middle of a code point, so
/// it is not valid.
///
/// ```c
/// DoublesSqueezer squeezer = {0};
/// while ((len = fread(chunk, 1, CHUNK, stdin)) > 0) {
///     number = doubles_squeeze_utf8(&squeezer, chunk, len, 1, NULL, 0, out, CHUNK + 3);
///     if (number < 0)
///         return fail(doubles_status_message(number));
///     fwrite(out, 1, number, stdout);
/// }
/// if (squeezer.tail_len > 0)
///     return fail("the text ends within a code point");
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Squeezer {
    /// The number of units in the run that ends with the last unit, at most one more than the rule keeps; 0 before
    /// the first unit.
    pub run: u64,
    /// The last unit: a byte, or the number of a code point.
    pub unit: u32,
    /// The bytes of UTF-8 after the last whole code point, which are not written yet.
    pub tail: [u8; 3],
    /// The number of bytes in `tail`.
    pub tail_len: u8,
}

impl Squeezer {
    /// Continues with a chunk, and returns how many bytes were written to `out`, which is at least as long. Of UTF-8
    /// that may be three more than the chunk has, the beginning of its first code point. Fails if text is not valid,
    /// perhaps after writing; the squeezer must not be used after that.
    ///
    /// ```
    /// use doubles::chunks::Kind;
    /// use doubles::squeeze::{Rule, Squeezer};
    /// let (mut squeezer, mut out) = (Squeezer::default(), [0; 8]);
    /// let twice = Rule::new(2, None).expect("not zero");
    /// let size = squeezer.append(Kind::Bytes, b"aaaabbbc", &twice, &mut out)?;
    /// assert_eq!(&out[..size], b"aabbc");
    /// assert_eq!(squeezer.append(Kind::Bytes, b"ccc", &twice, &mut out)?, 1);
    /// # Ok::<(), doubles::code_points::InvalidUtf8>(())
    /// ```
    pub fn append(
        &mut self,
        kind: Kind,
        chunk: &[u8],
        rule: &Rule<'_>,
        out: &mut [u8],
    ) -> Result<usize, InvalidUtf8> {
        let mut squeezing = Squeezing {
            squeezer: self,
            rule,
            dropped: NO_BITS,
            out,
            written: 0,
        };
        work_on(kind, chunk, &mut squeezing)?;
        Ok(squeezing.written)
    }

    /// Sets a bit in `dropped` for each byte of a tile that the rule drops, and clears the others. Clears the marks
    /// of units that the rule keeps.
    #[inline(always)]
    pub(crate) fn choose<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        rule: &Rule<'_>,
        marks: &mut Bits,
        dropped: &mut Bits,
    ) {
        if rule.most == 1 && rule.only.is_none() {
            self.run = 1;
        } else {
            self.select(tile, rule, marks);
        }
        tile.spread(tile.continuing().as_ref(), marks, dropped);
    }

    /// Clears the marks of units that the rule keeps.
    #[inline(always)]
    fn select<U: Units>(&mut self, tile: &Tile<'_, U>, rule: &Rule<'_>, marks: &mut Bits) {
        let mut surplus = NO_BITS;
        let bits = (rule.most - 1).saturating_mul(U::SHORTEST as u64);
        if tile.is_wide == Some(false) && bits <= WITHIN {
            self.cut_runs::<U>(tile.size, rule.most as usize, marks, &mut surplus);
        } else {
            self.cut_runs_of_any_width(tile, rule.most, marks, &mut surplus);
        }
        *marks = surplus;
        if rule.only.is_some() {
            tile.each_mark(&surplus, |last| {
                let is_kept = !rule.selects(tile.number(last));
                marks[last / LANES] &= !(u64::from(is_kept) << (last % LANES));
            });
        }
    }

    /// Sets `surplus` to the marks of units after the first `most` of their run: those with `most - 1` marks side by
    /// side before them. All units are of the same width.
    #[inline(always)]
    fn cut_runs<U: Units>(&mut self, size: usize, most: usize, marks: &Bits, surplus: &mut Bits) {
        let width = U::SHORTEST;
        let known = self.run.saturating_sub(1) as u32 * width as u32;
        // The marks of the run that ends before the tile.
        let before = ends(width) & !u64::MAX.checked_shr(known).unwrap_or(0);
        *surplus = *marks;
        for shift in (1..most).map(|units| units * width) {
            let mut last = before;
            for (surplus, &marks) in surplus.iter_mut().zip(marks) {
                *surplus &= marks << shift | last >> (LANES - shift);
                last = marks;
            }
        }
        let is_marked = |&end: &usize| marks[(end - 1) / LANES] >> ((end - 1) % LANES) & 1 == 1;
        let units = (1..=size / width).rev().map(|units| units * width);
        let marked = units.take(most).take_while(is_marked).count();
        let before = if marked * width == size { self.run } else { 1 };
        self.run = (before + marked as u64).min(most as u64 + 1);
    }

    /// Sets `surplus` to the marks of units after the first `most` of their run.
    #[inline(always)]
    fn cut_runs_of_any_width<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        most: u64,
        marks: &Bits,
        surplus: &mut Bits,
    ) {
        // The run that ends before the byte `end`, as far as is known.
        let (mut end, mut run) = (0, self.run);
        tile.each_mark(marks, |last| {
            let is_same_run = last + 1 - U::width(tile.number(last)) == end;
            run = if is_same_run { run + 1 } else { 2 };
            end = last + 1;
            surplus[last / LANES] |= u64::from(run > most) << (last % LANES);
            run = run.min(most.saturating_add(1));
        });
        self.run = if end == tile.size { run } else { 1 };
    }
}

impl State for Squeezer {
    fn last(&self) -> Option<u32> {
        (self.run > 0).then_some(self.unit)
    }

    fn tail(&mut self) -> (&mut [u8; 3], &mut u8) {
        (&mut self.tail, &mut self.tail_len)
    }
}

/// Squeezing of a chunk.
struct Squeezing<'a> {
    squeezer: &'a mut Squeezer,
    rule: &'a Rule<'a>,
    /// Bits for the bytes of a tile that are dropped.
    dropped: Bits,
    out: &'a mut [u8],
    /// The number of bytes written to `out`.
    written: usize,
}

impl Work for Squeezing<'_> {
    type State = Squeezer;
    type Fault = InvalidUtf8;

    fn state(&mut self) -> &mut Squeezer {
        self.squeezer
    }

    #[inline(always)]
    fn take_tile<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        marks: &mut Bits,
    ) -> Result<(), InvalidUtf8> {
        self.squeezer
            .choose(tile, self.rule, marks, &mut self.dropped);
        self.squeezer.unit = tile.number(tile.size - 1);
        let out = &mut self.out[self.written..];
        self.written += kernel::squeeze(tile.bytes(), &self.dropped, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{self, Case, Numbers};

    /// The definition: of each run, the first `most` units.
    fn squeezed<T: Copy + PartialEq>(
        units: &[T],
        most: u64,
        selects: impl Fn(T) -> bool,
    ) -> Vec<T> {
        let runs = units.chunk_by(|a, b| a == b);
        let kept = runs.map(|run| match selects(run[0]) {
            true => &run[..run.len().min(most.try_into().unwrap_or(usize::MAX))],
            false => run,
        });
        kept.collect::<Vec<_>>().concat()
    }

    /// Squeezes parts of some input, with no more room than is promised.
    fn squeeze(kind: Kind, bytes: &[u8], cuts: &[usize], rule: &Rule<'_>) -> Vec<u8> {
        let mut squeezer = Squeezer::default();
        let mut all = Vec::new();
        for part in oracle::cut(bytes, cuts) {
            let mut out = vec![0xEE; part.len() + usize::from(squeezer.tail_len)];
            let size = squeezer.append(kind, part, rule, &mut out);
            all.extend_from_slice(&out[..size.expect("valid")]);
        }
        all
    }

    /// A bit for each character of a text.
    fn bits_of(text: &str) -> Vec<u8> {
        let mut bits = vec![0; 0x110000 / 8];
        text.chars()
            .for_each(|c| bits[c as usize / 8] |= 1 << (c as usize % 8));
        bits
    }

    #[test]
    fn every_text_cut_anywhere_is_squeezed_as_defined() {
        let only = bits_of("aж中😀");
        for Case {
            turn,
            text,
            utf8,
            mut cuts,
        } in oracle::cases(1)
        {
            let most = [1, 1, 2, 3, 7, 64, 65, u64::MAX][turn % 8];
            let rule = Rule {
                most,
                only: (turn % 3 == 1).then_some(&only),
            };
            let selects = |c: char| rule.selects(c.into());
            let expected = squeezed(&text, most, selects);

            let found = squeeze(Kind::Utf8, &utf8, &cuts, &rule);
            let expected_utf8: String = expected.iter().collect();
            assert_eq!(String::from_utf8(found).expect("valid"), expected_utf8);

            let (wide, expected_wide) = (oracle::utf32(&text), oracle::utf32(&expected));
            oracle::round(&mut cuts, 4, wide.len());
            let found = squeeze(Kind::Utf32, &wide, &cuts, &rule);
            assert_eq!(found, expected_wide);
            // Units of two bytes are those of characters below 0x10000.
            let is_narrow = |c: &&char| u32::from(**c) < 0x10000;
            let narrow: Vec<char> = text.iter().filter(is_narrow).copied().collect();
            let halves = oracle::utf16(&narrow);
            oracle::round(&mut cuts, 2, halves.len());
            let found = squeeze(Kind::Utf16, &halves, &cuts, &rule);
            assert_eq!(found, oracle::utf16(&squeezed(&narrow, most, selects)));
        }
    }

    #[test]
    fn bytes_need_not_be_text() {
        let mut numbers = Numbers(2);
        for turn in 0..300 {
            let length = numbers.below(5000);
            let bytes: Vec<u8> = (0..length)
                .map(|_| [0, 0x80, 0xFF][numbers.below(3)])
                .collect();
            let rule = Rule {
                most: 1 + turn % 3,
                only: None,
            };
            let found = squeeze(Kind::Bytes, &bytes, &[length / 2], &rule);
            assert_eq!(found, squeezed(&bytes, rule.most, |_| true));
        }
    }

    #[test]
    fn all_equal_and_all_different() {
        let rule = Rule {
            most: 1,
            only: None,
        };
        for length in (0..200).chain(4090..4100).chain(8190..8200) {
            let zeros = vec![0; length];
            let alone = squeeze(Kind::Bytes, &zeros, &[], &rule);
            assert_eq!(alone, zeros[..length.min(1)]);
            let rising: Vec<u8> = (0..length).map(|i| i as u8).collect();
            assert_eq!(squeeze(Kind::Bytes, &rising, &[], &rule), rising);
        }
    }

    #[test]
    fn invalid_text_is_refused_wherever_it_is() {
        let rule = Rule {
            most: 1,
            only: None,
        };
        let append = |squeezer: &mut Squeezer, text: &[u8]| {
            squeezer.append(Kind::Utf8, text, &rule, &mut vec![0; text.len()])
        };
        for place in [0, 1, 63, 64, 300, 4095, 4096, 9000] {
            let mut text = vec![b'a'; 9001];
            text[place] = 0xFF;
            assert_eq!(append(&mut Squeezer::default(), &text), Err(InvalidUtf8));
        }
        let mut torn = Squeezer::default();
        assert_eq!(append(&mut torn, b"a\xd0"), Ok(1));
        assert_eq!((torn.tail, torn.tail_len), ([0xD0, 0, 0], 1));
        assert_eq!(append(&mut torn, b"a"), Err(InvalidUtf8));
    }
}
