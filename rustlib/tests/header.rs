//! The committed header is what cbindgen makes of the exports; so is the list of them.

use doubles::ffi::doubles_status_message;
use std::collections::BTreeSet;
use std::ffi::CStr;
use std::path::Path;
use std::{env, fs};

/// Set (by `make header`), it makes this test write the header instead of comparing it.
const RENEW: &str = "DOUBLES_RENEW_HEADER";

#[test]
fn the_committed_header_is_current() {
    // cargo starts tests in the folder of their package.
    let root = Path::new(".");
    let mut header = Vec::new();
    cbindgen::generate(root)
        .expect("cbindgen reads the crate")
        .write(&mut header);
    let header = String::from_utf8(header).expect("cbindgen writes UTF-8");

    assert!(
        header.is_ascii(),
        "compilers differ in how they decode other text"
    );

    let committed = root.join("include/doubles.h");
    if env::var_os(RENEW).is_some() {
        fs::write(&committed, &header).expect("the header can be written");
    }
    let committed = fs::read_to_string(&committed).unwrap_or_default();
    assert!(
        header == committed,
        "include/doubles.h is out of date; `make header` renews it"
    );
}

/// What a caller compiles against, a declaration per line, without comments.
fn declarations() -> Vec<String> {
    let header = include_str!("../include/doubles.h");
    let (_, header) = header.split_once("#include <stdint.h>").expect("it does");
    let (constants, rest): (Vec<&str>, Vec<&str>) = header
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty() && *line != "extern \"C\" {")
        .partition(|line| line.starts_with('#'));
    let constants = constants
        .into_iter()
        .filter(|line| line.starts_with("#define"));
    // A declaration ends with a semicolon outside of its braces.
    let (mut declarations, mut depth) = (vec![String::new()], 0);
    for line in rest {
        let last = declarations.last_mut().expect("there is always one");
        last.push_str(if last.is_empty() { "" } else { " " });
        last.push_str(line);
        depth += line.matches('{').count() as i32 - line.matches('}').count() as i32;
        if depth == 0 && line.ends_with(';') {
            declarations.push(String::new());
        }
    }
    declarations.pop(); // The brace that ends `extern "C"`.
    constants.map(str::to_owned).chain(declarations).collect()
}

#[test]
fn the_abi_changes_with_its_version() {
    let committed = include_str!("exports.txt");
    let current = declarations().join("\n") + "\n";
    assert!(
        current == committed,
        "the ABI is no longer the one in tests/exports.txt. Raise DOUBLES_ABI_VERSION, unless it was \
         raised since the last release already, and make the same change there:\n{}",
        difference(committed, &current)
    );
}

#[test]
fn each_status_has_a_text_of_its_own() {
    let declarations = declarations();
    let statuses = declarations
        .iter()
        .find(|line| line.starts_with("typedef enum"));
    let numbers = statuses.expect("there is an enum").matches("= ").count() as i64;
    let message = |status| {
        // SAFETY: the library returns text that ends with zero and lives as long as it does.
        unsafe { CStr::from_ptr(doubles_status_message(status)) }
    };
    let texts: BTreeSet<_> = (-numbers..=0).map(message).collect();
    assert_eq!(texts.len() as i64, numbers + 1, "{texts:?}");
    assert_eq!(
        message(-numbers),
        message(i64::MIN),
        "one beyond the last status"
    );
    assert_eq!(message(12), message(0));
}

fn difference(before: &str, after: &str) -> String {
    let only = |sign, these: &str, others: &str| -> String {
        let lines = these.lines();
        let lines = lines.filter(|line| !others.lines().any(|other| other == *line));
        lines.map(|line| format!("{sign} {line}\n")).collect()
    };
    only('-', before, after) + &only('+', after, before)
}

/// Names of functions, types, enumerators and constants; not those of fields and parameters.
#[test]
fn every_name_begins_with_that_of_the_library() {
    let mut names = 0;
    for declaration in declarations() {
        let own = |name: &str| {
            ["doubles_", "Doubles", "DOUBLES_"]
                .iter()
                .any(|p| name.starts_with(p))
        };
        let name = if let Some(constant) = declaration.strip_prefix("#define ") {
            constant.split(' ').next()
        } else if declaration.starts_with("typedef") {
            declaration.trim_end_matches(';').rsplit(' ').next()
        } else {
            let before = declaration.split('(').next().expect("a function");
            before.rsplit([' ', '*']).next()
        };
        assert!(name.is_some_and(own), "{declaration}");
        if let Some((_, enumerators)) = declaration
            .split_once("typedef enum")
            .and_then(|(_, e)| e.split_once('{'))
        {
            let enumerators = enumerators.split([',', '}']).filter(|e| e.contains('='));
            enumerators.for_each(|e| assert!(own(e.trim()), "{e}"));
        }
        names += 1;
    }
    assert!(names > 20, "only {names} found");
}
