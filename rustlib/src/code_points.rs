//! Doubles between code points.
#![forbid(unsafe_code)]

/// Bytes per UTF-32 unit.
const UNIT: usize = 4;

/// Pairs per partial sum: few enough for a `u32`, whose additions vectorise better than a `u64`'s.
const PAIRS_PER_SUM: usize = 1 << 16;

/// Doubles between the UTF-32 units of `bytes`, whatever their alignment and byte order.
///
/// Units are compared, never interpreted: lone surrogates are units like any other. Bytes after the
/// last whole unit are not counted.
///
/// ```
/// let text: Vec<u8> = "noon".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
/// assert_eq!(doubles::code_points::count_utf32(&text), 1);
/// ```
pub fn count_utf32(bytes: &[u8]) -> u64 {
    let Some(shifted) = bytes.get(UNIT..) else {
        return 0;
    };
    let stretch = PAIRS_PER_SUM * UNIT;
    bytes
        .chunks(stretch)
        .zip(shifted.chunks(stretch))
        .map(|(x, y)| {
            let pairs = x.chunks_exact(UNIT).zip(y.chunks_exact(UNIT));
            u64::from(pairs.map(|(x, y)| u32::from(x == y)).sum::<u32>())
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf32(units: &[u32]) -> Vec<u8> {
        units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
    }

    #[test]
    fn units_are_compared_whole() {
        // Neighbours that differ in one byte only, whichever it is, are no double.
        for shift in [0, 8, 16, 24] {
            let other = 0x4142_4344 ^ (1 << shift);
            assert_eq!(count_utf32(&utf32(&[0x4142_4344, other, other])), 1);
        }
    }

    #[test]
    fn boundaries_of_partial_sums() {
        for pairs in [0, 1, PAIRS_PER_SUM - 1, PAIRS_PER_SUM, PAIRS_PER_SUM + 1] {
            let equal = utf32(&vec![0xD800; pairs + 1]);
            assert_eq!(count_utf32(&equal), pairs as u64);
            let alternating = utf32(&(0..=pairs as u32).map(|i| i % 2).collect::<Vec<_>>());
            assert_eq!(count_utf32(&alternating), 0);
        }
        assert_eq!(count_utf32(b""), 0);
        assert_eq!(count_utf32(b"abc"), 0);
    }
}
