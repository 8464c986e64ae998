//! The kernel for x86-64 with AVX-512. What it does not make faster, it leaves to AVX2.

mod utf8;

use super::avx2::Avx2;
use super::{CodePoints, Kernel, Table};
use std::ffi::CStr;

/// Having one means that the CPU has AVX-512 F and BW, and all that [`Avx2`] means.
#[derive(Clone, Copy)]
pub(super) struct Avx512 {
    avx2: Avx2,
}

impl Avx512 {
    /// Asks std, which remembers.
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        let avx2 = Avx2::detect()?;
        has.then_some(Self { avx2 })
    }
}

impl Kernel for Avx512 {
    const NAME: &'static CStr = c"avx512";

    #[inline(always)]
    fn run<R>(self, work: impl FnOnce() -> R) -> R {
        self.avx2.run(work)
    }

    #[inline]
    fn count(self, bytes: &[u8]) -> u64 {
        self.avx2.count(bytes)
    }

    fn count_utf8(self, text: &[u8]) -> Option<CodePoints> {
        // Looking up bytes came with a later generation of these CPUs.
        if is_x86_feature_detected!("avx512vbmi") {
            // SAFETY: `self` means that the CPU has the other features, and it has this one.
            unsafe { utf8::count(text) }
        } else {
            self.avx2.count_utf8(text)
        }
    }

    fn spell(self, table: &Table, text: &mut [u8]) {
        self.avx2.spell(table, text);
    }
}
