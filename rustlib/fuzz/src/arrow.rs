//! Finds columns for which the exports read past what a producer hands over, count wrong, or release a
//! struct more or less often than once. Buffers end where they have to, so that AddressSanitizer sees each
//! byte too many.

use crate::oracle;
use crate::raw::{Expected, Layout, Raw};
use doubles::arrow::structs::{ArrowArray, ArrowSchema, ArrowStream};
use doubles::columns::{KeyKind, Units};
use doubles::ffi::guard::DoublesStatus;
use doubles::ffi::{columns, counts};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr::{self, null, null_mut};

/// Counts the column that `data` describes, once handed over as an array and once as a stream
/// of two equal arrays.
pub fn check(data: &[u8]) {
    let Ok(raw) = Raw::new(data) else {
        return; // Too short for a column.
    };
    // What is padded comes from NumPy, which has no streams.
    let is_padded = matches!(raw.layout, Layout::Padded { .. });
    for chunks in 1..=if is_padded { 1 } else { 2 } {
        count(&raw, chunks);
    }
}

fn count(raw: &Raw, chunks: usize) {
    let mut memory = Memory::default();
    let ledger = Ledger::default();
    // SAFETY: all structs are as the C data interface has them, their memory lives until the end of this
    // function, and each handle is freed once.
    unsafe {
        let column = import(raw, chunks, &mut memory, &ledger);
        let found = counts::doubles_counts_new();
        let status = loop {
            match columns::doubles_column_count(column, found, 0) {
                1 => {}
                status => break status,
            }
        };
        let (row, text) = fault(column);
        let expected = expected(raw, chunks);
        if status == 0 {
            assert!(expected.first().is_none() && !raw.is_malformed_within());
            assert_eq!(view(found), expected.values(oracle::count));
        } else if raw.is_malformed_within() {
            assert_eq!(status, DoublesStatus::MalformedColumn as i64);
            assert_eq!(row, None);
        } else {
            assert_fault(raw, chunks, &expected, status, row, &text);
        }
        counts::doubles_counts_free(found);
        columns::doubles_column_free(column);
    }
    assert_eq!(ledger.released, ledger.handed_over);
}

fn expected(raw: &Raw, chunks: usize) -> Expected {
    Expected::of(&raw.cells().repeat(chunks), raw.units())
}

fn assert_fault(
    raw: &Raw,
    chunks: usize,
    expected: &Expected,
    status: i64,
    row: Option<usize>,
    text: &[u8],
) {
    if status == DoublesStatus::InvalidUtf8 as i64 {
        assert_eq!(row, expected.invalid);
        let cells = raw.cells().repeat(chunks);
        let shown = row.map(|row| cells[row]);
        assert_eq!(shown, Some(crate::raw::Cell::Text(text)));
    } else {
        assert_eq!(status, DoublesStatus::MalformedColumn as i64);
        assert!(row.is_some() && row == expected.malformed);
    }
}

/// # Safety
///
/// `column` is a live column.
unsafe fn fault(column: *const columns::DoublesColumn) -> (Option<usize>, Vec<u8>) {
    // SAFETY: the column is live, and the text lives until it is used.
    unsafe {
        let mut fault = columns::DoublesFault {
            row: 0,
            code: 0,
            message: null(),
            text: null(),
            text_len: 0,
            text_start: 0,
        };
        assert_eq!(columns::doubles_column_fault(column, &raw mut fault), 0);
        let text = match fault.text_len {
            0 => Vec::new(),
            length => std::slice::from_raw_parts(fault.text, length).to_vec(),
        };
        (usize::try_from(fault.row).ok(), text)
    }
}

/// # Safety
///
/// `counts` are live.
unsafe fn view(counts: *const counts::DoublesCounts) -> Vec<i64> {
    // SAFETY: the counts are live, and their memory is read before anyone changes them.
    unsafe {
        let mut view = counts::DoublesCountsView {
            values: null(),
            validity: null(),
            length: 0,
            null_count: 0,
        };
        assert_eq!(counts::doubles_counts_view(counts, &raw mut view), 0);
        match view.length {
            0 => Vec::new(),
            length => std::slice::from_raw_parts(view.values, length).to_vec(),
        }
    }
}

/// What the structs point to.
#[derive(Default)]
struct Memory {
    #[expect(clippy::vec_box, reason = "pointers to them stay valid")]
    schemas: Vec<Box<ArrowSchema>>,
    #[expect(clippy::vec_box, reason = "pointers to them stay valid")]
    arrays: Vec<Box<ArrowArray>>,
    buffer_lists: Vec<Box<[*const c_void]>>,
    lengths: Vec<Vec<i64>>,
    texts: Vec<CString>,
    producer: Option<Box<Producer>>,
}

