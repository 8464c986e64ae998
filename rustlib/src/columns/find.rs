//! The runs of the rows of a column.
#![forbid(unsafe_code)]

use super::block::Marked;
use super::walk::{OpenRow, Work};
use super::{Column, Fault, Units, Walk};
use crate::find::{RowFinder, Uncollected};
use crate::marks;
use crate::runs::Runs;
use std::collections::TryReserveError;

/// A search for the runs of the rows of columns, one after the other.
pub struct RowSearch<'a> {
    runs: &'a mut Runs,
    least: u64,
    /// The number of the first row of the column.
    first: i64,
    finder: RowFinder,
}

impl<'a> RowSearch<'a> {
    /// Finds runs of at least `least` units; for a `least` of 1 or 0, all runs. `first` is the number of the column's
    /// first row.
    pub fn new(runs: &'a mut Runs, least: u64, first: i64) -> Self {
        Self {
            runs,
            least,
            first,
            finder: RowFinder::new(),
        }
    }

    /// Appends the runs of the next slice of a column. Returns whether there is more to do.
    ///
    /// ```
    /// use doubles::columns::{Column, Layout, RowSearch, Rows, Units, Walk};
    /// use doubles::runs::Runs;
    /// let offsets = [0i32, 3, 6].map(i32::to_ne_bytes);
    /// let column = Column::Rows(Rows {
    ///     units: Units::Utf8,
    ///     layout: Layout::Offsets32 { offsets: &offsets, data: b"aabbcc" },
    ///     validity: None,
    ///     length: 2,
    /// });
    /// let (mut walk, mut runs) = (Walk::default(), Runs::of_rows());
    /// while RowSearch::new(&mut runs, 2, 0).advance(&mut walk, &column)? {}
    /// let found = runs.slices();
    /// assert_eq!((found.rows, found.starts), (Some(&[0, 1][..]), &[0, 1][..]));
    /// # Ok::<(), doubles::columns::Fault>(())
    /// ```
    pub fn advance(mut self, walk: &mut Walk, column: &Column<'_>) -> Result<bool, Fault> {
        walk.advance(column, &mut self)
    }
}

impl Work for RowSearch<'_> {
    fn reserve(&mut self, _: usize) -> Result<(), TryReserveError> {
        Ok(())
    }

    #[inline(always)]
    fn take_block<U: marks::Units>(
        &mut self,
        row: usize,
        block: &mut Marked<'_, U>,
    ) -> Result<(), Uncollected> {
        let (first, least) = (self.first + row as i64, self.least);
        let (tile, finder) = (&block.tile, &mut self.finder);
        finder.collect(tile, block.marks, block.ends, (first, least), self.runs)
    }

    fn take_part(
        &mut self,
        row: usize,
        open: &mut OpenRow,
        units: Units,
        part: &[u8],
    ) -> Result<(), Uncollected> {
        let known = self.runs.len();
        let found = open
            .finder
            .collect(units.into(), part, self.least, self.runs);
        self.runs.set_row(known, self.first + row as i64);
        found
    }

    fn end_parts(&mut self, row: usize, open: &OpenRow) -> Result<(), Uncollected> {
        if open.finder.tail_len > 0 {
            return Err(Uncollected::InvalidUtf8);
        }
        let known = self.runs.len();
        open.finder.collect_end(self.least, self.runs)?;
        self.runs.set_row(known, self.first + row as i64);
        Ok(())
    }

    fn end_rows(&mut self, _: usize, _: impl Fn(usize) -> bool) {}
}
