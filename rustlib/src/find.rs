//! Where doubles are: runs of equal units, in a stream, with their lines and columns.
//!
//! ```text
//! for each block of 64 bytes, a bit for each byte:
//!     units    = where a unit ends
//!     seconds  = where one ends that equals the one before it
//!     after    = where one ends that comes after one of seconds
//!     newlines = where a newline ends
//!     edges    = where seconds and after differ
//! for each edge, in turns:
//!     a run begins with the unit before the one that ends here
//!     it ends with the unit before the one that ends here
//! ```
//!
//! The ones in units below an edge are the units before it, those in newlines the lines, and above the highest of
//! those begins the line that the edge is in.
//!
//! How many edges a block has can't be predicted, and each wrong guess takes the CPU 4 ns: as long as it takes to
//! make the masks of the block. So the edges of some blocks are listed first, four of each without asking
//! whether it has them, and then the list is walked through.
#![forbid(unsafe_code)]

use crate::code_points::{InvalidUtf8, boundary};
use crate::kernel::{self, BEFORE, LANES, MARKED, equal_bits, mark_utf8};
use crate::text_summary::{Fragment, torn};
use std::hint::select_unpredictable;

/// Neighbours that are all equal, and as many as there are.
///
/// cbindgen:ignore
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Units before it.
    pub start: u64,
    /// Units in it.
    pub length: u64,
    /// The line of its first unit. The first line is 1, and a newline belongs to the line that it ends.
    pub line: u64,
    /// Where the first unit stands in its line. The first place is 1.
    pub column: u64,
    /// What it consists of: a byte's or a code point's number.
    pub unit: u32,
}

/// How far a search has come.
///
/// cbindgen:ignore
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finder {
    /// Units so far.
    pub length: u64,
    /// Lines that have ended.
    pub lines: u64,
    /// Units before the line that has not ended.
    pub line_start: u64,
    /// Units before the line that ended last.
    pub last_line_start: u64,
    /// The run that ends with the last unit, which may go on. It may be that unit alone.
    pub run: Run,
    /// The beginning of a code point that has not ended.
    pub tail: Fragment,
}

impl Finder {
    /// Goes on with bytes. Calls `found` with each run of at least `least` units, and of two at least, once
    /// it is over.
    ///
    /// ```
    /// use doubles::find::Finder;
    /// let mut finder = Finder::default();
    /// let mut found = Vec::new();
    /// finder.append_bytes(b"a\nbcc", 2, |run| found.push(run));
    /// finder.append_bytes(b"cd", 2, |run| found.push(run));
    /// assert_eq!((found[0].start, found[0].length, found[0].unit), (3, 3, b'c'.into()));
    /// assert_eq!((found[0].line, found[0].column), (2, 2));
    /// ```
    pub fn append_bytes(&mut self, bytes: &[u8], least: u64, found: impl FnMut(Run)) {
        self.append_units::<1>(bytes, least, found);
    }

    /// The same for units of two bytes, in the machine's byte order and of any alignment. Bytes after the
    /// last whole unit are dropped.
    pub fn append_utf16(&mut self, bytes: &[u8], least: u64, found: impl FnMut(Run)) {
        self.append_units::<2>(bytes, least, found);
    }

    /// The same for units of four bytes.
    pub fn append_utf32(&mut self, bytes: &[u8], least: u64, found: impl FnMut(Run)) {
        self.append_units::<4>(bytes, least, found);
    }

    /// The same for UTF-8, which may begin and end within a code point. Fails if it is not valid, perhaps after
    /// it has found runs; what has been searched then means nothing.
    pub fn append_utf8(
        &mut self,
        text: &[u8],
        least: u64,
        mut found: impl FnMut(Run),
    ) -> Result<(), InvalidUtf8> {
        let (head, body, tail) = torn(text);
        let mut room = [0; 6];
        let cut = self.tail.chain(Fragment::new(head)?, &mut room);
        if let Err(error) = str::from_utf8(cut)
            && error.error_len().is_none()
            && body.is_empty()
            && tail.is_empty()
        {
            self.tail = Fragment::new(cut)?; // Still not all of the code point.
            return Ok(());
        }
        self.append_code_points(cut, least, &mut found)?;
        self.append_code_points(body, least, found)?;
        self.tail = Fragment::new(tail)?;
        Ok(())
    }

