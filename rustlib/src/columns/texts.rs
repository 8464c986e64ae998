//! Texts: one for each row of a column, side by side in memory of their own.
#![forbid(unsafe_code)]

use super::bitmap::Bitmap;
use super::block::Marked;
use super::walk::{OpenRow, Work};
use super::{Column, Fault, Units, Walk};
use crate::find::Uncollected;
use crate::kernel;
use crate::marks::{self, LANES, NO_BITS, TILE, below};
use crate::squeeze::{Rule, Squeezer};
use std::collections::TryReserveError;
use std::ops::Range;

/// Nullable texts, in the units that their column had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// Where each row begins, and where the last one ends.
    offsets: Vec<i64>,
    data: Vec<u8>,
    validity: Bitmap,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            offsets: vec![0],
            data: Vec::new(),
            validity: Bitmap::default(),
        }
    }
}

impl Texts {
    /// Where each row begins in the data, and where the last one ends. Null rows are empty.
    pub fn offsets(&self) -> &[i64] {
        &self.offsets
    }

    /// The bytes of all rows, one after the other.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// One bit for each row, the first one in the lowest bit: 1 if it is valid, 0 if it is null.
    pub fn validity(&self) -> &[u8] {
        self.validity.bits()
    }

    /// The number of rows.
    pub fn length(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The number of nulls.
    pub fn nulls(&self) -> usize {
        self.validity.nulls()
    }

    /// The number of nulls in a range.
    pub fn nulls_in(&self, range: Range<usize>) -> usize {
        self.validity.nulls_in(range)
    }

    /// Appends the rows of the next slice of a column, squeezed. Returns whether there is more to do.
    ///
    /// ```
    /// use doubles::columns::{Column, Layout, Rows, Texts, Units, Walk};
    /// use doubles::squeeze::Rule;
    /// let offsets = [0i32, 4, 4, 8].map(i32::to_ne_bytes);
    /// let column = Column::Rows(Rows {
    ///     units: Units::Utf8,
    ///     layout: Layout::Offsets32 { offsets: &offsets, data: b"aabccccc" },
    ///     validity: None,
    ///     length: 3,
    /// });
    /// let rule = Rule::new(1, None).expect("not zero");
    /// let (mut walk, mut texts) = (Walk::default(), Texts::default());
    /// while texts.squeeze(&mut walk, &column, &rule)? {}
    /// assert_eq!((texts.data(), texts.offsets()), (&b"abcc"[..], &[0, 3, 3, 4][..]));
    /// # Ok::<(), doubles::columns::Fault>(())
    /// ```
    pub fn squeeze(
        &mut self,
        walk: &mut Walk,
        column: &Column<'_>,
        rule: &Rule<'_>,
    ) -> Result<bool, Fault> {
        walk.advance(column, &mut Squeezing { texts: self, rule })
    }

    /// Makes room for bytes after the data, and has `write` fill it. It returns how many bytes it has written.
    #[inline(always)]
    fn append(
        &mut self,
        room: usize,
        write: impl FnOnce(&mut [u8]) -> Result<usize, Uncollected>,
    ) -> Result<(), Uncollected> {
        let start = self.data.len();
        self.data.try_reserve(room)?;
        self.data.resize(start + room, 0);
        let written = write(&mut self.data[start..]);
        self.data.truncate(start + written.unwrap_or(0));
        written.map(|_| ())
    }
}

/// Squeezing of rows into texts.
struct Squeezing<'a> {
    texts: &'a mut Texts,
    rule: &'a Rule<'a>,
}

impl Work for Squeezing<'_> {
    fn reserve(&mut self, rows: usize) -> Result<(), TryReserveError> {
        self.texts.offsets.try_reserve(rows)?;
        self.texts.validity.reserve(rows)
    }

    #[inline(always)]
    fn take_block<U: marks::Units>(
        &mut self,
        _: usize,
        block: &mut Marked<'_, U>,
    ) -> Result<(), Uncollected> {
        let tile = &block.tile;
        let mut dropped = NO_BITS;
        Squeezer::default().choose(tile, self.rule, block.marks, &mut dropped);
        let start = self.texts.data.len();
        self.texts.append(tile.size, |out| {
            Ok(kernel::squeeze(tile.bytes(), &dropped, out))
        })?;
        let (mut before, mut sum) = ([0; TILE / LANES + 1], 0);
        for (before, dropped) in before.iter_mut().zip(&dropped) {
            *before = sum;
            sum += dropped.count_ones();
        }
        for &end in block.ends {
            let (word, lane) = (end as usize / LANES, end as usize % LANES);
            let fewer = before[word] + (dropped[word] & below(lane)).count_ones();
            self.texts
                .offsets
                .push(start as i64 + i64::from(end - fewer));
        }
        Ok(())
    }

    fn take_part(
        &mut self,
        _: usize,
        open: &mut OpenRow,
        units: Units,
        part: &[u8],
    ) -> Result<(), Uncollected> {
        let (squeezer, rule) = (&mut open.squeezer, self.rule);
        let room = part.len() + usize::from(squeezer.tail_len);
        self.texts.append(room, |out| {
            Ok(squeezer.append(units.into(), part, rule, out)?)
        })
    }

    fn end_parts(&mut self, _: usize, open: &OpenRow) -> Result<(), Uncollected> {
        if open.squeezer.tail_len > 0 {
            return Err(Uncollected::InvalidUtf8);
        }
        self.texts.offsets.push(self.texts.data.len() as i64);
        Ok(())
    }

    fn end_rows(&mut self, rows: usize, is_valid: impl Fn(usize) -> bool) {
        for first in (0..rows).step_by(8) {
            let number = 8.min(rows - first);
            let bits =
                (0..number).fold(0, |bits, row| bits | u8::from(is_valid(first + row)) << row);
            self.texts.validity.push(bits, number);
        }
    }
}
