//! Finds inputs that are squeezed wrongly, and runs that are found, measured or collected wrongly.

use crate::oracle;
use doubles::chunks::Kind;
use doubles::find::Finder;
use doubles::longest::Longest;
use doubles::runs::Runs;
use doubles::squeeze::{Rule, Squeezer};

/// A run: units before it, units in it, and the unit.
type Run = (u64, u64, u32);

/// Each kind of units, and the bytes of a unit, at least.
const KINDS: [(Kind, usize); 4] = [
    (Kind::Bytes, 1),
    (Kind::Utf8, 1),
    (Kind::Utf16, 2),
    (Kind::Utf32, 4),
];

/// The first two bytes say how many units of a run are kept and where the others are cut, which are squeezed,
/// searched and measured.
pub fn check(data: &[u8]) {
    let (&[most, cut], data) = data.split_first_chunk().unwrap_or((&[1, 0], &[]));
    let most = u64::from(most % 8) + 1;
    // Cuts near the beginning, and in the middle of long inputs.
    let cut = (usize::from(cut) * (data.len() / 256 + 1)).min(data.len());
    for (kind, width) in KINDS {
        let parts = data.split_at(cut / width * width);
        match units(kind, data) {
            Some(units) => check_units(kind, parts, &units, most),
            None => check_refusal(parts),
        }
    }
}

/// The units of data; none if they are not valid.
fn units(kind: Kind, data: &[u8]) -> Option<Vec<u32>> {
    Some(match kind {
        Kind::Bytes => data.iter().map(|&byte| byte.into()).collect(),
        Kind::Utf8 => return oracle::whole(data),
        Kind::Utf16 => oracle::units16(data).into_iter().map(u32::from).collect(),
        Kind::Utf32 => oracle::units32(data),
    })
}

fn check_units(kind: Kind, parts: (&[u8], &[u8]), units: &[u32], most: u64) {
    for most in [1, most] {
        let kept = squeezed(kind, parts, most).expect("valid");
        let expected = oracle::squeezed(units, most);
        assert_eq!(self::units(kind, &kept), Some(expected), "{kind:?} {most}");
        let again = squeezed(kind, (&kept, &[]), most);
        assert_eq!(again.as_ref(), Some(&kept), "twice");
    }
    let all = oracle::runs(units);
    let mut longest = Longest::default();
    for part in [parts.0, parts.1] {
        assert!(longest.append(kind, part).is_ok());
    }
    let longest = (longest.start, longest.longest, longest.unit);
    let most_units = oracle::longest(units);
    let first = all.iter().find(|run| run.1 == most_units);
    assert_eq!(longest, first.copied().unwrap_or_default());
    for least in [1, 2, most] {
        let expected: Vec<Run> = all.iter().copied().filter(|run| run.1 >= least).collect();
        assert_eq!(found(kind, parts, least), expected, "{kind:?} {least}");
        assert_eq!(collected(kind, parts, least), expected, "{kind:?} {least}");
    }
}

/// Text that is not UTF-8, or ends within a code point, is refused by all.
fn check_refusal(parts: (&[u8], &[u8])) {
    let kind = Kind::Utf8;
    assert_eq!(squeezed(kind, parts, 1), None);
    let (mut longest, mut finder, mut collector) = Default::default();
    let (mut found, mut runs) = (Vec::new(), Runs::new());
    let [mut measures, mut finds, mut collects] = [true; 3];
    for part in [parts.0, parts.1] {
        measures = measures && Longest::append(&mut longest, kind, part).is_ok();
        finds = finds && Finder::append(&mut finder, kind, part, 2, |run| found.push(run)).is_ok();
        collects = collects && Finder::collect(&mut collector, kind, part, 2, &mut runs).is_ok();
    }
    assert!(!measures || longest.tail_len > 0);
    assert!(!finds || finder.tail_len > 0);
    assert!(!collects || collector.tail_len > 0);
}

/// What is left of data that arrives in two parts, with no more room than is promised; `None` if it is refused.
fn squeezed(kind: Kind, parts: (&[u8], &[u8]), most: u64) -> Option<Vec<u8>> {
    let rule = Rule::new(most, None).expect("not zero");
    let (mut squeezer, mut all) = (Squeezer::default(), Vec::new());
    for part in [parts.0, parts.1] {
        let mut out = vec![0; part.len() + usize::from(squeezer.tail_len)];
        let size = squeezer.append(kind, part, &rule, &mut out).ok()?;
        all.extend_from_slice(&out[..size]);
    }
    (squeezer.tail_len == 0).then_some(all)
}

fn found(kind: Kind, parts: (&[u8], &[u8]), least: u64) -> Vec<Run> {
    let (mut finder, mut found) = (Finder::default(), Vec::new());
    for part in [parts.0, parts.1] {
        let appended = finder.append(kind, part, least, |run| found.push(run));
        assert!(appended.is_ok());
    }
    let runs = found.into_iter().chain(finder.end(least));
    runs.map(|run| (run.start, run.length, run.unit)).collect()
}

fn collected(kind: Kind, parts: (&[u8], &[u8]), least: u64) -> Vec<Run> {
    let (mut finder, mut runs) = (Finder::default(), Runs::new());
    for part in [parts.0, parts.1] {
        assert_eq!(finder.collect(kind, part, least, &mut runs), Ok(()));
    }
    assert_eq!(finder.collect_end(least, &mut runs), Ok(()));
    let found = runs.slices();
    let columns = found.starts.iter().zip(found.lengths).zip(found.units);
    let runs = columns.map(|((&start, &length), &unit)| (start as u64, length as u64, unit));
    runs.collect()
}
