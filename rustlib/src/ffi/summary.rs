//! The exports for summaries.

use super::guard::{DoublesStatus, bytes, guard, required, required_mut};
use super::tally::DoublesTally;
use crate::code_points::InvalidUtf8;
use crate::summary::Summary;
use crate::tally::Tally;
use crate::text_summary::{Fragment, TextSummary};
use std::num::NonZeroUsize;

/// A stretch of input, summed up: it can be continued by the next chunk or merged with an adjacent stretch,
/// wherever the input was cut.
///
/// Its life: set it to all zeros, with `= {0}`, calloc or memset; that is the empty stretch. Then append chunks
/// with `doubles_update_*`, and read `count` and `length` at any time. There is nothing to free, and a copy of
/// the struct is a summary of its own.
///
/// Text may be cut within a code point. After the last chunk of UTF-8, look at `head_len` and `tail_len`: if
/// one of them is not zero, the text begins or ends in the middle of a code point, so it is not valid.
///
/// ```c
/// DoublesSummary summary = {0};
/// while ((len = fread(chunk, 1, sizeof chunk, stdin)) > 0)
///     if ((status = doubles_update_utf8(&summary, NULL, chunk, len, 0)) != DOUBLES_STATUS_OK)
///         return fail(doubles_status_message(status));
/// if (summary.head_len > 0 || summary.tail_len > 0)
///     return fail("the text begins or ends within a code point");
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoublesSummary {
    /// The number of units in the stretch: bytes, or whole code points.
    pub length: u64,
    /// The number of doubles between them.
    pub count: u64,
    /// The first unit, if there is one.
    pub first: u32,
    /// The last unit, if there is one.
    pub last: u32,
    /// The bytes of UTF-8 before the first whole code point: the end of one that begins before the stretch.
    pub head: [u8; 3],
    /// The number of bytes in `head`.
    pub head_len: u8,
    /// The bytes of UTF-8 after the last whole code point: the beginning of one that ends after the stretch.
    pub tail: [u8; 3],
    /// The number of bytes in `tail`.
    pub tail_len: u8,
}

/// Appends bytes to a summary, on at most `threads` threads (0: as many as help), and their doubles to a tally
/// unless that is NULL. A double of the last byte before and the first byte of `data` counts.
///
/// Returns zero, or a status and changes nothing. `summary->count` and `summary->length` are the totals.
///
/// # Safety
///
/// - `summary` is NULL or points to a summary, and no other thread uses it.
/// - `tally` is NULL or came from `doubles_tally_new`, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_update_bytes(
    summary: *mut DoublesSummary,
    tally: *mut DoublesTally,
    data: *const u8,
    len: usize,
    threads: usize,
) -> i64 {
    let append = TextSummary::append_units::<u8>;
    // SAFETY: NULL, a summary and a tally; `len` bytes.
    unsafe { update(summary, tally, data, len, threads, append) }
}

/// Appends UTF-8 to a summary, on at most `threads` threads (0: as many as help), and the doubles of its code
/// points to a tally unless that is NULL. A double of the last code point before and the first of `data`
/// counts. `data` may begin and end in the middle of a code point.
///
/// Returns zero, or a status and changes nothing. After the last chunk `summary->head_len` and
/// `summary->tail_len` must be zero; otherwise the text begins or ends in the middle of a code point.
///
/// # Safety
///
/// - `summary` is NULL or points to a summary, and no other thread uses it.
/// - `tally` is NULL or came from `doubles_tally_new`, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_update_utf8(
    summary: *mut DoublesSummary,
    tally: *mut DoublesTally,
    data: *const u8,
    len: usize,
    threads: usize,
) -> i64 {
    let append = TextSummary::append_utf8;
    // SAFETY: NULL, a summary and a tally; `len` bytes.
    unsafe { update(summary, tally, data, len, threads, append) }
}

/// Appends units of two bytes to a summary, on at most `threads` threads (0: as many as help), and their
/// doubles to a tally unless that is NULL. The units have the machine's byte order and any alignment; they are
/// compared, never interpreted. A double of the last unit before and the first of `data` counts. If `len` is
/// odd, the last byte is ignored.
///
/// Returns zero, or a status and changes nothing. `summary->count` and `summary->length` are the totals.
///
/// # Safety
///
/// - `summary` is NULL or points to a summary, and no other thread uses it.
/// - `tally` is NULL or came from `doubles_tally_new`, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_update_utf16(
    summary: *mut DoublesSummary,
    tally: *mut DoublesTally,
    data: *const u8,
    len: usize,
    threads: usize,
) -> i64 {
    let append = TextSummary::append_units::<u16>;
    // SAFETY: NULL, a summary and a tally; `len` bytes.
    unsafe { update(summary, tally, data, len, threads, append) }
}

