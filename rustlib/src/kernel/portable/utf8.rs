//! UTF-8 for every CPU.
//!
//! The addition that [`crate::kernel::utf8`] describes needs two masks of bits for each block, and compilers make
//! none from plain loops in few instructions: with it, this loop takes more than twice as long (Zen 4, SSE2). So
//! each byte of each length is compared. Let `x` be a byte, and `p1` to `p7` the seven before it.
//! In valid text, the second of two equal code points ends at `x` if
//!
//! ```text
//! x is ASCII               and  x == p1
//! p1 begins two or more    and  x p1 == p2 p3              (so x is the second byte)
//! p2 begins three or more  and  x p1 p2 == p3 p4 p5        (the third)
//! p3 begins four           and  x p1 p2 p3 == p4 p5 p6 p7  (the fourth)
//! ```
//!
//! The text is cut into tiles, and the greatest byte of a tile and of the bytes right before it picks one of four
//! loops. In the loops there are no branches on bytes: `&` and `|` on purpose, so that all lanes take the same way.
#![forbid(unsafe_code)]

use super::{is_lead, sum};
use crate::kernel::CodePoints;
use crate::kernel::flags::{LANES, flags};
use crate::kernel::utf8::{BEFORE, SHORT, copy};

/// Bytes per tile. Measured (Zen 5, SSE2): 256, 512 and 1,024 are within a tenth of each other.
const TILE: usize = 512;

/// Bytes per tile of marks.
const MARKED: usize = 256;

const _: () = assert!(TILE / LANES <= 255, "a lane is a u8");

pub(super) fn count(text: &[u8]) -> Option<CodePoints> {
    let mut total = Tile::default();
    total.add(tile(&copy(text, 0), |_, _| {}));
    let mut rest = text;
    while let Some(window) = rest.first_chunk::<{ BEFORE + TILE }>() {
        total.add(tile(window, |_, _| {}));
        rest = &rest[TILE..];
    }
    while let Some(window) = rest.first_chunk::<SHORT>() {
        total.add(tile(window, |_, _| {}));
        rest = &rest[LANES..];
    }
    if rest.len() >= BEFORE {
        // With something after it, a code point that the text cuts short is found like any other fault.
        total.add(tile(&copy(text, text.len() / LANES * LANES), |_, _| {}));
    }
    (total.faults == 0).then(|| CodePoints {
        length: text.len() as u64 - total.continuations,
        count: total.doubles,
    })
}

pub(super) fn mark(text: &[u8], marks: &mut [u64]) -> Option<bool> {
    let mut total = Tile::default();
    let mut rest = &text[..BEFORE + marks.len() * LANES];
    let (tiles, blocks) = marks.as_chunks_mut::<{ MARKED / LANES }>();
    for marks in tiles {
        let window = rest.first_chunk::<{ BEFORE + MARKED }>();
        total.add(tile(
            window.expect("a tile for its marks"),
            |block, ends| {
                marks[block] = flags(|lane| ends[lane] != 0);
            },
        ));
        rest = &rest[MARKED..];
    }
    for mark in blocks {
        let window = rest.first_chunk::<SHORT>();
        total.add(tile(window.expect("a block for its marks"), |_, ends| {
            *mark = flags(|lane| ends[lane] != 0);
        }));
        rest = &rest[LANES..];
    }
    (total.faults == 0).then_some(total.continuations != 0)
}

/// What one tile adds.
#[derive(Clone, Copy, Default)]
struct Tile {
    /// Doubles that end in the tile.
    doubles: u64,
    /// Bytes that continue a code point.
    continuations: u64,
    /// Zero unless something is wrong here.
    faults: u64,
}

impl Tile {
    fn add(&mut self, other: Self) {
        self.doubles += other.doubles;
        self.continuations += other.continuations;
        self.faults |= other.faults;
    }
}

