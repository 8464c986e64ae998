//! A column that arrives in chunks and is counted in slices.

use super::Error;
use super::reader::{check, column};
use super::structs::{ArrowArray, ArrowSchema, ArrowStream, Owned};
use crate::columns::{Column, Counts, Fault, Measure, Progress, RowSearch, Rows, Texts, Walk};
use crate::os;
use crate::runs::Runs;
use crate::squeeze::Rule;
use std::ffi::{CStr, CString, c_int};
use std::num::NonZeroUsize;

/// A column that is being counted. It is filled once, by one of the functions `take_…`.
pub struct Source {
    schema: Owned<ArrowSchema>,
    /// The producer of the chunks that follow.
    stream: Option<Owned<ArrowStream>>,
    chunk: Option<Chunk>,
    progress: (Progress, Walk),
    /// The number of rows in the chunks that are done.
    done: usize,
    fault: Details,
}

/// The rows that are being used, in memory of others.
enum Chunk {
    Array(Owned<ArrowArray>),
    Column(Column<'static>),
}

/// Details of the last error.
#[derive(Debug, Default)]
pub struct Details {
    /// The row that is wrong, counted from the first row of the first chunk.
    pub row: Option<usize>,
    /// The errno of a stream that failed, else 0.
    pub code: i32,
    /// The message of a stream that failed.
    pub message: Option<CString>,
    /// The bytes of a row that is not UTF-8; of a long row those around the first wrong one.
    pub text: Vec<u8>,
    /// The number of bytes in the row before `text`.
    pub text_start: usize,
}

/// The longest row that is reported whole.
const SHOWN: usize = 1 << 16;

impl Source {
    /// A column that has to be filled.
    pub fn new() -> Self {
        Self {
            schema: Owned::empty(),
            stream: None,
            chunk: None,
            progress: Default::default(),
            done: 0,
            fault: Details::default(),
        }
    }

    /// Takes over an array and its type. Both are taken even if one of them can't be used.
    ///
    /// # Safety
    ///
    /// Unless they are released, the structs are as the Arrow C data interface has them, and belong
    /// together.
    pub unsafe fn take_array(
        &mut self,
        schema: &mut ArrowSchema,
        array: &mut ArrowArray,
    ) -> Result<(), Error> {
        let (schema, array) = (Owned::take(schema), Owned::take(array));
        self.schema = schema?;
        self.chunk = Some(Chunk::Array(array?));
        // SAFETY: the schema is not released, and stays so while `self` owns it.
        unsafe { check(&self.schema.0) }
    }

    /// Takes over a stream, and asks it for its type.
    ///
    /// # Safety
    ///
    /// Unless it is released, the struct is as the Arrow C stream interface has it.
    pub unsafe fn take_stream(&mut self, stream: &mut ArrowStream) -> Result<(), Error> {
        let stream = self.stream.insert(Owned::take(stream)?);
        let get_schema = stream.0.get_schema.ok_or(Error::Malformed)?;
        // SAFETY: the stream is not released, and the schema is a place that holds none.
        let code = unsafe { get_schema(&raw mut stream.0, &raw mut self.schema.0) };
        if code != 0 {
            return Err(self.stream_failed(code));
        }
        // SAFETY: the stream has just written the schema, which `self` owns.
        unsafe { check(&self.schema.0) }
    }

    /// Takes rows that come without a type.
    pub fn take_rows(&mut self, rows: Rows<'static>) {
        self.chunk = Some(Chunk::Column(Column::Rows(rows)));
    }

    /// The type of the column; `None` if it has come without one.
    pub fn schema(&self) -> Option<&ArrowSchema> {
        (!self.schema.is_empty()).then_some(&self.schema.0)
    }

    /// Details of the last error.
    pub fn fault(&self) -> &Details {
        &self.fault
    }

    /// Measures the rows of the next slice on at most `threads` threads (`None`: as many as help), and appends to
    /// `counts`. Returns whether there was a slice. After an error the column can't be used any further.
    pub fn count(
        &mut self,
        measure: Measure,
        counts: &mut Counts,
        threads: Option<NonZeroUsize>,
    ) -> Result<bool, Error> {
        self.advance(|(progress, _), column, _| {
            os::ask_for_huge_pages(counts.reserve(progress.left(column))?);
            progress.count(measure, column, counts, threads)
        })
    }

