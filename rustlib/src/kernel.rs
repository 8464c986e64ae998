//! The count over one stretch of input, on one thread, as fast as the CPU allows.
//!
//! [`portable`] runs everywhere; [`avx2`] is beneath the same functions where the CPU has it. Which
//! of them it is, the first call finds out. The environment variable `DOUBLES_KERNEL=portable` forces
//! the slow one, for tests; nothing forces a fast one, so that a kernel never meets a CPU without it.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod draw;
mod portable;

pub use draw::Table;
pub(crate) use portable::is_lead;

use std::env;
use std::ops::Add;
use std::sync::atomic::{AtomicU8, Ordering};

/// Doubles between bytes.
///
/// ```
/// assert_eq!(doubles::kernel::count(b"aaa"), 2);
/// ```
pub fn count(bytes: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = avx2() {
        return avx2.count(bytes);
    }
    portable::count(bytes)
}

/// Doubles between UTF-32 units: four bytes each, of any alignment and byte order. Bytes after the
/// last whole unit are not counted.
///
/// Units are compared, never interpreted: lone surrogates are units like any other.
pub fn count_utf32(bytes: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = avx2() {
        return avx2.count_utf32(bytes);
    }
    portable::count_utf32(bytes)
}

/// What [`count_utf8`] finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodePoints {
    /// How many code points there are.
    pub number: u64,
    /// Doubles between them.
    pub doubles: u64,
}

impl Add for CodePoints {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            number: self.number + other.number,
            doubles: self.doubles + other.doubles,
        }
    }
}

/// Code points, and doubles between them, in valid UTF-8. Anything else gives a wrong count and
/// nothing worse.
pub fn count_utf8(text: &[u8]) -> CodePoints {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = avx2() {
        return avx2.count_utf8(text);
    }
    portable::count_utf8(text)
}

/// Adds one to `table[b]` for each double of the byte `b`.
pub fn tally(bytes: &[u8], table: &mut [u64; 256]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = avx2() {
        return avx2.tally(bytes, table);
    }
    portable::tally(bytes, table);
}

/// Calls `found` with each UTF-32 unit that equals the one before it.
pub fn each_double_utf32(bytes: &[u8], found: &mut dyn FnMut(u32)) {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = avx2() {
        return avx2.each_double_utf32(bytes, found);
    }
    portable::each_double_utf32(bytes, found);
}

/// Calls `found` with where each code point begins that equals the one before it, in valid UTF-8.
/// Anything else leads to wrong places and nothing worse.
pub fn each_double_utf8(text: &[u8], found: &mut dyn FnMut(usize)) {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = avx2() {
        return avx2.each_double_utf8(text, found);
    }
    portable::each_double_utf8(text, found);
}

impl Table {
    /// Writes the digits of all words, little-endian ones, and returns the least that is left of any.
    pub fn digits(&self, words: &[u8], digits: &mut [u8]) -> u32 {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = avx2() {
            return avx2.digits(self, words, digits);
        }
        draw::digits(self, words, digits)
    }

    /// Replaces digits by their characters.
    pub fn spell(&self, text: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = avx2() {
            return avx2.spell(self, text);
        }
        draw::spell(self, text);
    }
}

/// AVX2, if the CPU has it and it is not ruled out.
#[cfg(target_arch = "x86_64")]
fn avx2() -> Option<avx2::Avx2> {
    if portable_is_forced() {
        None
    } else {
        avx2::Avx2::detect()
    }
}

