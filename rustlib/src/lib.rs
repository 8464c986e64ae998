//! Doubled neighbours in bytes and text, counted behind a C ABI.
//!
//! A *double* is a pair of equal neighbours, and pairs overlap: `"aaa"` holds two. A neighbour is
//! one *unit*: a byte of bytes, a code point of text. For units `x[0] .. x[n - 1]`,
//!
//! ```text
//! doubles(x) = |{ i : 0 < i < n, x[i - 1] == x[i] }|
//! ```
//!
//! From the outside in, each depending only on later ones:
//!
//! - [`ffi`]: every exported function, and nothing else. `include/doubles.h` is made from it.
//! - [`ladder`]: the historic counters, slowest to fastest, in safe Rust.
//! - [`random`]: random text.
//! - [`arrow`]: columns in Arrow's memory, read and handed out.
//! - [`columns`]: the rows of a column of strings, counted, measured, squeezed or searched.
//! - [`longest`]: the longest run.
//! - [`find`]: where doubles are, with lines and columns.
//! - [`runs`]: runs as columns.
//! - [`squeeze`]: the same input with every run cut.
//! - [`chunks`]: input that arrives in chunks, torn anywhere.
//! - [`text_summary`]: a stretch of text, torn at either end, summed up so that it can be joined to its
//!   neighbours.
//! - [`tally`]: how many doubles each unit makes.
//! - `marks`: where doubles end, one bit for each byte.
//! - [`parallel`]: one way to split work over the threads.
//! - [`code_points`]: doubles between code points.
//! - [`summary`]: a stretch of units, summed up so that it can be joined to its neighbours.
//! - [`kernel`]: the count over one stretch, as fast as the CPU allows.
//! - [`pool`]: the threads.
//! - `os`: services of the operating system.
//! - `oracle`: numbers and texts for the tests.
//!
//! `unsafe` is allowed in `ffi`, `arrow`, `kernel`, `pool` and `os`; every other file forbids it.

pub mod arrow;
pub mod chunks;
pub mod code_points;
pub mod columns;
pub mod ffi;
pub mod find;
pub mod kernel;
pub mod ladder;
pub mod longest;
mod marks;
#[cfg(test)]
mod oracle;
mod os;
pub mod parallel;
pub mod pool;
pub mod random;
pub mod runs;
pub mod squeeze;
pub mod summary;
pub mod tally;
pub mod text_summary;
