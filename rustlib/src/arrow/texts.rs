//! Texts as an array of Arrow, without a copy of the text.

use super::leaf::{NULLABLE, leaf, leaf_type};
use super::structs::{ArrowArray, ArrowSchema};
use crate::columns::Texts;
use std::ffi::CStr;
use std::ptr;
use std::sync::Arc;

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
    let buffers = [validity, offsets, texts.data().as_ptr().cast()];
    // The offsets of 32 bits stay where they are when their Vec is moved.
    let owner = (short, Arc::clone(texts));
    Some((
        leaf_type(c"", kind.format(), NULLABLE),
        leaf(start % 8, len, nulls, buffers, owner),
    ))
}
