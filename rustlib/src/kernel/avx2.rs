//! The kernel for x86-64 with AVX2.
//!
//! ```text
//! for each vector of 32 bytes at p:
//!     equal = (p[0 .. 32] == p[1 .. 33])      -1 in each lane that holds a double
//!     lanes -= equal
//! ```
//!
//! Units of two and four bytes go the same way, shifted by as many bytes and compared in wider lanes.
//! What equals is -1 in each byte of its lane, so the sums are those of bytes, and `WIDTH` times the
//! doubles.
//!
//! The second operand is what costs. Loaded from memory, it crosses a cache line every other time,
//! and such a load takes two turns. Here no load does: where the operand stays inside the line it is
//! loaded, unaligned; where it would cross over, it is put together from the two aligned vectors that
//! hold its bytes (permute, then align). Both at once keep the load ports and the shuffle port busy,
//! where either alone would wait for one of them. Measured (Zen 5, 200 KB in L2): 145 GB/s, against 95
//! with loads alone and 100 with shuffles alone.
//!
//! Nothing is prefetched. The hardware does it as well in RAM, L3 and L2 (Zen 5: within 4 % of the best
//! of six distances from 192 to 3,072 bytes), and a distance that suits one CPU costs another: 3 KiB
//! ahead, good on a Zen 5, costs a Zen 4 a quarter of its speed in L3.

mod utf8;

use super::table::{self, Table, redraw};
use super::{Kernel, LANES, gather, portable};
use std::arch::x86_64::*;

/// Having one means that the CPU has AVX2, BMI1, BMI2, LZCNT and POPCNT.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// Asks std, which remembers.
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        has.then_some(Self(()))
    }

    /// Calls `work`, compiled for these instructions if it is inlined.
    #[inline(always)]
    pub(super) fn run<R>(self, work: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn with_features<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        // SAFETY: `self` means that the CPU has the features.
        unsafe { with_features(work) }
    }
}

static KERNEL: Kernel = Kernel {
    name: c"avx2",
    count: count::<1>,
    count_utf16: count::<2>,
    count_utf32: count::<4>,
    count_utf8: utf8::count,
    mark_utf8: utf8::mark,
    equal_bits,
    tally,
    squeeze,
    draw,
    instructions: Avx2::detect,
};

/// The kernel, if the CPU can run it.
pub(super) fn detect() -> Option<&'static Kernel> {
    Avx2::detect().map(|_| &KERNEL)
}

/// Bytes per vector.
const VECTOR: usize = 32;

/// Bytes per cache line.
const LINE: usize = 64;

/// Vectors per turn of the main loop, each with lanes of its own.
const VECTORS: usize = 8;

/// Bytes per turn of the main loop.
const BLOCK: usize = VECTORS * VECTOR;

/// A lane is a `u8`: after 255 matches the next would wrap.
const BLOCKS_PER_FLUSH: usize = 255;

/// Below this many bytes, aligning costs more than the line crossings that it avoids.
const WORTH_ALIGNING: usize = 1024;

/// Doubles between units of `WIDTH` bytes.
#[target_feature(enable = "avx2,popcnt")]
fn count<const WIDTH: usize>(bytes: &[u8]) -> u64 {
    let length = bytes.len() / WIDTH * WIDTH;
    // Bytes of the first units of all pairs.
    let Some(pairs) = length.checked_sub(WIDTH) else {
        return 0;
    };
    let data = bytes.as_ptr();
    let equal = if pairs <= VECTOR {
        // SAFETY: pairs + WIDTH bytes can be read, by choice of pairs.
        unsafe { count_short::<WIDTH>(data, pairs) }
    } else if pairs < WORTH_ALIGNING {
        // SAFETY: the same, and pairs >= VECTOR.
        unsafe { count_unaligned::<WIDTH>(data, 0, pairs) }
    } else {
        // To the next line, or as near to it as whole units come.
        let head = data.addr().wrapping_neg() % LINE / WIDTH * WIDTH;
        let blocks = (length - head - VECTOR) / BLOCK;
        let tail = head + blocks * BLOCK;
        // SAFETY: head < LINE and length > WORTH_ALIGNING, so that 64 + WIDTH bytes can be read from the
        // start; head + blocks * BLOCK + VECTOR <= length by choice of blocks; pairs + WIDTH bytes can
        // be read, pairs >= VECTOR, and tail <= length - VECTOR <= pairs.
        unsafe {
            count_first::<WIDTH>(data, head)
                + count_lines::<WIDTH>(data.add(head), blocks)
                + count_unaligned::<WIDTH>(data, tail, pairs)
        }
    };
    equal / WIDTH as u64
}

