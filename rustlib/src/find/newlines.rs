//! Where the lines of a tile end.

use crate::kernel::equal_bits;
use crate::marks::{Bits, LANES, NO_BITS, TILE, Tile, Units, below, keep_whole};
use std::hint::select_unpredictable;

/// The number of a newline.
pub(super) const NEWLINE: u32 = b'\n' as u32;

/// Where the lines of a tile end: bits for the last bytes of its newlines.
pub(super) struct Newlines {
    bits: Bits,
    blocks: [Before; TILE / LANES + 1],
}

/// The newlines before a byte of a tile.
#[derive(Clone, Copy)]
pub(super) struct Before {
    /// Their number.
    pub(super) number: u64,
    /// The byte after the last of them, or 0 if there is none.
    pub(super) line_start: usize,
}

impl Before {
    const NONE: Self = Self {
        number: 0,
        line_start: 0,
    };

    /// The newlines before the end of some bits of a block.
    #[inline(always)]
    fn and(self, bits: u64, block: usize) -> Self {
        let line_start = block * LANES + (bits | 1).ilog2() as usize + 1;
        Self {
            number: self.number + u64::from(bits.count_ones()),
            line_start: select_unpredictable(bits != 0, line_start, self.line_start),
        }
    }
}

impl Newlines {
    pub(super) fn new() -> Self {
        Self {
            bits: NO_BITS,
            blocks: [Before::NONE; _],
        }
    }

    /// Finds the newlines of a tile.
    #[inline(always)]
    pub(super) fn set<U: Units>(&mut self, tile: &Tile<'_, U>) {
        let bits = &mut self.bits[..tile.size.div_ceil(LANES)];
        let newlines = const { &newlines(U::SHORTEST) };
        equal_bits(tile.blocks(), newlines, bits);
        keep_whole(bits, U::SHORTEST);
        self.bits[tile.size / LANES] &= below(tile.size % LANES);
        let mut before = Before::NONE;
        for block in 0..=tile.size / LANES {
            self.blocks[block] = before;
            before = before.and(self.bits[block], block);
        }
    }

    /// The newlines before a byte of the tile, or before its end.
    #[inline(always)]
    pub(super) fn before(&self, byte: usize) -> Before {
        let (block, lane) = (byte / LANES, byte % LANES);
        self.blocks[block].and(self.bits[block] & below(lane), block)
    }
}

/// Newlines side by side, in units of `width` bytes.
const fn newlines(width: usize) -> [u8; TILE] {
    let mut bytes = [0; TILE];
    let mut at = if cfg!(target_endian = "big") {
        width - 1
    } else {
        0
    };
    while at < TILE {
        bytes[at] = b'\n';
        at += width;
    }
    bytes
}
