//! A panic in any export, or in a thread of the pool while it runs, becomes a status, or NULL, and the next
//! call works. The calls are generated from the header's declarations.
#![cfg(feature = "forced-panic")]

mod program;

use program::{Export, compile, exports, last_word, run};
use std::fs;
use std::path::Path;

/// A program that makes the calls while `DOUBLES_FORCE_PANIC` is `value`, and then a usual one.
fn program(name: &str, value: &str, calls: &str) -> String {
    let text = format!(
        r#"
#define _GNU_SOURCE
#include "doubles.h"
#include <stdio.h>
#include <stdlib.h>

/* Enough to be split. */
#define SIZE ((size_t)8 << 20)

static int failed;

static void expect(const char *name, int as_expected) {{
    if (!as_expected) {{
        fprintf(stderr, "%s: no panic came through\n", name);
        failed = 1;
    }}
}}

int main(void) {{
    static uint8_t data[SIZE], out[SIZE];
    DoublesSummary summary = {{0}};
    setenv("DOUBLES_NUM_THREADS", "3", 1);
    DoublesColumn *column = doubles_column_new();
    DoublesCounts *counts = doubles_counts_new();
    expect("import", doubles_column_import_padded(column, data, SIZE / 16, 16, 1) == 0);
    setenv("DOUBLES_FORCE_PANIC", "{value}", 1);
    {calls}
    unsetenv("DOUBLES_FORCE_PANIC");
    (void)out, (void)summary;
    doubles_counts_free(counts);
    doubles_column_free(column);
    expect("after", doubles_count_bytes(data, SIZE, 0) == (int64_t)SIZE - 1);
    return failed;
}}
"#
    );
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&source, text).expect("the target directory is writable");
    let output = run(&compile(&source));
    output.stderr
}

#[test]
fn every_export_survives_a_panic() {
    let mut calls = String::new();
    let (mut guarded, all) = (0, exports());
    let number = all.len();
    for Export {
        returned,
        name,
        parameters,
    } in all
    {
        // NULL is allowed everywhere, and no length is above zero.
        let call = format!("{name}({})", vec!["0"; parameters.len()].join(", "));
        calls += &match returned {
            "int64_t" => format!("expect(\"{name}\", {call} == DOUBLES_STATUS_PANICKED);\n"),
            "void" => format!("{call};\n"),
            // Constants and constant texts: nothing in there could panic.
            "uint32_t" | "const char *" => {
                calls += &format!("expect(\"{name}\", {call} != 0);\n");
                continue;
            }
            _ => format!("expect(\"{name}\", {call} == NULL);\n"),
        };
        guarded += 1;
    }
    assert!(guarded > 30, "only {guarded} found");
    let said = program("forced_panic.c", "1", &calls);
    assert_eq!(
        said.matches("forced by DOUBLES_FORCE_PANIC").count(),
        guarded
    );
    println!("{guarded} of {number} exports survived a panic"); // `make trust` reads it.
}

#[test]
fn every_export_that_uses_the_pool_survives_a_panic_there() {
    let argument = |parameter| match parameter {
        "alphabet" => "data",
        "alphabet_len" => "1",
        "column" => "column",
        "counts" => "counts",
        "data" | "key" => "data",
        "first_block" | "threads" | "tally" => "0",
        "len" | "out_len" => "SIZE",
        "out" => "out",
        "summary" => "&summary",
        _ => panic!("what is a {parameter}?"),
    };
    let mut calls = String::new();
    let mut found = 0;
    for export in exports() {
        let declared = |name| export.parameters.iter().any(|p| last_word(p) == name);
        if declared("threads") || export.name.ends_with("_parallel") {
            let parameters = export.parameters.into_iter().map(last_word);
            let arguments: Vec<&str> = parameters.map(argument).collect();
            let (name, arguments) = (export.name, arguments.join(", "));
            calls +=
                &format!("expect(\"{name}\", {name}({arguments}) == DOUBLES_STATUS_PANICKED);\n");
            found += 1;
        }
    }
    assert!(found > 8, "only {found} found");
    let said = program("forced_panic_in_the_pool.c", "pool", &calls);
    assert_eq!(said.matches("thread 'doubles-").count(), found);
    println!("{found} exports survived a panic in the pool");
}
