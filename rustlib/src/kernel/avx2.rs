//! The kernels for x86-64 with AVX2.
//!
//! ```text
//! for each vector of 32 bytes at p:
//!     equal = (p[0 .. 32] == p[1 .. 33])      -1 in each lane that holds a double
//!     lanes -= equal
//! ```
//!
//! The second operand is what costs. Loaded from memory, it crosses a cache line every other time,
//! and such a load takes two turns. Here no load does: where the operand stays inside the line it is
//! loaded, unaligned; where it would cross over, it is put together from the two aligned vectors that
//! hold its bytes (permute, then align). Both at once keep the load ports and the shuffle port busy,
//! where either alone would wait for one of them.

mod utf8;

use super::{CodePoints, Kernel, Table, portable};
use std::arch::x86_64::*;
use std::ffi::CStr;

/// Having one means that the CPU has AVX2 and POPCNT.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// Asks std, which remembers.
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt");
        has.then_some(Self(()))
    }
}

impl Kernel for Avx2 {
    const NAME: &'static CStr = c"avx2";

    #[inline(always)]
    fn run<R>(self, work: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx2,popcnt")]
        fn with_features<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        // SAFETY: `self` means that the CPU has the features.
        unsafe { with_features(work) }
    }

    #[inline]
    fn count(self, bytes: &[u8]) -> u64 {
        // SAFETY: `self` means that the CPU has the features.
        unsafe { count(bytes) }
    }

    fn count_utf8(self, text: &[u8]) -> Option<CodePoints> {
        // SAFETY: `self` means that the CPU has the features.
        unsafe { utf8::count(text) }
    }