    /// The last run, if it is long enough, once nothing follows it.
    pub fn end(&self, least: u64) -> Option<Run> {
        (self.run.length >= least.max(2)).then_some(self.run)
    }

    fn append_units<const WIDTH: usize>(
        &mut self,
        bytes: &[u8],
        least: u64,
        mut found: impl FnMut(Run),
    ) {
        let bytes = bytes.as_chunks::<WIDTH>().0.as_flattened();
        // The last unit, or one that the first is not equal to.
        let before = match (self.last(), bytes.first_chunk()) {
            (Some(unit), _) if u64::from(unit) >> (8 * WIDTH) == 0 => encoded::<WIDTH>(unit),
            (_, first) => first.map_or([0; WIDTH], |first| first.map(|byte| !byte)),
        };
        let mut room = [0; WINDOW];
        room[BEFORE - WIDTH..BEFORE].copy_from_slice(&before);
        let mut marks = Marks::NONE;
        for start in (0..bytes.len()).step_by(SIZE) {
            let size = SIZE.min(bytes.len() - start);
            let window = window(bytes, start, size, &mut room);
            marks.set::<WIDTH>(window, size);
            let number = |end: usize| number::<WIDTH>(&window[BEFORE + end + 1 - WIDTH..]);
            self.append_marked(&mut marks, size, number, least, &mut found);
        }
    }

    fn append_code_points(
        &mut self,
        text: &[u8],
        least: u64,
        mut found: impl FnMut(Run),
    ) -> Result<(), InvalidUtf8> {
        // ASCII, and the last code point or none that the first is equal to.
        let mut room = [0; WINDOW];
        let other = text.first().map_or(0, |first| first & 0x7F ^ 1);
        room[..BEFORE].fill(other);
        if let Some(last) = self.last().and_then(char::from_u32) {
            last.encode_utf8(&mut room[BEFORE - last.len_utf8()..]);
        }
        let mut marks = Marks::NONE;
        let mut start = 0;
        while start < text.len() {
            let size = boundary(&text[start..], SIZE);
            let window = window(text, start, size, &mut room);
            marks.set_utf8(window, size)?;
            let number = |end: usize| {
                let bytes = window[BEFORE + end - 3..].first_chunk();
                code_point(*bytes.expect("a window has more before a piece"))
            };
            self.append_marked(&mut marks, size, number, least, &mut found);
            start += size;
        }
        Ok(())
    }

    /// The last unit, if there is one.
    fn last(&self) -> Option<u32> {
        (self.length > 0).then_some(self.run.unit)
    }

    /// Goes on with a piece that is marked. `number` tells the unit that ends with a byte of it.
    fn append_marked(
        &mut self,
        marks: &mut Marks,
        size: usize,
        number: impl Fn(usize) -> u32,
        least: u64,
        found: impl FnMut(Run),
    ) {
        kernel::run(
            #[inline(always)]
            || self.append_blocks(marks, size, number, least.max(2), found),
        );
    }

    #[inline(always)]
    fn append_blocks(
        &mut self,
        marks: &mut Marks,
        size: usize,
        number: impl Fn(usize) -> u32,
        least: u64,
        mut found: impl FnMut(Run),
    ) {
        let mut run = self.run;
        let mut is_open = run.length > 1;
        marks.list_edges(size, is_open);
        for edge in marks.edges() {
            if is_open {
                run.length = self.length + marks.before(edge).units - run.start;
                if run.length >= least {
                    found(run);
                }
            } else {
                run = self.run_before(edge, marks, number(edge));
            }
            is_open = !is_open;
        }
        if is_open {
            run.length = self.length + marks.before(size).units - run.start;
        } else {
            // To compare the next unit with.
            run = self.run_before(size, marks, number(size - 1));
        }
        self.run = run;
        let end = marks.before(size);
        (_, self.last_line_start) = self.last_line(end, marks);
        (self.lines, self.line_start) = self.line(end, marks);
        self.length += end.units;
    }

