//! Finds inputs for which doubles between units of two and of four bytes are counted wrong.

use crate::oracle;
use doubles::kernel;
use doubles::summary::Summary;

/// Counts `data` from its first four bytes on, so that all alignments are met.
pub fn check(data: &[u8]) {
    for skipped in 0..data.len().min(4) {
        let bytes = &data[skipped..];
        let two = oracle::units16(bytes);
        assert_eq!(kernel::count_utf16(bytes), oracle::count(&two));
        let summary = Summary::<u16>::of(bytes);
        let ends = summary.ends.map(|(a, b)| (a.into(), b.into()));
        assert_eq!(ends, oracle::ends(&two));
        assert_eq!(summary.length, two.len() as u64);

        let four = oracle::units32(bytes);
        assert_eq!(kernel::count_utf32(bytes), oracle::count(&four));
        let summary = Summary::<u32>::of(bytes);
        assert_eq!(summary.ends, oracle::ends(&four));
        assert_eq!(summary.length, four.len() as u64);
    }
}
