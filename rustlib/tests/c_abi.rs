//! A C program needs `doubles.h` and the library, and nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

#[test]
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
    assert_eq!(run(&compile(&source)), "2\n");
}

#[test]
fn a_cpp_program_counts() {
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("from_cpp.cpp");
    let program = r#"#include "doubles.h"
        int main() { return doubles_count_bytes(nullptr, 0, 0) != DOUBLES_STATUS_OK; }"#;
    fs::write(&source, program).expect("the target directory is writable");
    run(&compile(&source));
}

/// Compiles `source` against the header and the cdylib that cargo has built beside this test.
fn compile(source: &Path) -> PathBuf {
    let library = library_directory();
    let stem = source.file_stem().expect("a source file");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(stem);
    let (variable, usual, standard) = match source.extension() {
        Some(extension) if extension == "cpp" => ("CXX", "c++", "-std=c++11"),
        _ => ("CC", "cc", "-std=c99"),
    };
    let compiler = env::var_os(variable).unwrap_or_else(|| usual.into());
    let status = Command::new(compiler)
        .args([
            standard,
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-Iinclude",
        ])
        .arg(source)
        .arg("-L")
        .arg(&library)
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .arg("-ldoubles")
        .arg("-o")
        .arg(&program)
        .status()
        .expect("a compiler runs");
    assert!(status.success(), "{} does not compile", source.display());
    program
}

/// Where cargo puts the cdylib for a test: beside the test itself, in target/<profile>/deps.
fn library_directory() -> PathBuf {
    let test = env::current_exe().expect("the test knows where it lies");
    test.parent().expect("a directory").to_owned()
}

fn run(program: &Path) -> String {
    let output = Command::new(program).output().expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).expect("the program prints UTF-8")
}