// Below, what is counted are the bytes of the first units of pairs, and of doubles.

/// Counts among the first `pairs` bytes, at most 32, by two loads that may overlap.
///
/// # Safety
///
/// `pairs + WIDTH` bytes can be read from `data`.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
unsafe fn count_short<const WIDTH: usize>(data: *const u8, pairs: usize) -> u64 {
    // SAFETY: pairs + WIDTH bytes can be read, and in each case pairs is at least as long as the loads.
    unsafe {
        match pairs {
            16.. => count_twice::<WIDTH, 16>(data, pairs),
            8..16 => count_twice::<WIDTH, 8>(data, pairs),
            4..8 => count_twice::<WIDTH, 4>(data, pairs),
            _ => (0..pairs / WIDTH)
                .map(|pair| {
                    let first = data.add(pair * WIDTH).cast::<[u8; WIDTH]>();
                    u64::from(*first == *first.add(1)) * WIDTH as u64
                })
                .sum(),
        }
    }
}

/// Counts among the first and among the last `SIZE` of `pairs` bytes, once where both are the same.
///
/// # Safety
///
/// `SIZE <= pairs <= 2 * SIZE`, and `pairs + WIDTH` bytes can be read from `data`.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
unsafe fn count_twice<const WIDTH: usize, const SIZE: usize>(data: *const u8, pairs: usize) -> u64 {
    // SAFETY: SIZE + WIDTH bytes from data and from data + pairs - SIZE, the last of them at
    // pairs + WIDTH - 1.
    let (first, last) = unsafe {
        (
            equal_small::<WIDTH, SIZE>(data),
            equal_small::<WIDTH, SIZE>(data.add(pairs - SIZE)),
        )
    };
    let new = last >> (2 * SIZE - pairs);
    u64::from((first | new << SIZE).count_ones())
}

/// A bit for each of `SIZE` bytes, 4, 8 or 16, set in the first units of doubles.
///
/// # Safety
///
/// `SIZE + WIDTH` bytes can be read from `data`.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
unsafe fn equal_small<const WIDTH: usize, const SIZE: usize>(data: *const u8) -> u32 {
    let load = |from: *const u8| {
        // SAFETY: both ends of the SIZE + WIDTH bytes from data on; unaligned loads.
        unsafe {
            match SIZE {
                16 => _mm_loadu_si128(from.cast()),
                8 => _mm_loadl_epi64(from.cast()),
                4 => _mm_cvtsi32_si128(from.cast::<i32>().read_unaligned()),
                _ => unreachable!("no load has {SIZE} bytes"),
            }
        }
    };
    let (left, right) = (load(data), load(data.wrapping_add(WIDTH)));
    let equal = match WIDTH {
        1 => _mm_cmpeq_epi8(left, right),
        2 => _mm_cmpeq_epi16(left, right),
        4 => _mm_cmpeq_epi32(left, right),
        _ => unreachable!("no unit has {WIDTH} bytes"),
    };
    // What was not loaded is zero in both, and equal.
    _mm_movemask_epi8(equal).cast_unsigned() & ((1 << SIZE) - 1)
}

/// Counts among the first `pairs` bytes, fewer than 64.
///
/// # Safety
///
/// `64 + WIDTH` bytes can be read from `data`.
#[target_feature(enable = "avx2,popcnt")]
unsafe fn count_first<const WIDTH: usize>(data: *const u8, pairs: usize) -> u64 {
    // SAFETY: each reads 32 + WIDTH bytes, the second from the 33rd on.
    let (low, high) = unsafe { (equal_at::<WIDTH>(data), equal_at::<WIDTH>(data.add(VECTOR))) };
    let equal = u64::from(low) | u64::from(high) << VECTOR;
    u64::from((equal & ((1 << pairs) - 1)).count_ones())
}

