//! The exports for runs as columns.

use super::chunks::advance;
use super::guard::{DoublesStatus, boxed, guard, input, required, required_mut, unboxed};
use crate::arrow::runs::export;
use crate::arrow::structs::{ArrowArray, ArrowSchema};
use crate::chunks::Kind;
use crate::find::{Finder, Uncollected};
use crate::runs::{RunSlices, Runs};
use std::ptr;
use std::sync::Arc;

/// Runs as columns: an array of each of their facts.
///
/// Its life: `doubles_runs_new`; one call of `doubles_runs_bytes`, `_utf8`, `_utf16` or `_utf32` for each chunk of the
/// input, with a DoublesFinder that begins as all zeros; `doubles_runs_end` once after the last chunk;
/// `doubles_runs_view` to read them, or `doubles_runs_export` to hand them to consumers of Arrow;
/// `doubles_runs_free`. Exported arrays share their memory, which is freed with the last owner.
///
/// ```c
/// DoublesRuns *runs = doubles_runs_new(0);
/// DoublesFinder finder = {0};
/// DoublesRunsView view = {0};
/// int64_t status = doubles_runs_utf8(runs, &finder, text, len, 2);
/// if (status == 0)
///     status = doubles_runs_end(runs, &finder, 2);
/// if (status == 0)
///     status = doubles_runs_view(runs, &view);
/// for (size_t i = 0; i < view.length; i++)
///     printf("%lld x%lld\n", (long long)view.starts[i], (long long)view.lengths[i]);
/// doubles_runs_free(runs);
/// ```
pub struct DoublesRuns(Arc<Runs>);

/// The memory of runs, to be read until they are changed or freed.
#[repr(C)]
pub struct DoublesRunsView {
    /// The row of each run; NULL if they have no rows.
    pub rows: *const i64,
    /// The number of units before each run.
    pub starts: *const i64,
    /// The number of units in each run.
    pub lengths: *const i64,
    /// The unit that each run repeats: a byte, or the number of a code point.
    pub units: *const u32,
    /// The number of runs.
    pub length: usize,
}

/// Makes columns of no runs. If `rows` is not zero, each run has the number of a row, too. Free them with
/// `doubles_runs_free`. Returns NULL if the library panicked.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_runs_new(rows: u32) -> *mut DoublesRuns {
    let make = if rows > 0 { Runs::of_rows } else { Runs::new };
    boxed(|| DoublesRuns(Arc::new(make())))
}

/// Frees runs. Does nothing if they are NULL. Exported arrays stay valid.
///
/// # Safety
///
/// `runs` is NULL or came from `doubles_runs_new`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_runs_free(runs: *mut DoublesRuns) {
    // SAFETY: `runs` came from `doubles_runs_new`, and is not used again.
    unsafe { unboxed(runs) };
}

/// Continues a search with bytes, and appends the runs that end in them: those of at least `least` units, or all, of
/// one unit too, if `least` is below 2. The last run of `data` may continue in the next chunk, so it is not appended
/// yet: call `doubles_runs_end` after the last chunk. Lines are not counted, so don't use the finder with
/// `doubles_find_*`. The rows of the runs, if they have any, are 0.
///
/// Returns zero, or a status; then the finder and the runs are as they were.
///
/// # Safety
///
/// - `runs` is NULL or came from `doubles_runs_new`, and no other thread uses it.
/// - `finder` is NULL or points to a finder, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_runs_bytes(
    runs: *mut DoublesRuns,
    finder: *mut Finder,
    data: *const u8,
    len: usize,
    least: u64,
) -> i64 {
    // SAFETY: NULL, runs and a finder, and `len` bytes.
    unsafe { collect(runs, finder, Kind::Bytes, (data, len), least) }
}

