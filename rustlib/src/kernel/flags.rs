//! A bit for each of 64 lanes, in one number: the first lane's is the lowest.

/// Bytes per block: two to four vector registers, so that operations on them don't wait for each other.
pub(crate) const LANES: usize = 64;

/// What a vector has in a lane where something is so: all bits.
#[inline(always)]
pub(super) fn mask(is_so: bool) -> u8 {
    u8::from(is_so).wrapping_neg()
}

/// A bit for each lane. A long `flag` has to be `#[inline(always)]` too: called lane by lane, it is ten times as slow
/// with AVX2.
#[inline(always)]
pub(super) fn flags(flag: impl Fn(usize) -> bool) -> u64 {
    let mut lanes = [0; LANES];
    for (lane, byte) in lanes.iter_mut().enumerate() {
        *byte = mask(flag(lane));
    }
    highest(&lanes)
}

/// The highest bit of each lane. No loop is compiled to the instruction that does it: with the multiplications for
/// other CPUs, marking takes twice as long (Zen 4).
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn highest(lanes: &[u8; LANES]) -> u64 {
    use std::arch::x86_64::{_mm_loadu_si128, _mm_movemask_epi8};
    let (vectors, _) = lanes.as_chunks::<16>();
    vectors.iter().rev().fold(0, |bits, vector| {
        // SAFETY: every x86-64 has SSE2, and a vector is 16 bytes long; an unaligned load.
        let signs = unsafe { _mm_movemask_epi8(_mm_loadu_si128(vector.as_ptr().cast())) };
        bits << 16 | u64::from(signs.cast_unsigned())
    })
}

/// The highest bit of each lane, or any other, as all are equal: each eight lanes keep one bit each, and neighbours
/// are added three times.
///
/// llvm-mca 19 estimates that finding the equal bytes of two blocks takes 7, 7 and 5 cycles (Neoverse N1, Neoverse N2,
/// Apple M1), and 31, 16 and 13 with the multiplications for other CPUs. Nobody has timed it.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(super) fn highest(lanes: &[u8; LANES]) -> u64 {
    use std::arch::{aarch64::*, asm};
    const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    /// Adds neighbours. Of `vpaddq_u8`, LLVM 22 makes three instructions, since it sees that they differ in their bits.
    #[inline(always)]
    fn added(left: uint8x16_t, right: uint8x16_t) -> uint8x16_t {
        let sums;
        // SAFETY: every aarch64 for which there is a std has NEON. The instruction works on registers alone.
        unsafe {
            asm!(
                "addp {sums:v}.16b, {left:v}.16b, {right:v}.16b",
                left = in(vreg) left,
                right = in(vreg) right,
                sums = lateout(vreg) sums,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        sums
    }
    let (vectors, _) = lanes.as_chunks::<16>();
    // SAFETY: every aarch64 for which there is a std has NEON. A vector and the bits are 16 bytes long; loads of any
    // alignment.
    let bits_of = |index: usize| unsafe {
        vandq_u8(vld1q_u8(vectors[index].as_ptr()), vld1q_u8(BITS.as_ptr()))
    };
    let fours = added(added(bits_of(0), bits_of(1)), added(bits_of(2), bits_of(3)));
    let eights = added(fours, fours);
    // SAFETY: every aarch64 for which there is a std has NEON.
    unsafe { vgetq_lane_u64::<0>(vreinterpretq_u64_u8(eights)) }
}

/// The highest bit of each lane.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline(always)]
pub(super) fn highest(lanes: &[u8; LANES]) -> u64 {
    const HIGHEST: u64 = 0x8080_8080_8080_8080;
    /// Moves the lowest bit of each byte into the highest byte, the first byte's lowest.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (words, _) = lanes.as_chunks::<8>();
    words.iter().rev().fold(0, |bits, &word| {
        let word = (u64::from_le_bytes(word) & HIGHEST) >> 7;
        bits << 8 | word.wrapping_mul(GATHER) >> 56
    })
}
