//! Which rows are valid: a validity bitmap, as Arrow has it, that grows.
#![forbid(unsafe_code)]

use super::layout::Validity;
use std::collections::TryReserveError;
use std::ops::Range;

/// One bit for each row, the first one in the lowest bit: 1 if it is valid, 0 if it is null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bitmap {
    /// The bits after the last row are zero.
    bits: Vec<u8>,
    length: usize,
    nulls: usize,
}

impl Bitmap {
    pub(super) fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// The number of null rows.
    pub(super) fn nulls(&self) -> usize {
        self.nulls
    }

    /// The number of null rows in a range.
    pub(super) fn nulls_in(&self, range: Range<usize>) -> usize {
        let valid = Validity::new(&self.bits, range.start);
        let eights = (0..range.len()).step_by(8);
        let ones = eights.map(|row| valid.eight(row) & (0xFF >> (8 - 8.min(range.len() - row))));
        range.len() - ones.map(|bits| bits.count_ones() as usize).sum::<usize>()
    }

    /// Whether a row is valid. Rows beyond the last are not.
    #[inline(always)]
    pub(super) fn is_valid(&self, row: usize) -> bool {
        let bits = self.bits.get(row / 8).copied().unwrap_or(0);
        bits >> (row % 8) & 1 == 1
    }

    /// Makes room for more rows.
    pub(super) fn reserve(&mut self, rows: usize) -> Result<(), TryReserveError> {
        self.bits.try_reserve(rows / 8 + 1)
    }

    /// Appends the validity of the rows of a column from `first` on (`None`: all are valid).
    pub(super) fn extend(&mut self, validity: Option<Validity<'_>>, first: usize, rows: usize) {
        let mut done = 0;
        if validity.is_none() && self.length.is_multiple_of(8) {
            // Nearly all columns are of this kind.
            done = rows - rows % 8;
            self.length += done;
            self.bits.resize(self.length / 8, 0xFF);
        }
        for row in (done..rows).step_by(8) {
            let bits = validity.map_or(0xFF, |validity| validity.eight(first + row));
            self.push(bits, 8.min(rows - row));
        }
    }

    /// Appends up to eight rows, the first one in the lowest bit.
    #[inline(always)]
    pub(super) fn push(&mut self, bits: u8, number: usize) {
        let bits = bits & (0xFF >> (8 - number));
        self.nulls += number - bits.count_ones() as usize;
        let shift = self.length % 8;
        self.length += number;
        match self.bits.last_mut() {
            Some(last) if shift > 0 => *last |= bits << shift,
            _ => self.bits.push(bits),
        }
        if shift > 0 && shift + number > 8 {
            self.bits.push(bits >> (8 - shift));
        }
    }
}