/// Calls `found` with the number of each block in the tile, and a 1 for each byte that ends a double.
#[inline(always)]
fn tile<const WINDOW: usize>(
    window: &[u8; WINDOW],
    found: impl FnMut(usize, &[u8; LANES]),
) -> Tile {
    let (before, tile) = window.split_at(BEFORE);
    let mut greatest = [0; LANES];
    for block in tile.as_chunks::<LANES>().0 {
        for (greatest, &byte) in greatest.iter_mut().zip(block) {
            *greatest = byte.max(*greatest);
        }
    }
    let before = &before[BEFORE - 3..];
    match greatest.iter().chain(before).fold(0, |a, &b| a.max(b)) {
        0..0x80 => ascii(window, found),
        0x80..0xE0 => up_to::<2, WINDOW>(window, found),
        0xE0..0xF0 => up_to::<3, WINDOW>(window, found),
        0xF0.. => up_to::<4, WINDOW>(window, found),
    }
}

#[inline(always)]
fn ascii<const WINDOW: usize>(
    window: &[u8; WINDOW],
    mut found: impl FnMut(usize, &[u8; LANES]),
) -> Tile {
    let mut doubles = [0; LANES];
    let pairs = blocks(&window[BEFORE..]).zip(blocks(&window[BEFORE - 1..]));
    for (block, (x, p1)) in pairs.enumerate() {
        let mut ends = [0; LANES];
        for lane in 0..LANES {
            ends[lane] = u8::from(x[lane] == p1[lane]);
            doubles[lane] += ends[lane];
        }
        found(block, &ends);
    }
    Tile {
        doubles: sum(&doubles),
        ..Tile::default()
    }
}

fn blocks(bytes: &[u8]) -> impl Iterator<Item = &[u8; LANES]> {
    bytes.as_chunks().0.iter()
}

/// A tile that has no code points of more than `WIDEST` bytes.
#[inline(always)]
fn up_to<const WIDEST: usize, const WINDOW: usize>(
    window: &[u8; WINDOW],
    mut found: impl FnMut(usize, &[u8; LANES]),
) -> Tile {
    let (mut doubles, mut continuations, mut faults) = ([0; LANES], [0; LANES], [0; LANES]);
    for (block, start) in (0..WINDOW - BEFORE).step_by(LANES).enumerate() {
        let window = window[start..]
            .first_chunk()
            .expect("the tile is whole blocks");
        let mut ends = [0; LANES];
        for lane in 0..LANES {
            let ending = Ending::at::<WIDEST>(window, BEFORE + lane);
            ends[lane] = u8::from(ending.is_double);
            doubles[lane] += ends[lane];
            continuations[lane] += u8::from(ending.is_continuation);
            faults[lane] |= u8::from(ending.is_fault);
        }
        found(block, &ends);
    }
    Tile {
        doubles: sum(&doubles),
        continuations: sum(&continuations),
        faults: sum(&faults),
    }
}

/// What is known of a byte and of those before it.
struct Ending {
    is_double: bool,
    is_continuation: bool,
    is_fault: bool,
}

impl Ending {
    #[inline(always)]
    fn at<const WIDEST: usize>(window: &[u8; SHORT], place: usize) -> Self {
        let back = |k: usize| window[place - k];
        let same = |width: usize, k: usize| back(k) == back(k + width);
        let is_continuation = !is_lead(back(0));
        let second = back(1) >= 0xC0;
        let third = (WIDEST >= 3) & (back(2) >= 0xE0);
        let fourth = (WIDEST >= 4) & (back(3) >= 0xF0);

        let one = !is_continuation & same(1, 0);
        let two = second & same(2, 0) & same(2, 1);
        let three = third & same(3, 0) & same(3, 1) & same(3, 2);
        let four = fourth & same(4, 0) & same(4, 1) & same(4, 2) & same(4, 3);

        let misplaced = is_continuation != (second | third | fourth);
        let overlong_two = back(1) & 0xFE == 0xC0;
        let after = |lead: u8, is_wrong: bool| (back(1) == lead) & is_wrong;
        let wrong_three = after(0xE0, back(0) < 0xA0) | after(0xED, back(0) >= 0xA0);
        let wrong_four = after(0xF0, back(0) < 0x90) | after(0xF4, back(0) >= 0x90);
        let too_large = back(1) >= 0xF5;
        Self {
            is_double: one | two | three | four,
            is_continuation,
            is_fault: misplaced
                | overlong_two
                | ((WIDEST >= 3) & wrong_three)
                | ((WIDEST >= 4) & (wrong_four | too_large)),
        }
    }
}
