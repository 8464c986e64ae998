//! What every export is built on: statuses, the panic boundary, and the way from pointers to references.
//! Nothing here knows what this library does, so other libraries can copy the file.
//!
//! The `unsafe` functions below share one contract, the one that the header states for all functions. Each
//! comment `SAFETY` in an export says which pointers it is about.
//!
//! - A pointer is NULL, or leads to what the export asks for: a struct, a handle that `boxed` made and
//!   `unboxed` has not freed, or as many elements as the length beside it. All are aligned and initialized.
//! - During the call nobody else changes what it leads to. If it leads to an output, nobody else uses that,
//!   and no other argument leads there.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

/// A result that is not a count: zero for success, or a number below zero that says why the function
/// failed. `doubles_status_message` returns its text.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoublesStatus {
    /// The function succeeded and has no count to return.
    Ok = 0,
    /// A pointer is NULL, but has to lead to something.
    NullPointer = -1,
    /// A length or a position is out of range: larger than any object in memory, or beyond the end.
    InvalidLength = -2,
    /// The bytes are not UTF-8. For columns, `doubles_column_fault` says in which row.
    InvalidUtf8 = -3,
    /// The alphabet is not 1 to 128 different bytes.
    InvalidAlphabet = -4,
    /// The library panicked, which is a bug in it. Standard error says where.
    Panicked = -5,
    /// There is not enough memory.
    NoMemory = -6,
    /// A column is neither of strings nor of bytes. `doubles_column_schema` returns its type.
    UnsupportedColumn = -7,
    /// The structs or buffers of a column contradict each other. `doubles_column_fault` says in which row.
    MalformedColumn = -8,
    /// A struct of Arrow was taken over already: its `release` is NULL.
    Released = -9,
    /// The producer of a stream failed. `doubles_column_fault` says why.
    StreamFailed = -10,
    /// An output has room for fewer elements than the function may write.
    OutputTooSmall = -11,
    /// A struct that the caller keeps, such as a summary, is neither all zeros nor as the library left it.
    InvalidStruct = -12,
}

/// The statuses and their texts, for people, in English and ASCII.
const TEXTS: [(DoublesStatus, &CStr); 13] = {
    use DoublesStatus::*;
    [
        (Ok, c"success"),
        (
            NullPointer,
            c"a pointer is NULL that has to lead to something",
        ),
        (InvalidLength, c"a length or a position is out of range"),
        (InvalidUtf8, c"the bytes are not UTF-8"),
        (
            InvalidAlphabet,
            c"the alphabet is not 1 to 128 different bytes",
        ),
        (
            Panicked,
            c"the Rust library panicked, which is a bug in it; see standard error",
        ),
        (NoMemory, c"there is not enough memory"),
        (
            UnsupportedColumn,
            c"the column is neither of strings nor of bytes",
        ),
        (MalformedColumn, c"the column is malformed"),
        (Released, c"the Arrow struct was taken over already"),
        (StreamFailed, c"the producer of the stream failed"),
        (OutputTooSmall, c"the output has too few elements"),
        (
            InvalidStruct,
            c"the struct is neither all zeros nor written by the library",
        ),
    ]
};

/// The text for the result of a function. Counts are successes; an unknown status is called so.
pub(super) fn message(returned: i64) -> &'static CStr {
    let known = |(status, _): &(DoublesStatus, _)| *status as i64 == returned.min(0);
    let found = TEXTS.iter().find(|row| known(row));
    found.map_or(c"unknown status", |(_, text)| text)
}

/// Runs `body` inside the panic boundary: its count, or its status, or `Panicked`.
///
/// A panic that reached `extern "C"` would abort the process. What a panic leaves half-written belongs to
/// the caller, who is told by the status not to use it: that makes `AssertUnwindSafe` true.
pub(super) fn guard(body: impl FnOnce() -> Result<u64, DoublesStatus>) -> i64 {
    let body = || {
        #[cfg(feature = "forced-panic")]
        if std::env::var_os("DOUBLES_FORCE_PANIC").is_some_and(|place| place != "pool") {
            panic!("forced by DOUBLES_FORCE_PANIC");
        }
        body()
    };
    match catch_unwind(AssertUnwindSafe(body)) {
        // No input is longer than isize::MAX bytes, so no count is too large for an i64.
        Ok(Ok(count)) => count as i64,
        Ok(Err(status)) => status as i64,
        Err(_panic) => DoublesStatus::Panicked as i64,
    }
}

/// Makes an object that lives until `unboxed` frees it. Returns NULL if `make` panics.
pub(super) fn boxed<T>(make: impl FnOnce() -> T) -> *mut T {
    let mut object = ptr::null_mut();
    guard(|| {
        object = Box::into_raw(Box::new(make()));
        Ok(0)
    });
    object
}

