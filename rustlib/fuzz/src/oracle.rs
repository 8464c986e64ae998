//! The answers, as slowly and as plainly as possible.

/// The units that equal the one before them, in order.
pub fn doubles<U: Copy + PartialEq>(units: &[U]) -> Vec<U> {
    let mut found = Vec::new();
    for i in 1..units.len() {
        if units[i - 1] == units[i] {
            found.push(units[i]);
        }
    }
    found
}

/// How many units equal the one before them.
pub fn count<U: Copy + PartialEq>(units: &[U]) -> u64 {
    let mut count = 0;
    for i in 1..units.len() {
        count += u64::from(units[i - 1] == units[i]);
    }
    count
}

/// Every run: how many units come before it, how many it has, and which.
pub fn runs(units: &[u32]) -> Vec<(u64, u64, u32)> {
    let mut found: Vec<(u64, u64, u32)> = Vec::new();
    for (at, &unit) in units.iter().enumerate() {
        match found.last_mut() {
            Some((_, length, last)) if *last == unit => *length += 1,
            _ => found.push((at as u64, 1, unit)),
        }
    }
    found
}

/// How many units the longest run has.
pub fn longest(units: &[u32]) -> u64 {
    let lengths = runs(units).into_iter().map(|(_, length, _)| length);
    lengths.max().unwrap_or(0)
}

/// The units without those that come after the first `most` of their run.
pub fn squeezed(units: &[u32], most: u64) -> Vec<u32> {
    let mut kept = Vec::new();
    for (_, length, unit) in runs(units) {
        for _ in 0..length.min(most) {
            kept.push(unit);
        }
    }
    kept
}

/// Every unit that makes doubles, with how many, in the order of the units.
pub fn tally<U: Copy + PartialEq + Into<u32>>(units: &[U]) -> Vec<(u32, u64)> {
    let mut found: Vec<u32> = doubles(units).into_iter().map(U::into).collect();
    found.sort_unstable();
    let mut tally: Vec<(u32, u64)> = Vec::new();
    for unit in found {
        match tally.last_mut() {
            Some((last, times)) if *last == unit => *times += 1,
            _ => tally.push((unit, 1)),
        }
    }
    tally
}

/// The first and the last unit.
pub fn ends<U: Copy + Into<u32>>(units: &[U]) -> Option<(u32, u32)> {
    let first = *units.first()?;
    let last = *units.last()?;
    Some((first.into(), last.into()))
}

/// Whole units of two bytes.
pub fn units16(bytes: &[u8]) -> Vec<u16> {
    (0..bytes.len() / 2)
        .map(|i| u16::from_ne_bytes([bytes[2 * i], bytes[2 * i + 1]]))
        .collect()
}

/// Whole units of four bytes.
pub fn units32(bytes: &[u8]) -> Vec<u32> {
    (0..bytes.len() / 4)
        .map(|i| u32::from_ne_bytes([0, 1, 2, 3].map(|k| bytes[4 * i + k])))
        .collect()
}

/// What follows the last whole code point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing.
    Nothing,
    /// The beginning of a code point, from this byte on.
    Torn(usize),
    /// Bytes that begin no code point, whatever follows: the first ones, of this number, show it.
    Wrong(usize),
}

/// The code points at the beginning of `text`, and what follows them: table 3-7 of the Unicode Standard.
pub fn decode(text: &[u8]) -> (Vec<u32>, Rest) {
    let mut units = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let lead = text[at];
        let (width, second) = match lead {
            0x00..=0x7F => (1, 0..=0),
            0xC2..=0xDF => (2, 0x80..=0xBF),
            0xE0 => (3, 0xA0..=0xBF),
            0xE1..=0xEC | 0xEE..=0xEF => (3, 0x80..=0xBF),
            0xED => (3, 0x80..=0x9F),
            0xF0 => (4, 0x90..=0xBF),
            0xF1..=0xF3 => (4, 0x80..=0xBF),
            0xF4 => (4, 0x80..=0x8F),
            _ => return (units, Rest::Wrong(at + 1)),
        };
        let mut scalar = match width {
            1 => lead.into(),
            2 => u32::from(lead) - 0xC0,
            3 => u32::from(lead) - 0xE0,
            _ => u32::from(lead) - 0xF0,
        };
        for k in 1..width {
            let Some(&byte) = text.get(at + k) else {
                return (units, Rest::Torn(at));
            };
            let allowed = if k == 1 { second.clone() } else { 0x80..=0xBF };
            if !allowed.contains(&byte) {
                return (units, Rest::Wrong(at + k + 1));
            }
            scalar = scalar * 64 + u32::from(byte) - 0x80;
        }
        units.push(scalar);
        at += width;
    }
    (units, Rest::Nothing)
}

/// The code points of a whole text, if it is one.
pub fn whole(text: &[u8]) -> Option<Vec<u32>> {
    let (units, rest) = decode(text);
    (rest == Rest::Nothing).then_some(units)
}
