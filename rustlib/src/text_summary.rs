//! A stretch of text, summed up so that it can be joined to its neighbours, wherever it was cut.
//!
//! If no cut ever went through a code point, a [`Summary`] of code points would be enough. Here the bytes
//! of a torn code point are kept beside it until the other part is appended.
#![forbid(unsafe_code)]

use crate::code_points::{self, InvalidUtf8, boundary};
use crate::kernel::is_lead;
use crate::parallel;
use crate::summary::{Summary, Unit};
use crate::tally::Tally;
use std::num::NonZeroUsize;

/// A stretch of UTF-8 that may begin and end in the middle of a code point.
///
/// At the front, up to three bytes that continue a code point; at the back, up to three that begin
/// one. Any split of a text merges to the same summary as the whole.
///
/// Bytes and units of fixed width are appended to the same struct; they are never torn.
///
/// cbindgen:ignore
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextSummary {
    /// The end of a code point that began before the stretch.
    pub head: Fragment,
    /// All whole code points.
    pub body: Summary<u32>,
    /// The beginning of a code point that ends after the stretch.
    pub tail: Fragment,
}

impl TextSummary {
    /// The empty stretch.
    pub const EMPTY: Self = Self {
        head: Fragment::EMPTY,
        body: Summary::EMPTY,
        tail: Fragment::EMPTY,
    };

    /// Appends units of fixed width, in the machine's byte order and of any alignment, on at most `threads` threads
    /// (`None`: as many as help). Bytes after the last whole unit are dropped. The doubles within them, and the
    /// one where they meet `self`, are added to the tally, if there is one.
    ///
    /// Fails, and changes nothing, if `self` ends with a torn code point.
    pub fn append_units<U: Unit + Into<u32>>(
        &mut self,
        bytes: &[u8],
        tally: Option<&mut Tally>,
        threads: Option<NonZeroUsize>,
    ) -> Result<(), InvalidUtf8> {
        let right = parallel::summarize::<U>(bytes, threads).into();
        self.append(right, tally, |tally| tally.add_units::<U>(bytes))
    }

    /// Appends UTF-8, which may begin and end within a code point, on at most `threads` threads (`None`: as many
    /// as help). The doubles within it, and where it meets `self`, are added to the tally, if there is one.
    ///
    /// Fails, and changes nothing, if the text is not valid, or does not continue a code point that `self` ends
    /// with.
    ///
    /// ```
    /// use doubles::text_summary::TextSummary;
    /// let mut summary = TextSummary::EMPTY;
    /// for byte in "жж".bytes() {
    ///     summary.append_utf8(&[byte], None, None)?;
    /// }
    /// assert_eq!((summary.body.length, summary.body.count), (2, 1));
    /// # Ok::<(), doubles::code_points::InvalidUtf8>(())
    /// ```
    pub fn append_utf8(
        &mut self,
        text: &[u8],
        tally: Option<&mut Tally>,
        threads: Option<NonZeroUsize>,
    ) -> Result<(), InvalidUtf8> {
        let (head, body, tail) = torn(text);
        let right = Self {
            head: Fragment::new(head)?,
            body: parallel::summarize_utf8(body, threads)?,
            tail: Fragment::new(tail)?,
        };
        self.append(right, tally, |tally| tally.add_utf8(body))
    }

    /// Appends the summary of the stretch that follows `self`. Only the doubles where the two meet are added to the
    /// tally, if there is one.
    pub fn append_summary(
        &mut self,
        right: Self,
        tally: Option<&mut Tally>,
    ) -> Result<(), InvalidUtf8> {
        self.append(right, tally, |_| ())
    }

    /// Appends `right`. `add` adds its own doubles to the tally, after everything that can fail.
    fn append(
        &mut self,
        right: Self,
        tally: Option<&mut Tally>,
        add: impl FnOnce(&mut Tally),
    ) -> Result<(), InvalidUtf8> {
        let (merged, seam) = self.merge(right)?;
        if let Some(tally) = tally {
            add(tally);
            let doubled = seam.into_iter().flatten();
            doubled.for_each(|unit| tally.add(unit, 1));
        }
        *self = merged;
        Ok(())
    }

    /// Sums up `self` followed by `right`, and returns the units that are doubled where they meet:
    /// two at most, one on either side of a code point torn by the cut. Fails if UTF-8 can't have been
    /// cut there.
    fn merge(self, right: Self) -> Result<(Self, Seam), InvalidUtf8> {
        if self.is_head_only() {
            let head = self.head.join(right.head)?;
            return Ok((Self { head, ..right }, Seam::default()));
        }
        let mut torn = [0; 6];
        let torn = self.tail.chain(right.head, &mut torn);
        match str::from_utf8(torn) {
            Ok(_) => {
                let torn = code_points::summarize(torn)?;
                let left = self.body.merge(torn);
                let seam = [self.body.seam(&torn), left.seam(&right.body)];
                let merged = Self {
                    head: self.head,
                    body: left.merge(right.body),
                    tail: right.tail,
                };
                Ok((merged, seam))
            }
            // Still not all of the code point, and nothing after it.
            Err(error) if error.error_len().is_none() && right.is_head_only() => {
                let tail = Fragment::new(torn)?;
                Ok((Self { tail, ..self }, Seam::default()))
            }
            Err(_) => Err(InvalidUtf8),
        }
    }

