//! Finds inputs whose doubles are counted for the wrong unit, or not at all.

use crate::oracle;
use doubles::tally::Tally;

/// Tallies `data` as units of every kind that it holds.
pub fn check(data: &[u8]) {
    assert_eq!(
        tally(|tally| tally.add_units::<u8>(data)),
        oracle::tally(data)
    );
    let two = oracle::units16(data);
    assert_eq!(
        tally(|tally| tally.add_units::<u16>(data)),
        oracle::tally(&two)
    );
    let mut four = oracle::tally(&oracle::units32(data));
    four.retain(|&(unit, _)| unit <= 0x10_FFFF);
    assert_eq!(tally(|tally| tally.add_units::<u32>(data)), four);
    let found = tally(|tally| tally.add_utf8(data));
    if let Some(units) = oracle::whole(data) {
        assert_eq!(found, oracle::tally(&units));
    }
}

fn tally(fill: impl FnOnce(&mut Tally)) -> Vec<(u32, u64)> {
    let mut tally = Tally::new();
    fill(&mut tally);
    tally.iter().collect()
}
