//! An alphabet, and the loop that draws from it: each 32-bit word makes four characters. What
//! [`random`](crate::random) says of words and digits is the definition.
//!
//! Kernels draw two digits at a time. With `size^2` for `size`, two multiplications give two pairs, each
//! below `2^14`, and the same rest; a pair is taken apart by a 16-bit multiplication:
//!
//! ```text
//! first  = pair * reciprocal >> 16 + shift      pair / size, rounded down
//! second = pair - first * size
//! ```
#![forbid(unsafe_code)]

/// An alphabet, ready for drawing from it.
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(dead_code, reason = "x86-64's kernels alone take pairs apart")
)]
#[derive(Clone, Debug)]
pub struct Table {
    /// How many characters there are.
    pub(super) size: u32,
    /// The characters, then zeros. As long as ASCII, so that seven bits are always an index.
    pub(super) characters: [u8; 128],
    /// How many texts of four characters there are: 2^28 at most.
    texts: u32,
    /// A word of which less is left must not be used.
    pub(super) least_rest: u32,
    /// `2^(16 + shift) / size`, rounded up.
    ///
    /// It is `error / size` too large for some `error < size`, so `pair` times it is too large by
    /// `pair * error / size`, where one digit weighs `2^(16 + shift)`. The first digit is exact if that is
    /// below `2^(16 + shift) / size`, which holds since `pair * error < size^3 <= size * 2^15` and
    /// `size <= 2^(shift + 1)`.
    pub(super) reciprocal: u16,
    /// The greatest for which the reciprocal has 16 bits.
    pub(super) shift: u32,
}

impl Table {
    /// Takes 1 to 128 characters.
    ///
    /// # Panics
    ///
    /// If there are none, or more.
    pub fn new(characters: &[u8]) -> Self {
        let mut table = [0; 128];
        table[..characters.len()].copy_from_slice(characters);
        let size = characters.len() as u32;
        let texts = size.pow(4);
        // All digits of a single character are zero, whatever the reciprocal.
        let divisor = size.max(2);
        let shift = (divisor - 1).ilog2();
        Self {
            size,
            characters: table,
            texts,
            least_rest: ((1 << 32) % u64::from(texts)) as u32,
            reciprocal: (1u32 << (16 + shift)).div_ceil(divisor) as u16,
            shift,
        }
    }

    /// The four digits of a word, the first lowest, and what is left.
    #[inline(always)]
    fn digits(&self, word: u32) -> ([u8; 4], u32) {
        let size = u64::from(self.size);
        let low = |product: u64| product & 0xFFFF_FFFF;
        let first = u64::from(word) * size;
        let second = low(first) * size;
        let third = low(second) * size;
        let fourth = low(third) * size;
        // A digit is below 128: 32 bits up, it is alone in its half.
        let digits = first >> 32 | second >> 32 << 8 | third >> 32 << 16 | fourth >> 32 << 24;
        ((digits as u32).to_le_bytes(), fourth as u32)
    }

    /// Whether a word must not be used. What four multiplications by the size leave of it is what one
    /// by their product leaves.
    #[inline(always)]
    fn refuses(&self, word: u32) -> bool {
        word.wrapping_mul(self.texts) < self.least_rest
    }

    /// The character of a digit.
    #[inline(always)]
    fn spell(&self, digit: u8) -> u8 {
        self.characters[usize::from(digit & 0x7F)]
    }
}

/// Writes the characters of all words, little-endian ones. `other` returns the next word to use in place
/// of one that must not be used.
#[inline(always)]
pub(super) fn draw(table: &Table, words: &[u8], text: &mut [u8], other: &mut dyn FnMut() -> u32) {
    let (of_words, _) = words.as_chunks::<4>();
    let (characters, _) = text.as_chunks_mut::<4>();
    let mut least = u32::MAX;
    for (word, characters) in of_words.iter().zip(characters) {
        let (digits, rest) = table.digits(u32::from_le_bytes(*word));
        *characters = digits;
        least = least.min(rest);
    }
    text.iter_mut()
        .for_each(|digit| *digit = table.spell(*digit));
    if least < table.least_rest {
        redraw(table, words, text, other);
    }
}

/// Draws again for each of the words that must not be used.
#[cold]
pub(super) fn redraw(table: &Table, words: &[u8], text: &mut [u8], other: &mut dyn FnMut() -> u32) {
    let (words, _) = words.as_chunks::<4>();
    let (text, _) = text.as_chunks_mut::<4>();
    for (word, characters) in words.iter().zip(text) {
        let mut word = u32::from_le_bytes(*word);
        while table.refuses(word) {
            word = other();
            let (digits, _) = table.digits(word);
            *characters = digits.map(|digit| table.spell(digit));
        }
    }
}