/// What a stream gives.
struct Producer {
    schema: ArrowSchema,
    array: ArrowArray,
    arrays_left: usize,
    ledger: *const Ledger,
}

/// How many structs were handed over, and how many came back.
#[derive(Default)]
struct Ledger {
    handed_over: Cell<usize>,
    released: Cell<usize>,
}

fn add_one(number: &Cell<usize>) {
    number.set(number.get() + 1);
}

/// # Safety
///
/// `raw` and `memory` live longer than the column.
unsafe fn import(
    raw: &Raw,
    chunks: usize,
    memory: &mut Memory,
    ledger: &Ledger,
) -> *mut columns::DoublesColumn {
    let column = columns::doubles_column_new();
    if let Layout::Padded { units, width, data } = &raw.layout {
        let unit = if *units == Units::Utf32 { 4 } else { 1 };
        let first = data.as_ptr();
        // SAFETY: the rows are in `data`, which lives longer than the column: the caller promises it.
        let status = unsafe {
            columns::doubles_column_import_padded(column, first, raw.length, *width, unit)
        };
        assert_eq!(status, 0);
        return column;
    }
    let mut schema = schema(raw, memory, ledger);
    let mut array = array(raw, memory, ledger);
    // SAFETY: the structs are as the C data interface has them, and the caller's word on their memory.
    let status = unsafe {
        if chunks == 1 {
            add_one(&ledger.handed_over);
            add_one(&ledger.handed_over);
            let imported =
                columns::doubles_column_import_array(column, &raw mut schema, &raw mut array);
            assert!(schema.release.is_none() && array.release.is_none());
            imported
        } else {
            add_one(&ledger.handed_over);
            let producer = memory.producer.insert(Box::new(Producer {
                schema,
                array,
                arrays_left: chunks,
                ledger,
            }));
            let mut stream = ArrowStream {
                get_schema: Some(get_schema),
                get_next: Some(get_next),
                get_last_error: None,
                release: Some(release_stream),
                private_data: ptr::from_mut(producer.as_mut()).cast(),
            };
            let imported = columns::doubles_column_import_stream(column, &raw mut stream);
            assert!(stream.release.is_none());
            imported
        }
    };
    assert_eq!(status, 0);
    column
}

/// # Safety
///
/// `stream` is one of `import`'s.
unsafe fn producer<'a>(stream: *mut ArrowStream) -> &'a mut Producer {
    // SAFETY: the private data of such a stream is the producer, which nobody else uses during the call.
    unsafe { &mut *(*stream).private_data.cast() }
}

unsafe extern "C" fn get_schema(stream: *mut ArrowStream, out: *mut ArrowSchema) -> c_int {
    // SAFETY: a stream of `import`'s, and a place for a schema. It is handed over once.
    unsafe {
        let producer = producer(stream);
        add_one(&(*producer.ledger).handed_over);
        ptr::write(out, ptr::read(&raw const producer.schema));
    }
    0
}

unsafe extern "C" fn get_next(stream: *mut ArrowStream, out: *mut ArrowArray) -> c_int {
    // SAFETY: a stream of `import`'s, and a place for an array. Equal arrays share memory that is not freed
    // when they are released.
    unsafe {
        let producer = producer(stream);
        ptr::write(out, ptr::read(&raw const producer.array));
        if producer.arrays_left == 0 {
            (*out).release = None;
        } else {
            producer.arrays_left -= 1;
            add_one(&(*producer.ledger).handed_over);
        }
    }
    0
}

unsafe extern "C" fn release_stream(stream: *mut ArrowStream) {
    // SAFETY: a stream of `import`'s, which counts releases.
    unsafe {
        add_one(&(*producer(stream).ledger).released);
        (*stream).release = None;
    }
}

unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    // SAFETY: one of ours, with the ledger as its private data.
    unsafe {
        add_one(&(*(*schema).private_data.cast::<Ledger>()).released);
        (*schema).release = None;
    }
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: one of ours, with the ledger as its private data.
    unsafe {
        add_one(&(*(*array).private_data.cast::<Ledger>()).released);
        (*array).release = None;
    }
}

