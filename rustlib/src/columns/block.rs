//! Many short rows counted at once.
//!
//! A call for each row would cost more than most rows do. So rows are copied side by side into a block
//! that stays in the L1 cache, a kernel marks where doubles end in it, and
//!
//! ```text
//! for each 64 bytes of the block:
//!     bit i of the mask = the second unit of a double ends at i
//! for each row [start, end):
//!     count = ones in mask[start + width of the first unit .. end]
//! ```
//!
//! A row's first unit has nothing before it, so the bit where it ends is left out: that double would be
//! of two rows.
#![forbid(unsafe_code)]

use super::copy::{Copied, SHORT};
use super::layout::{Malformed, Rows, Units};
use crate::code_points;
use crate::kernel;
use crate::marks::{self, BEFORE, LANES, Units as _};
use std::ops::Range;

/// The count of a row of text that is not UTF-8.
pub(super) const INVALID: i64 = -1;

/// Bytes of text per block. With their marks they fit the L1 cache, and leave room for the column.
const TEXT: usize = 8 * 1024;

/// Rows per block, at most: as many as fit if they have eight bytes each.
const ROWS: usize = TEXT / 8;

/// The text and its padding, in whole lane blocks.
const PADDED: usize = TEXT + LANES;

const _: () = assert!(SHORT <= LANES, "there is room for the copy of a short row");

/// Counts the rows of a range into `out`, and returns the first row of text that is not UTF-8, if there is one.
/// The count of each such row is [`INVALID`], and that of a null row is 0.
pub(super) fn count(
    rows: &Rows<'_>,
    range: Range<usize>,
    out: &mut [i64],
) -> Result<Option<usize>, Malformed> {
    kernel::run(
        #[inline(always)]
        || count_blocks(rows, range, out),
    )
}

#[inline(always)]
fn count_blocks(
    rows: &Rows<'_>,
    range: Range<usize>,
    out: &mut [i64],
) -> Result<Option<usize>, Malformed> {
    let mut block = Block::new();
    let mut invalid = None;
    let mut row = range.start;
    while row < range.end {
        let rest = &mut out[row - range.start..];
        let number = match rows.units {
            Units::Utf32 => 0,
            Units::Bytes | Units::Utf8 => block.load(rows, row..range.end),
        };
        if number == 0 {
            rest[0] = count_one(rows, row)?;
            if rest[0] == INVALID {
                invalid = invalid.or(Some(row));
            }
            row += 1;
            continue;
        }
        let counts = &mut rest[..number];
        if !block.count(rows.units, counts) {
            invalid = invalid.or(block.count_valid(rows, row, counts));
        }
        if let Some(validity) = rows.validity {
            for (row, count) in (row..).zip(counts) {
                *count *= i64::from(validity.is_valid(row));
            }
        }
        row += number;
    }
    Ok(invalid)
}

/// Counts a row that is too long for a block, or has units that no block holds.
fn count_one(rows: &Rows<'_>, row: usize) -> Result<i64, Malformed> {
    if !rows.is_valid(row) {
        return Ok(0);
    }
    let text = rows.text(row)?;
    Ok(match rows.units {
        Units::Bytes => kernel::count(text) as i64,
        Units::Utf8 => code_points::summarize(text).map_or(INVALID, |found| found.count as i64),
        Units::Utf32 => kernel::count_utf32(text) as i64,
    })
}

struct Block {
    /// Zeros, the rows, and zeros again.
    text: [u8; BEFORE + PADDED],
    ends: [u32; ROWS],
    /// Where doubles end: a bit for each byte.
    doubles: [u64; PADDED / LANES],
    /// How many end before each of these.
    before: [u32; PADDED / LANES],
}

/// How many bytes continue a code point, by the highest four bits of its first one; [`TORN`] for what none
/// begins with.
const CONTINUATIONS: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, TORN, TORN, TORN, TORN, 1, 1, 2, 3];

/// A bit that no width has.
const TORN: u8 = 4;

