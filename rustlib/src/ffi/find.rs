//! The exports that find runs.

use super::chunks::advance;
use super::guard::{DoublesStatus, guard, input, output, required, required_mut};
use crate::chunks::Kind;
use crate::find::{CELL, Finder, Run, write_lines};

/// The number of bytes in a glyph, as `doubles_write_runs` takes it: the first is how many of the others are
/// used.
pub const DOUBLES_GLYPH_LENGTH: usize = 16;

const _: () = assert!(DOUBLES_GLYPH_LENGTH == CELL);

/// Continues a search with bytes, and writes the runs that end in them: those of at least `least` units. The last
/// run of `data` may continue in the next chunk, so it is not written yet: call `doubles_find_end` after the last
/// chunk.
///
/// Returns the number of runs written, or a status; then the finder is as it was, and the contents of `runs` are
/// unspecified. DOUBLES_STATUS_OUTPUT_TOO_SMALL says that `runs_len` is less than `len / 2 + 2`,
/// or less than `len + 2` if `least` is below 2: then all runs are written, those of one unit too.
///
/// # Safety
///
/// - `finder` is NULL or points to a finder, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `runs` points to `runs_len` writable runs, initialized by `= {0}` or calloc, for example.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_find_bytes(
    finder: *mut Finder,
    data: *const u8,
    len: usize,
    least: u64,
    runs: *mut Run,
    runs_len: usize,
) -> i64 {
    // SAFETY: NULL or a finder, `len` bytes, and `runs_len` runs.
    unsafe { find(finder, Kind::Bytes, (data, len), least, (runs, runs_len)) }
}

/// Continues a search with UTF-8, and writes the runs of code points that end in it: those of at least `least`
/// code points. `data` may begin and end in the middle of a code point. The last run of
/// `data` may continue in the next chunk, so it is not written yet: call `doubles_find_end` after the last chunk,
/// and look at `finder->tail_len` then: if it is not zero, the text ends in the middle of a code point.
///
/// Returns the number of runs written, or a status; then the finder is as it was, and the contents of `runs` are
/// unspecified. DOUBLES_STATUS_OUTPUT_TOO_SMALL says that `runs_len` is less than `len / 2 + 2`,
/// or less than `len + 2` if `least` is below 2: then all runs are written, those of one unit too.
///
/// # Safety
///
/// - `finder` is NULL or points to a finder, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `runs` points to `runs_len` writable runs, initialized by `= {0}` or calloc, for example.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_find_utf8(
    finder: *mut Finder,
    data: *const u8,
    len: usize,
    least: u64,
    runs: *mut Run,
    runs_len: usize,
) -> i64 {
    // SAFETY: NULL or a finder, `len` bytes, and `runs_len` runs.
    unsafe { find(finder, Kind::Utf8, (data, len), least, (runs, runs_len)) }
}

/// Continues a search with units of two bytes, in the machine's byte order and of any alignment, and writes the
/// runs that end in them: those of at least `least` units. If `len` is odd, the last byte is
/// ignored. The last run of `data` may continue in the next chunk, so it is not written yet: call
/// `doubles_find_end` after the last chunk.
///
/// Returns the number of runs written, or a status; then the finder is as it was, and the contents of `runs` are
/// unspecified. DOUBLES_STATUS_OUTPUT_TOO_SMALL says that `runs_len` is less than `len / 2 + 2`,
/// or less than `len + 2` if `least` is below 2: then all runs are written, those of one unit too.
///
/// # Safety
///
/// - `finder` is NULL or points to a finder, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `runs` points to `runs_len` writable runs, initialized by `= {0}` or calloc, for example.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_find_utf16(
    finder: *mut Finder,
    data: *const u8,
    len: usize,
    least: u64,
    runs: *mut Run,
    runs_len: usize,
) -> i64 {
    // SAFETY: NULL or a finder, `len` bytes, and `runs_len` runs.
    unsafe { find(finder, Kind::Utf16, (data, len), least, (runs, runs_len)) }
}

