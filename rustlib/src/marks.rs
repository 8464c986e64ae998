//! Where doubles end: one bit for each byte of input.
//!
//! ```text
//! input    b o o k k e e p e r              a ж   ж   ж   a
//! bytes    62 6f 6f 6b 6b 65 65 70 65 72    61 d0 b6 d0 b6 d0 b6 61
//! marks    0  0  1  0  1  0  1  0  0  0     0  0  0  0  1  0  1  0
//! ```
//!
//! A bit is set for the last byte of each unit that equals the unit before it. What is done with doubles, apart
//! from counting them, is done with these bits: runs, tallies and columns never compare units themselves.
//!
//! Input of any length is marked in pieces that stay in the L1 cache together with their marks. A kernel marks
//! a window: the bytes of a piece, with [`BEFORE`] bytes before it that tell whether its first unit ends a
//! double, up to a whole number of lane blocks. Windows are slices of the input itself. Only those on its first
//! and its last piece are copies, which have room for what the input lacks.
#![forbid(unsafe_code)]

use crate::code_points::boundary;
use crate::kernel;
pub(crate) use crate::kernel::{BEFORE, LANES};
use std::hint::select_unpredictable;
use std::marker::PhantomData;

/// Bytes of a piece, at most.
pub(crate) const PIECE: usize = 4096;

/// Bytes of a piece that is copied, and of padding after it.
const ROOM: usize = 256;

/// Bytes of a piece that is copied, at most: whole units, and at least one byte of padding follows them.
const COPIED: usize = ROOM - 4;

const _: () = assert!(PIECE.is_multiple_of(LANES) && ROOM.is_multiple_of(LANES));

/// A bit for each byte of a piece, and for at least one more.
pub(crate) type Bits = [u64; PIECE / LANES + 1];

/// What input consists of.
pub(crate) trait Units {
    /// Bytes of the shortest unit.
    const SHORTEST: usize;

    /// Marks all of a window but the [`BEFORE`] bytes that it begins with. Returns whether any unit is longer
    /// than the shortest; `None` if the units are not valid.
    fn mark(window: &[u8], marks: &mut [u64]) -> Option<bool>;

    /// Where to cut: at most `limit` bytes from the beginning, between two units.
    fn cut(bytes: &[u8], limit: usize) -> usize;

    /// The bytes before input that begins with a unit: the unit `last`, or, if there is none of this kind,
    /// something that differs from the unit.
    fn before(last: Option<u32>, bytes: &[u8]) -> [u8; BEFORE];

    /// The number of the unit that four bytes end with, and below 2^21 if the unit is not valid.
    fn number(bytes: [u8; 4]) -> u32;
}

/// Units of 1, 2 or 4 bytes, in the machine's byte order.
pub(crate) struct Fixed<const WIDTH: usize>;

impl<const WIDTH: usize> Units for Fixed<WIDTH> {
    const SHORTEST: usize = WIDTH;

    fn mark(window: &[u8], marks: &mut [u64]) -> Option<bool> {
        kernel::equal_bits(&window[BEFORE..], &window[BEFORE - WIDTH..], marks);
        keep_whole(marks, WIDTH);
        Some(false)
    }

    fn cut(bytes: &[u8], limit: usize) -> usize {
        bytes.len().min(limit)
    }

    fn before(last: Option<u32>, bytes: &[u8]) -> [u8; BEFORE] {
        let fits = |unit: &u32| u64::from(*unit) >> (8 * WIDTH) == 0;
        let unit = match (last.filter(fits), bytes.first_chunk()) {
            (Some(unit), _) => encoded::<WIDTH>(unit),
            (None, Some(first)) => first.map(|byte| !byte),
            (None, None) => [0; WIDTH],
        };
        let mut before = [0; BEFORE];
        before[BEFORE - WIDTH..].copy_from_slice(&unit);
        before
    }

