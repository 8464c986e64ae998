//! What `doubles_ffi` is raced against, and the limits that nothing can beat.
//!
//! The peers are the historic counters as users of PyO3 write them: one short function each, with
//! PyO3's own conversion of `&str` and `&[u8]`. They keep the GIL, as such functions do, so that a
//! short call costs as little as PyO3 lets it.
//!
//! The limits do the least that any counter or generator has to do: look at each byte once, or draw
//! random bytes without making letters of them.

use pyo3::prelude::*;

mod count;
mod fill;
mod read;

#[pymodule]
mod doubles_peers {
    use super::*;
    use pyo3::exceptions::PyUnicodeError;
    use pyo3::types::PyByteArray;

    /// The counters for `str`.
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

        /// Code points of UTF-8: validated by std, then one loop over `chars()`.
        #[pyfunction]
        fn count_utf8_chars(bytes: &[u8]) -> PyResult<u64> {
            match std::str::from_utf8(bytes) {
                Ok(text) => Ok(count::doubles_once(text)),
                Err(error) => Err(PyUnicodeError::new_err(error.to_string())),
            }
        }
    }

    #[pyfunction]
    fn random_alphanumeric(length: usize) -> String {
        fill::alphanumeric(length)
    }

    /// Look at each byte once, on one thread. Returns the exclusive or of all.
    #[pyfunction]
    fn read(bytes: &[u8]) -> u8 {
        crate::read::all(bytes)
    }

    /// Look at each byte once, on all threads.
    #[pyfunction]
    fn read_parallel(py: Python<'_>, bytes: &[u8]) -> u8 {
        py.detach(|| crate::read::all_parallel(bytes))
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
