//! The exports for where doubles are: a struct that the caller owns, which each call moves on.

use super::guard::{DoublesStatus, bytes, guard, input, output};
use crate::find::{CELL, Finder, Run, write_lines};
use crate::text_summary::Fragment;

/// Neighbours that are all equal, and as many as there are.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoublesRun {
    /// Units before it.
    pub start: u64,
    /// Units in it.
    pub length: u64,
    /// The line of its first unit. The first line is 1, and a newline belongs to the line that it ends.
    pub line: u64,
    /// Where the first unit stands in its line. The first place is 1.
    pub column: u64,
    /// What it consists of: a byte's or a code point's number.
    pub unit: u32,
}

/// How far a search has come. All zeros is its beginning.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoublesFinder {
    /// Units so far.
    pub length: u64,
    /// Lines that have ended.
    pub lines: u64,
    /// Units before the line that has not ended.
    pub line_start: u64,
    /// Units before the line that ended last.
    pub last_line_start: u64,
    /// The run that ends with the last unit, which may go on. It may be that unit alone.
    pub run: DoublesRun,
    /// Bytes of UTF-8 after the last whole code point.
    pub tail: [u8; 3],
    /// How many they are.
    pub tail_len: u8,
}

/// Bytes of a glyph, as `doubles_write_runs` takes them: how many are used, and then those.
pub const DOUBLES_GLYPH_LENGTH: usize = 16;

const _: () = assert!(DOUBLES_GLYPH_LENGTH == CELL);

/// Goes on with bytes, and writes the runs that end in them: those of at least `least` units, and of two at
/// least. Returns how many they are, or a status; then the finder is as it was, and `runs` means nothing.
///
/// # Safety
///
/// - `finder` is NULL or points to one, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `runs` points to `runs_len` writable runs, initialized: at least `len / 2 + 2`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_find_bytes(
    finder: *mut DoublesFinder,
    data: *const u8,
    len: usize,
    least: u64,
    runs: *mut DoublesRun,
    runs_len: usize,
) -> i64 {
    guard(|| {
        // SAFETY: all pointers and lengths are what this function demands.
        let (finder, data, runs) = unsafe {
            (
                finder_mut(finder)?,
                bytes(data, len)?,
                output(runs, runs_len)?,
            )
        };
        finder.find(len, runs, |finder, slots| {
            finder.append_bytes(data, least, |run| slots.put(run));
            Ok(())
        })
    })
}

/// The same for UTF-8, which may begin and end within a code point. Its status tells if it is not valid.
///
/// # Safety
///
/// - `finder` is NULL or points to one, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `runs` points to `runs_len` writable runs, initialized: at least `len / 2 + 2`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_find_utf8(
    finder: *mut DoublesFinder,
    data: *const u8,
    len: usize,
    least: u64,
    runs: *mut DoublesRun,
    runs_len: usize,
) -> i64 {
    guard(|| {
        // SAFETY: all pointers and lengths are what this function demands.
        let (finder, data, runs) = unsafe {
            (
                finder_mut(finder)?,
                bytes(data, len)?,
                output(runs, runs_len)?,
            )
        };
        finder.find(len, runs, |finder, slots| {
            Ok(finder.append_utf8(data, least, |run| slots.put(run))?)
        })
    })
}

/// The same for units of two bytes, of any alignment and in the machine's byte order. Bytes after the last
/// whole unit are dropped.
///
/// # Safety
///
/// - `finder` is NULL or points to one, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `runs` points to `runs_len` writable runs, initialized: at least `len / 2 + 2`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_find_utf16(
    finder: *mut DoublesFinder,
    data: *const u8,
    len: usize,
    least: u64,
    runs: *mut DoublesRun,
    runs_len: usize,
) -> i64 {
    guard(|| {
        // SAFETY: all pointers and lengths are what this function demands.
        let (finder, data, runs) = unsafe {
            (
                finder_mut(finder)?,
                bytes(data, len)?,
                output(runs, runs_len)?,
            )
        };
        finder.find(len, runs, |finder, slots| {
            finder.append_utf16(data, least, |run| slots.put(run));
            Ok(())
        })
    })
}

/// The same for units of four bytes.
///
/// # Safety
///
/// - `finder` is NULL or points to one, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `runs` points to `runs_len` writable runs, initialized: at least `len / 2 + 2`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_find_utf32(
    finder: *mut DoublesFinder,
    data: *const u8,
    len: usize,
    least: u64,
    runs: *mut DoublesRun,
    runs_len: usize,
) -> i64 {
    guard(|| {
        // SAFETY: all pointers and lengths are what this function demands.
        let (finder, data, runs) = unsafe {
            (
                finder_mut(finder)?,
                bytes(data, len)?,
                output(runs, runs_len)?,
            )
        };
        finder.find(len, runs, |finder, slots| {
            finder.append_utf32(data, least, |run| slots.put(run));
            Ok(())
        })
    })
}

