//! The kernel for every CPU: plain loops in the shapes that compilers turn into vector code.
//!
//! ```text
//! for each block of 64 pairs:
//!     for each lane l:  lane[l] += (x[l] == y[l])      y is x, one byte further on
//! count = sum of the lanes
//! ```
//!
//! Lanes are single bytes, as wide as the input, so that nothing has to be widened in the loop; the
//! price is that they must be emptied before one of them overflows.
//!
//! `#[inline(always)]` on what is public: [`super::avx2`] compiles it again, for wider vectors.
#![forbid(unsafe_code)]

/// Bytes per block: two to four vector registers, so that the additions don't wait for each other.
const LANES: usize = 64;

/// A lane is a `u8`: after 255 matches the next would wrap.
const BLOCKS_PER_FLUSH: usize = 255;

/// Doubles between bytes.
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
    rest + sum(&lanes)
}

fn sum(lanes: &[u8]) -> u64 {
    lanes.iter().map(|&lane| u64::from(lane)).sum()
}

/// Bytes per UTF-32 unit.
const UNIT: usize = 4;

/// Pairs of units per partial sum: few enough for a `u32`, which is as wide as a unit.
const PAIRS_PER_SUM: usize = 1 << 16;

/// Doubles between UTF-32 units.
#[inline(always)]
pub(super) fn count_utf32(bytes: &[u8]) -> u64 {
    let Some(shifted) = bytes.get(UNIT..) else {
        return 0;
    };
    let stretch = PAIRS_PER_SUM * UNIT;
    let (x, y) = (bytes.chunks(stretch), shifted.chunks(stretch));
    x.zip(y)
        .map(|(x, y)| {
            let (x, _) = x.as_chunks::<UNIT>();
            let (y, _) = y.as_chunks::<UNIT>();
            let equal = |(&x, &y)| u32::from(u32::from_ne_bytes(x) == u32::from_ne_bytes(y));
            u64::from(x.iter().zip(y).map(equal).sum::<u32>())
        })
        .sum()
}

/// Bytes of the longest code point, on either side of where it begins.
const REACH: usize = 4;

/// Doubles between code points of at most `WIDEST` bytes.
///
/// A code point is its bytes, so two neighbours are equal if their bytes are. The first byte, the
/// lead, tells how many that is: for a lead of width `w` at `i`, the pair is a double if
///
/// ```text
/// text[i + k - w] == text[i + k]      for k in 0 .. w
/// ```
///
/// (What stands `w` bytes before a lead and equals it is a lead of the same width.) All comparisons
/// are made for all positions at once, and the lead picks the ones that matter.
#[inline(always)]
pub(super) fn count_utf8<const WIDEST: usize>(text: &[u8]) -> u64 {
    let mut total = 0;
    let mut start = REACH.min(text.len());
    total += count_leads(text, 0..start);
    while start + LANES + REACH <= text.len() {
        let blocks = ((text.len() - start - REACH) / LANES).min(BLOCKS_PER_FLUSH);
        let mut lanes = [0u8; LANES];
        for block in 0..blocks {
            let first = start + block * LANES;
            let window = &text[first - REACH..first + LANES + REACH];
            let window: &[u8; LANES + 2 * REACH] = window.try_into().expect("as long as it says");
            for (lane, total) in lanes.iter_mut().enumerate() {
                *total += u8::from(is_second::<WIDEST>(window, lane + REACH));
            }
        }
        total += sum(&lanes);
        start += blocks * LANES;
    }
    total + count_leads(text, start..text.len())
}

/// Whether a code point of at most `WIDEST` bytes begins at `i` and equals the one before it. No
/// branches: `&` and `|` on purpose, so that all lanes take the same way.
#[inline(always)]
fn is_second<const WIDEST: usize>(window: &[u8; LANES + 2 * REACH], i: usize) -> bool {
    let lead = window[i];
    let same = |width: usize, k: usize| window[i + k - width] == window[i + k];
    let one = (lead < 0x80) & same(1, 0);
    let two = (lead & 0xE0 == 0xC0) & same(2, 0) & same(2, 1);
    let three = (lead & 0xF0 == 0xE0) & same(3, 0) & same(3, 1) & same(3, 2);
    let four = (lead >= 0xF0) & same(4, 0) & same(4, 1) & same(4, 2) & same(4, 3);
    one | two | ((WIDEST >= 3) & three) | ((WIDEST >= 4) & four)
}

/// Doubles whose second code point begins in `leads`, one by one.
fn count_leads(text: &[u8], leads: std::ops::Range<usize>) -> u64 {
    leads.filter(|&lead| begins_second(text, lead)).count() as u64
}

fn begins_second(text: &[u8], lead: usize) -> bool {
    let width = match text[lead] {
        0x00..0x80 => 1,
        0x80..0xC0 => return false,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
    };
    let second = text.get(lead..lead + width);
    let first = lead.checked_sub(width).map(|start| &text[start..lead]);
    first.is_some() && first == second
}
