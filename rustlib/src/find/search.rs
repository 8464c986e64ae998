//! The search of a tile, and what takes the runs that it finds.

use super::newlines::{NEWLINE, Newlines};
use super::{Edges, Finder, Run, Uncollected};
use crate::chunks::Work;
use crate::code_points::InvalidUtf8;
use crate::marks::{Bits, Tile, Units};
use crate::runs::{RunSlices, Runs};
use std::collections::TryReserveError;

/// A search in a chunk.
pub(crate) struct Search<'a, S> {
    finder: &'a mut Finder,
    /// Units of the shortest run to find. If it is below 2, all runs are found, those of one unit too.
    least: u64,
    edges: &'a mut Edges,
    /// `None` if lines are not counted.
    pub(super) newlines: Option<&'a mut Newlines>,
    sink: S,
}

impl<'a, S> Search<'a, S> {
    /// A search that does not count lines.
    pub(crate) fn new(finder: &'a mut Finder, least: u64, edges: &'a mut Edges, sink: S) -> Self {
        Self {
            finder,
            least,
            edges,
            newlines: None,
            sink,
        }
    }
}

/// What takes the runs of a search.
pub(crate) trait Sink {
    /// Why that may fail.
    type Fault: From<InvalidUtf8>;

    /// Takes the next run that ends in a tile, without its line. It was found at a byte of the tile.
    fn take<U: Units, const WIDE: bool>(
        &mut self,
        run: Run,
        first: usize,
        found: &Found<'_, U, WIDE>,
    ) -> Result<(), Self::Fault>;

    /// Takes the state after the tile, whose run may continue.
    fn end<U: Units, const WIDE: bool>(
        &mut self,
        _: &Finder,
        _: &Found<'_, U, WIDE>,
    ) -> Result<(), Self::Fault> {
        Ok(())
    }
}

impl<S: Sink> Work for Search<'_, S> {
    type State = Finder;
    type Fault = S::Fault;

    fn state(&mut self) -> &mut Finder {
        self.finder
    }

    #[inline(always)]
    fn take_tile<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        marks: &mut Bits,
    ) -> Result<(), S::Fault> {
        match tile.is_wide {
            Some(true) => self.take_units::<U, true>(tile, marks),
            _ => self.take_units::<U, false>(tile, marks),
        }
    }
}

impl<S: Sink> Search<'_, S> {
    /// `WIDE` says whether any unit is longer than the shortest.
    #[inline(always)]
    fn take_units<U: Units, const WIDE: bool>(
        &mut self,
        tile: &Tile<'_, U>,
        marks: &Bits,
    ) -> Result<(), S::Fault> {
        let run = self.finder.run;
        // With all runs, each begins where the one before it ends, so that an edge is both.
        let step = if self.least <= 1 { 1 } else { 2 };
        let is_open = run.length >= step as u64;
        self.edges.set::<U, WIDE>(tile, marks, step == 1, is_open);
        let end = self.edges.as_slice().first().filter(|_| is_open);
        let ended = end.map(|&end| {
            let end = self.finder.length + self.edges.units_before::<U, WIDE>(end.into());
            let length = end - run.start;
            Run { length, ..run }
        });
        let from = usize::from(step == 2 && ended.is_some());
        if self.least > 2 {
            let least = self.least - 1;
            self.edges.keep(from, |edges, second, after| {
                let [second, after] = [second, after].map(|at| edges.units_before::<U, WIDE>(at));
                after - second >= least
            });
        }
        if let Some(newlines) = &mut self.newlines {
            newlines.set(tile);
        }
        let found = Found::<U, WIDE> {
            before: *self.finder,
            tile,
            edges: self.edges,
            newlines: self.newlines.as_deref(),
            step,
        };
        if let Some(run) = ended.filter(|run| run.length >= self.least) {
            self.sink.take(run, 0, &found)?;
        }
        let list = &self.edges.as_slice()[from..];
        // The last edge of all may have no other to pair with.
        let number = if step == 1 {
            list.len().saturating_sub(1)
        } else {
            list.len() / 2
        };
        for index in 0..number {
            let (first, after) = (list[step * index].into(), list[step * index + 1].into());
            self.sink.take(found.run(first, after), first, &found)?;
        }
        let last = list.get(step * number).map(|&first| first.into());
        *self.finder = found.after(last, is_open && ended.is_none());
        self.sink.end(self.finder, &found)
    }
}

/// What is known of a tile and of its runs.
pub(crate) struct Found<'a, U, const WIDE: bool> {
    /// The state before the tile.
    before: Finder,
    tile: &'a Tile<'a, U>,
    edges: &'a Edges,
    newlines: Option<&'a Newlines>,
    /// The edges of each run.
    step: usize,
}

