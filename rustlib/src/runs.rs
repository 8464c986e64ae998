//! Runs as columns: where each begins, how long it is, and which unit it repeats.
#![forbid(unsafe_code)]

use std::collections::TryReserveError;

/// Runs of equal units: an array for each of their facts, 20 bytes a run. Runs of the rows of a column have one more,
/// the numbers of their rows, and take 28 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    rows: Option<Vec<i64>>,
    starts: Vec<i64>,
    lengths: Vec<i64>,
    units: Vec<u32>,
}

/// Some runs, to be read or appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunSlices<'a> {
    /// The row of each run, if they are those of the rows of a column.
    pub rows: Option<&'a [i64]>,
    /// The number of units before each run.
    pub starts: &'a [i64],
    /// The number of units in each run.
    pub lengths: &'a [i64],
    /// The unit that each run repeats: a byte, or the number of a code point.
    pub units: &'a [u32],
}

impl Runs {
    /// No runs yet, of one text.
    pub fn new() -> Self {
        Self::default()
    }

    /// No runs yet, of the rows of a column.
    pub fn of_rows() -> Self {
        Self {
            rows: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// The number of runs.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether there are no runs.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// All of them.
    pub fn slices(&self) -> RunSlices<'_> {
        RunSlices {
            rows: self.rows.as_deref(),
            starts: &self.starts,
            lengths: &self.lengths,
            units: &self.units,
        }
    }

    /// Makes room for more runs. Without this, [`Self::push`] may end the process for lack of memory.
    pub fn reserve(&mut self, number: usize) -> Result<(), TryReserveError> {
        if let Some(rows) = &mut self.rows {
            rows.try_reserve(number)?;
        }
        self.starts.try_reserve(number)?;
        self.lengths.try_reserve(number)?;
        self.units.try_reserve(number)
    }

    /// Appends a run. `row` is left out if the runs are of one text.
    #[inline(always)]
    pub fn push(&mut self, row: i64, start: i64, length: i64, unit: u32) {
        if let Some(rows) = &mut self.rows {
            rows.push(row);
        }
        self.starts.push(start);
        self.lengths.push(length);
        self.units.push(unit);
    }

    /// Appends runs: as many of them as each of the slices has elements. Rows that are missing are 0.
    ///
    /// ```
    /// use doubles::runs::Runs;
    /// let mut runs = Runs::new();
    /// runs.push(0, 2, 2, b's'.into());
    /// let mut all = Runs::of_rows();
    /// all.append(runs.slices())?;
    /// assert_eq!(all.slices().rows, Some(&[0][..]));
    /// assert_eq!(all.slices().starts, [2]);
    /// # Ok::<(), std::collections::TryReserveError>(())
    /// ```
    pub fn append(&mut self, runs: RunSlices<'_>) -> Result<(), TryReserveError> {
        let RunSlices {
            rows,
            starts,
            lengths,
            units,
        } = runs;
        let number = units.len().min(starts.len()).min(lengths.len());
        let number = rows.map_or(number, |rows| rows.len().min(number));
        self.reserve(number)?;
        if let Some(all) = &mut self.rows {
            match rows {
                Some(rows) => all.extend_from_slice(&rows[..number]),
                None => all.resize(all.len() + number, 0),
            }
        }
        self.starts.extend_from_slice(&starts[..number]);
        self.lengths.extend_from_slice(&lengths[..number]);
        self.units.extend_from_slice(&units[..number]);
        Ok(())
    }

    /// Gives runs a row, from one of them on.
    pub(crate) fn set_row(&mut self, first: usize, row: i64) {
        if let Some(rows) = &mut self.rows {
            rows[first..].fill(row);
        }
    }

    /// Drops all runs but the first ones.
    pub fn truncate(&mut self, number: usize) {
        if let Some(rows) = &mut self.rows {
            rows.truncate(number);
        }
        self.starts.truncate(number);
        self.lengths.truncate(number);
        self.units.truncate(number);
    }
}
