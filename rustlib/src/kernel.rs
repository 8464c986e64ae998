//! The hot loops, over one stretch of input on one thread, as fast as the CPU allows.
//!
//! A *kernel* is one implementation of these loops for one instruction set. [`portable`] runs everywhere:
//! plain loops that compilers turn into vector code.
//!
//! A new kernel is a file with a [`Kernel`] and a row in [`KERNELS`]. The tests then run it beside the
//! others.
//!
//! The first call chooses the kernel. The environment variable `DOUBLES_KERNEL` names the one to use, for
//! tests. It never forces a kernel onto a CPU that lacks it.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod flags;
#[cfg(target_arch = "x86_64")]
mod gather;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod table;
mod utf8;

pub(crate) use flags::LANES;
pub(crate) use portable::is_lead;
use std::env;
use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
pub use table::Table;
pub(crate) use utf8::BEFORE;

/// One implementation of the loops: a row of functions. The functions of this module say what each does.
///
/// Only a kernel's `detect` hands out its row, and only if the CPU has the instructions. So having a reference
/// proves that they can be used.
struct Kernel {
    /// What `DOUBLES_KERNEL` calls it.
    name: &'static CStr,
    count: unsafe fn(&[u8]) -> u64,
    count_utf16: unsafe fn(&[u8]) -> u64,
    count_utf32: unsafe fn(&[u8]) -> u64,
    count_utf8: unsafe fn(&[u8]) -> Option<CodePoints>,
    mark_utf8: unsafe fn(&[u8], &mut [u64]) -> Option<bool>,
    equal_bits: unsafe fn(&[u8], &[u8], &mut [u64]),
    tally: unsafe fn(&[u8], &mut [u64; 256]),
    squeeze: unsafe fn(&[u8], &[u64], &mut [u8]) -> usize,
    draw: Draw,
    /// What [`run`] compiles for; `None`: for any CPU.
    #[cfg(target_arch = "x86_64")]
    instructions: fn() -> Option<avx2::Avx2>,
}

type Draw = unsafe fn(&Table, &[u8], &mut [u8], &mut dyn FnMut() -> u32);

/// Calls a function of a kernel.
macro_rules! call {
    ($kernel:expr, $function:ident($($argument:expr),*)) => {
        // SAFETY: whoever has a kernel has it from its `detect`, which means that the CPU can run it.
        unsafe { ($kernel.$function)($($argument),*) }
    };
}

/// The `detect` of all kernels, the fastest first.
const KERNELS: &[fn() -> Option<&'static Kernel>] = &[
    #[cfg(target_arch = "x86_64")]
    avx512::detect,
    #[cfg(target_arch = "x86_64")]
    avx2::detect,
    #[cfg(target_arch = "aarch64")]
    neon::detect,
    portable::detect,
];

/// The kernel that `DOUBLES_KERNEL` names, or else the fastest, of those that the CPU can run.
#[cold]
fn choose() -> &'static Kernel {
    let wanted = env::var_os("DOUBLES_KERNEL").unwrap_or_default();
    let is_wanted = |kernel: &&Kernel| kernel.name.to_bytes() == wanted.as_encoded_bytes();
    let mut found = KERNELS.iter().filter_map(|detect| detect());
    let wanted = found.clone().find(is_wanted);
    wanted
        .or_else(|| found.next())
        .expect("every CPU can run the portable kernel")
}

/// The chosen kernel.
///
/// Not a `OnceLock`: a fork while one thread chooses would leave the lock locked in the child. Threads that
/// choose at the same time choose the same.
#[inline(always)]
fn chosen() -> &'static Kernel {
    static CHOSEN: AtomicPtr<Kernel> = AtomicPtr::new(ptr::null_mut());
    // SAFETY: it is null or what was stored below, a reference to a static.
    let known = unsafe { CHOSEN.load(Ordering::Relaxed).as_ref() };
    known.unwrap_or_else(|| {
        let found = choose();
        CHOSEN.store(ptr::from_ref(found).cast_mut(), Ordering::Relaxed);
        found
    })
}