    /// The unit before a byte of a piece, as a run.
    #[inline(always)]
    fn run_before(&self, end: usize, marks: &Marks, unit: u32) -> Run {
        let before = marks.before(end);
        let (lines, line_start) = match unit {
            NEWLINE => self.last_line(before, marks),
            _ => self.line(before, marks),
        };
        let start = (self.length + before.units).saturating_sub(1);
        Run {
            start,
            length: 1,
            line: lines + 1,
            column: start + 1 - line_start,
            unit,
        }
    }

    /// How many lines and how many units there are before the line that a byte is in.
    #[inline(always)]
    fn line(&self, before: Before, marks: &Marks) -> (u64, u64) {
        let start = match before.line_start {
            0 => self.line_start,
            start => self.length + marks.before(start).units,
        };
        (self.lines + before.lines, start)
    }

    /// The same for the line that ended last.
    #[inline(always)]
    fn last_line(&self, before: Before, marks: &Marks) -> (u64, u64) {
        match before.line_start.checked_sub(1) {
            None => (self.lines.saturating_sub(1), self.last_line_start),
            Some(newline) => self.line(marks.before(newline), marks),
        }
    }
}

/// The number of a newline.
const NEWLINE: u32 = b'\n' as u32;

/// Bytes of a glyph: how many are used, and then those.
///
/// cbindgen:ignore
pub const CELL: usize = 16;

/// The digits of the greatest number.
const DIGITS: usize = 20;

/// Writes a line for each run, `NAME:LINE:COLUMN: GLYPH`, and ` xLENGTH` if it has more than two units. Stops
/// where a line might not fit, and before a unit that has no glyph in its cell. Returns how many lines and
/// how many bytes it wrote.
pub fn write_lines(
    runs: impl Iterator<Item = Run>,
    name: &[u8],
    glyphs: &[u8],
    out: &mut [u8],
) -> (usize, usize) {
    let (cells, _) = glyphs.as_chunks::<CELL>();
    let longest = name.len() + 3 * DIGITS + CELL + ":::  x\n".len();
    let mut page = Page { out, end: 0 };
    let mut lines = 0;
    for run in runs {
        let cell = cells.get(run.unit as usize).unwrap_or(&[0; CELL]);
        let (&[length], glyph) = cell.split_first_chunk().expect("a cell is not empty");
        if page.out.len() - page.end < longest || length == 0 {
            break;
        }
        page.put(name);
        page.put(b":");
        page.put_number(run.line);
        page.put(b":");
        page.put_number(run.column);
        page.put(b": ");
        page.put(glyph);
        page.end -= glyph.len() - glyph.len().min(length.into());
        if run.length > 2 {
            page.put(b" x");
            page.put_number(run.length);
        }
        page.put(b"\n");
        lines += 1;
    }
    (lines, page.end)
}

/// Where lines are written.
struct Page<'a> {
    out: &'a mut [u8],
    end: usize,
}

impl Page<'_> {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.out[self.end..][..bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    #[inline(always)]
    fn put_number(&mut self, mut number: u64) {
        let mut digits = [b'0'; 2 * DIGITS];
        let mut start = DIGITS;
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        // As many bytes as ever, which is faster than as many as there are digits.
        let digits: &[u8; DIGITS] = digits[start..].first_chunk().expect("as many again");
        self.put(digits);
        self.end -= start;
    }
}

/// Bytes that are marked at a time: with their marks, they stay in the L1 cache.
const SIZE: usize = 4096;

/// Bytes of a window: a piece, those before it, and the one after it.
const WINDOW: usize = BEFORE + SIZE + 1;

const _: () = assert!(SIZE.is_multiple_of(MARKED));

