//! The exports for columns.

use super::counts::{DoublesCounts, bits};
use super::guard::{DoublesStatus, boxed, guard, input, required, required_mut, unboxed};
use super::runs::DoublesRuns;
use super::squeeze::rule;
use super::texts::DoublesTexts;
use crate::arrow;
use crate::arrow::source::{Details, Source};
use crate::arrow::structs::{ArrowArray, ArrowSchema, ArrowStream};
use crate::columns::{Fixed, Layout, Measure, Rows, Units, Validity};
use std::ffi::c_char;
use std::num::NonZeroUsize;
use std::ptr;

/// A column of strings or bytes whose rows are being counted, measured, squeezed or searched.
///
/// Its life: `doubles_column_new`; one of the functions `doubles_column_import_*`; `doubles_column_count`,
/// `_longest`, `_squeeze` or `_find` until it returns 0, or a status, about which `doubles_column_fault` says more; `doubles_column_free`,
/// also after an error.
///
/// ```c
/// DoublesColumn *column = doubles_column_new();
/// DoublesCounts *counts = doubles_counts_new();
/// int64_t more = doubles_column_import_stream(column, &stream);
/// while (more >= 0 && (more = doubles_column_count(column, counts, 0)) > 0)
///     ; // Return here from time to time, to look for signals.
/// if (more < 0)
///     fprintf(stderr, "%s\n", doubles_status_message(more));
/// doubles_column_free(column);
/// ```
pub struct DoublesColumn(Source);

/// Details about the last status that a function of a column returned.
#[repr(C)]
pub struct DoublesFault {
    /// The row that is wrong, counted from 0; -1 if the status is not about a row.
    pub row: i64,
    /// The errno of a stream that failed, else 0.
    pub code: i32,
    /// The message of a stream that failed, or NULL. It lives until the column is used again.
    pub message: *const c_char,
    /// The bytes of a row that is not UTF-8: all of a short row, of a long row those at the first wrong one.
    /// They live until the column is used again.
    pub text: *const u8,
    /// The number of bytes in `text`.
    pub text_len: usize,
    /// The number of bytes in the row before `text`.
    pub text_start: usize,
}

/// Makes a column without rows. Fill it with one of the functions `doubles_column_import_*`, and free it
/// with `doubles_column_free`. Returns NULL if the library panicked.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_column_new() -> *mut DoublesColumn {
    boxed(|| DoublesColumn(Source::new()))
}

/// Frees a column, and releases the structs that it has taken over. Does nothing if it is NULL.
///
/// # Safety
///
/// `column` is NULL or came from `doubles_column_new`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_free(column: *mut DoublesColumn) {
    // SAFETY: `column` came from `doubles_column_new`, and is not used again.
    unsafe { unboxed(column) };
}

/// Takes over an array of Arrow and its type: moves both out of their structs, whose `release` becomes NULL.
/// They are released with the column, even if this function fails, unless it fails for a NULL.
///
/// Returns zero or a status. Call it once, and count with `doubles_column_count`.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `schema` and `array` are NULL or lead to structs as the Arrow C data interface defines them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_import_array(
    column: *mut DoublesColumn,
    schema: *mut ArrowSchema,
    array: *mut ArrowArray,
) -> i64 {
    // SAFETY: NULL, a column, and two structs of Arrow that belong together.
    guard(|| unsafe {
        let (schema, array) = (required_mut(schema)?, required_mut(array)?);
        required_mut(column)?.0.take_array(schema, array)?;
        Ok(0)
    })
}

/// Takes over a stream of Arrow: moves it out of its struct, whose `release` becomes NULL, and asks it for its
/// type. It is released with the column, even if this function fails, unless it fails for a NULL.
///
/// Returns zero or a status. Call it once, and count with `doubles_column_count`.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `stream` is NULL or leads to a struct as the Arrow C stream interface defines it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_import_stream(
    column: *mut DoublesColumn,
    stream: *mut ArrowStream,
) -> i64 {
    // SAFETY: NULL, a column, and a stream of Arrow.
    guard(|| unsafe {
        let stream = required_mut(stream)?;
        required_mut(column)?.0.take_stream(stream)?;
        Ok(0)
    })
}

