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

/// An export, as the header declares it.
pub(crate) struct Export {
    pub(crate) returned: &'static str,
    pub(crate) name: &'static str,
    pub(crate) parameters: Vec<&'static str>,
}

/// All of them. `tests/header.rs` compares the list with the header.
pub(crate) fn exports() -> Vec<Export> {
    let declarations = include_str!("../exports.txt").lines();
    let functions =
        declarations.filter(|line| !line.starts_with("#define ") && !line.starts_with("typedef "));
    functions
        .map(|line| {
            let (declared, parameters) = line.split_once('(').expect("a function");
            let end = declared.rfind([' ', '*']).expect("a type and a name") + 1;
            let parameters = parameters.trim_end_matches(");").split(", ");
            Export {
                returned: declared[..end].trim(),
                name: &declared[end..],
                parameters: parameters
                    .filter(|parameter| *parameter != "void")
                    .collect(),
            }
        })
        .collect()
}

/// The name of a declared parameter.
pub(crate) fn last_word(declared: &'static str) -> &'static str {
    declared.rsplit([' ', '*']).next().expect("a name")
}