/// The window on the piece of `size` bytes from `start` on. Where it reaches beyond the bytes it is a copy in
/// `room`, which has what comes before all of them, and zeros after them.
fn window<'a>(
    bytes: &'a [u8],
    start: usize,
    size: usize,
    room: &'a mut [u8; WINDOW],
) -> &'a [u8; WINDOW] {
    let inside = start.checked_sub(BEFORE).map(|from| &bytes[from..]);
    if let Some(window) = inside.and_then(<[u8]>::first_chunk) {
        return window;
    }
    match inside {
        Some(bytes) => room[..BEFORE + size].copy_from_slice(&bytes[..BEFORE + size]),
        None => room[BEFORE..][..size].copy_from_slice(&bytes[..size]),
    }
    room[BEFORE + size..].fill(0);
    room
}

/// A bit for each byte of a piece, and none after them.
type Bits = [u64; SIZE / LANES + 1];

/// What is known of the bytes of a piece. The last byte of a unit stands for all of it.
struct Marks {
    units: Bits,
    seconds: Bits,
    newlines: Bits,
    blocks: [Before; SIZE / LANES + 1],
    edges: [u16; SIZE + EDGES],
    /// How many edges there are.
    number: usize,
}

/// What is before a byte in its piece.
#[derive(Clone, Copy)]
struct Before {
    /// Units that have ended.
    units: u64,
    /// Lines that have ended.
    lines: u64,
    /// The byte after the last newline, or 0 if there is none.
    line_start: usize,
}

/// Edges that are listed of a block before it is asked whether it has more. One block in a hundred has, in
/// text with one double in 100 bytes.
const EDGES: usize = 4;

impl Marks {
    const NONE: Self = Self {
        units: [0; _],
        seconds: [0; _],
        newlines: [0; _],
        blocks: [Before {
            units: 0,
            lines: 0,
            line_start: 0,
        }; _],
        edges: [0; _],
        number: 0,
    };

    /// Marks units of `WIDTH` bytes, none of which lies in two blocks.
    fn set<const WIDTH: usize>(&mut self, window: &[u8; WINDOW], size: usize) {
        let blocks = size.div_ceil(LANES);
        let bytes = &window[BEFORE..];
        equal_bits(
            bytes,
            &window[BEFORE - WIDTH..],
            &mut self.seconds[..blocks],
        );
        equal_bits(
            bytes,
            const { &newlines::<WIDTH>() },
            &mut self.newlines[..blocks],
        );
        let ends = (u64::MAX / ((1 << WIDTH) - 1)) << (WIDTH - 1);
        self.units[..blocks].fill(ends);
        if WIDTH > 1 {
            for bits in [&mut self.seconds, &mut self.newlines] {
                for bits in &mut bits[..blocks] {
                    *bits = (0..WIDTH).fold(ends, |all, by| all & *bits << by);
                }
            }
        }
    }

    /// Marks code points.
    fn set_utf8(&mut self, window: &[u8; WINDOW], size: usize) -> Result<(), InvalidUtf8> {
        let blocks = size.div_ceil(LANES);
        let bytes = &window[BEFORE..];
        equal_bits(
            bytes,
            const { &newlines::<1>() },
            &mut self.newlines[..blocks],
        );
        let padded = size.next_multiple_of(MARKED);
        let is_wide = mark_utf8(
            &window[..BEFORE + padded],
            &mut self.seconds[..padded / LANES],
        );
        self.units[..blocks].fill(u64::MAX);
        if is_wide.ok_or(InvalidUtf8)? {
            // A unit ends where the next byte continues none.
            let mut high_bits = [0; SIZE];
            for (high, next) in high_bits.iter_mut().zip(&bytes[1..]) {
                *high = next & 0xC0;
            }
            equal_bits(&high_bits, &[0x80; SIZE], &mut self.units[..blocks]);
            for bits in &mut self.units[..blocks] {
                *bits = !*bits;
            }
        }
        Ok(())
    }

