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

use crate::code_points::{self, InvalidUtf8};
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

/// A stretch of UTF-8 that may begin and end in the middle of a code point.
///
/// What a cut has torn is carried along until the other part comes: at the front, up to three bytes
/// that continue a code point; at the back, up to three that begin one. So any split of a text merges
/// to the same as the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextSummary {
    /// The end of a code point that began before the stretch.
    pub head: Fragment,
    /// All whole code points.
    pub body: Summary<u32>,
    /// The beginning of a code point that ends behind the stretch.
    pub tail: Fragment,
}

impl TextSummary {
    /// The empty stretch.
    pub const EMPTY: Self = Self {
        head: Fragment::EMPTY,
        body: Summary::EMPTY,
        tail: Fragment::EMPTY,
    };

    /// Sums up a stretch of UTF-8, its whole code points by `summarize`.
    pub fn of<'a>(
        bytes: &'a [u8],
        summarize: impl FnOnce(&'a [u8]) -> Result<Summary<u32>, InvalidUtf8>,
    ) -> Result<Self, InvalidUtf8> {
        let (head, body, tail) = code_points::torn(bytes);
        Ok(Self {
            head: Fragment::new(head)?,
            body: summarize(body)?,
            tail: Fragment::new(tail)?,
        })
    }

    /// Sums up `self` followed by `right`, and calls `found` with each unit that is doubled where they
    /// meet. Fails if that is no place where UTF-8 could have been cut.
    pub fn merge(self, right: Self, mut found: impl FnMut(u32)) -> Result<Self, InvalidUtf8> {
        if self.is_head_only() {
            let head = self.head.join(right.head)?;
            return Ok(Self { head, ..right });
        }
        let mut torn = [0; 6];
        let torn = self.tail.chain(right.head, &mut torn);
        match str::from_utf8(torn) {
            Ok(_) => {
                let torn = code_points::summarize(torn)?;
                let left = self.body.merge(torn);
                self.body.seam(&torn).into_iter().for_each(&mut found);
                left.seam(&right.body).into_iter().for_each(&mut found);
                Ok(Self {
                    head: self.head,
                    body: left.merge(right.body),
                    tail: right.tail,
                })
            }
            // Still not all of the code point, nor anything behind it.
            Err(error) if error.error_len().is_none() && right.is_head_only() => Ok(Self {
                tail: Fragment::new(torn)?,
                ..self
            }),
            Err(_) => Err(InvalidUtf8),
        }
    }

    /// Whether this is nothing but the end of a code point, or nothing at all.
    fn is_head_only(&self) -> bool {
        self.body == Summary::EMPTY && self.tail == Fragment::EMPTY
    }
}

/// Units of one width: nothing is ever torn.
impl<U: Into<u32>> From<Summary<U>> for TextSummary {
    fn from(units: Summary<U>) -> Self {
        let Summary {
            length,
            count,
            ends,
        } = units;
        let ends = ends.map(|(first, last)| (first.into(), last.into()));
        Self {
            body: Summary {
                length,
                count,
                ends,
            },
            ..Self::EMPTY
        }
    }
}

/// Up to three bytes of a torn code point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    bytes: [u8; 3],
    length: u8,
}

impl Fragment {
    /// No bytes.
    pub const EMPTY: Self = Self {
        bytes: [0; 3],
        length: 0,
    };

    /// Takes up to three bytes; more are no fragment of any code point.
    pub fn new(fragment: &[u8]) -> Result<Self, InvalidUtf8> {
        let mut bytes = [0; 3];
        let place = bytes.get_mut(..fragment.len()).ok_or(InvalidUtf8)?;
        place.copy_from_slice(fragment);
        Ok(Self {
            bytes,
            length: fragment.len() as u8,
        })
    }

    /// The bytes, the unused ones zero, and how many there are.
    pub fn into_parts(self) -> ([u8; 3], u8) {
        (self.bytes, self.length)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// These bytes and then those of `right`, as one fragment.
    fn join(self, right: Self) -> Result<Self, InvalidUtf8> {
        Self::new(self.chain(right, &mut [0; 6]))
    }

    /// These bytes and then those of `right`, in `room`.
    fn chain(self, right: Self, room: &mut [u8; 6]) -> &[u8] {
        let (left, right) = (self.as_bytes(), right.as_bytes());
        let length = left.len() + right.len();
        room[..left.len()].copy_from_slice(left);
        room[left.len()..length].copy_from_slice(right);
        &room[..length]
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

    fn of_text(bytes: &[u8]) -> Result<TextSummary, InvalidUtf8> {
        TextSummary::of(bytes, code_points::summarize)
    }

    /// Merges and collects what is doubled where they meet.
    fn merge_text(
        left: TextSummary,
        right: TextSummary,
    ) -> (Result<TextSummary, InvalidUtf8>, Vec<u32>) {
        let mut found = Vec::new();
        let merged = left.merge(right, |unit| found.push(unit));
        (merged, found)
    }

    /// Code points of every width, doubled and not, cut into four anywhere: within code points too.
    #[test]
    fn torn_text_merges_to_the_same_as_the_whole() {
        let text = "a€€жж𝄞𝄞b".as_bytes();
        let n = text.len();
        for start in 0..=n {
            for end in start..=n {
                let Ok(whole) = of_text(&text[start..end]) else {
                    panic!("no stretch of valid text is invalid");
                };
                for i in start..=end {
                    for j in i..=end {
                        let parts = [&text[start..i], &text[i..j], &text[j..end]];
                        let [a, b, c] = parts.map(|part| of_text(part).expect("valid"));
                        let merge = |x, y| merge_text(x, y).0.expect("valid");
                        assert_eq!(merge(merge(a, b), c), whole, "{start} {i} {j} {end}");
                        assert_eq!(merge(a, merge(b, c)), whole, "{start} {i} {j} {end}");
                    }
                }
            }
        }
        let whole = of_text(text).expect("valid").body;
        assert_eq!((whole.length, whole.count), (8, 3));
    }

    #[test]
    fn what_is_doubled_at_a_cut_is_said() {
        let text = "жжж".as_bytes();
        let found = [0, 1, 2, 3, 4, 5, 6].map(|cut| {
            let [left, right] =
                [&text[..cut], &text[cut..]].map(|part| of_text(part).expect("valid"));
            let (merged, found) = merge_text(left, right);
            let inside = left.body.count + right.body.count;
            assert_eq!(
                merged.expect("valid").body.count,
                inside + found.len() as u64
            );
            found.len()
        });
        assert_eq!(found, [0, 1, 1, 2, 1, 1, 0]);
    }

    #[test]
    fn where_text_can_not_be_cut_merging_fails() {
        let torn: [(&[u8], &[u8]); 6] = [
            (b"a", b"\x80"),            // nothing to continue
            (b"\xe2\x82", b"a"),        // not continued
            (b"\xe2\x82", b"\xac\xac"), // continued too far
            (b"\x80\x80", b"\x80\x80"), // no code point ends in four such bytes
            (b"\xe2", b"\x82\xe2"),     // another begins instead
            (b"\xed", b"\xa0\x80"),     // a surrogate
        ];
        for (left, right) in torn {
            let [left, right] = [left, right].map(|part| of_text(part).expect("a fragment"));
            assert_eq!(merge_text(left, right).0, Err(InvalidUtf8));
        }
    }
}
