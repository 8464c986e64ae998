//! Where doubles are: runs of equal units, in a stream, with their lines and columns.
//!
//! ```text
//! for each block of 64 bytes, a bit for each byte:
//!     leads    = where a unit begins
//!     seconds  = where one begins that equals the one before it
//!     newlines = where a newline is
//!     for each bit of seconds:
//!         index = units so far + ones in leads below the bit
//!         if the run ends at index:  it is one unit longer
//!         else:                      it is over, and one begins with the unit before index
//! ```
//!
//! Lines and columns are read off the masks too: the ones in newlines below a bit are lines, and above the
//! highest of them begins the line that the bit is in.
//!
//! A mask is made of others that say which bytes are equal to those some bytes before them, or to a
//! newline's. A unit of `w` bytes equals the one before it if all its bytes equal those `w` before them.
#![forbid(unsafe_code)]

use crate::code_points::{InvalidUtf8, boundary, scalar};
use crate::kernel::{LANES, REACH, equal_bits, run};
use crate::text_summary::{Fragment, torn};

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

    /// The same for UTF-8, which may begin and end within a code point. It has to be valid: anything else
    /// leads to wrong runs, or to an error where it is torn, and to nothing worse.
    pub fn append_utf8(
        &mut self,
        text: &[u8],
        least: u64,
        mut found: impl FnMut(Run),
    ) -> Result<(), InvalidUtf8> {
        let (head, body, tail) = torn(text);
        let mut room = [0; 6];
        let cut = self.tail.chain(Fragment::new(head)?, &mut room);
        if body.is_empty() && tail.is_empty() && str::from_utf8(cut).is_err() {
            self.tail = Fragment::new(cut)?; // Still not all of the code point.
            return Ok(());
        }
        self.append_code_points(cut, least, &mut found);
        self.append_code_points(body, least, found);
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
        let mut marks = UNMARKED;
        for start in (0..bytes.len()).step_by(SIZE) {
            let size = SIZE.min(bytes.len() - start);
            let room = &mut [0xFF; WINDOW];
            let window = window(bytes, start, size, &before, room);
            marks.set::<WIDTH>(window, size);
            self.append_marked(&marks, size, window, number::<WIDTH>, least, &mut found);
        }
        self.end_piece(least, found, || {
            number::<WIDTH>(&bytes[bytes.len() - WIDTH..])
        });
    }

    fn append_code_points(&mut self, text: &[u8], least: u64, mut found: impl FnMut(Run)) {
        let mut room = [0; 4];
        let before = match self.last().and_then(char::from_u32) {
            Some(last) => last.encode_utf8(&mut room).as_bytes(),
            None => &[],
        };
        let mut marks = UNMARKED;
        let mut start = 0;
        while start < text.len() {
            let size = boundary(&text[start..], SIZE);
            let room = &mut [0xFF; WINDOW]; // in no text
            let window = window(text, start, size, before, room);
            if text[start..start + size].is_ascii() {
                marks.set::<1>(window, size);
            } else {
                marks.set_utf8(window, size);
            }
            self.append_marked(&marks, size, window, code_point, least, &mut found);
            start += size;
        }
        self.end_piece(least, found, || {
            code_point(&text[boundary(text, text.len() - 1)..])
        });
    }

    /// The last unit, if there is one.
    fn last(&self) -> Option<u32> {
        (self.length > 0).then_some(self.run.unit)
    }

    /// Goes on with a piece that is marked. `number` tells the unit that some bytes begin with.
    fn append_marked(
        &mut self,
        marks: &Marks,
        size: usize,
        window: &[u8; WINDOW],
        number: impl Fn(&[u8]) -> u32,
        least: u64,
        mut found: impl FnMut(Run),
    ) {
        let least = least.max(2);
        run(
            #[inline(always)]
            || {
                for block in 0..size.div_ceil(LANES) {
                    let masks = marks.block(block, size);
                    let number = |lane: usize| number(&window[REACH + block * LANES + lane..]);
                    self.append_block(&masks, number, |run: Run| {
                        if run.length >= least {
                            found(run);
                        }
                    });
                }
            },
        );
    }

    #[inline(always)]
    fn append_block(
        &mut self,
        masks: &Masks,
        number: impl Fn(usize) -> u32,
        mut over: impl FnMut(Run),
    ) {
        let Masks {
            leads,
            seconds,
            newlines,
        } = *masks;
        let mut rest = seconds;
        while rest != 0 {
            let lane = rest.trailing_zeros();
            let below = (1 << lane) - 1;
            let index = self.length + ones(leads & below);
            if index != self.run.end() {
                over(self.run);
                let unit = number(lane as usize);
                self.run = self.begin(index.saturating_sub(1), unit, leads, newlines & below);
            }
            if seconds == leads {
                self.run.length += ones(leads); // All of a long run at once.
                break;
            }
            self.run.length += 1;
            rest &= rest - 1;
        }
        if newlines != 0 {
            (_, self.last_line_start) = self.last_line(leads, newlines);
            (self.lines, self.line_start) = self.line(leads, newlines);
        }
        self.length += ones(leads);
    }

    /// A run of one unit, in a line after some newlines of a block.
    #[inline(always)]
    fn begin(&self, start: u64, unit: u32, leads: u64, newlines: u64) -> Run {
        let (lines, line_start) = match unit {
            // It is the last of the newlines.
            NEWLINE => self.last_line(leads, newlines),
            _ => self.line(leads, newlines),
        };
        Run {
            start,
            length: 1,
            line: lines + 1,
            column: start + 1 - line_start,
            unit,
        }
    }

    /// How many lines and how many units there are before the line that follows some newlines of a block.
    #[inline(always)]
    fn line(&self, leads: u64, newlines: u64) -> (u64, u64) {
        match newlines.checked_ilog2() {
            None => (self.lines, self.line_start),
            Some(last) => {
                let through = u64::MAX >> (u64::BITS - 1 - last);
                let units = self.length + ones(leads & through);
                (self.lines + ones(newlines), units)
            }
        }
    }

    /// The same for the line that the last of the newlines ends.
    #[inline(always)]
    fn last_line(&self, leads: u64, newlines: u64) -> (u64, u64) {
        match newlines.checked_ilog2() {
            None => (self.lines.saturating_sub(1), self.last_line_start),
            Some(last) => self.line(leads, newlines ^ 1 << last),
        }
    }

    /// Keeps the last unit to compare with, if the last run is over before it.
    fn end_piece(&mut self, least: u64, mut found: impl FnMut(Run), last: impl FnOnce() -> u32) {
        if self.run.end() != self.length {
            if let Some(run) = self.end(least) {
                found(run);
            }
            self.run = self.begin(self.length - 1, last(), 0, 0);
        }
    }
}

