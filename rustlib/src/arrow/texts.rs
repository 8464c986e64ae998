//! Texts as an array of Arrow, without a copy of the text.

use super::structs::{ArrowArray, ArrowSchema, Struct};
use crate::columns::Texts;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::Arc;

/// The flag of a type whose rows may be null.
const NULLABLE: i64 = 2;

/// The types of Arrow that texts can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextType {
    /// Binary, with offsets of 32 bits.
    Binary,
    /// Strings, with offsets of 32 bits.
    String,
    /// Binary, with offsets of 64 bits.
    LargeBinary,
    /// Strings, with offsets of 64 bits.
    LargeString,
}

impl TextType {
    fn format(self) -> &'static CStr {
        match self {
            Self::Binary => c"z",
            Self::String => c"u",
            Self::LargeBinary => c"Z",
            Self::LargeString => c"U",
        }
    }

    /// The type with offsets of 64 bits.
    fn large(self) -> Self {
        match self {
            Self::Binary | Self::LargeBinary => Self::LargeBinary,
            Self::String | Self::LargeString => Self::LargeString,
        }
    }
}

/// The memory that an exported array leads to.
struct Exported {
    buffers: [*const c_void; 3],
    /// Offsets of 32 bits, if the array has such.
    _short: Vec<i32>,
    /// The owner of the other memory.
    _texts: Arc<Texts>,
}

/// Returns `len` of the texts, from `start` on, as an array and its type; `None` if there are not that many. If offsets
/// of 32 bits don't reach, the type is the large one. The array shares the memory of the texts until it is released.
pub fn export(
    texts: &Arc<Texts>,
    start: usize,
    len: usize,
    kind: TextType,
) -> Option<(ArrowSchema, ArrowArray)> {
    let end = start.checked_add(len)?;
    // From the row whose bit of validity is the first one of its byte.
    let offsets = texts.offsets().get(start / 8 * 8..=end)?;
    let short: Result<Vec<i32>, _> = match kind == kind.large() {
        true => Ok(Vec::new()),
        false => offsets.iter().map(|&offset| offset.try_into()).collect(),
    };
    let kind = if short.is_ok() { kind } else { kind.large() };
    let short = short.unwrap_or_default();
    let nulls = texts.nulls_in(start..end);
    let validity = match nulls {
        0 => ptr::null(),
        _ => texts.validity()[start / 8..].as_ptr().cast(),
    };
    let offsets = match kind == kind.large() {
        true => offsets.as_ptr().cast(),
        false => short.as_ptr().cast(),
    };
    let exported = Box::into_raw(Box::new(Exported {
        buffers: [validity, offsets, texts.data().as_ptr().cast()],
        _short: short,
        _texts: Arc::clone(texts),
    }));
    let schema = ArrowSchema {
        format: kind.format().as_ptr(),
        name: c"".as_ptr(),
        flags: NULLABLE,
        release: Some(release_schema),
        ..ArrowSchema::released()
    };
    let array = ArrowArray {
        length: len as i64,
        null_count: nulls as i64,
        offset: (start % 8) as i64,
        n_buffers: 3,
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