fn letter(kind: KeyKind) -> &'static CStr {
    match kind {
        KeyKind::I8 => c"c",
        KeyKind::U8 => c"C",
        KeyKind::I16 => c"s",
        KeyKind::U16 => c"S",
        KeyKind::I32 => c"i",
        KeyKind::U32 => c"I",
        KeyKind::I64 => c"l",
        KeyKind::U64 => c"L",
    }
}

fn schema(raw: &Raw, memory: &mut Memory, ledger: &Ledger) -> ArrowSchema {
    let is_text = raw.units() == Units::Utf8;
    let mut dictionary = null_mut();
    let format = match &raw.layout {
        Layout::Null => c"n".into(),
        Layout::Offsets { offsets, .. } => match (offsets.kind.width(), is_text) {
            (4, true) => c"u".into(),
            (4, false) => c"z".into(),
            (_, true) => c"U".into(),
            (_, false) => c"Z".into(),
        },
        Layout::Views { .. } => if is_text { c"vu" } else { c"vz" }.into(),
        Layout::Fixed { width, .. } => CString::new(format!("w:{width}")).expect("no zero"),
        Layout::Padded { .. } => unreachable!("it has no Arrow type"),
        Layout::Dictionary { keys, entries } => {
            let entries = schema(entries, memory, ledger);
            dictionary = keep_schema(entries, memory);
            letter(keys.kind).into()
        }
    };
    memory.texts.push(format);
    ArrowSchema {
        format: memory.texts.last().expect("pushed").as_ptr(),
        dictionary,
        ..plain_schema(ledger)
    }
}

fn plain_schema(ledger: &Ledger) -> ArrowSchema {
    ArrowSchema {
        format: null(),
        name: null(),
        metadata: null(),
        flags: 2,
        n_children: 0,
        children: null_mut(),
        dictionary: null_mut(),
        release: Some(release_schema),
        private_data: ptr::from_ref(ledger).cast_mut().cast(),
    }
}

fn keep_schema(schema: ArrowSchema, memory: &mut Memory) -> *mut ArrowSchema {
    memory.schemas.push(Box::new(schema));
    &raw mut **memory.schemas.last_mut().expect("pushed")
}

fn array(raw: &Raw, memory: &mut Memory, ledger: &Ledger) -> ArrowArray {
    let pointer = |bytes: &[u8]| bytes.as_ptr().cast::<c_void>();
    let validity = raw.validity.as_ref().map_or(null(), |bits| pointer(bits));
    let mut dictionary = null_mut();
    let buffers = match &raw.layout {
        Layout::Null => vec![],
        Layout::Offsets { offsets, data, .. } => {
            vec![validity, pointer(&offsets.bytes), pointer(data)]
        }
        Layout::Views { views, buffers, .. } => {
            let mut all = vec![validity, pointer(views.as_flattened())];
            all.extend(buffers.iter().map(|buffer| pointer(buffer)));
            let lengths = buffers.iter().map(|buffer| buffer.len() as i64);
            memory.lengths.push(lengths.collect());
            all.push(memory.lengths.last().expect("pushed").as_ptr().cast());
            all
        }
        Layout::Fixed { data, .. } => vec![validity, pointer(data)],
        Layout::Padded { .. } => unreachable!("it has no Arrow type"),
        Layout::Dictionary { keys, entries } => {
            let entries = array(entries, memory, ledger);
            dictionary = keep_array(entries, memory);
            vec![validity, pointer(&keys.bytes)]
        }
    };
    let n_buffers = buffers.len() as i64;
    let buffers = keep_buffers(buffers, memory);
    ArrowArray {
        length: raw.length as i64,
        null_count: -1,
        offset: raw.before as i64,
        n_buffers,
        buffers,
        dictionary,
        ..plain_array(ledger)
    }
}

fn plain_array(ledger: &Ledger) -> ArrowArray {
    ArrowArray {
        length: 0,
        null_count: 0,
        offset: 0,
        n_buffers: 0,
        n_children: 0,
        buffers: null_mut(),
        children: null_mut(),
        dictionary: null_mut(),
        release: Some(release_array),
        private_data: ptr::from_ref(ledger).cast_mut().cast(),
    }
}

fn keep_array(array: ArrowArray, memory: &mut Memory) -> *mut ArrowArray {
    memory.arrays.push(Box::new(array));
    &raw mut **memory.arrays.last_mut().expect("pushed")
}

fn keep_buffers(buffers: Vec<*const c_void>, memory: &mut Memory) -> *mut *const c_void {
    memory.buffer_lists.push(buffers.into());
    memory.buffer_lists.last_mut().expect("pushed").as_mut_ptr()
}