    /// Takes note of what is before each block, and lists where runs begin and end. `is_open` tells whether one
    /// has begun before the piece.
    #[inline(always)]
    fn list_edges(&mut self, size: usize, is_open: bool) {
        self.cut(size);
        let mut before = Before {
            units: 0,
            lines: 0,
            line_start: 0,
        };
        let mut carry = u64::from(is_open);
        let mut number = 0;
        for block in 0..=size / LANES {
            let (units, newlines) = (self.units[block], self.newlines[block]);
            let first = block * LANES;
            self.blocks[block] = before;
            before.units += ones(units);
            before.lines += ones(newlines);
            let line_start = first + (newlines | 1).ilog2() as usize + 1;
            before.line_start = select_unpredictable(newlines != 0, line_start, before.line_start);
            // A bit after a second is added to what is no end of a unit, and so carried to the next end.
            let seconds = self.seconds[block];
            let (after, over) = (seconds << 1 | carry).overflowing_add(!units);
            carry = seconds >> (LANES - 1) | u64::from(over);
            let mut bits = (after ^ seconds) & units;
            let mut end = number;
            number += ones(bits) as usize;
            loop {
                for edge in &mut self.edges[end..][..EDGES] {
                    *edge = first as u16 + bits.trailing_zeros() as u16;
                    bits &= bits.wrapping_sub(1);
                }
                if bits == 0 {
                    break;
                }
                end += EDGES;
            }
        }
        self.number = number;
    }

    #[inline(always)]
    fn edges(&self) -> impl Iterator<Item = usize> {
        self.edges[..self.number].iter().map(|&edge| edge.into())
    }

    /// Removes what is after the piece.
    fn cut(&mut self, size: usize) {
        for bits in [&mut self.units, &mut self.seconds, &mut self.newlines] {
            bits[size / LANES] &= below(size % LANES);
        }
    }

    /// What is before a byte of the piece, or before the one after it.
    #[inline(always)]
    fn before(&self, byte: usize) -> Before {
        let (block, lane) = (byte / LANES, byte % LANES);
        let before = self.blocks[block];
        let newlines = self.newlines[block] & below(lane);
        let line_start = block * LANES + (newlines | 1).ilog2() as usize + 1;
        Before {
            units: before.units + ones(self.units[block] & below(lane)),
            lines: before.lines + ones(newlines),
            line_start: select_unpredictable(newlines != 0, line_start, before.line_start),
        }
    }
}

/// Newlines side by side, in units of `WIDTH` bytes.
const fn newlines<const WIDTH: usize>() -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    let mut at = if cfg!(target_endian = "big") {
        WIDTH - 1
    } else {
        0
    };
    while at < SIZE {
        bytes[at] = b'\n';
        at += WIDTH;
    }
    bytes
}

#[inline(always)]
fn ones(mask: u64) -> u64 {
    mask.count_ones().into()
}

/// The unit of `WIDTH` bytes that some bytes begin with, in the machine's byte order.
#[inline(always)]
fn number<const WIDTH: usize>(bytes: &[u8]) -> u32 {
    match bytes[..WIDTH] {
        [a] => a.into(),
        [a, b] => u16::from_ne_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]),
        _ => unreachable!("no unit has {WIDTH} bytes"),
    }
}

/// As many of the lowest bits.
#[inline(always)]
fn below(lane: usize) -> u64 {
    (1 << lane) - 1
}

/// The code point that four bytes end with. Those that are not valid end with any.
#[inline(always)]
fn code_point(bytes: [u8; 4]) -> u32 {
    let [a, b, c, d] = bytes.map(u32::from);
    let tail = |byte: u32, place: u32| (byte & 0x3F) << (6 * place);
    let two = (c & 0x1F) << 6 | tail(d, 0);
    let three = (b & 0x0F) << 12 | tail(c, 1) | tail(d, 0);
    let four = (a & 0x07) << 18 | tail(b, 2) | tail(c, 1) | tail(d, 0);
    let more = select_unpredictable(b >= 0xE0, three, four.min(char::MAX.into()));
    let more = select_unpredictable(c >= 0xC0, two, more);
    select_unpredictable(d < 0x80, d, more)
}