/// Appends units of four bytes to a summary, on at most `threads` threads (0: as many as help), and their
/// doubles to a tally unless that is NULL. The units have the machine's byte order and any alignment; they are
/// compared, never interpreted. A double of the last unit before and the first of `data` counts. Up to three
/// bytes after the last whole unit are ignored.
///
/// Returns zero, or a status and changes nothing. `summary->count` and `summary->length` are the totals.
///
/// # Safety
///
/// - `summary` is NULL or points to a summary, and no other thread uses it.
/// - `tally` is NULL or came from `doubles_tally_new`, and no other thread uses it.
/// - `data` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_update_utf32(
    summary: *mut DoublesSummary,
    tally: *mut DoublesTally,
    data: *const u8,
    len: usize,
    threads: usize,
) -> i64 {
    let append = TextSummary::append_units::<u32>;
    // SAFETY: NULL, a summary and a tally; `len` bytes.
    unsafe { update(summary, tally, data, len, threads, append) }
}

/// Appends `right`, the summary of the stretch that follows, to `summary`, and the doubles where the two meet to
/// a tally unless that is NULL. So threads can each count a part: whatever the cuts, merging the parts from left
/// to right gives the summary of the whole.
///
/// Returns zero, or a status and changes nothing: DOUBLES_STATUS_INVALID_UTF8 if the bytes of the code point at
/// the cut don't fit together.
///
/// # Safety
///
/// - `summary` is NULL or points to a summary, and no other thread uses it.
/// - `tally` is NULL or came from `doubles_tally_new`, and no other thread uses it.
/// - `right` is NULL or points to another summary.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_merge(
    summary: *mut DoublesSummary,
    tally: *mut DoublesTally,
    right: *const DoublesSummary,
) -> i64 {
    // SAFETY: NULL, two summaries and a tally.
    guard(|| unsafe {
        let (summary, right) = (required_mut(summary)?, required(right)?.try_into()?);
        let tally = tally.as_mut().map(|tally| &mut tally.0);
        summary.change(|summary| summary.append_summary(right, tally))
    })
}

/// Appends data to a summary, and its doubles to a tally unless that is NULL.
///
/// # Safety
///
/// - `summary` is NULL or points to a summary, and no other thread uses it.
/// - `tally` is NULL or came from `doubles_tally_new`, and no other thread uses it.
/// - `data` points to `len` readable bytes.
unsafe fn update(
    summary: *mut DoublesSummary,
    tally: *mut DoublesTally,
    data: *const u8,
    len: usize,
    threads: usize,
    append: impl FnOnce(
        &mut TextSummary,
        &[u8],
        Option<&mut Tally>,
        Option<NonZeroUsize>,
    ) -> Result<(), InvalidUtf8>,
) -> i64 {
    // SAFETY: NULL, a summary and a tally; `len` bytes.
    guard(|| unsafe {
        let (summary, data) = (required_mut(summary)?, bytes(data, len)?);
        let tally = tally.as_mut().map(|tally| &mut tally.0);
        summary.change(|summary| append(summary, data, tally, NonZeroUsize::new(threads)))
    })
}

impl DoublesSummary {
    /// Changes the summary that the struct holds. Returns zero, or a status and changes nothing.
    fn change(
        &mut self,
        change: impl FnOnce(&mut TextSummary) -> Result<(), InvalidUtf8>,
    ) -> Result<u64, DoublesStatus> {
        let mut summary = TextSummary::try_from(&*self)?;
        change(&mut summary)?;
        *self = summary.into();
        Ok(0)
    }
}

impl TryFrom<&DoublesSummary> for TextSummary {
    type Error = DoublesStatus;

    fn try_from(summary: &DoublesSummary) -> Result<Self, DoublesStatus> {
        let head = Fragment::from_parts(summary.head, summary.head_len);
        let tail = Fragment::from_parts(summary.tail, summary.tail_len);
        let ends = (summary.length > 0).then_some((summary.first, summary.last));
        Ok(Self {
            head: head.ok_or(DoublesStatus::InvalidStruct)?,
            body: Summary {
                length: summary.length,
                count: summary.count,
                ends,
            },
            tail: tail.ok_or(DoublesStatus::InvalidStruct)?,
        })
    }
}

impl From<TextSummary> for DoublesSummary {
    fn from(summary: TextSummary) -> Self {
        let (first, last) = summary.body.ends.unwrap_or_default();
        let (head, head_len) = summary.head.into_parts();
        let (tail, tail_len) = summary.tail.into_parts();
        Self {
            length: summary.body.length,
            count: summary.body.count,
            first,
            last,
            head,
            head_len,
            tail,
            tail_len,
        }
    }
}
