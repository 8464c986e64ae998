//! Helpers of the tests of several rooms: numbers that look random, texts, and cuts.
#![forbid(unsafe_code)]

/// A linear congruential generator, the same numbers in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// The next number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }
}

/// Code points of every width; neighbours that share leading or trailing bytes.
pub(crate) const LETTERS: [char; 10] = ['a', 'b', '\n', 'ж', 'з', 'é', '€', '中', '𝄞', '😀'];

/// A text of runs of up to `most` units, mostly short ones.
pub(crate) fn text(
    numbers: &mut Numbers,
    letters: &[char],
    length: usize,
    most: usize,
) -> Vec<char> {
    let mut text = Vec::with_capacity(length);
    while text.len() < length {
        let letter = letters[numbers.below(letters.len())];
        let run = if numbers.below(8) == 0 {
            numbers.below(most) + 1
        } else {
            1
        };
        text.extend(std::iter::repeat_n(letter, run.min(length - text.len())));
    }
    text
}

/// The parts of some bytes between cuts, which are sorted.
pub(crate) fn cut<'a>(bytes: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([bytes.len()]);
    starts.zip(ends).map(|(start, end)| &bytes[start..end])
}

/// A text, its UTF-8, and where that is cut.
pub(crate) struct Case {
    pub(crate) turn: usize,
    pub(crate) text: Vec<char>,
    pub(crate) utf8: Vec<u8>,
    pub(crate) cuts: Vec<usize>,
}

/// Texts of all lengths and widths of units.
pub(crate) fn cases(seed: u64) -> impl Iterator<Item = Case> {
    let mut numbers = Numbers(seed);
    let alphabets = [
        &LETTERS[..],
        &LETTERS[..3],
        &LETTERS[3..6],
        &LETTERS[6..8],
        &LETTERS[8..],
    ];
    (0..3000).map(move |turn| {
        let letters = alphabets[turn % alphabets.len()];
        let length = numbers.below([8, 70, 600, 9000][turn % 4]);
        let text = text(&mut numbers, letters, length, [3, 40, 700][turn % 3]);
        let utf8 = text.iter().collect::<String>().into_bytes();
        let cuts = (0..turn % 4).map(|_| numbers.below(utf8.len() + 1));
        let mut cuts: Vec<usize> = cuts.collect();
        cuts.sort_unstable();
        Case {
            turn,
            text,
            utf8,
            cuts,
        }
    })
}

/// Moves cuts between units of `width` bytes, and drops those beyond the end.
pub(crate) fn round(cuts: &mut Vec<usize>, width: usize, end: usize) {
    cuts.iter_mut().for_each(|cut| *cut = *cut / width * width);
    cuts.retain(|&cut| cut <= end);
}

/// Units of four bytes.
pub(crate) fn utf32(text: &[char]) -> Vec<u8> {
    let units = text.iter().map(|&c| u32::from(c));
    units.flat_map(u32::to_ne_bytes).collect()
}

/// Units of two bytes, for characters below 0x10000.
pub(crate) fn utf16(text: &[char]) -> Vec<u8> {
    let units = text.iter().map(|&c| u32::from(c) as u16);
    units.flat_map(u16::to_ne_bytes).collect()
}
