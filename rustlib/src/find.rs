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

mod lines;
mod state;

use crate::code_points::InvalidUtf8;
use crate::kernel::{self, equal_bits};
use crate::marks::{
    Bits, Fixed, LANES, PIECE, Piece, Pieces, Units, Utf8, below, ends, keep_whole,
};
pub use lines::{CELL, write_lines};
pub use state::{Finder, Run};
use std::hint::select_unpredictable;

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
        let mut pieces = Pieces::<U>::new(bytes, last);
        let mut survey = Survey::NONE;
        while let Some(piece) = pieces.advance(&mut survey.seconds) {
            survey.set(&piece)?;
            kernel::run(
                #[inline(always)]
                || match least {
                    0 | 1 => self.append_all(&piece, &mut survey, &mut found),
                    _ => self.append_piece(&piece, &mut survey, least, &mut found),
                },
            );
        }
        Ok(())
    }

    /// Finds all runs, those of one unit too.
    #[inline(always)]
    fn append_all<U: Units>(
        &mut self,
        piece: &Piece<'_, U>,
        survey: &mut Survey,
        mut found: impl FnMut(Run),
    ) {
        survey.list_edges(piece.size, false);
        let survey = &*survey;
        let mut run = self.run;
        piece.each_mark(&survey.units, |last| {
            if survey.seconds[last / LANES] >> (last % LANES) & 1 == 1 {
                run.length += 1;
                return;
            }
            if run.length > 0 {
                found(run);
            }
            run = self.run_before(last + 1, survey, piece.number(last));
        });
        self.finish_piece(run, piece.size, survey);
    }

    #[inline(always)]
    fn append_piece<U: Units>(
        &mut self,
        piece: &Piece<'_, U>,
        survey: &mut Survey,
        least: u64,
        mut found: impl FnMut(Run),
    ) {
        let mut run = self.run;
        let mut is_open = run.length > 1;
        survey.list_edges(piece.size, is_open);
        for edge in survey.edges() {
            if is_open {
                run.length = self.length + survey.before(edge).units - run.start;
                if run.length >= least {
                    found(run);
                }
            } else {
                run = self.run_before(edge, survey, piece.number(edge));
            }
            is_open = !is_open;
        }
        let size = piece.size;
        if is_open {
            run.length = self.length + survey.before(size).units - run.start;
        } else {
            // To compare the next unit with.
            run = self.run_before(size, survey, piece.number(size - 1));
        }
        self.finish_piece(run, size, survey);
    }

    /// Moves to the end of a piece, which is that of a run.
    #[inline(always)]
    fn finish_piece(&mut self, run: Run, size: usize, survey: &Survey) {
        self.run = run;
        let end = survey.before(size);
        (_, self.last_line_start) = self.last_line(end, survey);
        (self.lines, self.line_start) = self.line(end, survey);
        self.length += end.units;
    }

    /// The unit before a byte of a piece, as a run.
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

/// The number of a newline.
const NEWLINE: u32 = b'\n' as u32;

/// Facts about the bytes of a piece. The last byte of a unit represents all of it.
struct Survey {
    /// The marks.
    seconds: Bits,
    units: Bits,
    newlines: Bits,
    blocks: [Before; PIECE / LANES + 1],
    edges: [u16; PIECE + EDGES],
    /// The number of edges.
    number: usize,
}

/// Units and lines before a byte in its piece.
#[derive(Clone, Copy)]
struct Before {
    /// Units that have ended.
    units: u64,
    /// Lines that have ended.
    lines: u64,
    /// The byte after the last newline, or 0 if there is none.
    line_start: usize,
}

impl Before {
    const NONE: Self = Self {
        units: 0,
        lines: 0,
        line_start: 0,
    };
}

/// Edges that are listed of a block before it is asked whether it has more. One block in a hundred has, in
/// text with one double in 100 bytes.
const EDGES: usize = 4;

impl Survey {
    const NONE: Self = Self {
        seconds: [0; _],
        units: [0; _],
        newlines: [0; _],
        blocks: [Before::NONE; _],
        edges: [0; _],
        number: 0,
    };