/// Continues a search with UTF-8, and appends the runs of code points that end in it: those of at least `least` code
/// points, or all, of one code point too, if `least` is below 2. `data` may begin and end in the middle of a code
/// point. The last run of `data` may continue in the next chunk, so it is not appended yet: call `doubles_runs_end`
/// after the last chunk, and look at `finder->tail_len` then: if it is not zero, the text ends in the middle of a
/// code point. Lines are not counted, so don't use the finder with `doubles_find_*`. The rows of the runs, if they
/// have any, are 0.
///
/// Returns zero, or a status; then the finder and the runs are as they were.
///
/// # Safety
///
/// - `runs` is NULL or came from `doubles_runs_new`, and no other thread uses it.
/// - `finder` is NULL or points to a finder, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_runs_utf8(
    runs: *mut DoublesRuns,
    finder: *mut Finder,
    data: *const u8,
    len: usize,
    least: u64,
) -> i64 {
    // SAFETY: NULL, runs and a finder, and `len` bytes.
    unsafe { collect(runs, finder, Kind::Utf8, (data, len), least) }
}

/// Continues a search with units of two bytes, in the machine's byte order and of any alignment, and appends the runs
/// that end in them: those of at least `least` units, or all, of one unit too, if `least` is below 2. If `len` is
/// odd, the last byte is ignored. The last run of `data` may continue in the next chunk, so it is not appended yet:
/// call `doubles_runs_end` after the last chunk. Lines are not counted, so don't use the finder with
/// `doubles_find_*`. The rows of the runs, if they have any, are 0.
///
/// Returns zero, or a status; then the finder and the runs are as they were.
///
/// # Safety
///
/// - `runs` is NULL or came from `doubles_runs_new`, and no other thread uses it.
/// - `finder` is NULL or points to a finder, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_runs_utf16(
    runs: *mut DoublesRuns,
    finder: *mut Finder,
    data: *const u8,
    len: usize,
    least: u64,
) -> i64 {
    // SAFETY: NULL, runs and a finder, and `len` bytes.
    unsafe { collect(runs, finder, Kind::Utf16, (data, len), least) }
}

/// Continues a search with units of four bytes, in the machine's byte order and of any alignment, and appends the
/// runs that end in them: those of at least `least` units, or all, of one unit too, if `least` is below 2. Up to
/// three bytes after the last whole unit are ignored. The last run of `data` may continue in the next chunk, so it is
/// not appended yet: call `doubles_runs_end` after the last chunk. Lines are not counted, so don't use the finder
/// with `doubles_find_*`. The rows of the runs, if they have any, are 0.
///
/// Returns zero, or a status; then the finder and the runs are as they were.
///
/// # Safety
///
/// - `runs` is NULL or came from `doubles_runs_new`, and no other thread uses it.
/// - `finder` is NULL or points to a finder, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_runs_utf32(
    runs: *mut DoublesRuns,
    finder: *mut Finder,
    data: *const u8,
    len: usize,
    least: u64,
) -> i64 {
    // SAFETY: NULL, runs and a finder, and `len` bytes.
    unsafe { collect(runs, finder, Kind::Utf32, (data, len), least) }
}

/// Appends the run at the end of the input, if it has at least `least` units. Call it once, after the last chunk.
/// Returns zero, or a status; then the runs are as they were.
///
/// # Safety
///
/// - `runs` is NULL or came from `doubles_runs_new`, and no other thread uses it.
/// - `finder` is NULL or points to a finder, and no other thread changes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_runs_end(
    runs: *mut DoublesRuns,
    finder: *const Finder,
    least: u64,
) -> i64 {
    // SAFETY: NULL, runs and a finder.
    guard(|| unsafe {
        let (runs, finder) = (required_mut(runs)?, required(finder)?);
        finder.collect_end(least, runs.change())?;
        Ok(0)
    })
}

/// Appends `len` runs: element by element, their rows, starts, lengths and units. `rows` may be NULL: then the rows
/// of the runs, if they have any, are 0. Returns zero, or a status; then the runs are as they were.
///
/// # Safety
///
/// - `runs` is NULL or came from `doubles_runs_new`, and no other thread uses it.
/// - `rows`, unless it is NULL, `starts`, `lengths` and `units` point to `len` readable elements each, aligned,
///   which nobody changes during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_runs_append(
    runs: *mut DoublesRuns,
    rows: *const i64,
    starts: *const i64,
    lengths: *const i64,
    units: *const u32,
    len: usize,
) -> i64 {
    // SAFETY: NULL or runs, and `len` elements each unless `rows` is NULL.
    guard(|| unsafe {
        let more = slices(rows, starts, lengths, units, len)?;
        required_mut(runs)?.change().append(more)?;
        Ok(0)
    })
}

