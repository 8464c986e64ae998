//! Runs as a struct of Arrow, without a copy.

use super::leaf::{leaf, leaf_type};
use super::structs::{ArrowArray, ArrowSchema, Owned, Struct};
use crate::runs::Runs;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::Arc;

/// The children of a struct, and what else it leads to.
struct Parent<T: Struct> {
    children: Vec<*mut T>,
    /// No bits of validity: no run is null.
    buffers: [*const c_void; 1],
}

impl<T: Struct> Parent<T> {
    fn boxed(children: impl IntoIterator<Item = T>) -> *mut Self {
        let children = children.into_iter();
        Box::into_raw(Box::new(Self {
            children: children
                .map(|child| Box::into_raw(Box::new(child)))
                .collect(),
            buffers: [ptr::null()],
        }))
    }
}

impl<T: Struct> Drop for Parent<T> {
    fn drop(&mut self) {
        for &child in &self.children {
            // SAFETY: it came from `Box::into_raw` in `boxed`, and its parent is dropped once.
            drop(Owned(*unsafe { Box::from_raw(child) }));
        }
    }
}

/// Returns `len` of the runs, from `start` on, as an array of structs and its type; `None` if there are not that many.
/// The array shares the memory of the runs until it is released.
pub fn export(runs: &Arc<Runs>, start: usize, len: usize) -> Option<(ArrowSchema, ArrowArray)> {
    if start.checked_add(len)? > runs.len() {
        return None;
    }
    let slices = runs.slices();
    let rows = slices.rows.map(|rows| (c"row", c"l", rows.as_ptr().cast()));
    let columns: Vec<(&'static CStr, &'static CStr, *const c_void)> = rows
        .into_iter()
        .chain([
            (c"start", c"l", slices.starts.as_ptr().cast()),
            (c"length", c"l", slices.lengths.as_ptr().cast()),
            (c"unit", c"I", slices.units.as_ptr().cast()),
        ])
        .collect();
    let types = columns
        .iter()
        .map(|&(name, format, _)| leaf_type(name, format, 0));
    let arrays = columns
        .iter()
        .map(|&(.., values)| leaf(start, len, 0, [ptr::null(), values], Arc::clone(runs)));
    let (types, arrays) = (Parent::boxed(types), Parent::boxed(arrays));
    // SAFETY: both came from `Box::into_raw` just now, and nobody else has them yet.
    let (type_parent, array_parent) = unsafe { (&mut *types, &mut *arrays) };
    let schema = ArrowSchema {
        format: c"+s".as_ptr(),
        name: c"".as_ptr(),
        n_children: columns.len() as i64,
        children: type_parent.children.as_mut_ptr(),
        release: Some(release_struct_type),
        private_data: types.cast(),
        ..ArrowSchema::released()
    };
    let array = ArrowArray {
        length: len as i64,
        n_buffers: 1,
        buffers: array_parent.buffers.as_mut_ptr(),
        n_children: columns.len() as i64,
        children: array_parent.children.as_mut_ptr(),
        release: Some(release_struct),
        private_data: arrays.cast(),
        ..ArrowArray::released()
    };
    Some((schema, array))
}

unsafe extern "C" fn release_struct_type(schema: *mut ArrowSchema) {
    // SAFETY: consumers release a struct once, and `export` made this one: its private data came from
    // `Parent::boxed`. Dropping it releases the children that no consumer has moved.
    unsafe {
        (*schema).release = None;
        drop(Box::from_raw(
            (*schema).private_data.cast::<Parent<ArrowSchema>>(),
        ));
    }
}

unsafe extern "C" fn release_struct(array: *mut ArrowArray) {
    // SAFETY: consumers release a struct once, and `export` made this one: its private data came from
    // `Parent::boxed`. Dropping it releases the children that no consumer has moved.
    unsafe {
        (*array).release = None;
        drop(Box::from_raw(
            (*array).private_data.cast::<Parent<ArrowArray>>(),
        ));
    }
}
