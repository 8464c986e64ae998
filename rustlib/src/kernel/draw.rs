//! From random words to characters, four of them a word, without a branch per character.
#![forbid(unsafe_code)]

/// An alphabet, ready for drawing from it.
#[derive(Clone, Debug)]
pub struct Table {
    size: u32,
    /// The characters, then zeros. As long as ASCII, so that seven bits are always an index.
    pub(super) characters: [u8; 128],
}

impl Table {
    /// Takes 1 to 128 characters.
    ///
    /// # Panics
    ///
    /// If there are more.
    pub fn new(characters: &[u8]) -> Self {
        let mut table = [0; 128];
        table[..characters.len()].copy_from_slice(characters);
        Self {
            size: characters.len() as u32,
            characters: table,
        }
    }

    /// How many there are.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// The four digits of a word, the first lowest, and what is left.
    #[inline(always)]
    pub fn draw(&self, word: u32) -> ([u8; 4], u32) {
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
}

/// Writes the digits of all words, little-endian ones, and returns the least that is left of any.
#[inline(always)]
pub(super) fn digits(table: &Table, words: &[u8], digits: &mut [u8]) -> u32 {
    let (words, _) = words.as_chunks::<4>();
    let (digits, _) = digits.as_chunks_mut::<4>();
    let mut least = u32::MAX;
    for (word, digits) in words.iter().zip(digits) {
        let (drawn, rest) = table.draw(u32::from_le_bytes(*word));
        *digits = drawn;
        least = least.min(rest);
    }
    least
}

/// Replaces digits by their characters.
pub(super) fn spell(table: &Table, text: &mut [u8]) {
    for byte in text {
        *byte = table.characters[usize::from(*byte & 0x7F)];
    }
}