/// Counts among the bytes `from .. to`, one vector at a time. The last vector ends at `to`, wherever
/// that is, and what it shares with the one before is left out.
///
/// # Safety
///
/// `from <= to`, `to >= 32`, and `to + WIDTH` bytes can be read from `data`.
#[target_feature(enable = "avx2,popcnt")]
unsafe fn count_unaligned<const WIDTH: usize>(data: *const u8, from: usize, to: usize) -> u64 {
    let mut total = 0;
    let mut start = from;
    while start + VECTOR <= to {
        // SAFETY: reads 32 + WIDTH bytes from start on, and start + 32 <= to.
        total += unsafe { equal_at::<WIDTH>(data.add(start)) }.count_ones();
        start += VECTOR;
    }
    if start < to {
        // SAFETY: to >= 32, and reads 32 + WIDTH bytes from to - 32 on.
        let last = unsafe { equal_at::<WIDTH>(data.add(to - VECTOR)) };
        total += (last >> (VECTOR - (to - start))).count_ones();
    }
    u64::from(total)
}

/// A bit for each of the 32 bytes at `data`, set in the first units of doubles.
///
/// # Safety
///
/// `32 + WIDTH` bytes can be read from `data`.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
unsafe fn equal_at<const WIDTH: usize>(data: *const u8) -> u32 {
    // SAFETY: 32 bytes from data and 32 from data + WIDTH; unaligned loads.
    let (left, right) = unsafe {
        (
            _mm256_loadu_si256(data.cast()),
            _mm256_loadu_si256(data.add(WIDTH).cast()),
        )
    };
    _mm256_movemask_epi8(equal::<WIDTH>(left, right)).cast_unsigned()
}

/// -1 in each byte of the units that are equal.
#[inline]
#[target_feature(enable = "avx2")]
fn equal<const WIDTH: usize>(left: __m256i, right: __m256i) -> __m256i {
    match WIDTH {
        1 => _mm256_cmpeq_epi8(left, right),
        2 => _mm256_cmpeq_epi16(left, right),
        4 => _mm256_cmpeq_epi32(left, right),
        _ => unreachable!("no unit has {WIDTH} bytes"),
    }
}

/// Bytes `WIDTH .. WIDTH + 32` of the 64 in both vectors.
#[inline]
#[target_feature(enable = "avx2")]
fn shifted<const WIDTH: usize>(low: __m256i, high: __m256i) -> __m256i {
    // Halves are shifted apart from each other: the low one needs what follows it, which is the high
    // half of low, and that one the low half of high.
    let following = _mm256_permute2x128_si256::<0x21>(low, high);
    match WIDTH {
        1 => _mm256_alignr_epi8::<1>(following, low),
        2 => _mm256_alignr_epi8::<2>(following, low),
        4 => _mm256_alignr_epi8::<4>(following, low),
        _ => unreachable!("no unit has {WIDTH} bytes"),
    }
}

/// Counts among `blocks` blocks, best from the start of a cache line on.
///
/// # Safety
///
/// `blocks * 256 + 32` bytes can be read from `data`.
#[target_feature(enable = "avx2,popcnt")]
unsafe fn count_lines<const WIDTH: usize>(data: *const u8, blocks: usize) -> u64 {
    let mut total = _mm256_setzero_si256();
    // SAFETY: 32 bytes can be read even if there are no blocks.
    let mut even = unsafe { _mm256_loadu_si256(data.cast()) };
    let mut done = 0;
    while done < blocks {
        let until = blocks.min(done + BLOCKS_PER_FLUSH);
        let mut lanes = [_mm256_setzero_si256(); VECTORS];
        for block in done..until {
            for line in 0..VECTORS / 2 {
                // SAFETY: the last load is of 32 bytes, 64 bytes on from an offset that is at most
                // blocks * 256 - 64.
                let (even_shifted, odd, next) = unsafe {
                    let line = data.add(block * BLOCK + line * LINE);
                    (
                        _mm256_loadu_si256(line.add(WIDTH).cast()),
                        _mm256_loadu_si256(line.add(VECTOR).cast()),
                        _mm256_loadu_si256(line.add(LINE).cast()),
                    )
                };
                let odd_shifted = shifted::<WIDTH>(odd, next);
                let [low, high] = [2 * line, 2 * line + 1];
                lanes[low] = _mm256_sub_epi8(lanes[low], equal::<WIDTH>(even, even_shifted));
                lanes[high] = _mm256_sub_epi8(lanes[high], equal::<WIDTH>(odd, odd_shifted));
                even = next;
            }
        }
        for lane in lanes {
            let sums = _mm256_sad_epu8(lane, _mm256_setzero_si256());
            total = _mm256_add_epi64(total, sums);
        }
        done = until;
    }
    let quarters = [
        _mm256_extract_epi64::<0>(total),
        _mm256_extract_epi64::<1>(total),
        _mm256_extract_epi64::<2>(total),
        _mm256_extract_epi64::<3>(total),
    ];
    quarters.into_iter().map(i64::cast_unsigned).sum()
}

