//! The committed header is what cbindgen makes of the exports.

use std::path::Path;
use std::{env, fs};

/// Set (by `make header`), it makes this test write the header instead of comparing it.
const RENEW: &str = "DOUBLES_RENEW_HEADER";

#[test]
fn the_committed_header_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut header = Vec::new();
    cbindgen::generate(root)
        .expect("cbindgen reads the crate")
        .write(&mut header);
    let header = String::from_utf8(header).expect("cbindgen writes UTF-8");

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
