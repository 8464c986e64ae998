//! Where the rows of a column lie: memory in slices, and the way from a row's number to its text.
//!
//! Offsets, views and keys are data that choose addresses. Each is read once and checked against the
//! slice that it leads into, so that no value, however wrong, leads out of it.
#![forbid(unsafe_code)]

use std::ops::Range;

/// A row that does not lie where its column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Its number.
    pub row: usize,
}

/// What the units of a row are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// Bytes.
    Bytes,
    /// Code points, as UTF-8.
    Utf8,
    /// Code points, as UTF-32 in either byte order, whatever they are.
    Utf32,
}

/// Which rows are there: bits, the first one lowest, of which some come before those of the column.
#[derive(Clone, Copy, Debug)]
pub struct Validity<'a> {
    bits: &'a [u8],
    offset: usize,
}

impl<'a> Validity<'a> {
    /// Bits of which the first `offset` are not the column's.
    pub fn new(bits: &'a [u8], offset: usize) -> Self {
        Self { bits, offset }
    }

    /// Whether a row is there. Rows beyond the bits are not.
    #[inline(always)]
    pub fn is_valid(&self, row: usize) -> bool {
        let bit = self.offset + row;
        let byte = self.bits.get(bit / 8);
        byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    }

    /// The validity of up to eight rows from `row` on, the first one lowest.
    pub(super) fn eight(&self, row: usize) -> u8 {
        let bit = self.offset + row;
        let byte = |index: usize| u16::from(self.bits.get(index).copied().unwrap_or(0));
        let both = byte(bit / 8) | byte(bit / 8 + 1) << 8;
        (both >> (bit % 8)) as u8
    }
}

/// How rows are laid out.
#[derive(Debug)]
pub enum Layout<'a> {
    /// Row `i` is `data[offsets[i] .. offsets[i + 1]]`. There is one offset more than there are rows.
    Offsets32 {
        /// Numbers of four bytes, signed.
        offsets: &'a [[u8; 4]],
        /// The rows, one after the other.
        data: &'a [u8],
    },
    /// The same with longer numbers.
    Offsets64 {
        /// Numbers of eight bytes, signed.
        offsets: &'a [[u8; 8]],
        /// The rows, one after the other.
        data: &'a [u8],
    },
    /// Each row is described by 16 bytes: its length and, up to twelve bytes, itself; longer ones have
    /// a prefix there, the number of a buffer, and an offset in it.
    Views {
        /// One for each row.
        views: &'a [[u8; 16]],
        /// The views as bytes, and then what those of longer rows lead into.
        buffers: Vec<&'a [u8]>,
    },
    /// Rows of one width.
    Fixed(Fixed<'a>),
}

/// Rows of one width, side by side.
#[derive(Debug)]
pub struct Fixed<'a> {
    /// The rows.
    pub data: &'a [u8],
    /// Bytes per row.
    pub width: usize,
    /// Whether zeros at the end of a row are none of its units.
    pub padded: bool,
}

/// The rows of a column that has them side by side.
#[derive(Debug)]
pub struct Rows<'a> {
    /// What they are made of.
    pub units: Units,
    /// Where they lie.
    pub layout: Layout<'a>,
    /// Which of them are there, unless all are.
    pub validity: Option<Validity<'a>>,
    /// How many there are.
    pub length: usize,
}

/// The length of a row up to which its view holds it.
const INLINE: usize = 12;

/// The longest row that is worth copying as if it had this length.
pub(super) const SHORT: usize = 32;

impl<'a> Rows<'a> {
    /// Whether a row is there.
    #[inline(always)]
    pub fn is_valid(&self, row: usize) -> bool {
        self.validity.is_none_or(|validity| validity.is_valid(row))
    }

    /// The bytes of a row, also of one that is not there.
    pub fn text(&self, row: usize) -> Result<&'a [u8], Malformed> {
        let text = match &self.layout {
            Layout::Offsets32 { offsets, data } => between(offsets, row, offset32, data),
            Layout::Offsets64 { offsets, data } => between(offsets, row, offset64, data),
            Layout::Views { views, buffers } => views
                .get(row)
                .and_then(|view| view_text(row, view, buffers)),
            Layout::Fixed(fixed) => fixed.text(row, self.units),
        };
        text.ok_or(Malformed { row })
    }

    /// How many of the rows of a range hold no more than `budget` bytes together, but at least one, and
    /// about how many bytes they hold.
    pub(super) fn within(&self, range: Range<usize>, budget: usize) -> (usize, usize) {
        match &self.layout {
            Layout::Offsets32 { offsets, .. } => offsets_within(offsets, range, offset32, budget),
            Layout::Offsets64 { offsets, .. } => offsets_within(offsets, range, offset64, budget),
            Layout::Views { views, .. } => {
                let views = &views[range];
                let all = views.iter().map(view_length).sum();
                if all <= budget {
                    return (views.len(), all);
                }
                let (mut rows, mut bytes) = (0, 0);
                for view in views {
                    let length = view_length(view);
                    if rows > 0 && bytes + length > budget {
                        break;
                    }
                    rows += 1;
                    bytes += length;
                }
                (rows, bytes)
            }
            Layout::Fixed(fixed) => {
                let rows = (budget / fixed.width.max(1)).clamp(1, range.len());
                (rows, rows * fixed.width)
            }
        }
    }
}

