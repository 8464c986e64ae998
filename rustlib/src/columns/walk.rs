//! Work on the text of each row: squeezing it, or finding its runs.
//!
//! Unlike numbers, what is written for a row has any size, so one thread does it, in order.
#![forbid(unsafe_code)]

use super::block::{Block, Marked};
use super::{Column, Fault, SLICE_ROWS, Units};
use crate::find::{Finder, Uncollected};
use crate::kernel;
use crate::marks::{self, Fixed, Utf8};
use crate::squeeze::Squeezer;
use std::collections::TryReserveError;
use std::ops::Range;

/// Bytes per slice, about. Where the system is slow to give memory, the runs of rows are written at 20 MB/s of input.
const SLICE_BYTES: usize = 512 << 10;

/// Work on the rows of a column, in order.
pub(super) trait Work {
    /// Makes room for rows, without their text.
    fn reserve(&mut self, rows: usize) -> Result<(), TryReserveError>;

    /// Takes rows whose text is copied and marked, the first one with the number `row`. The marks leave out the first
    /// unit of each row.
    fn take_block<U: marks::Units>(
        &mut self,
        row: usize,
        block: &mut Marked<'_, U>,
    ) -> Result<(), Uncollected>;

    /// Takes the next part of the text of a row that fits no block.
    fn take_part(
        &mut self,
        row: usize,
        open: &mut OpenRow,
        units: Units,
        part: &[u8],
    ) -> Result<(), Uncollected>;

    /// Takes the end of a row that fits no block.
    fn end_parts(&mut self, row: usize, open: &OpenRow) -> Result<(), Uncollected>;

    /// Ends rows: `is_valid(0)` is whether the first one is valid.
    fn end_rows(&mut self, rows: usize, is_valid: impl Fn(usize) -> bool);
}

/// The state of a row that fits no block, after some of its bytes.
#[derive(Default)]
pub(super) struct OpenRow {
    pub(super) squeezer: Squeezer,
    pub(super) finder: Finder,
}

/// How much of a column is done.
#[derive(Default)]
pub struct Walk {
    /// Rows that are done.
    row: usize,
    /// Bytes of the next row that are done.
    done: usize,
    open: OpenRow,
}

impl Walk {
    /// Does the work on the next slice. Returns whether there is more to do.
    pub(super) fn advance(
        &mut self,
        column: &Column<'_>,
        work: &mut impl Work,
    ) -> Result<bool, Fault> {
        let left = column.length().saturating_sub(self.row);
        work.reserve(left)?;
        let end = self.row + left.min(SLICE_ROWS);
        let mut block = Block::new();
        let mut budget = SLICE_BYTES;
        while self.row < end && budget > 0 {
            let first = self.row;
            let loaded = match self.done {
                0 => block.load_column(column, first..end),
                _ => 0,
            };
            let is_taken =
                loaded > 0 && take(column.units(), &mut block, first..first + loaded, work)?;
            let (rows, bytes) = if is_taken {
                (loaded, block.size(loaded))
            } else {
                self.advance_row(column, work)?
            };
            work.end_rows(rows, |row| column.is_valid(first + row));
            self.row += rows;
            budget = budget.saturating_sub(bytes);
        }
        Ok(self.row < column.length())
    }

    /// Works on a part of a row that fits no block. Returns how many rows and bytes are done with it.
    fn advance_row(
        &mut self,
        column: &Column<'_>,
        work: &mut impl Work,
    ) -> Result<(usize, usize), Fault> {
        let fault = |error| match error {
            Uncollected::InvalidUtf8 => Fault::InvalidUtf8 { row: self.row },
            Uncollected::NoMemory => Fault::NoMemory,
        };
        let text = column.text(self.row)?.unwrap_or_default();
        let rest = text.get(self.done..).unwrap_or_default();
        // Whole units of UTF-32, because SLICE_BYTES is a multiple of four.
        let part = &rest[..rest.len().min(SLICE_BYTES)];
        work.take_part(self.row, &mut self.open, column.units(), part)
            .map_err(fault)?;
        if part.len() < rest.len() {
            self.done += part.len();
            return Ok((0, part.len()));
        }
        work.end_parts(self.row, &self.open).map_err(fault)?;
        (self.done, self.open) = (0, OpenRow::default());
        Ok((1, part.len()))
    }
}

/// Takes the rows of a block. Returns whether all of them are valid; if not, nothing is taken.
fn take(
    units: Units,
    block: &mut Block,
    rows: Range<usize>,
    work: &mut impl Work,
) -> Result<bool, Fault> {
    let taken = kernel::run(
        #[inline(always)]
        || match units {
            Units::Bytes => take_units::<Fixed<1>>(block, rows, work),
            Units::Utf8 => take_units::<Utf8>(block, rows, work),
            Units::Utf32 => take_units::<Fixed<4>>(block, rows, work),
        },
    );
    // The text is valid, so that memory is all that can lack.
    taken.map_err(|_| Fault::NoMemory)
}

#[inline(always)]
fn take_units<U: marks::Units>(
    block: &mut Block,
    rows: Range<usize>,
    work: &mut impl Work,
) -> Result<bool, Uncollected> {
    let mut marked = block.mark::<U>(rows.len());
    if marked.tile.is_wide.is_none() || !marked.separate() {
        return Ok(false);
    }
    work.take_block(rows.start, &mut marked)?;
    Ok(true)
}
