//! One number for each row of many short ones: its doubles, or the units of its longest run.
//!
//! ```text
//! for each 64 bytes of the block:
//!     bit i of the mask = the second unit of a double ends at i
//! for each row [start, end):
//!     count = ones in mask[start + width of the first unit .. end]
//!     longest = 1 + count                     if that is at most one
//!             = 1 + most ones side by side    else
//! ```
#![forbid(unsafe_code)]

use super::Measure;
use super::block::{Block, Marked};
use super::layout::{self, Malformed, Rows};
use crate::code_points::InvalidUtf8;
use crate::kernel;
use crate::longest::Longest;
use crate::marks::{Bits, Fixed, LANES, TILE, Units, Utf8, below};
use crate::text_summary::{Fragment, TextSummary};
use std::num::NonZeroUsize;
use std::ops::Range;

/// The doubles before each word of marks.
type Before = [u32; TILE / LANES + 1];

/// The number of a row of text that is not UTF-8.
pub(super) const INVALID: i64 = -1;

/// Measures the rows of a range into `out`, and returns the first row of text that is not UTF-8, if there is one.
/// The number of each such row is [`INVALID`], and that of a null row is 0.
pub(super) fn measure(
    measure: Measure,
    rows: &Rows<'_>,
    range: Range<usize>,
    out: &mut [i64],
) -> Result<Option<usize>, Malformed> {
    kernel::run(
        #[inline(always)]
        || measure_blocks(measure, rows, range, out),
    )
}

#[inline(always)]
fn measure_blocks(
    measure: Measure,
    rows: &Rows<'_>,
    range: Range<usize>,
    out: &mut [i64],
) -> Result<Option<usize>, Malformed> {
    let mut block = Block::new();
    let mut invalid = None;
    let mut row = range.start;
    while row < range.end {
        let rest = &mut out[row - range.start..];
        let number = block.load(rows, row..range.end);
        if number == 0 {
            // It is too long for a block, or malformed.
            if rows.is_valid(row) {
                rest[0] = measure.of(rows.text(row)?, rows.units);
            }
            if rest[0] == INVALID {
                invalid = invalid.or(Some(row));
            }
            row += 1;
            continue;
        }
        let found = &mut rest[..number];
        let is_whole = match rows.units {
            layout::Units::Bytes => block.mark::<Fixed<1>>(number).measure(measure, found),
            layout::Units::Utf8 => block.mark::<Utf8>(number).measure(measure, found),
            layout::Units::Utf32 => block.mark::<Fixed<4>>(number).measure(measure, found),
        };
        if !is_whole {
            invalid = invalid.or(measure_valid(measure, &block, rows, row, found));
        }
        if let Some(validity) = rows.validity {
            for (row, found) in (row..).zip(found) {
                *found *= i64::from(validity.is_valid(row));
            }
        }
        row += number;
    }
    Ok(invalid)
}

/// Measures the first rows of a block one by one, because some are not UTF-8, and returns the first of these that is
/// not null.
#[cold]
fn measure_valid(
    measure: Measure,
    block: &Block,
    rows: &Rows<'_>,
    first: usize,
    out: &mut [i64],
) -> Option<usize> {
    let mut invalid = None;
    for (number, found) in out.iter_mut().enumerate() {
        *found = measure.of(block.row(number), rows.units);
        if *found == INVALID && rows.is_valid(first + number) {
            invalid = invalid.or(Some(first + number));
        }
    }
    invalid
}

impl Measure {
    /// The number of one row.
    fn of(self, text: &[u8], units: layout::Units) -> i64 {
        let mut part = Part::new(self);
        part.append(text, units, NonZeroUsize::new(1));
        part.end()
    }
}

/// The beginning of a row.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Doubles(TextSummary),
    Longest(Longest),
    Invalid,
}

impl Part {
    pub(super) fn new(measure: Measure) -> Self {
        match measure {
            Measure::Doubles => Self::Doubles(TextSummary::EMPTY),
            Measure::Longest => Self::Longest(Longest::default()),
        }
    }

    /// Continues with more of the row.
    pub(super) fn append(
        &mut self,
        text: &[u8],
        units: layout::Units,
        threads: Option<NonZeroUsize>,
    ) {
        let appended = match (&mut *self, units) {
            (Self::Doubles(sum), layout::Units::Bytes) => {
                sum.append_units::<u8>(text, None, threads)
            }
            (Self::Doubles(sum), layout::Units::Utf8) => sum.append_utf8(text, None, threads),
            (Self::Doubles(sum), layout::Units::Utf32) => {
                sum.append_units::<u32>(text, None, threads)
            }
            (Self::Longest(longest), units) => longest.append(units.into(), text),
            (Self::Invalid, _) => Ok(()),
        };
        if let Err(InvalidUtf8) = appended {
            *self = Self::Invalid;
        }
    }

    /// The number of the row, once it is whole.
    pub(super) fn end(self) -> i64 {
        match self {
            Self::Doubles(TextSummary {
                head: Fragment::EMPTY,
                body,
                tail: Fragment::EMPTY,
            }) => body.count as i64,
            Self::Longest(longest) if longest.tail_len == 0 => longest.longest as i64,
            _ => INVALID,
        }
    }
}

