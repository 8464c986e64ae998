//! Where doubles are: runs of equal units, in a stream, with their lines and columns.
//!
//! ```text
//! for each block of 64 bytes, a bit for each byte:
//!     units    = where a unit ends
//!     seconds  = where one ends that equals the one before it
//!     after    = where one ends that comes after one of seconds
//!     newlines = where a newline ends
//!     edges    = where seconds and after differ
//! for each edge, in turns:
//!     a run begins with the unit before the one that ends here
//!     it ends with the unit before the one that ends here
//! ```
//!
//! The ones in units below an edge are the units before it, those in newlines the lines, and above the highest of
//! those begins the line that the edge is in.
//!
//! How many edges a block has can't be predicted, and each wrong guess takes the CPU 4 ns: as long as it takes to
//! make the masks of the block. So the edges of some blocks are listed first, four of each without asking
//! whether it has them, and then the list is walked through.
#![forbid(unsafe_code)]

mod collect;
mod lines;
mod rows;
mod state;
mod survey;

use crate::code_points::InvalidUtf8;
use crate::kernel;
use crate::marks::{Fixed, Tile, Tiles, Units, Utf8};
pub use collect::Uncollected;
pub use lines::{CELL, write_lines};
pub(crate) use rows::RowFinder;
pub use state::{Finder, Run};
use survey::{Before, NEWLINE, Survey};

impl Finder {
    /// Continues with bytes. Calls `found` with each run of at least `least` units once it is over. For a
    /// `least` of 1 or 0 these are all runs, so that they describe the input completely.
    ///
    /// ```
    /// use doubles::find::Finder;
    /// let mut finder = Finder::default();
    /// let mut found = Vec::new();
    /// finder.append_bytes(b"a\nbcc", 2, |run| found.push(run));
    /// finder.append_bytes(b"cd", 2, |run| found.push(run));
    /// assert_eq!((found[0].start, found[0].length, found[0].unit), (3, 3, b'c'.into()));
    /// assert_eq!((found[0].line, found[0].column), (2, 2));
    /// ```
    pub fn append_bytes(&mut self, bytes: &[u8], least: u64, found: impl FnMut(Run)) {
        self.append_fixed::<1>(bytes, least, found);
    }

    /// Continues with units of two bytes, in the machine's byte order and of any alignment. Bytes after the
    /// last whole unit are dropped. Calls `found` as [`Self::append_bytes`] does.
    pub fn append_utf16(&mut self, bytes: &[u8], least: u64, found: impl FnMut(Run)) {
        self.append_fixed::<2>(bytes, least, found);
    }

    /// Continues with units of four bytes, in the machine's byte order and of any alignment. Bytes after the
    /// last whole unit are dropped. Calls `found` as [`Self::append_bytes`] does.
    pub fn append_utf32(&mut self, bytes: &[u8], least: u64, found: impl FnMut(Run)) {
        self.append_fixed::<4>(bytes, least, found);
    }

    /// Continues with UTF-8, which may begin and end within a code point. Calls `found` as
    /// [`Self::append_bytes`] does. Fails if the text is not valid, perhaps after it has found runs; the
    /// finder must not be used after that.
    pub fn append_utf8(
        &mut self,
        text: &[u8],
        least: u64,
        mut found: impl FnMut(Run),
    ) -> Result<(), InvalidUtf8> {
        let before = self.tail().ok_or(InvalidUtf8)?;
        let mut room = [0; 6];
        let (cut, body, tail) = before.complete(text, &mut room)?;
        self.append::<Utf8>(cut, least, &mut found)?;
        self.append::<Utf8>(body, least, found)?;
        (self.tail, self.tail_len) = tail.into_parts();
        Ok(())
    }

    /// The last run, if it is long enough, once nothing follows it.
    pub fn end(&self, least: u64) -> Option<Run> {
        (self.run.length >= least.max(1)).then_some(self.run)
    }

