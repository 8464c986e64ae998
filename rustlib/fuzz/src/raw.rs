//! Columns of any shape and content, made from any bytes, and what their rows are by the Arrow format's
//! own words.
//!
//! Buffers are as long as lengths call for, which producers promise. What they contain may be anything.

use crate::oracle;
use arbitrary::{Result, Unstructured};
use doubles::columns::{KeyKind, Units};

/// A column.
#[derive(Debug)]
pub struct Raw {
    /// Rows in the buffers before the first.
    pub before: usize,
    /// How many rows there are.
    pub length: usize,
    /// A bit for each row, those before the first included, if some may be null.
    pub validity: Option<Vec<u8>>,
    /// How they are laid out.
    pub layout: Layout,
}

/// How rows are laid out.
#[derive(Debug)]
#[expect(missing_docs, reason = "they are named after Arrow's")]
pub enum Layout {
    Null,
    Offsets {
        units: Units,
        offsets: Numbers,
        data: Vec<u8>,
    },
    Views {
        units: Units,
        views: Vec<[u8; 16]>,
        buffers: Vec<Vec<u8>>,
    },
    Fixed {
        width: usize,
        data: Vec<u8>,
    },
    Padded {
        units: Units,
        width: usize,
        data: Vec<u8>,
    },
    Dictionary {
        keys: Numbers,
        entries: Box<Raw>,
    },
}

/// Whole numbers of one of Arrow's types.
#[derive(Debug)]
pub struct Numbers {
    /// Their type.
    pub kind: KeyKind,
    /// What they are.
    pub values: Vec<i128>,
    /// Their bytes in memory.
    pub bytes: Vec<u8>,
}

impl Numbers {
    /// Wraps each number around to one of the type.
    fn new(kind: KeyKind, values: impl IntoIterator<Item = i128>) -> Self {
        let mut numbers = Self {
            kind,
            values: Vec::new(),
            bytes: Vec::new(),
        };
        for value in values {
            let width = kind.width();
            let wrapped = match kind {
                KeyKind::I8 => (value as i8).into(),
                KeyKind::U8 => (value as u8).into(),
                KeyKind::I16 => (value as i16).into(),
                KeyKind::U16 => (value as u16).into(),
                KeyKind::I32 => (value as i32).into(),
                KeyKind::U32 => (value as u32).into(),
                KeyKind::I64 => (value as i64).into(),
                KeyKind::U64 => (value as u64).into(),
            };
            numbers.values.push(wrapped);
            let bytes = value.to_le_bytes();
            let mut bytes = bytes[..width].to_vec();
            if cfg!(target_endian = "big") {
                bytes.reverse();
            }
            numbers.bytes.extend(bytes);
        }
        numbers
    }
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Not there.
    Null,
    /// Text, or bytes.
    Text(&'a [u8]),
    /// Not where the column says, or its entry is not.
    Malformed,
}

const KINDS: [KeyKind; 8] = [
    KeyKind::I8,
    KeyKind::U8,
    KeyKind::I16,
    KeyKind::U16,
    KeyKind::I32,
    KeyKind::U32,
    KeyKind::I64,
    KeyKind::U64,
];

/// Dictionaries within one another, at most.
const DEPTH: usize = 2;

impl Raw {
    /// Takes the shape from the first half of `input` and the text from the second.
    pub fn new(input: &[u8]) -> Result<Self> {
        let (shape, text) = input.split_at(input.len() / 2);
        Self::within(&mut Unstructured::new(shape), text, DEPTH)
    }

