//! A C program needs `doubles.h` and the library, and nothing else.

mod program;

use program::{compile, exports, last_word, run};
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
#[cfg_attr(windows, ignore = "there is no cc")]
fn a_c_program_counts() {
    let program = compile(Path::new("tests/c_abi.c"));
    run(&program);
}

/// What a call is given for a parameter: a handle, zeros, or a length that fits both.
fn argument(export: &str, parameter: &'static str) -> &'static str {
    match (parameter, last_word(parameter)) {
        (handle, name) if HANDLES.iter().any(|kind| handle.contains(kind)) => name,
        (pointer, _) if pointer.contains('*') => "(void *)zeros",
        (_, "start") => "0",
        (_, "len") if export.ends_with("_export") => "0",
        (_, "out_len" | "runs_len") => "64",
        (_, "glyphs_len") => "DOUBLES_GLYPH_LENGTH",
        (_, "format") => "'z'",
        _ => "1",
    }
}

const HANDLES: [&str; 5] = [
    "DoublesColumn *",
    "DoublesCounts *",
    "DoublesRuns *",
    "DoublesTally *",
    "DoublesTexts *",
];

/// Where NULL has a meaning, as the header says.
fn may_be_null(export: &str, parameter: &str) -> bool {
    matches!(parameter, "only" | "validity")
        || parameter == "tally" && !export.starts_with("doubles_tally")
        || parameter == "rows" && export == "doubles_runs_append"
}

#[test]
#[cfg_attr(windows, ignore = "there is no cc")]
fn every_other_pointer_that_is_null_is_an_error() {
    let (mut calls, mut number) = (String::new(), 0);
    for export in exports().iter().filter(|e| e.returned == "int64_t") {
        let name = export.name;
        for null in export.parameters.iter().filter(|p| p.contains('*')) {
            if may_be_null(name, last_word(null)) {
                continue;
            }
            let arguments = export.parameters.iter().map(|parameter| match parameter {
                parameter if parameter == null => "NULL",
                parameter => argument(name, parameter),
            });
            let arguments = arguments.collect::<Vec<_>>().join(", ");
            calls += &format!("expect(\"{name}({arguments})\", {name}({arguments}));\n");
            number += 1;
        }
    }
    assert!(number > 100, "only {number} found");
    let program = format!(
        r#"
#include "doubles.h"
#include <stdio.h>

static int failed;

static void expect(const char *call, int64_t status) {{
    if (status != DOUBLES_STATUS_NULL_POINTER) {{
        fprintf(stderr, "%s: %d\n", call, (int)status);
        failed = 1;
    }}
}}

int main(void) {{
    static uint64_t zeros[64];
    DoublesColumn *column = doubles_column_new();
    DoublesCounts *counts = doubles_counts_new();
    DoublesRuns *runs = doubles_runs_new(1);
    DoublesTally *tally = doubles_tally_new();
    DoublesTexts *texts = doubles_texts_new();
    {calls}
    doubles_column_free(column), doubles_column_free(NULL);
    doubles_counts_free(counts), doubles_counts_free(NULL);
    doubles_runs_free(runs), doubles_runs_free(NULL);
    doubles_tally_free(tally), doubles_tally_free(NULL);
    doubles_texts_free(texts), doubles_texts_free(NULL);
    return failed;
}}
"#
    );
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("null.c");
    fs::write(&source, program).expect("the target directory is writable");
    run(&compile(&source));
}

#[cfg(target_os = "linux")]
#[test]
fn forked_children_count() {
    let program = compile(Path::new("tests/fork.c"));
    run(&program);
}

#[test]
#[cfg_attr(windows, ignore = "there is no cc")]
fn the_example_in_the_header_compiles_and_prints_its_answer() {
    let header = fs::read_to_string("include/doubles.h").expect("the header is committed");
    let example: String = header
        .lines()
        .skip_while(|line| !line.contains("#include \"doubles.h\""))
        .take_while(|line| line.starts_with(" *     ") || *line == " *")
        .map(|line| format!("{}\n", line.get(7..).unwrap_or_default()))
        .collect();
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("header_example.c");
    fs::write(&source, example).expect("the target directory is writable");
    assert_eq!(run(&compile(&source)).stdout, "2\n");
}

#[test]
#[cfg_attr(windows, ignore = "there is no cc")]
fn the_environment_chooses_the_kernel_and_the_number_of_threads() {
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("settings.c");
    let program = r#"#include "doubles.h"
        #include <stdio.h>
        int main(void) { return printf("%s %d", doubles_kernel(), (int)doubles_num_threads()) < 0; }"#;
    fs::write(&source, program).expect("the target directory is writable");
    let settings = [("DOUBLES_KERNEL", "portable"), ("DOUBLES_NUM_THREADS", "3")];
    let output = Command::new(compile(&source)).envs(settings).output();
    let output = output.expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "portable 3");
}

#[test]
#[cfg_attr(windows, ignore = "there is no cc")]
fn a_cpp_program_counts() {
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("from_cpp.cpp");
    let program = r#"#include "doubles.h"
        int main() { return doubles_count_bytes(nullptr, 0, 0) != DOUBLES_STATUS_OK; }"#;
    fs::write(&source, program).expect("the target directory is writable");
    run(&compile(&source));
}
