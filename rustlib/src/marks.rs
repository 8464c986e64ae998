//! Where doubles end: one bit for each byte of input.
//!
//! ```text
//! input    b o o k k e e p e r              a ж   ж   ж   a
//! bytes    62 6f 6f 6b 6b 65 65 70 65 72    61 d0 b6 d0 b6 d0 b6 61
//! marks    0  0  1  0  1  0  1  0  0  0     0  0  0  0  1  0  1  0
//! ```
//!
//! A bit is set for the last byte of each unit that equals the unit before it. Everything but
//! counting uses these bits: runs, squeezing, tallies and columns never compare units themselves.
//!
//! Input of any length is marked in tiles: 4 KiB that stay in the L1 cache together with their marks. A kernel marks
//! a window: the bytes of a tile, with [`BEFORE`] bytes before it that show whether its first unit ends a
//! double, up to a whole number of lane blocks. Windows are slices of the input itself. Only those on its first
//! and its last tile are copies, with padding where the input has no bytes.
#![forbid(unsafe_code)]

use crate::code_points::boundary;
use crate::kernel;
pub(crate) use crate::kernel::{BEFORE, LANES};
use std::hint::select_unpredictable;
use std::marker::PhantomData;

/// Bytes of a tile, at most.
pub(crate) const TILE: usize = 4096;

/// Bytes of a tile that is copied, and of padding after it.
const ROOM: usize = 256;

/// Bytes of a tile that is copied, at most: whole units, and at least one byte of padding follows them.
const COPIED: usize = ROOM - 4;

const _: () = assert!(TILE.is_multiple_of(LANES) && ROOM.is_multiple_of(LANES));

/// A bit for each byte of a tile, and for at least one more.
pub(crate) type Bits = [u64; TILE / LANES + 1];

pub(crate) const NO_BITS: Bits = [0; _];

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

    /// The bytes of a unit after its first one, which is `first`; [`NO_UNIT`] if no unit begins with it.
    fn more(first: u8) -> usize;

    /// The number of the unit that four bytes end with, and below 2^21 if the unit is not valid.
    fn number(bytes: [u8; 4]) -> u32;

    /// Bytes of the unit of this number.
    fn width(number: u32) -> usize;
}

/// For a byte that no unit begins with: more bytes than any unit has.
pub(crate) const NO_UNIT: usize = 4;

/// How many bytes continue a code point, by the highest four bits of its first one.
const MORE: [u8; 16] = {
    const NO: u8 = NO_UNIT as u8;
    [0, 0, 0, 0, 0, 0, 0, 0, NO, NO, NO, NO, 1, 1, 2, 3]
};

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
    fn more(_: u8) -> usize {
        WIDTH - 1
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

    #[inline(always)]
    fn width(_: u32) -> usize {
        WIDTH
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
    fn more(first: u8) -> usize {
        MORE[usize::from(first >> 4)].into()
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

    #[inline(always)]
    fn width(number: u32) -> usize {
        match number {
            0..0x80 => 1,
            0x80..0x800 => 2,
            0x800..0x10000 => 3,
            0x10000.. => 4,
        }
    }
}

/// The tiles of some input, one after the other.
pub(crate) struct Tiles<'a, U> {
    bytes: &'a [u8],
    /// Bytes that are done.
    done: usize,
    /// A window on the first tile, or on the last.
    room: [u8; BEFORE + ROOM],
    units: PhantomData<U>,
}

/// A tile of input.
pub(crate) struct Tile<'a, U> {
    /// [`BEFORE`] bytes, the tile, and what follows it.
    window: &'a [u8],
    /// Bytes of the tile.
    pub(crate) size: usize,
    /// Whether any unit is longer than the shortest; `None` if the units are not valid.
    pub(crate) is_wide: Option<bool>,
    units: PhantomData<U>,
}

impl<'a, U: Units> Tiles<'a, U> {
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

    /// Marks the next tile: a bit for each of its bytes, then zeros up to the end of the number that has the
    /// bit after them. `None` at the end.
    pub(crate) fn advance(&mut self, marks: &mut Bits) -> Option<Tile<'_, U>> {
        let rest = &self.bytes[self.done..];
        if rest.is_empty() {
            return None;
        }
        // A code point that lacks bytes is found only if another byte follows it.
        let whole = (rest.len() - 1) / LANES * LANES;
        let in_place = self.done >= BEFORE && whole > 0;
        let limit = if in_place { whole.min(TILE) } else { COPIED };
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
        self.done += size;
        Some(Tile::mark(window, size, marks))
    }
}

