//! The kernel for every CPU: plain loops in the shapes that compilers turn into vector code.
//!
//! ```text
//! for each block of 64 pairs:
//!     for each lane l:  lane[l] += (x[l] == y[l])      y is x, one byte further on
//! count = sum of the lanes
//! ```
//!
//! Lanes are single bytes, as wide as the input, so that nothing has to be widened in the loop; the
//! price is that they must be emptied before one of them overflows.
//!
//! What is public is `#[inline(always)]`: the other kernels compile it again, for wider vectors.
#![forbid(unsafe_code)]

mod utf8;

use super::Kernel;
use std::ffi::CStr;
use std::iter::Sum;
pub(super) use utf8::{count_utf8, mark_utf8};

/// Every CPU can run it.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Kernel for Portable {
    const NAME: &'static CStr = c"portable";

    #[inline(never)] // Inlined, it would slow down the dispatch to the others.
    fn run<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }
}

/// Bytes per block: two to four vector registers, so that the additions don't wait for each other.
pub(crate) const LANES: usize = 64;

/// A lane is a `u8`: after 255 matches the next would wrap.
const BLOCKS_PER_FLUSH: usize = 255;

/// Doubles between units of `WIDTH` bytes: 1, 2 or 4.
#[inline(always)]
pub(super) fn count<const WIDTH: usize>(bytes: &[u8]) -> u64 {
    match WIDTH {
        1 => count_bytes(bytes),
        2 => count_wide::<2, u16>(bytes),
        4 => count_wide::<4, u32>(bytes),
        _ => unreachable!("no unit has {WIDTH} bytes"),
    }
}

#[inline(always)]
fn count_bytes(bytes: &[u8]) -> u64 {
    let Some((_, shifted)) = bytes.split_first() else {
        return 0;
    };
    let base = &bytes[..shifted.len()];
    let stretch = BLOCKS_PER_FLUSH * LANES;
    base.chunks(stretch)
        .zip(shifted.chunks(stretch))
        .map(|(x, y)| count_stretch(x, y))
        .sum()
}

/// Matches between `x` and `y`, which hold at most [`BLOCKS_PER_FLUSH`] blocks each.
#[inline(always)]
fn count_stretch(x: &[u8], y: &[u8]) -> u64 {
    let (x, y) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest = x.remainder().iter().zip(y.remainder());
    let rest = rest.filter(|(x, y)| x == y).count() as u64;
    let mut lanes = [0u8; LANES];
    for (x, y) in x.zip(y) {
        for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            *lane += u8::from(x == y);
        }
    }
    rest + sum(&lanes)
}

/// The sum of all lanes, eight at a time: left to the compiler, it costs more than 1 KiB of counting.
#[inline(always)]
fn sum(lanes: &[u8; LANES]) -> u64 {
    /// Every other byte of a word, as the low half of a sum of two bytes.
    const EVEN: u64 = 0x00FF_00FF_00FF_00FF;
    let (words, _) = lanes.as_chunks::<8>();
    let words = words.iter().map(|&word| u64::from_ne_bytes(word));
    // Four sums side by side, each of 16 lanes: at most 16 * 255, so that none runs into the next.
    let sums: u64 = words.map(|word| (word & EVEN) + (word >> 8 & EVEN)).sum();
    // Multiplying adds up all four in the highest 16 bits: at most 64 * 255.
    sums.wrapping_mul(0x0001_0001_0001_0001) >> 48
}

/// Pairs of wider units per partial sum: few enough for a `u16`.
const PAIRS_PER_SUM: usize = 1 << 15;

/// Doubles between units of `WIDTH` bytes. Partial sums are numbers as wide as a unit, so that lanes
/// are never widened or narrowed.
#[inline(always)]
fn count_wide<const WIDTH: usize, S: From<bool> + Into<u64> + Sum>(bytes: &[u8]) -> u64 {
    let Some(shifted) = bytes.get(WIDTH..) else {
        return 0;
    };
    let stretch = PAIRS_PER_SUM * WIDTH;
    let (x, y) = (bytes.chunks(stretch), shifted.chunks(stretch));
    x.zip(y)
        .map(|(x, y)| {
            let (x, _) = x.as_chunks::<WIDTH>();
            let (y, _) = y.as_chunks::<WIDTH>();
            let equal = |(x, y)| S::from(x == y);
            x.iter().zip(y).map(equal).sum::<S>().into()
        })
        .sum()
}

/// Bytes of the longest code point: how far its neighbours reach on either side.
const REACH: usize = 4;

