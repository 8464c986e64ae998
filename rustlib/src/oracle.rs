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