    /// Whether this is nothing but the end of a code point, or nothing at all.
    fn is_head_only(&self) -> bool {
        self.body == Summary::EMPTY && self.tail == Fragment::EMPTY
    }
}

/// The units of the doubles where two stretches meet.
type Seam = [Option<u32>; 2];

/// Units of one width: nothing is ever torn.
impl<U: Into<u32>> From<Summary<U>> for TextSummary {
    fn from(units: Summary<U>) -> Self {
        let ends = units.ends.map(|(first, last)| (first.into(), last.into()));
        let (length, count) = (units.length, units.count);
        let body = Summary {
            length,
            count,
            ends,
        };
        Self {
            body,
            ..Self::EMPTY
        }
    }
}

/// Up to three bytes of a torn code point.
///
/// cbindgen:ignore
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

    /// Takes the first `length` bytes; `None` if that is more than three.
    pub fn from_parts(bytes: [u8; 3], length: u8) -> Option<Self> {
        Self::new(bytes.get(..usize::from(length))?).ok()
    }

    /// The bytes, the unused ones zero, and how many there are.
    pub fn into_parts(self) -> ([u8; 3], u8) {
        (self.bytes, self.length)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Continues a torn code point with text. Returns the code point, if the text has the rest of it, in
    /// `room`; the whole code points after it; and the beginning of one that the text ends within.
    pub(crate) fn complete<'a>(
        self,
        text: &'a [u8],
        room: &'a mut [u8; 6],
    ) -> Result<(&'a [u8], &'a [u8], Self), InvalidUtf8> {
        let (head, body, tail) = torn(text);
        let cut = self.chain(Self::new(head)?, room);
        let is_torn = str::from_utf8(cut).is_err_and(|error| error.error_len().is_none());
        if is_torn && body.is_empty() && tail.is_empty() {
            return Ok((&[], &[], Self::new(cut)?));
        }
        Ok((cut, body, Self::new(tail)?))
    }

    /// These bytes and then those of `right`, as one fragment.
    fn join(self, right: Self) -> Result<Self, InvalidUtf8> {
        Self::new(self.chain(right, &mut [0; 6]))
    }

    /// These bytes and then those of `right`, in `room`.
    pub(crate) fn chain(self, right: Self, room: &mut [u8; 6]) -> &[u8] {
        let (left, right) = (self.as_bytes(), right.as_bytes());
        let length = left.len() + right.len();
        room[..left.len()].copy_from_slice(left);
        room[left.len()..length].copy_from_slice(right);
        &room[..length]
    }
}

/// Divides a stretch of text into the end of a torn code point, whole ones, and the beginning of a
/// torn one. Where the stretch is not valid, the parts are not either.
pub(crate) fn torn(bytes: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let continuing = bytes.iter().take(3).take_while(|&&byte| !is_lead(byte));
    let (head, rest) = bytes.split_at(continuing.count());
    // Only the last three bytes can be the beginning of something longer.
    let last = boundary(rest, rest.len().saturating_sub(1));
    let tail = match str::from_utf8(&rest[last..]) {
        Err(error) if error.error_len().is_none() => last,
        _ => rest.len(),
    };
    (head, &rest[..tail], &rest[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(bytes: &[u8]) -> Result<TextSummary, InvalidUtf8> {
        let mut summary = TextSummary::EMPTY;
        summary.append_utf8(bytes, None, None)?;
        Ok(summary)
    }

    /// Code points of every width, doubled and not, cut into four anywhere: within code points too.
    #[test]
    fn torn_text_merges_into_the_summary_of_the_whole() {
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
                        let merge = |x: TextSummary, y| x.merge(y).expect("valid").0;
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
    fn a_double_at_the_cut_is_counted_and_returned() {
        let text = "жжж".as_bytes();
        let found = [0, 1, 2, 3, 4, 5, 6].map(|cut| {
            let [left, right] =
                [&text[..cut], &text[cut..]].map(|part| of_text(part).expect("valid"));
            let (merged, seam) = left.merge(right).expect("valid");
            let found = seam.into_iter().flatten().count();
            let inside = left.body.count + right.body.count;
            assert_eq!(merged.body.count, inside + found as u64);
            found
        });
        assert_eq!(found, [0, 1, 1, 2, 1, 1, 0]);
    }

    #[test]
    fn bytes_of_no_code_point_are_not_kept_as_torn() {
        for byte in [0xC0, 0xC1, 0xF5, 0xFF] {
            for text in [&[byte][..], &[0x80, byte], &[byte, 0x80]] {
                assert_eq!(of_text(text), Err(InvalidUtf8), "{text:02x?}");
            }
        }
    }

    #[test]
    fn merging_fails_where_text_can_not_be_cut() {
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
            assert_eq!(left.merge(right), Err(InvalidUtf8));
        }
    }
}
