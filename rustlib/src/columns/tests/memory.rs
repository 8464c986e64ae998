//! Rows in memory, and what their counts have to be.

use super::super::*;
use crate::runs::Runs;
use crate::squeeze::Rule;

/// The bytes of a row, unless it is null.
pub(super) type Row = Option<Vec<u8>>;

/// Rows of any length in memory, for each of the layouts that can hold them.
pub(super) struct Memory {
    offsets32: Vec<[u8; 4]>,
    offsets64: Vec<[u8; 8]>,
    views: Vec<[u8; 16]>,
    data: Vec<u8>,
    validity: Vec<u8>,
    length: usize,
}

/// The bytes of null rows: not UTF-8, and full of doubles.
const RUBBISH: &[u8] = b"\xFF\xFF\x80\x80\xE2\x82";

impl Memory {
    pub(super) fn new(rows: &[Row]) -> Self {
        let mut memory = Self {
            offsets32: vec![[0; 4]],
            offsets64: vec![[0; 8]],
            views: vec![],
            data: vec![],
            validity: vec![0; rows.len() / 8 + 1],
            length: rows.len(),
        };
        for (number, row) in rows.iter().enumerate() {
            let text = row.as_deref().unwrap_or(RUBBISH);
            let start = memory.data.len();
            memory.data.extend(text);
            let end = memory.data.len();
            memory.offsets32.push((end as i32).to_ne_bytes());
            memory.offsets64.push((end as i64).to_ne_bytes());
            memory.views.push(view(text, start));
            memory.validity[number / 8] |= u8::from(row.is_some()) << (number % 8);
        }
        memory
    }

    pub(super) fn offsets32(&self) -> Layout<'_> {
        Layout::Offsets32 {
            offsets: &self.offsets32,
            data: &self.data,
        }
    }

    fn offsets64(&self) -> Layout<'_> {
        Layout::Offsets64 {
            offsets: &self.offsets64,
            data: &self.data,
        }
    }

    pub(super) fn views(&self) -> Layout<'_> {
        Layout::Views {
            views: &self.views,
            buffers: vec![self.views.as_flattened(), &self.data],
        }
    }

    pub(super) fn column<'a>(&'a self, units: Units, layout: Layout<'a>) -> Column<'a> {
        Column::Rows(Rows {
            units,
            layout,
            validity: Some(Validity::new(&self.validity, 0)),
            length: self.length,
        })
    }

    pub(super) fn columns(&self, units: Units) -> [Column<'_>; 3] {
        [self.offsets32(), self.offsets64(), self.views()].map(|layout| self.column(units, layout))
    }
}

fn view(text: &[u8], offset: usize) -> [u8; 16] {
    let mut view = [0; 16];
    view[..4].copy_from_slice(&(text.len() as u32).to_ne_bytes());
    if text.len() <= 12 {
        view[4..4 + text.len()].copy_from_slice(text);
    } else {
        view[12..].copy_from_slice(&(offset as u32).to_ne_bytes());
    }
    view
}

