//! Statistics of bytes, in safe Rust. Only `ffi` knows of C.
#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod ffi;

/// Returns how many bytes equal `byte`.
pub fn count(data: &[u8], byte: u8) -> u64 {
    data.iter().filter(|&&other| other == byte).count() as u64
}

/// Returns the sum of the bytes and the largest; both are zero for no bytes.
pub fn summary(data: &[u8]) -> (u64, u8) {
    let sum = data.iter().map(|&byte| u64::from(byte)).sum();
    (sum, data.iter().copied().max().unwrap_or(0))
}

/// Returns the mean, rounded down; no bytes have none.
pub fn mean(data: &[u8]) -> Option<u64> {
    summary(data).0.checked_div(data.len() as u64)
}
