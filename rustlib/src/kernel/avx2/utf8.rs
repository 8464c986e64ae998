//! UTF-8 with AVX2; [`crate::kernel::utf8`] has the idea.
//!
//! ```text
//! for each 64 bytes, in two vectors x:
//!     p1, p2, p3, p4 = x, loaded 1, 2, 3, 4 bytes earlier
//!     lead2 = max(x, p1, p2),  lead3 = max(lead2, p3)
//!     peer  = p4 where lead3 >= F0, p3 where lead2 >= E0, p2 where x >= 80, or else p1
//!     equal, continuation = (x == peer), (80 <= x < C0)        64 bits of both vectors
//!     sum   = equal + (equal & !continuation) + carry
//!     doubles       += ones in (sum & !continuation)
//!     continuations += ones in continuation
//!     wrong |= what is wrong with x and p1
//! ```
//!
//! 1. Peers are picked by signs: that of `x` tells ASCII from the rest, and a saturating subtraction makes signs
//!    of the other conditions.
//! 2. The greatest byte of a tile and of the bytes before it picks one of four loops: the fewer bytes code points
//!    have, the less there is to pick and to check. One branch for each tile is cheap; one for each vector costs
//!    a quarter (Zen 5).
//! 3. Up to three bytes, comparisons find what is wrong faster than the three tables of Keiser and Lemire, which
//!    code points of four bytes need.
//! 4. Where no code point has more than two bytes, `x p1` is compared with `p2 p3` at the second byte, and doubles
//!    add up in lanes: without masks and their addition that is a twentieth faster (Zen 4).
//! 5. What AVX-512 gains by tiles that grow is lost here, as 16 registers do not hold all that a loop needs.

use crate::kernel::utf8::{BEFORE, Start, copy, greatest_at_end, move_to_ends};
use crate::kernel::{CodePoints, is_lead};
use std::arch::x86_64::*;

/// Bytes per vector.
const VECTOR: usize = 32;

/// Bytes per turn of a loop: two vectors, whose masks fill a number.
const TURN: usize = 64;

/// Bytes per tile.
const TILE: usize = 256;

/// What a turn sees: its bytes, and what is before them.
const VIEW: usize = BEFORE + TURN;

const _: () = assert!(TILE / VECTOR <= 255, "a lane is a u8");

#[target_feature(enable = "avx2,popcnt")]
pub(super) fn count(text: &[u8]) -> Option<CodePoints> {
    let mut sum = Sum::new();
    let mut lines = text;
    if let Some(start) = Start::new(text) {
        sum.add_copy(start.window.first_chunk().expect("a start has two turns"));
        sum.add_copy(start.window.last_chunk().expect("a start has two turns"));
        lines = &text[start.line..];
    } else {
        sum.add_copy(&copy(text, 0));
    }
    let whole = lines.len() / TURN * TURN;
    if whole > 0 {
        sum.add(&lines[..whole], |_, _| {});
        sum.add_copy(&copy(lines, whole));
    }
    sum.is_valid().then(|| CodePoints {
        length: text.len() as u64 - sum.continuations,
        count: sum.doubles,
    })
}

#[target_feature(enable = "avx2,popcnt")]
pub(super) fn mark(text: &[u8], marks: &mut [u64]) -> Option<bool> {
    let mut sum = Sum::new();
    let text = &text[..BEFORE + marks.len() * TURN];
    sum.add(text, |turn, ended| marks[turn] = ended);
    move_to_ends(marks, sum.carry != 0);
    sum.is_valid().then_some(sum.continuations != 0)
}

/// What the tiles so far add up to.
struct Sum {
    /// Doubles, each counted at the byte after it.
    doubles: u64,
    /// Bytes that continue a code point.
    continuations: u64,
    /// 1 if all bytes so far of the last code point equal their peers.
    carry: u8,
    /// Not zero where something is wrong.
    wrong: __m256i,
    /// Whether the last tile was ASCII.
    was_ascii: bool,
}

