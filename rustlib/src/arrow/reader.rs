//! From an array and its type to a column.
//!
//! All functions that read a struct share one contract, Arrow's: the struct is not released, and all that it
//! leads to stays where it is, unchanged, for as long as the result is used. Buffers are as long as length
//! and offset require; their contents may be anything.

use super::Error;
use super::structs::{ArrowArray, ArrowSchema};
use crate::columns::{Column, Fixed, KeyKind, Keys, Layout, Rows, Units, Validity};
use std::ffi::{CStr, c_void};
use std::slice;

/// The deepest nesting of dictionaries that is read.
const DEPTH: usize = 4;

/// How a type lays out its rows.
#[derive(Clone, Copy)]
enum Format {
    Null,
    Offsets32(Units),
    Offsets64(Units),
    Views(Units),
    Fixed {
        width: usize,
    },
    /// Integers, which are no column of their own, but may be the keys of a dictionary.
    Keys(KeyKind),
}

/// Reads the format string of a type.
///
/// # Safety
///
/// See the module's contract.
unsafe fn format(schema: &ArrowSchema) -> Result<Format, Error> {
    if schema.format.is_null() {
        return Err(Error::Malformed);
    }
    // SAFETY: a format that is not NULL is text that ends with zero.
    let letters = unsafe { CStr::from_ptr(schema.format) };
    Ok(match letters.to_bytes() {
        b"n" => Format::Null,
        b"u" => Format::Offsets32(Units::Utf8),
        b"z" => Format::Offsets32(Units::Bytes),
        b"U" => Format::Offsets64(Units::Utf8),
        b"Z" => Format::Offsets64(Units::Bytes),
        b"vu" => Format::Views(Units::Utf8),
        b"vz" => Format::Views(Units::Bytes),
        b"c" => Format::Keys(KeyKind::I8),
        b"C" => Format::Keys(KeyKind::U8),
        b"s" => Format::Keys(KeyKind::I16),
        b"S" => Format::Keys(KeyKind::U16),
        b"i" => Format::Keys(KeyKind::I32),
        b"I" => Format::Keys(KeyKind::U32),
        b"l" => Format::Keys(KeyKind::I64),
        b"L" => Format::Keys(KeyKind::U64),
        [b'w', b':', width @ ..] => {
            let width = str::from_utf8(width).ok();
            let width = width.and_then(|width| width.parse().ok());
            Format::Fixed {
                width: width.ok_or(Error::Unsupported)?,
            }
        }
        _ => return Err(Error::Unsupported),
    })
}

/// Fails unless a type is one of strings or bytes.
///
/// # Safety
///
/// See the module's contract.
pub(super) unsafe fn check(schema: &ArrowSchema) -> Result<(), Error> {
    let mut schema = schema;
    for _ in 0..DEPTH {
        // SAFETY: the schema, and then its dictionary, which belongs to it: one is as the other.
        schema = match unsafe { (format(schema)?, schema.dictionary.as_ref()) } {
            (Format::Keys(_), Some(entries)) => entries,
            (Format::Keys(_), None) | (_, Some(_)) => return Err(Error::Unsupported),
            (_, None) => return Ok(()),
        };
    }
    Err(Error::Unsupported)
}

/// Reads an array as a column.
///
/// # Safety
///
/// See the module's contract, for the array and its type, which belong together.
pub(super) unsafe fn column<'a>(
    schema: &'a ArrowSchema,
    array: &'a ArrowArray,
) -> Result<Column<'a>, Error> {
    // SAFETY: the array and its type, as the caller gives them.
    unsafe { column_within(schema, array, DEPTH) }
}

/// Reads an array that is a column, or the dictionary of one.
///
/// # Safety
///
/// See the module's contract, for the array and its type, which belong together.
unsafe fn column_within<'a>(
    schema: &'a ArrowSchema,
    array: &'a ArrowArray,
    depth: usize,
) -> Result<Column<'a>, Error> {
    let depth = depth.checked_sub(1).ok_or(Error::Unsupported)?;
    let (offset, length) = extent(array)?;
    // SAFETY: `format` and `buffers` read structs that are not released; all buffers are as long as
    // `offset + length` rows of that format require; dictionaries of both structs belong together.
    unsafe {
        let format = format(schema)?;
        if let Format::Null = format {
            return Ok(Column::Null { length });
        }
        let buffers = Buffers::of(array)?;
        let validity = buffers.validity(array.null_count, offset, length)?;
        let (units, layout) = match format {
            Format::Null => unreachable!("it has returned"),
            Format::Keys(kind) => {
                let schema = schema.dictionary.as_ref().ok_or(Error::Unsupported)?;
                let entries = array.dictionary.as_ref().ok_or(Error::Malformed)?;
                let bytes = buffers.elements(1, offset + length, kind.width())?;
                return Ok(Column::Dictionary {
                    keys: Keys {
                        bytes: &bytes[offset * kind.width()..],
                        kind,
                    },
                    validity,
                    entries: Box::new(column_within(schema, entries, depth)?),
                });
            }
            Format::Offsets32(units) => {
                let last = |last| i32::from_ne_bytes(last).into();
                let (offsets, data) = buffers.offsets_and_data(offset, length, last)?;
                (units, Layout::Offsets32 { offsets, data })
            }
            Format::Offsets64(units) => {
                let (offsets, data) =
                    buffers.offsets_and_data(offset, length, i64::from_ne_bytes)?;
                (units, Layout::Offsets64 { offsets, data })
            }
            Format::Views(units) => {
                let views = buffers.elements(1, offset + length, 16)?;
                let views = &views.as_chunks().0[offset..];
                let buffers = buffers.variadic(views.as_flattened())?;
                (units, Layout::Views { views, buffers })
            }
            Format::Fixed { width } => {
                let data = buffers.elements(1, offset + length, width)?;
                let fixed = Fixed {
                    data: &data[offset * width..],
                    width,
                    padded: false,
                };
                (Units::Bytes, Layout::Fixed(fixed))
            }
        };
        Ok(Column::Rows(Rows {
            units,
            layout,
            validity,
            length,
        }))
    }
}

