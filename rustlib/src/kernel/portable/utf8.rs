//! UTF-8 for every CPU; [`crate::kernel::utf8`] has the idea.
//!
//! ```text
//! for each byte x of a block of 64, p1 to p4 the bytes before it:
//!     lead2 = max(x, p1, p2),  lead3 = max(lead2, p3)
//!     peer  = p4 where lead3 >= F0, p3 where lead2 >= E0, p2 where x >= 80, or else p1
//!     equal, continuation = (x == peer), (80 <= x < C0)
//!     wrong |= what is wrong with x and p1
//! sum = equal + (equal & !continuation) + carry
//! doubles       += ones in (sum & !continuation)
//! continuations += ones in continuation
//! ```
//!
//! 1. The greatest byte of a tile and of the bytes right before it picks one of four loops: the fewer bytes code
//!    points have, the less there is to pick and to check.
//! 2. In the loops there are no branches on bytes, so that all lanes take the same way.
//! 3. Comparisons find what is wrong, as compilers make no byte shuffles for tables. Saturating subtractions set the
//!    highest bit of large bytes, in one instruction.
//! 4. Continuations add up in lanes, and the ones in a tile's sums are counted together: SSE2 has no instruction for
//!    it. Without both, the loop for four bytes is a fifth slower (Zen 4).
#![forbid(unsafe_code)]

use super::{is_lead, sum};
use crate::kernel::CodePoints;
use crate::kernel::flags::{LANES, flags, highest, mask};
use crate::kernel::utf8::{BEFORE, SHORT, copy, move_to_ends};

/// Bytes of a loop that is unrolled, and that compilers turn into one vector: SSE2 and NEON have as many.
const VECTOR: usize = 16;

/// Bytes per tile. Measured (Zen 5, SSE2): 256, 512 and 1,024 are within a tenth of each other.
const TILE: usize = 512;

const _: () = assert!(TILE / LANES <= 255, "a lane is a u8");

pub(super) fn count(text: &[u8]) -> Option<CodePoints> {
    let mut total = Sum::default();
    total.add_tile(&copy(text, 0), |_, _| {});
    let whole = text.len() / LANES * LANES;
    if whole > 0 {
        total.add(&text[..whole], |_, _| {});
        // With something after it, a code point that the text cuts short is found like any other fault.
        total.add_tile(&copy(text, whole), |_, _| {});
    }
    (total.wrong == 0).then(|| CodePoints {
        length: text.len() as u64 - total.continuations,
        count: total.doubles,
    })
}

pub(super) fn mark(text: &[u8], marks: &mut [u64]) -> Option<bool> {
    let mut total = Sum::default();
    let text = &text[..BEFORE + marks.len() * LANES];
    total.add(text, |block, ended| marks[block] = ended);
    move_to_ends(marks, total.carry != 0);
    (total.wrong == 0).then_some(total.continuations != 0)
}

/// What the tiles so far add up to.
#[derive(Default)]
struct Sum {
    /// Doubles, each counted at the byte after it.
    doubles: u64,
    /// Bytes that continue a code point.
    continuations: u64,
    /// 1 if all bytes so far of the last code point equal their peers.
    carry: u64,
    /// Not zero if something is wrong.
    wrong: u64,
}

impl Sum {
    /// Adds a text but its first [`BEFORE`] bytes, which are only seen. Calls `found` with the number of each block,
    /// and a bit for each byte right before which a double ended.
    #[inline(always)]
    fn add(&mut self, text: &[u8], mut found: impl FnMut(usize, u64)) {
        let mut rest = text;
        let mut first = 0;
        // Loops of a known length are unrolled.
        while let Some(window) = rest.first_chunk::<{ BEFORE + TILE }>() {
            self.add_tile(window, |block, ended| found(first + block, ended));
            rest = &rest[TILE..];
            first += TILE / LANES;
        }
        if rest.len() > BEFORE {
            self.add_tile(rest, |block, ended| found(first + block, ended));
        }
    }

    /// Adds the tile that is seen through a window.
    #[inline(always)]
    fn add_tile(&mut self, window: &[u8], found: impl FnMut(usize, u64)) {
        let (before, tile) = window.split_at(BEFORE);
        let mut greatest = [0; LANES];
        for block in tile.as_chunks::<LANES>().0 {
            for (greatest, &byte) in greatest.iter_mut().zip(block) {
                *greatest = byte.max(*greatest);
            }
        }
        let before = &before[BEFORE - 3..];
        match greatest.iter().chain(before).fold(0, |a, &b| a.max(b)) {
            0..0x80 => self.add_ascii(window, found),
            0x80..0xE0 => self.add_up_to::<2>(window, found),
            0xE0..0xF0 => self.add_up_to::<3>(window, found),
            0xF0..0xF5 => self.add_up_to::<4>(window, found),
            0xF5.. => self.wrong = 1,
        }
    }