    fn within(shape: &mut Unstructured<'_>, text: &[u8], depth: usize) -> Result<Self> {
        let length = shape.int_in_range(0..=40)?;
        let length = if length == 40 { 300 } else { length };
        let mut raw = Self {
            before: shape.int_in_range(0..=9)?,
            length,
            validity: None,
            layout: Layout::Null,
        };
        let all = raw.before + length;
        if shape.ratio(1, 3)? {
            let mut bits = vec![0xFF; all.div_ceil(8)];
            bits.iter_mut().try_for_each(|byte| {
                *byte = shape.arbitrary()?;
                Ok(())
            })?;
            raw.validity = Some(bits);
        }
        let units = *shape.choose(&[Units::Bytes, Units::Utf8, Units::Utf8])?;
        let layouts = if depth == 0 { 6 } else { 10 };
        raw.layout = match shape.int_in_range(0..=layouts - 1)? {
            0 => {
                raw.validity = None;
                Layout::Null
            }
            1 | 2 => Self::offsets(shape, text, units, all)?,
            3 => Self::views(shape, text, units, all)?,
            4 => {
                let width = shape.int_in_range(0..=20)?;
                let data = text.iter().copied().cycle().chain([0; 6000]);
                let data = data.take(all * width).collect();
                Layout::Fixed { width, data }
            }
            5 if depth < DEPTH => Layout::Null,
            5 => {
                (raw.before, raw.validity) = (0, None);
                let units = *shape.choose(&[Units::Bytes, Units::Utf32])?;
                let unit = if units == Units::Utf32 { 4 } else { 1 };
                let width = shape.int_in_range(0..=20)? / unit * unit;
                let mut data = text[..text.len().min(length * width)].to_vec();
                data.resize(length * width, 0);
                Layout::Padded { units, width, data }
            }
            _ => {
                let kind = *shape.choose(&KINDS)?;
                let mut keys = Vec::new();
                for _ in 0..all {
                    keys.push(Self::number(shape, 0, 9)?);
                }
                Layout::Dictionary {
                    keys: Numbers::new(kind, keys),
                    entries: Box::new(Self::within(shape, text, depth - 1)?),
                }
            }
        };
        Ok(raw)
    }

    /// Mostly a number near `least`, sometimes anything.
    fn number(shape: &mut Unstructured<'_>, least: i128, near: u8) -> Result<i128> {
        let choice: u8 = shape.arbitrary()?;
        Ok(if choice == 0xFF {
            shape.arbitrary::<i64>()?.into()
        } else {
            least + i128::from(choice % (near + 1))
        })
    }

    /// The last offset tells how long the data are, so it is right.
    fn offsets(
        shape: &mut Unstructured<'_>,
        text: &[u8],
        units: Units,
        rows: usize,
    ) -> Result<Layout> {
        let kind = *shape.choose(&[KeyKind::I32, KeyKind::I64])?;
        let near = *shape.choose(&[0, 3, 20, 200])?;
        let (mut offsets, mut end) = (Vec::new(), 0);
        for _ in 0..rows {
            offsets.push(end);
            end = Self::number(shape, end, near)?.min(text.len() as i128);
        }
        offsets.push(text.len() as i128);
        Ok(Layout::Offsets {
            units,
            offsets: Numbers::new(kind, offsets),
            data: text.to_vec(),
        })
    }

    fn views(
        shape: &mut Unstructured<'_>,
        text: &[u8],
        units: Units,
        rows: usize,
    ) -> Result<Layout> {
        let cut = text.len() / 3;
        let buffers = vec![text[..cut].to_vec(), text[cut..].to_vec()];
        let mut views = Vec::new();
        for _ in 0..rows {
            let choice: u8 = shape.arbitrary()?;
            let mut view = [0; 16];
            if choice == 0xFF {
                view = shape.arbitrary()?;
            } else if choice.is_multiple_of(4) {
                let length = usize::from(choice / 4 % 13).min(text.len());
                view[0] = length as u8;
                view[4..4 + length].copy_from_slice(&text[..length]);
            } else {
                let buffer = usize::from(choice / 4 % 2);
                let most = buffers[buffer].len();
                let start = shape.int_in_range(0..=most)?;
                let length = shape.int_in_range(0..=(most - start).min(200))?;
                let numbers = [length, 0, buffer, start].map(|number| number as u32);
                view = numbers
                    .map(u32::to_ne_bytes)
                    .concat()
                    .try_into()
                    .expect("16 bytes");
                if length <= 12 {
                    let inside = &buffers[buffer][start..start + length];
                    view[4..].fill(0);
                    view[4..4 + length].copy_from_slice(inside);
                }
            }
            views.push(view);
        }
        Ok(Layout::Views {
            units,
            views,
            buffers,
        })
    }

    /// What the units of its rows are.
    pub fn units(&self) -> Units {
        match &self.layout {
            Layout::Null | Layout::Fixed { .. } => Units::Bytes,
            Layout::Offsets { units, .. }
            | Layout::Views { units, .. }
            | Layout::Padded { units, .. } => *units,
            Layout::Dictionary { entries, .. } => entries.units(),
        }
    }

