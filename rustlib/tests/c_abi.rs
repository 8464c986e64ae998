//! A C program needs `doubles.h` and the library, and nothing else.

mod program;

use program::{compile, run};
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
#[cfg_attr(windows, ignore = "there is no cc")]
fn a_c_program_counts() {
    let program = compile(Path::new("tests/c_abi.c"));
    run(&program);
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
