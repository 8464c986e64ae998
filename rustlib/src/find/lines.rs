//! The lines that the command writes for runs.
#![forbid(unsafe_code)]

use super::Run;

/// Bytes of a glyph: how many are used, and then those.
///
/// cbindgen:ignore
pub const CELL: usize = 16;

/// The digits of the greatest number.
const DIGITS: usize = 20;

/// Writes a line for each run, `NAME:LINE:COLUMN: GLYPH`, and ` xLENGTH` unless it has two units. Stops
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
        if run.length != 2 {
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
        // Always 20 bytes: a copy of fixed length is faster than one of the exact length.
        let digits: &[u8; DIGITS] = digits[start..].first_chunk().expect("as many again");
        self.put(digits);
        self.end -= start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            run(3, 4, 1, 2),
            run(5, 6, 2, 9),
        ];
        let mut glyphs = [0; 3 * CELL];
        glyphs[..2].copy_from_slice(b"\x01a");
        glyphs[CELL..][..4].copy_from_slice("\x03€".as_bytes());
        glyphs[2 * CELL..].copy_from_slice(b"\x0f123456789012345");
        let expected = [
            "x.txt:1:2: a\n",
            "x.txt:18446744073709551615:10: € x1152921504606846976\n",
            "x.txt:3:4: 123456789012345 x1\n",
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
