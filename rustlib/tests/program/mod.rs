//! C and C++ programs that use the library.
#![allow(dead_code, reason = "no test uses all of it")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `source` against the header and the cdylib that cargo has built beside this test.
pub(crate) fn compile(source: &Path) -> PathBuf {
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
    let test = env::current_exe().expect("the test knows its path");
    test.parent().expect("a directory").to_owned()
}

/// What a program printed.
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program, which has to succeed.
pub(crate) fn run(program: &Path) -> Output {
    let output = Command::new(program).output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{}: {stderr}", output.status);
    Output { stdout, stderr }
}
