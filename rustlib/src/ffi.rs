//! The exports, and nothing else: those about the library itself here, the others in one file for each C type.
//! An export turns its pointers into references, makes one call inside the panic boundary, and returns a count
//! or a status. They share [`mod@guard`].

mod chunks;
pub mod columns;
pub mod count;
pub mod counts;
pub mod find;
pub mod guard;
pub mod ladder;
pub mod longest;
pub mod random;
pub mod runs;
pub mod squeeze;
pub mod summary;
pub mod tally;
pub mod texts;

use crate::{kernel, pool};
use guard::guard;
use std::ffi::c_char;

/// The version of this header. It changes whenever a declaration changes its name, its arguments or its meaning.
pub const DOUBLES_ABI_VERSION: u32 = 3;

/// Returns the DOUBLES_ABI_VERSION that the library was built with. If it is not the one of your header, the two
/// don't belong together, and no other function may be called.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_abi_version() -> u32 {
    DOUBLES_ABI_VERSION
}

/// Returns the text, in English and ASCII, of a status that another function returned. Zero and all counts have
/// the text of success. The text is never NULL and lives as long as the library.
///
/// ```c
/// if (count < 0)
///     fprintf(stderr, "%s\n", doubles_status_message(count));
/// ```
#[unsafe(no_mangle)]
pub extern "C" fn doubles_status_message(status: i64) -> *const c_char {
    guard::message(status).as_ptr()
}

/// Returns the name of the kernel in use: "portable", "avx2", "avx512" or "neon". It is the fastest one that the CPU
/// can run and the environment variable `DOUBLES_KERNEL` allows. The text is never NULL and lives as long as the
/// library.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_kernel() -> *const c_char {
    kernel::name().as_ptr()
}

/// Returns the most threads that the library uses for one call whose `threads` is 0: the environment variable
/// `DOUBLES_NUM_THREADS`, else the number of CPUs that this process may use. Returns a status if it panicked.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_num_threads() -> i64 {
    guard(|| Ok(pool::num_threads() as u64))
}