impl Sum {
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn new() -> Self {
        Self {
            doubles: 0,
            continuations: 0,
            carry: 0,
            wrong: all(0),
            was_ascii: false,
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn is_valid(&self) -> bool {
        _mm256_testz_si256(self.wrong, self.wrong) == 1
    }

    /// Adds one end of a text, of which a window is a copy. To find out which loop would do takes longer than the
    /// longest.
    #[inline(never)]
    #[target_feature(enable = "avx2,popcnt")]
    fn add_copy(&mut self, window: &[u8; VIEW]) {
        self.was_ascii = false;
        self.add_tile::<4>(window, |_, _| {});
    }

    /// Adds a text but its first [`BEFORE`] bytes, which are only seen. Calls `found` with the number of each
    /// turn, and a bit for each byte right before which a double ended.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn add(&mut self, text: &[u8], mut found: impl FnMut(usize, u64)) {
        let mut rest = text;
        let mut first = 0;
        while let Some(window) = rest.first_chunk::<{ BEFORE + TILE }>() {
            self.add_window(window, |turn, ended| found(first + turn, ended));
            rest = &rest[TILE..];
            first += TILE / TURN;
        }
        while let Some(window) = rest.first_chunk::<VIEW>() {
            self.add_window(window, |_, ended| found(first, ended));
            rest = &rest[TURN..];
            first += 1;
        }
    }

    /// Adds the tile that is seen through a window.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn add_window<const WINDOW: usize>(
        &mut self,
        window: &[u8; WINDOW],
        mut found: impl FnMut(usize, u64),
    ) {
        if let Err(greatest) = self.add_ascii(window, &mut found) {
            self.add_wide(window, greatest, &mut found);
        }
    }

