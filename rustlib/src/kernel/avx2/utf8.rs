//! UTF-8 with AVX2; [`crate::kernel::utf8`] has the idea.
//!
//! The bytes `k` bytes before a vector are loaded from `k` bytes before it. Shuffling it together from
//! two vectors was no faster: the shuffles compete with the comparisons, the loads with nothing.
//!
//! Doubles are found by their differences: `x ^ p1` is zero where two bytes are equal, differences of
//! several bytes are or-ed together, and one comparison with zero ends it. CPUs can start twice as many
//! of these as of comparisons.

use crate::kernel::CodePoints;
use crate::kernel::utf8::{self, BEFORE, Tile};
use std::arch::x86_64::*;

/// Bytes per vector.
const VECTOR: usize = 32;

/// Bytes per tile. Measured (Zen 5, ten texts): 256 and 512 are within 3 % of each other; in English with
/// a quotation mark here and there, 256 is a fifth faster than 512.
const TILE: usize = 256;

const _: () = assert!(TILE / VECTOR <= 255, "a lane is a u8");

#[target_feature(enable = "avx2,popcnt")]
pub(super) fn count(text: &[u8]) -> Option<CodePoints> {
    utf8::count::<{ BEFORE + TILE }>(
        text,
        |window| tile(window, |_, _| {}),
        |window| tile(window, |_, _| {}),
    )
}

#[target_feature(enable = "avx2,popcnt")]
pub(super) fn mark(text: &[u8], doubles: &mut [u64]) -> Option<bool> {
    utf8::mark(text, doubles, |window, doubles| {
        let mut low = 0;
        tile(window, |vector, lanes| {
            let bits = u64::from(_mm256_movemask_epi8(lanes).cast_unsigned());
            if vector % 2 == 0 {
                low = bits;
            } else {
                doubles[vector / 2] = low | bits << VECTOR;
            }
        })
    })
}

