//! Where doubles are: runs of equal units, in a stream, with their lines and columns or without.
//!
//! ```text
//! for each block of 64 bytes of a tile, a bit for each byte:
//!     units   = where a unit ends
//!     seconds = where one ends that equals the one before it
//!     after   = where one ends that comes after one of seconds
//!     edges   = where seconds and after differ
//! for each two edges: a run begins with the unit before the first one, and ends before the second one
//! ```
//!
//! The ones in units below an edge are the units before it. The newlines below it are the lines, and above the highest
//! of those begins the line that the edge is in.
//!
//! How many edges a block has can't be predicted, and each wrong guess takes the CPU 4 ns: as long as it takes to
//! make the bits of the block. So all edges of a tile are listed first, four of a block without asking whether it has
//! them, and then the list is walked through.
#![forbid(unsafe_code)]

mod edges;
mod lines;
mod newlines;
mod rows;
mod search;
mod state;

use crate::chunks::{Kind, work_on};
use crate::code_points::InvalidUtf8;
use crate::runs::Runs;
pub(crate) use edges::Edges;
pub use lines::{CELL, write_lines};
use newlines::Newlines;
pub(crate) use rows::RowFinder;
use search::{Columns, Each};
pub(crate) use search::{Found, Search, Sink};
pub use state::{Finder, Run};
use std::collections::TryReserveError;

/// Why runs can't be collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncollected {
    /// The text is not UTF-8.
    InvalidUtf8,
    /// There is not enough memory for the runs.
    NoMemory,
}

impl From<InvalidUtf8> for Uncollected {
    fn from(_: InvalidUtf8) -> Self {
        Self::InvalidUtf8
    }
}

impl From<TryReserveError> for Uncollected {
    fn from(_: TryReserveError) -> Self {
        Self::NoMemory
    }
}

impl Finder {
    /// Continues with a chunk. Calls `found` with each run of at least `least` units once it is over. For a `least` of
    /// 1 or 0 these are all runs, so that they describe the input completely. Fails if text is not valid, perhaps
    /// after it has found runs; the finder must not be used after that.
    ///
    /// ```
    /// use doubles::chunks::Kind;
    /// use doubles::find::Finder;
    /// let mut finder = Finder::default();
    /// let mut found = Vec::new();
    /// finder.append(Kind::Bytes, b"a\nbcc", 2, |run| found.push(run))?;
    /// finder.append(Kind::Bytes, b"cd", 2, |run| found.push(run))?;
    /// assert_eq!((found[0].start, found[0].length, found[0].unit), (3, 3, b'c'.into()));
    /// assert_eq!((found[0].line, found[0].column), (2, 2));
    /// # Ok::<(), doubles::code_points::InvalidUtf8>(())
    /// ```
    pub fn append(
        &mut self,
        kind: Kind,
        chunk: &[u8],
        least: u64,
        found: impl FnMut(Run),
    ) -> Result<(), InvalidUtf8> {
        let (mut edges, mut newlines) = (Edges::new(), Newlines::new());
        let mut search = Search::new(self, least, &mut edges, Each(found));
        search.newlines = Some(&mut newlines);
        work_on(kind, chunk, &mut search)
    }

    /// The last run, if it is long enough, once nothing follows it.
    pub fn end(&self, least: u64) -> Option<Run> {
        (self.run.length >= least.max(1)).then_some(self.run)
    }

    /// Continues with a chunk, and appends each run of at least `least` units to `runs` once it is over. For a `least`
    /// of 1 or 0 these are all runs. Lines are not counted. If it fails, neither the finder nor the runs must be used
    /// after that.
    ///
    /// ```
    /// use doubles::chunks::Kind;
    /// use doubles::find::Finder;
    /// use doubles::runs::Runs;
    /// let (mut finder, mut runs) = (Finder::default(), Runs::new());
    /// finder.collect(Kind::Bytes, b"abb", 2, &mut runs)?;
    /// finder.collect(Kind::Bytes, b"bc", 2, &mut runs)?;
    /// finder.collect_end(2, &mut runs)?;
    /// assert_eq!((runs.slices().starts, runs.slices().lengths), (&[1][..], &[3][..]));
    /// # Ok::<(), doubles::find::Uncollected>(())
    /// ```
    pub fn collect(
        &mut self,
        kind: Kind,
        chunk: &[u8],
        least: u64,
        runs: &mut Runs,
    ) -> Result<(), Uncollected> {
        let mut edges = Edges::new();
        let mut search = Search::new(self, least, &mut edges, Columns::new(runs));
        work_on(kind, chunk, &mut search)
    }

    /// Appends the last run, if it is long enough, once nothing follows it.
    pub fn collect_end(&self, least: u64, runs: &mut Runs) -> Result<(), Uncollected> {
        if let Some(run) = self.end(least) {
            runs.reserve(1)?;
            runs.push(0, run.start as i64, run.length as i64, run.unit);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