/// Whether a code point begins at `i` and equals the one before it: for a width
/// of `w` bytes, whether `window[i + k - w] == window[i + k]` for all `k` in `0 .. w`. (What stands `w`
/// bytes before a lead and equals it is a lead of the same width.)
///
/// No branches: `&` and `|` on purpose, so that all lanes take the same way.
#[inline(always)]
fn is_second(window: &[u8; LANES + 2 * REACH], i: usize) -> bool {
    let lead = window[i];
    let same = |width: usize, k: usize| window[i + k - width] == window[i + k];
    let one = (lead < 0x80) & same(1, 0);
    let two = (lead & 0xE0 == 0xC0) & same(2, 0) & same(2, 1);
    let three = (lead & 0xF0 == 0xE0) & same(3, 0) & same(3, 1) & same(3, 2);
    let four = (lead >= 0xF0) & same(4, 0) & same(4, 1) & same(4, 2) & same(4, 3);
    one | two | three | four
}

fn begins_second(text: &[u8], lead: usize) -> bool {
    let width = match text[lead] {
        0..0xC0 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
    };
    let second = text.get(lead..lead + width);
    let first = lead.checked_sub(width).map(|start| &text[start..lead]);
    first.is_some() && first == second
}

/// Whether a code point begins with this byte: all but 0x80 to 0xBF, the least of signed bytes.
#[inline(always)]
pub(crate) fn is_lead(byte: u8) -> bool {
    byte.cast_signed() >= -0x40
}

/// Sets a bit for each byte that is equal in both.
#[inline(always)]
pub(super) fn equal_bits(left: &[u8], right: &[u8], bits: &mut [u64]) {
    let (left, right) = (left.as_chunks::<LANES>().0, right.as_chunks::<LANES>().0);
    for ((left, right), bits) in left.iter().zip(right).zip(bits) {
        *bits = flags(|lane| left[lane] == right[lane]);
    }
}

/// Adds one to `table[b]` for each double of the byte `b`.
#[inline(always)]
pub(super) fn tally(bytes: &[u8], table: &mut [u64; 256]) {
    let mut start = 0;
    while let Some(window) = bytes.get(start..=start + LANES) {
        let same = flags(|lane| window[lane] == window[lane + 1]);
        if same == u64::MAX {
            table[usize::from(window[0])] += LANES as u64; // A long run, all of one byte.
        } else {
            each_bit(same, |lane| table[usize::from(window[lane])] += 1);
        }
        start += LANES;
    }
    for pair in bytes[start..].windows(2).filter(|pair| pair[0] == pair[1]) {
        table[usize::from(pair[0])] += 1;
    }
}

/// Calls `found` with each unit of `WIDTH` bytes, 2 or 4, that equals the one before it.
#[inline(always)]
pub(super) fn each_double<const WIDTH: usize>(bytes: &[u8], found: &mut dyn FnMut(u32)) {
    let (units, _) = bytes.as_chunks::<WIDTH>();
    let mut start = 0;
    while let Some(window) = units.get(start..=start + LANES) {
        let same = flags(|lane| window[lane] == window[lane + 1]);
        each_bit(same, |lane| found(unit(&window[lane])));
        start += LANES;
    }
    for pair in units[start..].windows(2).filter(|pair| pair[0] == pair[1]) {
        found(unit(&pair[0]));
    }
}

/// A unit as a number, in the machine's byte order.
#[inline(always)]
fn unit<const WIDTH: usize>(bytes: &[u8; WIDTH]) -> u32 {
    match *bytes.as_slice() {
        [a, b] => u16::from_ne_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]),
        _ => unreachable!("no wider unit has {WIDTH} bytes"),
    }
}

/// Calls `found` with where each code point begins that equals the one before it.
#[inline(always)]
pub(super) fn each_double_utf8(text: &[u8], found: &mut dyn FnMut(usize)) {
    let is_double = |&i: &usize| is_lead(text[i]) && begins_second(text, i);
    let mut start = REACH.min(text.len());
    (0..start).filter(is_double).for_each(&mut *found);
    while start + LANES + REACH <= text.len() {
        let window = &text[start - REACH..start + LANES + REACH];
        let window: &[u8; LANES + 2 * REACH] = window.try_into().expect("as long as it says");
        let second = flags(
            #[inline(always)]
            |lane| is_second(window, lane + REACH),
        );
        each_bit(second, |lane| found(start + lane));
        start += LANES;
    }
    (start..text.len()).filter(is_double).for_each(found);
}

/// A bit for each lane, the first one lowest. A long `flag` has to be `#[inline(always)]` too: called lane
/// by lane, it is ten times as slow with AVX2.
#[inline(always)]
fn flags(flag: impl Fn(usize) -> bool) -> u64 {
    /// Moves the lowest bit of each byte into the highest byte, the first byte's lowest.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut bytes = [0u8; LANES];
    for (lane, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from(flag(lane));
    }
    let (words, _) = bytes.as_chunks::<8>();
    let words = words
        .iter()
        .map(|&word| u64::from_le_bytes(word).wrapping_mul(GATHER) >> 56);
    words.rev().fold(0, |bits, word| bits << 8 | word)
}

#[inline(always)]
fn each_bit(mut bits: u64, mut found: impl FnMut(usize)) {
    while bits != 0 {
        found(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}