    /// Appends the rows of the next slice, squeezed, to `texts`. Returns whether there was a slice. After an error the
    /// column can't be used any further.
    pub fn squeeze(&mut self, texts: &mut Texts, rule: &Rule<'_>) -> Result<bool, Error> {
        self.advance(|(_, walk), column, _| texts.squeeze(walk, column, rule))
    }

    /// Appends the runs of the next slice that have at least `least` units to `runs`; all of them if `least` is below
    /// 2. Their rows are counted from `first` at the first row of the column. Returns whether there was a slice. After
    /// an error the column can't be used any further.
    pub fn find(&mut self, runs: &mut Runs, least: u64, first: i64) -> Result<bool, Error> {
        self.advance(|(_, walk), column, done| {
            RowSearch::new(runs, least, first + done as i64).advance(walk, column)
        })
    }

    /// Has `step` do the next slice of the chunk at hand. It gets the number of rows in the chunks before, too, and
    /// returns whether there is more to do in that chunk. Returns whether there was a slice.
    fn advance(
        &mut self,
        step: impl FnOnce(&mut (Progress, Walk), &Column<'_>, usize) -> Result<bool, Fault>,
    ) -> Result<bool, Error> {
        if self.chunk.is_none() {
            self.chunk = self.next_chunk()?;
        }
        let read;
        let column = match &self.chunk {
            None => return Ok(false),
            Some(Chunk::Array(array)) => {
                // SAFETY: `self` owns the array and its type, and releases neither while the column is used.
                read = unsafe { column(&self.schema.0, &array.0) }?;
                &read
            }
            Some(Chunk::Column(column)) => column,
        };
        match step(&mut self.progress, column, self.done) {
            Ok(true) => {}
            Ok(false) => {
                self.done += column.length();
                self.progress = Default::default();
                self.chunk = None;
            }
            Err(fault) => {
                self.fault = Details::of_rows(fault, column, self.done);
                return Err(fault.into());
            }
        }
        Ok(true)
    }

    /// Gets the next chunk of a stream, if there is one.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, Error> {
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        let get_next = stream.0.get_next.ok_or(Error::Malformed)?;
        let mut array = Owned::empty();
        // SAFETY: the stream is not released, and the array is a place that holds none.
        let code = unsafe { get_next(&raw mut stream.0, &raw mut array.0) };
        if code != 0 {
            return Err(self.stream_failed(code));
        }
        if array.is_empty() {
            self.stream = None;
            return Ok(None);
        }
        Ok(Some(Chunk::Array(array)))
    }

    /// Keeps the message of a stream that failed.
    fn stream_failed(&mut self, code: c_int) -> Error {
        let message = self.stream.as_mut().and_then(|stream| {
            // SAFETY: the stream is not released, and its last call has failed.
            let message = unsafe { stream.0.get_last_error?(&raw mut stream.0) };
            // SAFETY: a message that is not NULL is text that ends with zero, until the stream is used.
            (!message.is_null()).then(|| unsafe { CStr::from_ptr(message) }.to_owned())
        });
        self.fault = Details {
            code,
            message,
            ..Details::default()
        };
        Error::StreamFailed
    }
}

impl Default for Source {
    fn default() -> Self {
        Self::new()
    }
}

impl Details {
    /// Details of a fault of a column that follows `done` rows.
    fn of_rows(fault: Fault, column: &Column<'_>, done: usize) -> Self {
        let mut details = Self::default();
        match fault {
            Fault::Malformed { row } => details.row = row.map(|row| done + row),
            Fault::InvalidUtf8 { row } => {
                details.row = Some(done + row);
                if let Ok(Some(text)) = column.text(row) {
                    details.show(text);
                }
            }
            Fault::NoMemory => {}
        }
        details
    }

    fn show(&mut self, text: &[u8]) {
        let shown = if text.len() <= SHOWN {
            text
        } else {
            let valid = str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
            self.text_start = valid;
            // A code point has at most four bytes, so these show the fault.
            &text[valid..text.len().min(valid + 4)]
        };
        self.text = shown.to_vec();
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed { .. } => Self::Malformed,
            Fault::InvalidUtf8 { .. } => Self::InvalidUtf8,
            Fault::NoMemory => Self::NoMemory,
        }
    }
}
