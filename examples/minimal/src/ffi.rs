//! The exported functions, from which the header is made. C alone calls them and promises: `data` is
//! NULL or points to `len` bytes, readable during the call; `out` is NULL or points to a struct that
//! nobody else uses during the call.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Raise it whenever a declaration changes, or what it means.
pub const BYTESTATS_ABI_VERSION: u32 = 1;

// A status: what a function returns in place of a result. All are below zero.
pub const BYTESTATS_BAD_POINTER: i64 = -1;
pub const BYTESTATS_NO_MEAN: i64 = -2;
pub const BYTESTATS_PANICKED: i64 = -3;

/// Returns the version that the library was built with.
#[unsafe(no_mangle)]
pub extern "C" fn bytestats_abi_version() -> u32 {
    BYTESTATS_ABI_VERSION
}

/// Returns the text for a status. It is never NULL and lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn bytestats_message(status: i64) -> *const std::ffi::c_char {
    match status {
        BYTESTATS_BAD_POINTER => c"a pointer is NULL or a length impossible",
        BYTESTATS_NO_MEAN => c"no bytes have no mean",
        BYTESTATS_PANICKED => c"the Rust library panicked; see standard error",
        _ => c"unknown status",
    }
    .as_ptr()
}

/// Runs `body`. A panic that reached C would end the process; here it becomes a status.
fn guard(body: impl FnOnce() -> Result<u64, i64>) -> i64 {
    // Nobody uses what a panic left half done: the status forbids it. So AssertUnwindSafe is true.
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(BYTESTATS_PANICKED));
    outcome.map_or_else(|status| status, |result| result as i64) // No result is above i64::MAX.
}

/// Safe where `data` is NULL or points to `len` bytes that stay readable for as long as `'a`.
unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], i64> {
    match len {
        0 => Ok(&[]),
        _ if data.is_null() || len > isize::MAX as usize => Err(BYTESTATS_BAD_POINTER),
        // SAFETY: data is not NULL and len is possible (both checked); the caller promises the rest.
        _ => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}

/// Returns how many bytes equal `byte`, or a status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bytestats_count(data: *const u8, len: usize, byte: u8) -> i64 {
    // SAFETY: C promises what `bytes` asks for.
    guard(|| Ok(crate::count(unsafe { bytes(data, len) }?, byte)))
}

#[repr(C)]
pub struct BytestatsSummary {
    sum: u64,
    max: u8,
}

/// Writes the sum and the maximum into `out`. Returns zero or a status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bytestats_summary(
    data: *const u8,
    len: usize,
    out: Option<&mut BytestatsSummary>,
) -> i64 {
    guard(|| {
        // SAFETY: C promises what `bytes` asks for.
        let (sum, max) = crate::summary(unsafe { bytes(data, len) }?);
        *out.ok_or(BYTESTATS_BAD_POINTER)? = BytestatsSummary { sum, max };
        Ok(0)
    })
}

/// Returns the mean, rounded down, or a status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bytestats_mean(data: *const u8, len: usize) -> i64 {
    // SAFETY: C promises what `bytes` asks for.
    guard(|| crate::mean(unsafe { bytes(data, len) }?).ok_or(BYTESTATS_NO_MEAN))
}

#[test]
fn a_panic_becomes_a_status() {
    assert_eq!(guard(|| panic!("expected")), BYTESTATS_PANICKED);
}

/// Returns the checksum of a text, which is also Python's `zlib.crc32`.
#[cfg(test)]
fn crc32(text: &str) -> u32 {
    let shift = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
    !text
        .bytes()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(byte), shift))
}

#[test]
fn the_header_is_current_or_renewed() {
    let config = cbindgen::Config::from_file("cbindgen.toml").unwrap();
    let builder = cbindgen::Builder::new().with_config(config);
    let mut made = Vec::new();
    builder
        .with_src("src/ffi.rs")
        .generate()
        .unwrap()
        .write(&mut made);
    let declarations = String::from_utf8(made).unwrap();
    let made = format!(
        "{declarations}\n/* src/ffi.rs {:08x} */\n",
        crc32(include_str!("ffi.rs"))
    );
    let old = std::fs::read_to_string("include/bytestats.h").unwrap_or_default();
    let raised = !old.contains(&format!("ABI_VERSION {BYTESTATS_ABI_VERSION}\n"));
    assert!(
        old.starts_with(&declarations) || raised,
        "first raise BYTESTATS_ABI_VERSION"
    );
    if std::env::var_os("RENEW_HEADER").is_some() {
        std::fs::write("include/bytestats.h", made).unwrap();
    } else {
        assert!(made == old, "RENEW_HEADER=1 cargo test renews the header");
    }
}
