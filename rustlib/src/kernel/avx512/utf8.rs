//! UTF-8 with AVX-512, VBMI included; [`crate::kernel::utf8`] has the idea.
//!
//! ```text
//! for each vector of 64 bytes x:
//!     p1, p2, p3, p4 = x, loaded 1, 2, 3, 4 bytes earlier
//!     lead2 = max(x, p1, p2),  lead3 = max(lead2, p3)
//!     peer  = p4 where lead3 >= F0, p3 where lead2 >= E0, p2 where x >= 80, or else p1
//!     equal = (x == peer),  continuation = (80 <= x < C0)
//!     sum   = equal + (equal & !continuation) + carry
//!     doubles       += ones in (sum & !continuation)
//!     continuations += ones in continuation
//!     pair   = BY_FIRST[max(p1, BF)] & (continuation ? BY_SECOND[x] : NO_SECOND)
//!     wrong |= pair, its highest bit apart
//!     wrong |= (highest bit of pair) xor (p2 >= E0 or p3 >= F0)
//! ```
//!
//! 1. Two masks move to scalar registers for each vector, and each move takes a Zen 4 two cycles. All other
//!    masks choose bytes where they are made.
//! 2. Two tables of 64 bytes say what is wrong with two neighbours: they share a bit. `max(p1, BF)` makes all
//!    bytes that begin nothing longer the same, so that six bits are an index. FF and BF look alike then; the
//!    maximum of all bytes finds FF.
//! 3. The highest bit says that a continuation follows a byte that is no lead. That is right exactly where a
//!    third or a fourth byte belongs.
//! 4. There is one loop for code points of up to three bytes, and one for four. The first finds out by its
//!    maximum that it was the wrong one, and then the tile is done again: no pass looks for the greatest byte
//!    first.
//! 5. ASCII is asked for only while there is much of it; tiles of other text grow.
//! 6. The two ends of a text are vectors of their own, whose bytes before are shifted in from the vector before:
//!    nothing of a short text is copied.

use crate::kernel::CodePoints;
use crate::kernel::utf8::{BEFORE, Start, greatest_at_end, move_to_ends, other_than};
use std::arch::x86_64::*;

/// Bytes per vector.
const VECTOR: usize = 64;

const _: () = assert!(BEFORE == VECTOR);

/// Bytes per tile where ASCII is asked for.
const TILE: usize = 256;

/// Bytes per tile, at most, where it is not.
const LONG: usize = 2048;

/// Tiles grow if they have a continuation in this many bytes.
const SPARSE: usize = 32;

/// A vector, and what is before it.
const VIEW: usize = BEFORE + VECTOR;

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
pub(super) fn count(text: &[u8]) -> Option<CodePoints> {
    let mut sum = Sum::new();
    let other = all(text.first().map_or(0, |&first| other_than(first)));
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let mut lines = text;
        if let Some(start) = Start::new(text) {
            let [before, first, second] = start.window.as_chunks().0 else {
                unreachable!("a start has three vectors");
            };
            sum.add_vector(load(before), load(first), VECTOR);
            sum.add_vector(load(first), load(second), VECTOR);
            lines = &text[start.line..];
        } else {
            sum.add_vector(other, load(first), VECTOR);
        }
        let whole = lines.len() / VECTOR * VECTOR;
        sum.add(&lines[..whole], |_, _| {});
        let before = lines[..whole].last_chunk().expect("a vector");
        let rest = lines.len() - whole;
        sum.add_vector(load(before), last_bytes(last, rest), rest);
    } else if !text.is_empty() {
        // SAFETY: the mask lets through the bytes of the text. Others are not read.
        let x = unsafe { _mm512_maskz_loadu_epi8(below(text.len()), text.as_ptr().cast()) };
        sum.add_vector(other, x, text.len());
    }
    sum.is_valid().then(|| CodePoints {
        length: text.len() as u64 - sum.continuations,
        count: sum.doubles,
    })
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
pub(super) fn mark(text: &[u8], marks: &mut [u64]) -> Option<bool> {
    let mut sum = Sum::new();
    let text = &text[..BEFORE + marks.len() * VECTOR];
    sum.add(text, |vector, ended| marks[vector] = ended);
    move_to_ends(marks, sum.carry != 0);
    sum.is_valid().then_some(sum.continuations != 0)
}

