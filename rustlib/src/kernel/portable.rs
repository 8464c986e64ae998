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
//! [`tally`] is `#[inline(always)]`: the other kernels compile it again, for wider vectors.
#![forbid(unsafe_code)]

mod utf8;

use super::flags::{LANES, flags};
use super::{Kernel, table};
use std::iter::Sum;

/// Every CPU can run it.
pub(super) static KERNEL: Kernel = Kernel {
    name: c"portable",
    count: count_bytes,
    count_utf16: count_wide::<2, u16>,
    count_utf32: count_wide::<4, u32>,
    count_utf8: utf8::count,
    mark_utf8: utf8::mark,
    equal_bits,
    tally,
    squeeze,
    draw: table::draw,
    #[cfg(target_arch = "x86_64")]
    instructions: || None,
};

/// The kernel.
pub(super) fn detect() -> Option<&'static Kernel> {
    Some(&KERNEL)
}

/// A lane is a `u8`: after 255 matches the next would wrap.
const BLOCKS_PER_FLUSH: usize = 255;

/// Doubles between bytes.
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
#[inline]
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
#[inline]
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

/// Whether a code point begins with this byte: all but 0x80 to 0xBF, the least of signed bytes.
#[inline(always)]
pub(crate) fn is_lead(byte: u8) -> bool {
    byte.cast_signed() >= -0x40
}

/// Sets a bit for each byte that is equal in both.
fn equal_bits(left: &[u8], right: &[u8], bits: &mut [u64]) {
    let (left, right) = (left.as_chunks::<LANES>().0, right.as_chunks::<LANES>().0);
    for ((left, right), bits) in left.iter().zip(right).zip(bits) {
        *bits = flags(|lane| left[lane] == right[lane]);
    }
}

/// Writes the bytes that are not dropped to `out`, side by side, and returns their number.
///
/// Copies whole blocks, and after each stretch of dropped bytes steps back and copies a block again: what a
/// copy writes beyond its stretch is overwritten by the next.
#[inline(always)]
pub(super) fn squeeze(bytes: &[u8], dropped: &[u64], out: &mut [u8]) -> usize {
    let mut written = 0;
    let mut start = 0;
    // A copy may begin anywhere in the block, and ends within the next one.
    while start + 2 * LANES <= bytes.len() {
        let mut left = dropped[start / LANES];
        let mut from = 0;
        while from < LANES {
            let block = &bytes[start + from..][..LANES];
            out[written..][..LANES].copy_from_slice(block);
            let gap = left.trailing_zeros() as usize;
            written += gap - from;
            from = gap + (!left.checked_shr(gap as u32).unwrap_or(0)).trailing_zeros() as usize;
            left &= u64::MAX.checked_shl(from as u32).unwrap_or(0);
        }
        start += LANES;
    }
    for (place, &byte) in bytes.iter().enumerate().skip(start) {
        out[written] = byte;
        written += usize::from(dropped[place / LANES] >> (place % LANES) & 1 == 0);
    }
    written
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

#[inline(always)]
fn each_bit(mut bits: u64, mut found: impl FnMut(usize)) {
    while bits != 0 {
        found(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}
