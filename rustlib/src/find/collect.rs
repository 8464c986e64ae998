//! Runs collected as columns, without their lines.

use super::{Finder, Run, Survey};
use crate::code_points::InvalidUtf8;
use crate::kernel;
use crate::marks::{Fixed, Piece, Pieces, Units, Utf8};
use crate::runs::Runs;
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
        let mut pieces = Pieces::<U>::new(bytes, last);
        let mut survey = Survey::<false>::NONE;
        while let Some(piece) = pieces.advance(&mut survey.seconds) {
            survey.set(&piece)?;
            kernel::run(
                #[inline(always)]
                || match least {
                    0 | 1 => self.collect_all(&piece, &mut survey, runs),
                    _ => self.collect_piece(&piece, &mut survey, least, runs),
                },
            )?;
        }
        Ok(())
    }

    /// Collects all runs, those of one unit too: each begins where the one before it ends.
    #[inline(always)]
    fn collect_all<U: Units>(
        &mut self,
        piece: &Piece<'_, U>,
        survey: &mut Survey<false>,
        runs: &mut Runs,
    ) -> Result<(), TryReserveError> {
        survey.list_firsts(piece.size);
        let survey = &*survey;
        runs.reserve(survey.edges().len())?;
        let mut run = self.run;
        for edge in survey.edges() {
            let start = self.length + survey.before(edge).units;
            if run.length > 0 {
                runs.push(0, run.start as i64, (start - run.start) as i64, run.unit);
            }
            run = lineless(start, 1, piece.number(edge));
        }
        self.length += survey.before(piece.size).units;
        run.length = self.length - run.start;
        self.run = run;
        Ok(())
    }

    #[inline(always)]
    fn collect_piece<U: Units>(
        &mut self,
        piece: &Piece<'_, U>,
        survey: &mut Survey<false>,
        least: u64,
        runs: &mut Runs,
    ) -> Result<(), TryReserveError> {
        let mut is_open = self.run.length > 1;
        survey.list_edges(piece.size, is_open);
        let survey = &*survey;
        runs.reserve(survey.edges().len() / 2 + 1)?;
        let mut run = self.run;
        for edge in survey.edges() {
            let before = self.length + survey.before(edge).units;
            if !is_open {
                run = lineless(before - 1, 1, piece.number(edge));
            } else if before - run.start >= least {
                runs.push(0, run.start as i64, (before - run.start) as i64, run.unit);
            }
            is_open = !is_open;
        }
        self.length += survey.before(piece.size).units;
        if !is_open {
            // To compare the next unit with.
            run = lineless(self.length - 1, 1, piece.number(piece.size - 1));
        }
        run.length = self.length - run.start;
        self.run = run;
        Ok(())
    }
}

fn lineless(start: u64, length: u64, unit: u32) -> Run {
    Run {
        start,
        length,
        unit,
        ..Run::default()
    }
}