/// Calls `work`, compiled for the instructions of the chosen kernel. Only what is inlined is, `work`
/// included.
#[inline(always)]
pub(crate) fn run<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = (chosen().instructions)() {
        return avx2.run(work);
    }
    work()
}

/// The name of the chosen kernel: `portable`, `avx2`, `avx512` or `neon`.
pub fn name() -> &'static CStr {
    chosen().name
}

/// Counts doubles between bytes.
///
/// ```
/// assert_eq!(doubles::kernel::count(b"aaa"), 2);
/// ```
pub fn count(bytes: &[u8]) -> u64 {
    call!(chosen(), count(bytes))
}

/// Counts doubles between UTF-16 units: two bytes each, of any alignment and byte order. Bytes after the
/// last whole unit are not counted.
///
/// Units are compared, never interpreted: surrogates are units like any other.
pub fn count_utf16(bytes: &[u8]) -> u64 {
    call!(chosen(), count_utf16(bytes))
}

/// Counts doubles between UTF-32 units: four bytes each, of any alignment and byte order. Bytes after the
/// last whole unit are not counted.
pub fn count_utf32(bytes: &[u8]) -> u64 {
    call!(chosen(), count_utf32(bytes))
}

/// What [`count_utf8`] finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodePoints {
    /// The number of code points.
    pub length: u64,
    /// Doubles between them.
    pub count: u64,
}

/// Counts code points, and doubles between them, in UTF-8; `None` if the text is not valid. If another
/// thread changes the text at the same time, the answer may be wrong and nothing worse happens.
///
/// ```
/// let found = doubles::kernel::count_utf8("жжук".as_bytes()).expect("valid");
/// assert_eq!((found.length, found.count), (4, 1));
/// ```
pub fn count_utf8(text: &[u8]) -> Option<CodePoints> {
    call!(chosen(), count_utf8(text))
}

/// Marks where doubles end between the code points of UTF-8: a bit for each of its bytes, the first one
/// lowest. Returns whether any code point has more than one byte; `None` if the text is not valid.
///
/// `text` begins with [`BEFORE`] bytes that have no marks: the text before, or ASCII. At least [`LANES`] bytes
/// for each number in `marks` follow. A code point that they tear is not found to be invalid, and its mark means
/// nothing.
pub(crate) fn mark_utf8(text: &[u8], marks: &mut [u64]) -> Option<bool> {
    call!(chosen(), mark_utf8(text, marks))
}

/// Sets a bit for each byte that is equal in both, the first one lowest, and clears the others. Both have at
/// least [`LANES`] bytes for each number in `bits`.
pub(crate) fn equal_bits(left: &[u8], right: &[u8], bits: &mut [u64]) {
    call!(chosen(), equal_bits(left, right, bits));
}

/// Adds one to `table[b]` for each double of the byte `b`.
pub fn tally(bytes: &[u8], table: &mut [u64; 256]) {
    call!(chosen(), tally(bytes, table));
}

/// Writes those of the bytes whose bit in `dropped` is zero to `out`, side by side, and returns their number.
/// `out` is at least as long as `bytes`; what comes after the bytes written may be overwritten too. `dropped`
/// has a bit for each byte, the first one lowest.
pub(crate) fn squeeze(bytes: &[u8], dropped: &[u64], out: &mut [u8]) -> usize {
    call!(chosen(), squeeze(bytes, dropped, out))
}

impl Table {
    /// Writes the characters of all words, little-endian ones, to `text`, which has the same length. `other`
    /// returns the next word to use in place of one that must not be used.
    pub fn draw(&self, words: &[u8], text: &mut [u8], other: &mut dyn FnMut() -> u32) {
        call!(chosen(), draw(self, words, text, other));
    }
}

#[cfg(test)]
pub(crate) mod tests;
