//! Every exported function: those on the library itself here, the others in `ffi/`, one file per group.
//! Nothing clever happens here: raw pointers become slices, one call does the work, and its outcome
//! becomes a count or a status.
//!
//! Common to all: a count is zero or more, a status is below zero. NULL is allowed for a length of
//! zero. Outputs are written only on success; what they hold after `Panicked` is unspecified.

pub mod arrow;
pub mod columns;
pub mod count;
pub mod counts;
pub mod find;
pub mod guard;
pub mod ladder;
pub mod random;
pub mod summary;
pub mod tally;

use crate::{kernel, pool};
use guard::guard;
use std::ffi::c_char;

/// Changes whenever a function of this header changes its name, its arguments or its meaning.
pub const DOUBLES_ABI_VERSION: u32 = 3;

/// Returns the version of the ABI that the library was built with.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_abi_version() -> u32 {
    DOUBLES_ABI_VERSION
}

/// Returns the text, in English and ASCII, for what another function returned. It is never NULL and
/// lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_status_message(status: i64) -> *const c_char {
    guard::message(status).as_ptr()
}

/// Returns the name of the hot loops in use: "portable", "avx2" or "avx512". It is never NULL and lives
/// as long as the library. The environment variable `DOUBLES_KERNEL` names the fastest allowed.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_kernel() -> *const c_char {
    kernel::name().as_ptr()
}

/// Returns how many threads the library uses at most, where their number is left to it. Callers that
/// split their work themselves may want to do the same.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_num_threads() -> i64 {
    guard(|| Ok(pool::num_threads() as u64))
}
