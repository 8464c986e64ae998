//! Gives the target that the environment variable `DOUBLES_FUZZ` names to libFuzzer.
#![no_main]

use doubles_fuzz::{TARGETS, mutator};
use std::sync::LazyLock;

static CHECK: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("DOUBLES_FUZZ").unwrap_or_default();
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    let names = TARGETS.map(|(target, _)| target).join(", ");
    found
        .unwrap_or_else(|| panic!("DOUBLES_FUZZ is one of {names}"))
        .1
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| CHECK(data));

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(8) {
        mutator::expand(&mut data[..max_size], size, seed / 8)
    } else {
        libfuzzer_sys::fuzzer_mutate(data, size, max_size)
    }
});
