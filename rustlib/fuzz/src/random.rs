//! Finds words for which random text is not what docs/random.md says.

use doubles::kernel::Table;

/// The first four bytes say what the alphabet is and where replacements start; the rest are words.
pub fn check(data: &[u8]) {
    let Some((&[size, first, step, seed], words)) = data.split_first_chunk() else {
        return;
    };
    let size = size % 128 + 1;
    // An odd step meets all bytes before it meets one twice.
    let character = |i: u8| first.wrapping_add(i.wrapping_mul(step | 1));
    let alphabet: Vec<u8> = (0..size).map(character).collect();
    let words = &words[..words.len() / 4 * 4];

    let mut text = vec![0; words.len()];
    let mut used = replacements(seed);
    Table::new(&alphabet).draw(words, &mut text, &mut || {
        used.next().expect("replacements never end")
    });
    let mut spare = replacements(seed);
    let expected = expected(&alphabet, words, &mut spare);
    assert_eq!(text, expected);
    assert_eq!(used.next(), spare.next(), "as many replacements");
}

/// docs/random.md, word by word.
fn expected(alphabet: &[u8], words: &[u8], spare: &mut impl Iterator<Item = u32>) -> Vec<u8> {
    let n = alphabet.len() as u64;
    let mut text = Vec::new();
    for word in words.chunks_exact(4) {
        let mut word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        while (u64::from(word) * n.pow(4)) % (1 << 32) < (1 << 32) % n.pow(4) {
            word = spare.next().expect("replacements never end");
        }
        let mut w = u64::from(word);
        for _ in 0..4 {
            w *= n;
            text.push(alphabet[(w >> 32) as usize]);
            w %= 1 << 32;
        }
    }
    text
}

/// Words of which some must not be used either: zero never may, unless all may.
fn replacements(seed: u8) -> impl Iterator<Item = u32> {
    let mut state = u32::from(seed);
    std::iter::from_fn(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(if state >> 30 == 0 { 0 } else { state })
    })
}
