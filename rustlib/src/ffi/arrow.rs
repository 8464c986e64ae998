//! Arrow's structs: taken over, read as columns, released once.
//!
//! They come from other libraries of the process, and what they say of their own memory is trusted: how
//! many buffers and children there are, and that buffers are as long as length and offset call for. What
//! the buffers contain is not: `crate::columns` checks it.

use super::guard::{DoublesStatus, input};
use crate::columns::{Column, Fixed, KeyKind, Keys, Layout, Rows, Units, Validity};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::{mem, ptr, slice};

const MALFORMED: DoublesStatus = DoublesStatus::MalformedColumn;

/// Dictionaries within one another, at most.
const DEPTH: usize = 4;

/// `struct ArrowSchema` of the Arrow C data interface: the type of a column.
#[repr(C)]
pub struct DoublesArrowSchema {
    /// The type, in Arrow's letters.
    pub format: *const c_char,
    /// The name of the column, or NULL.
    pub name: *const c_char,
    /// More about it, or NULL.
    pub metadata: *const c_char,
    /// Bits: the dictionary is ordered, rows may be null, the keys of a map are sorted.
    pub flags: i64,
    /// How many children there are.
    pub n_children: i64,
    /// The types of the columns that this one consists of.
    pub children: *mut *mut DoublesArrowSchema,
    /// The type of the dictionary, or NULL.
    pub dictionary: *mut DoublesArrowSchema,
    /// What releases the struct; NULL if it is released, or moved elsewhere.
    pub release: Option<unsafe extern "C" fn(schema: *mut DoublesArrowSchema)>,
    /// The producer's own.
    pub private_data: *mut c_void,
}

/// `struct ArrowArray` of the Arrow C data interface: the rows of a column.
#[repr(C)]
pub struct DoublesArrowArray {
    /// How many rows there are.
    pub length: i64,
    /// How many of them are null; -1 if that is unknown.
    pub null_count: i64,
    /// How many rows in the buffers come before the first.
    pub offset: i64,
    /// How many buffers there are.
    pub n_buffers: i64,
    /// How many children there are.
    pub n_children: i64,
    /// What the type calls for.
    pub buffers: *mut *const c_void,
    /// The columns that this one consists of.
    pub children: *mut *mut DoublesArrowArray,
    /// The dictionary, or NULL.
    pub dictionary: *mut DoublesArrowArray,
    /// What releases the struct; NULL if it is released, or moved elsewhere.
    pub release: Option<unsafe extern "C" fn(array: *mut DoublesArrowArray)>,
    /// The producer's own.
    pub private_data: *mut c_void,
}

/// `struct ArrowArrayStream` of the Arrow C stream interface: a column in chunks.
#[repr(C)]
pub struct DoublesArrowStream {
    /// Writes the type. Returns zero or an errno.
    pub get_schema: Option<
        unsafe extern "C" fn(
            stream: *mut DoublesArrowStream,
            out: *mut DoublesArrowSchema,
        ) -> c_int,
    >,
    /// Writes the next chunk, a released one at the end. Returns zero or an errno.
    pub get_next: Option<
        unsafe extern "C" fn(stream: *mut DoublesArrowStream, out: *mut DoublesArrowArray) -> c_int,
    >,
    /// Returns what went wrong, or NULL.
    pub get_last_error:
        Option<unsafe extern "C" fn(stream: *mut DoublesArrowStream) -> *const c_char>,
    /// What releases the struct; NULL if it is released, or moved elsewhere.
    pub release: Option<unsafe extern "C" fn(stream: *mut DoublesArrowStream)>,
    /// The producer's own.
    pub private_data: *mut c_void,
}

/// A struct of Arrow's that is released when it is dropped.
pub(super) struct Owned<T: Struct>(pub(super) T);

/// One of Arrow's structs: all zeros is a released one, and it may be moved.
pub(super) trait Struct: Sized {
    const EMPTY: Self;
    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)>;
}

impl<T: Struct> Owned<T> {
    /// A place for one.
    pub(super) const EMPTY: Self = Self(T::EMPTY);

    /// Whether there is none.
    pub(super) fn is_released(&self) -> bool {
        self.0.release().is_none()
    }