    #[inline(always)]
    fn number([a, b, c, d]: [u8; 4]) -> u32 {
        match WIDTH {
            1 => d.into(),
            2 => u16::from_ne_bytes([c, d]).into(),
            4 => u32::from_ne_bytes([a, b, c, d]),
            _ => unreachable!("no unit has {WIDTH} bytes"),
        }
    }
}

/// The code points of UTF-8.
pub(crate) struct Utf8;

impl Units for Utf8 {
    const SHORTEST: usize = 1;

    fn mark(window: &[u8], marks: &mut [u64]) -> Option<bool> {
        kernel::mark_utf8(window, marks)
    }

    fn cut(bytes: &[u8], limit: usize) -> usize {
        boundary(bytes, limit)
    }

    fn before(last: Option<u32>, bytes: &[u8]) -> [u8; BEFORE] {
        let other = bytes.first().map_or(0, |first| first & 0x7F ^ 1);
        let mut before = [other; BEFORE];
        if let Some(last) = last.and_then(char::from_u32) {
            last.encode_utf8(&mut before[BEFORE - last.len_utf8()..]);
        }
        before
    }

    #[inline(always)]
    fn number(bytes: [u8; 4]) -> u32 {
        let [a, b, c, d] = bytes.map(u32::from);
        let tail = |byte: u32, place: u32| (byte & 0x3F) << (6 * place);
        let two = (c & 0x1F) << 6 | tail(d, 0);
        let three = (b & 0x0F) << 12 | tail(c, 1) | tail(d, 0);
        let four = (a & 0x07) << 18 | tail(b, 2) | tail(c, 1) | tail(d, 0);
        let more = select_unpredictable(b >= 0xE0, three, four.min(char::MAX.into()));
        let more = select_unpredictable(c >= 0xC0, two, more);
        select_unpredictable(d < 0x80, d, more)
    }
}

/// The pieces of some input, one after the other.
pub(crate) struct Pieces<'a, U> {
    bytes: &'a [u8],
    /// Bytes that are done.
    done: usize,
    /// A window on the first piece, or on the last.
    room: [u8; BEFORE + ROOM],
    units: PhantomData<U>,
}

/// A piece of input.
pub(crate) struct Piece<'a, U> {
    /// [`BEFORE`] bytes, the piece, and what follows it.
    window: &'a [u8],
    /// Bytes of the piece.
    pub(crate) size: usize,
    /// Whether any unit is longer than the shortest; `None` if the units are not valid.
    pub(crate) is_wide: Option<bool>,
    units: PhantomData<U>,
}

impl<'a, U: Units> Pieces<'a, U> {
    /// Takes input that begins with a unit, and the last unit before it, if there is one. Bytes after the last
    /// whole unit are dropped.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], last: Option<u32>) -> Self {
        let mut room = [0; BEFORE + ROOM];
        room[..BEFORE].copy_from_slice(&U::before(last, bytes));
        Self {
            bytes: &bytes[..bytes.len() / U::SHORTEST * U::SHORTEST],
            done: 0,
            room,
            units: PhantomData,
        }
    }

    /// Marks the next piece: a bit for each of its bytes, then zeros up to the end of the number that has the
    /// bit after them. `None` at the end.
    pub(crate) fn advance(&mut self, marks: &mut Bits) -> Option<Piece<'_, U>> {
        let rest = &self.bytes[self.done..];
        if rest.is_empty() {
            return None;
        }
        // What a code point lacks is only found where something follows it.
        let whole = (rest.len() - 1) / LANES * LANES;
        let in_place = self.done >= BEFORE && whole > 0;
        let limit = if in_place { whole.min(PIECE) } else { COPIED };
        let size = U::cut(rest, limit);
        let window = if in_place {
            &self.bytes[self.done - BEFORE..self.done + size.next_multiple_of(LANES)]
        } else {
            if let Some(start) = self.done.checked_sub(BEFORE) {
                self.room[..BEFORE].copy_from_slice(&self.bytes[start..self.done]);
            }
            let end = BEFORE + size;
            let padded = BEFORE + (size / LANES + 1) * LANES;
            self.room[BEFORE..end].copy_from_slice(&rest[..size]);
            self.room[end..padded].fill(0);
            &self.room[..padded]
        };
        let is_wide = U::mark(window, &mut marks[..window.len() / LANES - BEFORE / LANES]);
        marks[size / LANES] &= below(size % LANES);
        self.done += size;
        Some(Piece {
            window,
            size,
            is_wide,
            units: PhantomData,
        })
    }
}

