//! Finds columns whose rows are measured, squeezed or searched wrong, or whose faults are not found or are said of the wrong row.

use crate::oracle;
use crate::raw::{self, Cell, Expected, Raw};
use doubles::columns::{
    Column, Counts, Fault, Fixed, Keys, Layout, Measure, Progress, RowSearch, Rows, Texts, Units,
    Validity, Walk,
};
use doubles::runs::Runs;
use doubles::squeeze::Rule;

/// Measures, squeezes and searches the column that `data` describes.
pub fn check(data: &[u8]) {
    let Ok(raw) = Raw::new(data) else {
        return; // Too short for a column.
    };
    let column = column(&raw);
    let cells = raw.cells();
    let expected = Expected::of(&cells, raw.units());
    for (row, cell) in cells.iter().enumerate() {
        match (column.text(row), cell) {
            (Ok(None), Cell::Null) | (Err(_), Cell::Malformed) => {}
            (Ok(Some(found)), Cell::Text(text)) => assert_eq!(found, *text),
            (found, cell) => panic!("row {row}: {found:?}, not {cell:?}"),
        }
    }
    for measure in [Measure::Doubles, Measure::Longest] {
        let found = measured(measure, &column);
        let within = raw.is_malformed_within();
        let Some(counts) = unless_faulty(found, within, &expected) else {
            continue;
        };
        let values = match measure {
            Measure::Doubles => expected.values(oracle::count),
            Measure::Longest => expected.values(oracle::longest),
        };
        assert_eq!(counts.values(), values);
        check_validity(counts.validity(), counts.nulls(), &expected);
    }
    let number = 1 + data.len() as u64 % 3;
    if let Some(texts) = unless_faulty(squeezed(&column, number), false, &expected) {
        for (row, units) in expected.units.iter().enumerate() {
            let [start, end] = [0, 1].map(|next| texts.offsets()[row + next] as usize);
            let found = raw::units_of(&texts.data()[start..end], raw.units());
            let units = units.as_deref().unwrap_or_default();
            assert_eq!(found, Some(oracle::squeezed(units, number)));
        }
        assert_eq!(texts.length(), expected.units.len());
        check_validity(texts.validity(), texts.nulls(), &expected);
    }
    if let Some(runs) = unless_faulty(runs(&column, number), false, &expected) {
        let mut all = Runs::of_rows();
        for (row, units) in expected.units.iter().enumerate() {
            for (start, length, unit) in oracle::runs(units.as_deref().unwrap_or_default()) {
                if length >= number {
                    all.push(row as i64, start as i64, length as i64, unit);
                }
            }
        }
        assert_eq!(runs, all);
    }
}

fn squeezed(column: &Column<'_>, most: u64) -> Result<Texts, Fault> {
    let rule = Rule::new(most, None).expect("not zero");
    let (mut walk, mut texts) = (Walk::default(), Texts::default());
    while texts.squeeze(&mut walk, column, &rule)? {}
    Ok(texts)
}

fn runs(column: &Column<'_>, least: u64) -> Result<Runs, Fault> {
    let (mut walk, mut runs) = (Walk::default(), Runs::of_rows());
    while RowSearch::new(&mut runs, least, 0).advance(&mut walk, column)? {}
    Ok(runs)
}

/// What was found, unless there is a fault: then that has to be the right one. `within` says that an entry of a
/// dictionary is malformed and that all are looked at, used or not.
fn unless_faulty<T>(found: Result<T, Fault>, within: bool, expected: &Expected) -> Option<T> {
    match found {
        Err(fault) if within => {
            assert_eq!(fault, Fault::Malformed { row: None });
        }
        Err(Fault::Malformed { row }) => {
            assert!(row.is_some() && row == expected.malformed);
        }
        Err(Fault::InvalidUtf8 { row }) => assert_eq!(Some(row), expected.invalid),
        Err(fault) => panic!("{fault:?}"),
        Ok(found) => {
            assert!(expected.first().is_none() && !within);
            return Some(found);
        }
    }
    None
}

fn check_validity(validity: &[u8], nulls: usize, expected: &Expected) {
    let bit = |row: usize| validity[row / 8] >> (row % 8) & 1 == 1;
    let mut valid = expected.units.iter().enumerate();
    assert!(valid.all(|(row, units)| bit(row) == units.is_some()));
    let expected = expected.units.iter().filter(|units| units.is_none());
    assert_eq!(nulls, expected.count());
}

fn measured(measure: Measure, column: &Column<'_>) -> Result<Counts, Fault> {
    let (mut progress, mut counts) = (Progress::default(), Counts::default());
    while progress.count(measure, column, &mut counts, None)? {}
    Ok(counts)
}

fn column(raw: &Raw) -> Column<'_> {
    let &Raw { before, length, .. } = raw;
    let validity = raw
        .validity
        .as_ref()
        .map(|bits| Validity::new(bits, before));
    let (units, layout) = match &raw.layout {
        raw::Layout::Null => return Column::Null { length },
        raw::Layout::Dictionary { keys, entries } => {
            return Column::Dictionary {
                keys: Keys {
                    bytes: &keys.bytes[before * keys.kind.width()..],
                    kind: keys.kind,
                },
                validity,
                entries: Box::new(column(entries)),
            };
        }
        raw::Layout::Offsets {
            units,
            offsets,
            data,
        } => {
            let layout = if offsets.kind.width() == 4 {
                Layout::Offsets32 {
                    offsets: &offsets.bytes.as_chunks().0[before..],
                    data,
                }
            } else {
                Layout::Offsets64 {
                    offsets: &offsets.bytes.as_chunks().0[before..],
                    data,
                }
            };
            (*units, layout)
        }
        raw::Layout::Views {
            units,
            views,
            buffers,
        } => {
            let views = &views[before..];
            let mut all = vec![views.as_flattened()];
            all.extend(buffers.iter().map(Vec::as_slice));
            (
                *units,
                Layout::Views {
                    views,
                    buffers: all,
                },
            )
        }
        raw::Layout::Fixed { width, data } => {
            let fixed = Fixed {
                data: &data[before * width..],
                width: *width,
                padded: false,
            };
            (Units::Bytes, Layout::Fixed(fixed))
        }
        raw::Layout::Padded { units, width, data } => {
            let fixed = Fixed {
                data,
                width: *width,
                padded: true,
            };
            (*units, Layout::Fixed(fixed))
        }
    };
    Column::Rows(Rows {
        units,
        layout,
        validity,
        length,
    })
}