#[target_feature(enable = "avx2")]
fn equal_bits(left: &[u8], right: &[u8], bits: &mut [u64]) {
    let (left, right) = (left.as_chunks::<LANES>().0, right.as_chunks::<LANES>().0);
    for ((left, right), bits) in left.iter().zip(right).zip(bits) {
        let [low, high] = [0, VECTOR].map(|start| {
            // SAFETY: both have 64 bytes, and start is 0 or 32; unaligned loads.
            let (left, right) = unsafe {
                (
                    _mm256_loadu_si256(left.as_ptr().add(start).cast()),
                    _mm256_loadu_si256(right.as_ptr().add(start).cast()),
                )
            };
            _mm256_movemask_epi8(equal::<1>(left, right)).cast_unsigned()
        });
        *bits = u64::from(low) | u64::from(high) << VECTOR;
    }
}

#[target_feature(enable = "avx2,popcnt")]
fn tally(bytes: &[u8], table: &mut [u64; 256]) {
    gather::tally(
        bytes,
        table,
        #[inline(always)]
        |block, gathered| gather_block(block, gathered),
    );
}

/// Writes the bytes that are not dropped to `out`, side by side, and returns their number.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn squeeze(bytes: &[u8], dropped: &[u64], out: &mut [u8]) -> usize {
    portable::squeeze(bytes, dropped, out)
}

/// Doubles that are gathered before asking whether there are more: in random letters, nine blocks of ten
/// hold no more than four, so that the answer can be predicted.
const GATHERED_AT_ONCE: usize = 4;

/// Writes the doubles of a block to the front of `gathered` and returns how many there are.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn gather_block(block: &[u8; gather::BLOCK + 1], gathered: &mut [u8; gather::BLOCK]) -> usize {
    let data = block.as_ptr();
    // SAFETY: a block is 65 bytes long, and each reads 33, the second from the 33rd on.
    let (low, high) = unsafe { (equal_at::<1>(data), equal_at::<1>(data.add(VECTOR))) };
    let mut doubles = u64::from(low) | u64::from(high) << VECTOR;
    let found = doubles.count_ones() as usize;
    if found == gather::BLOCK {
        return found;
    }
    for four in gathered.as_chunks_mut::<GATHERED_AT_ONCE>().0 {
        for byte in four {
            // If there are none left, that is the 65th.
            *byte = block[doubles.trailing_zeros() as usize];
            doubles &= doubles.wrapping_sub(1);
        }
        if doubles == 0 {
            break;
        }
    }
    found
}

#[target_feature(enable = "avx2,popcnt")]
fn draw(table: &Table, words: &[u8], text: &mut [u8], other: &mut dyn FnMut() -> u32) {
    match table.size {
        0..=32 => draw_from::<2>(table, words, text, other),
        33..=64 => draw_from::<4>(table, words, text, other),
        _ => draw_from::<8>(table, words, text, other),
    }
}

