//! Finds inputs for which doubles between bytes are counted wrong, by any of the ways to count them.

use crate::oracle;
use doubles::summary::Summary;
use doubles::{ffi, kernel, ladder, parallel};

/// Counts `data`, and without its first byte, so that both parities of an address are met.
pub fn check(data: &[u8]) {
    check_one(data);
    check_one(data.get(1..).unwrap_or_default());
}

fn check_one(bytes: &[u8]) {
    let expected = oracle::count(bytes);
    assert_eq!(kernel::count(bytes), expected);
    assert_eq!(parallel::count::<u8>(bytes, None), expected);
    assert_eq!(ladder::count_doubles_slice(bytes), expected);
    // SAFETY: as many bytes as the slice has.
    let counted = unsafe { ffi::count::doubles_count_bytes(bytes.as_ptr(), bytes.len(), 0) };
    assert_eq!(counted, expected as i64);
    let summary = Summary::<u8>::of(bytes);
    let ends = summary.ends.map(|(a, b)| (a.into(), b.into()));
    assert_eq!(ends, oracle::ends(bytes));
    assert_eq!(
        (summary.length, summary.count),
        (bytes.len() as u64, expected)
    );
}
