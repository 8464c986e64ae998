//! A stretch of input, summed up so that it can be joined to its neighbours.
//!
//! Split an input anywhere: every double is wholly in one part, except for the pair across the cut.
//! So a part is summed up by its length, its count, and the units at its two ends, and
//!
//! ```text
//! count(left + right) = count(left) + count(right) + [left.last == right.first]
//! ```
//!
//! Merging is associative and the empty summary is its identity, so that serial, parallel and
//! streaming counts are one algorithm. It is not commutative: the stretches must be adjacent.
#![forbid(unsafe_code)]

use crate::kernel;

/// A stretch of input, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary<U> {
    /// The number of units in the stretch.
    pub length: u64,
    /// The number of doubles within the stretch.
    pub count: u64,
    /// Its first and its last unit; `None` for the empty stretch alone.
    pub ends: Option<(U, U)>,
}

impl<U: Copy + Eq> Summary<U> {
    /// The empty stretch.
    pub const EMPTY: Self = Self {
        length: 0,
        count: 0,
        ends: None,
    };

    /// Sums up `self` followed by `right`.
    pub fn merge(self, right: Self) -> Self {
        let (Some((first, _)), Some((_, last))) = (self.ends, right.ends) else {
            return if self.ends.is_some() { self } else { right };
        };
        Self {
            // No input is that long, but callers of the C ABI can make up summaries.
            length: self.length.saturating_add(right.length),
            count: self
                .count
                .saturating_add(right.count)
                .saturating_add(self.seam(&right).is_some().into()),
            ends: Some((first, last)),
        }
    }

    /// The unit of the double across the cut between `self` and `right`, if there is one.
    pub fn seam(&self, right: &Self) -> Option<U> {
        let ((_, before), (after, _)) = self.ends.zip(right.ends)?;
        (before == after).then_some(after)
    }
}

/// A unit of fixed width, of any alignment and in the machine's byte order.
///
/// Units are compared, never interpreted: lone surrogates are units like any other.
pub trait Unit: Copy + Eq + Send {
    /// Doubles between the units in `bytes`. Bytes after the last whole unit are ignored.
    fn count(bytes: &[u8]) -> u64;

    /// The first and the last whole unit; `None` if there is no whole unit.
    fn ends(units: &[u8]) -> Option<(Self, Self)>;
}

impl Unit for u8 {
    fn count(bytes: &[u8]) -> u64 {
        kernel::count(bytes)
    }

    fn ends(units: &[u8]) -> Option<(Self, Self)> {
        units.first().copied().zip(units.last().copied())
    }
}

impl Unit for u16 {
    fn count(bytes: &[u8]) -> u64 {
        kernel::count_utf16(bytes)
    }

    fn ends(units: &[u8]) -> Option<(Self, Self)> {
        let ends = units.first_chunk().zip(units.last_chunk());
        ends.map(|(&first, &last)| (Self::from_ne_bytes(first), Self::from_ne_bytes(last)))
    }
}

impl Unit for u32 {
    fn count(bytes: &[u8]) -> u64 {
        kernel::count_utf32(bytes)
    }

    fn ends(units: &[u8]) -> Option<(Self, Self)> {
        let ends = units.first_chunk().zip(units.last_chunk());
        ends.map(|(&first, &last)| (Self::from_ne_bytes(first), Self::from_ne_bytes(last)))
    }
}

impl<U: Unit> Summary<U> {
    /// Sums up units of fixed width. Bytes after the last whole unit are ignored.
    ///
    /// ```
    /// use doubles::summary::Summary;
    /// let (left, right) = (Summary::<u8>::of(b"hel"), Summary::of(b"lo"));
    /// assert_eq!(left.merge(right), Summary::of(b"hello"));
    ///
    /// let units: Vec<u8> = [0xD800_u16; 3].iter().flat_map(|unit| unit.to_ne_bytes()).collect();
    /// assert_eq!(Summary::<u16>::of(&units).count, 2);
    /// ```
    pub fn of(bytes: &[u8]) -> Self {
        let length = bytes.len() / size_of::<U>();
        let units = &bytes[..length * size_of::<U>()];
        Self {
            length: length as u64,
            count: U::count(units),
            ends: U::ends(units),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Summary<u8> {
        Summary::of(bytes)
    }

    /// Every stretch of a text rich in doubles, cut in every way into three, empties included.
    #[test]
    fn merging_equals_concatenation_and_is_associative() {
        let text = b"aabbbcaaaadd";
        for end in 0..=text.len() {
            for i in 0..=end {
                for j in i..=end {
                    let whole = of(&text[..end]);
                    let parts = [&text[..i], &text[i..j], &text[j..end]];
                    let [a, b, c] = parts.map(of);
                    assert_eq!(a.merge(b).merge(c), whole);
                    assert_eq!(a.merge(b.merge(c)), whole);
                }
            }
        }
    }

    #[test]
    fn the_empty_summary_is_the_identity() {
        let some = of(b"xyzzy");
        assert_eq!(Summary::EMPTY.merge(some), some);
        assert_eq!(some.merge(Summary::EMPTY), some);
        assert_eq!(of(b""), Summary::EMPTY);
    }

    #[test]
    fn merged_numbers_stop_at_the_largest_one() {
        let most = Summary {
            length: u64::MAX,
            count: u64::MAX,
            ends: Some((b'a', b'a')),
        };
        assert_eq!(most.merge(most), most);
    }

    #[test]
    fn merging_is_not_commutative() {
        let (left, right) = (of(b"ab"), of(b"bc"));
        assert_eq!(left.merge(right).count, 1);
        assert_eq!(right.merge(left).count, 0);
    }

    /// Units of every width whose bytes all differ, so that no byte or half is mistaken for a unit.
    #[test]
    fn bytes_after_the_last_whole_unit_are_ignored() {
        let bytes = [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 1, 2];
        let two = |i: usize| u16::from_ne_bytes([bytes[i], bytes[i + 1]]);
        let four = |i: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|k| bytes[i + k]));
        for rest in 0..2 {
            let shorter = Summary::<u16>::of(&bytes[..12 - rest]);
            let expected = [(6, 1, two(10)), (5, 0, two(8))][rest];
            assert_eq!((shorter.length, shorter.count), (expected.0, expected.1));
            assert_eq!(shorter.ends, Some((two(0), expected.2)));
        }
        for rest in 0..4 {
            let shorter = Summary::<u32>::of(&bytes[..12 - rest]);
            let (length, last) = if rest == 0 { (3, 8) } else { (2, 4) };
            assert_eq!((shorter.length, shorter.count), (length, 1));
            assert_eq!(shorter.ends, Some((four(0), four(last))));
        }
        assert_eq!(Summary::<u16>::of(&bytes[..1]), Summary::EMPTY);
        assert_eq!(Summary::<u32>::of(&bytes[..3]), Summary::EMPTY);
    }
}
