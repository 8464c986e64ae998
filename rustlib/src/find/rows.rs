//! Runs of rows that are side by side.

use super::collect::{Batch, Edges};
use super::{Finder, Uncollected};
use crate::marks::{Bits, Tile, Units};
use crate::runs::Runs;

/// Collects the runs of rows. It has the memory that this takes.
pub(crate) struct RowFinder {
    edges: Edges,
    /// Runs on their way to their rows, which is empty between two calls.
    found: Runs,
}

impl RowFinder {
    pub(crate) fn new() -> Self {
        Self {
            edges: Edges::NONE,
            found: Runs::new(),
        }
    }

    /// Appends the runs of at least `least` units to `runs`, or all if `least` is below 2. The tile is rows side by
    /// side, the first one with the number `first`, and `ends` is where they end. The first unit of a row has no mark.
    #[inline(always)]
    pub(crate) fn collect<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        marks: &Bits,
        ends: &[u32],
        (first, least): (i64, u64),
        runs: &mut Runs,
    ) -> Result<(), Uncollected> {
        match tile.is_wide {
            Some(true) => self.collect_rows::<U, true>(tile, marks, ends, (first, least), runs),
            _ => self.collect_rows::<U, false>(tile, marks, ends, (first, least), runs),
        }
    }

    #[inline(always)]
    fn collect_rows<U: Units, const WIDE: bool>(
        &mut self,
        tile: &Tile<'_, U>,
        marks: &Bits,
        ends: &[u32],
        (first, least): (i64, u64),
        runs: &mut Runs,
    ) -> Result<(), Uncollected> {
        if tile.size == 0 {
            return Ok(());
        }
        let Self { edges, found } = self;
        let mut finder = Finder::default();
        let mut batch = Batch::new(least, found);
        finder.collect_tile::<U, WIDE>(tile, marks, edges, &mut batch)?;
        batch.flush()?;
        finder.collect_end(least, found)?;
        runs.reserve(found.len())?;
        let slices = found.slices();
        // The row of the run, and the units before that row and before the next one.
        let mut rows = (first..).zip(ends);
        let (mut row, mut start, mut end) = (first, 0, 0);
        for ((&begin, &length), &unit) in slices.starts.iter().zip(slices.lengths).zip(slices.units)
        {
            while begin >= end {
                let Some((next, &byte)) = rows.next() else {
                    break;
                };
                (row, start) = (next, end);
                end = edges.before::<U, WIDE>(byte as usize);
            }
            runs.push(row, begin - start, length, unit);
        }
        found.truncate(0);
        Ok(())
    }

    /// Runs of a row by itself, to be taken by [`Self::take_found`].
    pub(crate) fn found(&mut self) -> &mut Runs {
        &mut self.found
    }

    /// Moves the runs that were found in a row by itself to `runs`.
    pub(crate) fn take_found(&mut self, row: i64, runs: &mut Runs) -> Result<(), Uncollected> {
        let found = self.found.slices();
        runs.reserve(found.units.len())?;
        for ((&start, &length), &unit) in found.starts.iter().zip(found.lengths).zip(found.units) {
            runs.push(row, start, length, unit);
        }
        self.found.truncate(0);
        Ok(())
    }
}