    fn spell(self, table: &Table, text: &mut [u8]) {
        // SAFETY: `self` means that the CPU has the features.
        unsafe { spell(table, text) }
    }
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

/// Below this many pairs, aligning costs more than the line crossings that it avoids.
const WORTH_ALIGNING: usize = 1024;

/// How far ahead of the loop to fetch. Measured (Zen 5): 10 MB in L3 go at 84 GB/s without, 112 at 2 KiB,
/// 108 at 3 KiB and 106 at 4 KiB; 1 GB in RAM goes at 31, 33, 36 and 37. In L2 it costs nothing.
const PREFETCH: usize = 3 * 1024;

#[target_feature(enable = "avx2,popcnt")]
fn count(bytes: &[u8]) -> u64 {
    let data = bytes.as_ptr();
    let length = bytes.len();
    if length <= VECTOR {
        return portable::count(bytes);
    }
    let pairs = length - 1;
    if pairs < WORTH_ALIGNING {
        // SAFETY: the buffer holds pairs + 1 bytes, and pairs >= VECTOR.
        return unsafe { count_unaligned(data, 0, pairs) };
    }
    let head = data.addr().wrapping_neg() % LINE;
    let blocks = (length - head - VECTOR) / BLOCK;
    let tail = head + blocks * BLOCK;
    // SAFETY: head < LINE and length > WORTH_ALIGNING, so that 65 bytes can be read from the start;
    // data + head is aligned, and head + blocks * BLOCK + VECTOR <= length by choice of blocks;
    // the buffer holds pairs + 1 bytes, pairs >= VECTOR, and tail <= length - VECTOR <= pairs.
    unsafe {
        count_first(data, head)
            + count_lines(data.add(head), blocks)
            + count_unaligned(data, tail, pairs)
    }
}

/// Doubles among the first `pairs` pairs, fewer than 64.
///
/// # Safety
///
/// 65 bytes can be read from `data`.
#[target_feature(enable = "avx2,popcnt")]
unsafe fn count_first(data: *const u8, pairs: usize) -> u64 {
    // SAFETY: each reads 33 bytes, the last of them the 65th.
    let (low, high) = unsafe { (doubles_at(data), doubles_at(data.add(VECTOR))) };
    let doubles = u64::from(low) | u64::from(high) << VECTOR;
    u64::from((doubles & ((1 << pairs) - 1)).count_ones())
}

/// Doubles among the pairs `from .. to`, one vector at a time. The last vector ends with the last
/// pair, wherever that is, and what it shares with the one before is left out.
///
/// # Safety
///
/// `from <= to`, `to >= 32`, and `to + 1` bytes can be read from `data`.
#[target_feature(enable = "avx2,popcnt")]
unsafe fn count_unaligned(data: *const u8, from: usize, to: usize) -> u64 {
    let mut total = 0;
    let mut pair = from;
    while pair + VECTOR <= to {
        // SAFETY: reads 33 bytes from pair on, and pair + 33 <= to + 1.
        total += unsafe { doubles_at(data.add(pair)) }.count_ones();
        pair += VECTOR;
    }
    if pair < to {
        // SAFETY: to >= 32, and reads 33 bytes from there on, the last of them at to.
        let last = unsafe { doubles_at(data.add(to - VECTOR)) };
        total += (last >> (VECTOR - (to - pair))).count_ones();
    }
    u64::from(total)
}

/// A bit for each of the 32 pairs that begin at `data` on, set for doubles.
///
/// # Safety
///
/// 33 bytes can be read from `data`.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
unsafe fn doubles_at(data: *const u8) -> u32 {
    // SAFETY: 32 bytes from data and 32 from data + 1, which is 33 in all; unaligned loads.
    let (left, right) = unsafe {
        (
            _mm256_loadu_si256(data.cast()),
            _mm256_loadu_si256(data.add(1).cast()),
        )
    };
    _mm256_movemask_epi8(_mm256_cmpeq_epi8(left, right)).cast_unsigned()
}

/// Doubles among the pairs that begin in `blocks` blocks.
///
/// # Safety
///
/// `data` is aligned to a cache line, and `blocks * 256 + 32` bytes can be read from it.
#[target_feature(enable = "avx2,popcnt")]
unsafe fn count_lines(data: *const u8, blocks: usize) -> u64 {
    let mut total = _mm256_setzero_si256();
    // SAFETY: 32 bytes can be read even if there are no blocks.
    let mut even = unsafe { _mm256_load_si256(data.cast()) };
    let mut done = 0;
    while done < blocks {
        let until = blocks.min(done + BLOCKS_PER_FLUSH);
        let mut lanes = [_mm256_setzero_si256(); VECTORS];
        for block in done..until {
            for line in 0..VECTORS / 2 {
                let offset = block * BLOCK + line * LINE;
                // A hint: it reads nothing and may point anywhere, hence the wrapping.
                let ahead = data.wrapping_add(offset + PREFETCH);
                _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
                // SAFETY: the last load is of 32 bytes, 64 bytes on from an offset that is at most
                // blocks * 256 - 64; the aligned ones are at multiples of 32 from an aligned start.
                let (even_shifted, odd, next) = unsafe {
                    let line = data.add(offset);
                    (
                        _mm256_loadu_si256(line.add(1).cast()),
                        _mm256_load_si256(line.add(VECTOR).cast()),
                        _mm256_load_si256(line.add(LINE).cast()),
                    )
                };
                // Bytes 1 .. 17 of odd, then bytes 17 .. 33 of odd and next.
                let middle = _mm256_permute2x128_si256::<0x21>(odd, next);
                let odd_shifted = _mm256_alignr_epi8::<1>(middle, odd);
                let [low, high] = [2 * line, 2 * line + 1];
                lanes[low] = _mm256_sub_epi8(lanes[low], _mm256_cmpeq_epi8(even, even_shifted));
                lanes[high] = _mm256_sub_epi8(lanes[high], _mm256_cmpeq_epi8(odd, odd_shifted));
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

#[target_feature(enable = "avx2,popcnt")]
fn spell(table: &Table, text: &mut [u8]) {
    match table.size() {
        0..=32 => look_up::<2>(table, text),
        33..=64 => look_up::<4>(table, text),
        _ => look_up::<8>(table, text),
    }
}

/// Looks up 32 digits at a time, in a table of `PARTS` times 16 characters. A shuffle looks up 16
/// characters by four bits, and gives zero where the highest bit is set; so each part of the table
/// answers for its own digits and gives zero for the others, and the answers are or-ed together.
#[target_feature(enable = "avx2,popcnt")]
fn look_up<const PARTS: usize>(table: &Table, text: &mut [u8]) {
    let (parts, _) = table.characters.as_chunks::<16>();
    let mut lanes = [_mm256_setzero_si256(); PARTS];
    for (lanes, part) in lanes.iter_mut().zip(parts) {
        // SAFETY: a part is 16 bytes long; an unaligned load.
        *lanes = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(part.as_ptr().cast()) });
    }
    let (vectors, rest) = text.as_chunks_mut::<VECTOR>();
    for vector in vectors {
        // SAFETY: a vector is 32 bytes long; an unaligned load.
        let digits = unsafe { _mm256_loadu_si256(vector.as_ptr().cast()) };
        let mut characters = _mm256_setzero_si256();
        for (part, lanes) in (0i8..).zip(lanes) {
            // Below 16 for this part's digits; adding 0x70 sets the highest bit of all others.
            let own = _mm256_xor_si256(digits, _mm256_set1_epi8(part << 4));
            let index = _mm256_adds_epu8(own, _mm256_set1_epi8(0x70));
            characters = _mm256_or_si256(characters, _mm256_shuffle_epi8(lanes, index));
        }
        // SAFETY: a vector is 32 bytes long; an unaligned store.
        unsafe { _mm256_storeu_si256(vector.as_mut_ptr().cast(), characters) };
    }
    portable::spell(table, rest);
}