    /// Adds a tile of ASCII. If it is something else, does nothing and returns the greatest bytes of it and of
    /// those before.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn add_ascii<const WINDOW: usize>(
        &mut self,
        window: &[u8; WINDOW],
        mut found: impl FnMut(usize, u64),
    ) -> Result<(), __m256i> {
        let (before, tile) = window.split_at(BEFORE);
        let before = load(before.last_chunk().expect("more than a vector"));
        let mut greatest = all(0);
        for vector in tile.as_chunks().0 {
            greatest = _mm256_max_epu8(greatest, load(vector));
        }
        if signs(greatest) != 0 {
            return Err(_mm256_max_epu8(greatest, before));
        }
        if !self.was_ascii {
            // A code point that begins before the tile has to end there.
            let torn = _mm256_subs_epu8(before, load(&const { greatest_at_end() }));
            self.wrong = or(self.wrong, torn);
        }
        self.was_ascii = true;
        let (mut doubles, mut equal, mut halves) = (all(0), all(0), [0; 2]);
        let mut before = u64::from(self.carry);
        self.doubles += before;
        let moved = window[BEFORE - 1..].as_chunks().0;
        for (index, (x, p1)) in tile.as_chunks().0.iter().zip(moved).enumerate() {
            equal = _mm256_cmpeq_epi8(load(x), load(p1));
            doubles = _mm256_sub_epi8(doubles, equal);
            halves[index % 2] = signs(equal);
            if index % 2 == 1 {
                let ends = joined(halves);
                found(index / 2, ends << 1 | before);
                before = ends >> 63;
            }
        }
        // The last one is counted at the next byte. (Asked of the vector, so that counting needs no masks.)
        self.carry = (signs(equal) >> 31) as u8;
        self.doubles += sum(doubles) - u64::from(self.carry);
        Ok(())
    }

    /// Adds a tile of any text, given the greatest bytes of it and of those before.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn add_wide<const WINDOW: usize>(
        &mut self,
        window: &[u8; WINDOW],
        greatest: __m256i,
        found: impl FnMut(usize, u64),
    ) {
        self.was_ascii = false;
        if signs(at_least(0xE0, greatest)) == 0 {
            self.add_two(window, found);
        } else if signs(at_least(0xF0, greatest)) == 0 {
            self.add_three(window, found);
        } else {
            self.add_four(window, found);
        }
    }

    /// Adds a tile whose code points have at most two bytes.
    #[inline(never)]
    #[target_feature(enable = "avx2,popcnt")]
    fn add_two<const WINDOW: usize>(
        &mut self,
        window: &[u8; WINDOW],
        mut found: impl FnMut(usize, u64),
    ) {
        let (mut doubles, mut continuations, mut double) = (all(0), all(0), all(0));
        let mut faults = Faults::new();
        // A code point that two tiles share is seen here in the window.
        let mut before = u64::from(self.carry & u8::from(is_lead(window[BEFORE])));
        self.doubles += before;
        for index in 0..(WINDOW - BEFORE) / TURN {
            let view = window[index * TURN..].first_chunk();
            let view = view.expect("a tile is whole turns");
            let mut ends = [0; 2];
            for (half, ends) in ends.iter_mut().enumerate() {
                let [x, p1, p2, p3] = [0, 1, 2, 3].map(|k| back(view, half, k));
                let continuation = _mm256_cmpgt_epi8(all(0xC0), x);
                faults.add::<2>(continuation, [x, p1, p2, p3]);
                let one = _mm256_xor_si256(x, p1);
                let two = or(_mm256_xor_si256(x, p2), _mm256_xor_si256(p1, p3));
                let different = _mm256_blendv_epi8(one, two, continuation);
                double = _mm256_cmpeq_epi8(different, all(0));
                *ends = signs(double);
                doubles = _mm256_sub_epi8(doubles, double);
                continuations = _mm256_sub_epi8(continuations, continuation);
            }
            let ends = joined(ends);
            found(index, ends << 1 | before);
            before = ends >> 63;
        }
        self.wrong = or(self.wrong, faults.any());
        // The last one is counted at the next byte. (Asked of the vector, so that counting needs no masks.)
        let ends_double = signs(double) >> 31;
        self.doubles += sum(doubles) - u64::from(ends_double);
        self.continuations += sum(continuations);
        let [peer, _, last] = window.last_chunk().expect("a window shows more");
        let has_begun = (*last >= 0xC0) & (peer == last);
        self.carry = ends_double as u8 | u8::from(has_begun);
    }

    /// Adds a tile whose code points have at most three bytes. Inlined, its length would be known and the loop
    /// unrolled, which makes it a tenth slower (Zen 4).
    #[inline(never)]
    #[target_feature(enable = "avx2,popcnt")]
    fn add_three(&mut self, window: &[u8], found: impl FnMut(usize, u64)) {
        self.add_tile::<3>(window, found);
    }

    /// Adds a tile of any text. Here unrolling makes it a tenth faster (Zen 4).
    #[inline(never)]
    #[target_feature(enable = "avx2,popcnt")]
    fn add_four<const WINDOW: usize>(
        &mut self,
        window: &[u8; WINDOW],
        found: impl FnMut(usize, u64),
    ) {
        self.add_tile::<4>(window, found);
    }

    /// Adds a tile whose code points have at most `LONGEST` bytes: 3 or 4.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn add_tile<const LONGEST: usize>(&mut self, window: &[u8], mut found: impl FnMut(usize, u64)) {
        let (mut doubles, mut continuations, mut carry) = (0, 0, self.carry);
        let mut faults = Faults::new();
        let mut rest = window;
        let mut index = 0;
        while let Some(view) = rest.first_chunk() {
            let (mut equals, mut continues) = ([0; 2], [0; 2]);
            for half in 0..2 {
                let [x, p1, p2, p3] = [0, 1, 2, 3].map(|k| back(view, half, k));
                let mut peer = _mm256_blendv_epi8(p1, p2, x);
                let mut lead = _mm256_max_epu8(_mm256_max_epu8(x, p1), p2);
                peer = _mm256_blendv_epi8(peer, p3, at_least(0xE0, lead));
                if LONGEST == 4 {
                    lead = _mm256_max_epu8(lead, p3);
                    peer = _mm256_blendv_epi8(peer, back(view, half, 4), at_least(0xF0, lead));
                }
                let continuation = _mm256_cmpgt_epi8(all(0xC0), x);
                faults.add::<LONGEST>(continuation, [x, p1, p2, p3]);
                equals[half] = signs(_mm256_cmpeq_epi8(x, peer));
                continues[half] = signs(continuation);
            }
            let (equal, continuation) = (joined(equals), joined(continues));
            let mut sum = 0;
            carry = _addcarry_u64(carry, equal, equal & !continuation, &mut sum);
            let ended = sum & !continuation;
            found(index, ended);
            doubles += u64::from(ended.count_ones());
            continuations += u64::from(continuation.count_ones());
            rest = &rest[TURN..];
            index += 1;
        }
        self.wrong = or(self.wrong, faults.any());
        self.doubles += doubles;
        self.continuations += continuations;
        self.carry = carry;
    }
}