    fn append_fixed<const WIDTH: usize>(
        &mut self,
        bytes: &[u8],
        least: u64,
        found: impl FnMut(Run),
    ) {
        let valid = self.append::<Fixed<WIDTH>>(bytes, least, found);
        valid.expect("units of fixed width are valid");
    }

    fn append<U: Units>(
        &mut self,
        bytes: &[u8],
        least: u64,
        mut found: impl FnMut(Run),
    ) -> Result<(), InvalidUtf8> {
        let last = (self.length > 0).then_some(self.run.unit);
        let mut tiles = Tiles::<U>::new(bytes, last);
        let mut survey = Survey::NONE;
        while let Some(tile) = tiles.advance(&mut survey.seconds) {
            survey.set(&tile)?;
            kernel::run(
                #[inline(always)]
                || match least {
                    0 | 1 => self.append_all(&tile, &mut survey, &mut found),
                    _ => self.append_tile(&tile, &mut survey, least, &mut found),
                },
            );
        }
        Ok(())
    }

    /// Finds all runs, those of one unit too.
    #[inline(always)]
    fn append_all<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        survey: &mut Survey,
        mut found: impl FnMut(Run),
    ) {
        survey.list_firsts(tile.size);
        let survey = &*survey;
        let mut run = self.run;
        for edge in survey.edges() {
            let next = self.run_before(edge + 1, survey, tile.number(edge));
            if run.length > 0 {
                run.length = next.start - run.start;
                found(run);
            }
            run = next;
        }
        run.length = self.length + survey.before(tile.size).units - run.start;
        self.finish_tile(run, tile.size, survey);
    }

    #[inline(always)]
    fn append_tile<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        survey: &mut Survey,
        least: u64,
        mut found: impl FnMut(Run),
    ) {
        let mut run = self.run;
        let mut is_open = run.length > 1;
        survey.list_edges(tile.size, is_open);
        for edge in survey.edges() {
            if is_open {
                run.length = self.length + survey.before(edge).units - run.start;
                if run.length >= least {
                    found(run);
                }
            } else {
                run = self.run_before(edge, survey, tile.number(edge));
            }
            is_open = !is_open;
        }
        let size = tile.size;
        if is_open {
            run.length = self.length + survey.before(size).units - run.start;
        } else {
            // To compare the next unit with.
            run = self.run_before(size, survey, tile.number(size - 1));
        }
        self.finish_tile(run, size, survey);
    }

    /// Moves to the end of a tile, which is that of a run.
    #[inline(always)]
    fn finish_tile(&mut self, run: Run, size: usize, survey: &Survey) {
        self.run = run;
        let end = survey.before(size);
        (_, self.last_line_start) = self.last_line(end, survey);
        (self.lines, self.line_start) = self.line(end, survey);
        self.length += end.units;
    }

    /// The unit before a byte of a tile, as a run.
    #[inline(always)]
    fn run_before(&self, end: usize, survey: &Survey, unit: u32) -> Run {
        let before = survey.before(end);
        let (lines, line_start) = match unit {
            NEWLINE => self.last_line(before, survey),
            _ => self.line(before, survey),
        };
        let start = (self.length + before.units).saturating_sub(1);
        Run {
            start,
            length: 1,
            line: lines + 1,
            column: start + 1 - line_start,
            unit,
        }
    }

    /// How many lines and how many units there are before the line that a byte is in.
    #[inline(always)]
    fn line(&self, before: Before, survey: &Survey) -> (u64, u64) {
        let start = match before.line_start {
            0 => self.line_start,
            start => self.length + survey.before(start).units,
        };
        (self.lines + before.lines, start)
    }

    /// How many lines and how many units there are before the line that ended last.
    #[inline(always)]
    fn last_line(&self, before: Before, survey: &Survey) -> (u64, u64) {
        match before.line_start.checked_sub(1) {
            None => (self.lines.saturating_sub(1), self.last_line_start),
            Some(newline) => self.line(survey.before(newline), survey),
        }
    }
}

#[cfg(test)]
mod tests;