    /// Moves one out of where it lies.
    ///
    /// # Safety
    ///
    /// `place` is NULL or points to a struct that nobody else uses.
    pub(super) unsafe fn take(place: *mut T) -> Result<Self, DoublesStatus> {
        // SAFETY: NULL or a struct, by the caller's word.
        let place = unsafe { place.as_mut() }.ok_or(DoublesStatus::NullPointer)?;
        match place.release() {
            Some(_) => Ok(Self(mem::replace(place, T::EMPTY))),
            None => Err(DoublesStatus::Released),
        }
    }
}

impl<T: Struct> Drop for Owned<T> {
    fn drop(&mut self) {
        if let Some(release) = self.0.release() {
            // SAFETY: the producer's word on its function; it is called once, here, for a struct that
            // nobody uses afterwards.
            unsafe { release(&raw mut self.0) };
        }
    }
}

impl Struct for DoublesArrowSchema {
    const EMPTY: Self = Self {
        format: ptr::null(),
        name: ptr::null(),
        metadata: ptr::null(),
        flags: 0,
        n_children: 0,
        children: ptr::null_mut(),
        dictionary: ptr::null_mut(),
        release: None,
        private_data: ptr::null_mut(),
    };

    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)> {
        self.release
    }
}

impl Struct for DoublesArrowArray {
    const EMPTY: Self = Self {
        length: 0,
        null_count: 0,
        offset: 0,
        n_buffers: 0,
        n_children: 0,
        buffers: ptr::null_mut(),
        children: ptr::null_mut(),
        dictionary: ptr::null_mut(),
        release: None,
        private_data: ptr::null_mut(),
    };

    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)> {
        self.release
    }
}

impl Struct for DoublesArrowStream {
    const EMPTY: Self = Self {
        get_schema: None,
        get_next: None,
        get_last_error: None,
        release: None,
        private_data: ptr::null_mut(),
    };

    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)> {
        self.release
    }
}

/// How a type lays out its rows.
enum Format {
    Null,
    Offsets32(Units),
    Offsets64(Units),
    Views(Units),
    Fixed {
        width: usize,
    },
    /// No column of its own, but what keys may be.
    Keys(KeyKind),
}

/// Reads a type's letters.
///
/// # Safety
///
/// `schema` is as the Arrow C data interface has it, and not released.
unsafe fn format(schema: &DoublesArrowSchema) -> Result<Format, DoublesStatus> {
    if schema.format.is_null() {
        return Err(MALFORMED);
    }
    // SAFETY: the producer's word: not NULL, it is text that ends with zero.
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
            let width = str::from_utf8(width)
                .ok()
                .and_then(|width| width.parse().ok());
            Format::Fixed {
                width: width.ok_or(DoublesStatus::UnsupportedColumn)?,
            }
        }
        _ => return Err(DoublesStatus::UnsupportedColumn),
    })
}

/// Fails unless a type is one of strings or bytes.
///
/// # Safety
///
/// As `format`.
pub(super) unsafe fn check(schema: &DoublesArrowSchema) -> Result<(), DoublesStatus> {
    // SAFETY: the caller's word.
    unsafe { check_within(schema, DEPTH) }
}

/// # Safety
///
/// As `format`.
unsafe fn check_within(schema: &DoublesArrowSchema, depth: usize) -> Result<(), DoublesStatus> {
    let depth = depth
        .checked_sub(1)
        .ok_or(DoublesStatus::UnsupportedColumn)?;
    // SAFETY: the caller's word, and the producer's on the schemas that belong to this one.
    unsafe {
        match (format(schema)?, schema.dictionary.as_ref()) {
            (Format::Keys(_), Some(entries)) => check_within(entries, depth),
            (Format::Keys(_), None) | (_, Some(_)) => Err(DoublesStatus::UnsupportedColumn),
            _ => Ok(()),
        }
    }
}

/// Reads an array as a column.
///
/// # Safety
///
/// `schema` and `array` belong together, are as the Arrow C data interface has them, and are not released
/// as long as `'a`. Buffers are as long as length and offset call for; what is in them may be anything.
pub(super) unsafe fn column<'a>(
    schema: &'a DoublesArrowSchema,
    array: &'a DoublesArrowArray,
) -> Result<Column<'a>, DoublesStatus> {
    // SAFETY: the caller's word.
    unsafe { column_within(schema, array, DEPTH) }
}

