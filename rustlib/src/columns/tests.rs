//! Every layout against the definition, and what the fuzzing model is too small for: many blocks, slices
//! and threads.

mod memory;

use super::*;
use memory::{
    BOTH, Drawn, Memory, Row, append, check, check_found, check_squeezed, column, expected, faults,
    measured, read,
};

#[test]
fn short_rows_of_every_script() {
    let mut texts = Drawn(1);
    for alphabet in ["ab\0", "aж", "a\u{80}\u{7ff}", "aж€𝄞", "€₭", "𝄞𝄟"] {
        for length in [0, 4, 9, 40, 300] {
            for number in [0, 1, 7, 8, 9, 1000] {
                check(&texts.rows(number, alphabet, length));
            }
        }
    }
}

/// Rows just below, at and above the size of a block, then rows without bytes: what an earlier block left
/// behind is no part of them.
#[test]
fn rows_around_the_size_of_a_block() {
    for length in [63, 64, 8_191, 8_192, 8_193, 32_768] {
        for unit in ["a", "ж", "€", "𝄞"] {
            let mut rows = vec![Some(unit.repeat(100).into_bytes()); 300];
            let mut text = unit.repeat(length / unit.len()).into_bytes();
            text.resize(length, b'x');
            rows.extend([Some(text), None]);
            rows.extend(vec![Some(vec![]); 1030]);
            check(&rows);
        }
    }
    for width in [1, 7, 8, 9, 64] {
        for spare in 0..3 {
            let row = |row| Some(vec![b'a' + (row % 2) as u8; width]);
            check(&(0..8 * 1024 / width + spare).map(row).collect::<Vec<_>>());
        }
    }
}

/// Runs around the size of a word of marks, at any place in it, beside longer and shorter ones.
#[test]
fn runs_across_words_of_marks() {
    for unit in ["a", "ж", "€", "𝄞"] {
        let mut rows = vec![];
        for length in [1, 2, 3, 31, 32, 33, 62, 63, 64, 65, 127, 128, 129, 500] {
            for before in [0, 1, 5, 61, 62, 63, 64, 65] {
                let text = "b".repeat(before) + &unit.repeat(length) + "cc";
                rows.push(Some(text.clone().into_bytes()));
                rows.push(Some(
                    (text + unit + unit + "\u{e9}\u{e9}\u{e9}b").into_bytes(),
                ));
            }
        }
        check(&rows);
    }
}

#[test]
fn many_slices_on_any_number_of_threads() {
    let rows = Drawn(3).rows(SLICE_ROWS + 70_000, "abж€", 4);
    let memory = Memory::new(&rows);
    for measure in BOTH {
        let expected = Ok(expected(measure, &rows, Units::Utf8));
        for column in memory.columns(Units::Utf8) {
            let threads = [None, Some(1), Some(3), Some(1000)];
            for &threads in threads
                .iter()
                .skip(usize::from(measure == Measure::Longest) * 2)
            {
                assert!(measured(measure, &column, threads) == expected);
            }
        }
    }
}

#[test]
fn rows_longer_than_a_slice() {
    let long = "€".repeat(SLICE_BYTES / 3 + 1) + &"жж".repeat(SLICE_BYTES / 3);
    let short = Some(b"aa".to_vec());
    let rows = [short.clone(), Some(long.into_bytes()), short];
    let memory = Memory::new(&rows);
    for measure in BOTH {
        for column in memory.columns(Units::Utf8) {
            assert!(measured(measure, &column, None) == Ok(expected(measure, &rows, Units::Utf8)));
        }
    }
    let torn = [vec![b'a'; SLICE_BYTES + 10], vec![0xE2]].concat();
    let memory = Memory::new(&[None, Some(torn)]);
    for measure in BOTH {
        for column in memory.columns(Units::Utf8) {
            let fault = Fault::InvalidUtf8 { row: 1 };
            assert_eq!(measured(measure, &column, None), Err(fault));
            assert_eq!(faults(&column), [Some(fault); 2]);
        }
    }
}

#[test]
fn the_first_row_that_is_not_utf8_is_found_in_any_company() {
    // The third and the fourth are UTF-8 together, and neither is alone.
    for invalid in [
        &b"\x80"[..],
        b"a\xff",
        b"\xf0\x9d",
        b"\x84\x9e",
        b"\xed\xa0\x80",
    ] {
        for (before, after) in [("", ""), ("aж", "ж"), ("\u{2080}", "\u{80}")] {
            for number in [0, 1, 3000] {
                let mut rows = vec![Some(before.as_bytes().to_vec()); number];
                rows.extend([None, Some(invalid.to_vec()), Some(b"\x84\x9e".to_vec())]);
                rows.extend(vec![Some(after.as_bytes().to_vec()); 5]);
                for column in Memory::new(&rows).columns(Units::Utf8) {
                    let fault = Fault::InvalidUtf8 { row: number + 1 };
                    for measure in BOTH {
                        assert_eq!(measured(measure, &column, None), Err(fault), "{invalid:?}");
                    }
                    assert_eq!(faults(&column), [Some(fault); 2], "{invalid:?}");
                }
            }
        }
    }
}

