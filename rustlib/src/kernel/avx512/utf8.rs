//! UTF-8 with AVX-512, VBMI included; [`crate::kernel::utf8`] has the idea.
//!
//! The bytes `k` bytes before a vector are shifted in from the vector before: once by whole lanes of 16
//! bytes, then by `16 - k` bytes within them. (Loads would all cross a cache line: a vector is as long as
//! one. In ASCII, where one load is all there is, it is cheaper.)
//!
//! Differences are or-ed together by one instruction, and the least of the four ways in which two code
//! points may differ is zero where one of them finds no difference: a double.

use crate::kernel::CodePoints;
use crate::kernel::utf8::{self, BEFORE, Tile};
use std::arch::x86_64::*;

/// Bytes per vector.
const VECTOR: usize = 64;

/// Bytes per tile. Measured (Zen 5, ten texts): 256 and 512 are within 2 % of each other; in English with
/// a quotation mark here and there, 256 is a sixth faster than 512.
const TILE: usize = 256;

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
pub(super) fn count(text: &[u8]) -> Option<CodePoints> {
    utf8::count::<{ BEFORE + TILE }>(
        text,
        |window| tile(window, |_, _| {}),
        |window| tile(window, |_, _| {}),
    )
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
pub(super) fn mark(text: &[u8], doubles: &mut [u64]) -> Option<bool> {
    utf8::mark(text, doubles, |window, doubles| {
        tile(window, |vector, bits| doubles[vector] = bits)
    })
}

/// Calls `found` with the number of each vector in the tile, and a bit for each byte that ends a double.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
fn tile<const WINDOW: usize>(window: &[u8; WINDOW], found: impl FnMut(usize, u64)) -> Tile {
    let before = load(window, 0);
    let mut greatest = _mm512_setzero_si512();
    for at in vectors(window) {
        greatest = _mm512_max_epu8(greatest, load(window, at));
    }
    if _mm512_movepi8_mask(greatest) == 0 {
        return ascii(window, before, found);
    }
    let greatest = _mm512_max_epu8(greatest, before);
    if at_least(0xE0, greatest) == 0 {
        up_to::<2, WINDOW>(window, before, found)
    } else if at_least(0xF0, greatest) == 0 {
        up_to::<3, WINDOW>(window, before, found)
    } else {
        up_to::<4, WINDOW>(window, before, found)
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
fn ascii<const WINDOW: usize>(
    window: &[u8; WINDOW],
    before: __m512i,
    mut found: impl FnMut(usize, u64),
) -> Tile {
    let mut doubles = 0;
    for (vector, at) in vectors(window).enumerate() {
        let equal = _mm512_cmpeq_epi8_mask(load(window, at), load(window, at - 1));
        found(vector, equal);
        doubles += u64::from(equal.count_ones());
    }
    Tile {
        doubles,
        continuations: 0,
        faults: owed(before), // A code point that begins before the tile has to end there.
    }
}

/// A tile whose code points have at most `WIDEST` bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
fn up_to<const WIDEST: usize, const WINDOW: usize>(
    window: &[u8; WINDOW],
    mut before: __m512i,
    mut found: impl FnMut(usize, u64),
) -> Tile {
    let mut total = Tile::default();
    let mut wrong = _mm512_setzero_si512();
    let mut least_lead = all(0xFF);
    let [by_first, by_second] = [&BY_FIRST, &BY_SECOND].map(|table| {
        // SAFETY: a table has 64 bytes; an unaligned load.
        unsafe { _mm512_loadu_si512(table.as_ptr().cast()) }
    });
    for (vector, at) in vectors(window).enumerate() {
        let x = load(window, at);
        let shifted = _mm512_alignr_epi32::<12>(x, before);
        before = x;
        /// The bytes `k` bytes before `x`.
        macro_rules! back {
            ($k:literal) => {
                _mm512_alignr_epi8::<{ 16 - $k }>(x, shifted)
            };
        }
        let [p1, p2, p3] = [back!(1), back!(2), back!(3)];

        // Zero where a continuation has to be: here in second bytes, below in third and fourth ones.
        let mut no_continuation = below(0xC0, p1);
        // Not zero where no code point of one byte ends, or of two; zero where it is a double.
        let one = differ(_mm512_and_si512(x, all(0x80)), x, p1);
        let two = differ(differ(no_continuation, x, p2), p1, p3);
        let mut different = _mm512_min_epu8(one, two);

        let continuations = _mm512_cmplt_epi8_mask(x, all(0xC0));
        if WIDEST == 2 {
            least_lead = _mm512_min_epu8(least_lead, _mm512_sub_epi8(p1, all(0xC0)));
        } else {
            let [p4, p5] = [back!(4), back!(5)];
            let no_third = below(0xE0, p2);
            no_continuation = _mm512_min_epu8(no_continuation, no_third);
            let three = differ(differ(differ(no_third, x, p3), p1, p4), p2, p5);
            different = _mm512_min_epu8(different, three);

            let first = _mm512_permutex2var_epi8(_mm512_setzero_si512(), p1, by_first);
            let second = _mm512_maskz_permutexvar_epi8(continuations, x, by_second);
            wrong = _mm512_ternarylogic_epi64::<OR_AND>(wrong, first, second);
        }
        if WIDEST == 4 {
            let [p6, p7] = [back!(6), back!(7)];
            let no_fourth = below(0xF0, p3);
            no_continuation = _mm512_min_epu8(no_continuation, no_fourth);
            let four = differ(differ(no_fourth, x, back!(4)), p1, back!(5));
            let four = differ(differ(four, p2, p6), p3, p7);
            different = _mm512_min_epu8(different, four);
        }
        let doubles = _mm512_testn_epi8_mask(different, different);
        let expected = _mm512_testn_epi8_mask(no_continuation, no_continuation);
        found(vector, doubles);
        total.doubles += u64::from(doubles.count_ones());
        total.continuations += u64::from(continuations.count_ones());
        total.faults |= expected ^ continuations;
    }
    total.faults |= _mm512_test_epi8_mask(wrong, wrong);
    total.faults |= _mm512_cmplt_epu8_mask(least_lead, all(2)); // C0 and C1
    total
}

/// `a | (b & c)`, as the table of a ternary function; and `a | (b ^ c)`.
const OR_AND: i32 = 0xF8;
const OR_XOR: i32 = 0xF6;

/// What may be wrong with two bytes that begin a code point: a bit for each second byte that is one too
/// small or too large, and one for the first bytes that are never right.
const NEVER: u8 = 1;
const BELOW_A0: u8 = 2;
const FROM_A0: u8 = 4;
const BELOW_90: u8 = 8;
const FROM_90: u8 = 16;

/// What a first byte rules out, from 0xC0 on. It is looked up by seven bits, of which 0x80 to 0xBF find
/// zeros. 0x40 to 0x7F find what 0xC0 to 0xFF do; but then a continuation is already a fault.
static BY_FIRST: [u8; 64] = {
    let mut table = [0; 64];
    let mut byte = 0xC0;
    while byte <= 0xFF {
        table[byte - 0xC0] = match byte {
            0xC0 | 0xC1 | 0xF5.. => NEVER,
            0xE0 => BELOW_A0,
            0xED => FROM_A0,
            0xF0 => BELOW_90,
            0xF4 => FROM_90,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// What a continuation is, from 0x80 on.
static BY_SECOND: [u8; 64] = {
    let mut table = [0; 64];
    let mut byte = 0x80;
    while byte <= 0xBF {
        table[byte - 0x80] = NEVER
            | match byte {
                0x80..0x90 => BELOW_A0 | BELOW_90,
                0x90..0xA0 => BELOW_A0 | FROM_90,
                _ => FROM_A0 | FROM_90,
            };
        byte += 1;
    }
    table
};

/// Where the vectors of the tile begin.
fn vectors<const WINDOW: usize>(_: &[u8; WINDOW]) -> impl Iterator<Item = usize> {
    (BEFORE..WINDOW).step_by(VECTOR)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
fn load<const WINDOW: usize>(window: &[u8; WINDOW], at: usize) -> __m512i {
    let bytes = &window[at..][..VECTOR];
    // SAFETY: the slice has 64 bytes; an unaligned load.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
fn all(byte: u8) -> __m512i {
    _mm512_set1_epi8(byte.cast_signed())
}

/// Adds to `differences` where two bytes differ.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
fn differ(differences: __m512i, left: __m512i, right: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<OR_XOR>(differences, left, right)
}

/// Not zero for each byte that is below `limit`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
fn below(limit: u8, bytes: __m512i) -> __m512i {
    _mm512_subs_epu8(all(limit), bytes)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
fn at_least(limit: u8, bytes: __m512i) -> __mmask64 {
    _mm512_cmpge_epu8_mask(bytes, all(limit))
}

/// Which of the first bytes after `before` have to be continuations.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,popcnt")]
fn owed(before: __m512i) -> u64 {
    at_least(0xC0, before) >> 63 | at_least(0xE0, before) >> 62 | at_least(0xF0, before) >> 61
}
