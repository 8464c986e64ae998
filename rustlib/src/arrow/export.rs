//! Counts as an array of Arrow, without a copy.

use super::leaf::{NULLABLE, leaf, leaf_type};
use super::structs::{ArrowArray, ArrowSchema};
use crate::columns::Counts;
use std::ptr;
use std::sync::Arc;

/// Returns `len` of the counts, from `start` on, as an array of 64-bit integers and its type; `None` if
/// there are not that many. The array shares the memory of the counts until it is released.
pub fn export(counts: &Arc<Counts>, start: usize, len: usize) -> Option<(ArrowSchema, ArrowArray)> {
    let end = start.checked_add(len)?;
    if end > counts.values().len() {
        return None;
    }
    let nulls = counts.nulls_in(start..end);
    let validity = match nulls {
        0 => ptr::null(),
        _ => counts.validity().as_ptr().cast(),
    };
    let buffers = [validity, counts.values().as_ptr().cast()];
    Some((
        leaf_type(c"", c"l", NULLABLE),
        leaf(start, len, nulls, buffers, Arc::clone(counts)),
    ))
}