/// A column without nulls.
pub(super) fn column(units: Units, layout: Layout<'_>, length: usize) -> Column<'_> {
    Column::Rows(Rows {
        units,
        layout,
        validity: None,
        length,
    })
}

/// The number of a row, by the definition.
fn oracle(measure: Measure, row: &[u8], units: Units) -> i64 {
    fn number<U: PartialEq>(measure: Measure, units: &[U]) -> i64 {
        let runs = units.chunk_by(|a, b| a == b).map(|run| run.len() as i64);
        match measure {
            Measure::Doubles => runs.map(|length| length - 1).sum(),
            Measure::Longest => runs.max().unwrap_or(0),
        }
    }
    match units {
        Units::Bytes => number(measure, row),
        Units::Utf8 => {
            let text = str::from_utf8(row).expect("valid");
            number(measure, &text.chars().collect::<Vec<_>>())
        }
        Units::Utf32 => number(measure, &row.chunks(4).collect::<Vec<_>>()),
    }
}

/// Both measures.
pub(super) const BOTH: [Measure; 2] = [Measure::Doubles, Measure::Longest];

pub(super) fn expected(measure: Measure, rows: &[Row], units: Units) -> Vec<Option<i64>> {
    let number = |row: &Row| row.as_ref().map(|row| oracle(measure, row, units));
    rows.iter().map(number).collect()
}

pub(super) fn measured(
    measure: Measure,
    column: &Column<'_>,
    threads: Option<usize>,
) -> Result<Vec<Option<i64>>, Fault> {
    let mut counts = Counts::default();
    append(measure, &mut counts, column, threads)?;
    Ok(read(&counts))
}

pub(super) fn append(
    measure: Measure,
    counts: &mut Counts,
    column: &Column<'_>,
    threads: Option<usize>,
) -> Result<(), Fault> {
    let mut progress = Progress::default();
    let threads = threads.and_then(NonZeroUsize::new);
    while progress.count(measure, column, counts, threads)? {}
    Ok(())
}

pub(super) fn read(counts: &Counts) -> Vec<Option<i64>> {
    let rows: Vec<_> = (0..counts.values().len())
        .map(|row| counts.get(row).expect("a row"))
        .collect();
    let nulls = rows.iter().filter(|row| row.is_none()).count();
    assert_eq!(
        (counts.nulls(), counts.nulls_in(0..rows.len())),
        (nulls, nulls)
    );
    rows
}

/// Measures, squeezes and searches rows in all layouts, as text and as bytes.
pub(super) fn check(rows: &[Row]) {
    let memory = Memory::new(rows);
    for units in [Units::Utf8, Units::Bytes] {
        for column in memory.columns(units) {
            for measure in BOTH {
                assert!(
                    measured(measure, &column, Some(1)) == Ok(expected(measure, rows, units)),
                    "{measure:?}, {units:?}, {} rows",
                    rows.len()
                );
            }
            check_squeezed(&column, rows, units);
            check_found(&column, rows, units);
        }
    }
}

/// The units of a row, each as its bytes.
fn units_of(row: &[u8], units: Units) -> Vec<Vec<u8>> {
    match units {
        Units::Bytes => row.iter().map(|&byte| vec![byte]).collect(),
        Units::Utf8 => {
            let text = str::from_utf8(row).expect("valid");
            text.chars().map(|unit| unit.to_string().into()).collect()
        }
        Units::Utf32 => row.chunks(4).map(<[u8]>::to_vec).collect(),
    }
}

/// Squeezes a column, and compares each row with the definition.
pub(super) fn check_squeezed(column: &Column<'_>, rows: &[Row], units: Units) {
    // A bit for "a".
    const ONLY_A: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    let a = match units {
        Units::Utf32 => u32::from(b'a').to_ne_bytes().to_vec(),
        Units::Bytes | Units::Utf8 => b"a".to_vec(),
    };
    let (most, only) = [(1, None), (2, None), (1, Some(ONLY_A))][rows.len() % 3];
    let rule = Rule::new(most, only).expect("not zero");
    let (mut walk, mut texts) = (Walk::default(), Texts::default());
    while texts.squeeze(&mut walk, column, &rule).expect("valid") {}
    let nulls = rows.iter().filter(|row| row.is_none()).count();
    assert_eq!((texts.length(), texts.nulls()), (rows.len(), nulls));
    for (number, row) in rows.iter().enumerate() {
        let [start, end] = [0, 1].map(|next| texts.offsets()[number + next] as usize);
        let units = units_of(row.as_deref().unwrap_or_default(), units);
        let kept = units.chunk_by(|a, b| a == b).map(|run| {
            let is_selected = only.is_none() || run[0] == a;
            let most = if is_selected {
                most as usize
            } else {
                run.len()
            };
            run[..run.len().min(most)].concat()
        });
        let expected = kept.collect::<Vec<_>>().concat();
        assert!(texts.data()[start..end] == expected, "row {number}");
        let is_valid = texts.validity()[number / 8] >> (number % 8) & 1 == 1;
        assert_eq!(is_valid, row.is_some());
    }
}

/// The faults of squeezing and of searching a column.
pub(super) fn faults(column: &Column<'_>) -> [Option<Fault>; 2] {
    let rule = Rule::new(1, None).expect("not zero");
    let (mut walk, mut texts) = (Walk::default(), Texts::default());
    let squeezed = loop {
        match texts.squeeze(&mut walk, column, &rule) {
            Ok(true) => {}
            end => break end.err(),
        }
    };
    let (mut walk, mut runs) = (Walk::default(), Runs::of_rows());
    let found = loop {
        match RowSearch::new(&mut runs, 2, 0).advance(&mut walk, column) {
            Ok(true) => {}
            end => break end.err(),
        }
    };
    [squeezed, found]
}

/// Finds the runs of a column, and compares them with the definition.
pub(super) fn check_found(column: &Column<'_>, rows: &[Row], units: Units) {
    let least = 1 + rows.len() as u64 % 3;
    let (mut walk, mut runs) = (Walk::default(), Runs::of_rows());
    while RowSearch::new(&mut runs, least, 7)
        .advance(&mut walk, column)
        .expect("valid")
    {}
    let found = runs.slices();
    let all = found.rows.expect("rows").iter().zip(found.starts);
    let all = all.zip(found.lengths);
    let mut all = all.map(|((&row, &start), &length)| (row, start, length));
    for (number, row) in rows.iter().enumerate() {
        let mut start = 0;
        let units = units_of(row.as_deref().unwrap_or_default(), units);
        for run in units.chunk_by(|a, b| a == b) {
            let length = run.len() as i64;
            if run.len() as u64 >= least {
                assert_eq!(all.next(), Some((number as i64 + 7, start, length)));
            }
            start += length;
        }
    }
    assert_eq!(all.next(), None);
}

/// A walk through texts in which code points of all widths are side by side, in runs of one to four.
pub(super) struct Drawn(pub(super) u32);

impl Drawn {
    pub(super) fn number(&mut self, below: usize) -> usize {
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

    /// Rows of which one in seven is null.
    pub(super) fn rows(&mut self, number: usize, alphabet: &str, length: usize) -> Vec<Row> {
        let row = |_| {
            let text = self.text(alphabet, length);
            (self.number(7) > 0).then_some(text)
        };
        (0..number).map(row).collect()
    }
}