impl Run {
    fn end(&self) -> u64 {
        self.start + self.length
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

/// Bytes of a window: a piece, and those next to it that a mark looks at.
const WINDOW: usize = REACH + SIZE + REACH;

/// The window on the piece of `size` bytes from `start` on. Where it reaches beyond the bytes it is a copy in
/// `room`, with what comes before all of them.
fn window<'a>(
    bytes: &'a [u8],
    start: usize,
    size: usize,
    before: &[u8],
    room: &'a mut [u8; WINDOW],
) -> &'a [u8; WINDOW] {
    let inside = start.checked_sub(REACH).map(|from| &bytes[from..]);
    if let Some(window) = inside.and_then(<[u8]>::first_chunk) {
        return window;
    }
    match inside {
        Some(bytes) => room[..REACH + size].copy_from_slice(&bytes[..REACH + size]),
        None => {
            room[REACH - before.len()..REACH].copy_from_slice(before);
            room[REACH..REACH + size].copy_from_slice(&bytes[..size]);
        }
    }
    room[REACH + size..].fill(0);
    room
}

/// A bit for each byte of a piece. There is a mask more, so that they can be shifted down.
type Bits = [u64; SIZE / LANES + 1];

/// What is known of the bytes of a piece.
struct Marks {
    leads: Bits,
    seconds: Bits,
    newlines: Bits,
}

/// The same for a block.
struct Masks {
    leads: u64,
    seconds: u64,
    newlines: u64,
}

