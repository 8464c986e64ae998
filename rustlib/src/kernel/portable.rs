//! The kernel for every CPU: plain loops in the one shape that compilers turn into vector code.
//!
//! ```text
//! for each block of 64 pairs:
//!     for each lane l:  lane[l] += (x[l] == y[l])      y is x, one byte further on
//! count = sum of the lanes
//! ```
//!
//! Lanes are single bytes, as wide as the input, so that nothing has to be widened in the loop; the
//! price is that they must be emptied before one of them overflows.
#![forbid(unsafe_code)]

/// Bytes per block: two to four vector registers, so that the additions don't wait for each other.
const LANES: usize = 64;

/// A lane is a `u8`: after 255 matches the next would wrap.
const BLOCKS_PER_FLUSH: usize = 255;

/// Doubles in `bytes`.
pub(super) fn count(bytes: &[u8]) -> u64 {
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
    rest + lanes.iter().map(|&lane| u64::from(lane)).sum::<u64>()
}
