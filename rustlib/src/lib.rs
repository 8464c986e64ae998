//! Doubled neighbours in bytes and text, counted behind a C ABI.
//!
//! A *double* is a pair of equal neighbours, and pairs overlap: `"aaa"` holds two. A neighbour is
//! one *unit*: a byte of bytes, a code point of text. For units `x[0] .. x[n - 1]`,
//!
//! ```text
//! doubles(x) = |{ i : 0 < i < n, x[i - 1] == x[i] }|
//! ```
//!
//! From the outside in:
//!
//! - [`ffi`]: every exported function, and nothing else. `include/doubles.h` is made from it.
//! - [`ladder`]: the historic counters, slowest to fastest, in safe Rust.
//! - [`code_points`]: doubles between code points.
//! - [`random`]: random text.
//! - [`parallel`]: the thread pool, and one way to split work over it.
//! - [`summary`]: what has to be known of a stretch to join it to its neighbours.
//! - [`tally`]: how many doubles each unit makes.
//! - [`kernel`]: the count over bytes itself, as fast as the CPU allows.
//!
//! `unsafe` stands only in `ffi`, in `kernel`, and in `parallel` for the pool that survives a fork;
//! every other file forbids it.

pub mod code_points;
pub mod ffi;
pub mod kernel;
pub mod ladder;
pub mod parallel;
pub mod random;
pub mod summary;
pub mod tally;
