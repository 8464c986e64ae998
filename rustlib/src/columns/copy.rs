//! Rows copied side by side into a block.
//!
//! A row is checked and then counted in its copy, so another thread that writes to the column can't change
//! a row between the check and the count.
#![forbid(unsafe_code)]

use super::layout::{Layout, Malformed, Rows, offset32, offset64, view_length, view_rest};
use std::ops::Range;

/// The longest row that is worth copying as if it had this length.
pub(super) const SHORT: usize = 32;

/// Copies of rows, one after the other.
pub(super) struct Copied<'b> {
    /// The bytes of the rows, followed by room for [`SHORT`] more.
    pub(super) text: &'b mut [u8],
    /// Where each row ends. Its length limits the number of rows.
    pub(super) ends: &'b mut [u32],
}

impl Copied<'_> {
    /// The number of bytes that rows may have together.
    #[inline(always)]
    fn capacity(&self) -> usize {
        self.text.len() - SHORT
    }

    /// Copies rows from the start of a range, until one does not fit or is malformed. Returns how many.
    #[inline(always)]
    pub(super) fn load(&mut self, rows: &Rows<'_>, range: Range<usize>) -> usize {
        let range = range.start..range.end.min(range.start + self.ends.len());
        match &rows.layout {
            Layout::Offsets32 { offsets, data } => self.load_offsets(
                &offsets[range.start..=range.end],
                offset32,
                distance32,
                data,
            ),
            Layout::Offsets64 { offsets, data } => self.load_offsets(
                &offsets[range.start..=range.end],
                offset64,
                distance64,
                data,
            ),
            Layout::Views { views, buffers } => self.load_views(rows, views, buffers, range),
            Layout::Fixed(fixed) => match fixed.adjacent(range.clone(), self.capacity()) {
                Some(adjacent) => self.load_adjacent(adjacent, fixed.width),
                None => self.load_each(range, |row| {
                    rows.is_valid(row).then(|| rows.text(row)).transpose()
                }),
            },
        }
    }

    /// Copies all bytes between the offsets at once, those of null rows included.
    #[inline(always)]
    fn load_offsets<const N: usize>(
        &mut self,
        offsets: &[[u8; N]],
        read: impl Fn(&[u8; N]) -> u64,
        distance: impl Fn(&[u8; N], &[u8; N]) -> u32,
        data: &[u8],
    ) -> usize {
        let Some((start, ends)) = offsets.split_first() else {
            return 0;
        };
        let capacity = self.capacity() as u32;
        let fit = ends.partition_point(|end| distance(start, end) <= capacity);
        for (copy, end) in self.ends.iter_mut().zip(&ends[..fit]) {
            *copy = distance(start, end);
        }
        let rows = rising(&self.ends[..fit]);
        let Some(&length) = self.ends[..rows].last() else {
            return 0;
        };
        let text = usize::try_from(read(start))
            .ok()
            .and_then(|start| data.get(start..)?.get(..length as usize));
        let (Some(text), Some(copy)) = (text, self.text.get_mut(..length as usize)) else {
            return 0;
        };
        copy.copy_from_slice(text);
        rows
    }

    #[inline(always)]
    fn load_views(
        &mut self,
        rows: &Rows<'_>,
        views: &[[u8; 16]],
        buffers: &[&[u8]],
        range: Range<usize>,
    ) -> usize {
        let (mut number, mut end) = (0, 0);
        for (row, &view) in range.clone().zip(&views[range]) {
            let length = if rows.is_valid(row) {
                view_length(&view)
            } else {
                0
            };
            if end + length > self.capacity() {
                break;
            }
            let Some(rest) = view_rest(row, &view, length, buffers) else {
                break;
            };
            // A copy of fixed length is two instructions, any other a call.
            match rest.first_chunk::<SHORT>() {
                Some(short) if length <= SHORT => {
                    self.text[end..end + SHORT].copy_from_slice(short);
                }
                _ => match rest.get(..length) {
                    Some(text) => copy(text, &mut self.text[end..end + length]),
                    None => break,
                },
            }
            if rest.len() < length {
                break;
            }
            end += length;
            self.ends[number] = end as u32;
            number += 1;
        }
        number
    }

    /// Copies rows of one width, side by side.
    fn load_adjacent(&mut self, adjacent: &[u8], width: usize) -> usize {
        self.text[..adjacent.len()].copy_from_slice(adjacent);
        let rows = adjacent.len() / width;
        for (number, end) in self.ends[..rows].iter_mut().enumerate() {
            *end = ((number + 1) * width) as u32;
        }
        rows
    }

    /// Copies rows one by one, of which `text` returns the bytes, or `None` for a null.
    pub(super) fn load_each<'a>(
        &mut self,
        range: Range<usize>,
        text: impl Fn(usize) -> Result<Option<&'a [u8]>, Malformed>,
    ) -> usize {
        let (mut number, mut end) = (0, 0);
        for (row, copy) in range.zip(&mut *self.ends) {
            let Ok(text) = text(row) else {
                break;
            };
            let text = text.unwrap_or_default();
            if end + text.len() > self.text.len() - SHORT {
                break;
            }
            self.text[end..end + text.len()].copy_from_slice(text);
            end += text.len();
            *copy = end as u32;
            number += 1;
        }
        number
    }
}

/// Out of line, so that the compiler does not merge this copy and the one of fixed length into one call.
#[inline(never)]
fn copy(text: &[u8], to: &mut [u8]) {
    to.copy_from_slice(text);
}

/// The distance from one offset to another. If the other one is smaller, the result is too large for any block, or
/// leads to an offset beyond the data.
#[inline(always)]
fn distance32(from: &[u8; 4], to: &[u8; 4]) -> u32 {
    u32::from_ne_bytes(*to).wrapping_sub(u32::from_ne_bytes(*from))
}

/// The distance from one offset to another. Distances that are too large for any block become `u32::MAX`.
#[inline(always)]
fn distance64(from: &[u8; 8], to: &[u8; 8]) -> u32 {
    let distance = offset64(to).wrapping_sub(offset64(from));
    distance.min(u32::MAX.into()) as u32
}

/// How many of the ends are in ascending order.
#[inline(always)]
fn rising(ends: &[u32]) -> usize {
    let falls = |pair: &[u32]| pair[0] > pair[1];
    // Without an early exit, so that it becomes vector code.
    let any = ends.windows(2).fold(false, |any, pair| any | falls(pair));
    if any {
        ends.windows(2)
            .position(falls)
            .map_or(ends.len(), |before| before + 1)
    } else {
        ends.len()
    }
}