/// What is wrong with the vectors of a tile.
struct Faults {
    /// Bits that should be zero, except for the highest of each byte.
    low: __m256i,
    /// Signs that should not be set. The other bits mean nothing.
    signs: __m256i,
    /// The least byte from C0 on, counted from there.
    least_lead: __m256i,
}

impl Faults {
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn new() -> Self {
        Self {
            low: all(0),
            signs: all(0),
            least_lead: all(0xFF),
        }
    }

    /// Adds what is wrong with a vector whose code points have at most `LONGEST` bytes, and the bytes one to
    /// three before each of its own.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn add<const LONGEST: usize>(&mut self, continuation: __m256i, [x, p1, p2, p3]: [__m256i; 4]) {
        if LONGEST == 4 {
            let high = |bytes| _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), all(0x0F));
            let [by_high, by_low, by_next] = [&BY_HIGH, &BY_LOW, &BY_NEXT].map(|table| {
                // SAFETY: a table has 16 bytes; an unaligned load.
                _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
            });
            let faults = _mm256_and_si256(
                _mm256_and_si256(
                    _mm256_shuffle_epi8(by_high, high(p1)),
                    _mm256_shuffle_epi8(by_low, _mm256_and_si256(p1, all(0x0F))),
                ),
                _mm256_shuffle_epi8(by_next, high(x)),
            );
            // Two continuations in a row are right exactly where a third or fourth byte belongs.
            let later = or(at_least(0xE0, p2), at_least(0xF0, p3));
            self.low = or(self.low, faults);
            self.signs = or(self.signs, _mm256_xor_si256(faults, later));
            return;
        }
        let mut expected = at_least(0xC0, p1);
        if LONGEST == 3 {
            expected = or(expected, at_least(0xE0, p2));
            // Bit 5 of a continuation says whether it is A0 or more; this moves it into the sign.
            let is_high = _mm256_slli_epi16::<2>(x);
            let bad_lead = _mm256_blendv_epi8(all(0xE0), all(0xED), is_high);
            self.signs = or(self.signs, _mm256_cmpeq_epi8(p1, bad_lead));
        }
        self.signs = or(self.signs, _mm256_xor_si256(expected, continuation));
        // Of `p1`, as in the tables: a lead that ends a tile is for the loop of the next tile to judge.
        self.least_lead = _mm256_min_epu8(self.least_lead, _mm256_sub_epi8(p1, all(0xC0)));
    }

    /// Not zero if anything is wrong.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn any(&self) -> __m256i {
        // C0 and C1: what they begin would fit one byte.
        let overlong = _mm256_cmpeq_epi8(_mm256_min_epu8(self.least_lead, all(1)), self.least_lead);
        let low = _mm256_and_si256(self.low, all(!TWO_CONTINUATIONS));
        let signs = _mm256_and_si256(self.signs, all(0x80));
        or(overlong, or(low, signs))
    }
}

/// What is wrong with a byte `p1` and the byte `x` after it: for each fault, the high and the low halves
/// of `p1` and the high halves of `x` that it has, a bit for each. Neighbours have a fault if all three bits are set.
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

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn load(bytes: &[u8; VECTOR]) -> __m256i {
    // SAFETY: the array has 32 bytes; an unaligned load.
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

/// A bit for the sign of each byte.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn signs(bytes: __m256i) -> u32 {
    _mm256_movemask_epi8(bytes).cast_unsigned()
}

/// The vector `k` bytes before one of the halves of a turn.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn back(view: &[u8; VIEW], half: usize, k: usize) -> __m256i {
    let bytes = view[BEFORE + half * VECTOR - k..].first_chunk();
    load(bytes.expect("a vector in the view"))
}

/// 64 bits, the lower half first.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn joined([low, high]: [u32; 2]) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// Sets the sign of each byte that is at least `limit`, which is 0x80 or more. The other bits mean nothing.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn at_least(limit: u8, bytes: __m256i) -> __m256i {
    _mm256_subs_epu8(bytes, all(limit - 0x80))
}

/// The sum of all lanes.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn sum(lanes: __m256i) -> u64 {
    let quarters = _mm256_sad_epu8(lanes, all(0));
    let halves = _mm_add_epi64(
        _mm256_castsi256_si128(quarters),
        _mm256_extracti128_si256::<1>(quarters),
    );
    (_mm_cvtsi128_si64(halves) + _mm_extract_epi64::<1>(halves)).cast_unsigned()
}
