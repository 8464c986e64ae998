//! What has to be known of a stretch of input to join it to its neighbours.
//!
//! Split an input anywhere: every double lies wholly in one part, but for the pair across the cut.
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
    /// Units in the stretch.
    pub length: u64,
    /// Doubles within the stretch.
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
            length: self.length + right.length,
            count: self.count + right.count + u64::from(self.seam(&right).is_some()),
            ends: Some((first, last)),
        }
    }

    /// The unit that is doubled across the cut between `self` and `right`, if one is.
    pub fn seam(&self, right: &Self) -> Option<U> {
        let ((_, before), (after, _)) = self.ends.zip(right.ends)?;
        (before == after).then_some(after)
    }
}

impl Summary<u8> {
    /// Sums up bytes.
    ///
    /// ```
    /// use doubles::summary::Summary;
    /// let (left, right) = (Summary::of(b"hel"), Summary::of(b"lo"));
    /// assert_eq!(left.merge(right), Summary::of(b"hello"));
    /// ```
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len() as u64,
            count: kernel::count(bytes),
            ends: bytes.first().copied().zip(bytes.last().copied()),
        }
    }
}

impl Summary<u32> {
    /// Sums up UTF-32 units, in the machine's byte order and of any alignment. Bytes after the last
    /// whole unit are not counted.
    ///
    /// ```
    /// use doubles::summary::Summary;
    /// let units: Vec<u8> = [0x436u32; 3].iter().flat_map(|unit| unit.to_ne_bytes()).collect();
    /// assert_eq!(Summary::of_utf32(&units).count, 2);
    /// ```
    pub fn of_utf32(bytes: &[u8]) -> Self {
        let (units, _) = bytes.as_chunks::<4>();
        let ends = units.first().zip(units.last());
        Self {
            length: units.len() as u64,
            count: kernel::count_utf32(bytes),
            ends: ends.map(|(&first, &last)| (u32::from_ne_bytes(first), u32::from_ne_bytes(last))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every stretch of a text rich in doubles, cut in every way into three, empties included.
    #[test]
    fn merging_equals_concatenation_and_is_associative() {
        let text = b"aabbbcaaaadd";
        for end in 0..=text.len() {
            for i in 0..=end {
                for j in i..=end {
                    let whole = Summary::of(&text[..end]);
                    let parts = [&text[..i], &text[i..j], &text[j..end]];
                    let [a, b, c] = parts.map(Summary::of);
                    assert_eq!(a.merge(b).merge(c), whole);
                    assert_eq!(a.merge(b.merge(c)), whole);
                }
            }
        }
    }

    #[test]
    fn the_empty_summary_is_the_identity() {
        let some = Summary::of(b"xyzzy");
        assert_eq!(Summary::EMPTY.merge(some), some);
        assert_eq!(some.merge(Summary::EMPTY), some);
        assert_eq!(Summary::of(b""), Summary::EMPTY);
    }

    #[test]
    fn merging_is_not_commutative() {
        let (left, right) = (Summary::of(b"ab"), Summary::of(b"bc"));
        assert_eq!(left.merge(right).count, 1);
        assert_eq!(right.merge(left).count, 0);
    }
}
