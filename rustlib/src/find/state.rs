//! The structs of a search, which C programs share: a run, and the state between two chunks.

use crate::chunks::State;

/// A maximal run of equal units.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The number of units before it.
    pub start: u64,
    /// The number of units in it.
    pub length: u64,
    /// The line of its first unit. The first line is 1, and a newline belongs to the line that it ends.
    pub line: u64,
    /// The column of its first unit in that line. The first column is 1.
    pub column: u64,
    /// The unit that it repeats: a byte, or the number of a code point.
    pub unit: u32,
}

/// The state of a search for runs, between two chunks of its input: wherever that is cut, the runs are the same.
///
/// Its life: set it to all zeros, with `= {0}`, calloc or memset. Then call `doubles_find_*` for each chunk,
/// always of the same kind, and `doubles_find_end` once after the last one. There is nothing to free. After the
/// last chunk of UTF-8, look at `tail_len`: if it is not zero, the text ends in the middle of a code point, so it
/// is not valid.
///
/// ```c
/// DoublesFinder finder = {0};
/// while ((len = fread(chunk, 1, CHUNK, stdin)) > 0) {
///     number = doubles_find_utf8(&finder, chunk, len, 2, runs, CHUNK / 2 + 2);
///     if (number < 0)
///         return fail(doubles_status_message(number));
///     print(runs, number);
/// }
/// if (finder.tail_len > 0)
///     return fail("the text ends within a code point");
/// print(runs, doubles_find_end(&finder, 2, runs));
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finder {
    /// The number of units so far.
    pub length: u64,
    /// The number of lines that have ended.
    pub lines: u64,
    /// The number of units before the line that has not ended.
    pub line_start: u64,
    /// The run that ends with the last unit, and may continue. It may be that unit alone.
    pub run: Run,
    /// The bytes of UTF-8 after the last whole code point.
    pub tail: [u8; 3],
    /// The number of bytes in `tail`.
    pub tail_len: u8,
}

impl State for Finder {
    fn last(&self) -> Option<u32> {
        (self.length > 0).then_some(self.run.unit)
    }

    fn tail(&mut self) -> (&mut [u8; 3], &mut u8) {
        (&mut self.tail, &mut self.tail_len)
    }
}