impl<'a, U: Units> Tile<'a, U> {
    /// Marks a tile of `size` bytes. Its window ends with the end of the lane block that has the byte after the
    /// tile, or, if the tile is a whole number of lane blocks, with the tile.
    #[inline(always)]
    pub(crate) fn mark(window: &'a [u8], size: usize, marks: &mut Bits) -> Self {
        let is_wide = U::mark(window, &mut marks[..window.len() / LANES - BEFORE / LANES]);
        marks[size / LANES] &= below(size % LANES);
        Self {
            window,
            size,
            is_wide,
            units: PhantomData,
        }
    }

    /// The bytes of the tile.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.window[BEFORE..][..self.size]
    }

    /// The bytes of the tile, and what follows it up to a whole number of lane blocks.
    pub(crate) fn blocks(&self) -> &[u8] {
        &self.window[BEFORE..]
    }

    /// The number of the unit that ends with a byte of the tile.
    #[inline(always)]
    pub(crate) fn number(&self, end: usize) -> u32 {
        let bytes = self.window[BEFORE + end - 3..].first_chunk();
        U::number(*bytes.expect("a window has more before a tile"))
    }

    /// Calls `found` with the last byte of each unit that is marked.
    #[inline(always)]
    pub(crate) fn each_mark(&self, marks: &Bits, found: impl FnMut(usize)) {
        each_mark(&marks[..=self.size / LANES], found);
    }

    /// A bit for each byte that continues a code point; `None` if all units are as long as the shortest.
    #[inline(always)]
    pub(crate) fn continuing(&self) -> Option<Bits> {
        if self.is_wide != Some(true) {
            return None;
        }
        let mut high_bits = [0; TILE];
        for (high, byte) in high_bits.iter_mut().zip(self.bytes()) {
            *high = byte & 0xC0;
        }
        let mut continuing = NO_BITS;
        let blocks = self.size.div_ceil(LANES);
        kernel::equal_bits(&high_bits, &[0x80; TILE], &mut continuing[..blocks]);
        Some(continuing)
    }

    /// Sets a bit in `whole` for every byte of each unit whose last byte has a bit in `lasts`, and clears those
    /// of the others.
    #[inline(always)]
    pub(crate) fn spread(&self, continuing: Option<&Bits>, lasts: &Bits, whole: &mut Bits) {
        let Some(continuing) = continuing else {
            for (whole, last) in whole.iter_mut().zip(lasts) {
                *whole = (0..U::SHORTEST).fold(0, |all, by| all | last >> by);
            }
            return;
        };
        // From the end, as a code point may begin in the word before the one that it ends in.
        let mut next = 0;
        for ((whole, last), continuing) in whole.iter_mut().zip(lasts).zip(continuing).rev() {
            *whole = last | next << (LANES - 1);
            for _ in 0..3 {
                *whole |= (*whole & continuing) >> 1;
            }
            next = *whole & continuing & 1;
        }
    }

    /// The number of units that begin before a byte of the tile.
    pub(crate) fn units_before(&self, continuing: Option<&Bits>, byte: usize) -> u64 {
        let Some(continuing) = continuing else {
            return (byte / U::SHORTEST) as u64;
        };
        let (blocks, last) = continuing.split_at(byte / LANES);
        let ones: u32 = blocks.iter().map(|word| word.count_ones()).sum();
        let ones = ones + (last[0] & below(byte % LANES)).count_ones();
        byte as u64 - u64::from(ones)
    }

    /// Calls `found` with the number of each unit that is marked.
    #[inline(always)]
    pub(crate) fn each_marked(&self, marks: &Bits, mut found: impl FnMut(u32)) {
        self.each_mark(marks, |last| found(self.number(last)));
    }
}

/// Calls `found` with the place of each bit that is set.
#[inline(always)]
pub(crate) fn each_mark(marks: &[u64], mut found: impl FnMut(usize)) {
    for (block, &marks) in marks.iter().enumerate() {
        let mut left = marks;
        while left != 0 {
            found(block * LANES + left.trailing_zeros() as usize);
            left &= left - 1;
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
mod tests;