/// Takes `rows` rows of `width` bytes each, side by side from `data` on, as NumPy stores strings: zeros at
/// the end of a row are no part of it. The rows stay where they are, and have to until the column is freed.
/// `unit` is the number of bytes in a unit: 1 for bytes, 4 for UTF-32 in either byte order.
///
/// Returns zero or a status. Call it once, and count with `doubles_column_count`.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `data` points to `rows * width` bytes that are readable until the column is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_import_padded(
    column: *mut DoublesColumn,
    data: *const u8,
    rows: usize,
    width: usize,
    unit: usize,
) -> i64 {
    // SAFETY: NULL or a column, and `rows * width` bytes that are readable for as long as it lives.
    guard(|| unsafe {
        let size = rows.checked_mul(width);
        let data = input(data, size.ok_or(DoublesStatus::InvalidLength)?)?;
        required_mut(column)?.take_padded(unit, data, rows, width)
    })
}

/// Takes `rows` rows, one after the other in `data`: row `i` is the bytes from `offsets[i]` up to `offsets[i + 1]`, so
/// that there is one offset more than there are rows. All stay where they are, and have to until the column is freed.
/// `unit` is the number of bytes in a unit: 1 for bytes, 4 for UTF-32 in the machine's byte order, whose offsets are
/// multiples of 4. It is 0 for UTF-8. `validity` has one bit for each row, the first row in the lowest bit: 1 if it is
/// valid, 0 if it is null. It may be NULL: then all are valid.
///
/// Returns zero or a status. Call it once, and count with `doubles_column_count`.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `offsets` points to `rows + 1` offsets, `validity`, unless it is NULL, to `rows` bits, and `data` to `data_len`
///   bytes, all readable until the column is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_import_rows(
    column: *mut DoublesColumn,
    offsets: *const i64,
    validity: *const u8,
    rows: usize,
    data: *const u8,
    data_len: usize,
    unit: usize,
) -> i64 {
    // SAFETY: NULL or a column; `rows + 1` offsets, NULL or `rows` bits, and `data_len` bytes, for as long as it lives.
    guard(|| unsafe {
        let number = rows.checked_add(1).ok_or(DoublesStatus::InvalidLength)?;
        let (offsets, data) = (input(offsets.cast(), number)?, input(data, data_len)?);
        let layout = Layout::Offsets64 { offsets, data };
        required_mut(column)?.take_rows(unit, layout, bits(validity, rows)?, rows)
    })
}

/// Returns the type that came with the column; NULL if none did. It lives as long as the column.
///
/// # Safety
///
/// `column` is NULL or came from `doubles_column_new`, and no other thread changes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_schema(column: *const DoublesColumn) -> *const ArrowSchema {
    let mut schema = ptr::null();
    guard(|| {
        // SAFETY: NULL or a column.
        let column = unsafe { required(column) }?;
        schema = column.0.schema().map_or(ptr::null(), ptr::from_ref);
        Ok(0)
    });
    schema
}

/// Counts the next slice of a column, which takes some milliseconds, on at most `threads` threads (0: as many
/// as help), and appends its counts to `counts`.
///
/// Returns 1 if there was a slice, 0 at the end, or a status. After a status the column can't be counted any
/// further, and the counts that were appended are unspecified. `doubles_column_fault` says more.
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
    // SAFETY: NULL, a column, and counts.
    guard(|| unsafe {
        let (column, counts) = (required_mut(column)?, required_mut(counts)?);
        column.count(Measure::Doubles, counts, threads)
    })
}

/// Measures the longest runs of the next slice of a column, which takes some milliseconds, on at most `threads`
/// threads (0: as many as help), and appends one number for each row to `counts`: the units of its longest run, or 0
/// for a row without units.
///
/// Returns 1 if there was a slice, 0 at the end, or a status. After a status the column can't be measured any
/// further, and the numbers that were appended are unspecified. `doubles_column_fault` says more. Call it until it
/// returns 0; don't mix it with `doubles_column_count` on one column.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `counts` is NULL or came from `doubles_counts_new`, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_longest(
    column: *mut DoublesColumn,
    counts: *mut DoublesCounts,
    threads: usize,
) -> i64 {
    // SAFETY: NULL, a column, and counts.
    guard(|| unsafe {
        let (column, counts) = (required_mut(column)?, required_mut(counts)?);
        column.count(Measure::Longest, counts, threads)
    })
}

/// Squeezes the rows of the next slice of a column, which takes some milliseconds, and appends them to `texts`: of each
/// run of equal units the first `most`. `only` limits this to some units: it has a bit for each value, `only_len` bytes
/// of them, the lowest bit of the first byte for 0. Values beyond are not selected. NULL selects all.
///
/// Returns 1 if there was a slice, 0 at the end, or a status. DOUBLES_STATUS_INVALID_LENGTH says that `most` is 0.
/// After a status the column can't be squeezed any further, and the texts that were appended are unspecified.
/// `doubles_column_fault` says more. Call it until it returns 0, with the same `most` and `only`; don't mix it with
/// other functions that use up the column.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `texts` is NULL or came from `doubles_texts_new`, and no other thread uses it.
/// - `only` is NULL or points to `only_len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_squeeze(
    column: *mut DoublesColumn,
    texts: *mut DoublesTexts,
    most: u64,
    only: *const u8,
    only_len: usize,
) -> i64 {
    // SAFETY: NULL, a column, texts, and NULL or `only_len` bytes.
    guard(|| unsafe {
        let (column, texts) = (required_mut(column)?, required_mut(texts)?);
        let rule = rule(most, only, only_len)?;
        Ok(column.0.squeeze(texts.change(), &rule)?.into())
    })
}