#[test]
fn offsets_that_lead_out_of_the_data_are_a_fault_of_their_row() {
    for (offsets, row) in [
        (vec![-5, 2], 0),
        (vec![0, 3, 2], 1),
        (vec![5, 2], 0),
        (vec![0, 1, 2, 4], 2),
        (vec![0, 1, i32::MAX], 1),
        (vec![i32::MAX, i32::MIN], 0),
        (vec![4, 4], 0),
    ] {
        let (data, length) = (b"aaa", offsets.len() - 1);
        let offsets32: Vec<_> = offsets.iter().map(|offset| offset.to_ne_bytes()).collect();
        let wide = offsets.iter().map(|&offset| i64::from(offset));
        let offsets64: Vec<_> = wide.map(i64::to_ne_bytes).collect();
        let (short, long) = (&offsets32, &offsets64);
        for layout in [
            Layout::Offsets32 {
                offsets: short,
                data,
            },
            Layout::Offsets64 {
                offsets: long,
                data,
            },
        ] {
            let fault = Fault::Malformed { row: Some(row) };
            let column = column(Units::Utf8, layout, length);
            let found = measured(Measure::Doubles, &column, None);
            assert_eq!(found, Err(fault), "{offsets:?}");
            assert_eq!(faults(&column), [Some(fault); 2], "{offsets:?}");
        }
    }
}

#[test]
fn views_that_lead_out_of_a_buffer_are_a_fault_unless_the_row_is_null() {
    let view = |length: i32, buffer: i32, offset: i32| {
        let [length, buffer, offset] = [length, buffer, offset].map(i32::to_ne_bytes);
        [length, [0; 4], buffer, offset]
            .concat()
            .try_into()
            .expect("16 bytes")
    };
    let data = [b'a'; 20];
    for (length, buffer, offset) in [
        (20, 0, 1),
        (21, 0, 0),
        (20, 1, 0),
        (20, -1, 0),
        (20, 0, -1),
        (-1, 0, 0),
        (i32::MAX, i32::MAX, i32::MAX),
    ] {
        let fine = view(20, 0, 0);
        let views = [fine, fine, view(length, buffer, offset), fine];
        for (bits, answer) in [
            ([0b1111], Err(Fault::Malformed { row: Some(2) })),
            ([0b1011], Ok(vec![Some(19), Some(19), None, Some(19)])),
        ] {
            let column = Column::Rows(Rows {
                units: Units::Utf8,
                layout: Layout::Views {
                    views: &views,
                    buffers: vec![views.as_flattened(), &data],
                },
                validity: Some(Validity::new(&bits, 0)),
                length: 4,
            });
            assert_eq!(
                measured(Measure::Doubles, &column, None),
                answer,
                "{views:?}"
            );
        }
    }
}

#[test]
fn rows_of_one_width() {
    let mut texts = Drawn(4);
    for width in [0, 1, 3, 16, 20_000] {
        for number in [0, 1, 9, 3000usize.min(100_000 / (width + 1))] {
            let data: Vec<u8> = (0..width * number).map(|_| texts.number(2) as u8).collect();
            let row = |row| Some(data[row * width..][..width].to_vec());
            let rows: Vec<Row> = (0..number).map(row).collect();
            let layout = Layout::Fixed(Fixed {
                data: &data,
                width,
                padded: false,
            });
            let found = measured(
                Measure::Doubles,
                &column(Units::Bytes, layout, number),
                None,
            );
            assert!(
                found == Ok(expected(Measure::Doubles, &rows, Units::Bytes)),
                "{width} * {number}"
            );
        }
    }
}

/// As NumPy has them: zeros at the end of a row are no part of it.
#[test]
fn padded_rows_of_bytes_and_of_utf32_in_either_byte_order() {
    let rows = [
        "",
        "aa",
        "a\0\0a",
        "aaaa",
        "\0a",
        "\u{6100}\u{6100}",
        "𝄞𝄞ab",
    ];
    let answers = [[0, 1, 1, 3, 0, 1, 1], [0, 2, 2, 4, 1, 2, 2]].map(|row| row.map(Some));
    type Encode = fn(char) -> Vec<u8>;
    let bytes: Encode = |unit| vec![unit as u8];
    let little: Encode = |unit| u32::from(unit).to_le_bytes().to_vec();
    let big: Encode = |unit| u32::from(unit).to_be_bytes().to_vec();
    for (units, width, encode, number) in [
        (Units::Bytes, 4, bytes, 5),
        (Units::Utf32, 16, little, 7),
        (Units::Utf32, 16, big, 7),
    ] {
        let padded = |row: &&str| {
            let mut bytes: Vec<u8> = row.chars().flat_map(encode).collect();
            bytes.resize(width, 0);
            bytes
        };
        let data: Vec<u8> = rows[..number].iter().flat_map(padded).collect();
        let layout = Layout::Fixed(Fixed {
            data: &data,
            width,
            padded: true,
        });
        let column = column(units, layout, number);
        for (measure, answer) in BOTH.into_iter().zip(answers) {
            let found = measured(measure, &column, None);
            assert_eq!(found, Ok(answer[..number].to_vec()));
        }
        let rows = rows[..number].iter();
        let rows: Vec<Row> = rows
            .map(|row| Some(row.chars().flat_map(encode).collect()))
            .collect();
        check_squeezed(&column, &rows, units);
        check_found(&column, &rows, units);
    }
}