/// What the vectors so far add up to.
struct Sum {
    /// Doubles, each counted at the byte after it.
    doubles: u64,
    /// Bytes that continue a code point.
    continuations: u64,
    /// 1 if all bytes so far of the last code point equal their peers.
    carry: u8,
    /// Not zero where something is wrong.
    wrong: __m512i,
    /// Whether the last tile was ASCII.
    was_ascii: bool,
    /// Whether the last tile had code points of four bytes.
    had_four: bool,
    /// Bytes of the next tile.
    tile: usize,
}

impl Sum {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
    fn new() -> Self {
        Self {
            doubles: 0,
            continuations: 0,
            carry: 0,
            wrong: all(0),
            was_ascii: false,
            had_four: false,
            tile: TILE,
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
    fn is_valid(&self) -> bool {
        _mm512_test_epi8_mask(self.wrong, self.wrong) == 0
    }

    /// Adds a vector of `size` bytes of text, and zeros after them.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
    fn add_vector(&mut self, before: __m512i, x: __m512i, size: usize) {
        let shifted = _mm512_alignr_epi32::<12>(x, before);
        let seen = Seen::new::<4>([
            x,
            _mm512_alignr_epi8::<15>(x, shifted),
            _mm512_alignr_epi8::<14>(x, shifted),
            _mm512_alignr_epi8::<13>(x, shifted),
            _mm512_alignr_epi8::<12>(x, shifted),
        ]);
        let ended;
        (ended, self.carry) = seen.ended(self.carry);
        // A double may end before the first zero; zeros are equal to each other.
        self.doubles += u64::from((ended & below(size + 1)).count_ones());
        self.continuations += u64::from(seen.continuation.count_ones());
        self.add_wrong(seen.wrong, seen.misplaced, seen.greatest);
    }

    /// Adds the vectors of a text but the first, which is only seen. Calls `found` with the number of each,
    /// perhaps more than once, and a bit for each byte right before which a double ended.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
    fn add(&mut self, text: &[u8], mut found: impl FnMut(usize, u64)) {
        let mut done = 0;
        loop {
            let window = &text[done..];
            let first = done / VECTOR;
            if self.tile == TILE
                && let Some(window) = window.first_chunk()
                && self.add_ascii(window, |vector, ended| found(first + vector, ended))
            {
                done += TILE;
                continue;
            }
            let size = self.tile.min(window.len() - BEFORE);
            if size == 0 {
                break;
            }
            let window = &window[..BEFORE + size];
            self.was_ascii = false;
            if self.had_four
                || !self.add_tile::<3>(window, |vector, ended| found(first + vector, ended))
            {
                self.add_tile::<4>(window, |vector, ended| found(first + vector, ended));
            }
            done += size;
        }
    }

    /// Adds a tile of ASCII. Does nothing and returns false if it is something else.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
    fn add_ascii(
        &mut self,
        window: &[u8; BEFORE + TILE],
        mut found: impl FnMut(usize, u64),
    ) -> bool {
        let [before, tile @ ..] = window.as_chunks::<VECTOR>().0 else {
            unreachable!("a window has more than one vector");
        };
        let mut any = all(0);
        for vector in tile {
            any = _mm512_or_si512(any, load(vector));
        }
        if _mm512_movepi8_mask(any) != 0 {
            return false;
        }
        let mut before = load(before);
        if !self.was_ascii {
            // A code point that begins before the tile has to end there.
            let torn = _mm512_subs_epu8(before, load(&const { greatest_at_end() }));
            self.wrong = _mm512_or_si512(self.wrong, torn);
        }
        self.was_ascii = true;
        let mut carry = u64::from(self.carry);
        self.doubles += carry;
        for (index, vector) in tile.iter().enumerate() {
            let x = load(vector);
            let p1 = _mm512_alignr_epi8::<15>(x, _mm512_alignr_epi32::<12>(x, before));
            before = x;
            let equal = _mm512_cmpeq_epi8_mask(x, p1);
            self.doubles += u64::from(equal.count_ones());
            found(index, equal << 1 | carry);
            carry = equal >> 63;
        }
        self.doubles -= carry; // It is counted at the next byte.
        self.carry = carry as u8;
        true
    }

    /// Adds a tile. Does nothing and returns false if it has a code point of more than `LONGEST` bytes, 3 or 4.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
    fn add_tile<const LONGEST: usize>(
        &mut self,
        window: &[u8],
        mut found: impl FnMut(usize, u64),
    ) -> bool {
        let (mut doubles, mut continuations, mut carry) = (0, 0, self.carry);
        let (mut wrong, mut misplaced) = (all(0), all(0));
        let mut greatest = load(window.first_chunk().expect("a window shows more"));
        let mut rest = window;
        let mut index = 0;
        while let Some(view) = rest.first_chunk() {
            let seen = Seen::new::<LONGEST>([
                back::<0>(view),
                back::<1>(view),
                back::<2>(view),
                back::<3>(view),
                back::<4>(view),
            ]);
            let ended;
            (ended, carry) = seen.ended(carry);
            found(index, ended);
            doubles += u64::from(ended.count_ones());
            continuations += u64::from(seen.continuation.count_ones());
            greatest = _mm512_max_epu8(greatest, seen.greatest);
            wrong = _mm512_or_si512(wrong, seen.wrong);
            misplaced = _mm512_or_si512(misplaced, seen.misplaced);
            rest = &rest[VECTOR..];
            index += 1;
        }
        let has_four = at_least(0xF0, greatest) != 0;
        if LONGEST == 3 && has_four {
            return false;
        }
        self.had_four = has_four;
        self.add_wrong(wrong, misplaced, greatest);
        self.doubles += doubles;
        self.continuations += continuations;
        self.carry = carry;
        let is_dense = continuations >= (window.len() / SPARSE) as u64;
        self.tile = if is_dense {
            LONG.min(2 * self.tile)
        } else {
            TILE
        };
        true
    }

    /// Takes note of what is wrong.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
    fn add_wrong(&mut self, wrong: __m512i, misplaced: __m512i, greatest: __m512i) {
        let wrong = _mm512_and_si512(wrong, all(!NO_FIRST));
        let misplaced = _mm512_and_si512(misplaced, all(NO_FIRST));
        let beyond = _mm512_subs_epu8(greatest, all(0xF4));
        self.wrong = _mm512_ternarylogic_epi64::<OR_OR>(self.wrong, wrong, misplaced);
        self.wrong = _mm512_or_si512(self.wrong, beyond);
    }
}

/// What is known of a vector.
struct Seen {
    /// Bytes that equal their peers.
    equal: u64,
    /// Bytes that continue a code point.
    continuation: u64,
    /// What is wrong with neighbours. The highest bit means nothing.
    wrong: __m512i,
    /// The highest bit is set where continuations are and should not be, or the other way round.
    misplaced: __m512i,
    /// The greatest of some bytes: of all that may begin a code point of four bytes here.
    greatest: __m512i,
}

impl Seen {
    /// Looks at the bytes of a vector, and at those one to four before each of them.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
    fn new<const LONGEST: usize>([x, p1, p2, p3, p4]: [__m512i; 5]) -> Self {
        let mut peer = _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), p1, p2);
        let mut lead = _mm512_max_epu8(_mm512_max_epu8(x, p1), p2);
        peer = _mm512_mask_blend_epi8(at_least(0xE0, lead), peer, p3);
        if LONGEST == 4 {
            lead = _mm512_max_epu8(lead, p3);
            peer = _mm512_mask_blend_epi8(at_least(0xF0, lead), peer, p4);
        }
        let continuation = _mm512_cmplt_epi8_mask(x, all(0xC0));

        let first = _mm512_max_epu8(p1, all(0xBF));
        let first = _mm512_permutexvar_epi8(first, load(&BY_FIRST));
        let second = all(NO_SECOND);
        let second = _mm512_mask_permutexvar_epi8(second, continuation, x, load(&BY_SECOND));
        let wrong = _mm512_and_si512(first, second);
        // Where a third or a fourth byte belongs. Only the highest bit means anything.
        let mut later = _mm512_subs_epu8(p2, all(0xE0 - 0x80));
        if LONGEST == 4 {
            later = _mm512_or_si512(later, _mm512_subs_epu8(p3, all(0xF0 - 0x80)));
        }
        Self {
            equal: _mm512_cmpeq_epi8_mask(x, peer),
            continuation,
            wrong,
            misplaced: _mm512_xor_si512(wrong, later),
            greatest: lead,
        }
    }