/// Whether `DOUBLES_KERNEL` said `portable` when first asked.
///
/// An atomic and no `OnceLock`: a fork in the middle of the first call would leave a lock locked.
fn portable_is_forced() -> bool {
    const UNKNOWN: u8 = 2;
    static FORCED: AtomicU8 = AtomicU8::new(UNKNOWN);
    match FORCED.load(Ordering::Relaxed) {
        UNKNOWN => {
            let forced = env::var_os("DOUBLES_KERNEL").is_some_and(|kernel| kernel == "portable");
            FORCED.store(u8::from(forced), Ordering::Relaxed);
            forced
        }
        known => known == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Count = fn(&[u8]) -> u64;

    /// Every kernel that this CPU can run; all meet the same suite.
    struct Kernel {
        name: &'static str,
        count: Count,
        count_utf32: Count,
        count_utf8: fn(&[u8]) -> CodePoints,
        tally: fn(&[u8], &mut [u64; 256]),
        each_double_utf32: fn(&[u8], &mut dyn FnMut(u32)),
        each_double_utf8: fn(&[u8], &mut dyn FnMut(usize)),
        digits: fn(&Table, &[u8], &mut [u8]) -> u32,
        spell: fn(&Table, &mut [u8]),
    }

    fn kernels() -> Vec<Kernel> {
        let portable = Kernel {
            name: "portable",
            count: portable::count,
            count_utf32: portable::count_utf32,
            count_utf8: portable::count_utf8,
            tally: portable::tally,
            each_double_utf32: portable::each_double_utf32,
            each_double_utf8: portable::each_double_utf8,
            digits: draw::digits,
            spell: draw::spell,
        };
        let dispatched = Kernel {
            name: "dispatched",
            count,
            count_utf32,
            count_utf8,
            tally,
            each_double_utf32,
            each_double_utf8,
            digits: Table::digits,
            spell: Table::spell,
        };
        let mut kernels = vec![portable, dispatched];
        #[cfg(target_arch = "x86_64")]
        if avx2::Avx2::detect().is_some() {
            fn avx2() -> avx2::Avx2 {
                avx2::Avx2::detect().expect("detected above")
            }
            kernels.push(Kernel {
                name: "avx2",
                count: |bytes| avx2().count(bytes),
                count_utf32: |bytes| avx2().count_utf32(bytes),
                count_utf8: |text| avx2().count_utf8(text),
                tally: |bytes, table| avx2().tally(bytes, table),
                each_double_utf32: |bytes, found| avx2().each_double_utf32(bytes, found),
                each_double_utf8: |text, found| avx2().each_double_utf8(text, found),
                digits: |table, words, out| avx2().digits(table, words, out),
                spell: |table, text| avx2().spell(table, text),
            });
        }
        kernels
    }

    /// The definition, unit by unit.
    fn oracle<U: PartialEq>(units: &[U]) -> u64 {
        (1..units.len())
            .filter(|&i| units[i - 1] == units[i])
            .count() as u64
    }

    fn check(bytes: &[u8]) {
        let expected = oracle(bytes);
        let mut expected_table = [0; 256];
        (1..bytes.len())
            .filter(|&i| bytes[i - 1] == bytes[i])
            .for_each(|i| expected_table[usize::from(bytes[i])] += 1);
        for Kernel {
            name, count, tally, ..
        } in kernels()
        {
            assert_eq!(count(bytes), expected, "{name}, length {}", bytes.len());
            let mut table = [0; 256];
            tally(bytes, &mut table);
            assert_eq!(table, expected_table, "{name}, length {}", bytes.len());
        }
    }

    /// About a third are doubles, in a pattern of prime period.
    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i % 251 / 3 % 5) as u8).collect()
    }

    #[test]
    fn every_length_at_every_offset() {
        let bytes = pattern(1088 + 64);
        for offset in 0..64 {
            for length in 0..=1088 {
                check(&bytes[offset..offset + length]);
            }
        }
    }

    /// Lengths around every point at which a lane of some kernel is full.
    fn around_the_flush() -> impl Iterator<Item = usize> {
        [16, 32, 64, 128, 256]
            .into_iter()
            .flat_map(|lanes| [254, 255, 256, 510, 511].map(|times| times * lanes))
            .flat_map(|length| length - 2..=length + 3)
    }

    #[test]
    fn all_equal() {
        for length in around_the_flush() {
            check(&vec![0xA5; length]);
            check(&vec![0xA5; length + 319]);
        }
    }

    #[test]
    fn none_equal() {
        for length in around_the_flush() {
            check(&(0..length).map(|i| (i % 253) as u8).collect::<Vec<_>>());
        }
    }

    #[test]
    fn all_equal_but_one() {
        for length in [33, 65, 129, 1000, 1025, 1400, 255 * 64 + 1] {
            for odd in (0..length).step_by(if length > 1400 { 61 } else { 1 }) {
                let mut bytes = vec![7; length];
                bytes[odd] = 8;
                check(&bytes);
            }
        }
    }

    fn check_utf32(units: &[u32]) {
        let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_ne_bytes()).collect();
        // At all four alignments, and with bytes left over behind the last unit.
        for (offset, after) in [(0, 0), (1, 1), (2, 2), (3, 3)] {
            let shifted = [&vec![0; offset], &bytes[..], &vec![0; after]].concat();
            for Kernel {
                name,
                count_utf32,
                each_double_utf32,
                ..
            } in kernels()
            {
                let count = count_utf32(&shifted[offset..]);
                assert_eq!(count, oracle(units), "{name}, {} units", units.len());
                let mut found = Vec::new();
                each_double_utf32(&shifted[offset..], &mut |unit| found.push(unit));
                let doubles = (1..units.len()).filter(|&i| units[i - 1] == units[i]);
                assert!(
                    doubles.map(|i| units[i]).eq(found),
                    "{name}, {} units",
                    units.len()
                );
            }
        }
    }

    #[test]
    fn utf32_units_are_compared_whole() {
        // Neighbours that differ in one byte only, whichever it is, are no double.
        for shift in [0, 8, 16, 24] {
            let other = 0x4142_4344 ^ (1 << shift);
            check_utf32(&[0x4142_4344, other].repeat(50));
            check_utf32(&[0x4142_4344, other, other].repeat(50));
        }
    }

    #[test]
    fn utf32_of_any_length() {
        for length in (0..300).chain((1 << 16) - 2..(1 << 16) + 3) {
            check_utf32(&vec![0xD800; length]);
            check_utf32(&(0..length as u32).map(|i| i % 251 / 3).collect::<Vec<_>>());
        }
    }

    /// Text of code points of one to `widest` bytes, with doubles of each width, all of them near
    /// others that share bytes with them.
    fn text(widest: usize, length: usize) -> String {
        let units = ["aab", "жжзЖ", "€€₭", "𝄞𝄞𝄟"][..widest].concat();
        let units: Vec<char> = units.chars().chain("a".chars()).collect();
        let at = |i: usize| units[i * i % 61 % units.len()];
        (0..length).map(at).collect()
    }

    fn check_utf8(text: &str) {
        let units: Vec<char> = text.chars().collect();
        let expected = CodePoints {
            number: units.len() as u64,
            doubles: oracle(&units),
        };
        for Kernel {
            name, count_utf8, ..
        } in kernels()
        {
            assert_eq!(
                count_utf8(text.as_bytes()),
                expected,
                "{name}, {text:.200?}"
            );
        }
    }

    #[test]
    fn utf8_of_any_length() {
        for widest in 1..=4 {
            let all = text(widest, 1000);
            assert!(
                oracle(&all.chars().collect::<Vec<_>>()) > 100,
                "else it shows nothing"
            );
            for (from, to) in (0..70).flat_map(|from| (from..400).map(move |to| (from, to))) {
                check_utf8(&all.chars().skip(from).take(to - from).collect::<String>());
            }
        }
    }

    #[test]
    fn utf8_tiles_of_different_width() {
        // Tiles are of 1 KiB, and a code point of another width may stand at their borders.
        for unit in ["a", "ж", "€", "𝄞"] {
            for other in ["a", "ж", "€", "𝄞"] {
                for before in (1010..1040).chain([2060, 4100]) {
                    let fill = unit.repeat(before / unit.len());
                    check_utf8(&[&fill, other, other, &fill].concat());
                }
            }
        }
    }

    #[test]
    fn utf8_long_runs() {
        for unit in ["a", "ж", "€", "𝄞"] {
            for length in around_the_flush() {
                check_utf8(&unit.repeat(length));
            }
        }
    }

    #[test]
    fn every_digit_of_every_alphabet_is_spelled() {
        for size in 1..=128 {
            // Backwards, so that no character is its own digit, but for one.
            let characters: Vec<u8> = (0..size).rev().map(|c| c as u8).collect();
            let table = Table::new(&characters);
            for length in (0..100).chain([1024]) {
                let digits: Vec<u8> = (0..length).map(|i| (i * 7 % size) as u8).collect();
                let expected: Vec<u8> =
                    digits.iter().map(|&d| characters[usize::from(d)]).collect();
                for Kernel { name, spell, .. } in kernels() {
                    let mut text = digits.clone();
                    spell(&table, &mut text);
                    assert_eq!(text, expected, "{name}, {size} characters, length {length}");
                }
            }
        }
    }

    #[test]
    fn digits_are_those_of_one_long_multiplication() {
        for size in 1..=128u128 {
            let table = Table::new(&(0..size as u8).collect::<Vec<_>>());
            let word = |i: u32| i.wrapping_mul(2_654_435_761).rotate_left(i);
            let words: Vec<u32> = [0, 1, u32::MAX]
                .into_iter()
                .chain((0..97).map(word))
                .collect();
            for used in 1..words.len() {
                let words = &words[..used];
                let products = words.iter().map(|&word| u128::from(word) * size.pow(4));
                let least = products.clone().map(|product| product as u32).min();
                let digits = products.flat_map(|product| {
                    [3, 2, 1, 0].map(|place| ((product >> 32) / size.pow(place) % size) as u8)
                });
                let expected: Vec<u8> = digits.collect();
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                for Kernel { name, digits, .. } in kernels() {
                    let mut found = vec![0; bytes.len()];
                    let rest = digits(&table, &bytes, &mut found);
                    assert_eq!(
                        (found, Some(rest)),
                        (expected.clone(), least),
                        "{name}, {size}"
                    );
                }
            }
        }
    }

    #[test]
    fn utf8_that_is_not_valid_reads_nothing_outside() {
        for filler in [0x80, 0xC2, 0xE2, 0xF0, 0xFF] {
            for length in (0..300).chain(1000..1200) {
                at_the_end_of_a_page(&vec![filler; length], |bytes| {
                    for kernel in kernels() {
                        (kernel.count_utf8)(bytes);
                        (kernel.each_double_utf8)(bytes, &mut |_| {});
                    }
                });
            }
        }
    }

    /// Calls `check` with a copy of `bytes`, behind which nothing can be read.
    #[cfg(unix)]
    fn at_the_end_of_a_page(bytes: &[u8], check: impl FnOnce(&[u8])) {
        guarded::with_room_behind(bytes, 0, check);
    }

    #[cfg(not(unix))]
    fn at_the_end_of_a_page(bytes: &[u8], check: impl FnOnce(&[u8])) {
        check(bytes);
    }

    #[cfg(unix)]
    #[test]
    fn no_byte_outside_is_read() {
        let bytes = pattern(1088);
        for length in 0..=bytes.len() {
            for room in 0..64 {
                guarded::with_room_behind(&bytes[..length], room, check);
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_byte_outside_is_read_around_the_flush() {
        for length in around_the_flush() {
            guarded::with_room_behind(&vec![1; length], 0, check);
            guarded::flush_left(&vec![1; length], check);
        }
        for length in 0..600 {
            guarded::flush_left(&pattern(length), check);
        }
    }

    #[cfg(unix)]
    mod guarded {
        use std::cell::RefCell;
        use std::{ptr, slice};

        /// Room for the largest input of the suite.
        const ROOM: usize = 256 * 1024;

        /// Unreadable on both sides; more than any page size in use.
        const GUARD: usize = 64 * 1024;

        thread_local! {
            static REGION: RefCell<*mut u8> = RefCell::new(map());
        }

        /// Maps `ROOM` readable bytes between two guards and returns where they begin. They stay
        /// mapped: one region per thread of the test.
        fn map() -> *mut u8 {
            // SAFETY: a fresh anonymous mapping, then access to a part of it that nobody uses yet.
            unsafe {
                let start = libc::mmap(
                    ptr::null_mut(),
                    GUARD + ROOM + GUARD,
                    libc::PROT_NONE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                );
                assert_ne!(start, libc::MAP_FAILED);
                let room = start.cast::<u8>().add(GUARD);
                let status = libc::mprotect(room.cast(), ROOM, libc::PROT_READ | libc::PROT_WRITE);
                assert_eq!(status, 0);
                room
            }
        }

        fn with_copy(bytes: &[u8], offset: usize, check: impl FnOnce(&[u8])) {
            assert!(offset + bytes.len() <= ROOM);
            REGION.with_borrow_mut(|region| {
                // SAFETY: the copy lies within the mapped room, and the mutable borrow of the
                // region keeps others from it while the slice lives.
                let copy = unsafe {
                    let copy = region.add(offset);
                    ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
                    slice::from_raw_parts(copy, bytes.len())
                };
                check(copy);
            });
        }

        /// Calls `check` with a copy that ends `room` bytes before what can't be read.
        pub(super) fn with_room_behind(bytes: &[u8], room: usize, check: impl FnOnce(&[u8])) {
            with_copy(bytes, ROOM - bytes.len() - room, check);
        }

        /// Calls `check` with a copy that begins right behind what can't be read.
        pub(super) fn flush_left(bytes: &[u8], check: impl FnOnce(&[u8])) {
            with_copy(bytes, 0, check);
        }
    }
}