/// The `WIDTH` bytes of a unit that is not wider.
fn encoded<const WIDTH: usize>(unit: u32) -> [u8; WIDTH] {
    let mut bytes = unit.to_le_bytes();
    if cfg!(target_endian = "big") {
        bytes[..WIDTH].reverse();
    }
    *bytes
        .first_chunk()
        .expect("no unit has more than four bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: a walk over the units, one by one.
    fn oracle(units: &[u32], least: u64) -> Vec<Run> {
        let (mut line, mut column) = (1, 1);
        let mut runs: Vec<Run> = Vec::new();
        for (index, &unit) in (0..).zip(units) {
            match runs.last_mut() {
                Some(run) if run.unit == unit => run.length += 1,
                _ => runs.push(Run {
                    start: index,
                    length: 1,
                    line,
                    column,
                    unit,
                }),
            }
            column += 1;
            if unit == NEWLINE {
                (line, column) = (line + 1, 1);
            }
        }
        runs.retain(|run| run.length >= least.max(2));
        runs
    }

    /// Units of all widths, and newlines, in runs that are mostly short.
    fn units(state: &mut u64, number: usize) -> Vec<u32> {
        let mut below = |limit: u64| {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (*state >> 33) % limit
        };
        let alphabet: Vec<u32> = "ab\n\0жз€ह𝄞𝄟\u{10ffff}".chars().map(u32::from).collect();
        let width = [3, 4, 6, 8, alphabet.len() as u64][below(5) as usize];
        let mut units = Vec::new();
        while units.len() < number {
            let unit = alphabet[below(width) as usize];
            let length = [1, 1, 1, 1, 2, 2, 3, 64, 130, 300][below(10) as usize];
            units.extend(std::iter::repeat_n(unit, length));
        }
        units
    }

    type Append = fn(&mut Finder, &[u8], u64, &mut Vec<Run>);

    fn append_bytes(finder: &mut Finder, bytes: &[u8], least: u64, found: &mut Vec<Run>) {
        finder.append_bytes(bytes, least, |run| found.push(run));
    }

    fn append_utf8(finder: &mut Finder, bytes: &[u8], least: u64, found: &mut Vec<Run>) {
        let done = finder.append_utf8(bytes, least, |run| found.push(run));
        assert_eq!(done, Ok(()));
    }

    fn append_utf16(finder: &mut Finder, bytes: &[u8], least: u64, found: &mut Vec<Run>) {
        finder.append_utf16(bytes, least, |run| found.push(run));
    }

    fn append_utf32(finder: &mut Finder, bytes: &[u8], least: u64, found: &mut Vec<Run>) {
        finder.append_utf32(bytes, least, |run| found.push(run));
    }

    /// What is found in bytes that come in two parts, and how far the search has come.
    fn found(append: Append, bytes: &[u8], cut: usize, least: u64) -> (Vec<Run>, Finder) {
        let mut finder = Finder::default();
        let mut found = Vec::new();
        append(&mut finder, &bytes[..cut], least, &mut found);
        append(&mut finder, &bytes[cut..], least, &mut found);
        found.extend(finder.end(least));
        (found, finder)
    }

    /// Bytes for units, and what they are.
    fn encodings(units: &[u32]) -> [(Append, usize, Vec<u8>, Vec<u32>); 4] {
        let text: String = units
            .iter()
            .filter_map(|&unit| char::from_u32(unit))
            .collect();
        let halves: Vec<u16> = text.encode_utf16().collect();
        let bytes: Vec<u8> = units.iter().map(|&unit| unit as u8).collect();
        let wide = |bytes: &[u8]| bytes.iter().map(|&byte| byte.into()).collect();
        [
            (append_utf8, 1, text.clone().into_bytes(), units.to_vec()),
            (append_bytes, 1, bytes.clone(), wide(&bytes)),
            (
                append_utf16,
                2,
                halves.iter().flat_map(|unit| unit.to_ne_bytes()).collect(),
                halves.iter().map(|&unit| unit.into()).collect(),
            ),
            (
                append_utf32,
                4,
                units.iter().flat_map(|unit| unit.to_ne_bytes()).collect(),
                units.to_vec(),
            ),
        ]
    }

    #[test]
    fn runs_of_any_units_cut_anywhere() {
        let mut state = 1;
        for number in [0, 1, 2, 3, 5, 60, 64, 70, 300, 1500, 5000] {
            for _ in 0..12 {
                let units = units(&mut state, number);
                for (append, width, bytes, units) in encodings(&units) {
                    for (least, parts) in [(0, 7), (2, 3), (3, 5), (65, 2)] {
                        let expected = oracle(&units, least);
                        for part in 0..=parts {
                            let cut = match width {
                                1 => bytes.len() * part / parts, // Code points may be torn.
                                _ => units.len() * part / parts * width,
                            };
                            let (found, finder) = found(append, &bytes, cut, least);
                            assert_eq!(found, expected, "{width} {cut} of {}", bytes.len());
                            assert_eq!(finder.length, units.len() as u64);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn torn_code_points_one_byte_at_a_time() {
        let text = "a€€жж𝄞𝄞\n\nb𝄞";
        let units: Vec<u32> = text.chars().map(u32::from).collect();
        let mut finder = Finder::default();
        let mut found = Vec::new();
        for byte in text.as_bytes() {
            append_utf8(&mut finder, &[*byte], 2, &mut found);
        }
        found.extend(finder.end(2));
        assert_eq!(found, oracle(&units, 2));
    }

    /// Around the blocks, and the pieces that are marked at a time.
    #[test]
    fn one_run_at_every_place() {
        for size in [63, 64, 65, SIZE - 1, SIZE, SIZE + 1, SIZE + LANES] {
            for (unit, other) in [
                ("a", ["b", "c"]),
                ("\n", ["b", "c"]),
                ("€", ["ж", "з"]),
                ("𝄞", ["€", "b"]),
            ] {
                for start in (0..4).chain(size - 4..size + 3) {
                    let before = (0..start).map(|i| other[i % 2]);
                    let after = (0..70).map(|i| other[i % 2]);
                    let text: String = before.chain([unit; 3]).chain(after).collect();
                    let units: Vec<u32> = text.chars().map(u32::from).collect();
                    for (append, _, bytes, units) in encodings(&units) {
                        let (found, _) = found(append, &bytes, 0, 2);
                        assert_eq!(found, oracle(&units, 2), "{unit:?} at {start}");
                    }
                }
            }
        }
    }

    /// A unit of another width never equals a part of one.
    #[test]
    fn kinds_may_follow_one_another() {
        let mut finder = Finder::default();
        let mut found = Vec::new();
        append_utf32(&mut finder, &u32::from('š').to_ne_bytes(), 2, &mut found); // U+0161
        append_bytes(&mut finder, b"a", 2, &mut found);
        append_utf16(&mut finder, &u16::from(b'a').to_ne_bytes(), 2, &mut found);
        append_utf8(&mut finder, "aжж".as_bytes(), 2, &mut found);
        append_utf32(&mut finder, &0xD800u32.to_ne_bytes(), 2, &mut found);
        append_utf8(&mut finder, "ж".as_bytes(), 2, &mut found);
        append_utf16(&mut finder, &0x436u16.to_ne_bytes(), 2, &mut found);
        found.extend(finder.end(2));
        let found: Vec<_> = found.iter().map(|run| (run.start, run.length)).collect();
        assert_eq!(found, [(1, 3), (4, 2), (7, 2)]);
    }

    /// A lone surrogate is no `char`, so text can't be compared with its bytes.
    #[test]
    fn text_after_a_lone_surrogate_begins_a_run_of_its_own() {
        for byte in 0..=0x7F {
            let mut finder = Finder::default();
            let mut found = Vec::new();
            append_utf32(&mut finder, &0xD800u32.to_ne_bytes(), 2, &mut found);
            append_utf8(&mut finder, &[byte, byte], 2, &mut found);
            found.extend(finder.end(2));
            let found: Vec<_> = found.iter().map(|run| (run.start, run.length)).collect();
            assert_eq!(found, [(1, 2)], "{byte}");
        }
    }

    /// Whether bytes that come in three parts are taken for UTF-8.
    fn is_text(bytes: &[u8]) -> bool {
        let mut finder = Finder::default();
        let mut number = 0;
        let mut parts = bytes.chunks(bytes.len() / 3 + 1);
        let mut append = |part| {
            finder.append_utf8(part, 2, |run| {
                assert!(run.unit <= u32::from(char::MAX));
                number += 1;
            })
        };
        let is_valid = parts.all(|part| append(part).is_ok());
        assert!(number <= bytes.len() / 2 + 1);
        is_valid && finder.tail == Fragment::EMPTY
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        let mut state = 7u64;
        for size in [1, 2, 3, 4, 5, 64, 100, 5000] {
            for _ in 0..100 {
                let bytes: Vec<u8> = (0..size)
                    .map(|_| {
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1);
                        b"\x80\xbf\xc3\xe2\xf0\xff\na"[(state >> 33) as usize % 8]
                    })
                    .collect();
                assert_eq!(is_text(&bytes), str::from_utf8(&bytes).is_ok(), "{bytes:?}");
            }
        }
    }

    /// One byte is wrong, near the ends of blocks, pieces and parts.
    #[test]
    fn one_fault_at_every_place() {
        let text = "aжж€\n𝄞".repeat(3 * (SIZE + 80) / 14).into_bytes();
        let part = text.len() / 3 + 1;
        for end in [0, LANES, SIZE, part, part + SIZE, text.len()] {
            for place in end.saturating_sub(9)..(end + 9).min(text.len()) {
                for wrong in *b"\x00\x80\xc3\xe0\xff" {
                    let mut bytes = text.clone();
                    bytes[place] = wrong;
                    let expected = str::from_utf8(&bytes).is_ok();
                    assert_eq!(is_text(&bytes), expected, "{wrong:x} at {place}");
                }
            }
        }
        assert!(is_text(&text));
    }

    #[test]
    fn the_longest_line_is_written_if_it_fits() {
        let run = Run {
            start: u64::MAX,
            length: u64::MAX,
            line: u64::MAX,
            column: u64::MAX,
            unit: 0,
        };
        let glyphs = b"\x0f123456789012345";
        for name in [
            "",
            "x",
            "a name that is longer than all numbers of a line together",
        ] {
            let number = u64::MAX;
            let line = format!("{name}:{number}:{number}: 123456789012345 x{number}\n");
            for size in 0..=line.len() + 1 {
                let mut out = vec![0; size];
                let written = write_lines([run].into_iter(), name.as_bytes(), glyphs, &mut out);
                if size > line.len() {
                    assert_eq!(written, (1, line.len()), "room for {size}");
                    assert_eq!(out[..line.len()], *line.as_bytes());
                } else if written != (1, line.len()) {
                    assert_eq!(written, (0, 0), "room for {size}");
                }
            }
        }
    }

    #[test]
    fn lines_are_written_while_they_fit_and_have_glyphs() {
        let run = |line, column, length, unit| Run {
            start: 0,
            length,
            line,
            column,
            unit,
        };
        let runs = [
            run(1, 2, 2, 0),
            run(u64::MAX, 10, 1 << 60, 1),
            run(3, 4, 2, 2),
            run(5, 6, 2, 9),
        ];
        let mut glyphs = [0; 3 * CELL];
        glyphs[..2].copy_from_slice(b"\x01a");
        glyphs[CELL..][..4].copy_from_slice("\x03€".as_bytes());
        glyphs[2 * CELL..].copy_from_slice(b"\x0f123456789012345");
        let expected = [
            "x.txt:1:2: a\n",
            "x.txt:18446744073709551615:10: € x1152921504606846976\n",
            "x.txt:3:4: 123456789012345\n",
        ];
        for size in 0..300 {
            let mut out = vec![0; size];
            let (lines, bytes) = write_lines(runs.into_iter(), b"x.txt", &glyphs, &mut out);
            assert_eq!(out[..bytes], *expected[..lines].concat().as_bytes());
            assert!(lines == 3 || size < 3 * 100, "room for {size}");
        }
        glyphs[CELL] = 0;
        let (lines, _) = write_lines(runs.into_iter(), b"", &glyphs, &mut [0; 1000]);
        assert_eq!(lines, 1);
    }
}