/// # Safety
///
/// As `column`.
unsafe fn column_within<'a>(
    schema: &'a DoublesArrowSchema,
    array: &'a DoublesArrowArray,
    depth: usize,
) -> Result<Column<'a>, DoublesStatus> {
    let depth = depth
        .checked_sub(1)
        .ok_or(DoublesStatus::UnsupportedColumn)?;
    let (offset, length) = extent(array)?;
    // SAFETY: the caller's word on schema and array, and so on their buffers and dictionaries.
    unsafe {
        let units_and_layout = match format(schema)? {
            Format::Null => return Ok(Column::Null { length }),
            Format::Keys(_) => {
                let entries_schema = schema.dictionary.as_ref();
                let entries_schema = entries_schema.ok_or(DoublesStatus::UnsupportedColumn)?;
                let entries = array.dictionary.as_ref().ok_or(MALFORMED)?;
                return Ok(Column::Dictionary {
                    keys: places(schema, array)?,
                    validity: validity(array)?,
                    entries: Box::new(column_within(entries_schema, entries, depth)?),
                });
            }
            Format::Offsets32(units) => {
                let offsets = Buffers::of(array)?.offsets::<4>(offset, length)?;
                let last = offsets
                    .last()
                    .map_or(0, |last| i32::from_ne_bytes(*last).into());
                let data = Buffers::of(array)?.data(last)?;
                (units, Layout::Offsets32 { offsets, data })
            }
            Format::Offsets64(units) => {
                let offsets = Buffers::of(array)?.offsets::<8>(offset, length)?;
                let last = offsets.last().map_or(0, |last| i64::from_ne_bytes(*last));
                let data = Buffers::of(array)?.data(last)?;
                (units, Layout::Offsets64 { offsets, data })
            }
            Format::Views(units) => {
                let views = Buffers::of(array)?.elements(1, offset + length, 16)?;
                let views = &views.as_chunks().0[offset..];
                let buffers = Buffers::of(array)?.variadic(views.as_flattened())?;
                (units, Layout::Views { views, buffers })
            }
            Format::Fixed { width } => {
                let data = Buffers::of(array)?.elements(1, offset + length, width)?;
                let fixed = Fixed {
                    data: &data[offset * width..],
                    width,
                    padded: false,
                };
                (Units::Bytes, Layout::Fixed(fixed))
            }
        };
        let (units, layout) = units_and_layout;
        Ok(Column::Rows(Rows {
            units,
            layout,
            validity: validity(array)?,
            length,
        }))
    }
}

/// How many rows come before the first, and how many there are.
fn extent(array: &DoublesArrowArray) -> Result<(usize, usize), DoublesStatus> {
    let offset = usize::try_from(array.offset).map_err(|_| MALFORMED)?;
    let length = usize::try_from(array.length).map_err(|_| MALFORMED)?;
    offset.checked_add(length).ok_or(MALFORMED)?;
    Ok((offset, length))
}

/// Which rows are there, unless all are.
///
/// # Safety
///
/// As `column`.
unsafe fn validity(array: &DoublesArrowArray) -> Result<Option<Validity<'_>>, DoublesStatus> {
    let (offset, length) = extent(array)?;
    // SAFETY: the caller's word on the array and its buffers.
    match unsafe { Buffers::of(array)?.optional(0, (offset + length).div_ceil(8)) }? {
        Some(bits) if array.null_count != 0 => Ok(Some(Validity::new(bits, offset))),
        None if array.null_count > 0 => Err(MALFORMED),
        _ => Ok(None),
    }
}

/// The keys of a dictionary.
///
/// # Safety
///
/// As `column`.
unsafe fn places<'a>(
    schema: &DoublesArrowSchema,
    array: &'a DoublesArrowArray,
) -> Result<Keys<'a>, DoublesStatus> {
    // SAFETY: the caller's word on the schema.
    let Format::Keys(kind) = unsafe { format(schema) }? else {
        return Err(MALFORMED);
    };
    let (offset, length) = extent(array)?;
    // SAFETY: the caller's word on the array and its buffers.
    let bytes = unsafe { Buffers::of(array)?.elements(1, offset + length, kind.width()) }?;
    Ok(Keys {
        bytes: &bytes[offset * kind.width()..],
        kind,
    })
}

