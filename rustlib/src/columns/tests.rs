//! Every layout against the definition, row by row.

use super::*;
use std::ops::Range;

/// What a row holds, if it is there.
type Row = Option<Vec<u8>>;

/// A column in memory, in one of the layouts. The rows that are not there hold rubbish if that is
/// possible.
struct Memory {
    units: Units,
    layout: &'static str,
    length: usize,
    offsets32: Vec<[u8; 4]>,
    offsets64: Vec<[u8; 8]>,
    views: Vec<[u8; 16]>,
    data: Vec<u8>,
    width: usize,
    bits: Vec<u8>,
}

const LAYOUTS: [&str; 3] = ["offsets32", "offsets64", "views"];

/// Under a row that is not there: no UTF-8, and full of doubles.
const RUBBISH: &[u8] = b"\xFF\xFF\x80\x80\xE2\x82";

impl Memory {
    fn new(rows: &[Row], units: Units, layout: &'static str) -> Self {
        let mut memory = Self {
            units,
            layout,
            length: rows.len(),
            offsets32: vec![[0; 4]],
            offsets64: vec![[0; 8]],
            views: vec![],
            data: vec![],
            width: 0,
            bits: vec![0; rows.len() / 8 + 1],
        };
        for (number, row) in rows.iter().enumerate() {
            let text = row.as_deref().unwrap_or(RUBBISH);
            let start = memory.data.len();
            memory.data.extend(text);
            let end = memory.data.len();
            memory.offsets32.push((end as i32).to_ne_bytes());
            memory.offsets64.push((end as i64).to_ne_bytes());
            memory.views.push(view(text, 1, start));
            memory.bits[number / 8] |= u8::from(row.is_some()) << (number % 8);
        }
        memory
    }

    fn rows(&self, range: Range<usize>) -> Rows<'_> {
        let layout = match self.layout {
            "offsets32" => Layout::Offsets32 {
                offsets: &self.offsets32[range.start..=range.end],
                data: &self.data,
            },
            "offsets64" => Layout::Offsets64 {
                offsets: &self.offsets64[range.start..=range.end],
                data: &self.data,
            },
            "views" => Layout::Views {
                views: &self.views[range.clone()],
                buffers: vec![self.views[range.clone()].as_flattened(), &[], &self.data],
            },
            _ => Layout::Fixed(Fixed {
                data: &self.data[range.start * self.width..],
                width: self.width,
                stride: self.width,
                descending: false,
                padded: false,
            }),
        };
        let all = self.bits.iter().all(|&byte| byte == 0xFF);
        Rows {
            units: self.units,
            layout,
            validity: (!all).then(|| Validity::new(&self.bits, range.start)),
            length: range.len(),
        }
    }

    fn column(&self) -> Column<'_> {
        Column::Rows(self.rows(0..self.length))
    }
}

fn view(text: &[u8], buffer: u32, offset: usize) -> [u8; 16] {
    let mut view = [0; 16];
    view[..4].copy_from_slice(&(text.len() as u32).to_ne_bytes());
    if text.len() <= 12 {
        view[4..4 + text.len()].copy_from_slice(text);
    } else {
        view[4..8].copy_from_slice(&text[..4]);
        view[8..12].copy_from_slice(&buffer.to_ne_bytes());
        view[12..].copy_from_slice(&(offset as u32).to_ne_bytes());
    }
    view
}

/// Doubles between the units of a row, by the definition.
fn oracle(row: &[u8], units: Units) -> i64 {
    fn doubles<U: PartialEq>(units: &[U]) -> i64 {
        (1..units.len())
            .filter(|&i| units[i - 1] == units[i])
            .count() as i64
    }
    match units {
        Units::Bytes => doubles(row),
        Units::Utf8 => {
            let text = str::from_utf8(row).expect("valid");
            doubles(&text.chars().collect::<Vec<_>>())
        }
        Units::Utf32 => doubles(&row.chunks(4).collect::<Vec<_>>()),
    }
}

fn expected(rows: &[Row], units: Units) -> Counts {
    let mut counts = Counts::default();
    let count = |row: usize| Ok::<_, Fault>(rows[row].as_ref().map(|row| oracle(row, units)));
    counts.extend_with(rows.len(), count).expect("memory");
    counts
}