impl<U: Units> Piece<'_, U> {
    /// The bytes of the piece, and what follows it up to a whole number of lane blocks.
    pub(crate) fn blocks(&self) -> &[u8] {
        &self.window[BEFORE..]
    }

    /// The number of the unit that ends with a byte of the piece.
    #[inline(always)]
    pub(crate) fn number(&self, end: usize) -> u32 {
        let bytes = self.window[BEFORE + end - 3..].first_chunk();
        U::number(*bytes.expect("a window has more before a piece"))
    }

    /// Calls `found` with the number of each unit that is marked.
    #[inline(always)]
    pub(crate) fn each_marked(&self, marks: &Bits, mut found: impl FnMut(u32)) {
        for (block, &marks) in marks[..=self.size / LANES].iter().enumerate() {
            let mut left = marks;
            while left != 0 {
                found(self.number(block * LANES + left.trailing_zeros() as usize));
                left &= left - 1;
            }
        }
    }
}

/// Keeps the last of the bits of each unit, where all of them are set. Units have `width` bits each: 1, 2 or 4.
#[inline(always)]
pub(crate) fn keep_whole(bits: &mut [u64], width: usize) {
    if width == 1 {
        return;
    }
    for bits in bits {
        let pairs = *bits & *bits << 1;
        let all = if width == 4 {
            pairs & pairs << 2
        } else {
            pairs
        };
        *bits = all & ends(width);
    }
}

/// A bit for the last byte of each unit of `width` bytes.
#[inline(always)]
pub(crate) fn ends(width: usize) -> u64 {
    (u64::MAX / ((1 << width) - 1)) << (width - 1)
}

/// The lowest `lane` bits.
#[inline(always)]
pub(crate) fn below(lane: usize) -> u64 {
    (1 << lane) - 1
}

