//! The kernel for aarch64, with NEON, which every such CPU has: the portable kernel with a loop of its own for squeezing.
//!
//! ```text
//! for each 8 bytes x of a block, and the bits of those that are dropped:
//!     out  = x[places[bits]]         those that are kept, side by side, and then any
//!     out += 8 - ones in bits
//! ```
//!
//! For each of the 256 ways to drop some of eight bytes, the table has the places of the others. No branch depends on
//! where the dropped bytes are, while the portable loop copies again after each of them.
//!
//! Nobody has timed this kernel. These are estimates of llvm-mca 19 for 64 bytes, from the L1 cache, with all branches
//! predicted:
//!
//! ```text
//! cycles                        Neoverse N1   Neoverse N2   Apple M1
//! squeezing                         15            10            18
//! squeezing, nothing dropped         7             3             4
//! portable                          11            11            14   and again after each dropped stretch
//! ```
//!
//! English and French have about two doubles in 64 bytes, for which the portable loop takes 33, 33 and 42 cycles, and
//! mispredicts where it ends.
//!
//! Nothing else is estimated to gain a factor of two. Compiled for NEON, the portable loop that counts bytes takes two
//! instructions for each vector, the fewest possible. UTF-8 was written by hand and tested, with the tables of Keiser
//! and Lemire, and not kept:
//!
//! ```text
//! code points of up to     2 bytes       3 bytes       4 bytes
//! cycles by hand           31, 30, 20    52, 51, 34    66, 65, 42    (Neoverse N1, Neoverse N2, Apple M1)
//! cycles, portable         33, 32, 22    59, 58, 38    93, 90, 58
//! ```
//!
//! To repeat the estimates: `cargo rustc --release --lib --crate-type rlib --target aarch64-unknown-linux-gnu -- --emit
//! asm -C codegen-units=1`, then for each loop `llvm-mca-19 -mtriple=aarch64 -mcpu=neoverse-n1` (`neoverse-n2`,
//! `apple-a14`).

use super::{Kernel, LANES, portable};
use std::arch::aarch64::*;

static KERNEL: Kernel = Kernel {
    name: c"neon",
    squeeze,
    ..portable::KERNEL
};

/// The kernel, if the CPU can run it.
pub(super) fn detect() -> Option<&'static Kernel> {
    std::arch::is_aarch64_feature_detected!("neon").then_some(&KERNEL)
}

/// Bytes that are squeezed at a time.
const GROUP: usize = 8;

/// For each way to drop some of eight bytes, a bit each, the places of the others, and then any.
static PLACES: [[u8; GROUP]; 256] = {
    let mut places = [[0; GROUP]; 256];
    let mut dropped = 0;
    while dropped < 256 {
        let (mut place, mut number) = (0, 0);
        while place < GROUP {
            if dropped >> place & 1 == 0 {
                places[dropped][number] = place as u8;
                number += 1;
            }
            place += 1;
        }
        dropped += 1;
    }
    places
};

#[target_feature(enable = "neon")]
fn squeeze(bytes: &[u8], dropped: &[u64], out: &mut [u8]) -> usize {
    assert!(out.len() >= bytes.len());
    let mut written = 0;
    let (blocks, rest) = bytes.as_chunks::<LANES>();
    for (block, &dropped) in blocks.iter().zip(dropped) {
        if dropped == 0 {
            out[written..][..LANES].copy_from_slice(block);
            written += LANES;
            continue;
        }
        // A byte for each group: how many are kept of it, then of it and those before it.
        let kept = vget_lane_u64::<0>(vreinterpret_u64_u8(vcnt_u8(vcreate_u8(!dropped))));
        let kept = kept.wrapping_mul(0x0101_0101_0101_0101);
        for (index, group) in block.as_chunks::<GROUP>().0.iter().enumerate() {
            let places = &PLACES[usize::from((dropped >> (GROUP * index)) as u8)];
            let before = (kept << 8 >> (GROUP * index)) as u8;
            // SAFETY: `group` and `places` have 8 bytes. So far, no more bytes are written than the blocks and groups
            // before this group have, so that `out`, which is as long as `bytes`, has 8 more.
            unsafe {
                let group = vcombine_u8(vld1_u8(group.as_ptr()), vcreate_u8(0));
                let kept = vqtbl1_u8(group, vld1_u8(places.as_ptr()));
                vst1_u8(out.as_mut_ptr().add(written + usize::from(before)), kept);
            }
        }
        written += (kept >> 56) as usize;
    }
    written + portable::squeeze(rest, &dropped[blocks.len()..], &mut out[written..])
}
