//! One number for each row of a column of strings, as Arrow and NumPy store them: its doubles, or the units of its
//! longest run.
//!
//! A column is measured in slices, so that the caller can check for signals between them. [`Progress`]
//! remembers how much is done. Entries of a dictionary are measured once each, and
//! looked up for the rows.
//!
//! Squeezed rows ([`Texts`]) and runs ([`RowSearch`]) have any size, so one thread writes them in order; [`Walk`]
//! remembers how much is done. All of this uses the marks of blocks of rows, copied side by side.
//!
//! ```
//! use doubles::columns::{Column, Counts, Layout, Measure, Progress, Rows, Units};
//!
//! let offsets = [0i32, 5, 5, 8].map(i32::to_ne_bytes);
//! let column = Column::Rows(Rows {
//!     units: Units::Utf8,
//!     layout: Layout::Offsets32 { offsets: &offsets, data: b"helloaaa" },
//!     validity: None,
//!     length: 3,
//! });
//! let (mut progress, mut counts) = (Progress::default(), Counts::default());
//! while progress.count(Measure::Doubles, &column, &mut counts, None)? {}
//! assert_eq!(counts.values(), [1, 0, 2]);
//! # Ok::<(), doubles::columns::Fault>(())
//! ```
#![forbid(unsafe_code)]

mod bitmap;
mod block;
mod copy;
mod counts;
mod find;
mod layout;
mod numbers;
mod texts;
mod walk;

use crate::parallel;
pub use counts::Counts;
pub use find::RowSearch;
pub use layout::{Fixed, KeyKind, Keys, Layout, Malformed, Rows, Units, Validity};
use numbers::{INVALID, Part};
use std::collections::TryReserveError;
use std::num::NonZeroUsize;
pub use texts::Texts;
pub use walk::Walk;

/// Rows per slice, at most: at 10 ns a row, 5 ms.
const SLICE_ROWS: usize = 1 << 19;

/// Bytes per slice, about: at 1 GB/s, which the portable kernel reaches, 16 ms.
const SLICE_BYTES: usize = 16 << 20;

/// What number a row gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The number of its doubles.
    Doubles,
    /// The units of its longest run; 0 if it has none.
    Longest,
}

/// A column.
#[derive(Debug)]
pub enum Column<'a> {
    /// Null rows.
    Null {
        /// Their number.
        length: usize,
    },
    /// Rows side by side.
    Rows(Rows<'a>),
    /// Rows that are entries of a dictionary.
    Dictionary {
        /// The entry that each row is.
        keys: Keys<'a>,
        /// Which rows are valid; `None` if all are.
        validity: Option<Validity<'a>>,
        /// The entries.
        entries: Box<Column<'a>>,
    },
}

/// Why a column has no counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A row leads out of the memory of its column.
    Malformed {
        /// Its number; `None` if it is an entry of a dictionary.
        row: Option<usize>,
    },
    /// A valid row of text is not UTF-8.
    InvalidUtf8 {
        /// Its number.
        row: usize,
    },
    /// There is not enough memory for the counts.
    NoMemory,
}

impl From<Malformed> for Fault {
    fn from(Malformed { row }: Malformed) -> Self {
        Self::Malformed { row: Some(row) }
    }
}

impl From<TryReserveError> for Fault {
    fn from(_: TryReserveError) -> Self {
        Self::NoMemory
    }
}

impl<'a> Column<'a> {
    /// The number of rows.
    pub fn length(&self) -> usize {
        match self {
            Self::Null { length } => *length,
            Self::Rows(rows) => rows.length,
            Self::Dictionary { keys, .. } => keys.length(),
        }
    }

    /// The units of each row.
    fn units(&self) -> Units {
        match self {
            Self::Null { .. } => Units::Utf8,
            Self::Rows(rows) => rows.units,
            Self::Dictionary { entries, .. } => entries.units(),
        }
    }

    /// Whether a row is valid.
    fn is_valid(&self, row: usize) -> bool {
        matches!(self.find(row), Ok(Some(_)))
    }

    /// The rows that hold the text of a row, and which of them it is; `None` if the row is null.
    fn find(&self, row: usize) -> Result<Option<(&Rows<'a>, usize)>, Malformed> {
        let found = match self {
            Self::Null { .. } => None,
            Self::Rows(rows) => rows.is_valid(row).then_some((rows, row)),
            Self::Dictionary {
                keys,
                validity,
                entries,
            } => {
                if validity.is_some_and(|validity| !validity.is_valid(row)) {
                    return Ok(None);
                }
                let entry = keys.get(row).filter(|&entry| entry < entries.length());
                entries.find(entry.ok_or(Malformed { row })?)?
            }
        };
        Ok(found)
    }

    /// The bytes of a row; `None` if it is null.
    pub fn text(&self, row: usize) -> Result<Option<&'a [u8]>, Malformed> {
        let found = self.find(row).and_then(|found| {
            let text = |(rows, row): (&Rows<'a>, _)| rows.text(row);
            found.map(text).transpose()
        });
        // A malformed entry has another number than the row.
        found.map_err(|_| Malformed { row })
    }
}