impl<U: Units> Marked<'_, U> {
    /// Measures the rows, and returns whether all are valid UTF-8, if they have to be.
    #[inline(always)]
    fn measure(&self, measure: Measure, out: &mut [i64]) -> bool {
        let Some(is_wide) = self.tile.is_wide else {
            return false;
        };
        let mut before: Before = [0; _];
        let mut sum = 0;
        for (before, marks) in before.iter_mut().zip(&*self.marks) {
            *before = sum;
            sum += marks.count_ones();
        }
        let is_narrow = U::SHORTEST == 1 && !is_wide;
        let is_whole = is_narrow || self.count_wide(&before, out);
        if is_narrow {
            self.count_narrow(&before, out);
        }
        if measure == Measure::Longest {
            self.lengthen(is_narrow, out);
        }
        is_whole
    }

    /// Counts the doubles of each row, if all units have one byte. The end of a row is also the start of the next
    /// one. With the loop of [`Self::count_wide`] it takes a tenth longer; that one with this loop, 4 %.
    #[inline(always)]
    fn count_narrow(&self, before: &Before, counts: &mut [i64]) {
        // Doubles up to a byte, without and with that one.
        let upto = |place: usize| {
            let bits = self.marks[place / LANES] << (!place % LANES);
            let with = before[place / LANES] + bits.count_ones();
            (with - (bits >> (LANES - 1)) as u32, with)
        };
        let (_, mut first) = upto(0);
        for (count, &end) in counts.iter_mut().zip(self.ends) {
            let (all, next) = upto(end as usize);
            // The first unit of an empty row is another row's.
            *count = all.saturating_sub(first).into();
            first = next;
        }
    }

    /// Counts the doubles of each row, and returns whether no code point is torn between two of them.
    #[inline(always)]
    fn count_wide(&self, before: &Before, counts: &mut [i64]) -> bool {
        let before = |place: usize| {
            before[place / LANES] + (self.marks[place / LANES] & below(place % LANES)).count_ones()
        };
        let is_double = |place: usize| (self.marks[place / LANES] >> (place % LANES)) as u32 & 1;
        let (mut start, mut all, mut torn) = (0, 0, false);
        for (count, &end) in counts.iter_mut().zip(self.ends) {
            let first_end = self.first_end(start);
            torn |= self.is_torn(start, first_end);
            let next = before(end as usize);
            // The first unit of an empty row is another row's.
            *count = (next - all).saturating_sub(is_double(first_end)).into();
            (start, all) = (end as usize, next);
        }
        !torn
    }

    /// Replaces the count of each row by the number of units in its longest run.
    #[inline(always)]
    fn lengthen(&self, is_narrow: bool, counts: &mut [i64]) {
        let mut start = 0;
        for (number, &end) in counts.iter_mut().zip(self.ends) {
            let end = end as usize;
            if *number < 2 {
                *number += i64::from(start < end);
            } else if is_narrow {
                *number = 1 + most_ones(self.marks, start + 1..end);
            } else {
                *number = 1 + self.most_repeats(start..end);
            }
            start = end;
        }
    }

    /// The most units side by side in a row that equal the one before them.
    fn most_repeats(&self, row: Range<usize>) -> i64 {
        let (mut most, mut repeats, mut end) = (0, 0, 0);
        let mut at = self.first_end(row.start) + 1;
        while at < row.end {
            let mut left = self.marks[at / LANES] >> (at % LANES) << (at % LANES);
            let next = (at / LANES + 1) * LANES;
            if next > row.end {
                left &= below(row.end % LANES);
            }
            while left != 0 {
                let last = at / LANES * LANES + left.trailing_zeros() as usize;
                let width = U::width(self.tile.number(last));
                repeats = if end + width == last + 1 {
                    repeats + 1
                } else {
                    1
                };
                most = most.max(repeats);
                end = last + 1;
                left &= left - 1;
            }
            at = next;
        }
        most
    }
}

/// The most ones side by side in a range of bits.
#[inline(always)]
fn most_ones(bits: &Bits, range: Range<usize>) -> i64 {
    let (mut most, mut open) = (0, 0);
    for at in range.clone().step_by(LANES) {
        let (word, shift) = (at / LANES, at % LANES);
        // Two shifts, as one by 64 is not defined.
        let mut ones = bits[word] >> shift | bits[word + 1] << 1 << (LANES - 1 - shift);
        if range.end - at < LANES {
            ones &= below(range.end - at);
        }
        if ones == u64::MAX {
            open += LANES as u32;
            continue;
        }
        most = most
            .max(open + ones.trailing_ones())
            .max(most_ones_of(ones));
        open = ones.leading_ones();
    }
    most.max(open).into()
}

/// The most ones side by side in a word that has a zero: powers of two are tried from the largest, without a branch.
#[inline(always)]
fn most_ones_of(word: u64) -> u32 {
    // Where 1, 2, 4 ... 32 ones end.
    let mut ends = [word; 6];
    for power in 1..ends.len() {
        ends[power] = ends[power - 1] & ends[power - 1] << (1 << (power - 1));
    }
    let (mut most, mut places) = (0, u64::MAX);
    for (power, ends) in ends.iter().enumerate().rev() {
        let longer = places & ends << most;
        let is_any = longer != 0;
        places = if is_any { longer } else { places };
        most += u32::from(is_any) << power;
    }
    most
}
