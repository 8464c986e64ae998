//! How the rows of a column are laid out in memory, and the way from a row's number to its text.
//!
//! Offsets, views and keys are data that choose addresses. Each is read once and checked against the
//! slice that it leads into, so that no value, however wrong, leads out of it.
#![forbid(unsafe_code)]

use crate::chunks::Kind;
use std::ops::Range;

/// A row that leads out of the memory of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Its number.
    pub row: usize,
}

/// The units of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// Bytes.
    Bytes,
    /// Code points, as UTF-8.
    Utf8,
    /// Code points, as UTF-32 in either byte order. They are not checked.
    Utf32,
}

impl From<Units> for Kind {
    fn from(units: Units) -> Self {
        match units {
            Units::Bytes => Self::Bytes,
            Units::Utf8 => Self::Utf8,
            Units::Utf32 => Self::Utf32,
        }
    }
}

/// Which rows are valid, and not null: one bit for each row, the first row in the lowest bit.
#[derive(Clone, Copy, Debug)]
pub struct Validity<'a> {
    bits: &'a [u8],
    offset: usize,
}

impl<'a> Validity<'a> {
    /// The bits of a column that begins with bit number `offset`.
    pub fn new(bits: &'a [u8], offset: usize) -> Self {
        Self { bits, offset }
    }

    /// Whether a row is valid. Rows beyond the bits are not.
    #[inline(always)]
    pub fn is_valid(&self, row: usize) -> bool {
        let bit = self.offset + row;
        let byte = self.bits.get(bit / 8);
        byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    }

    /// The validity of eight rows from `row` on, the first row in the lowest bit.
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
    /// Row `i` is `data[offsets[i] .. offsets[i + 1]]`, as with `Offsets32`, but offsets have eight bytes.
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
    /// Whether zeros at the end of a row are padding, and no units.
    pub padded: bool,
}

/// The rows of a column that has no dictionary.
#[derive(Debug)]
pub struct Rows<'a> {
    /// The units of each row.
    pub units: Units,
    /// Where their bytes are.
    pub layout: Layout<'a>,
    /// Which of them are valid; `None` if all are.
    pub validity: Option<Validity<'a>>,
    /// The number of rows.
    pub length: usize,
}

/// The longest row that a view holds itself.
const INLINE: usize = 12;

impl<'a> Rows<'a> {
    /// Whether a row is valid.
    #[inline(always)]
    pub fn is_valid(&self, row: usize) -> bool {
        self.validity.is_none_or(|validity| validity.is_valid(row))
    }

    /// The bytes of a row; for a null row, those that its offsets or view lead to.
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

    /// How many rows from the start of a range have at most `budget` bytes together, but at least one row; and
    /// about how many bytes these rows have.
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

    /// The bytes of the first rows of a range, at most `capacity` bytes; `None` if rows are padded or empty.
    pub(super) fn adjacent(&self, range: Range<usize>, capacity: usize) -> Option<&'a [u8]> {
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
    /// The number at an index; `None` if it is negative or beyond the last.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<usize> {
        match self.kind {
            KeyKind::I8 => key(self.bytes, index, i8::from_ne_bytes),
            KeyKind::U8 => key(self.bytes, index, u8::from_ne_bytes),
            KeyKind::I16 => key(self.bytes, index, i16::from_ne_bytes),
            KeyKind::U16 => key(self.bytes, index, u16::from_ne_bytes),
            KeyKind::I32 => key(self.bytes, index, i32::from_ne_bytes),
            KeyKind::U32 => key(self.bytes, index, u32::from_ne_bytes),
            KeyKind::I64 => key(self.bytes, index, i64::from_ne_bytes),
            KeyKind::U64 => key(self.bytes, index, u64::from_ne_bytes),
        }
    }

    /// The number of keys.
    pub(super) fn length(&self) -> usize {
        self.bytes.len() / self.kind.width()
    }
}

#[inline(always)]
fn key<const N: usize, T: TryInto<usize>>(
    bytes: &[u8],
    index: usize,
    read: impl Fn([u8; N]) -> T,
) -> Option<usize> {
    let (numbers, _) = bytes.as_chunks::<N>();
    read(*numbers.get(index)?).try_into().ok()
}

/// An offset as an unsigned number: a negative offset becomes one that is too large for any buffer.
#[inline(always)]
pub(super) fn offset32(bytes: &[u8; 4]) -> u64 {
    i64::from(i32::from_ne_bytes(*bytes)).cast_unsigned()
}

#[inline(always)]
pub(super) fn offset64(bytes: &[u8; 8]) -> u64 {
    u64::from_ne_bytes(*bytes)
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

/// The length that a view gives; a negative one is too large for any buffer.
#[inline(always)]
pub(super) fn view_length(view: &[u8; 16]) -> usize {
    view_number(view, 0) as usize
}

#[inline(always)]
fn view_number(view: &[u8; 16], index: usize) -> u32 {
    let (numbers, _) = view.as_chunks::<4>();
    u32::from_ne_bytes(numbers[index])
}

/// The bytes from where a row begins to the end of its buffer. For a short row the buffer is the views
/// themselves. Choosing it takes no branch, since no processor can predict the lengths of rows.
#[inline(always)]
pub(super) fn view_rest<'a>(
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