fn count(column: &Column<'_>, threads: Option<usize>) -> Result<Counts, Fault> {
    let (mut progress, mut counts) = (Progress::default(), Counts::default());
    let threads = threads.and_then(NonZeroUsize::new);
    while progress.count(column, &mut counts, threads)? {}
    Ok(counts)
}

fn check(rows: &[Row], units: Units) {
    let expected = expected(rows, units);
    for layout in LAYOUTS {
        let memory = Memory::new(rows, units, layout);
        let found = count(&memory.column(), Some(1));
        assert!(
            found.as_ref() == Ok(&expected),
            "{layout}, {} rows",
            rows.len()
        );
    }
}

/// A walk through texts in which code points of all widths stand side by side, in runs of one to three.
struct Texts(u32);

impl Texts {
    fn number(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) as usize % below
    }

    fn text(&mut self, alphabet: &str, length: usize) -> Vec<u8> {
        let units: Vec<char> = alphabet.chars().collect();
        let mut text = String::new();
        for _ in 0..self.number(length + 1) {
            let unit = units[self.number(units.len())];
            (0..=self.number(3)).for_each(|_| text.push(unit));
        }
        text.into_bytes()
    }

    fn rows(&mut self, number: usize, alphabet: &str, length: usize, nulls: bool) -> Vec<Row> {
        let row = |_| {
            let text = self.text(alphabet, length);
            (!nulls || self.number(7) > 0).then_some(text)
        };
        (0..number).map(row).collect()
    }
}

const ALPHABETS: [&str; 7] = ["ab\0", "aж", "a\u{80}\u{7ff}", "aбж€", "aж€𝄞", "€₭", "𝄞𝄟"];

#[test]
fn rows_all_at_once() {
    let rows = [&b"aab"[..], b"", b"zzz", b"ab"].map(|row| Some(row.to_vec()));
    for layout in LAYOUTS {
        let memory = Memory::new(&rows, Units::Bytes, layout);
        let mut counts = [7; 4];
        assert!(count_rows(&memory.rows(0..4), &mut counts).is_ok());
        assert_eq!(counts, [1, 0, 2, 0]);
    }
}

#[test]
fn every_layout_of_short_rows() {
    let mut texts = Texts(1);
    for alphabet in ALPHABETS {
        for length in [0, 1, 4, 9, 40, 300] {
            for nulls in [false, true] {
                for number in [0, 1, 2, 7, 8, 9, 64, 1000] {
                    let rows = texts.rows(number, alphabet, length, nulls);
                    check(&rows, Units::Utf8);
                    check(&rows, Units::Bytes);
                }
            }
        }
    }
}

#[test]
fn rows_around_the_length_of_a_block() {
    let lengths = [8_191, 8_192, 8_193, 32_767, 32_768, 32_769];
    for length in lengths {
        for (unit, width) in [("a", 1), ("ж", 2), ("€", 3), ("𝄞", 4)] {
            let mut long = unit.repeat(length / width).into_bytes();
            long.resize(length, b'x');
            let short = Some(b"aa".to_vec());
            let rows = [short.clone(), Some(long), None, short];
            check(&rows, Units::Utf8);
            check(&rows, Units::Bytes);
        }
    }
}

#[test]
fn rows_that_just_fill_a_block() {
    for width in [1, 2, 7, 8, 9, 64, 127, 128] {
        for spare in 0..3 {
            let number = 8 * 1024 / width + spare;
            let rows: Vec<Row> = (0..number)
                .map(|row| Some(vec![b'a' + (row % 2) as u8; width]))
                .collect();
            check(&rows, Units::Utf8);
        }
    }
}

/// What is left of an earlier block is no part of a later one.
#[test]
fn rows_of_no_bytes_at_the_end_of_a_block() {
    for length in [0, 63, 64, 255, 256, 8191, 8192] {
        for unit in ["a", "ж", "𝄞"] {
            let mut rows = vec![Some(unit.repeat(100).into_bytes()); 3000];
            let mut text = unit.repeat(length / unit.len()).into_bytes();
            text.resize(length, b'x');
            rows.push(Some(text));
            rows.extend(vec![Some(vec![]); 1030]);
            check(&rows, Units::Utf8);
            check(&rows, Units::Bytes);
        }
    }
}