/// Frees an object that `boxed` made, unless it is NULL.
///
/// # Safety
///
/// See the module's contract; and the object is not used again.
pub(super) unsafe fn unboxed<T>(object: *mut T) {
    guard(|| {
        if !object.is_null() {
            // SAFETY: it is not NULL, so it came from `Box::into_raw` in `boxed`, and is given up here.
            drop(unsafe { Box::from_raw(object) });
        }
        Ok(0)
    });
}

/// The object that a pointer leads to; a status if that is NULL.
///
/// # Safety
///
/// See the module's contract, which has to hold for as long as `'a`.
pub(super) unsafe fn required<'a, T>(object: *const T) -> Result<&'a T, DoublesStatus> {
    // SAFETY: NULL, or an object of that type that nobody changes.
    unsafe { object.as_ref() }.ok_or(DoublesStatus::NullPointer)
}

/// The object that a pointer leads to, to be changed; a status if that is NULL.
///
/// # Safety
///
/// See the module's contract, which has to hold for as long as `'a`.
pub(super) unsafe fn required_mut<'a, T>(object: *mut T) -> Result<&'a mut T, DoublesStatus> {
    // SAFETY: NULL, or an object of that type that nobody else uses.
    unsafe { object.as_mut() }.ok_or(DoublesStatus::NullPointer)
}

/// The elements that a pointer leads to, which may be NULL if there are none.
///
/// # Safety
///
/// See the module's contract, which has to hold for as long as `'a`.
pub(super) unsafe fn input<'a, T>(data: *const T, len: usize) -> Result<&'a [T], DoublesStatus> {
    if !is_any(data, len)? {
        return Ok(&[]);
    }
    // SAFETY: `data` is not NULL, and `len` elements are no more than isize::MAX bytes: both are checked.
    Ok(unsafe { slice::from_raw_parts(data, len) })
}

/// The bytes that a pointer leads to, which may be NULL if there are none.
///
/// # Safety
///
/// See the module's contract, which has to hold for as long as `'a`, with one exception: Python can't
/// promise that no other thread writes to its buffers, and Rust calls that race undefined. So code that
/// counts bytes lets none of them decide which address is read next: whatever value a read finds, all
/// reads stay inside, and only the count can be wrong.
pub(super) unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], DoublesStatus> {
    // SAFETY: `len` bytes; those that change during the call are harmless, as said.
    unsafe { input(data, len) }
}

/// The elements that a pointer leads to, to be written. It may be NULL if there are none.
///
/// # Safety
///
/// See the module's contract, which has to hold for as long as `'a`.
pub(super) unsafe fn output<'a, T>(out: *mut T, len: usize) -> Result<&'a mut [T], DoublesStatus> {
    if !is_any(out, len)? {
        return Ok(&mut []);
    }
    // SAFETY: `out` is not NULL, and `len` elements are no more than isize::MAX bytes: both are checked.
    Ok(unsafe { slice::from_raw_parts_mut(out, len) })
}

/// Whether there are any elements at `data`; a status if their length or NULL rules them out.
fn is_any<T>(data: *const T, len: usize) -> Result<bool, DoublesStatus> {
    if len > isize::MAX as usize / size_of::<T>() {
        return Err(DoublesStatus::InvalidLength);
    }
    if data.is_null() && len > 0 {
        return Err(DoublesStatus::NullPointer);
    }
    Ok(len > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(guard(|| panic!("expected")), DoublesStatus::Panicked as i64);
        assert_eq!(guard(|| Ok(7)), 7);
    }

    #[test]
    fn a_panic_in_the_pool_becomes_a_status() {
        let Some(pool) = crate::pool::pool() else {
            return;
        };
        let status = guard(|| pool.install(|| panic!("expected")));
        assert_eq!(status, DoublesStatus::Panicked as i64);
        assert_eq!(guard(|| Ok(pool.install(|| 7))), 7);
    }

    #[test]
    fn an_object_that_can_not_be_made_is_null() {
        assert!(boxed(|| -> u8 { panic!("expected") }).is_null());
        let object = boxed(|| 7);
        // SAFETY: NULL, and an object that was made here, is used here and is freed here.
        unsafe {
            assert_eq!(required_mut(object).copied(), Ok(7));
            assert_eq!(required::<u8>(ptr::null()), Err(DoublesStatus::NullPointer));
            unboxed(object);
            unboxed::<u8>(ptr::null_mut());
        }
    }

    #[test]
    fn null_is_allowed_for_the_empty_slice_alone() {
        // SAFETY: NULL, which is allowed, or a length that is refused before anything is read.
        unsafe {
            assert_eq!(bytes(ptr::null(), 0), Ok(&[][..]));
            assert_eq!(bytes(ptr::null(), 1), Err(DoublesStatus::NullPointer));
            let data = [0u8];
            let refused = bytes(data.as_ptr(), isize::MAX as usize + 1);
            assert_eq!(refused, Err(DoublesStatus::InvalidLength));
        }
    }
}