/// Writes the run at the end of all that was searched, if it has at least `least` units, and two at least.
/// Returns how many runs that makes: one or none.
///
/// # Safety
///
/// - `finder` is NULL or points to one, and no other thread changes it.
/// - `run` is NULL or points to a writable run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_find_end(
    finder: *const DoublesFinder,
    least: u64,
    run: *mut DoublesRun,
) -> i64 {
    guard(|| {
        // SAFETY: both pointers are what this function demands.
        let (finder, run) = unsafe { (finder.as_ref(), run.as_mut()) };
        let (finder, run) = finder.zip(run).ok_or(DoublesStatus::NullPointer)?;
        let last = Finder::try_from(finder)?.end(least);
        last.inspect(|last| *run = (*last).into());
        Ok(last.is_some().into())
    })
}

/// Writes a line for each run: `NAME:LINE:COLUMN: GLYPH`, and ` xLENGTH` if it has more than two units. Stops
/// where a line might not fit, and before a unit that has no glyph. `glyphs` has one of
/// `DOUBLES_GLYPH_LENGTH` bytes for each unit, the first of them 0 if there is none. Returns how many lines it
/// wrote, and writes to `written` how many bytes they take.
///
/// # Safety
///
/// - `runs` points to `len` readable runs, which nobody changes meanwhile.
/// - `name`, `glyphs` and `out` point to as many bytes as is said, which nobody else changes; `out` is
///   writable, initialized and apart from the others.
/// - `written` is NULL or points to a writable number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_write_runs(
    runs: *const DoublesRun,
    len: usize,
    name: *const u8,
    name_len: usize,
    glyphs: *const u8,
    glyphs_len: usize,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> i64 {
    guard(|| {
        // SAFETY: all pointers and lengths are what this function demands.
        let (runs, name, glyphs, out, written) = unsafe {
            (
                input(runs, len)?,
                input(name, name_len)?,
                input(glyphs, glyphs_len)?,
                output(out, out_len)?,
                written.as_mut().ok_or(DoublesStatus::NullPointer)?,
            )
        };
        let (lines, bytes) = write_lines(runs.iter().map(Run::from), name, glyphs, out);
        *written = bytes;
        Ok(lines as u64)
    })
}

/// # Safety
///
/// `finder` is NULL or points to one that nobody else uses for as long as `'a`.
unsafe fn finder_mut<'a>(
    finder: *mut DoublesFinder,
) -> Result<&'a mut DoublesFinder, DoublesStatus> {
    // SAFETY: NULL or a finder, by the caller's word.
    unsafe { finder.as_mut() }.ok_or(DoublesStatus::NullPointer)
}

impl DoublesFinder {
    /// Has `append` go on with `len` bytes, and writes what it finds. Returns how many runs that are, or a
    /// status and leaves the finder as it was.
    fn find(
        &mut self,
        len: usize,
        runs: &mut [DoublesRun],
        append: impl FnOnce(&mut Finder, &mut Slots<'_>) -> Result<(), DoublesStatus>,
    ) -> Result<u64, DoublesStatus> {
        // The run that was there, one with the code point that was torn, and those of two bytes each.
        if runs.len() < len / 2 + 2 {
            return Err(DoublesStatus::InvalidLength);
        }
        let mut finder = Finder::try_from(&*self)?;
        let mut slots = Slots { runs, used: 0 };
        append(&mut finder, &mut slots)?;
        *self = finder.into();
        Ok(slots.used as u64)
    }
}

/// Where runs are written.
struct Slots<'a> {
    runs: &'a mut [DoublesRun],
    used: usize,
}

impl Slots<'_> {
    #[inline(always)]
    fn put(&mut self, run: Run) {
        self.runs[self.used] = run.into();
        self.used += 1;
    }
}

impl TryFrom<&DoublesFinder> for Finder {
    type Error = DoublesStatus;

    fn try_from(finder: &DoublesFinder) -> Result<Self, DoublesStatus> {
        let tail = finder.tail.get(..usize::from(finder.tail_len));
        Ok(Self {
            length: finder.length,
            lines: finder.lines,
            line_start: finder.line_start,
            last_line_start: finder.last_line_start,
            run: (&finder.run).into(),
            tail: Fragment::new(tail.ok_or(DoublesStatus::InvalidLength)?)?,
        })
    }
}

impl From<Finder> for DoublesFinder {
    fn from(finder: Finder) -> Self {
        let (tail, tail_len) = finder.tail.into_parts();
        Self {
            length: finder.length,
            lines: finder.lines,
            line_start: finder.line_start,
            last_line_start: finder.last_line_start,
            run: finder.run.into(),
            tail,
            tail_len,
        }
    }
}

impl From<&DoublesRun> for Run {
    fn from(run: &DoublesRun) -> Self {
        Self {
            start: run.start,
            length: run.length,
            line: run.line,
            column: run.column,
            unit: run.unit,
        }
    }
}

impl From<Run> for DoublesRun {
    fn from(run: Run) -> Self {
        Self {
            start: run.start,
            length: run.length,
            line: run.line,
            column: run.column,
            unit: run.unit,
        }
    }
}