    /// Finds where units and lines end.
    fn set<U: Units>(&mut self, piece: &Piece<'_, U>) -> Result<(), InvalidUtf8> {
        let blocks = ..piece.size.div_ceil(LANES);
        let bytes = piece.blocks();
        let newlines = const { &newlines(U::SHORTEST) };
        equal_bits(bytes, newlines, &mut self.newlines[blocks]);
        keep_whole(&mut self.newlines[blocks], U::SHORTEST);
        if piece.is_wide.ok_or(InvalidUtf8)? {
            self.set_code_points(bytes, piece.size);
        } else {
            self.units[blocks].fill(ends(U::SHORTEST));
        }
        for bits in [&mut self.units, &mut self.newlines] {
            bits[piece.size / LANES] &= below(piece.size % LANES);
        }
        Ok(())
    }

    /// Finds where code points end: before each one that begins, and at the end.
    fn set_code_points(&mut self, bytes: &[u8], size: usize) {
        let mut high_bits = [0; PIECE];
        for (high, byte) in high_bits.iter_mut().zip(bytes) {
            *high = byte & 0xC0;
        }
        let blocks = size.div_ceil(LANES);
        equal_bits(&high_bits, &[0x80; PIECE], &mut self.units[..blocks]);
        let mut next = 1;
        for block in (0..blocks).rev() {
            let begins = !self.units[block];
            self.units[block] = begins >> 1 | next << (LANES - 1);
            next = begins & 1;
        }
        let last = size - 1;
        self.units[last / LANES] |= 1 << (last % LANES);
    }

    /// Stores the units and lines before each block, and lists where runs begin and end. `is_open` says whether one
    /// has begun before the piece.
    #[inline(always)]
    fn list_edges(&mut self, size: usize, is_open: bool) {
        let mut before = Before::NONE;
        let mut carry = u64::from(is_open);
        let mut number = 0;
        for block in 0..=size / LANES {
            let (units, newlines) = (self.units[block], self.newlines[block]);
            let first = block * LANES;
            self.blocks[block] = before;
            before.units += ones(units);
            before.lines += ones(newlines);
            let line_start = first + (newlines | 1).ilog2() as usize + 1;
            before.line_start = select_unpredictable(newlines != 0, line_start, before.line_start);
            let seconds = self.seconds[block];
            // A bit after a second is added to the bits that end no unit, and so carried to the next end.
            let (after, over) = (seconds << 1 | carry).overflowing_add(!units);
            carry = seconds >> (LANES - 1) | u64::from(over);
            let mut bits = (after ^ seconds) & units;
            let mut end = number;
            number += ones(bits) as usize;
            loop {
                for edge in &mut self.edges[end..][..EDGES] {
                    *edge = first as u16 + bits.trailing_zeros() as u16;
                    bits &= bits.wrapping_sub(1);
                }
                if bits == 0 {
                    break;
                }
                end += EDGES;
            }
        }
        self.number = number;
    }

    #[inline(always)]
    fn edges(&self) -> impl Iterator<Item = usize> {
        self.edges[..self.number].iter().map(|&edge| edge.into())
    }

    /// The units and lines before a byte of the piece, or before the one after it.
    #[inline(always)]
    fn before(&self, byte: usize) -> Before {
        let (block, lane) = (byte / LANES, byte % LANES);
        let before = self.blocks[block];
        let newlines = self.newlines[block] & below(lane);
        let line_start = block * LANES + (newlines | 1).ilog2() as usize + 1;
        Before {
            units: before.units + ones(self.units[block] & below(lane)),
            lines: before.lines + ones(newlines),
            line_start: select_unpredictable(newlines != 0, line_start, before.line_start),
        }
    }
}

/// Newlines side by side, in units of `width` bytes.
const fn newlines(width: usize) -> [u8; PIECE] {
    let mut bytes = [0; PIECE];
    let mut at = if cfg!(target_endian = "big") {
        width - 1
    } else {
        0
    };
    while at < PIECE {
        bytes[at] = b'\n';
        at += width;
    }
    bytes
}

#[inline(always)]
fn ones(mask: u64) -> u64 {
    mask.count_ones().into()
}

#[cfg(test)]
mod tests;