/// The `WIDTH` bytes of a unit that is not wider.
fn encoded<const WIDTH: usize>(unit: u32) -> [u8; WIDTH] {
    let mut bytes = unit.to_le_bytes();
    if cfg!(target_endian = "big") {
        bytes[..WIDTH].reverse();
    }
    *bytes
        .first_chunk()
        .expect("no unit has more than four bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units in runs of one to five, and as many as asked for.
    fn units<U: Clone>(alphabet: &[U], number: usize) -> Vec<U> {
        let runs = (0..).map(|i| (i * i % 61, i * 7 % 5 + 1));
        let runs = runs.flat_map(|(i, length)| std::iter::repeat_n(i % alphabet.len(), length));
        runs.take(number).map(|i| alphabet[i].clone()).collect()
    }

    /// The definition: the last byte of each unit that equals the one before it, and the unit.
    fn oracle(units: &[Vec<u8>], numbers: &[u32], last: Option<u32>) -> Vec<(usize, u32)> {
        let before = [last].into_iter().chain(numbers.iter().copied().map(Some));
        let mut end = 0;
        let mut found = Vec::new();
        for ((unit, &number), before) in units.iter().zip(numbers).zip(before) {
            end += unit.len();
            if before == Some(number) {
                found.push((end - 1, number));
            }
        }
        found
    }

    fn marked<U: Units>(bytes: &[u8], last: Option<u32>) -> Vec<(usize, u32)> {
        let mut found = Vec::new();
        let mut pieces = Pieces::<U>::new(bytes, last);
        let mut marks = [u64::MAX; _];
        let mut start = 0;
        while let Some(piece) = pieces.advance(&mut marks) {
            assert!(piece.is_wide.is_some());
            assert_eq!(piece.blocks()[..piece.size], bytes[start..][..piece.size]);
            let mut numbers = Vec::new();
            piece.each_marked(&marks, |number| numbers.push(number));
            let is_set = |&end: &usize| marks[end / LANES] >> (end % LANES) & 1 == 1;
            let ends = (0..piece.size).filter(is_set).map(|end| start + end);
            found.extend(ends.zip(numbers.drain(..)));
            assert_eq!(marks[piece.size / LANES] & !below(piece.size % LANES), 0);
            start += piece.size;
        }
        assert_eq!(start, bytes.len());
        found
    }

    fn check<U: Units>(units: &[Vec<u8>], numbers: &[u32]) {
        let bytes = units.concat();
        let first = numbers.first().copied();
        for last in [None, first, first.map(|first| first ^ 1), Some(0x1_F600)] {
            let expected = oracle(units, numbers, last);
            assert_eq!(marked::<U>(&bytes, last), expected, "{} units", units.len());
        }
    }

    #[test]
    fn the_last_byte_of_each_second_unit_is_marked_in_any_piece() {
        let text: Vec<char> = "ab\0жз€ह𝄞𝄟\u{1f600}\u{10ffff}".chars().collect();
        let around = |length: usize| length.saturating_sub(5)..length + 5;
        let sizes = [
            0,
            64,
            128,
            256,
            320,
            1024,
            PIECE,
            PIECE + 256,
            2 * PIECE + 256,
        ];
        for size in sizes.into_iter().flat_map(around) {
            for few in [1, 2, 4, text.len()] {
                let chars = units(&text[text.len() - few..], size);
                let utf8 = chars.iter().map(|c| c.to_string().into_bytes());
                let numbers: Vec<u32> = chars.iter().map(|&c| c.into()).collect();
                check::<Utf8>(&utf8.collect::<Vec<_>>(), &numbers);
                let bytes = |number: u32, width| match width {
                    1 => (number as u8).to_ne_bytes().to_vec(),
                    2 => (number as u16).to_ne_bytes().to_vec(),
                    _ => number.to_ne_bytes().to_vec(),
                };
                let fixed = |width: u32| {
                    let mask = u32::MAX >> (32 - 8 * width);
                    let numbers: Vec<u32> = numbers.iter().map(|number| number & mask).collect();
                    let units: Vec<_> = numbers.iter().map(|&unit| bytes(unit, width)).collect();
                    (units, numbers)
                };
                let [one, two, four] = [1, 2, 4].map(fixed);
                check::<Fixed<1>>(&one.0, &one.1);
                check::<Fixed<2>>(&two.0, &two.1);
                check::<Fixed<4>>(&four.0, &four.1);
            }
        }
    }

    #[test]
    fn bytes_after_the_last_whole_unit_are_dropped() {
        for rest in 0..4 {
            let bytes = vec![7; 4 * 70 + rest];
            let mut pieces = Pieces::<Fixed<4>>::new(&bytes, None);
            let mut sizes = 0;
            while let Some(piece) = pieces.advance(&mut [0; _]) {
                sizes += piece.size;
            }
            assert_eq!(sizes, 4 * 70);
        }
    }

    #[test]
    fn text_that_is_not_valid_is_said_to_be_so() {
        for length in [1, 200, 255, 256, 257, 5000] {
            for place in [0, length / 2, length - 1] {
                let mut text = vec![b'a'; length];
                text[place] = 0xFF;
                let mut pieces = Pieces::<Utf8>::new(&text, None);
                let mut is_valid = true;
                while let Some(piece) = pieces.advance(&mut [0; _]) {
                    is_valid &= piece.is_wide.is_some();
                }
                assert!(!is_valid, "{place} of {length}");
            }
        }
    }
}
