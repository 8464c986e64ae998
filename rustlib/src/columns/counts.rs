//! The counts of the rows of a column, of which some may be null.
#![forbid(unsafe_code)]

use super::bitmap::Bitmap;
use super::layout::Validity;
use std::collections::TryReserveError;
use std::hint;
use std::ops::Range;

/// Nullable 64-bit counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The counts, followed by zeros.
    values: Vec<i64>,
    length: usize,
    validity: Bitmap,
}

impl Counts {
    /// The counts; zero in null rows.
    pub fn values(&self) -> &[i64] {
        &self.values[..self.length]
    }

    /// One bit for each count, the first one in the lowest bit: 1 if it is valid, 0 if it is null.
    pub fn validity(&self) -> &[u8] {
        self.validity.bits()
    }

    /// The number of nulls.
    pub fn nulls(&self) -> usize {
        self.validity.nulls()
    }

    /// The number of nulls in a range.
    pub fn nulls_in(&self, range: Range<usize>) -> usize {
        self.validity.nulls_in(range)
    }

    /// The count of a row, which may be null (`Some(None)`); `None` if there is no such row.
    #[inline(always)]
    pub(super) fn get(&self, row: usize) -> Option<Option<i64>> {
        let &value = self.values().get(row)?;
        Some(self.validity.is_valid(row).then_some(value))
    }

    /// Makes room for more counts, and returns the part of it that is zero already. The first rows get memory
    /// that nobody has touched: making its pages takes as long as counting, so the threads that count share
    /// that work, too.
    pub fn reserve(&mut self, rows: usize) -> Result<&mut [i64], TryReserveError> {
        if self.values.is_empty() {
            let mut room = Vec::<i64>::new();
            room.try_reserve_exact(rows)?;
            // Without the black box, the compiler may leave out this allocation, and with it the error.
            drop(hint::black_box(room));
            self.values = vec![0; rows];
        } else {
            let spare = self.values.len() - self.length;
            self.values.try_reserve(rows.saturating_sub(spare))?;
        }
        self.validity.reserve(rows)?;
        Ok(&mut self.values[self.length..])
    }

    /// Appends zeros, and returns them to be written. Call [`Self::mark`] next.
    pub(super) fn extend(&mut self, rows: usize) -> Result<&mut [i64], TryReserveError> {
        self.reserve(rows)?;
        let start = self.length;
        self.length += rows;
        if self.values.len() < self.length {
            self.values.resize(self.length, 0);
        }
        Ok(&mut self.values[start..self.length])
    }

    /// Sets which of the last `rows` counts are valid: as the rows of a column from `first` on.
    pub(super) fn mark(&mut self, validity: Option<Validity<'_>>, first: usize, rows: usize) {
        self.validity.extend(validity, first, rows);
    }

    /// Appends `rows` counts: `value(0)`, `value(1)` and so on.
    pub(super) fn extend_with<E: From<TryReserveError>>(
        &mut self,
        rows: usize,
        mut value: impl FnMut(usize) -> Result<Option<i64>, E>,
    ) -> Result<(), E> {
        self.extend(rows)?;
        let first = self.length - rows;
        for row in (0..rows).step_by(8) {
            let (mut bits, number) = (0, 8.min(rows - row));
            let known = first + row;
            for bit in 0..number {
                let value = value(row + bit)?;
                bits |= u8::from(value.is_some()) << bit;
                self.values[known + bit] = value.unwrap_or(0);
            }
            self.validity.push(bits, number);
        }
        Ok(())
    }

    /// Appends counts and their validity (`None`: all are valid). Counts of null rows become zero.
    pub fn append(
        &mut self,
        values: &[i64],
        validity: Option<Validity<'_>>,
    ) -> Result<(), TryReserveError> {
        let is_valid = |row| validity.is_none_or(|validity| validity.is_valid(row));
        self.extend_with(values.len(), |row| Ok(is_valid(row).then_some(values[row])))
    }
}