    /// A bit for each byte that begins a code point and right before which a double ended, and the carry.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
    fn ended(&self, carry: u8) -> (u64, u8) {
        let mut sum = 0;
        let carry = _addcarry_u64(carry, self.equal, self.equal & !self.continuation, &mut sum);
        (sum & !self.continuation, carry)
    }
}

/// `a | b | c`, as the table of a ternary function.
const OR_OR: i32 = 0xFE;

/// What may be wrong with two neighbours: a bit for each kind of second byte, set also for the first bytes that
/// it must not follow.
const NEVER: u8 = 0x01;
const BELOW_A0: u8 = 0x02;
const FROM_A0: u8 = 0x04;
const BELOW_90: u8 = 0x08;
const FROM_90: u8 = 0x10;

/// A lead, then no continuation.
const NO_SECOND: u8 = 0x40;

/// No lead, then a continuation. That is right if it is the third or fourth byte of its code point.
const NO_FIRST: u8 = 0x80;

/// What a first byte rules out: C0 to FE, and, in place of FF, all below C0.
static BY_FIRST: [u8; 64] = {
    let mut table = [NO_FIRST; 64];
    let mut byte = 0xC0;
    while byte < 0xFF {
        table[byte - 0xC0] = NO_SECOND
            | match byte {
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

/// What a continuation is, 80 to BF.
static BY_SECOND: [u8; 64] = {
    let mut table = [0; 64];
    let mut byte = 0x80;
    while byte <= 0xBF {
        table[byte - 0x80] = NO_FIRST
            | NEVER
            | match byte {
                0x80..0x90 => BELOW_A0 | BELOW_90,
                0x90..0xA0 => BELOW_A0 | FROM_90,
                _ => FROM_A0 | FROM_90,
            };
        byte += 1;
    }
    table
};

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn load(bytes: &[u8; VECTOR]) -> __m512i {
    // SAFETY: the array has 64 bytes; an unaligned load.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// The vector `K` bytes before the last one of a view.
///
/// Each load but the first may cross a cache line. Where that costs more than shuffles, four lines of
/// [`Sum::add_tile`] are to be swapped: take the vector before, `back::<64>`, and shift the others in as
/// [`Sum::add_vector`] does. On Zen 4 that is a sixth slower (Chinese, 2 MB: 20.8 GB/s, not 24.6). Nobody has timed
/// it on a Zen 5, whose loads that cross a line may cost more: time Russian, Chinese and emoji both ways, from L2
/// and from memory.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn back<const K: usize>(view: &[u8; VIEW]) -> __m512i {
    let bytes = view[BEFORE - K..].first_chunk();
    load(bytes.expect("K is less than BEFORE"))
}

/// The last `size` bytes of a vector, and zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn last_bytes(bytes: &[u8; VECTOR], size: usize) -> __m512i {
    const PLACES: [u8; VECTOR] = {
        let mut places = [0; VECTOR];
        let mut i = 0;
        while i < VECTOR {
            places[i] = i as u8;
            i += 1;
        }
        places
    };
    let from = _mm512_add_epi8(load(&PLACES), all((VECTOR - size) as u8));
    _mm512_maskz_permutexvar_epi8(below(size), from, load(bytes))
}

/// The lowest `lanes` bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn below(lanes: usize) -> u64 {
    _bzhi_u64(u64::MAX, lanes as u32)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn all(byte: u8) -> __m512i {
    _mm512_set1_epi8(byte.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2,popcnt")]
fn at_least(limit: u8, bytes: __m512i) -> __mmask64 {
    _mm512_cmpge_epu8_mask(bytes, all(limit))
}
