//! UTF-8 in one pass: is it valid, how many code points has it, and where do doubles end.
//!
//! A code point equals the one before it if each of its bytes equals the byte that is as many bytes before it
//! as the code point is long. So each byte is compared once, with a byte that is picked for it. Let `x` be a
//! byte, and `p1` to `p4` the four bytes before it:
//!
//! ```text
//! peer =  p1  if x is ASCII
//!         p4  if x, p1, p2 or p3 is F0 or more
//!         p3  if x, p1 or p2 is E0 or more
//!         p2  in all other cases
//! equal  = (x == peer)                  a bit for each byte
//! starts = (x continues nothing)        the first byte of each code point
//! ```
//!
//! A double is a code point of which all bits of `equal` are set. One addition finds them all, of any length:
//!
//! ```text
//! carry, sum = equal + (equal & starts) + carry
//! doubles    = ones in (sum & starts)
//! ```
//!
//! 1. The bit at a start is added to itself, so it moves on by one place. It runs through the bits after it as
//!    long as they are set, and arrives at the next start if all of them are. A double is thus found at the byte
//!    after it.
//! 2. A start that is equal itself does not mind: 1 + 1 moves on and leaves its place to what arrives.
//! 3. Where a bit is missing, the sum has ones at bytes that are no starts, and nobody looks at these.
//! 4. The carry is all that there is to a code point that two vectors share.
//! 5. Nothing is done again for each length. In place of ten comparisons (one for each byte of each length)
//!    there is one, and two masks of 64 bits are all that leaves the vector registers.
//!
//! Text is valid if neighbours fit together, and if the third and fourth bytes of code points are where they
//! should be (Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte", 2020):
//!
//! ```text
//! x continues a code point  exactly if  p1 >= C0, or p2 >= E0, or p3 >= F0
//! p1 is not C0, C1, or F5 to FF
//! x >= A0 after E0, x < A0 after ED, x >= 90 after F0, x < 90 after F4
//! ```
//!
//! Validating and counting look at the same neighbours. Done together they load them once, which is
//! twice as fast as one pass after the other.
//!
//! What did not help (Zen 4, 15 texts of 10 MB): a mask for each length in scalar registers, which is bound by
//! moving masks there; checking the structure in mask registers; additions under a mask; a class of their own
//! for two bytes with AVX-512; asking for ASCII in tiles of other lengths than 256 bytes, or in the same pass that
//! compares; adding up the doubles of ASCII in vectors with AVX-512; unrolling the loops for up to three bytes (two
//! loops that begin alike are merged before the branch, and spill: up to a fifth slower); `popcnt` of vectors
//! (BITALG), which has the compiler vectorize scalar masks.
#![forbid(unsafe_code)]

/// Bytes before a tile that its window shows too. Four are needed; a whole vector is easier to load.
pub(crate) const BEFORE: usize = 64;

/// Bytes of a window on the shortest tile, for the two ends of a text.
pub(super) const SHORT: usize = BEFORE + 64;

/// The greatest bytes that may be the last ones before ASCII. A greater one in the last three places would begin a
/// code point that does not end in time.
#[cfg(target_arch = "x86_64")]
pub(super) const fn greatest_at_end<const VECTOR: usize>() -> [u8; VECTOR] {
    let mut greatest = [0xFF; VECTOR];
    greatest[VECTOR - 3] = 0xEF;
    greatest[VECTOR - 2] = 0xDF;
    greatest[VECTOR - 1] = 0xBF;
    greatest
}

/// A byte of ASCII that no code point equals which begins a text with a byte `first`.
#[inline(always)]
pub(super) fn other_than(first: u8) -> u8 {
    first & 0x7F ^ 1
}

/// Bytes of a text whose loop begins at a cache line. Loads that cross lines cost English 8 % with AVX-512 and 6 %
/// with AVX2, other text up to 1 % (Zen 4); the copy of the start costs 10 ns.
#[cfg(target_arch = "x86_64")]
const WORTH_ALIGNING: usize = 16 * 1024;

/// The start of a long text, up to the end of the first cache line that is all text. Padding before it equals neither
/// the text nor its neighbours.
#[cfg(target_arch = "x86_64")]
pub(super) struct Start {
    /// Padding, and the start of the text.
    pub(super) window: [u8; BEFORE + SHORT],
    /// Where in the text its first whole line begins, the last [`BEFORE`] bytes of the window.
    pub(super) line: usize,
}

#[cfg(target_arch = "x86_64")]
impl Start {
    /// Copies the start of a text; `None` if the text is short or aligned.
    #[inline(always)]
    pub(super) fn new(text: &[u8]) -> Option<Self> {
        let line = text.as_ptr().addr().wrapping_neg() % BEFORE;
        if text.len() < WORTH_ALIGNING || line == 0 {
            return None;
        }
        let other = other_than(text[0]);
        let mut window = [other; _];
        for pair in window.as_chunks_mut::<2>().0 {
            pair[0] ^= 2;
        }
        let size = line + BEFORE;
        window[BEFORE + SHORT - size..].copy_from_slice(&text[..size]);
        Some(Self { window, line })
    }
}

/// Moves marks from the byte after each double to the one that ends it. `carry` says whether a double ends
/// with the last byte.
#[inline(always)]
pub(super) fn move_to_ends(marks: &mut [u64], carry: bool) {
    for i in 1..marks.len() {
        marks[i - 1] = marks[i - 1] >> 1 | marks[i] << 63;
    }
    if let Some(last) = marks.last_mut() {
        *last = *last >> 1 | u64::from(carry) << 63;
    }
}

/// A window on the 64 bytes of text from `start` on, padded where it reaches beyond the text: before it with
/// bytes that its first one does not equal, after it with bytes that equal neither it nor each other.
#[inline(never)]
pub(super) fn copy(text: &[u8], start: usize) -> [u8; SHORT] {
    let mut window = [0; SHORT];
    let (before, tile) = window.split_at_mut(BEFORE);
    match text[..start].last_chunk::<BEFORE>() {
        Some(bytes) => before.copy_from_slice(bytes),
        None => before.fill(text.first().map_or(0, |&first| other_than(first))),
    }
    let rest = &text[start..];
    let (bytes, padding) = tile.split_at_mut(rest.len().min(SHORT - BEFORE));
    bytes.copy_from_slice(&rest[..bytes.len()]);
    // In turns, and first the one that differs from what it follows.
    let mut pad = u8::from(bytes.last().or(before.last()) == Some(&0));
    for byte in padding {
        *byte = pad;
        pad ^= 1;
    }
    window
}