/// Calls `found` with the number of each vector in the tile, and -1 for each byte that ends a double.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn tile<const WINDOW: usize>(window: &[u8; WINDOW], found: impl FnMut(usize, __m256i)) -> Tile {
    let before = back(window, 0, VECTOR);
    let mut greatest = _mm256_setzero_si256();
    for vector in 0..vectors(window) {
        greatest = _mm256_max_epu8(greatest, back(window, vector, 0));
    }
    if _mm256_movemask_epi8(greatest) == 0 {
        return ascii(window, before, found);
    }
    let greatest = _mm256_max_epu8(greatest, before);
    if !any(at_least(0xE0, greatest)) {
        up_to_two(window, found)
    } else if !any(at_least(0xF0, greatest)) {
        up_to_three(window, found)
    } else {
        up_to_four(window, found)
    }
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn ascii<const WINDOW: usize>(
    window: &[u8; WINDOW],
    before: __m256i,
    mut found: impl FnMut(usize, __m256i),
) -> Tile {
    let mut doubles = _mm256_setzero_si256();
    for vector in 0..vectors(window) {
        let [x, p1] = [0, 1].map(|k| back(window, vector, k));
        let equal = _mm256_cmpeq_epi8(x, p1);
        found(vector, equal);
        doubles = _mm256_sub_epi8(doubles, equal);
    }
    // A code point that begins before the tile has to end there.
    let mut greatest_allowed = [0xFFu8; VECTOR];
    greatest_allowed[VECTOR - 3..].copy_from_slice(&[0xEF, 0xDF, 0xBF]);
    // SAFETY: an unaligned load of as many bytes as the array has.
    let greatest_allowed = unsafe { _mm256_loadu_si256(greatest_allowed.as_ptr().cast()) };
    let torn = _mm256_subs_epu8(before, greatest_allowed);
    sum_up(doubles, _mm256_setzero_si256(), torn)
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn up_to_two<const WINDOW: usize>(
    window: &[u8; WINDOW],
    mut found: impl FnMut(usize, __m256i),
) -> Tile {
    let zero = _mm256_setzero_si256();
    let (mut doubles, mut continuations, mut faults) = (zero, zero, zero);
    let mut least_lead = all(0xFF);
    for vector in 0..vectors(window) {
        let [x, p1, p2, p3] = [0, 1, 2, 3].map(|k| back(window, vector, k));
        let continuation = is_continuation(x);
        continuations = _mm256_sub_epi8(continuations, continuation);

        let one = _mm256_xor_si256(x, p1);
        let two = or(_mm256_xor_si256(x, p2), _mm256_xor_si256(p1, p3));
        let different = _mm256_blendv_epi8(one, two, continuation);
        let equal = _mm256_cmpeq_epi8(different, zero);
        found(vector, equal);
        doubles = _mm256_sub_epi8(doubles, equal);

        let second = _mm256_cmpeq_epi8(_mm256_max_epu8(p1, all(0xC0)), p1);
        faults = or(faults, _mm256_xor_si256(second, continuation));
        least_lead = _mm256_min_epu8(least_lead, _mm256_sub_epi8(p1, all(0xC0)));
    }
    sum_up(doubles, continuations, or(faults, overlong(least_lead)))
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn up_to_three<const WINDOW: usize>(
    window: &[u8; WINDOW],
    mut found: impl FnMut(usize, __m256i),
) -> Tile {
    let zero = _mm256_setzero_si256();
    let (mut doubles, mut continuations, mut faults) = (zero, zero, zero);
    let mut least_lead = all(0xFF);
    for vector in 0..vectors(window) {
        let [x, p1, p2, p3, p4, p5] = [0, 1, 2, 3, 4, 5].map(|k| back(window, vector, k));
        let continuation = is_continuation(x);
        continuations = _mm256_sub_epi8(continuations, continuation);

        let (second, third) = (at_least(0xC0, p1), at_least(0xE0, p2));
        let one = or(continuation, _mm256_xor_si256(x, p1));
        let two = or(_mm256_xor_si256(x, p2), _mm256_xor_si256(p1, p3));
        let three = or(
            or(_mm256_xor_si256(x, p3), _mm256_xor_si256(p1, p4)),
            _mm256_xor_si256(p2, p5),
        );
        let different = _mm256_blendv_epi8(one, two, second);
        let different = _mm256_blendv_epi8(different, three, third);
        let equal = _mm256_cmpeq_epi8(different, zero);
        found(vector, equal);
        doubles = _mm256_sub_epi8(doubles, equal);

        // Bit 5 of a continuation says whether it is A0 or more; this moves it into the sign.
        let is_high = _mm256_slli_epi16::<2>(x);
        let [after_e0, after_ed] = [0xE0, 0xED].map(|lead| _mm256_cmpeq_epi8(p1, all(lead)));
        let out_of_range = _mm256_blendv_epi8(after_e0, after_ed, is_high);
        let misplaced = _mm256_xor_si256(or(second, third), continuation);
        faults = or(faults, or(misplaced, out_of_range));
        least_lead = _mm256_min_epu8(least_lead, _mm256_sub_epi8(p1, all(0xC0)));
    }
    // Only the signs of these faults mean anything.
    let faults = _mm256_and_si256(faults, all(0x80));
    sum_up(doubles, continuations, or(faults, overlong(least_lead)))
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn up_to_four<const WINDOW: usize>(
    window: &[u8; WINDOW],
    mut found: impl FnMut(usize, __m256i),
) -> Tile {
    let zero = _mm256_setzero_si256();
    let (mut doubles, mut continuations, mut faults) = (zero, zero, zero);
    let [by_high, by_low, by_next] = [&BY_HIGH, &BY_LOW, &BY_NEXT].map(|table| {
        // SAFETY: a table has 16 bytes; an unaligned load.
        _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
    });
    for vector in 0..vectors(window) {
        let [x, p1, p2, p3, p4, p5, p6, p7] =
            [0, 1, 2, 3, 4, 5, 6, 7].map(|k| back(window, vector, k));
        let continuation = is_continuation(x);
        continuations = _mm256_sub_epi8(continuations, continuation);

        let (second, third, fourth) = (at_least(0xC0, p1), at_least(0xE0, p2), at_least(0xF0, p3));
        let one = or(continuation, _mm256_xor_si256(x, p1));
        let two = or(_mm256_xor_si256(x, p2), _mm256_xor_si256(p1, p3));
        let three = or(
            or(_mm256_xor_si256(x, p3), _mm256_xor_si256(p1, p4)),
            _mm256_xor_si256(p2, p5),
        );
        let four = or(
            or(_mm256_xor_si256(x, p4), _mm256_xor_si256(p1, p5)),
            or(_mm256_xor_si256(p2, p6), _mm256_xor_si256(p3, p7)),
        );
        let different = _mm256_blendv_epi8(one, two, second);
        let different = _mm256_blendv_epi8(different, three, third);
        let different = _mm256_blendv_epi8(different, four, fourth);
        let equal = _mm256_cmpeq_epi8(different, zero);
        found(vector, equal);
        doubles = _mm256_sub_epi8(doubles, equal);

        let high = |bytes| _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), all(0x0F));
        let low = _mm256_and_si256(p1, all(0x0F));
        let wrong = _mm256_and_si256(
            _mm256_and_si256(
                _mm256_shuffle_epi8(by_high, high(p1)),
                _mm256_shuffle_epi8(by_low, low),
            ),
            _mm256_shuffle_epi8(by_next, high(x)),
        );
        // Two continuations in a row are right exactly where a third or fourth byte belongs.
        let may_continue = _mm256_and_si256(or(third, fourth), all(TWO_CONTINUATIONS));
        faults = or(faults, _mm256_xor_si256(wrong, may_continue));
    }
    sum_up(doubles, continuations, faults)
}

/// What is wrong with a byte `p1` and the byte `x` after it: for each fault, the high and the low halves
/// of `p1` and the high halves of `x` that it has, a bit for each. A fault has all three bits.
/// (Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte", 2020.)
const FAULTS: [(u16, u16, u16); 8] = [
    (0xF000, 0xFFFF, 0xF0FF), // C0 to FF, then no continuation
    (0x00FF, 0xFFFF, 0x0F00), // ASCII, then a continuation
    (0x1000, 0x0003, 0x0F00), // C0, C1: would fit one byte
    (0x4000, 0x0001, 0x0300), // E0, then less than A0: would fit two
    (0x4000, 0x2000, 0x0C00), // ED, then A0 or more: a surrogate
    (0x8000, 0xFFF0, 0x0E00), // F4 or more, then 90 or more: beyond 10FFFF
    (0x8000, 0xFFE1, 0x0100), // F0, then less than 90: would fit three; F5 or more: beyond
    (0x0F00, 0xFFFF, 0x0F00), // two continuations, which may be right
];

/// The bit of the last of these.
const TWO_CONTINUATIONS: u8 = 0x80;

static BY_HIGH: [u8; 16] = table(0);
static BY_LOW: [u8; 16] = table(1);
static BY_NEXT: [u8; 16] = table(2);

/// The faults, a bit for each, of each half of a byte.
const fn table(which: usize) -> [u8; 16] {
    let mut faults = [0; 16];
    let mut i = 0;
    while i < 8 * 16 {
        let (fault, half) = (i / 16, i % 16);
        let (high, low, next) = FAULTS[fault];
        faults[half] |= (([high, low, next][which] >> half & 1) as u8) << fault;
        i += 1;
    }
    faults
}

/// How many vectors the tile has.
const fn vectors<const WINDOW: usize>(_: &[u8; WINDOW]) -> usize {
    (WINDOW - BEFORE) / VECTOR
}

/// The vector `k` bytes before one of the tile.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn back<const WINDOW: usize>(window: &[u8; WINDOW], vector: usize, k: usize) -> __m256i {
    let bytes = &window[BEFORE + vector * VECTOR - k..][..VECTOR];
    // SAFETY: the slice has 32 bytes; an unaligned load.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn all(byte: u8) -> __m256i {
    _mm256_set1_epi8(byte.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn or(left: __m256i, right: __m256i) -> __m256i {
    _mm256_or_si256(left, right)
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn is_continuation(bytes: __m256i) -> __m256i {
    // 0x80 to 0xBF, the least of signed bytes.
    _mm256_cmpgt_epi8(all(0xC0), bytes)
}

/// Sets the sign of each byte that is at least `limit`, which is 0x80 or more. The other bits are noise.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn at_least(limit: u8, bytes: __m256i) -> __m256i {
    _mm256_subs_epu8(bytes, all(limit - 0x80))
}

/// Whether any sign is set.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn any(bytes: __m256i) -> bool {
    _mm256_movemask_epi8(bytes) != 0
}

/// Set where the least lead, counted from 0xC0, is 0xC0 or 0xC1: what they begin would fit one byte.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn overlong(least_lead: __m256i) -> __m256i {
    _mm256_cmpeq_epi8(_mm256_min_epu8(least_lead, all(1)), least_lead)
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn sum_up(doubles: __m256i, continuations: __m256i, faults: __m256i) -> Tile {
    Tile {
        doubles: sum(doubles),
        continuations: sum(continuations),
        faults: u64::from(_mm256_testz_si256(faults, faults) == 0),
    }
}

/// The sum of all lanes.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn sum(lanes: __m256i) -> u64 {
    let quarters = _mm256_sad_epu8(lanes, _mm256_setzero_si256());
    let halves = _mm_add_epi64(
        _mm256_castsi256_si128(quarters),
        _mm256_extracti128_si256::<1>(quarters),
    );
    (_mm_cvtsi128_si64(halves) + _mm_extract_epi64::<1>(halves)).cast_unsigned()
}
