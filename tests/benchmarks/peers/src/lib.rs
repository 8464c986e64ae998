//! What `doubles_ffi` is raced against, and the limits that nothing can beat.
//!
//! The peers are the historic counters as users of PyO3 write them: one short function each, with
//! PyO3's own conversions. They keep the GIL, as such functions do, so that a short call costs as
//! little as PyO3 lets it.
//!
//! The limits do the least that any counter or generator has to do: look at each byte once, validate
//! UTF-8 without counting, or draw random bytes without making letters of them.

use pyo3::prelude::*;

mod count;
mod fill;
mod read;

#[pymodule]
mod doubles_peers {
    use super::*;
    use pyo3::exceptions::{PyNotImplementedError, PyUnicodeError};
    use pyo3::types::string::PyStringData;
    use pyo3::types::{PyByteArray, PyBytes, PyString};

    /// The counters for `str`, by its UTF-8.
    #[pymodule]
    mod of_str {
        use super::*;

        #[pyfunction]
        fn count_doubles(text: &str) -> u64 {
            count::doubles(text)
        }

        #[pyfunction]
        fn count_doubles_once(text: &str) -> u64 {
            count::doubles_once(text)
        }

        #[pyfunction]
        fn count_doubles_once_bytes(text: &str) -> u64 {
            count::doubles_once_bytes(text.as_bytes())
        }

        #[pyfunction]
        fn count_doubles_slice(text: &str) -> u64 {
            count::doubles_slice(text.as_bytes())
        }

        #[pyfunction]
        fn count_doubles_slice_parallel(text: &str) -> u64 {
            count::doubles_slice_parallel(text.as_bytes())
        }

        #[pyfunction]
        fn squeeze(text: &str) -> String {
            let mut characters: Vec<char> = text.chars().collect();
            characters.dedup();
            characters.into_iter().collect()
        }
    }

    /// Counters for `str`, which read the storage that CPython keeps it in.
    #[pymodule]
    mod of_storage {
        use super::*;

        #[pyfunction]
        fn count_doubles_slice(text: &Bound<'_, PyString>) -> PyResult<u64> {
            // SAFETY: a str never changes, and the caller holds it.
            Ok(match unsafe { text.data() }? {
                PyStringData::Ucs1(units) => count::doubles_slice(units),
                PyStringData::Ucs2(units) => count::doubles_slice(units),
                PyStringData::Ucs4(units) => count::doubles_slice(units),
            })
        }
    }

    /// The counters for `bytes`.
    #[pymodule]
    mod of_bytes {
        use super::*;

        #[pyfunction]
        fn count_doubles_once_bytes(bytes: &[u8]) -> u64 {
            count::doubles_once_bytes(bytes)
        }

        #[pyfunction]
        fn count_doubles_slice(bytes: &[u8]) -> u64 {
            count::doubles_slice(bytes)
        }

        #[pyfunction]
        fn count_doubles_slice_parallel(bytes: &[u8]) -> u64 {
            count::doubles_slice_parallel(bytes)
        }

        #[pyfunction]
        fn squeeze<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyBytes> {
            let mut bytes = bytes.to_vec();
            bytes.dedup();
            PyBytes::new(py, &bytes)
        }

        /// Code points of UTF-8: validated by std, then one loop over `chars()`.
        #[pyfunction]
        fn count_utf8_chars(bytes: &[u8]) -> PyResult<u64> {
            match std::str::from_utf8(bytes) {
                Ok(text) => Ok(count::doubles_once(text)),
                Err(error) => Err(PyUnicodeError::new_err(error.to_string())),
            }
        }

        /// Returns whether bytes are UTF-8, and counts nothing.
        #[pyfunction]
        fn is_utf8(bytes: &[u8]) -> bool {
            simdutf8::basic::from_utf8(bytes).is_ok()
        }

        /// Reads each byte once, on one thread. Returns the exclusive or of all.
        #[pyfunction]
        fn read(bytes: &[u8], vector: usize, vectors: usize, ahead: usize) -> PyResult<u8> {
            Ok(super::shaped(vector, vectors, ahead)?(bytes))
        }

        /// Reads each byte once, on all threads.
        #[pyfunction]
        fn read_parallel(
            py: Python<'_>,
            bytes: &[u8],
            vector: usize,
            vectors: usize,
            ahead: usize,
        ) -> PyResult<u8> {
            let read = super::shaped(vector, vectors, ahead)?;
            Ok(py.detach(|| crate::read::parallel(read, bytes)))
        }
    }

    /// The counter for `bytearray`.
    #[pymodule]
    mod of_bytearray {
        use super::*;

        #[pyfunction]
        fn count_doubles_slice(array: &Bound<'_, PyByteArray>) -> u64 {
            // SAFETY: the GIL is kept, and nothing here runs Python: nobody changes the array.
            count::doubles_slice(unsafe { array.as_bytes() })
        }
    }

    /// Returns whether `read` has this shape, and the processor can run it.
    #[pyfunction]
    fn can_read(vector: usize, vectors: usize, ahead: usize) -> bool {
        crate::read::shaped(vector, vectors, ahead).is_some()
    }

    fn shaped(vector: usize, vectors: usize, ahead: usize) -> PyResult<fn(&[u8]) -> u8> {
        crate::read::shaped(vector, vectors, ahead)
            .ok_or_else(|| PyNotImplementedError::new_err("no such read on this processor"))
    }

    #[pyfunction]
    fn random_alphanumeric(length: usize) -> String {
        fill::alphanumeric(length)
    }

    /// Fill a bytearray with random bytes, on one thread.
    #[pyfunction]
    fn fill_chacha(buffer: &Bound<'_, PyByteArray>) {
        // SAFETY: the GIL is kept, and nothing below runs Python: nobody else touches the buffer.
        fill::chacha(unsafe { buffer.as_bytes_mut() });
    }

    /// Fill a bytearray with random bytes, on all threads.
    #[pyfunction]
    fn fill_chacha_parallel(buffer: &Bound<'_, PyByteArray>) {
        // SAFETY: as above.
        fill::chacha_parallel(unsafe { buffer.as_bytes_mut() });
    }
}