impl Marks {
    /// Marks units of `WIDTH` bytes.
    fn set<const WIDTH: usize>(&mut self, window: &[u8; WINDOW], size: usize) {
        let leads = match WIDTH {
            1 => u64::MAX,
            2 => u64::MAX / 0x3,
            _ => u64::MAX / 0xF,
        };
        let blocks = size.div_ceil(LANES);
        let bytes = &window[REACH..];
        equal_bits(bytes, &window[REACH - WIDTH..], &mut self.seconds[..blocks]);
        equal_bits(
            bytes,
            const { &newlines::<WIDTH>() },
            &mut self.newlines[..blocks],
        );
        self.leads[..blocks].fill(leads);
        if WIDTH > 1 {
            for block in 0..blocks {
                self.seconds[block] = leads & all::<WIDTH>(&self.seconds, block);
                self.newlines[block] = leads & all::<WIDTH>(&self.newlines, block);
            }
        }
    }

    /// Marks code points.
    fn set_utf8(&mut self, window: &[u8; WINDOW], size: usize) {
        let blocks = size.div_ceil(LANES);
        let bytes = &window[REACH..];
        equal_bits(
            bytes,
            const { &newlines::<1>() },
            &mut self.newlines[..blocks],
        );
        let mut same = [NONE; 4];
        for (distance, same) in (1..).zip(&mut same) {
            equal_bits(bytes, &window[REACH - distance..], &mut same[..blocks]);
        }
        let mut high_bits = [0; SIZE];
        for (high, byte) in high_bits.iter_mut().zip(bytes) {
            *high = byte & 0xC0;
        }
        let mut continuations = NONE;
        equal_bits(&high_bits, &[0x80; SIZE], &mut continuations[..blocks]);
        for block in 0..blocks {
            let [one, two, three] = [1, 2, 3].map(|by| !shifted(&continuations, block, by));
            let same_1 = same[0][block];
            let same_2 = all::<2>(&same[1], block);
            let same_3 = all::<3>(&same[2], block);
            let same_4 = all::<4>(&same[3], block);
            // The next lead says how wide it is.
            let wide = three & same_3 | !three & same_4;
            let same = one & same_1 | !one & (two & same_2 | !two & wide);
            self.leads[block] = !continuations[block];
            self.seconds[block] = self.leads[block] & same;
        }
    }

    /// The masks of a block, of what is in the piece.
    #[inline(always)]
    fn block(&self, block: usize, size: usize) -> Masks {
        let inside = match size - block * LANES {
            rest @ 0..LANES => (1 << rest) - 1,
            _ => u64::MAX,
        };
        Masks {
            leads: self.leads[block] & inside,
            seconds: self.seconds[block] & inside,
            newlines: self.newlines[block] & inside,
        }
    }
}

const NONE: Bits = [0; SIZE / LANES + 1];

const UNMARKED: Marks = Marks {
    leads: NONE,
    seconds: NONE,
    newlines: NONE,
};

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

/// The bits that are set, and the next ones too, `WIDTH` in all.
#[inline(always)]
fn all<const WIDTH: usize>(bits: &Bits, block: usize) -> u64 {
    (1..WIDTH).fold(bits[block], |all, by| all & shifted(bits, block, by))
}

/// A block of bits that begins so many further on.
#[inline(always)]
fn shifted(bits: &Bits, block: usize, by: usize) -> u64 {
    bits[block] >> by | bits[block + 1] << (LANES - by)
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

/// The code point that some bytes begin with. Those that are not valid begin with any.
#[inline(always)]
fn code_point(bytes: &[u8]) -> u32 {
    scalar(bytes).min(char::MAX.into())
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

    #[test]
    fn what_is_not_utf8_does_no_harm() {
        let mut state = 7u64;
        for size in [1, 2, 3, 5, 64, 100, 5000] {
            for _ in 0..50 {
                let bytes: Vec<u8> = (0..size)
                    .map(|_| {
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1);
                        b"\x80\xbf\xc3\xe2\xf0\xff\na"[(state >> 33) as usize % 8]
                    })
                    .collect();
                let mut finder = Finder::default();
                let mut number = 0;
                for part in bytes.chunks(size / 3 + 1) {
                    let _ = finder.append_utf8(part, 2, |run| {
                        assert!(run.unit <= u32::from(char::MAX));
                        number += 1;
                    });
                }
                assert!(number <= size / 2 + 1);
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
