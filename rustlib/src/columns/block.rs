//! Many short rows counted at once.
//!
//! A call for each row would cost more than most rows do. So rows are copied side by side into a block
//! that stays in the L1 cache, and
//!
//! ```text
//! for each 64 bytes of the block:
//!     bit i of the mask = a unit begins at i and equals the one before it
//! for each row [start, end):
//!     count = ones in mask[start + 1 .. end]
//! ```
//!
//! A row's first unit has nothing before it, so its bit, which belongs to the row before, is left out.
//! No other bit of a valid row looks past its beginning: a code point that equals the bytes before it
//! equals a whole code point, which begins where one of the row does.
#![forbid(unsafe_code)]

use super::rows::{Copied, Malformed, Rows, Units};
use crate::code_points;
use crate::kernel::{self, LANES, REACH, is_lead, seconds};
use std::ops::Range;

/// What stands for the count of a row that is not UTF-8.
pub(super) const INVALID: i64 = -1;

/// Bytes of text per block. With its masks and ends it fits the L1 cache and leaves room for what is read.
const TEXT: usize = 16 * 1024;

/// Rows per block, at most: as many as fit if they have eight bytes each.
const ROWS: usize = TEXT / 8;

/// Room before the text, for what a mask compares with.
const BEFORE: usize = REACH;

/// Room after it, for the same and for the copy of a short row.
const AFTER: usize = LANES + REACH;

/// Counts the rows of a range into `out`, and returns the first that is not UTF-8 though it should be,
/// if there is one; the count of each such row is [`INVALID`], and that of rows which are not there 0.
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
        match block.width(rows.units, number) {
            Some(0) => block.count::<0>(counts),
            Some(1 | 2) => block.count::<2>(counts),
            Some(3) => block.count::<3>(counts),
            Some(_) => block.count::<4>(counts),
            None => invalid = invalid.or(block.count_valid(rows, row, counts)),
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

/// Counts a row that fits in no block, or is of units that no block holds.
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
    text: [u8; BEFORE + TEXT + AFTER],
    ends: [u32; ROWS],
    masks: [Mask; TEXT / LANES + 1],
}

/// One bit for each of [`LANES`] bytes.
#[derive(Clone, Copy)]
struct Mask {
    bits: u64,
    /// Ones in all masks before this one.
    before: u32,
}

impl Block {
    fn new() -> Self {
        Self {
            text: [0; _],
            ends: [0; _],
            masks: [Mask { bits: 0, before: 0 }; _],
        }
    }

    #[inline(always)]
    fn load(&mut self, rows: &Rows<'_>, range: Range<usize>) -> usize {
        let mut copied = Copied {
            text: &mut self.text[BEFORE..BEFORE + TEXT + AFTER / 2],
            ends: &mut self.ends,
        };
        copied.load(rows, range)
    }

    /// The text of the first rows.
    #[inline(always)]
    fn text(&self, rows: usize) -> &[u8] {
        let length = self.ends[rows - 1] as usize;
        &self.text[BEFORE..BEFORE + length]
    }

    /// The width of the widest code point in the first rows, 0 if every byte is a unit; none if one of
    /// the rows is not UTF-8.
    #[inline(always)]
    fn width(&self, units: Units, rows: usize) -> Option<usize> {
        let text = self.text(rows);
        let greatest = greatest(text);
        if units == Units::Bytes || greatest < 0x80 {
            return Some(0);
        }
        let is_torn = |end: &u32| text.get(*end as usize).is_some_and(|&byte| !is_lead(byte));
        let torn = self.ends[..rows].iter().filter(|end| is_torn(end)).count();
        if torn > 0 || kernel::count_utf8(text).is_none() {
            return None;
        }
        Some(match greatest {
            0..0xE0 => 2,
            0xE0..0xF0 => 3,
            0xF0.. => 4,
        })
    }

    /// Counts the first rows, of code points of at most `WIDEST` bytes, or of bytes if that is 0.
    #[inline(always)]
    fn count<const WIDEST: usize>(&mut self, counts: &mut [i64]) {
        let mut before = 0;
        // The last row may end where the last mask does, so there is one more.
        let masks = self.text(counts.len()).len() / LANES + 1;
        for (index, mask) in self.masks[..masks].iter_mut().enumerate() {
            let window = &self.text[index * LANES..][..LANES + 2 * REACH];
            let bits = seconds::<WIDEST>(window.try_into().expect("as long as it says"));
            *mask = Mask { bits, before };
            before += bits.count_ones();
        }
        let (mut start, mut before) = (0, 0);
        for (count, &end) in counts.iter_mut().zip(&self.ends) {
            let first = self.masks[start as usize / LANES].bits >> (start as usize % LANES) & 1;
            let first = first as u32 & u32::from(end > start);
            let mask = self.masks[end as usize / LANES];
            let ones = mask.bits & ((1 << (end as usize % LANES)) - 1);
            let upto = mask.before + ones.count_ones();
            *count = i64::from(upto - before - first);
            (start, before) = (end, upto);
        }
    }

    /// Counts the first rows one by one, of which some are not UTF-8, and returns the first of them
    /// that is there.
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

/// The greatest of the bytes; in lanes, which become vectors.
#[inline(always)]
fn greatest(text: &[u8]) -> u8 {
    let (chunks, rest) = text.as_chunks::<LANES>();
    let mut lanes = [0u8; LANES];
    for chunk in chunks {
        for (lane, &byte) in lanes.iter_mut().zip(chunk) {
            *lane = byte.max(*lane);
        }
    }
    lanes
        .iter()
        .chain(rest)
        .fold(0, |greatest, &byte| byte.max(greatest))
}
