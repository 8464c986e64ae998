//! The structs of the Arrow C data interface, and an owner that releases each of them once.

use super::Error;
use std::ffi::{c_char, c_int, c_void};
use std::mem;

/// `struct ArrowSchema` of the Arrow C data interface: the type of a column.
#[repr(C)]
pub struct ArrowSchema {
    /// The type, as a format string of Arrow.
    pub format: *const c_char,
    /// The name of the column, or NULL.
    pub name: *const c_char,
    /// More about it, or NULL.
    pub metadata: *const c_char,
    /// Bits: the dictionary is ordered (1), rows may be null (2), the keys of a map are sorted (4).
    pub flags: i64,
    /// The number of children.
    pub n_children: i64,
    /// The types of the columns that this one consists of.
    pub children: *mut *mut ArrowSchema,
    /// The type of the dictionary, or NULL.
    pub dictionary: *mut ArrowSchema,
    /// The function that releases the struct; NULL if it is released or was moved.
    pub release: Option<unsafe extern "C" fn(schema: *mut ArrowSchema)>,
    /// The producer's own data.
    pub private_data: *mut c_void,
}

/// `struct ArrowArray` of the Arrow C data interface: the rows of a column.
#[repr(C)]
pub struct ArrowArray {
    /// The number of rows.
    pub length: i64,
    /// The number of null rows; -1 if it is unknown.
    pub null_count: i64,
    /// The number of rows in the buffers before the first one.
    pub offset: i64,
    /// The number of buffers.
    pub n_buffers: i64,
    /// The number of children.
    pub n_children: i64,
    /// The buffers, in the order that the type prescribes.
    pub buffers: *mut *const c_void,
    /// The columns that this one consists of.
    pub children: *mut *mut ArrowArray,
    /// The dictionary, or NULL.
    pub dictionary: *mut ArrowArray,
    /// The function that releases the struct; NULL if it is released or was moved.
    pub release: Option<unsafe extern "C" fn(array: *mut ArrowArray)>,
    /// The producer's own data.
    pub private_data: *mut c_void,
}

/// `struct ArrowArrayStream` of the Arrow C stream interface: a column in chunks.
#[repr(C)]
pub struct ArrowStream {
    /// Writes the type. Returns zero or an errno.
    pub get_schema:
        Option<unsafe extern "C" fn(stream: *mut ArrowStream, out: *mut ArrowSchema) -> c_int>,
    /// Writes the next chunk, or a released one at the end. Returns zero or an errno.
    pub get_next:
        Option<unsafe extern "C" fn(stream: *mut ArrowStream, out: *mut ArrowArray) -> c_int>,
    /// Returns what went wrong, or NULL.
    pub get_last_error: Option<unsafe extern "C" fn(stream: *mut ArrowStream) -> *const c_char>,
    /// The function that releases the struct; NULL if it is released or was moved.
    pub release: Option<unsafe extern "C" fn(stream: *mut ArrowStream)>,
    /// The producer's own data.
    pub private_data: *mut c_void,
}

/// One of Arrow's structs.
///
/// # Safety
///
/// All zeros is a value of the type: the released struct. The struct may be moved in memory. Unless it is
/// released, its `release` may be called once with a pointer to it.
pub unsafe trait Struct: Sized {
    /// Its release function; `None` if it is released.
    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)>;

    /// The released struct.
    fn released() -> Self {
        // SAFETY: all zeros is a value of the type, by the trait's contract.
        unsafe { mem::zeroed() }
    }
}

// SAFETY: its fields are integers, pointers and optional functions, which may all be zero; the Arrow C data
// interface lets consumers move it, and has it released once.
unsafe impl Struct for ArrowSchema {
    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)> {
        self.release
    }
}

// SAFETY: its fields are integers, pointers and optional functions, which may all be zero; the Arrow C data
// interface lets consumers move it, and has it released once.
unsafe impl Struct for ArrowArray {
    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)> {
        self.release
    }
}

// SAFETY: its fields are integers, pointers and optional functions, which may all be zero; the Arrow C data
// interface lets consumers move it, and has it released once.
unsafe impl Struct for ArrowStream {
    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)> {
        self.release
    }
}

/// One of Arrow's structs, which is released when it is dropped.
pub(super) struct Owned<T: Struct>(pub(super) T);

impl<T: Struct> Owned<T> {
    /// A place for a producer to write a struct to.
    pub(super) fn empty() -> Self {
        Self(T::released())
    }

    /// Whether there is no struct in this place.
    pub(super) fn is_empty(&self) -> bool {
        self.0.release().is_none()
    }

    /// Moves a struct out of its place, where a released one stays.
    pub(super) fn take(place: &mut T) -> Result<Self, Error> {
        match place.release() {
            Some(_) => Ok(Self(mem::replace(place, T::released()))),
            None => Err(Error::Released),
        }
    }
}

impl<T: Struct> Drop for Owned<T> {
    fn drop(&mut self) {
        if let Some(release) = self.0.release() {
            // SAFETY: the struct is not released, nobody else has it, and this is its last use.
            unsafe { release(&raw mut self.0) };
        }
    }
}
