//! Every input of the corpus, through its target, without libFuzzer.

use doubles_fuzz::TARGETS;
use std::fs;

#[test]
fn each_input_of_the_corpus_passes() {
    for (name, check) in TARGETS {
        let folder = format!("{}/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut inputs = 0;
        for input in fs::read_dir(&folder).expect("each target has a corpus") {
            let path = input.expect("the folder is readable").path();
            println!("{}", path.display());
            check(&fs::read(&path).expect("a file"));
            inputs += 1;
        }
        assert!(inputs > 0, "{folder} is empty");
        check(&[]);
    }
    let folders = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"));
    let folders = folders.expect("the corpus is readable").count();
    assert_eq!(folders, TARGETS.len(), "no other folders");
}