/// How much of a column is done.
#[derive(Default)]
pub struct Progress {
    /// Rows that are done.
    row: usize,
    /// Of the next row, if it is longer than a slice: the number of bytes that are done, and what they give.
    part: Option<(usize, Part)>,
    /// The numbers of the entries of a dictionary.
    inner: Option<Box<(Self, Counts)>>,
}

impl Progress {
    /// The number of rows that are left to do.
    pub fn left(&self, column: &Column<'_>) -> usize {
        column.length().saturating_sub(self.row)
    }

    /// Measures the rows of the next slice on at most `threads` threads (`None`: as many as help), and appends to
    /// `counts`. Returns whether there is more to do. Always pass the same measure.
    pub fn count(
        &mut self,
        measure: Measure,
        column: &Column<'_>,
        counts: &mut Counts,
        threads: Option<NonZeroUsize>,
    ) -> Result<bool, Fault> {
        match self.advance(measure, column, counts, threads)? {
            Some(row) => Err(Fault::InvalidUtf8 { row }),
            None => Ok(self.left(column) > 0),
        }
    }

    /// Measures the rows of the next slice, and returns the first row of text in it that is not UTF-8, if there is
    /// one. In a dictionary that is no fault yet: perhaps no row is that entry.
    fn advance(
        &mut self,
        measure: Measure,
        column: &Column<'_>,
        counts: &mut Counts,
        threads: Option<NonZeroUsize>,
    ) -> Result<Option<usize>, Fault> {
        let left = self.left(column);
        if left == 0 {
            return Ok(None);
        }
        counts.reserve(left)?;
        let first = self.row;
        let slice = left.min(SLICE_ROWS);
        match column {
            Column::Null { .. } => {
                counts.extend_with(slice, |_| Ok::<_, Fault>(None))?;
            }
            Column::Rows(rows) => return self.advance_rows(measure, rows, slice, counts, threads),
            Column::Dictionary {
                keys,
                validity,
                entries,
            } => {
                let Some(found) = self.inner(measure, entries, threads)? else {
                    return Ok(None);
                };
                counts.extend_with(slice, |row| {
                    let row = first + row;
                    if validity.is_some_and(|validity| !validity.is_valid(row)) {
                        return Ok(None);
                    }
                    let count = keys.get(row).and_then(|entry| found.get(entry));
                    count.ok_or(Fault::Malformed { row: Some(row) })
                })?;
            }
        }
        self.row += slice;
        let new = &counts.values()[counts.values().len() - slice..];
        let invalid = new.iter().position(|&count| count == INVALID);
        Ok(invalid.map(|row| first + row))
    }

    fn advance_rows(
        &mut self,
        measure: Measure,
        rows: &Rows<'_>,
        slice: usize,
        counts: &mut Counts,
        threads: Option<NonZeroUsize>,
    ) -> Result<Option<usize>, Fault> {
        let first = self.row;
        let (number, bytes) = rows.within(first..first + slice, SLICE_BYTES);
        let invalid = if bytes > SLICE_BYTES && rows.is_valid(first) {
            let text = rows.text(first)?;
            let Some(number) = self.next_part(measure, rows.units, text, threads) else {
                return Ok(None);
            };
            counts.extend(1)?[0] = number;
            (number == INVALID).then_some(first)
        } else {
            let out = counts.extend(number)?;
            let pieces = parallel::each_piece(out, bytes, threads, |start, out| {
                let start = first + start;
                numbers::measure(measure, rows, start..start + out.len(), out)
            });
            let pieces: Vec<_> = pieces.into_iter().collect::<Result<_, _>>()?;
            pieces.into_iter().flatten().next()
        };
        counts.mark(rows.validity, first, number);
        self.row += number;
        Ok(invalid)
    }

    /// The numbers of the dictionary, or `None` after one more slice of it.
    fn inner(
        &mut self,
        measure: Measure,
        column: &Column<'_>,
        threads: Option<NonZeroUsize>,
    ) -> Result<Option<&Counts>, Fault> {
        let (progress, counts) = &mut **self.inner.get_or_insert_default();
        if progress.row >= column.length() {
            return Ok(Some(counts));
        }
        match progress.advance(measure, column, counts, threads) {
            Ok(_) => Ok(None),
            // Its rows are entries, and no rows of the column.
            Err(Fault::Malformed { .. }) => Err(Fault::Malformed { row: None }),
            Err(fault) => Err(fault),
        }
    }

    /// Measures the next slice of a long row. Returns the number of the row after its last slice; that is
    /// [`INVALID`] if the row is text, but not UTF-8.
    fn next_part(
        &mut self,
        measure: Measure,
        units: Units,
        text: &[u8],
        threads: Option<NonZeroUsize>,
    ) -> Option<i64> {
        let (done, mut part) = self.part.take().unwrap_or((0, Part::new(measure)));
        let rest = text.get(done..).unwrap_or_default();
        // Whole units of UTF-32, because SLICE_BYTES is a multiple of four.
        let next = &rest[..rest.len().min(SLICE_BYTES)];
        part.append(next, units, threads);
        if next.len() < rest.len() && !matches!(part, Part::Invalid) {
            self.part = Some((done + next.len(), part));
            return None;
        }
        Some(part.end())
    }
}

#[cfg(test)]
mod tests;
