//! Runs collected as columns, without their lines.

use super::Finder;
use super::survey::{EDGES, code_point_ends, list_bits, ones};
use crate::code_points::InvalidUtf8;
use crate::kernel;
use crate::marks::{Bits, Fixed, LANES, NO_BITS, TILE, Tile, Tiles, Units, Utf8, below, ends};
use crate::runs::{RunSlices, Runs};
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
    /// Continues with bytes, and appends each run of at least `least` units to `runs` once it is over. For a
    /// `least` of 1 or 0 these are all runs. Lines are not counted. If it fails, neither the finder nor the runs
    /// must be used after that.
    ///
    /// ```
    /// use doubles::find::Finder;
    /// use doubles::runs::Runs;
    /// let (mut finder, mut runs) = (Finder::default(), Runs::new());
    /// finder.collect_bytes(b"abb", 2, &mut runs)?;
    /// finder.collect_bytes(b"bc", 2, &mut runs)?;
    /// finder.collect_end(2, &mut runs)?;
    /// assert_eq!((runs.slices().starts, runs.slices().lengths), (&[1][..], &[3][..]));
    /// # Ok::<(), doubles::find::Uncollected>(())
    /// ```
    pub fn collect_bytes(
        &mut self,
        bytes: &[u8],
        least: u64,
        runs: &mut Runs,
    ) -> Result<(), Uncollected> {
        self.collect::<Fixed<1>>(bytes, least, runs)
    }

    /// Continues with units of two bytes, in the machine's byte order and of any alignment. Bytes after the last
    /// whole unit are dropped. Appends runs as [`Self::collect_bytes`] does.
    pub fn collect_utf16(
        &mut self,
        bytes: &[u8],
        least: u64,
        runs: &mut Runs,
    ) -> Result<(), Uncollected> {
        self.collect::<Fixed<2>>(bytes, least, runs)
    }

    /// Continues with units of four bytes, in the machine's byte order and of any alignment. Bytes after the last
    /// whole unit are dropped. Appends runs as [`Self::collect_bytes`] does.
    pub fn collect_utf32(
        &mut self,
        bytes: &[u8],
        least: u64,
        runs: &mut Runs,
    ) -> Result<(), Uncollected> {
        self.collect::<Fixed<4>>(bytes, least, runs)
    }

    /// Continues with UTF-8, which may begin and end within a code point. Appends runs as
    /// [`Self::collect_bytes`] does.
    pub fn collect_utf8(
        &mut self,
        text: &[u8],
        least: u64,
        runs: &mut Runs,
    ) -> Result<(), Uncollected> {
        let before = self.tail().ok_or(InvalidUtf8)?;
        let mut room = [0; 6];
        let (cut, body, tail) = before.complete(text, &mut room)?;
        self.collect::<Utf8>(cut, least, runs)?;
        self.collect::<Utf8>(body, least, runs)?;
        (self.tail, self.tail_len) = tail.into_parts();
        Ok(())
    }

    /// Appends the last run, if it is long enough, once nothing follows it.
    pub fn collect_end(&self, least: u64, runs: &mut Runs) -> Result<(), Uncollected> {
        if let Some(run) = self.end(least) {
            runs.reserve(1)?;
            runs.push(0, run.start as i64, run.length as i64, run.unit);
        }
        Ok(())
    }

    fn collect<U: Units>(
        &mut self,
        bytes: &[u8],
        least: u64,
        runs: &mut Runs,
    ) -> Result<(), Uncollected> {
        let last = (self.length > 0).then_some(self.run.unit);
        let mut tiles = Tiles::<U>::new(bytes, last);
        let (mut seconds, mut edges) = (NO_BITS, Edges::NONE);
        let mut found = Batch::new(least, runs);
        while let Some(tile) = tiles.advance(&mut seconds) {
            let is_wide = tile.is_wide.ok_or(InvalidUtf8)?;
            kernel::run(
                #[inline(always)]
                || match is_wide {
                    true => self.collect_tile::<U, true>(&tile, &seconds, &mut edges, &mut found),
                    false => self.collect_tile::<U, false>(&tile, &seconds, &mut edges, &mut found),
                },
            )?;
        }
        Ok(found.flush()?)
    }

    /// Collects the runs that end in a tile. `seconds` are its marks. `WIDE` says whether any unit is longer than
    /// the shortest.
    #[inline(always)]
    pub(super) fn collect_tile<U: Units, const WIDE: bool>(
        &mut self,
        tile: &Tile<'_, U>,
        seconds: &Bits,
        edges: &mut Edges,
        found: &mut Batch<'_>,
    ) -> Result<(), TryReserveError> {
        // With all runs, each begins where the one before it ends, so that an edge is both.
        let all = found.least <= 1;
        let mut run = self.run;
        let is_open = run.length > u64::from(!all);
        if WIDE {
            edges.units = code_point_ends(tile);
        }
        edges.list::<U, WIDE>(tile.size, seconds, all, is_open);
        let base = self.length as i64;
        let mut list = &edges.list[..edges.number];
        if let (true, &[edge, ref rest @ ..]) = (is_open, list) {
            let start = run.start as i64;
            let end = base + edges.before::<U, WIDE>(edge.into());
            found.push(start, end - start, run.unit)?;
            list = if all { list } else { rest };
        }
        // A run of two units or more is found at its second one.
        let base_of_starts = base - i64::from(!all);
        let (step, number) = match all {
            true => (1, list.len().saturating_sub(1)),
            false => (2, list.len() / 2),
        };
        let mut done = 0;
        while done < number {
            let until = number.min(done + found.room()?);
            let (least, mut at) = (found.least, found.number);
            for i in done..until {
                let (first, after) = (list[step * i].into(), list[step * i + 1].into());
                let start = base_of_starts + edges.before::<U, WIDE>(first);
                let length = base + edges.before::<U, WIDE>(after) - start;
                found.starts[at % BATCH] = start;
                found.lengths[at % BATCH] = length;
                found.units[at % BATCH] = tile.number(first);
                at += usize::from(length >= least);
            }
            found.number = at;
            done = until;
        }
        let end = base + edges.before::<U, WIDE>(tile.size);
        if let Some(&first) = list.get(step * number) {
            run.start = (base_of_starts + edges.before::<U, WIDE>(first.into())) as u64;
            run.unit = tile.number(first.into());
        } else if !all && (edges.number > 0 || !is_open) {
            // To compare the next unit with.
            run.start = end as u64 - 1;
            run.unit = tile.number(tile.size - 1);
        }
        run.length = end as u64 - run.start;
        self.length = end as u64;
        self.run = run;
        Ok(())
    }
}