#[test]
fn any_slice_of_a_column() {
    let rows = Texts(2).rows(70, "aж€", 8, true);
    for layout in LAYOUTS {
        let memory = Memory::new(&rows, Units::Utf8, layout);
        for start in 0..=rows.len() {
            for end in start..=rows.len() {
                let column = Column::Rows(memory.rows(start..end));
                let found = count(&column, None);
                assert_eq!(found, Ok(expected(&rows[start..end], Units::Utf8)));
            }
        }
    }
}

#[test]
fn any_number_of_threads() {
    let rows = Texts(3).rows(600_000, "abж€", 4, true);
    let expected = expected(&rows, Units::Utf8);
    for layout in LAYOUTS {
        let memory = Memory::new(&rows, Units::Utf8, layout);
        for threads in [None, Some(1), Some(2), Some(3), Some(1000)] {
            assert!(count(&memory.column(), threads) == Ok(expected.clone()));
        }
    }
}

#[test]
fn rows_longer_than_a_slice() {
    for (pad, layout) in LAYOUTS.into_iter().enumerate() {
        let long =
            "x".repeat(pad) + &"€".repeat(SLICE_BYTES / 3 + 1) + &"жж".repeat(SLICE_BYTES / 3);
        let short = Some(b"aa".to_vec());
        let rows = [short.clone(), Some(long.into_bytes()), short];
        let memory = Memory::new(&rows, Units::Utf8, layout);
        assert!(count(&memory.column(), None) == Ok(expected(&rows, Units::Utf8)));
    }
    let mut torn = vec![b'a'; SLICE_BYTES + 10];
    torn.push(0xE2);
    let memory = Memory::new(&[None, Some(torn)], Units::Utf8, "offsets64");
    assert_eq!(
        count(&memory.column(), None),
        Err(Fault::InvalidUtf8 { row: 1 })
    );
}

#[test]
fn one_row_that_is_not_utf8_is_found_in_any_company() {
    let invalid: [&[u8]; 8] = [
        b"\x80",
        b"a\xff",
        b"\xc2",
        b"aa\xe2\x82",
        b"\xf0\x9d\x84",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ];
    for text in invalid {
        for (before, after) in [("", ""), ("aж", "ж"), ("\u{2080}", "\u{80}")] {
            for number in [0, 1, 5, 3000] {
                let mut rows = vec![Some(before.as_bytes().to_vec()); number];
                rows.push(None);
                rows.push(Some(text.to_vec()));
                rows.extend(vec![Some(after.as_bytes().to_vec()); 5]);
                for layout in LAYOUTS {
                    let memory = Memory::new(&rows, Units::Utf8, layout);
                    let fault = Fault::InvalidUtf8 { row: number + 1 };
                    assert_eq!(count(&memory.column(), None), Err(fault), "{text:?}");
                    let memory = Memory::new(&rows, Units::Bytes, layout);
                    assert!(count(&memory.column(), None) == Ok(expected(&rows, Units::Bytes)));
                }
            }
        }
    }
}

/// Two rows that are no text each, and together are.
#[test]
fn a_code_point_torn_between_two_rows_is_in_none() {
    for cut in 1..4 {
        let (left, right) = "𝄞".as_bytes().split_at(cut);
        let rows = [Some(left.to_vec()), Some(right.to_vec())];
        for layout in LAYOUTS {
            let memory = Memory::new(&rows, Units::Utf8, layout);
            let fault = Fault::InvalidUtf8 { row: 0 };
            assert_eq!(count(&memory.column(), None), Err(fault));
        }
    }
}

