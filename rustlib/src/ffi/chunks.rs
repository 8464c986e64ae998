//! What the exports share that continue a struct of the caller's with a chunk.

use super::guard::{DoublesStatus, bytes, guard, required_mut};
use crate::chunks::State;

/// Has `work` continue a state with a chunk. Returns what it returns. If it fails, the state stays as it was.
///
/// # Safety
///
/// - `state` is NULL or points to a state, and no other thread uses it.
/// - `data` points to `len` readable bytes.
pub(super) unsafe fn advance<S: State>(
    state: *mut S,
    (data, len): (*const u8, usize),
    work: impl FnOnce(&mut S, &[u8]) -> Result<u64, DoublesStatus>,
) -> i64 {
    guard(|| {
        // SAFETY: NULL or a state, and `len` bytes.
        let (state, chunk) = unsafe { (required_mut(state)?, bytes(data, len)?) };
        let mut after = *state;
        after.torn().ok_or(DoublesStatus::InvalidStruct)?;
        let returned = work(&mut after, chunk)?;
        *state = after;
        Ok(returned)
    })
}
