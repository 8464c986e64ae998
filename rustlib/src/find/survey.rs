//! Facts about a tile of input: where its units, lines and runs end.

use crate::code_points::InvalidUtf8;
use crate::kernel::equal_bits;
use crate::marks::{Bits, LANES, NO_BITS, TILE, Tile, Units, below, ends, keep_whole};
use std::hint::select_unpredictable;

/// The number of a newline.
pub(super) const NEWLINE: u32 = b'\n' as u32;

/// Facts about the bytes of a tile. The last byte of a unit represents all of it.
pub(super) struct Survey {
    /// The marks.
    pub(super) seconds: Bits,
    units: Bits,
    newlines: Bits,
    blocks: [Before; TILE / LANES + 1],
    edges: [u16; TILE + EDGES],
    /// The number of edges.
    number: usize,
}

/// Units and lines before a byte in its tile.
#[derive(Clone, Copy)]
pub(super) struct Before {
    /// Units that have ended.
    pub(super) units: u64,
    /// Lines that have ended.
    pub(super) lines: u64,
    /// The byte after the last newline, or 0 if there is none.
    pub(super) line_start: usize,
}

impl Before {
    const NONE: Self = Self {
        units: 0,
        lines: 0,
        line_start: 0,
    };
}

/// Edges that are listed of a block before it is asked whether it has more. One block in a hundred has, in
/// text with one double in 100 bytes.
pub(super) const EDGES: usize = 4;

impl Survey {
    pub(super) const NONE: Self = Self {
        seconds: [0; _],
        units: [0; _],
        newlines: [0; _],
        blocks: [Before::NONE; _],
        edges: [0; _],
        number: 0,
    };

    /// Finds where units and lines end.
    pub(super) fn set<U: Units>(&mut self, tile: &Tile<'_, U>) -> Result<(), InvalidUtf8> {
        let blocks = ..tile.size.div_ceil(LANES);
        let newlines = const { &newlines(U::SHORTEST) };
        equal_bits(tile.blocks(), newlines, &mut self.newlines[blocks]);
        keep_whole(&mut self.newlines[blocks], U::SHORTEST);
        if tile.is_wide.ok_or(InvalidUtf8)? {
            self.units = code_point_ends(tile);
        } else {
            self.units[blocks].fill(ends(U::SHORTEST));
        }
        for bits in [&mut self.units, &mut self.newlines] {
            bits[tile.size / LANES] &= below(tile.size % LANES);
        }
        Ok(())
    }

    /// Lists the edges: where runs of two units or more begin and end, in turns. `is_open` says whether one has
    /// begun before the tile.
    #[inline(always)]
    pub(super) fn list_edges(&mut self, size: usize, is_open: bool) {
        let mut carry = u64::from(is_open);
        self.list(size, |units, seconds| {
            // A bit after a second is added to the bits that end no unit, and so carried to the next end.
            let (after, over) = (seconds << 1 | carry).overflowing_add(!units);
            carry = seconds >> (LANES - 1) | u64::from(over);
            (after ^ seconds) & units
        });
    }

    /// Lists where a unit ends that differs from the one before it: with it a run begins.
    #[inline(always)]
    pub(super) fn list_firsts(&mut self, size: usize) {
        self.list(size, |units, seconds| units & !seconds);
    }

    /// Stores the units and lines before each block, and lists the bytes whose bits `chosen` sets, of a block's bits
    /// for units and for seconds.
    #[inline(always)]
    fn list(&mut self, size: usize, mut chosen: impl FnMut(u64, u64) -> u64) {
        let mut before = Before::NONE;
        let mut number = 0;
        for block in 0..=size / LANES {
            let (units, newlines) = (self.units[block], self.newlines[block]);
            let first = block * LANES;
            self.blocks[block] = before;
            before.units += ones(units);
            before.lines += ones(newlines);
            let line_start = first + (newlines | 1).ilog2() as usize + 1;
            before.line_start = select_unpredictable(newlines != 0, line_start, before.line_start);
            let bits = chosen(units, self.seconds[block]);
            number = list_bits(bits, block, &mut self.edges, number);
        }
        self.number = number;
    }

    #[inline(always)]
    pub(super) fn edges(&self) -> impl ExactSizeIterator<Item = usize> {
        self.edges[..self.number].iter().map(|&edge| edge.into())
    }

    /// The units and lines before a byte of the tile, or before the one after it.
    #[inline(always)]
    pub(super) fn before(&self, byte: usize) -> Before {
        let (block, lane) = (byte / LANES, byte % LANES);
        let before = self.blocks[block];
        let newlines = self.newlines[block] & below(lane);
        let line_start = block * LANES + (newlines | 1).ilog2() as usize + 1;
        Before {
            units: before.units + ones(self.units[block] & below(lane)),
            lines: before.lines + ones(newlines),
            line_start: select_unpredictable(newlines != 0, line_start, before.line_start),
        }
    }
}

/// A bit for the last byte of each code point of a tile: before each one that begins, and at the end.
pub(super) fn code_point_ends<U: Units>(tile: &Tile<'_, U>) -> Bits {
    let mut bits = tile.continuing().unwrap_or(NO_BITS);
    let last = tile.size - 1;
    let mut next = 0;
    for block in (0..=last / LANES).rev() {
        let begins = !bits[block];
        bits[block] = begins >> 1 | next << (LANES - 1);
        next = begins & 1;
    }
    bits[last / LANES] = bits[last / LANES] & below(last % LANES) | 1 << (last % LANES);
    bits
}

/// Appends the bytes whose bits are set in a block to those that are listed. Returns the new number of those.
#[inline(always)]
pub(super) fn list_bits(mut bits: u64, block: usize, list: &mut [u16], number: usize) -> usize {
    let mut end = number;
    let number = number + ones(bits) as usize;
    loop {
        for byte in &mut list[end..][..EDGES] {
            *byte = (block * LANES) as u16 + bits.trailing_zeros() as u16;
            bits &= bits.wrapping_sub(1);
        }
        if bits == 0 {
            return number;
        }
        end += EDGES;
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

#[inline(always)]
pub(super) fn ones(mask: u64) -> u64 {
    mask.count_ones().into()
}
