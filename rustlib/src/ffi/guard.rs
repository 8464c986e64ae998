//! What every export stands on: status codes, the panic boundary, raw pointer to slice.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

/// What a function returns instead of a count, always below zero; and zero, which is success.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoublesStatus {
    /// All is well.
    Ok = 0,
    /// A pointer is NULL that has to point to something.
    NullPointer = -1,
    /// A length is beyond what one object in memory can have.
    InvalidLength = -2,
    /// The bytes are not UTF-8.
    InvalidUtf8 = -3,
    /// The alphabet is not 1 to 128 different bytes.
    InvalidAlphabet = -4,
    /// The library panicked: a bug in it.
    Panicked = -5,
    /// There is not enough memory.
    NoMemory = -6,
    /// A column is not of strings or bytes.
    UnsupportedColumn = -7,
    /// A column's structs or buffers contradict each other.
    MalformedColumn = -8,
    /// A column was used already.
    Released = -9,
    /// The producer of a column failed.
    StreamFailed = -10,
}

impl DoublesStatus {
    const ALL: [Self; 11] = [
        Self::Ok,
        Self::NullPointer,
        Self::InvalidLength,
        Self::InvalidUtf8,
        Self::InvalidAlphabet,
        Self::Panicked,
        Self::NoMemory,
        Self::UnsupportedColumn,
        Self::MalformedColumn,
        Self::Released,
        Self::StreamFailed,
    ];

    /// The text for people; the only place it stands in.
    const fn message(self) -> &'static CStr {
        match self {
            Self::Ok => c"success",
            Self::NullPointer => c"a pointer is NULL that has to point to something",
            Self::InvalidLength => c"a length is beyond what one object in memory can have",
            Self::InvalidUtf8 => c"the bytes are not UTF-8",
            Self::InvalidAlphabet => c"the alphabet is not 1 to 128 different bytes",
            Self::Panicked => {
                c"the Rust library panicked, which is a bug in it; see standard error"
            }
            Self::NoMemory => c"there is not enough memory",
            Self::UnsupportedColumn => c"the column is not of strings or bytes",
            Self::MalformedColumn => c"the column is malformed",
            Self::Released => c"the column was used already",
            Self::StreamFailed => c"the producer of the column failed",
        }
    }
}

/// The text for what a function returned: counts are successes, unknown codes are named so.
pub(super) fn message(returned: i64) -> &'static CStr {
    let known = DoublesStatus::ALL
        .into_iter()
        .find(|&status| status as i64 == returned.min(0));
    known.map_or(c"unknown status", DoublesStatus::message)
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

/// The caller's input as a slice; NULL is allowed for the empty one.
///
/// # Safety
///
/// Unless `data` is NULL or `len` is zero, `data` points to `len` readable elements, aligned, which
/// nobody changes for as long as `'a`. They are numbers, so any bits are valid.
pub(super) unsafe fn input<'a, T>(data: *const T, len: usize) -> Result<&'a [T], DoublesStatus> {
    if !check(data, len)? {
        return Ok(&[]);
    }
    // SAFETY: data is not NULL and len fits an isize (both checked); the rest is the caller's word.
    Ok(unsafe { slice::from_raw_parts(data, len) })
}

/// The caller's bytes as a slice; NULL is allowed for the empty one.
///
/// # Safety
///
/// Unless `data` is NULL or `len` is zero, `data` points to `len` readable bytes for as long as `'a`.
///
/// Python can't promise that no other thread writes to them meanwhile, and Rust calls that race
/// undefined. So code that counts them lets no byte decide which address is read next: whatever value
/// a read finds, all reads stay inside, and only the count can be wrong.
pub(super) unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], DoublesStatus> {
    // SAFETY: the caller's word on data and len; what changes meanwhile is harmless, as said.
    unsafe { input(data, len) }
}

/// The caller's bytes as an array of known length.
///
/// # Safety
///
/// `data` is NULL or points to `N` readable bytes, which nobody changes for as long as `'a`.
pub(super) unsafe fn array<'a, const N: usize>(
    data: *const u8,
) -> Result<&'a [u8; N], DoublesStatus> {
    // SAFETY: NULL or N readable bytes, by the caller's word; an array of bytes needs no alignment.
    unsafe { data.cast::<[u8; N]>().as_ref() }.ok_or(DoublesStatus::NullPointer)
}

/// The caller's output as a slice; NULL is allowed for the empty one.
///
/// # Safety
///
/// Unless `out` is NULL or `len` is zero, `out` points to `len` writable elements, aligned, that nobody
/// else uses for as long as `'a`. They are numbers, so any bits are valid; what the caller's allocator
/// left there is never read.
pub(super) unsafe fn output<'a, T>(out: *mut T, len: usize) -> Result<&'a mut [T], DoublesStatus> {
    if !check(out, len)? {
        return Ok(&mut []);
    }
    // SAFETY: out is not NULL and len fits an isize (both checked); the rest is the caller's word.
    Ok(unsafe { slice::from_raw_parts_mut(out, len) })
}

/// Whether there is anything at `data` to make a slice of.
fn check<T>(data: *const T, len: usize) -> Result<bool, DoublesStatus> {
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
    use std::ptr;

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(guard(|| panic!("expected")), DoublesStatus::Panicked as i64);
        assert_eq!(guard(|| Ok(7)), 7);
    }

    #[test]
    fn so_does_a_panic_in_the_pool() {
        let Some(pool) = crate::pool::pool() else {
            return;
        };
        let status = guard(|| pool.install(|| panic!("expected")));
        assert_eq!(status, DoublesStatus::Panicked as i64);
        assert_eq!(guard(|| Ok(pool.install(|| 7))), 7);
    }

    #[test]
    fn each_status_has_its_own_text() {
        let mut texts: Vec<_> = DoublesStatus::ALL.map(|s| message(s as i64)).into();
        texts.push(message(i64::MIN));
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), DoublesStatus::ALL.len() + 1);
        assert_eq!(message(12), message(0));
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
