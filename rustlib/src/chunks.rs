//! Work on input that arrives in chunks, torn anywhere: finding, measuring and squeezing share this loop.
//!
//! ```text
//! for each chunk:
//!     complete the code point that the end of the chunk before has torn    (UTF-8 alone)
//!     for each tile of the chunk:
//!         mark it, and do the work on it and its marks
//!     keep the beginning of a code point that the end of the chunk tears   (UTF-8 alone)
//! ```
#![forbid(unsafe_code)]

use crate::code_points::InvalidUtf8;
use crate::kernel;
use crate::marks::{Bits, Fixed, NO_BITS, Tile, Tiles, Units, Utf8};
use crate::text_summary::Fragment;

/// The kind of units that input consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes.
    Bytes,
    /// The code points of UTF-8. Chunks may begin and end within one.
    Utf8,
    /// Units of two bytes, in the machine's byte order and of any alignment. Bytes of a chunk after its last whole
    /// unit are dropped.
    Utf16,
    /// Units of four bytes, in the machine's byte order and of any alignment. Bytes of a chunk after its last whole
    /// unit are dropped.
    Utf32,
}

/// What is known between two chunks. C programs keep it.
pub(crate) trait State: Copy {
    /// The last unit of the chunks so far.
    fn last(&self) -> Option<u32>;

    /// The bytes of UTF-8 after the last whole code point, and their number.
    fn tail(&mut self) -> (&mut [u8; 3], &mut u8);

    /// The beginning of a code point that has not ended; `None` if others have written a length that none has.
    fn torn(&mut self) -> Option<Fragment> {
        let (bytes, length) = self.tail();
        Fragment::from_parts(*bytes, *length)
    }
}

/// Work on the tiles of a chunk.
pub(crate) trait Work {
    /// What the work knows between two chunks.
    type State: State;

    /// Why it may fail.
    type Fault: From<InvalidUtf8>;

    /// What it knows now.
    fn state(&mut self) -> &mut Self::State;

    /// Continues with a tile, which is valid, and its marks.
    fn take_tile<U: Units>(
        &mut self,
        tile: &Tile<'_, U>,
        marks: &mut Bits,
    ) -> Result<(), Self::Fault>;
}

/// Does work on the next chunk. If it fails, the state must not be used after that.
pub(crate) fn work_on<W: Work>(kind: Kind, chunk: &[u8], work: &mut W) -> Result<(), W::Fault> {
    match kind {
        Kind::Bytes => take::<Fixed<1>, W>(chunk, work),
        Kind::Utf16 => take::<Fixed<2>, W>(chunk, work),
        Kind::Utf32 => take::<Fixed<4>, W>(chunk, work),
        Kind::Utf8 => {
            let torn = work.state().torn().ok_or(InvalidUtf8)?;
            let mut room = [0; 6];
            let (cut, body, torn) = torn.complete(chunk, &mut room)?;
            take::<Utf8, W>(cut, work)?;
            take::<Utf8, W>(body, work)?;
            let (bytes, length) = work.state().tail();
            (*bytes, *length) = torn.into_parts();
            Ok(())
        }
    }
}

/// Does work on whole units.
fn take<U: Units, W: Work>(units: &[u8], work: &mut W) -> Result<(), W::Fault> {
    let mut tiles = Tiles::<U>::new(units, work.state().last());
    let mut marks = NO_BITS;
    while let Some(tile) = tiles.advance(&mut marks) {
        tile.is_wide.ok_or(InvalidUtf8)?;
        kernel::run(
            #[inline(always)]
            || work.take_tile(&tile, &mut marks),
        )?;
    }
    Ok(())
}