/// Continues a search with units of four bytes, in the machine's byte order and of any alignment, and writes the
/// runs that end in them: those of at least `least` units. Up to three bytes after the last
/// whole unit are ignored. The last run of `data` may continue in the next chunk, so it is not written yet: call
/// `doubles_find_end` after the last chunk.
///
/// Returns the number of runs written, or a status; then the finder is as it was, and the contents of `runs` are
/// unspecified. DOUBLES_STATUS_OUTPUT_TOO_SMALL says that `runs_len` is less than `len / 2 + 2`,
/// or less than `len + 2` if `least` is below 2: then all runs are written, those of one unit too.
///
/// # Safety
///
/// - `finder` is NULL or points to a finder, and no other thread uses it.
/// - `data` points to `len` readable bytes.
/// - `runs` points to `runs_len` writable runs, initialized by `= {0}` or calloc, for example.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_find_utf32(
    finder: *mut Finder,
    data: *const u8,
    len: usize,
    least: u64,
    runs: *mut Run,
    runs_len: usize,
) -> i64 {
    // SAFETY: NULL or a finder, `len` bytes, and `runs_len` runs.
    unsafe { find(finder, Kind::Utf32, (data, len), least, (runs, runs_len)) }
}

/// Writes the run at the end of the input, if it has at least `least` units. Call it once,
/// after the last chunk. Returns the number of runs written, which is 0 or 1, or a status.
///
/// # Safety
///
/// - `finder` is NULL or points to a finder, and no other thread changes it.
/// - `run` is NULL or points to a writable run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_find_end(finder: *const Finder, least: u64, run: *mut Run) -> i64 {
    // SAFETY: NULL, a finder, and a run to write.
    guard(|| unsafe {
        let (last, run) = (required(finder)?.end(least), required_mut(run)?);
        *run = last.unwrap_or(*run);
        Ok(last.is_some().into())
    })
}

/// Writes one line for each run: `NAME:LINE:COLUMN: GLYPH`, and then ` xLENGTH` unless it has two units.
/// Stops where the next line might not fit, and before a unit without a glyph. `glyphs` holds
/// DOUBLES_GLYPH_LENGTH bytes for each unit, from unit 0 on: the number of bytes in the glyph, then these bytes; 0
/// if the unit has no glyph.
///
/// Returns the number of lines written, or a status. `*written` is the number of bytes in them.
///
/// # Safety
///
/// - `runs` points to `len` readable runs, which nobody changes during the call.
/// - `name` and `glyphs` point to `name_len` and `glyphs_len` readable bytes, which nobody changes during the call.
/// - `out` points to `out_len` writable bytes, initialized, which overlap none of the others.
/// - `written` is NULL or points to a writable number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_write_runs(
    runs: *const Run,
    len: usize,
    name: *const u8,
    name_len: usize,
    glyphs: *const u8,
    glyphs_len: usize,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> i64 {
    // SAFETY: as many runs and bytes as the lengths say, and NULL or a number to write.
    guard(|| unsafe {
        let (runs, written) = (input(runs, len)?.iter().copied(), required_mut(written)?);
        let (name, glyphs) = (input(name, name_len)?, input(glyphs, glyphs_len)?);
        let (lines, bytes) = write_lines(runs, name, glyphs, output(out, out_len)?);
        *written = bytes;
        Ok(lines as u64)
    })
}

/// Continues a search with a chunk. Returns the number of runs that it found.
///
/// # Safety
///
/// - `finder` is NULL or points to a finder, and no other thread uses it.
/// - `chunk` is a pointer to readable bytes and their number.
/// - `runs` points to `runs_len` writable runs, initialized.
unsafe fn find(
    finder: *mut Finder,
    kind: Kind,
    chunk: (*const u8, usize),
    least: u64,
    (runs, runs_len): (*mut Run, usize),
) -> i64 {
    // SAFETY: NULL or a finder, as many bytes as said, and `runs_len` runs.
    unsafe {
        advance(finder, chunk, |finder, chunk| {
            let runs = output(runs, runs_len)?;
            // The run before the chunk, one of a code point that the chunk completes, and those of two bytes each, or
            // of one byte if they may have one unit.
            if runs.len() < chunk.len() / least.clamp(1, 2) as usize + 2 {
                return Err(DoublesStatus::OutputTooSmall);
            }
            let mut number = 0;
            finder.append(
                kind,
                chunk,
                least,
                #[inline(always)]
                |run| {
                    runs[number] = run;
                    number += 1;
                },
            )?;
            Ok(number as u64)
        })
    }
}
