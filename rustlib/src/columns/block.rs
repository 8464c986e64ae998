//! Many short rows at once.
//!
//! A call for each row would cost more than most rows do. So rows are copied side by side into a block
//! that stays in the L1 cache, and a kernel marks where doubles end in it. A row's first unit has nothing before
//! it, so that its mark means nothing: that double would be of two rows.
#![forbid(unsafe_code)]

use super::Column;
use super::copy::{Copied, SHORT};
use super::layout::Rows;
use crate::marks::{BEFORE, Bits, LANES, NO_BITS, NO_UNIT, TILE, Tile, Units};
use std::ops::Range;

/// Rows per block, at most: as many as fit if they have eight bytes each.
const ROWS: usize = TILE / 8;

/// The text and its padding, in whole lane blocks.
const PADDED: usize = TILE + LANES;

const _: () = assert!(SHORT <= LANES, "there is room for the copy of a short row");

/// Copies of rows.
pub(super) struct Block {
    /// Zeros, the rows, and zeros again.
    text: [u8; BEFORE + PADDED],
    /// Where each row ends.
    ends: [u32; ROWS],
    marks: Bits,
}

/// Rows that are copied and marked.
pub(super) struct Marked<'b, U> {
    pub(super) tile: Tile<'b, U>,
    pub(super) marks: &'b mut Bits,
    /// Where each row ends. It begins where the one before it ends.
    pub(super) ends: &'b [u32],
}

impl Block {
    pub(super) fn new() -> Self {
        Self {
            text: [0; _],
            ends: [0; _],
            marks: NO_BITS,
        }
    }

    /// Copies the first rows of a range, and returns their number: 0 if the first one is malformed or does not fit.
    #[inline(always)]
    pub(super) fn load(&mut self, rows: &Rows<'_>, range: Range<usize>) -> usize {
        let mut copied = Copied {
            text: &mut self.text[BEFORE..][..TILE + SHORT],
            ends: &mut self.ends,
        };
        copied.load(rows, range)
    }

    /// Copies the first rows of a range of any column, null ones as if they were empty, and returns their number: 0 if
    /// the first one is malformed or does not fit.
    pub(super) fn load_column(&mut self, column: &Column<'_>, range: Range<usize>) -> usize {
        if let Column::Rows(rows) = column {
            let number = self.load(rows, range.clone());
            let is_null = |&row: &usize| !rows.is_valid(range.start + row);
            if rows.validity.is_none()
                || (0..number)
                    .filter(is_null)
                    .all(|row| self.row(row).is_empty())
            {
                return number;
            }
        }
        let mut copied = Copied {
            text: &mut self.text[BEFORE..][..TILE + SHORT],
            ends: &mut self.ends,
        };
        copied.load_each(range, |row| column.text(row))
    }

    /// Marks the first `rows` of the rows that were copied, at least one.
    #[inline(always)]
    pub(super) fn mark<U: Units>(&mut self, rows: usize) -> Marked<'_, U> {
        let size = self.size(rows);
        let padded = (size / LANES + 1) * LANES;
        self.text[BEFORE..][size..padded].fill(0);
        let window = &self.text[..BEFORE + padded];
        Marked {
            tile: Tile::mark(window, size, &mut self.marks),
            marks: &mut self.marks,
            ends: &self.ends[..rows],
        }
    }

    /// The number of bytes in the first `rows` of the rows that were copied, at least one.
    pub(super) fn size(&self, rows: usize) -> usize {
        self.ends[rows - 1] as usize
    }

    /// The bytes of a row that was copied.
    pub(super) fn row(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[BEFORE..][start as usize..self.ends[number] as usize]
    }
}

impl<U: Units> Marked<'_, U> {
    /// Where the first unit of a row ends that begins at a byte; a place beyond if no unit begins so.
    #[inline(always)]
    pub(super) fn first_end(&self, start: usize) -> usize {
        start + U::more(self.tile.blocks()[start])
    }

    /// Clears the marks of the first units of rows, and returns whether no code point is torn between two of them.
    #[inline(always)]
    pub(super) fn separate(&mut self) -> bool {
        let (mut start, mut torn) = (0, false);
        for &end in self.ends {
            // The first unit of an empty row is another row's, or padding.
            let first_end = self.first_end(start);
            torn |= self.is_torn(start, first_end);
            self.marks[first_end / LANES] &= !(1 << (first_end % LANES));
            start = end as usize;
        }
        !torn
    }

    /// Whether a row begins with a byte that no unit begins with: it is torn from the row before.
    #[inline(always)]
    pub(super) fn is_torn(&self, start: usize, first_end: usize) -> bool {
        first_end - start == NO_UNIT
    }
}
