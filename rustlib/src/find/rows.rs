//! Runs of rows that are side by side.

use super::{Edges, Finder, Found, Run, Search, Sink, Uncollected};
use crate::chunks::Work;
use crate::marks::{Bits, Tile, Units};
use crate::runs::Runs;
use std::iter::Zip;
use std::ops::RangeFrom;
use std::slice;

/// Collects the runs of rows. It has the memory that this takes.
pub(crate) struct RowFinder(Edges);

impl RowFinder {
    pub(crate) fn new() -> Self {
        Self(Edges::new())
    }

    /// Appends the runs of at least `least` units to `runs`, or all if `least` is below 2. The tile is rows side by
    /// side, the first one with the number `first`, and `ends` is where they end. The first unit of a row has no mark.
    #[inline(always)]
    pub(crate) fn collect<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        marks: &mut Bits,
        ends: &[u32],
        (first, least): (i64, u64),
        runs: &mut Runs,
    ) -> Result<(), Uncollected> {
        if tile.size == 0 {
            return Ok(());
        }
        let mut finder = Finder::default();
        let rows = Rows {
            least,
            rows: (first..).zip(ends),
            row: first,
            start: 0,
            end: 0,
            runs,
        };
        Search::new(&mut finder, least, &mut self.0, rows).take_tile(tile, marks)
    }
}

/// Appends each run with the number of its row, and counts its units from the beginning of that row.
struct Rows<'a> {
    /// Units of the shortest run.
    least: u64,
    /// The rows after this one, with the byte where each ends.
    rows: Zip<RangeFrom<i64>, slice::Iter<'a, u32>>,
    /// The number of this row, the units before it, and those before its end.
    row: i64,
    start: u64,
    end: u64,
    runs: &'a mut Runs,
}

impl Sink for Rows<'_> {
    type Fault = Uncollected;

    #[inline(always)]
    fn take<U: Units, const WIDE: bool>(
        &mut self,
        run: Run,
        _: usize,
        found: &Found<'_, U, WIDE>,
    ) -> Result<(), Uncollected> {
        while run.start >= self.end {
            let Some((row, &byte)) = self.rows.next() else {
                break;
            };
            (self.row, self.start) = (row, self.end);
            self.end = found.units_before(byte as usize);
        }
        self.runs.reserve(1)?;
        let (start, length) = (run.start - self.start, run.length);
        self.runs
            .push(self.row, start as i64, length as i64, run.unit);
        Ok(())
    }

    #[inline(always)]
    fn end<U: Units, const WIDE: bool>(
        &mut self,
        after: &Finder,
        found: &Found<'_, U, WIDE>,
    ) -> Result<(), Uncollected> {
        after
            .end(self.least)
            .map_or(Ok(()), |run| self.take(run, 0, found))
    }
}
