//! A mutator that expands runs.
//!
//! Loops that count in lanes of a byte go wrong after 255 equal units in each of them, and at no other
//! place. Random inputs never get there: a flush after 256 blocks instead of 255 survived 18 million of them.

/// Makes a run of a few bytes somewhere in `data`, of which `size` are in use, and returns the new size.
pub fn expand(data: &mut [u8], size: usize, seed: u32) -> usize {
    let mut state = u64::from(seed) | 1 << 32;
    let mut choose = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    if size == 0 {
        return 0;
    }
    let start = choose(size);
    let period = (choose(4) + 1).min(size - start);
    let full = [1, 2, 4, 255, 256, 510][choose(6)];
    let lanes = 1 << choose(9);
    let length = (full * lanes + choose(7)).saturating_sub(choose(7));
    let length = length.min(data.len() - size + period).max(period);
    let end = start + period;
    data.copy_within(end..size, start + length);
    for i in start + period..start + length {
        data[i] = data[i - period];
    }
    size - period + length
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn a_run_grows_in_place() {
        for seed in 0..10_000 {
            let mut data = [0; 4096];
            data[..6].copy_from_slice(b"abcdef");
            let size = expand(&mut data, 6, seed);
            let text = str::from_utf8(&data[..size]).expect("letters alone");
            let mut units: Vec<char> = text.chars().collect();
            assert!(units.iter().all(|unit| ('a'..='f').contains(unit)));
            units.sort_unstable();
            units.dedup();
            assert_eq!(units.len(), 6, "nothing is lost");
            assert!(text.starts_with('a') && text.ends_with(|last| last != 'a'));
        }
    }

    #[test]
    fn nothing_and_a_full_buffer_stay_as_they_are() {
        assert_eq!(expand(&mut [], 0, 1), 0);
        for seed in 0..100 {
            let mut data = *b"abcdef";
            assert_eq!(expand(&mut data, 6, seed), 6);
            assert_eq!(&data, b"abcdef");
        }
    }
}