/// Writes where the memory of the runs is. Returns zero or a status. To read the first run:
///
/// ```c
/// DoublesRunsView view = {0};
/// if (doubles_runs_view(runs, &view) == 0 && view.length > 0)
///     printf("%lld x%lld\n", (long long)view.starts[0], (long long)view.lengths[0]);
/// ```
///
/// # Safety
///
/// - `runs` is NULL or came from `doubles_runs_new`, and no other thread changes it.
/// - `view` is NULL or points to a writable struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_runs_view(
    runs: *const DoublesRuns,
    view: *mut DoublesRunsView,
) -> i64 {
    // SAFETY: NULL, runs, and a struct to write.
    guard(|| unsafe {
        *required_mut(view)? = required(runs)?.0.slices().into();
        Ok(0)
    })
}

/// Writes `len` of the runs, from `start` on, as an array of structs and its type, for any consumer of the Arrow C
/// data interface. The fields are `start` and `length` of 64-bit integers and `unit` of unsigned 32-bit integers, after
/// `row` of 64-bit integers if the runs have rows. No memory is copied. The consumer releases both. Returns zero or a
/// status.
///
/// # Safety
///
/// - `runs` is NULL or came from `doubles_runs_new`, and no other thread changes it.
/// - `schema` and `array` are NULL or point to writable structs, whose contents are not released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_runs_export(
    runs: *const DoublesRuns,
    start: usize,
    len: usize,
    schema: *mut ArrowSchema,
    array: *mut ArrowArray,
) -> i64 {
    // SAFETY: NULL, runs, and two structs to write.
    guard(|| unsafe {
        let (schema, array) = (required_mut(schema)?, required_mut(array)?);
        let exported = export(&required(runs)?.0, start, len);
        (*schema, *array) = exported.ok_or(DoublesStatus::InvalidLength)?;
        Ok(0)
    })
}

impl DoublesRuns {
    /// The runs, to be changed. Exported arrays do not change.
    pub(super) fn change(&mut self) -> &mut Runs {
        Arc::make_mut(&mut self.0)
    }
}

/// Continues a search with a chunk. If it fails, leaves the runs as they were.
///
/// # Safety
///
/// - `runs` is NULL or came from `doubles_runs_new`, and no other thread uses it.
/// - `finder` is NULL or points to a finder, and no other thread uses it.
/// - `chunk` is a pointer to readable bytes and their number.
unsafe fn collect(
    runs: *mut DoublesRuns,
    finder: *mut Finder,
    kind: Kind,
    chunk: (*const u8, usize),
    least: u64,
) -> i64 {
    // SAFETY: NULL, runs and a finder, and as many bytes as said.
    unsafe {
        advance(finder, chunk, |finder, chunk| {
            let runs = required_mut(runs)?.change();
            let known = runs.len();
            let collected = finder.collect(kind, chunk, least, runs);
            collected.inspect_err(|_| runs.truncate(known))?;
            Ok(0)
        })
    }
}

/// The columns of `len` runs, which may have no rows.
///
/// # Safety
///
/// Unless it is NULL, `rows` points to `len` readable elements. So do the others.
unsafe fn slices<'a>(
    rows: *const i64,
    starts: *const i64,
    lengths: *const i64,
    units: *const u32,
    len: usize,
) -> Result<RunSlices<'a>, DoublesStatus> {
    // SAFETY: `len` elements each, unless `rows` is NULL.
    unsafe {
        Ok(RunSlices {
            rows: (!rows.is_null()).then(|| input(rows, len)).transpose()?,
            starts: input(starts, len)?,
            lengths: input(lengths, len)?,
            units: input(units, len)?,
        })
    }
}

impl From<RunSlices<'_>> for DoublesRunsView {
    fn from(runs: RunSlices<'_>) -> Self {
        Self {
            rows: runs.rows.map_or(ptr::null(), <[i64]>::as_ptr),
            starts: runs.starts.as_ptr(),
            lengths: runs.lengths.as_ptr(),
            units: runs.units.as_ptr(),
            length: runs.units.len(),
        }
    }
}

impl From<Uncollected> for DoublesStatus {
    fn from(reason: Uncollected) -> Self {
        match reason {
            Uncollected::InvalidUtf8 => Self::InvalidUtf8,
            Uncollected::NoMemory => Self::NoMemory,
        }
    }
}
