//! Where the runs of a tile begin and end.

use crate::marks::{Bits, LANES, NO_BITS, TILE, Tile, Units, below, ends};

/// Edges that are listed of a block before it is asked whether it has more. One block in a hundred has, in
/// text with one double in 100 bytes.
const AT_ONCE: usize = 4;

/// Where the runs of a tile begin and end.
pub(crate) struct Edges {
    /// Where a unit ends; unused where all are of the same width.
    units: Bits,
    /// The units before each block; unused where all are of the same width.
    before: [u16; TILE / LANES + 1],
    list: [u16; TILE + AT_ONCE],
    /// The number of edges in the list.
    number: usize,
}

impl Edges {
    pub(crate) fn new() -> Self {
        Self {
            units: NO_BITS,
            before: [0; _],
            list: [0; _],
            number: 0,
        }
    }

    /// Lists the last bytes of the units that differ from the one before them, if `all` is set. Otherwise, of those
    /// that are the second of a run and those that come after such a run, in turns; `is_open` says whether one has
    /// begun before the tile. `seconds` are the marks. `WIDE` says whether any unit is longer than the shortest.
    #[inline(always)]
    pub(super) fn set<U: Units, const WIDE: bool>(
        &mut self,
        tile: &Tile<'_, U>,
        seconds: &Bits,
        all: bool,
        is_open: bool,
    ) {
        let blocks = tile.size.div_ceil(LANES);
        let mut edges = NO_BITS;
        if WIDE {
            self.units = code_point_ends(tile);
            let mut carry = u64::from(is_open);
            let mut before = 0;
            for block in 0..=blocks.min(TILE / LANES) {
                self.before[block] = before;
                let (units, seconds) = (self.units[block], seconds[block]);
                before += units.count_ones() as u16;
                // A bit after a second is added to the bits that end no unit, and so carried to the next end.
                let (after, over) = (seconds << 1 | carry).overflowing_add(!units);
                carry = seconds >> (LANES - 1) | u64::from(over);
                edges[block] = units & if all { !seconds } else { after ^ seconds };
            }
        } else {
            let width = U::SHORTEST;
            let mut carry = u64::from(is_open) << (width - 1);
            for (edges, &seconds) in edges[..blocks].iter_mut().zip(seconds) {
                let after = seconds << width | carry;
                carry = seconds >> (LANES - width);
                *edges = ends(width) & if all { !seconds } else { after ^ seconds };
            }
            edges[tile.size / LANES] &= below(tile.size % LANES);
        }
        self.list(&edges[..blocks]);
    }

    /// Lists the bytes whose bits are set.
    #[inline(always)]
    fn list(&mut self, edges: &[u64]) {
        // In text with few doubles half of the blocks have no edges, which half can't be predicted.
        let mut left = 0;
        for (block, &edges) in edges.iter().enumerate() {
            left |= u64::from(edges != 0) << block;
        }
        self.number = 0;
        while left != 0 {
            let block = left.trailing_zeros() as usize;
            let mut bits = edges[block];
            let mut end = self.number;
            self.number += bits.count_ones() as usize;
            while bits != 0 {
                for byte in &mut self.list[end..][..AT_ONCE] {
                    *byte = (block * LANES) as u16 + bits.trailing_zeros() as u16;
                    bits &= bits.wrapping_sub(1);
                }
                end += AT_ONCE;
            }
            left &= left - 1;
        }
    }

    /// Drops the pairs of edges that are not kept, from one edge on.
    #[inline(always)]
    pub(super) fn keep(&mut self, from: usize, is_kept: impl Fn(&Self, usize, usize) -> bool) {
        let mut end = from;
        for at in (from + 1..self.number).step_by(2) {
            let (first, after) = (self.list[at - 1], self.list[at]);
            (self.list[end], self.list[end + 1]) = (first, after);
            // Not a branch, as which are kept can't be predicted.
            end += 2 * usize::from(is_kept(self, first.into(), after.into()));
        }
        if (self.number - from) % 2 == 1 {
            self.list[end] = self.list[self.number - 1];
            end += 1;
        }
        self.number = end;
    }

    /// The edges, in order.
    #[inline(always)]
    pub(super) fn as_slice(&self) -> &[u16] {
        &self.list[..self.number]
    }

    /// The number of units of the tile before the one that ends with a byte, or before its end.
    #[inline(always)]
    pub(super) fn units_before<U: Units, const WIDE: bool>(&self, byte: usize) -> u64 {
        if !WIDE {
            return (byte / U::SHORTEST) as u64;
        }
        let (block, lane) = (byte / LANES, byte % LANES);
        u64::from(self.before[block]) + u64::from((self.units[block] & below(lane)).count_ones())
    }
}

/// A bit for the last byte of each code point of a tile: before each one that begins, and at the end.
fn code_point_ends<U: Units>(tile: &Tile<'_, U>) -> Bits {
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