#[cfg(target_endian = "little")]
#[test]
fn rows_that_are_entries_of_a_dictionary() {
    use KeyKind::{I8, I16, I32, I64, U8, U16, U32, U64};
    let entries = [&b"aa"[..], b"\xff", b"aaa"].map(|row| Some(row.to_vec()));
    let memory = Memory::new(&[&entries[..], &[None]].concat());
    for kind in [I8, U8, I16, U16, I32, U32, I64, U64] {
        // No row is the entry that is not UTF-8, unless `last` says so. A null row may have any key.
        for (last, answer) in [
            (2, Ok(vec![Some(2), Some(1), None, None, Some(2)])),
            (1, Err(Fault::InvalidUtf8 { row: 4 })),
            (4, Err(Fault::Malformed { row: Some(4) })),
            (-1, Err(Fault::Malformed { row: Some(4) })),
        ] {
            let key = |key: i64| key.to_le_bytes()[..kind.width()].to_vec();
            let bytes: Vec<u8> = [2, 0, 3, -1, last].into_iter().flat_map(key).collect();
            let column = Column::Dictionary {
                keys: Keys {
                    bytes: &bytes,
                    kind,
                },
                validity: Some(Validity::new(&[0b10111], 0)),
                entries: Box::new(memory.column(Units::Utf8, memory.views())),
            };
            assert_eq!(
                measured(Measure::Doubles, &column, None),
                answer,
                "{kind:?}"
            );
            assert_eq!(column.text(1), Ok(Some(&b"aa"[..])));
            assert_eq!([column.text(2), column.text(3)], [Ok(None); 2]);
        }
    }
}

#[test]
fn a_malformed_entry_is_no_fault_of_a_row() {
    let offsets = [0i32, 1, 9].map(i32::to_ne_bytes);
    let layout = Layout::Offsets32 {
        offsets: &offsets,
        data: b"aaa",
    };
    let column = Column::Dictionary {
        keys: Keys {
            bytes: &[0, 0, 1],
            kind: KeyKind::I8,
        },
        validity: None,
        entries: Box::new(column(Units::Utf8, layout, 2)),
    };
    assert_eq!(
        measured(Measure::Doubles, &column, None),
        Err(Fault::Malformed { row: None })
    );
    assert_eq!(column.text(2), Err(Malformed { row: 2 }));
}

#[test]
fn null_rows_and_more_of_them_than_memory_holds() {
    let length = SLICE_ROWS + 3;
    assert!(measured(Measure::Doubles, &Column::Null { length }, None) == Ok(vec![None; length]));
    let length = usize::MAX / 2;
    assert_eq!(
        measured(Measure::Doubles, &Column::Null { length }, None),
        Err(Fault::NoMemory)
    );
}

/// Bits of validity are appended at any place in a byte, after columns with nulls and without.
#[test]
fn counts_of_several_columns_are_appended() {
    for nulls in [[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1]] {
        for lengths in [[8, 8, 2], [16, 3, 9], [1, 7, 70], [0, 5, 64]] {
            let mut counts = Counts::default();
            let mut all = vec![];
            for (nulls, length) in nulls.into_iter().zip(lengths) {
                let row = |row| (nulls == 0 || row % 3 > 0).then(|| b"aa".to_vec());
                let rows: Vec<Row> = (0..length).map(row).collect();
                let memory = Memory::new(&rows);
                let mut column = memory.column(Units::Utf8, memory.offsets32());
                if let (0, Column::Rows(rows)) = (nulls, &mut column) {
                    rows.validity = None;
                }
                append(Measure::Doubles, &mut counts, &column, None).expect("no fault");
                all.extend(expected(Measure::Doubles, &rows, Units::Utf8));
            }
            assert_eq!(read(&counts), all);
            let mut copy = Counts::default();
            let validity = Validity::new(counts.validity(), 0);
            copy.append(counts.values(), Some(validity))
                .expect("memory");
            assert_eq!(copy, counts);
        }
    }
}
