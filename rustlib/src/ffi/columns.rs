//! The exports for columns: a handle that the caller makes, fills once with a producer's structs, counts in
//! slices and frees.

use super::arrow::{
    DoublesArrowArray, DoublesArrowSchema, DoublesArrowStream, Owned, check, column,
};
use super::counts::{DoublesCounts, ask_for_huge_pages, counts_mut};
use super::guard::{DoublesStatus, guard, input};
use crate::columns::{Column, Fault, Fixed, Layout, Progress, Rows, Units};
use std::ffi::{CStr, CString, c_char, c_int};
use std::num::NonZeroUsize;
use std::ptr;

/// More about the last status of a column.
#[repr(C)]
pub struct DoublesFault {
    /// The row, counted from 0; -1 if it is about none.
    pub row: i64,
    /// The errno of a stream that failed, else 0.
    pub code: i32,
    /// What the stream says, or NULL. It lives until the column is used again.
    pub message: *const c_char,
    /// Bytes of a row that is not UTF-8; as the message.
    pub text: *const u8,
    /// How many they are.
    pub text_len: usize,
    /// How many bytes of the row come before them.
    pub text_start: usize,
}

/// A column that is being counted.
pub struct DoublesColumn {
    schema: Owned<DoublesArrowSchema>,
    /// What the next chunks come from.
    stream: Option<Owned<DoublesArrowStream>>,
    chunk: Option<Chunk>,
    progress: Progress,
    /// Rows of the chunks that are done.
    done: usize,
    fault: Details,
}

/// Rows in memory that is not ours.
enum Chunk {
    Array(Owned<DoublesArrowArray>),
    Padded(Padded),
}

/// Rows of one width, zeros at their ends.
struct Padded {
    units: Units,
    rows: usize,
    width: usize,
    data: *const u8,
}

/// What a status is about.
#[derive(Default)]
struct Details {
    row: Option<usize>,
    code: i32,
    message: Option<CString>,
    text: Vec<u8>,
    text_start: usize,
}

/// Bytes of a row that are shown with an error: all, if they are no more than this.
const SHOWN: usize = 1 << 16;

/// Makes a column without rows, to be filled once by one of the imports and freed by
/// `doubles_column_free`. Returns NULL if the library panicked.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_column_new() -> *mut DoublesColumn {
    let mut column = ptr::null_mut();
    guard(|| {
        column = Box::into_raw(Box::new(DoublesColumn {
            schema: Owned::EMPTY,
            stream: None,
            chunk: None,
            progress: Progress::default(),
            done: 0,
            fault: Details::default(),
        }));
        Ok(0)
    });
    column
}

/// Frees a column, and releases what it has taken over; NULL is none.
///
/// # Safety
///
/// `column` is NULL or came from `doubles_column_new`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_free(column: *mut DoublesColumn) {
    guard(|| {
        if !column.is_null() {
            // SAFETY: it came from Box::into_raw in doubles_column_new, by the caller's word.
            drop(unsafe { Box::from_raw(column) });
        }
        Ok(0)
    });
}

/// Takes over an array and its type: moves them out of their structs, whose `release` becomes NULL.
/// Returns zero or a status. They are released with the column, also after an error.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `schema` and `array` are NULL or point to structs as the Arrow C data interface has them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_import_array(
    column: *mut DoublesColumn,
    schema: *mut DoublesArrowSchema,
    array: *mut DoublesArrowArray,
) -> i64 {
    guard(|| {
        // SAFETY: the caller's word on all pointers.
        let (column, schema, array) =
            unsafe { (column_mut(column)?, Owned::take(schema), Owned::take(array)) };
        column.schema = schema?;
        column.chunk = Some(Chunk::Array(array?));
        // SAFETY: the producer's word on the schema, which is not released.
        unsafe { check(&column.schema.0) }?;
        Ok(0)
    })
}

