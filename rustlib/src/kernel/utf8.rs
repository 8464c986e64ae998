//! UTF-8 in one pass: is it valid, how many code points has it, and how many doubles.
//!
//! A code point is its bytes, so two neighbours are equal if their bytes are. Look at a byte `x` and at
//! the seven before it, `p1` to `p7`. In valid text, the second of two equal code points ends at `x` if
//!
//! ```text
//! x is ASCII               and  x == p1
//! p1 begins two or more    and  x p1 == p2 p3              (so x is the second byte)
//! p2 begins three or more  and  x p1 p2 == p3 p4 p5        (the third)
//! p3 begins four           and  x p1 p2 p3 == p4 p5 p6 p7  (the fourth)
//! ```
//!
//! and the text is valid if
//!
//! ```text
//! x is a continuation  exactly if  p1 >= C0, or p2 >= E0, or p3 >= F0
//! p1 is not C0, C1, or F5 to FF
//! x >= A0 after E0, x < A0 after ED, x >= 90 after F0, x < 90 after F4
//! ```
//!
//! All of it is asked of every byte at once, without a branch. What a code point of four bytes needs is
//! wasted on text that has none, so the text is cut into tiles, and the greatest byte of a tile and of the
//! bytes right before it picks one of four loops. One branch for each tile is cheap; one for each vector
//! costs a quarter.
//!
//! Validating and counting look at the same neighbours. Done together they load them once, which is
//! twice as fast as one pass after the other.
#![forbid(unsafe_code)]

use super::{CodePoints, LANES};

/// Bytes before a tile that its window shows too. Seven are needed; a whole vector is easier to load.
pub(crate) const BEFORE: usize = 64;

/// Bytes of a window on the shortest tile, for the two ends of a text.
pub(super) const SHORT: usize = BEFORE + 64;

/// Bytes of a tile of marks: those of the kernels' long tiles.
pub(crate) const MARKED: usize = 256;

/// What one tile adds.
#[derive(Clone, Copy, Default)]
pub(super) struct Tile {
    /// Doubles that end in the tile.
    pub(super) doubles: u64,
    /// Bytes that continue a code point.
    pub(super) continuations: u64,
    /// Zero unless something is wrong here.
    pub(super) faults: u64,
}

/// Adds up the tiles of a text; `None` if it is not valid. One of the two functions sums up the tile that
/// it sees through a window of `WINDOW` bytes, the other does the same with [`SHORT`] bytes. A window shows
/// [`BEFORE`] bytes more than its tile.
///
/// Inside the text, windows are the text itself. At its two ends they are short copies, padded with
/// ASCII that makes no doubles. At the end there is always some padding, which continues no code point;
/// so a code point that the text cuts short is found like any other fault.
#[inline(always)]
pub(super) fn count<const WINDOW: usize>(
    text: &[u8],
    long: impl Fn(&[u8; WINDOW]) -> Tile,
    short: impl Fn(&[u8; SHORT]) -> Tile,
) -> Option<CodePoints> {
    let mut total = Tile::default();
    let mut add = |tile: Tile| {
        total.doubles += tile.doubles;
        total.continuations += tile.continuations;
        total.faults |= tile.faults;
    };
    let mut done = 0;
    while done <= text.len() {
        if let Some(before) = done.checked_sub(BEFORE) {
            let mut rest = &text[before..];
            while let Some(window) = rest.first_chunk() {
                add(long(window));
                rest = &rest[WINDOW - BEFORE..];
                done += WINDOW - BEFORE;
            }
        }
        add(short(&copy(text, done)));
        done += SHORT - BEFORE;
    }
    (total.faults == 0).then(|| CodePoints {
        length: text.len() as u64 - total.continuations,
        count: total.doubles,
    })
}

/// Marks where doubles end in a text, and returns whether a code point has more than one byte; `None` if it
/// is not valid. `tile` marks the tile that it sees through a window. There are marks for as many whole tiles
/// as the text has after its first [`BEFORE`] bytes, and it ends with padding: that is all there is to its
/// two ends.
#[inline(always)]
pub(super) fn mark(
    text: &[u8],
    doubles: &mut [u64],
    tile: impl Fn(&[u8; BEFORE + MARKED], &mut [u64; MARKED / LANES]) -> Tile,
) -> Option<bool> {
    let (mut faults, mut continuations) = (0, 0);
    let (tiles, _) = doubles.as_chunks_mut();
    for (index, doubles) in tiles.iter_mut().enumerate() {
        let window = text[index * MARKED..].first_chunk();
        let tile = tile(window.expect("a tile for its marks"), doubles);
        faults |= tile.faults;
        continuations |= tile.continuations;
    }
    (faults == 0).then_some(continuations != 0)
}

/// A window on the tile from `start` on, padded where it reaches beyond the text.
#[inline(never)]
fn copy(text: &[u8], start: usize) -> [u8; SHORT] {
    let mut window = [0; SHORT];
    let (before, tile) = window.split_at_mut(BEFORE);
    match text[..start].last_chunk::<BEFORE>() {
        Some(bytes) => before.copy_from_slice(bytes),
        // The first tile. Other bytes than its first one make no double with it.
        None => before.fill(u8::from(text.first() == Some(&0))),
    }
    let rest = &text[start..];
    let (bytes, padding) = tile.split_at_mut(rest.len().min(SHORT - BEFORE));
    bytes.copy_from_slice(&rest[..bytes.len()]);
    // In turns, and first the one that differs from what it follows.
    let mut pad = u8::from(bytes.last().or(before.last()) == Some(&0));
    for byte in padding {
        *byte = pad;
        pad ^= 1;
    }
    window
}
