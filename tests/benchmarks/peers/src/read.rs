//! Pure reads: the exclusive or of all bytes, which needs each of them and next to no arithmetic.
//!
//! Which shape of the loop is fastest depends on the processor and on the cache that holds the bytes,
//! so there are several, and the limit is the fastest of them.

use rayon::prelude::*;

/// Bytes per piece of work for a thread.
const PIECE: usize = 1 << 20;

type Read = fn(&[u8]) -> u8;

/// Returns the read that takes `vectors` vectors of `vector` bytes a turn and prefetches `ahead` bytes
/// ahead (0: not at all); or None if there is no such read, or the processor can't run it.
pub fn shaped(vector: usize, vectors: usize, ahead: usize) -> Option<Read> {
    #[cfg(target_arch = "x86_64")]
    match vector {
        32 if is_x86_feature_detected!("avx2") => return avx2::shaped(vectors, ahead),
        64 if is_x86_feature_detected!("avx512f") => return avx512::shaped(vectors, ahead),
        _ => {}
    }
    (vector == 1 && vectors == PORTABLE && ahead == 0).then_some(portable as Read)
}

pub fn parallel(read: Read, bytes: &[u8]) -> u8 {
    let pieces = bytes.par_chunks(PIECE).map(read);
    pieces.reduce(|| 0, |left, right| left ^ right)
}

/// Bytes a turn of the portable read.
const PORTABLE: usize = 256;

/// Whole blocks lane by lane, which the compiler turns into vectors, then what is left.
fn portable(bytes: &[u8]) -> u8 {
    let (blocks, rest) = bytes.as_chunks::<PORTABLE>();
    let mut lanes = [0; PORTABLE];
    for block in blocks {
        for (lane, byte) in lanes.iter_mut().zip(block) {
            *lane ^= byte;
        }
    }
    fold(&lanes) ^ fold(rest)
}

fn fold(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |all, byte| all ^ byte)
}

/// The reads with one kind of vector: aligned loads, each of a turn with an accumulator of its own.
#[cfg(target_arch = "x86_64")]
macro_rules! reads {
    ($width:ident, $feature:literal, $vector:ty, $zero:ident, $xor:ident) => {
        mod $width {
            use super::{Read, fold};
            use std::arch::x86_64::*;

            pub fn shaped(vectors: usize, ahead: usize) -> Option<Read> {
                Some(match (vectors, ahead) {
                    (4, 0) => shape::<4, 0>,
                    (4, 1024) => shape::<4, 1024>,
                    (8, 0) => shape::<8, 0>,
                    (8, 1024) => shape::<8, 1024>,
                    _ => return None,
                })
            }

            fn shape<const VECTORS: usize, const AHEAD: usize>(bytes: &[u8]) -> u8 {
                // SAFETY: `super::shaped` gives out this function only where the CPU has the feature.
                unsafe { each::<VECTORS, AHEAD>(bytes) }
            }

            #[target_feature(enable = $feature)]
            fn each<const VECTORS: usize, const AHEAD: usize>(bytes: &[u8]) -> u8 {
                // SAFETY: any bytes of a vector's size are a vector.
                let (head, vectors, tail) = unsafe { bytes.align_to::<$vector>() };
                let (turns, rest) = vectors.as_chunks::<VECTORS>();
                let mut lanes = [$zero(); VECTORS];
                for turn in turns {
                    if AHEAD > 0 {
                        for line in 0..size_of_val(turn) / 64 {
                            // A hint: it reads nothing and may point anywhere, hence the wrapping.
                            let next = turn.as_ptr().cast::<i8>().wrapping_add(AHEAD + 64 * line);
                            _mm_prefetch::<_MM_HINT_T0>(next);
                        }
                    }
                    for (lane, vector) in lanes.iter_mut().zip(turn) {
                        *lane = $xor(*lane, *vector);
                    }
                }
                for vector in rest {
                    lanes[0] = $xor(lanes[0], *vector);
                }
                let together = lanes.into_iter().fold($zero(), |all, lane| $xor(all, lane));
                // SAFETY: any vector is bytes.
                let (_, folded, _) = unsafe { std::slice::from_ref(&together).align_to::<u8>() };
                fold(head) ^ fold(folded) ^ fold(tail)
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
reads!(
    avx2,
    "avx2",
    __m256i,
    _mm256_setzero_si256,
    _mm256_xor_si256
);
#[cfg(target_arch = "x86_64")]
reads!(
    avx512,
    "avx512f",
    __m512i,
    _mm512_setzero_si512,
    _mm512_xor_si512
);