/// Takes over a stream: moves it out of its struct, whose `release` becomes NULL, and asks for its type.
/// Returns zero or a status. It is released with the column, also after an error.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `stream` is NULL or points to a struct as the Arrow C stream interface has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_import_stream(
    column: *mut DoublesColumn,
    stream: *mut DoublesArrowStream,
) -> i64 {
    guard(|| {
        // SAFETY: the caller's word on both pointers.
        let (column, stream) = unsafe { (column_mut(column)?, Owned::take(stream)) };
        let stream = column.stream.insert(stream?);
        let get_schema = stream.0.get_schema.ok_or(DoublesStatus::NullPointer)?;
        // SAFETY: the producer's word on its function, for a stream that is not released.
        let code = unsafe { get_schema(&raw mut stream.0, &raw mut column.schema.0) };
        if code != 0 {
            return Err(column.stream_failed(code));
        }
        // SAFETY: the producer's word on the type that it has just written.
        unsafe { check(&column.schema.0) }?;
        Ok(0)
    })
}

/// Sets a column's rows: all of `width` bytes, side by side from `data` on. Units are of 1 or 4 bytes, in
/// either byte order, and zeros at the end of a row are none. Returns zero or a status.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - The rows are readable until the column is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_import_padded(
    column: *mut DoublesColumn,
    data: *const u8,
    rows: usize,
    width: usize,
    unit: usize,
) -> i64 {
    guard(|| {
        // SAFETY: the caller's word on the column.
        let column = unsafe { column_mut(column) }?;
        let units = match unit {
            1 => Units::Bytes,
            4 => Units::Utf32,
            _ => return Err(DoublesStatus::InvalidLength),
        };
        let padded = Padded {
            units,
            rows,
            width,
            data,
        };
        // SAFETY: the caller's word on the rows.
        unsafe { padded.column() }?;
        column.chunk = Some(Chunk::Padded(padded));
        Ok(0)
    })
}

/// Returns the type that came with the column; NULL if none did. It lives as long as the column.
///
/// # Safety
///
/// `column` is NULL or came from `doubles_column_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_schema(
    column: *const DoublesColumn,
) -> *const DoublesArrowSchema {
    let mut schema = ptr::null();
    guard(|| {
        // SAFETY: NULL or a column, by the caller's word.
        let column = unsafe { column.as_ref() };
        let with_type = column.filter(|column| !column.schema.is_released());
        schema = with_type.map_or(ptr::null(), |column| &raw const column.schema.0);
        Ok(0)
    });
    schema
}

/// Counts the next slice of a column, some milliseconds' work, on at most `threads` threads; 0 leaves
/// their number to the library. Appends to `counts`. Returns 1, or 0 if there was nothing left to do, or
/// a status; then the column can't be counted any further, and what was appended is unspecified.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `counts` is NULL or came from `doubles_counts_new`, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_count(
    column: *mut DoublesColumn,
    counts: *mut DoublesCounts,
    threads: usize,
) -> i64 {
    guard(|| {
        // SAFETY: the caller's word on both.
        let (column, counts) = unsafe { (column_mut(column)?, counts_mut(counts)?) };
        let threads = NonZeroUsize::new(threads);
        column.step(|progress, column| {
            ask_for_huge_pages(counts.reserve(progress.left(column))?);
            progress.count(column, counts, threads)
        })
    })
}

/// Writes what more is known about the last status that a function of the column returned. Returns zero
/// or a status.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `fault` is NULL or points to a writable one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_fault(
    column: *const DoublesColumn,
    fault: *mut DoublesFault,
) -> i64 {
    guard(|| {
        // SAFETY: NULL or a column, NULL or a place for a fault, by the caller's word.
        let (column, fault) = unsafe { (column.as_ref(), fault.as_mut()) };
        let details = &column.ok_or(DoublesStatus::NullPointer)?.fault;
        *fault.ok_or(DoublesStatus::NullPointer)? = DoublesFault {
            row: details.row.map_or(-1, |row| row as i64),
            code: details.code,
            message: details
                .message
                .as_ref()
                .map_or(ptr::null(), |message| message.as_ptr()),
            text: details.text.as_ptr(),
            text_len: details.text.len(),
            text_start: details.text_start,
        };
        Ok(0)
    })
}