/// Where the runs of a tile begin and end.
pub(super) struct Edges {
    /// Where a unit ends; unused where all are of the same width.
    units: Bits,
    /// The units before each block; unused where all are of the same width.
    before: [u16; TILE / LANES + 1],
    list: [u16; TILE + EDGES],
    /// The number of edges in the list.
    number: usize,
}

impl Edges {
    pub(super) const NONE: Self = Self {
        units: NO_BITS,
        before: [0; _],
        list: [0; _],
        number: 0,
    };

    /// Lists the last bytes of the units that differ from the one before them, if `all` is set. Otherwise, of those
    /// that are the second of a run and those that come after such a run, in turns; `is_open` says whether one has
    /// begun before the tile.
    #[inline(always)]
    fn list<U: Units, const WIDE: bool>(
        &mut self,
        size: usize,
        seconds: &Bits,
        all: bool,
        is_open: bool,
    ) {
        let blocks = size.div_ceil(LANES);
        let mut edges = NO_BITS;
        if WIDE {
            let mut carry = u64::from(is_open);
            let mut before = 0;
            for block in 0..=blocks.min(TILE / LANES) {
                self.before[block] = before;
                let (units, seconds) = (self.units[block], seconds[block]);
                before += ones(units) as u16;
                // A bit after a second is added to the bits that end no unit, and so carried to the next end.
                let (after, over) = (seconds << 1 | carry).overflowing_add(!units);
                carry = seconds >> (LANES - 1) | u64::from(over);
                edges[block] = units & if all { !seconds } else { after ^ seconds };
            }
        } else {
            let width = U::SHORTEST;
            let mut carry = u64::from(is_open) << (width - 1);
            for (edges, &seconds) in edges[..blocks].iter_mut().zip(seconds) {
                let after = seconds << width | carry;
                carry = seconds >> (LANES - width);
                *edges = ends(width) & if all { !seconds } else { after ^ seconds };
            }
            edges[size / LANES] &= below(size % LANES);
        }
        // In text with few doubles half of the blocks have no edges, which half can't be predicted.
        let mut left = 0;
        for (block, &edges) in edges[..blocks].iter().enumerate() {
            left |= u64::from(edges != 0) << block;
        }
        self.number = 0;
        while left != 0 {
            let block = left.trailing_zeros() as usize;
            self.number = list_bits(edges[block], block, &mut self.list, self.number);
            left &= left - 1;
        }
    }

    /// The number of units of the tile before the one that ends with a byte, or before its end.
    #[inline(always)]
    pub(super) fn before<U: Units, const WIDE: bool>(&self, byte: usize) -> i64 {
        if !WIDE {
            return (byte / U::SHORTEST) as i64;
        }
        let (block, lane) = (byte / LANES, byte % LANES);
        i64::from(self.before[block]) + ones(self.units[block] & below(lane)) as i64
    }
}

/// Runs that are appended at a time, at most.
const BATCH: usize = 512;

/// Runs that are not appended yet.
pub(super) struct Batch<'a> {
    least: i64,
    runs: &'a mut Runs,
    starts: [i64; BATCH],
    lengths: [i64; BATCH],
    units: [u32; BATCH],
    number: usize,
}

impl<'a> Batch<'a> {
    pub(super) fn new(least: u64, runs: &'a mut Runs) -> Self {
        Self {
            least: least.min(i64::MAX as u64) as i64,
            runs,
            starts: [0; _],
            lengths: [0; _],
            units: [0; _],
            number: 0,
        }
    }

    /// The number of runs that fit, at least one.
    #[inline(always)]
    fn room(&mut self) -> Result<usize, TryReserveError> {
        if self.number == BATCH {
            self.flush()?;
        }
        Ok(BATCH - self.number)
    }

    /// Adds a run if it is long enough.
    #[inline(always)]
    fn push(&mut self, start: i64, length: i64, unit: u32) -> Result<(), TryReserveError> {
        if length >= self.least {
            self.room()?;
            self.starts[self.number] = start;
            self.lengths[self.number] = length;
            self.units[self.number] = unit;
            self.number += 1;
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn flush(&mut self) -> Result<(), TryReserveError> {
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