/// Copies of rows, one after the other: what is checked is what is counted, also while another thread
/// writes to where they came from.
pub(super) struct Copied<'b> {
    /// The rows, with room for one of [`SHORT`] length after [`Self::capacity`].
    pub(super) text: &'b mut [u8],
    /// Where each ends. There are no more rows than this has places.
    pub(super) ends: &'b mut [u32],
}

impl Copied<'_> {
    /// Room for this many bytes.
    #[inline(always)]
    fn capacity(&self) -> usize {
        self.text.len() - SHORT
    }

    /// Copies rows of a range, from its beginning on, and returns how many: until one does not fit, or
    /// does not lie where it should.
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
                None => self.load_each(rows, range),
            },
        }
    }

    /// Copies all text between the offsets at once, that of rows which are not there as well.
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

    /// Copies rows of one width that lie side by side.
    fn load_adjacent(&mut self, adjacent: &[u8], width: usize) -> usize {
        self.text[..adjacent.len()].copy_from_slice(adjacent);
        let rows = adjacent.len() / width;
        for (number, end) in self.ends[..rows].iter_mut().enumerate() {
            *end = ((number + 1) * width) as u32;
        }
        rows
    }

    fn load_each(&mut self, rows: &Rows<'_>, range: Range<usize>) -> usize {
        let (mut number, mut end) = (0, 0);
        for row in range {
            if rows.is_valid(row) {
                let Ok(text) = rows.text(row) else {
                    break;
                };
                if end + text.len() > self.capacity() {
                    break;
                }
                self.text[end..end + text.len()].copy_from_slice(text);
                end += text.len();
            }
            self.ends[number] = end as u32;
            number += 1;
        }
        number
    }
}

/// Out of line, lest the compiler make one call of this and of the copy of fixed length.
#[inline(never)]
fn copy(text: &[u8], to: &mut [u8]) {
    to.copy_from_slice(text);
}

impl<'a> Fixed<'a> {
    fn text(&self, row: usize, units: Units) -> Option<&'a [u8]> {
        let start = row.checked_mul(self.width)?;
        let text = self.data.get(start..)?.get(..self.width)?;
        if !self.padded {
            return Some(text);
        }
        let zeros = text.iter().rev().take_while(|&&byte| byte == 0).count();
        let length = text.len() - zeros;
        // The last unit of UTF-32 may end in zeros.
        Some(match units {
            Units::Utf32 => &text[..length.next_multiple_of(4).min(text.len())],
            Units::Bytes | Units::Utf8 => &text[..length],
        })
    }

    /// All bytes of as many rows of a range as `capacity` bytes have room for, if none is padded.
    fn adjacent(&self, range: Range<usize>, capacity: usize) -> Option<&'a [u8]> {
        if self.padded || self.width == 0 {
            return None;
        }
        let rows = range.len().min(capacity / self.width);
        let start = range.start.checked_mul(self.width)?;
        self.data.get(start..)?.get(..rows * self.width)
    }
}

/// The keys of a dictionary: whole numbers of one of Arrow's eight types.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// The numbers, in the machine's byte order.
    pub bytes: &'a [u8],
    /// Their type.
    pub kind: KeyKind,
}

/// A type of whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named after Rust's")]
pub enum KeyKind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
}

impl KeyKind {
    /// Bytes per number.
    pub fn width(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 => 4,
            Self::I64 | Self::U64 => 8,
        }
    }
}

