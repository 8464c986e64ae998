//! The hot loops, over one stretch of input on one thread, as fast as the CPU allows.
//!
//! A *kernel* is one implementation of these loops for one instruction set. [`portable`] runs
//! everywhere: plain loops that compilers turn into vector code. Every other kernel has the same loops
//! compiled again for its instructions, and replaces those that it can write better by hand.
//!
//! A new kernel is a file with an `impl Kernel` and a row in [`KERNELS`], with its variant in
//! [`Available`]. The tests then run it beside the others.
//!
//! The first call finds out which kernel to use. The environment variable `DOUBLES_KERNEL` names the
//! fastest one that is allowed, for tests. It never forces a kernel onto a CPU that lacks it.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod gather;
mod portable;
mod table;
mod utf8;

use portable::Portable;
pub(crate) use portable::{LANES, is_lead};
use std::env;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU8, Ordering};
pub use table::Table;
pub(crate) use utf8::{BEFORE, MARKED};
#[cfg(target_arch = "x86_64")]
use {avx2::Avx2, avx512::Avx512};

/// Runs a portable loop with the instructions of a kernel. Only what is inlined is compiled for them,
/// hence `inline(always)` all the way down.
macro_rules! run {
    ($kernel:expr, $work:expr) => {
        $kernel.run(
            #[inline(always)]
            || $work,
        )
    };
}

/// One implementation of the loops. Having a value means that the CPU can run it.
trait Kernel: Copy {
    /// What `DOUBLES_KERNEL` calls it.
    const NAME: &'static CStr;

    /// Calls `work`, compiled for this kernel's instructions.
    fn run<R>(self, work: impl FnOnce() -> R) -> R;

    fn name(self) -> &'static CStr {
        Self::NAME
    }

    fn count<const WIDTH: usize>(self, bytes: &[u8]) -> u64 {
        run!(self, portable::count::<WIDTH>(bytes))
    }

    fn count_utf8(self, text: &[u8]) -> Option<CodePoints> {
        run!(self, portable::count_utf8(text))
    }

    fn mark_utf8(self, text: &[u8], doubles: &mut [u64]) -> Option<bool> {
        run!(self, portable::mark_utf8(text, doubles))
    }

    fn equal_bits(self, left: &[u8], right: &[u8], bits: &mut [u64]) {
        run!(self, portable::equal_bits(left, right, bits));
    }

    fn tally(self, bytes: &[u8], table: &mut [u64; 256]) {
        run!(self, portable::tally(bytes, table));
    }

    fn each_double<const WIDTH: usize>(self, bytes: &[u8], found: &mut dyn FnMut(u32)) {
        run!(self, portable::each_double::<WIDTH>(bytes, found));
    }

    fn each_double_utf8(self, text: &[u8], found: &mut dyn FnMut(usize)) {
        run!(self, portable::each_double_utf8(text, found));
    }

    fn draw(self, table: &Table, words: &[u8], text: &mut [u8], other: &mut dyn FnMut() -> u32) {
        run!(self, table::draw(table, words, text, other));
    }
}

/// A kernel that this CPU can run.
#[derive(Clone, Copy)]
enum Available {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    Portable(Portable),
}

/// Calls a function of a kernel.
macro_rules! on {
    ($available:expr, $($call:tt)+) => {
        match $available {
            #[cfg(target_arch = "x86_64")]
            Available::Avx512(kernel) => kernel.$($call)+,
            #[cfg(target_arch = "x86_64")]
            Available::Avx2(kernel) => kernel.$($call)+,
            Available::Portable(kernel) => kernel.$($call)+,
        }
    };
}

/// A kernel's name, and what gives the kernel if the CPU can run it.
type Row = (&'static CStr, fn() -> Option<Available>);

/// All kernels, the fastest first.
const KERNELS: &[Row] = &[
    #[cfg(target_arch = "x86_64")]
    (Avx512::NAME, || Avx512::detect().map(Available::Avx512)),
    #[cfg(target_arch = "x86_64")]
    (Avx2::NAME, || Avx2::detect().map(Available::Avx2)),
    (Portable::NAME, || Some(Available::Portable(Portable))),
];

/// The fastest kernel that the CPU can run and `DOUBLES_KERNEL` does not rule out.
#[inline(always)]
fn fastest() -> Available {
    let ruled_out = ruled_out();
    for (place, (_, detect)) in KERNELS.iter().enumerate() {
        if place >= ruled_out
            && let Some(kernel) = detect()
        {
            return kernel;
        }
    }
    Available::Portable(Portable)
}

/// How many kernels, counted from the fastest, `DOUBLES_KERNEL` ruled out when first asked.
#[inline(always)]
fn ruled_out() -> usize {
    static RULED_OUT: Remembered = Remembered::new();
    let ruled_out = RULED_OUT.get(|| {
        let allowed = env::var_os("DOUBLES_KERNEL").unwrap_or_default();
        let is_allowed = |name: &CStr| name.to_bytes() == allowed.as_encoded_bytes();
        let place = KERNELS.iter().position(|(name, _)| is_allowed(name));
        place.unwrap_or(0) as u8
    });
    ruled_out.into()
}

/// A small number that is found out when it is first needed, perhaps by several threads at once.
///
/// Not a `OnceLock`: a fork while it is found out would leave the lock locked in the child.
struct Remembered(AtomicU8);

impl Remembered {
    const UNKNOWN: u8 = u8::MAX;

    const fn new() -> Self {
        Self(AtomicU8::new(Self::UNKNOWN))
    }

    #[inline(always)]
    fn get(&self, find_out: fn() -> u8) -> u8 {
        match self.0.load(Ordering::Relaxed) {
            Self::UNKNOWN => self.set(find_out),
            known => known,
        }
    }

    #[cold]
    fn set(&self, find_out: fn() -> u8) -> u8 {
        let number = find_out();
        self.0.store(number, Ordering::Relaxed);
        number
    }
}

/// Calls `work`, compiled for the instructions of the kernel that the other functions use. Only what is
/// inlined is, `work` included.
#[inline(always)]
pub(crate) fn run<R>(work: impl FnOnce() -> R) -> R {
    on!(fastest(), run(work))
}

/// The name of the kernel that the other functions use: `portable`, `avx2` or `avx512`.
pub fn name() -> &'static CStr {
    on!(fastest(), name())
}