/// Wrong offsets of any kind give counts or a fault, and the row of the first that is wrong.
#[test]
fn offsets_that_lead_elsewhere() {
    let wrong = [
        (vec![-5, 2], 0),
        (vec![0, 3, 2], 1),
        (vec![5, 2], 0),
        (vec![0, 1, 2, 4], 2),
        (vec![0, 1, i32::MAX], 1),
        (vec![i32::MIN, 0], 0),
        (vec![0, -1, 3], 0),
        (vec![i32::MAX, i32::MIN], 0),
        (vec![4, 4], 0),
    ];
    for (offsets, row) in wrong {
        let length = offsets.len() - 1;
        let offsets32: Vec<_> = offsets
            .iter()
            .map(|&offset: &i32| offset.to_ne_bytes())
            .collect();
        let wide = offsets.iter().map(|&offset| i64::from(offset) << 1 >> 1);
        let offsets64: Vec<_> = wide.map(i64::to_ne_bytes).collect();
        let data = b"aaa";
        let layouts = [
            Layout::Offsets32 {
                offsets: &offsets32,
                data,
            },
            Layout::Offsets64 {
                offsets: &offsets64,
                data,
            },
        ];
        for layout in layouts {
            let column = Column::Rows(Rows {
                units: Units::Utf8,
                layout,
                validity: None,
                length,
            });
            let fault = Fault::Malformed { row: Some(row) };
            assert_eq!(count(&column, None), Err(fault), "{offsets:?}");
        }
    }
}

#[test]
fn views_that_lead_elsewhere() {
    let long = |length: i32, buffer: i32, offset: i32| {
        let mut view = [0; 16];
        view[..4].copy_from_slice(&length.to_ne_bytes());
        view[8..12].copy_from_slice(&buffer.to_ne_bytes());
        view[12..].copy_from_slice(&offset.to_ne_bytes());
        view
    };
    let fine = long(20, 0, 0);
    let data = [b'a'; 20];
    for wrong in [
        long(20, 0, 1),
        long(21, 0, 0),
        long(20, 1, 0),
        long(20, -1, 0),
        long(20, 0, -1),
        long(-1, 0, 0),
        long(i32::MIN, 0, 0),
        long(13, 0, i32::MAX),
        long(i32::MAX, i32::MAX, i32::MAX),
    ] {
        let views = [fine, fine, wrong, fine];
        let rows = |validity| {
            Column::Rows(Rows {
                units: Units::Utf8,
                layout: Layout::Views {
                    views: &views,
                    buffers: vec![views.as_flattened(), &data],
                },
                validity,
                length: 4,
            })
        };
        let fault = Fault::Malformed { row: Some(2) };
        assert_eq!(count(&rows(None), None), Err(fault), "{wrong:?}");
        // Under a row that is not there, anything may stand.
        let found = count(&rows(Some(Validity::new(&[0b1011], 0))), None);
        assert_eq!(found.expect("fine").values(), [19, 19, 0, 19]);
    }
}

#[test]
fn rows_of_one_width() {
    let mut texts = Texts(4);
    for width in [0, 1, 3, 16, 20_000] {
        for number in [0, 1, 9, 3000usize.min(100_000 / (width + 1))] {
            let data: Vec<u8> = (0..width * number).map(|_| texts.number(2) as u8).collect();
            let rows: Vec<Row> = (0..number)
                .map(|row| Some(data[row * width..][..width].to_vec()))
                .collect();
            let mut memory = Memory::new(&rows, Units::Bytes, "fixed");
            memory.width = width;
            assert!(count(&memory.column(), None) == Ok(expected(&rows, Units::Bytes)));
        }
    }
}

/// As NumPy has them: any stride, either direction, zeros at the end that are none of the text.
#[test]
fn padded_rows_at_any_distance() {
    let texts: [&[u8]; 6] = [b"", b"aa", b"a\0\0a", b"aaaa", b"\0a", b"bb\0a"];
    let width = 4;
    for stride in [4, 5, 12] {
        for descending in [false, true] {
            let mut data = vec![b'x'; stride * (texts.len() - 1) + width];
            for (row, text) in texts.iter().enumerate() {
                let place = if descending {
                    texts.len() - 1 - row
                } else {
                    row
                };
                let mut padded = text.to_vec();
                padded.resize(width, 0);
                data[place * stride..][..width].copy_from_slice(&padded);
            }
            let column = Column::Rows(Rows {
                units: Units::Bytes,
                layout: Layout::Fixed(Fixed {
                    data: &data,
                    width,
                    stride,
                    descending,
                    padded: true,
                }),
                validity: None,
                length: texts.len(),
            });
            let found = count(&column, None).expect("fine");
            assert_eq!(found.values(), [0, 1, 1, 3, 0, 1]);
        }
    }
}

