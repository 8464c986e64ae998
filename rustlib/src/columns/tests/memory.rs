//! Rows in memory, and what their counts have to be.

use super::super::*;

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

/// Measures rows in all layouts, as text and as bytes.
pub(super) fn check(rows: &[Row]) {
    let memory = Memory::new(rows);
    for (units, measure) in [Units::Utf8, Units::Bytes]
        .into_iter()
        .flat_map(|units| BOTH.map(|measure| (units, measure)))
    {
        let expected = Ok(expected(measure, rows, units));
        for column in memory.columns(units) {
            assert!(
                measured(measure, &column, Some(1)) == expected,
                "{measure:?}, {units:?}, {} rows",
                rows.len()
            );
        }
    }
}

/// A walk through texts in which code points of all widths are side by side, in runs of one to four.
pub(super) struct Texts(pub(super) u32);

impl Texts {
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