/// Finds the runs in the rows of the next slice of a column, which takes some milliseconds, and appends those of at
/// least `least` units to `runs`, which have rows; all runs, of one unit too, if `least` is below 2. The rows are
/// counted from `first`, the number of the column's first row.
///
/// Returns 1 if there was a slice, 0 at the end, or a status. After a status the column can't be searched any further,
/// and the runs that were appended are unspecified. `doubles_column_fault` says more. Call it until it returns 0, with
/// the same `least` and `first`; don't mix it with other functions that use up the column.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `runs` is NULL or came from `doubles_runs_new`, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_find(
    column: *mut DoublesColumn,
    runs: *mut DoublesRuns,
    least: u64,
    first: i64,
) -> i64 {
    // SAFETY: NULL, a column, and runs.
    guard(|| unsafe {
        let (column, runs) = (required_mut(column)?, required_mut(runs)?);
        Ok(column.0.find(runs.change(), least, first)?.into())
    })
}

/// Writes details about the last status that a function of the column returned. Returns zero or a status.
///
/// # Safety
///
/// - `column` is NULL or came from `doubles_column_new`, and no other thread uses it.
/// - `fault` is NULL or points to a writable struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_column_fault(
    column: *const DoublesColumn,
    fault: *mut DoublesFault,
) -> i64 {
    // SAFETY: NULL, a column, and a struct to write.
    guard(|| unsafe {
        *required_mut(fault)? = required(column)?.0.fault().into();
        Ok(0)
    })
}

impl DoublesColumn {
    fn take_padded(
        &mut self,
        unit: usize,
        data: &'static [u8],
        rows: usize,
        width: usize,
    ) -> Result<u64, DoublesStatus> {
        if unit == 0 {
            return Err(DoublesStatus::InvalidLength);
        }
        let fixed = Fixed {
            data,
            width,
            padded: true,
        };
        self.take_rows(unit, Layout::Fixed(fixed), None, rows)
    }

    fn take_rows(
        &mut self,
        unit: usize,
        layout: Layout<'static>,
        validity: Option<Validity<'static>>,
        length: usize,
    ) -> Result<u64, DoublesStatus> {
        self.0.take_rows(Rows {
            units: units(unit)?,
            layout,
            validity,
            length,
        });
        Ok(0)
    }

    /// Appends the numbers of the next slice. Returns 1 if there was one, else 0.
    fn count(
        &mut self,
        measure: Measure,
        counts: &mut DoublesCounts,
        threads: usize,
    ) -> Result<u64, DoublesStatus> {
        let threads = NonZeroUsize::new(threads);
        let is_more = self.0.count(measure, counts.change(), threads)?;
        Ok(is_more.into())
    }
}

/// The units of a number of bytes, which is 0 for UTF-8.
fn units(width: usize) -> Result<Units, DoublesStatus> {
    match width {
        0 => Ok(Units::Utf8),
        1 => Ok(Units::Bytes),
        4 => Ok(Units::Utf32),
        _ => Err(DoublesStatus::InvalidLength),
    }
}

impl From<&Details> for DoublesFault {
    fn from(details: &Details) -> Self {
        let message = details.message.as_ref();
        Self {
            row: details.row.map_or(-1, |row| row as i64),
            code: details.code,
            message: message.map_or(ptr::null(), |message| message.as_ptr()),
            text: details.text.as_ptr(),
            text_len: details.text.len(),
            text_start: details.text_start,
        }
    }
}

impl From<arrow::Error> for DoublesStatus {
    fn from(error: arrow::Error) -> Self {
        match error {
            arrow::Error::Unsupported => Self::UnsupportedColumn,
            arrow::Error::Malformed => Self::MalformedColumn,
            arrow::Error::Released => Self::Released,
            arrow::Error::StreamFailed => Self::StreamFailed,
            arrow::Error::InvalidUtf8 => Self::InvalidUtf8,
            arrow::Error::NoMemory => Self::NoMemory,
        }
    }
}