#[test]
fn padded_utf32_in_either_byte_order() {
    let rows = ["", "aa", "a\0\0a", "жжж", "\u{6100}\u{6100}", "𝄞𝄞ab"];
    let orders = [u32::to_le_bytes, u32::to_be_bytes];
    for bytes in orders {
        let mut data = vec![];
        for row in rows {
            let mut units: Vec<u32> = row.chars().map(u32::from).collect();
            units.resize(4, 0);
            data.extend(units.into_iter().flat_map(bytes));
        }
        let column = Column::Rows(Rows {
            units: Units::Utf32,
            layout: Layout::Fixed(Fixed {
                data: &data,
                width: 16,
                stride: 16,
                descending: false,
                padded: true,
            }),
            validity: Some(Validity::new(&[0b0101_1111], 0)),
            length: rows.len(),
        });
        let found = count(&column, None).expect("fine");
        assert_eq!(
            (found.values(), found.nulls()),
            (&[0, 1, 1, 2, 1, 0][..], 1)
        );
    }
}

fn keys(numbers: &[i64], kind: PlaceKind) -> Vec<u8> {
    let number = |&number: &i64| number.to_le_bytes()[..kind.width()].to_vec();
    numbers.iter().flat_map(number).collect()
}

const KINDS: [PlaceKind; 8] = [
    PlaceKind::I8,
    PlaceKind::U8,
    PlaceKind::I16,
    PlaceKind::U16,
    PlaceKind::I32,
    PlaceKind::U32,
    PlaceKind::I64,
    PlaceKind::U64,
];

#[cfg(target_endian = "little")]
#[test]
fn entries_of_a_dictionary() {
    let entries = [
        Some(b"aa".to_vec()),
        None,
        Some(b"\xff".to_vec()),
        Some(b"aaa".to_vec()),
    ];
    let memory = Memory::new(&entries, Units::Utf8, "views");
    fn dictionary<'a>(keys: Places<'a>, bits: &'a [u8], memory: &'a Memory) -> Column<'a> {
        Column::Dictionary {
            keys,
            validity: Some(Validity::new(bits, 0)),
            entries: Box::new(memory.column()),
        }
    }
    for kind in KINDS {
        // Nobody is the entry that is not UTF-8; where no row is, any key may stand.
        let bytes = &keys(&[3, 0, 1, -1, 3], kind);
        let column = dictionary(Places { bytes, kind }, &[0b10111], &memory);
        let found = count(&column, None).expect("fine");
        assert_eq!(found.values(), [2, 1, 0, 0, 2]);
        assert_eq!((found.validity(), found.nulls()), (&[0b10011][..], 2));
        let texts = [0, 1, 2, 3].map(|row| column.text(row).expect("fine"));
        assert_eq!(texts, [Some(&b"aaa"[..]), Some(b"aa"), None, None]);

        for (key, fault) in [
            (2, Fault::InvalidUtf8 { row: 1 }),
            (4, Fault::Malformed { row: Some(1) }),
            (-1, Fault::Malformed { row: Some(1) }),
        ] {
            let bytes = &keys(&[0, key, 0], kind);
            let column = dictionary(Places { bytes, kind }, &[0b111], &memory);
            assert_eq!(count(&column, None), Err(fault), "{kind:?}");
        }
    }
}

