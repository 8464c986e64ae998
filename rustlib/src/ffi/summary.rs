//! The exports for summaries: a struct that the caller owns, grown by updates and by merging.

use super::guard::{DoublesStatus, bytes, guard};
use super::tally::{DoublesTally, optional};
use crate::code_points::InvalidUtf8;
use crate::summary::Summary;
use crate::text_summary::{Fragment, TextSummary};
use std::num::NonZeroUsize;

/// A stretch of input, summed up. All zeros is the empty one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoublesSummary {
    /// Units in the stretch: bytes, or whole code points.
    pub length: u64,
    /// Doubles between them.
    pub count: u64,
    /// The first unit, if there is one.
    pub first: u32,
    /// The last unit, if there is one.
    pub last: u32,
    /// Bytes of UTF-8 before the first whole code point, which a cut has torn off.
    pub head: [u8; 3],
    /// How many they are.
    pub head_len: u8,
    /// Bytes of UTF-8 after the last whole code point.
    pub tail: [u8; 3],
    /// How many they are.
    pub tail_len: u8,
}

/// Appends bytes to a summary, and what is doubled in doing so to a tally, if there is one. Counts on
/// at most `threads` threads; 0 leaves their number to the library. Returns zero or a status.
///
/// # Safety
///
/// - `summary` is NULL or points to one, and no other thread uses it.
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
    guard(|| {
        // SAFETY: all pointers and len are what this function demands.
        let (summary, tally, data) =
            unsafe { (summary_mut(summary)?, optional(tally), bytes(data, len)?) };
        let threads = NonZeroUsize::new(threads);
        summary.change(|summary| summary.append_bytes(data, tally, threads))
    })
}

/// Appends UTF-8 to a summary, and what is doubled in doing so to a tally, if there is one. The bytes
/// may begin and end within a code point. Counts on at most `threads` threads; 0 leaves their number to
/// the library. Returns zero, or a status and changes nothing.
///
/// # Safety
///
/// - `summary` is NULL or points to one, and no other thread uses it.
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
    guard(|| {
        // SAFETY: all pointers and len are what this function demands.
        let (summary, tally, data) =
            unsafe { (summary_mut(summary)?, optional(tally), bytes(data, len)?) };
        let threads = NonZeroUsize::new(threads);
        summary.change(|summary| summary.append_utf8(data, tally, threads))
    })
}

/// Appends units of two bytes, of any alignment and in the machine's byte order, to a summary, and what
/// is doubled in doing so to a tally, if there is one. Bytes after the last whole unit are dropped.
/// Counts on at most `threads` threads; 0 leaves their number to the library. Returns zero, or a status
/// and changes nothing.
///
/// # Safety
///
/// - `summary` is NULL or points to one, and no other thread uses it.
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
    guard(|| {
        // SAFETY: all pointers and len are what this function demands.
        let (summary, tally, data) =
            unsafe { (summary_mut(summary)?, optional(tally), bytes(data, len)?) };
        let threads = NonZeroUsize::new(threads);
        summary.change(|summary| summary.append_utf16(data, tally, threads))
    })
}

/// The same for units of four bytes.
///
/// # Safety
///
/// - `summary` is NULL or points to one, and no other thread uses it.
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
    guard(|| {
        // SAFETY: all pointers and len are what this function demands.
        let (summary, tally, data) =
            unsafe { (summary_mut(summary)?, optional(tally), bytes(data, len)?) };
        let threads = NonZeroUsize::new(threads);
        summary.change(|summary| summary.append_utf32(data, tally, threads))
    })
}

/// Merges `right`, the stretch that follows `summary`, into it, and what is doubled where they meet into a
/// tally, if there is one. Returns zero, or a status and changes nothing.
///
/// # Safety
///
/// - `summary` is NULL or points to one, and no other thread uses it.
/// - `tally` is NULL or came from `doubles_tally_new`, and no other thread uses it.
/// - `right` is NULL or points to a summary other than the first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_merge(
    summary: *mut DoublesSummary,
    tally: *mut DoublesTally,
    right: *const DoublesSummary,
) -> i64 {
    guard(|| {
        // SAFETY: all pointers are what this function demands.
        let (summary, tally, right) =
            unsafe { (summary_mut(summary)?, optional(tally), right.as_ref()) };
        let right = right.ok_or(DoublesStatus::NullPointer)?.try_into()?;
        summary.change(|summary| summary.append_summary(right, tally))
    })
}

/// # Safety
///
/// `summary` is NULL or points to a summary that nobody else uses for as long as `'a`.
unsafe fn summary_mut<'a>(
    summary: *mut DoublesSummary,
) -> Result<&'a mut DoublesSummary, DoublesStatus> {
    // SAFETY: NULL or a summary, by the caller's word.
    unsafe { summary.as_mut() }.ok_or(DoublesStatus::NullPointer)
}

impl DoublesSummary {
    /// Lets `change` act on what the struct stands for. Returns zero, or a status and changes nothing.
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
        let fragment = |bytes: &[u8; 3], length: u8| match bytes.get(..usize::from(length)) {
            Some(bytes) => Fragment::new(bytes).map_err(DoublesStatus::from),
            None => Err(DoublesStatus::InvalidLength),
        };
        Ok(Self {
            head: fragment(&summary.head, summary.head_len)?,
            body: Summary {
                length: summary.length,
                count: summary.count,
                ends: (summary.length > 0).then_some((summary.first, summary.last)),
            },
            tail: fragment(&summary.tail, summary.tail_len)?,
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