/// Draws 32 characters at a time, from a table of `PARTS` times 16.
#[target_feature(enable = "avx2,popcnt")]
fn draw_from<const PARTS: usize>(
    table: &Table,
    words: &[u8],
    text: &mut [u8],
    other: &mut dyn FnMut() -> u32,
) {
    let (parts, _) = table.characters.as_chunks::<16>();
    let mut lanes = [_mm256_setzero_si256(); PARTS];
    for (lanes, part) in lanes.iter_mut().zip(parts) {
        // SAFETY: a part is 16 bytes long; an unaligned load.
        *lanes = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(part.as_ptr().cast()) });
    }
    let suspect = _mm256_set1_epi16((table.least_rest >> 16) as i16);
    let (vectors, words_left) = words.as_chunks::<VECTOR>();
    let (out, text_left) = text.as_chunks_mut::<VECTOR>();
    for (words, out) in vectors.iter().zip(out) {
        // SAFETY: a vector is 32 bytes long; an unaligned load.
        let vector = unsafe { _mm256_loadu_si256(words.as_ptr().cast()) };
        let (digits, rests) = digits(table, vector);
        let characters = look_up(lanes, digits);
        // SAFETY: a vector is 32 bytes long; an unaligned store.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), characters) };
        // Of a rest, the upper half is known. The odd lanes hold something else.
        let suspects = _mm256_cmpeq_epi16(_mm256_min_epu16(rests, suspect), rests);
        if _mm256_movemask_epi8(suspects) & 0x3333_3333 != 0 {
            redraw(table, words, out, other);
        }
    }
    table::draw(table, words_left, text_left, other);
}

/// The digits of eight words, and in the lower half of each lane the upper half of what is left of a word.
#[inline]
#[target_feature(enable = "avx2")]
fn digits(table: &Table, words: __m256i) -> (__m256i, __m256i) {
    let square = i64::from(table.size * table.size);
    let by_square = |words| _mm256_mul_epu32(words, _mm256_set1_epi64x(square));
    // 16 bits up, so that a pair and the upper half of the rest fill the upper half of the product.
    let by_shifted_square = |words| _mm256_mul_epu32(words, _mm256_set1_epi64x(square << 16));
    let even = by_square(words);
    let odd = by_square(_mm256_srli_epi64::<32>(words));
    let first = _mm256_blend_epi32::<0xAA>(_mm256_srli_epi64::<32>(even), odd);
    let (even, odd) = (by_shifted_square(even), by_shifted_square(odd));
    let second = _mm256_blend_epi32::<0xAA>(_mm256_srli_epi64::<32>(even), odd);
    let pairs = _mm256_blend_epi16::<0xAA>(first, second);
    let quotients = _mm256_mulhi_epu16(pairs, _mm256_set1_epi16(table.reciprocal.cast_signed()));
    let high = _mm256_srl_epi16(quotients, _mm_cvtsi32_si128(table.shift.cast_signed()));
    // The second digit, pair - high * size, goes into the byte above the first one, high.
    let factor = _mm256_set1_epi16(1i16.wrapping_sub((table.size << 8) as i16));
    let digits = _mm256_add_epi16(
        _mm256_slli_epi16::<8>(pairs),
        _mm256_mullo_epi16(high, factor),
    );
    (digits, second)
}

/// Looks up 32 digits in a table of `PARTS` times 16 characters. A shuffle takes the lowest four bits of a
/// digit; each bit above them, the highest first, chooses between the halves of what is left.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up<const PARTS: usize>(mut lanes: [__m256i; PARTS], digits: __m256i) -> __m256i {
    for lanes in &mut lanes {
        *lanes = _mm256_shuffle_epi8(*lanes, digits);
    }
    // The bit that chooses is the highest of each byte.
    let mut choice = match PARTS {
        2 => _mm256_slli_epi16::<3>(digits),
        4 => _mm256_slli_epi16::<2>(digits),
        8 => _mm256_slli_epi16::<1>(digits),
        _ => unreachable!("no table has {PARTS} parts"),
    };
    let mut left = PARTS;
    while left > 1 {
        left /= 2;
        for part in 0..left {
            lanes[part] = _mm256_blendv_epi8(lanes[part], lanes[part + left], choice);
        }
        choice = _mm256_add_epi8(choice, choice);
    }
    lanes[0]
}