impl<U: Units, const WIDE: bool> Found<'_, U, WIDE> {
    /// The run between two edges.
    #[inline(always)]
    fn run(&self, first: usize, after: usize) -> Run {
        // A run of two units or more is found at its second one.
        let start = self.units_before(first) + 1 - self.step as u64;
        Run {
            start,
            length: self.units_before(after) - start,
            unit: self.tile.number(first),
            ..Run::default()
        }
    }

    /// The number of units of the input before the one that ends with a byte of the tile, or before its end.
    #[inline(always)]
    pub(crate) fn units_before(&self, byte: usize) -> u64 {
        self.before.length + self.edges.units_before::<U, WIDE>(byte)
    }

    /// A run that was found at an edge, with its line and its column.
    #[inline(always)]
    pub(crate) fn with_line(&self, run: Run, first: usize) -> Run {
        // No newline is between the first unit of a run and its edge, unless that unit is one itself.
        let is_newline = self.step == 2 && run.unit == NEWLINE;
        let back = if is_newline { U::SHORTEST } else { 0 };
        // A run that began before the tile has no such byte.
        self.with_line_at(run, first.wrapping_sub(back))
    }

    /// A run with its line and its column: the newlines before a byte of the tile end the lines before it.
    #[inline(always)]
    fn with_line_at(&self, mut run: Run, end: usize) -> Run {
        if run.start < self.before.length {
            // It began with the last unit before the tile, or with the run that was open.
            (run.line, run.column) = (self.before.run.line, self.before.run.column);
        } else if let Some(newlines) = self.newlines {
            let before = newlines.before(end);
            run.line = self.before.lines + before.number + 1;
            run.column = run.start + 1 - self.line_start(before.line_start);
        }
        run
    }

    /// The number of units before a line, which begins with a byte of the tile; if that is 0, it began earlier.
    #[inline(always)]
    fn line_start(&self, byte: usize) -> u64 {
        match byte {
            0 => self.before.line_start,
            byte => self.units_before(byte),
        }
    }

    /// The state after the tile. Its last run is found at a byte, or is open since before the tile, or is its last
    /// unit.
    #[inline(always)]
    fn after(&self, last: Option<usize>, is_open: bool) -> Finder {
        let size = self.tile.size;
        let mut after = self.before;
        after.length = self.units_before(size);
        if let Some(first) = last {
            after.run = self.with_line(self.run(first, size), first);
        } else if is_open {
            after.run.length = after.length - after.run.start;
        } else {
            // To compare the next unit with.
            let last = Run {
                start: after.length - 1,
                length: 1,
                unit: self.tile.number(size - 1),
                ..Run::default()
            };
            after.run = self.with_line_at(last, size - 1);
        }
        if let Some(newlines) = self.newlines {
            let before = newlines.before(size);
            after.lines += before.number;
            after.line_start = self.line_start(before.line_start);
        }
        after
    }
}

/// Calls a function with each run, its line and its column included.
pub(super) struct Each<F>(pub(super) F);

impl<F: FnMut(Run)> Sink for Each<F> {
    type Fault = InvalidUtf8;

    #[inline(always)]
    fn take<U: Units, const WIDE: bool>(
        &mut self,
        run: Run,
        first: usize,
        found: &Found<'_, U, WIDE>,
    ) -> Result<(), InvalidUtf8> {
        self.0(found.with_line(run, first));
        Ok(())
    }
}

/// Runs that are appended at a time, at most.
const BATCH: usize = 256;

/// Appends each run, without its line.
pub(super) struct Columns<'a> {
    runs: &'a mut Runs,
    starts: [i64; BATCH],
    lengths: [i64; BATCH],
    units: [u32; BATCH],
    /// The number of runs that are not appended yet.
    number: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn new(runs: &'a mut Runs) -> Self {
        Self {
            runs,
            starts: [0; _],
            lengths: [0; _],
            units: [0; _],
            number: 0,
        }
    }

    #[inline(never)]
    fn append(&mut self) -> Result<(), TryReserveError> {
        self.runs.append(RunSlices {
            rows: None,
            starts: &self.starts[..self.number],
            lengths: &self.lengths[..self.number],
            units: &self.units[..self.number],
        })?;
        self.number = 0;
        Ok(())
    }
}

impl Sink for Columns<'_> {
    type Fault = Uncollected;

    #[inline(always)]
    fn take<U: Units, const WIDE: bool>(
        &mut self,
        run: Run,
        _: usize,
        _: &Found<'_, U, WIDE>,
    ) -> Result<(), Uncollected> {
        if self.number == BATCH {
            self.append()?;
        }
        let at = self.number % BATCH;
        self.starts[at] = run.start as i64;
        self.lengths[at] = run.length as i64;
        self.units[at] = run.unit;
        self.number += 1;
        Ok(())
    }

    #[inline(always)]
    fn end<U: Units, const WIDE: bool>(
        &mut self,
        _: &Finder,
        _: &Found<'_, U, WIDE>,
    ) -> Result<(), Uncollected> {
        Ok(self.append()?)
    }
}
