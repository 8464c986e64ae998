//! An array of Arrow without children, and its type, over memory that is shared.

use super::structs::{ArrowArray, ArrowSchema, Struct};
use std::ffi::{CStr, c_void};

/// The flag of a type whose rows may be null.
pub(super) const NULLABLE: i64 = 2;

/// What an exported array leads to.
struct Exported<Owner, const BUFFERS: usize> {
    buffers: [*const c_void; BUFFERS],
    _owner: Owner,
}

/// Returns a type with a static name and format.
pub(super) fn leaf_type(name: &'static CStr, format: &'static CStr, flags: i64) -> ArrowSchema {
    ArrowSchema {
        format: format.as_ptr(),
        name: name.as_ptr(),
        flags,
        release: Some(release_type),
        ..ArrowSchema::released()
    }
}

/// Returns an array of `len` rows, the first of which has the place `offset` in the buffers. `owner` keeps the memory
/// of the buffers until the array is released.
pub(super) fn leaf<Owner, const BUFFERS: usize>(
    offset: usize,
    len: usize,
    nulls: usize,
    buffers: [*const c_void; BUFFERS],
    owner: Owner,
) -> ArrowArray {
    let exported = Box::into_raw(Box::new(Exported {
        buffers,
        _owner: owner,
    }));
    ArrowArray {
        length: len as i64,
        null_count: nulls as i64,
        offset: offset as i64,
        n_buffers: BUFFERS as i64,
        // SAFETY: `exported` came from `Box::into_raw` just now, so it leads to a struct with that field.
        buffers: unsafe { (&raw mut (*exported).buffers).cast() },
        release: Some(release_array::<Owner, BUFFERS>),
        private_data: exported.cast(),
        ..ArrowArray::released()
    }
}

unsafe extern "C" fn release_type(schema: *mut ArrowSchema) {
    // SAFETY: consumers release a struct once, and `leaf_type` made this one. Its texts are static.
    unsafe { (*schema).release = None };
}

unsafe extern "C" fn release_array<Owner, const BUFFERS: usize>(array: *mut ArrowArray) {
    // SAFETY: consumers release a struct once, and `leaf` made this one: its private data came from `Box::into_raw`,
    // with these types. Dropping it frees memory, which does not panic.
    unsafe {
        (*array).release = None;
        drop(Box::from_raw(
            (*array).private_data.cast::<Exported<Owner, BUFFERS>>(),
        ));
    }
}
