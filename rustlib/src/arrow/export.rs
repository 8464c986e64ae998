//! Counts as an array of Arrow, without a copy.

use super::structs::{ArrowArray, ArrowSchema, Struct};
use crate::columns::Counts;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

/// The flag of a type whose rows may be null.
const NULLABLE: i64 = 2;

/// The memory that an exported array leads to.
struct Exported {
    buffers: [*const c_void; 2],
    /// The owner of the memory of the buffers.
    _counts: Arc<Counts>,
}

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
    let exported = Box::into_raw(Box::new(Exported {
        buffers: [validity, counts.values().as_ptr().cast()],
        _counts: Arc::clone(counts),
    }));
    let schema = ArrowSchema {
        format: c"l".as_ptr(),
        name: c"".as_ptr(),
        flags: NULLABLE,
        release: Some(release_schema),
        ..ArrowSchema::released()
    };
    let array = ArrowArray {
        length: len as i64,
        null_count: nulls as i64,
        offset: start as i64,
        n_buffers: 2,
        // SAFETY: `exported` came from `Box::into_raw` just now, so it leads to a struct with that field.
        buffers: unsafe { (&raw mut (*exported).buffers).cast() },
        release: Some(release_array),
        private_data: exported.cast(),
        ..ArrowArray::released()
    };
    Some((schema, array))
}

unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    // SAFETY: consumers release a struct once, and `export` made this one. Its texts are static.
    unsafe { (*schema).release = None };
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: consumers release a struct once, and `export` made this one: its private data came from
    // `Box::into_raw`. Dropping it frees memory, which does not panic.
    unsafe {
        (*array).release = None;
        drop(Box::from_raw((*array).private_data.cast::<Exported>()));
    }
}