    /// Adds a tile of ASCII.
    #[inline(always)]
    fn add_ascii(&mut self, window: &[u8], mut found: impl FnMut(usize, u64)) {
        let mut doubles = [0; LANES];
        self.doubles += self.carry;
        let pairs = window[BEFORE..].as_chunks::<LANES>().0.iter();
        let pairs = pairs.zip(window[BEFORE - 1..].as_chunks::<LANES>().0);
        for (block, (x, p1)) in pairs.enumerate() {
            for lane in 0..LANES {
                doubles[lane] += u8::from(x[lane] == p1[lane]);
            }
            let equal = flags(|lane| x[lane] == p1[lane]);
            found(block, equal << 1 | self.carry);
            self.carry = equal >> 63;
        }
        // The last one is counted at the next byte. (Asked of the bytes, so that counting needs no masks.)
        self.carry = u64::from(window[window.len() - 1] == window[window.len() - 2]);
        self.doubles += sum(&doubles) - self.carry;
    }

    /// Adds a tile that has no code points of more than `LONGEST` bytes.
    #[inline(always)]
    fn add_up_to<const LONGEST: usize>(
        &mut self,
        window: &[u8],
        mut found: impl FnMut(usize, u64),
    ) {
        let (mut wrong, mut continuations) = ([0; VECTOR], [0; VECTOR]);
        let mut ended = [0; TILE / LANES];
        let ended = &mut ended[..(window.len() - BEFORE) / LANES];
        for (block, ended) in ended.iter_mut().enumerate() {
            let view = &window[block * LANES..][..SHORT];
            let (mut equal, mut continuation) = ([0; LANES], [0; LANES]);
            let (equals, _) = equal.as_chunks_mut::<VECTOR>();
            let (continues, _) = continuation.as_chunks_mut::<VECTOR>();
            for (vector, (equal, continuation)) in equals.iter_mut().zip(continues).enumerate() {
                let at = BEFORE + vector * VECTOR;
                let (x, p1, p2) = (load(view, at), load(view, at - 1), load(view, at - 2));
                let (p3, p4) = (load(view, at - 3), load(view, at - 4));
                for lane in 0..VECTOR {
                    let (x, p1, p2, p3, p4) = (x[lane], p1[lane], p2[lane], p3[lane], p4[lane]);
                    equal[lane] = mask(x == peer::<LONGEST>(x, p1, p2, p3, p4));
                    continuation[lane] = mask(!is_lead(x));
                    continuations[lane] += u8::from(!is_lead(x));
                    wrong[lane] |= fault::<LONGEST>(x, p1, p2, p3);
                }
            }
            let (equal, starts) = (highest(&equal), !highest(&continuation));
            let (sum, first) = equal.overflowing_add(equal & starts);
            let (sum, second) = sum.overflowing_add(self.carry);
            self.carry = u64::from(first | second);
            *ended = sum & starts;
            found(block, *ended);
        }
        let ones = |bits: &u64| u64::from(bits.count_ones());
        self.doubles += ended.iter().map(ones).sum::<u64>();
        self.continuations += continuations.map(u64::from).iter().sum::<u64>();
        self.wrong |= u64::from(wrong.iter().fold(0, |all, wrong| all | wrong) >> 7);
    }
}

#[inline(always)]
fn load(view: &[u8], at: usize) -> &[u8; VECTOR] {
    view[at..].first_chunk().expect("a vector in the view")
}

/// The byte that a byte `x` has to equal.
#[inline(always)]
fn peer<const LONGEST: usize>(x: u8, p1: u8, p2: u8, p3: u8, p4: u8) -> u8 {
    let lead2 = x.max(p1).max(p2);
    let mut peer = if x < 0x80 { p1 } else { p2 };
    if LONGEST >= 3 {
        peer = if lead2 >= 0xE0 { p3 } else { peer };
    }
    if LONGEST >= 4 {
        peer = if lead2.max(p3) >= 0xF0 { p4 } else { peer };
    }
    peer
}

/// The highest bit is set if something is wrong with a byte `x` and those before it.
#[inline(always)]
fn fault<const LONGEST: usize>(x: u8, p1: u8, p2: u8, p3: u8) -> u8 {
    // The highest bit of `at_least(limit, byte)` says whether the byte is.
    let at_least = |limit: u8, byte: u8| byte.saturating_sub(limit - 0x80);
    let mut expected = at_least(0xC0, p1);
    // What a continuation from A0 or 90 on must not follow, and what one below must not.
    let mut wrong = mask(x & 0xFE == 0xC0);
    if LONGEST >= 3 {
        expected |= at_least(0xE0, p2);
        let bad = if x.cast_signed() >= -0x60 { 0xED } else { 0xE0 };
        wrong |= mask(p1 == bad);
    }
    if LONGEST >= 4 {
        expected |= at_least(0xF0, p3);
        let bad = if x.cast_signed() >= -0x70 { 0xF4 } else { 0xF0 };
        wrong |= mask(p1 == bad);
    }
    wrong | (expected ^ mask(!is_lead(x)))
}
