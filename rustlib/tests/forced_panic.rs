//! A panic in any export becomes a status, or NULL, and the next call works.
#![cfg(feature = "forced-panic")]

use doubles::ffi::guard::DoublesStatus;
use doubles::ffi::{
    columns, count, counts, doubles_num_threads, find, ladder, random, summary, tally,
};
use std::env;
use std::ptr::{null, null_mut};

/// These do nothing that could panic, and are not guarded.
const UNGUARDED: [&str; 3] = [
    "doubles_abi_version",
    "doubles_status_message",
    "doubles_kernel",
];

/// Calls exports, each with arguments that ask it for nothing, and returns their names and whether
/// each of them gave `$expected`.
macro_rules! call {
    ($($module:ident::$name:ident($($argument:expr),*) => $expected:expr),* $(,)?) => {
        // SAFETY: NULL is allowed everywhere, and no length is above zero.
        [$((stringify!($name), unsafe { $module::$name($($argument),*) } == $expected)),*]
    };
}

#[test]
#[expect(
    unused_unsafe,
    clippy::cmp_null,
    reason = "one macro for all signatures"
)]
fn every_export_survives() {
    // SAFETY: this is the only test of its process, so no other thread reads the environment.
    unsafe { env::set_var("DOUBLES_FORCE_PANIC", "1") };
    let panicked = DoublesStatus::Panicked as i64;
    let called = call! {
        columns::doubles_column_new() => null_mut(),
        columns::doubles_column_free(null_mut()) => (),
        columns::doubles_column_import_array(null_mut(), null_mut(), null_mut()) => panicked,
        columns::doubles_column_import_stream(null_mut(), null_mut()) => panicked,
        columns::doubles_column_import_padded(null_mut(), null(), 0, 0, 0, 0) => panicked,
        columns::doubles_column_schema(null()) => null(),
        columns::doubles_column_count(null_mut(), null_mut(), 0) => panicked,
        columns::doubles_column_tally(null_mut(), null_mut()) => panicked,
        columns::doubles_count_rows(null(), 0, null(), 0, null_mut()) => panicked,
        columns::doubles_column_fault(null(), null_mut()) => panicked,
        count::doubles_count_bytes(null(), 0, 0) => panicked,
        count::doubles_count_utf8(null(), 0, 0) => panicked,
        count::doubles_count_utf16(null(), 0, 0) => panicked,
        count::doubles_count_utf32(null(), 0, 0) => panicked,
        counts::doubles_counts_new() => null_mut(),
        counts::doubles_counts_free(null_mut()) => (),
        counts::doubles_counts_append(null_mut(), null(), null(), 0) => panicked,
        counts::doubles_counts_view(null(), null_mut()) => panicked,
        counts::doubles_counts_export(null(), 0, 0, null_mut(), null_mut()) => panicked,
        find::doubles_find_bytes(null_mut(), null(), 0, 0, null_mut(), 0) => panicked,
        find::doubles_find_utf8(null_mut(), null(), 0, 0, null_mut(), 0) => panicked,
        find::doubles_find_utf16(null_mut(), null(), 0, 0, null_mut(), 0) => panicked,
        find::doubles_find_utf32(null_mut(), null(), 0, 0, null_mut(), 0) => panicked,
        find::doubles_find_end(null(), 0, null_mut()) => panicked,
        find::doubles_write_runs(null(), 0, null(), 0, null(), 0, null_mut(), 0, null_mut()) => panicked,
        ladder::doubles_count_zip(null(), 0) => panicked,
        ladder::doubles_count_once(null(), 0) => panicked,
        ladder::doubles_count_once_bytes(null(), 0) => panicked,
        ladder::doubles_count_slice(null(), 0) => panicked,
        ladder::doubles_count_slice_parallel(null(), 0) => panicked,
        random::doubles_fill_random(null(), 0, null(), 0, 0, null_mut(), 0) => panicked,
        summary::doubles_update_bytes(null_mut(), null_mut(), null(), 0, 0) => panicked,
        summary::doubles_update_utf8(null_mut(), null_mut(), null(), 0, 0) => panicked,
        summary::doubles_update_utf16(null_mut(), null_mut(), null(), 0, 0) => panicked,
        summary::doubles_update_utf32(null_mut(), null_mut(), null(), 0, 0) => panicked,
        summary::doubles_merge(null_mut(), null_mut(), null()) => panicked,
        tally::doubles_tally_new() => null_mut(),
        tally::doubles_tally_free(null_mut()) => (),
        tally::doubles_tally_len(null()) => panicked,
        tally::doubles_tally_read(null(), null_mut(), null_mut(), 0) => panicked,
        tally::doubles_tally_add(null_mut(), null(), null(), 0) => panicked,
    };
    assert_eq!(doubles_num_threads(), panicked);
    // SAFETY: as above.
    unsafe { env::remove_var("DOUBLES_FORCE_PANIC") };

    for (name, as_expected) in called {
        assert!(as_expected, "{name}");
    }
    assert!(doubles_num_threads() > 0);
    let called: Vec<&str> = called.iter().map(|(name, _)| *name).collect();
    let mut others = UNGUARDED.to_vec();
    others.push("doubles_num_threads");
    for line in include_str!("exports.txt").lines() {
        let Some((declaration, _)) = line.split_once('(') else {
            continue;
        };
        if line.starts_with(['#', 't']) {
            continue; // A constant or a type.
        }
        let name = declaration.rsplit([' ', '*']).next().expect("a name");
        assert!(
            called.contains(&name) || others.contains(&name),
            "{name} is not tested"
        );
    }
}