#[cfg(target_endian = "little")]
#[test]
fn runs_of_equal_rows() {
    let values = [Some(b"aa".to_vec()), None, Some(b"bbb".to_vec())];
    let memory = Memory::new(&values, Units::Utf8, "offsets32");
    fn runs<'a>(ends: Places<'a>, rows: Range<usize>, memory: &'a Memory) -> Column<'a> {
        Column::Runs {
            ends,
            values: Box::new(memory.column()),
            offset: rows.start,
            length: rows.len(),
        }
    }
    for kind in [PlaceKind::I16, PlaceKind::I32, PlaceKind::I64] {
        let bytes = &keys(&[2, 3, 6], kind);
        let all = [Some(1), Some(1), None, Some(2), Some(2), Some(2)];
        for start in 0..=6 {
            for end in start..=6 {
                let column = runs(Places { bytes, kind }, start..end, &memory);
                let found = count(&column, None).expect("fine");
                let rows: Vec<_> = (0..end - start)
                    .map(|row| found.get(row).expect("a row"))
                    .collect();
                assert_eq!(rows, all[start..end]);
            }
        }
        for (ends, length, row) in [
            (&[2, 3, 6][..], 7, 6),
            (&[2, 2, 6], 6, 2),
            (&[2, 1, 6], 6, 2),
            (&[-1, 3, 6], 6, 0),
            (&[1, 2, 3, 4], 4, 3),
            (&[], 1, 0),
        ] {
            let bytes = &keys(ends, kind);
            let column = runs(Places { bytes, kind }, 0..length, &memory);
            let fault = Fault::Malformed { row: Some(row) };
            assert_eq!(count(&column, None), Err(fault), "{ends:?}");
        }
    }
}

#[test]
fn what_is_wrong_with_an_entry_is_no_rows_fault() {
    let offsets = [0i32, 1, 9].map(i32::to_ne_bytes);
    let column = Column::Dictionary {
        keys: Places {
            bytes: &[0, 0, 1],
            kind: PlaceKind::I8,
        },
        validity: None,
        entries: Box::new(Column::Rows(Rows {
            units: Units::Utf8,
            layout: Layout::Offsets32 {
                offsets: &offsets,
                data: b"aaa",
            },
            validity: None,
            length: 2,
        })),
    };
    assert_eq!(count(&column, None), Err(Fault::Malformed { row: None }));
    // A tally looks at the entry of each row: there it is the row that is said, not the entry.
    let tallied = Progress::default().tally(&column, &mut Tally::new());
    assert_eq!(tallied, Err(Fault::Malformed { row: Some(2) }));
    assert_eq!(column.text(2), Err(Malformed { row: 2 }));
}

#[test]
fn rows_of_which_none_is_there() {
    let found = count(
        &Column::Null {
            length: SLICE_ROWS + 3,
        },
        None,
    )
    .expect("fine");
    assert_eq!(found.nulls(), SLICE_ROWS + 3);
    let column = Column::Null {
        length: usize::MAX / 2,
    };
    assert_eq!(count(&column, None), Err(Fault::NoMemory));
}

#[test]
fn a_tally_is_that_of_all_rows() {
    let mut texts = Texts(5);
    let mut rows = texts.rows(1000, "aж€𝄞", 9, true);
    rows.push(Some("x€€".repeat(TALLY_SLICE_BYTES / 6).into_bytes()));
    let mut expected = Tally::new();
    rows.iter().flatten().for_each(|row| expected.add_utf8(row));
    for layout in LAYOUTS {
        let memory = Memory::new(&rows, Units::Utf8, layout);
        let (mut progress, mut tally) = (Progress::default(), Tally::new());
        while progress.tally(&memory.column(), &mut tally).expect("fine") {}
        assert!(tally.iter().eq(expected.iter()), "{layout}");
    }
    let memory = Memory::new(&[None, Some(b"aa\xff".to_vec())], Units::Utf8, "views");
    let fault = Progress::default().tally(&memory.column(), &mut Tally::new());
    assert_eq!(fault, Err(Fault::InvalidUtf8 { row: 1 }));
}

#[test]
fn counts_of_several_columns_are_appended() {
    let rows = Texts(6).rows(29, "aж", 5, true);
    for cut in 0..=rows.len() {
        let mut counts = Counts::default();
        for part in [&rows[..cut], &rows[cut..]] {
            let memory = Memory::new(part, Units::Utf8, "offsets32");
            let mut progress = Progress::default();
            while progress
                .count(&memory.column(), &mut counts, None)
                .expect("fine")
            {}
        }
        assert_eq!(counts, expected(&rows, Units::Utf8));
        let mut copy = Counts::default();
        let validity = Validity::new(counts.validity(), 0);
        copy.append(counts.values(), Some(validity))
            .expect("memory");
        assert_eq!(copy, counts);
    }
}
