//! A tally of bytes, for kernels that compare a block at a time.
//!
//! ```text
//! for each block of 64 pairs:
//!     mask   = which are doubles
//!     buffer += the bytes that the mask picks
//! when the buffer is full, and at the end:
//!     for each byte b, the i-th:  tables[i mod 8][b] += 1
//! table = sum of the tables
//! ```
//!
//! Two things make a plain loop over the doubles slow. How many a block holds can't be predicted, so
//! its loop ends with a misprediction; gathering the bytes avoids the loop. And adding one twice in a row
//! to the same entry waits for memory, which eight tables side by side do not.
#![forbid(unsafe_code)]

use super::portable;

/// Pairs per block.
pub(super) const BLOCK: usize = 64;

/// Below this many bytes, clearing and adding up eight tables costs about what they save (Zen 5).
const WORTH_GATHERING: usize = 16 * 1024;

/// Bytes that are gathered before they are counted: few enough for the L1 cache, with the tables.
const BUFFER: usize = 4096;

/// Entries are 32 bits wide, so that eight tables fit into the L1 cache. None overflows in a stretch.
const STRETCH: usize = 1 << 31;

const TABLES: usize = 8;

/// Adds one to `table[b]` for each double of the byte `b`. `gather` writes the doubles of a block to the
/// front of its output and returns how many there are; of a block all equal it may write the first only.
#[inline(always)]
pub(super) fn tally(
    mut bytes: &[u8],
    table: &mut [u64; 256],
    gather: impl Fn(&[u8; BLOCK + 1], &mut [u8; BLOCK]) -> usize,
) {
    if bytes.len() < WORTH_GATHERING {
        return portable::tally(bytes, table);
    }
    while bytes.len() > 1 {
        // The next stretch begins with this one's last byte, for the pair across.
        let (stretch, rest) = (&bytes[..bytes.len().min(STRETCH + 1)], bytes);
        tally_stretch(stretch, table, &gather);
        bytes = &rest[stretch.len() - 1..];
    }
}

#[inline(always)]
fn tally_stretch(
    bytes: &[u8],
    table: &mut [u64; 256],
    gather: &impl Fn(&[u8; BLOCK + 1], &mut [u8; BLOCK]) -> usize,
) {
    let mut tables = [[0; 256]; TABLES];
    let mut buffer = [0; BUFFER + BLOCK];
    let mut filled = 0;
    let mut start = 0;
    while let Some(block) = bytes[start..].first_chunk() {
        let room = &mut buffer[filled..][..BLOCK];
        let found = gather(block, room.try_into().expect("as long as it says"));
        if found == BLOCK {
            table[usize::from(block[0])] += BLOCK as u64; // A long run, all of one byte.
        } else {
            filled += found;
        }
        if filled >= BUFFER {
            count(&buffer[..filled], &mut tables);
            filled = 0;
        }
        start += BLOCK;
    }
    count(&buffer[..filled], &mut tables);
    for pair in bytes[start..].windows(2).filter(|pair| pair[0] == pair[1]) {
        table[usize::from(pair[0])] += 1;
    }
    for (unit, total) in table.iter_mut().enumerate() {
        *total += tables
            .iter()
            .map(|table| u64::from(table[unit]))
            .sum::<u64>();
    }
}

/// Counts each byte, neighbours in different tables.
#[inline(always)]
fn count(bytes: &[u8], tables: &mut [[u32; 256]; TABLES]) {
    let (words, rest) = bytes.as_chunks::<TABLES>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        for (place, table) in tables.iter_mut().enumerate() {
            table[usize::from((word >> (8 * place)) as u8)] += 1;
        }
    }
    for &byte in rest {
        tables[0][usize::from(byte)] += 1;
    }
}