/// The buffers of an array.
struct Buffers<'a>(&'a [*const c_void]);

impl<'a> Buffers<'a> {
    /// # Safety
    ///
    /// `array` is as the Arrow C data interface has it, and not released as long as `'a`.
    unsafe fn of(array: &'a DoublesArrowArray) -> Result<Self, DoublesStatus> {
        let number = usize::try_from(array.n_buffers);
        let number = number.map_err(|_| MALFORMED)?;
        // SAFETY: there are so many pointers, by the caller's word.
        let buffers = unsafe { input(array.buffers.cast_const(), number) };
        Ok(Self(buffers.map_err(|_| MALFORMED)?))
    }

    /// The first `length` bytes of a buffer; none if it is NULL.
    ///
    /// # Safety
    ///
    /// Unless it is NULL, the buffer is that long.
    unsafe fn optional(
        &self,
        index: usize,
        length: usize,
    ) -> Result<Option<&'a [u8]>, DoublesStatus> {
        let buffer = self.0.get(index).ok_or(MALFORMED)?;
        if buffer.is_null() {
            return Ok(None);
        }
        if length > isize::MAX as usize {
            return Err(MALFORMED);
        }
        // SAFETY: not NULL and not too long (both checked), and readable by the caller's word.
        Ok(Some(unsafe {
            slice::from_raw_parts(buffer.cast(), length)
        }))
    }

    /// The first elements of a buffer, all of one width; it may be NULL if they have no bytes.
    ///
    /// # Safety
    ///
    /// As `optional`.
    unsafe fn elements(
        &self,
        index: usize,
        number: usize,
        width: usize,
    ) -> Result<&'a [u8], DoublesStatus> {
        let length = number.checked_mul(width).ok_or(MALFORMED)?;
        // SAFETY: the caller's word.
        match unsafe { self.optional(index, length) }? {
            Some(bytes) => Ok(bytes),
            None if length == 0 => Ok(&[]),
            None => Err(MALFORMED),
        }
    }

    /// The offsets of rows, one more than there are rows; a single zero if there are none.
    ///
    /// # Safety
    ///
    /// As `optional`.
    unsafe fn offsets<const N: usize>(
        &self,
        first: usize,
        rows: usize,
    ) -> Result<&'a [[u8; N]], DoublesStatus> {
        if rows == 0 {
            return Ok(&[[0; N]]); // The buffer may be empty.
        }
        let number = (first + rows).checked_add(1).ok_or(MALFORMED)?;
        // SAFETY: the caller's word.
        let (offsets, _) = unsafe { self.elements(1, number, N) }?.as_chunks::<N>();
        Ok(&offsets[first..])
    }

    /// The text of rows that end at the offset `last`: a buffer does not say how long it is.
    ///
    /// # Safety
    ///
    /// As `optional`.
    unsafe fn data(&self, last: i64) -> Result<&'a [u8], DoublesStatus> {
        let length = usize::try_from(last).map_err(|_| MALFORMED)?;
        // SAFETY: the caller's word.
        unsafe { self.elements(2, length, 1) }
    }

    /// What views lead into: they themselves, and all buffers except the first two and the last, which
    /// has the lengths of the others.
    ///
    /// # Safety
    ///
    /// The buffers are as long as the last of them says.
    unsafe fn variadic(&self, views: &'a [u8]) -> Result<Vec<&'a [u8]>, DoublesStatus> {
        let number = self.0.len().checked_sub(3).ok_or(MALFORMED)?;
        // SAFETY: there is a length for each, by the caller's word.
        let lengths = unsafe { self.elements(number + 2, number, size_of::<i64>()) }?;
        let mut buffers = Vec::new();
        let reserved = buffers.try_reserve_exact(number + 1);
        reserved.map_err(|_| DoublesStatus::NoMemory)?;
        buffers.push(views);
        for (index, &length) in (2..).zip(lengths.as_chunks().0) {
            let length = usize::try_from(i64::from_ne_bytes(length));
            let length = length.map_err(|_| MALFORMED)?;
            // SAFETY: the caller's word.
            buffers.push(unsafe { self.elements(index, length, 1) }?);
        }
        Ok(buffers)
    }
}