impl Keys<'_> {
    /// The number at an index; none if it is negative or there is none.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<usize> {
        match self.kind {
            KeyKind::I8 => place(self.bytes, index, i8::from_ne_bytes),
            KeyKind::U8 => place(self.bytes, index, u8::from_ne_bytes),
            KeyKind::I16 => place(self.bytes, index, i16::from_ne_bytes),
            KeyKind::U16 => place(self.bytes, index, u16::from_ne_bytes),
            KeyKind::I32 => place(self.bytes, index, i32::from_ne_bytes),
            KeyKind::U32 => place(self.bytes, index, u32::from_ne_bytes),
            KeyKind::I64 => place(self.bytes, index, i64::from_ne_bytes),
            KeyKind::U64 => place(self.bytes, index, u64::from_ne_bytes),
        }
    }

    /// How many numbers there are.
    pub(super) fn length(&self) -> usize {
        self.bytes.len() / self.kind.width()
    }
}

#[inline(always)]
fn place<const N: usize, T: TryInto<usize>>(
    bytes: &[u8],
    index: usize,
    read: impl Fn([u8; N]) -> T,
) -> Option<usize> {
    let (numbers, _) = bytes.as_chunks::<N>();
    read(*numbers.get(index)?).try_into().ok()
}

/// An offset as a number that is too large if it is negative.
#[inline(always)]
fn offset32(bytes: &[u8; 4]) -> u64 {
    i64::from(i32::from_ne_bytes(*bytes)).cast_unsigned()
}

#[inline(always)]
fn offset64(bytes: &[u8; 8]) -> u64 {
    u64::from_ne_bytes(*bytes)
}

/// How far after one offset another one is. Where that is before it, the result is too large for any block,
/// or leads to an offset beyond the data.
#[inline(always)]
fn distance32(from: &[u8; 4], to: &[u8; 4]) -> u32 {
    u32::from_ne_bytes(*to).wrapping_sub(u32::from_ne_bytes(*from))
}

/// The same; what is too far away for a block is as far as can be.
#[inline(always)]
fn distance64(from: &[u8; 8], to: &[u8; 8]) -> u32 {
    let distance = offset64(to).wrapping_sub(offset64(from));
    distance.min(u32::MAX.into()) as u32
}

fn between<'a, const N: usize>(
    offsets: &[[u8; N]],
    row: usize,
    read: impl Fn(&[u8; N]) -> u64,
    data: &'a [u8],
) -> Option<&'a [u8]> {
    let start = usize::try_from(read(offsets.get(row)?)).ok()?;
    let end = usize::try_from(read(offsets.get(row + 1)?)).ok()?;
    data.get(start..end)
}

fn offsets_within<const N: usize>(
    offsets: &[[u8; N]],
    range: Range<usize>,
    read: impl Fn(&[u8; N]) -> u64,
    budget: usize,
) -> (usize, usize) {
    let start = read(&offsets[range.start]);
    let distance = |offset: &[u8; N]| read(offset).wrapping_sub(start);
    let ends = &offsets[range.start + 1..=range.end];
    let rows = ends.partition_point(|end| distance(end) <= budget as u64);
    let rows = rows.max(1);
    (
        rows,
        distance(&ends[rows - 1]).min(usize::MAX as u64) as usize,
    )
}

/// How many of the ends rise: none is less than the one before it.
#[inline(always)]
fn rising(ends: &[u32]) -> usize {
    let falls = |pair: &[u32]| pair[0] > pair[1];
    // Without a way out, so that it becomes vector code.
    let any = ends.windows(2).fold(false, |any, pair| any | falls(pair));
    if any {
        ends.windows(2)
            .position(falls)
            .map_or(ends.len(), |before| before + 1)
    } else {
        ends.len()
    }
}

/// The length that a view gives; a negative one is too large for any buffer.
#[inline(always)]
fn view_length(view: &[u8; 16]) -> usize {
    view_number(view, 0) as usize
}

#[inline(always)]
fn view_number(view: &[u8; 16], index: usize) -> u32 {
    let (numbers, _) = view.as_chunks::<4>();
    u32::from_ne_bytes(numbers[index])
}

/// All that follows the place that a view leads to, in its buffer; for short rows that is the view. Which
/// of them it is takes no branch, since no processor foresees the lengths of rows.
#[inline(always)]
fn view_rest<'a>(
    row: usize,
    view: &[u8; 16],
    length: usize,
    buffers: &[&'a [u8]],
) -> Option<&'a [u8]> {
    let is_inline = length <= INLINE;
    let [buffer, start] = [2, 3].map(|number| view_number(view, number) as usize);
    let buffer = if is_inline { 0 } else { buffer + 1 };
    let start = if is_inline {
        size_of_val(view) * row + 4
    } else {
        start
    };
    buffers.get(buffer)?.get(start..)
}

fn view_text<'a>(row: usize, view: &[u8; 16], buffers: &[&'a [u8]]) -> Option<&'a [u8]> {
    let length = view_length(view);
    view_rest(row, view, length, buffers)?.get(..length)
}
