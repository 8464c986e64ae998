//! The count over bytes, one kernel per instruction set.
#![forbid(unsafe_code)]

mod portable;

/// Doubles in `bytes`, by the fastest kernel this CPU has.
///
/// ```
/// assert_eq!(doubles::kernel::count(b"aaa"), 2);
/// ```
pub fn count(bytes: &[u8]) -> u64 {
    portable::count(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Kernel = fn(&[u8]) -> u64;

    /// Every kernel meets the same suite.
    const KERNELS: [(&str, Kernel); 2] = [("dispatched", count), ("portable", portable::count)];

    /// The definition, byte by byte.
    fn oracle(bytes: &[u8]) -> u64 {
        (1..bytes.len())
            .map(|i| u64::from(bytes[i - 1] == bytes[i]))
            .sum()
    }

    fn check(bytes: &[u8], what: &str) {
        let expected = oracle(bytes);
        for (name, kernel) in KERNELS {
            assert_eq!(
                kernel(bytes),
                expected,
                "{name}, {what}, length {}",
                bytes.len()
            );
        }
    }

    #[test]
    fn every_length_at_every_offset() {
        // About a third are doubles, in a pattern of prime period.
        let bytes: Vec<u8> = (0..1088 + 64).map(|i| (i % 251 / 3 % 5) as u8).collect();
        for offset in 0..64 {
            for length in 0..=1088 {
                check(&bytes[offset..offset + length], "mixed");
            }
        }
    }

    /// Lengths around every point at which a lane of some kernel is full.
    fn around_the_flush() -> impl Iterator<Item = usize> {
        [16, 32, 64, 128, 256]
            .into_iter()
            .flat_map(|lanes| [254, 255, 256, 510, 511].map(|times| times * lanes))
            .flat_map(|length| length - 2..=length + 3)
    }

    #[test]
    fn all_equal() {
        for length in around_the_flush() {
            check(&vec![0xA5; length], "all equal");
        }
    }

    #[test]
    fn none_equal() {
        for length in around_the_flush() {
            let bytes: Vec<u8> = (0..length).map(|i| (i % 253) as u8).collect();
            check(&bytes, "none equal");
        }
    }

    #[test]
    fn all_equal_but_one() {
        for length in [33, 65, 129, 1000, 255 * 64 + 1] {
            for odd in (0..length).step_by(if length > 1000 { 61 } else { 1 }) {
                let mut bytes = vec![7; length];
                bytes[odd] = 8;
                check(&bytes, "all equal but one");
            }
        }
    }
}