/// Doubles between bytes.
///
/// ```
/// assert_eq!(doubles::kernel::count(b"aaa"), 2);
/// ```
pub fn count(bytes: &[u8]) -> u64 {
    on!(fastest(), count::<1>(bytes))
}

/// Doubles between UTF-16 units: two bytes each, of any alignment and byte order. Bytes after the
/// last whole unit are not counted.
///
/// Units are compared, never interpreted: surrogates are units like any other.
pub fn count_utf16(bytes: &[u8]) -> u64 {
    on!(fastest(), count::<2>(bytes))
}

/// Doubles between UTF-32 units: four bytes each, otherwise as [`count_utf16`].
pub fn count_utf32(bytes: &[u8]) -> u64 {
    on!(fastest(), count::<4>(bytes))
}

/// What [`count_utf8`] finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodePoints {
    /// How many code points there are.
    pub length: u64,
    /// Doubles between them.
    pub count: u64,
}

/// Code points, and doubles between them, in UTF-8; `None` if the text is not valid. If it changes
/// meanwhile, the answer may be wrong and nothing is worse.
///
/// ```
/// let found = doubles::kernel::count_utf8("жжук".as_bytes()).expect("valid");
/// assert_eq!((found.length, found.count), (4, 1));
/// ```
pub fn count_utf8(text: &[u8]) -> Option<CodePoints> {
    on!(fastest(), count_utf8(text))
}

/// Marks where doubles end between the code points of UTF-8: a bit for each of its bytes, the first one
/// lowest. Returns whether any code point has more than one byte; `None` if the text is not valid. It comes
/// after [`BEFORE`] bytes of text or ASCII, and before at least one more, up to a whole number of tiles of
/// [`MARKED`] bytes; without that one, the last code point may be torn.
pub(crate) fn mark_utf8(text: &[u8], doubles: &mut [u64]) -> Option<bool> {
    on!(fastest(), mark_utf8(text, doubles))
}

/// Sets a bit for each byte that is equal in both, the first one lowest, and clears the others. Both have at
/// least [`LANES`] bytes for each number in `bits`.
pub(crate) fn equal_bits(left: &[u8], right: &[u8], bits: &mut [u64]) {
    on!(fastest(), equal_bits(left, right, bits));
}

/// Adds one to `table[b]` for each double of the byte `b`.
pub fn tally(bytes: &[u8], table: &mut [u64; 256]) {
    on!(fastest(), tally(bytes, table));
}

/// Calls `found` with each UTF-16 unit, in the machine's byte order, that equals the one before it.
pub fn each_double_utf16(bytes: &[u8], found: &mut dyn FnMut(u32)) {
    on!(fastest(), each_double::<2>(bytes, found));
}

/// Calls `found` with each UTF-32 unit, in the machine's byte order, that equals the one before it.
pub fn each_double_utf32(bytes: &[u8], found: &mut dyn FnMut(u32)) {
    on!(fastest(), each_double::<4>(bytes, found));
}

/// Calls `found` with where each code point begins that equals the one before it, in valid UTF-8.
/// Anything else leads to wrong places and nothing worse.
pub fn each_double_utf8(text: &[u8], found: &mut dyn FnMut(usize)) {
    on!(fastest(), each_double_utf8(text, found));
}

impl Table {
    /// Writes the characters of all words, little-endian ones, to `text`, which is as long. `other` returns
    /// the next word to use in place of one that must not be used.
    pub fn draw(&self, words: &[u8], text: &mut [u8], other: &mut dyn FnMut() -> u32) {
        on!(fastest(), draw(self, words, text, other));
    }
}

#[cfg(test)]
pub(crate) mod tests;
