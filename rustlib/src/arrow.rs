//! Columns in Arrow's memory: taken over from other libraries, counted, and handed out.
//!
//! The structs of the C data interface come from other libraries in the process. Their statements about
//! their own memory are trusted: how many buffers and children there are, and that buffers are as long as length
//! and offset require. What the buffers contain is not trusted: [`crate::columns`] checks it.
//!
//! - [`structs`]: the three structs, and an owner that releases each of them once.
//! - [`reader`]: from an array and its type to a [`crate::columns::Column`].
//! - [`source`]: a column that arrives in chunks and is counted in slices.
//! - [`leaf`]: an array without children that shares memory, and its type.
//! - [`export`]: counts as an array of Arrow.
//! - [`texts`]: texts as an array of Arrow.
//! - [`runs`]: runs as a struct of Arrow.

pub mod export;
mod leaf;
pub mod reader;
pub mod runs;
pub mod source;
pub mod structs;
pub mod texts;

use std::collections::TryReserveError;

/// Why a column can't be taken over, read or counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It is neither of strings nor of bytes.
    Unsupported,
    /// Its structs or buffers contradict each other.
    Malformed,
    /// A struct was taken over already.
    Released,
    /// The producer of a stream failed.
    StreamFailed,
    /// A row is not UTF-8.
    InvalidUtf8,
    /// There is not enough memory.
    NoMemory,
}

impl From<TryReserveError> for Error {
    fn from(_: TryReserveError) -> Self {
        Self::NoMemory
    }
}
