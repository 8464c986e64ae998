//! What is fuzzed, and what knows the right answers.
//!
//! A target is a function that takes any bytes, asks the library and an oracle the same question, and
//! panics if the answers differ. Oracles are plain loops that share no code with the library. `bin/fuzz.rs`
//! gives the targets to libFuzzer; `tests/replay.rs` gives them the inputs in `corpus/`, of which those
//! that once failed have a name that says why.

pub mod arrow;
pub mod bytes;
pub mod columns;
pub mod merge;
pub mod mutator;
pub mod oracle;
pub mod random;
pub mod raw;
pub mod runs;
pub mod tally;
pub mod utf8;
pub mod wide;

/// A target: its name, which is that of its module, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 9] = [
    ("arrow", arrow::check),
    ("bytes", bytes::check),
    ("columns", columns::check),
    ("merge", merge::check),
    ("random", random::check),
    ("runs", runs::check),
    ("tally", tally::check),
    ("utf8", utf8::check),
    ("wide", wide::check),
];
