//! The exports for texts of rows.

use super::guard::{DoublesStatus, boxed, guard, required, required_mut, unboxed};
use crate::arrow::structs::{ArrowArray, ArrowSchema};
use crate::arrow::texts::{TextType, export};
use crate::columns::Texts;
use std::sync::Arc;

/// Texts of rows, of which some may be null.
///
/// Its life: `doubles_texts_new`; any number of calls of `doubles_column_squeeze`; `doubles_texts_view` to read them,
/// or `doubles_texts_export` to hand them to consumers of Arrow; `doubles_texts_free`. Exported arrays share their
/// memory, which is freed with the last owner.
pub struct DoublesTexts(Arc<Texts>);

/// The memory of texts, to be read until they are changed or freed.
#[repr(C)]
pub struct DoublesTextsView {
    /// Where each row begins in `data`, and where the last one ends: one more than there are rows.
    pub offsets: *const i64,
    /// The bytes of all rows, one after the other. Null rows have none.
    pub data: *const u8,
    /// One bit for each row, the first row in the lowest bit: 1 if it is valid, 0 if it is null.
    pub validity: *const u8,
    /// The number of rows.
    pub length: usize,
    /// The number of null rows.
    pub null_count: usize,
}

/// Makes texts of no rows. Free them with `doubles_texts_free`. Returns NULL if the library panicked.
#[unsafe(no_mangle)]
pub extern "C" fn doubles_texts_new() -> *mut DoublesTexts {
    boxed(|| DoublesTexts(Arc::default()))
}

/// Frees texts. Does nothing if they are NULL. Exported arrays stay valid.
///
/// # Safety
///
/// `texts` is NULL or came from `doubles_texts_new`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_texts_free(texts: *mut DoublesTexts) {
    // SAFETY: `texts` came from `doubles_texts_new`, and is not used again.
    unsafe { unboxed(texts) };
}

/// Writes where the memory of the texts is. Returns zero or a status. To read the first row:
///
/// ```c
/// DoublesTextsView view = {0};
/// if (doubles_texts_view(texts, &view) == 0 && view.length > 0 && (view.validity[0] & 1))
///     fwrite(view.data, 1, (size_t)view.offsets[1], stdout);
/// ```
///
/// # Safety
///
/// - `texts` is NULL or came from `doubles_texts_new`, and no other thread changes it.
/// - `view` is NULL or points to a writable struct.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_texts_view(
    texts: *const DoublesTexts,
    view: *mut DoublesTextsView,
) -> i64 {
    // SAFETY: NULL, texts, and a struct to write.
    guard(|| unsafe {
        *required_mut(view)? = (&*required(texts)?.0).into();
        Ok(0)
    })
}

/// Writes `len` of the texts, from `start` on, as an array and its type, for any consumer of the Arrow C data
/// interface. `format` is the letter of the type: 'u' for strings, 'z' for binary, 'U' and 'Z' for the same with
/// offsets of 64 bits. If offsets of 32 bits don't reach, the type is the one with 64 bits. The text is not copied.
/// The consumer releases both. Returns zero or a status.
///
/// # Safety
///
/// - `texts` is NULL or came from `doubles_texts_new`, and no other thread changes it.
/// - `schema` and `array` are NULL or point to writable structs, whose contents are not released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn doubles_texts_export(
    texts: *const DoublesTexts,
    start: usize,
    len: usize,
    format: u32,
    schema: *mut ArrowSchema,
    array: *mut ArrowArray,
) -> i64 {
    // SAFETY: NULL, texts, and two structs to write.
    guard(|| unsafe {
        let (schema, array) = (required_mut(schema)?, required_mut(array)?);
        let exported = export(&required(texts)?.0, start, len, text_type(format)?);
        (*schema, *array) = exported.ok_or(DoublesStatus::InvalidLength)?;
        Ok(0)
    })
}

impl DoublesTexts {
    /// The texts, to be changed. Exported arrays do not change.
    pub(super) fn change(&mut self) -> &mut Texts {
        Arc::make_mut(&mut self.0)
    }
}

/// The type of a letter.
fn text_type(format: u32) -> Result<TextType, DoublesStatus> {
    match char::from_u32(format) {
        Some('u') => Ok(TextType::String),
        Some('z') => Ok(TextType::Binary),
        Some('U') => Ok(TextType::LargeString),
        Some('Z') => Ok(TextType::LargeBinary),
        _ => Err(DoublesStatus::UnsupportedColumn),
    }
}

impl From<&Texts> for DoublesTextsView {
    fn from(texts: &Texts) -> Self {
        Self {
            offsets: texts.offsets().as_ptr(),
            data: texts.data().as_ptr(),
            validity: texts.validity().as_ptr(),
            length: texts.length(),
            null_count: texts.nulls(),
        }
    }
}