/// The number of rows in the buffers before the first one, and the number of rows.
fn extent(array: &ArrowArray) -> Result<(usize, usize), Error> {
    let offset = usize::try_from(array.offset).map_err(|_| Error::Malformed)?;
    let length = usize::try_from(array.length).map_err(|_| Error::Malformed)?;
    offset.checked_add(length).ok_or(Error::Malformed)?;
    Ok((offset, length))
}

/// The buffers of an array.
struct Buffers<'a>(&'a [*const c_void]);

impl<'a> Buffers<'a> {
    /// # Safety
    ///
    /// See the module's contract.
    unsafe fn of(array: &'a ArrowArray) -> Result<Self, Error> {
        let number = usize::try_from(array.n_buffers).map_err(|_| Error::Malformed)?;
        if number == 0 {
            return Ok(Self(&[]));
        }
        if array.buffers.is_null() || number > isize::MAX as usize / size_of::<*const c_void>() {
            return Err(Error::Malformed);
        }
        // SAFETY: `buffers` is not NULL, leads to `n_buffers` pointers, and these fit memory.
        Ok(Self(unsafe {
            slice::from_raw_parts(array.buffers, number)
        }))
    }

    /// The first `length` bytes of a buffer; `None` if it is NULL.
    ///
    /// # Safety
    ///
    /// A buffer that is not NULL has that many bytes.
    unsafe fn optional(&self, index: usize, length: usize) -> Result<Option<&'a [u8]>, Error> {
        let buffer = self.0.get(index).ok_or(Error::Malformed)?;
        if buffer.is_null() {
            return Ok(None);
        }
        if length > isize::MAX as usize {
            return Err(Error::Malformed);
        }
        // SAFETY: the buffer is not NULL, and has `length` bytes, which fit memory.
        Ok(Some(unsafe {
            slice::from_raw_parts(buffer.cast(), length)
        }))
    }

    /// The first elements of a buffer, all of one width; it may be NULL if they have no bytes.
    ///
    /// # Safety
    ///
    /// A buffer that is not NULL has that many elements.
    unsafe fn elements(
        &self,
        index: usize,
        number: usize,
        width: usize,
    ) -> Result<&'a [u8], Error> {
        let length = number.checked_mul(width).ok_or(Error::Malformed)?;
        // SAFETY: `number` elements of `width` bytes are `length` bytes.
        match unsafe { self.optional(index, length) }? {
            Some(bytes) => Ok(bytes),
            None if length == 0 => Ok(&[]),
            None => Err(Error::Malformed),
        }
    }

    /// Which rows are valid; `None` if all are.
    ///
    /// # Safety
    ///
    /// The first buffer, unless it is NULL, has a bit for each row, those before the first one included.
    unsafe fn validity(
        &self,
        null_count: i64,
        offset: usize,
        length: usize,
    ) -> Result<Option<Validity<'a>>, Error> {
        // SAFETY: there are `offset + length` bits.
        match unsafe { self.optional(0, (offset + length).div_ceil(8)) }? {
            Some(bits) if null_count != 0 => Ok(Some(Validity::new(bits, offset))),
            None if null_count > 0 => Err(Error::Malformed),
            _ => Ok(None),
        }
    }

    /// The offsets of rows, one more than there are rows, and the data that they lead into. Its buffer does
    /// not say how long it is; the last offset, which `read` reads, does. Without rows there is one offset
    /// of zero, because that buffer may be empty.
    ///
    /// # Safety
    ///
    /// The second buffer has `offset + length + 1` offsets, and the third as many bytes as the last says.
    unsafe fn offsets_and_data<const N: usize>(
        &self,
        offset: usize,
        length: usize,
        read: impl Fn([u8; N]) -> i64,
    ) -> Result<(&'a [[u8; N]], &'a [u8]), Error> {
        if length == 0 {
            return Ok((&[[0; N]], &[]));
        }
        let number = (offset + length).checked_add(1).ok_or(Error::Malformed)?;
        // SAFETY: there are `number` offsets of N bytes, and as many bytes of data as the last one says.
        unsafe {
            let (offsets, _) = self.elements(1, number, N)?.as_chunks();
            let end = usize::try_from(read(offsets[number - 1]));
            let data = self.elements(2, end.map_err(|_| Error::Malformed)?, 1)?;
            Ok((&offsets[offset..], data))
        }
    }

    /// The bytes that views lead into: the views themselves, and all buffers except the first two and the
    /// last, which has the lengths of the others.
    ///
    /// # Safety
    ///
    /// The buffers are as long as the last of them says.
    unsafe fn variadic(&self, views: &'a [u8]) -> Result<Vec<&'a [u8]>, Error> {
        let number = self.0.len().checked_sub(3).ok_or(Error::Malformed)?;
        // SAFETY: the last buffer has one length for each of the `number` others.
        let lengths = unsafe { self.elements(number + 2, number, size_of::<i64>()) }?;
        let mut buffers = Vec::new();
        buffers.try_reserve_exact(number + 1)?;
        buffers.push(views);
        for (index, &length) in (2..).zip(lengths.as_chunks().0) {
            let length = usize::try_from(i64::from_ne_bytes(length));
            let length = length.map_err(|_| Error::Malformed)?;
            // SAFETY: the buffer has `length` bytes.
            buffers.push(unsafe { self.elements(index, length, 1) }?);
        }
        Ok(buffers)
    }
}