    /// Its rows.
    pub fn cells(&self) -> Vec<Cell<'_>> {
        let inner = match &self.layout {
            Layout::Dictionary { entries, .. } => entries.cells(),
            _ => Vec::new(),
        };
        (0..self.length).map(|row| self.cell(row, &inner)).collect()
    }

    fn cell<'a>(&'a self, row: usize, inner: &[Cell<'a>]) -> Cell<'a> {
        let place = self.before + row;
        if let Some(bits) = &self.validity
            && bits[place / 8] & (1 << (place % 8)) == 0
        {
            return Cell::Null;
        }
        let from_within = |index: Option<usize>| {
            let found = index.and_then(|index| inner.get(index));
            found.copied().unwrap_or(Cell::Malformed)
        };
        let text = match &self.layout {
            Layout::Null => return Cell::Null,
            Layout::Dictionary { keys, .. } => {
                return from_within(keys.values[place].try_into().ok());
            }
            Layout::Offsets { offsets, data, .. } => {
                match (offsets.values[place], offsets.values[place + 1]) {
                    (start, end) if 0 <= start && start <= end && end <= data.len() as i128 => {
                        Some(&data[start as usize..end as usize])
                    }
                    _ => None,
                }
            }
            Layout::Views { views, buffers, .. } => view_text(&views[place], buffers),
            Layout::Fixed { width, data } => Some(&data[place * width..place * width + width]),
            Layout::Padded { units, width, data } => {
                let mut text = &data[place * width..place * width + width];
                match units {
                    Units::Utf32 => {
                        while text.ends_with(&[0; 4]) {
                            text = &text[..text.len() - 4];
                        }
                    }
                    Units::Bytes | Units::Utf8 => {
                        while text.ends_with(&[0]) {
                            text = &text[..text.len() - 1];
                        }
                    }
                }
                Some(text)
            }
        };
        text.map_or(Cell::Malformed, Cell::Text)
    }

    /// Whether an entry is malformed, used or not.
    pub fn is_malformed_within(&self) -> bool {
        match &self.layout {
            Layout::Dictionary { entries, .. } => {
                // A column of no rows does not look at them.
                self.length > 0
                    && (entries.cells().contains(&Cell::Malformed) || entries.is_malformed_within())
            }
            _ => false,
        }
    }
}

fn view_text<'a>(view: &'a [u8; 16], buffers: &'a [Vec<u8>]) -> Option<&'a [u8]> {
    let number = |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|k| view[at + k])) as usize;
    let (length, buffer, start) = (number(0), number(8), number(12));
    if length <= 12 {
        return Some(&view[4..4 + length]);
    }
    let buffer = buffers.get(buffer)?;
    if start + length > buffer.len() {
        return None;
    }
    Some(&buffer[start..start + length])
}

/// The units of a row; none if it is no text though it should be.
pub fn units_of(text: &[u8], units: Units) -> Option<Vec<u32>> {
    match units {
        Units::Bytes => Some(text.iter().copied().map(u32::from).collect()),
        Units::Utf32 => Some(oracle::units32(text)),
        Units::Utf8 => oracle::whole(text),
    }
}

/// What counting rows has to give.
#[derive(Debug, Default)]
pub struct Expected {
    /// The units of each row; none where a row is null or wrong.
    pub units: Vec<Option<Vec<u32>>>,
    /// The first row that is malformed.
    pub malformed: Option<usize>,
    /// The first row that is no text though it should be.
    pub invalid: Option<usize>,
}

impl Expected {
    /// What counting these rows has to give.
    pub fn of(cells: &[Cell<'_>], units: Units) -> Self {
        let mut expected = Self::default();
        for (row, cell) in cells.iter().enumerate() {
            let mut value = None;
            match cell {
                Cell::Null => {}
                Cell::Text(text) => {
                    value = units_of(text, units);
                    if value.is_none() {
                        expected.invalid = expected.invalid.or(Some(row));
                    }
                }
                Cell::Malformed => expected.malformed = expected.malformed.or(Some(row)),
            }
            expected.units.push(value);
        }
        expected
    }

    /// The number of each row: 0 if it is null or wrong.
    pub fn values(&self, number: impl Fn(&[u32]) -> u64) -> Vec<i64> {
        let value = |units: &Option<Vec<u32>>| units.as_deref().map_or(0, &number);
        self.units.iter().map(|units| value(units) as i64).collect()
    }

    /// The first row that is wrong.
    pub fn first(&self) -> Option<usize> {
        self.malformed.into_iter().chain(self.invalid).min()
    }
}