impl DoublesColumn {
    /// Does the next slice of the work.
    fn step(
        &mut self,
        work: impl FnOnce(&mut Progress, &Column<'_>) -> Result<bool, Fault>,
    ) -> Result<u64, DoublesStatus> {
        if self.chunk.is_none() {
            self.chunk = self.next_chunk()?;
        }
        let column = match &self.chunk {
            None => return Ok(0),
            // SAFETY: the producer's word on the type and the array, neither of which is released before
            // the column is gone.
            Some(Chunk::Array(array)) => unsafe { column(&self.schema.0, &array.0) }?,
            // SAFETY: the importer's word: the rows are readable until the column is freed.
            Some(Chunk::Padded(padded)) => unsafe { padded.column() }?,
        };
        match work(&mut self.progress, &column) {
            Ok(true) => Ok(1),
            Ok(false) => {
                self.done += column.length();
                self.progress = Progress::default();
                self.chunk = None;
                Ok(1)
            }
            Err(fault) => {
                let (status, details) = explain(fault, &column, self.done);
                self.fault = details;
                Err(status)
            }
        }
    }

    /// Gets the next chunk of a stream, if there is one.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, DoublesStatus> {
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        let get_next = stream.0.get_next.ok_or(DoublesStatus::NullPointer)?;
        let mut array = Owned::EMPTY;
        // SAFETY: the producer's word on its function, for a stream that is not released.
        let code = unsafe { get_next(&raw mut stream.0, &raw mut array.0) };
        if code != 0 {
            return Err(self.stream_failed(code));
        }
        if array.is_released() {
            self.stream = None;
            return Ok(None);
        }
        Ok(Some(Chunk::Array(array)))
    }

    /// Keeps what a stream says of its failure.
    fn stream_failed(&mut self, code: c_int) -> DoublesStatus {
        let message = self.stream.as_mut().and_then(|stream| {
            // SAFETY: the producer's word on its function, for a stream that is not released.
            let message = unsafe { stream.0.get_last_error?(&raw mut stream.0) };
            // SAFETY: the producer's word: text that ends with zero, until the stream is used again.
            (!message.is_null()).then(|| unsafe { CStr::from_ptr(message) }.to_owned())
        });
        self.fault = Details {
            code,
            message,
            ..Details::default()
        };
        DoublesStatus::StreamFailed
    }
}

impl Padded {
    /// # Safety
    ///
    /// The rows are readable as long as `'a`.
    unsafe fn column<'a>(&self) -> Result<Column<'a>, DoublesStatus> {
        let size = self.rows.checked_mul(self.width);
        // SAFETY: there are as many rows of that width, by the caller's word.
        let data = unsafe { input(self.data, size.ok_or(DoublesStatus::InvalidLength)?) }?;
        Ok(Column::Rows(Rows {
            units: self.units,
            layout: Layout::Fixed(Fixed {
                data,
                width: self.width,
                padded: true,
            }),
            validity: None,
            length: self.rows,
        }))
    }
}

/// The status of a fault, and what it is about; `done` rows come before those of the column.
fn explain(fault: Fault, column: &Column<'_>, done: usize) -> (DoublesStatus, Details) {
    let (status, row) = match fault {
        Fault::Malformed { row } => (DoublesStatus::MalformedColumn, row),
        Fault::InvalidUtf8 { row } => (DoublesStatus::InvalidUtf8, Some(row)),
        Fault::NoMemory => (DoublesStatus::NoMemory, None),
    };
    let mut details = Details {
        row: row.map(|row| done + row),
        ..Details::default()
    };
    if let Fault::InvalidUtf8 { row } = fault
        && let Ok(Some(text)) = column.text(row)
    {
        let shown = if text.len() <= SHOWN {
            text
        } else {
            let valid = str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
            details.text_start = valid;
            // What is wrong shows within the four bytes that a code point has at most.
            &text[valid..text.len().min(valid + 4)]
        };
        details.text = shown.to_vec();
    }
    (status, details)
}

/// # Safety
///
/// `column` is NULL or came from `doubles_column_new`, and nobody else uses it as long as `'a`.
unsafe fn column_mut<'a>(
    column: *mut DoublesColumn,
) -> Result<&'a mut DoublesColumn, DoublesStatus> {
    // SAFETY: NULL or a live column, by the caller's word.
    unsafe { column.as_mut() }.ok_or(DoublesStatus::NullPointer)
}