impl Block {
    fn new() -> Self {
        Self {
            text: [0; _],
            ends: [0; _],
            doubles: [0; _],
            before: [0; _],
        }
    }

    #[inline(always)]
    fn load(&mut self, rows: &Rows<'_>, range: Range<usize>) -> usize {
        let mut copied = Copied {
            text: &mut self.text[BEFORE..][..TEXT + SHORT],
            ends: &mut self.ends,
        };
        copied.load(rows, range)
    }

    /// Counts the first rows, and returns whether all are valid UTF-8 (or bytes).
    #[inline(always)]
    fn count(&mut self, units: Units, counts: &mut [i64]) -> bool {
        let length = self.ends[counts.len() - 1] as usize;
        let padded = (length / LANES + 1) * LANES;
        self.text[BEFORE..][length..padded].fill(0);
        let text = &self.text[..BEFORE + padded];
        let doubles = &mut self.doubles[..padded / LANES];
        let wide = if units == Units::Bytes {
            marks::Fixed::<1>::mark(text, doubles)
        } else {
            marks::Utf8::mark(text, doubles)
        };
        let mut sum = 0;
        for (before, doubles) in self.before.iter_mut().zip(doubles) {
            *before = sum;
            sum += doubles.count_ones();
        }
        match wide {
            Some(false) => {
                self.count_narrow(counts);
                true
            }
            Some(true) => self.count_wide(counts),
            None => false,
        }
    }

    /// Counts the first rows, if all units have one byte. The end of a row is also the start of the next one. With
    /// the loop of [`Self::count_wide`] it takes a tenth longer; that one with this loop, 4 %.
    #[inline(always)]
    fn count_narrow(&self, counts: &mut [i64]) {
        // Doubles up to a byte, without and with that one.
        let upto = |place: usize| {
            let bits = self.doubles[place / LANES] << (!place % LANES);
            let with = self.before[place / LANES] + bits.count_ones();
            (with - (bits >> (LANES - 1)) as u32, with)
        };
        let (_, mut first) = upto(0);
        for (count, &end) in counts.iter_mut().zip(&self.ends) {
            let (all, next) = upto(end as usize);
            // The first unit of an empty row is another row's.
            *count = all.saturating_sub(first).into();
            first = next;
        }
    }

    /// Counts the first rows, and returns whether no code point is torn between two of them.
    #[inline(always)]
    fn count_wide(&self, counts: &mut [i64]) -> bool {
        let before = |place: usize| {
            let bits = self.doubles[place / LANES] & ((1 << (place % LANES)) - 1);
            self.before[place / LANES] + bits.count_ones()
        };
        let is_double = |place: usize| (self.doubles[place / LANES] >> (place % LANES)) as u32 & 1;
        let (mut start, mut all, mut torn) = (0, 0, 0);
        for (count, &end) in counts.iter_mut().zip(&self.ends) {
            let lead = self.text[BEFORE + start];
            let more = CONTINUATIONS[usize::from(lead >> 4)];
            torn |= more & TORN;
            let first = is_double(start + usize::from(more));
            let next = before(end as usize);
            // The first unit of an empty row is another row's.
            *count = (next - all).saturating_sub(first).into();
            (start, all) = (end as usize, next);
        }
        torn == 0
    }

    /// Counts the first rows one by one, because some are not UTF-8, and returns the first of these that is
    /// not null.
    #[cold]
    fn count_valid(&mut self, rows: &Rows<'_>, first: usize, counts: &mut [i64]) -> Option<usize> {
        let mut invalid = None;
        let mut start = 0;
        for (number, count) in counts.iter_mut().enumerate() {
            let end = self.ends[number] as usize;
            let text = &self.text[BEFORE + start..BEFORE + end];
            *count = match code_points::summarize(text) {
                Ok(found) => found.count as i64,
                Err(_) if rows.is_valid(first + number) => {
                    invalid = invalid.or(Some(first + number));
                    INVALID
                }
                Err(_) => 0,
            };
            start = end;
        }
        invalid
    }
}
