//! Finds inputs that are squeezed wrongly, and runs that are found, measured or collected wrongly.

use crate::oracle;
use doubles::find::{Finder, Uncollected};
use doubles::longest::Longest;
use doubles::runs::Runs;
use doubles::squeeze::{Rule, Squeezer};

/// A run: units before it, units in it, and the unit.
type Run = (u64, u64, u32);

/// The library's functions for one kind of units.
struct Kind {
    name: &'static str,
    /// Bytes of a unit, at least.
    width: usize,
    squeeze: fn(&mut Squeezer, &[u8], &Rule<'_>, &mut [u8]) -> Option<usize>,
    measure: fn(&mut Longest, &[u8]) -> bool,
    find: fn(&mut Finder, &[u8], u64, &mut Vec<Run>) -> bool,
    collect: fn(&mut Finder, &[u8], u64, &mut Runs) -> Result<(), Uncollected>,
}

macro_rules! fixed {
    ($name:literal, $width:literal, $append:ident, $collect:ident) => {
        Kind {
            name: $name,
            width: $width,
            squeeze: |squeezer, data, rule, out| Some(squeezer.$append(data, rule, out)),
            measure: |longest, data| {
                longest.$append(data);
                true
            },
            find: |finder, data, least, runs| {
                finder.$append(data, least, |run| {
                    runs.push((run.start, run.length, run.unit))
                });
                true
            },
            collect: Finder::$collect,
        }
    };
}

const FIXED: [Kind; 3] = [
    fixed!("bytes", 1, append_bytes, collect_bytes),
    fixed!("utf16", 2, append_utf16, collect_utf16),
    fixed!("utf32", 4, append_utf32, collect_utf32),
];

const UTF8: Kind = Kind {
    name: "utf8",
    width: 1,
    squeeze: |squeezer, text, rule, out| squeezer.append_utf8(text, rule, out).ok(),
    measure: |longest, text| longest.append_utf8(text).is_ok(),
    find: |finder, text, least, runs| {
        let found = |run: doubles::find::Run| runs.push((run.start, run.length, run.unit));
        finder.append_utf8(text, least, found).is_ok()
    },
    collect: Finder::collect_utf8,
};

/// The first two bytes say how many units of a run are kept and where the others are cut, which are squeezed,
/// searched and measured.
pub fn check(data: &[u8]) {
    let (&[most, cut], data) = data.split_first_chunk().unwrap_or((&[1, 0], &[]));
    let most = u64::from(most % 8) + 1;
    // Cuts near the beginning, and in the middle of long inputs.
    let cut = (usize::from(cut) * (data.len() / 256 + 1)).min(data.len());
    let units: Vec<u32> = data.iter().map(|&byte| byte.into()).collect();
    FIXED[0].check(data, &units, most, cut);
    let units: Vec<u32> = oracle::units16(data).into_iter().map(u32::from).collect();
    FIXED[1].check(&data[..data.len() / 2 * 2], &units, most, cut);
    FIXED[2].check(
        &data[..data.len() / 4 * 4],
        &oracle::units32(data),
        most,
        cut,
    );
    match oracle::whole(data) {
        Some(units) => UTF8.check(data, &units, most, cut),
        None => UTF8.check_refusal(data, cut),
    }
}

/// The definition: maximal stretches of equal units.
fn runs(units: &[u32]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (start, &unit) in (0..).zip(units) {
        match runs.last_mut() {
            Some((_, length, last)) if *last == unit => *length += 1,
            _ => runs.push((start, 1, unit)),
        }
    }
    runs
}

impl Kind {
    fn check(&self, data: &[u8], units: &[u32], most: u64, cut: usize) {
        let cut = (cut / self.width * self.width).min(data.len());
        let all = runs(units);
        let kept = |most| {
            let kept = all
                .iter()
                .flat_map(|&(_, length, unit)| vec![unit; length.min(most) as usize]);
            kept.collect::<Vec<_>>()
        };
        for most in [1, most] {
            let squeezed = self.squeezed(data, most, cut).expect("valid");
            assert_eq!(
                self.units(&squeezed),
                kept(most),
                "{} {most} {cut}",
                self.name
            );
            assert_eq!(
                self.squeezed(&squeezed, most, 0),
                Some(squeezed.clone()),
                "twice"
            );
            assert!(self.longest(&squeezed, 0).1 <= most);
            if most == 1 {
                let shorter = (units.len() - self.units(&squeezed).len()) as u64;
                assert_eq!(shorter, oracle::count(units));
            }
        }
        let longest = self.longest(data, cut);
        assert_eq!(longest.1, all.iter().map(|run| run.1).max().unwrap_or(0));
        let first = all.iter().find(|run| run.1 == longest.1);
        assert_eq!(longest, first.copied().unwrap_or_default());
        for least in [1, 2, most] {
            let expected: Vec<Run> = all.iter().copied().filter(|run| run.1 >= least).collect();
            assert_eq!(
                self.found(data, least, cut),
                expected,
                "{} {least} {cut}",
                self.name
            );
            assert_eq!(
                self.collected(data, least, cut),
                expected,
                "{} {least} {cut}",
                self.name
            );
        }
    }

    /// Text that is not UTF-8, or ends within a code point, is refused by all.
    fn check_refusal(&self, data: &[u8], cut: usize) {
        assert_eq!(self.squeezed(data, 1, cut), None);
        let (mut longest, mut finder, mut collector) = Default::default();
        let (mut found, mut runs) = (Vec::new(), Runs::new());
        let [mut measures, mut finds, mut collects] = [true; 3];
        for part in [&data[..cut], &data[cut..]] {
            measures = measures && (self.measure)(&mut longest, part);
            finds = finds && (self.find)(&mut finder, part, 2, &mut found);
            collects = collects && (self.collect)(&mut collector, part, 2, &mut runs).is_ok();
        }
        assert!(!measures || longest.tail_len > 0);
        assert!(!finds || finder.tail_len > 0);
        assert!(!collects || collector.tail_len > 0);
    }

    fn units(&self, data: &[u8]) -> Vec<u32> {
        match self.name {
            "bytes" => data.iter().map(|&byte| byte.into()).collect(),
            "utf16" => oracle::units16(data).into_iter().map(u32::from).collect(),
            "utf32" => oracle::units32(data),
            _ => oracle::whole(data).expect("squeezed text is text"),
        }
    }

    /// What is left of data that arrives in two parts, with no more room than is promised; `None` if it is refused.
    fn squeezed(&self, data: &[u8], most: u64, cut: usize) -> Option<Vec<u8>> {
        let rule = Rule::new(most, None).expect("not zero");
        let (mut squeezer, mut all) = (Squeezer::default(), Vec::new());
        for part in [&data[..cut], &data[cut..]] {
            let mut out = vec![0; part.len() + usize::from(squeezer.tail_len)];
            let size = (self.squeeze)(&mut squeezer, part, &rule, &mut out)?;
            all.extend_from_slice(&out[..size]);
        }
        (squeezer.tail_len == 0).then_some(all)
    }

    fn longest(&self, data: &[u8], cut: usize) -> Run {
        let mut longest = Longest::default();
        for part in [&data[..cut], &data[cut..]] {
            assert!((self.measure)(&mut longest, part));
        }
        (longest.start, longest.longest, longest.unit)
    }

    fn found(&self, data: &[u8], least: u64, cut: usize) -> Vec<Run> {
        let (mut finder, mut found) = (Finder::default(), Vec::new());
        for part in [&data[..cut], &data[cut..]] {
            assert!((self.find)(&mut finder, part, least, &mut found));
        }
        let last = finder.end(least);
        found.extend(last.map(|run| (run.start, run.length, run.unit)));
        found
    }

    fn collected(&self, data: &[u8], least: u64, cut: usize) -> Vec<Run> {
        let (mut finder, mut runs) = (Finder::default(), Runs::new());
        for part in [&data[..cut], &data[cut..]] {
            assert_eq!((self.collect)(&mut finder, part, least, &mut runs), Ok(()));
        }
        assert_eq!(finder.collect_end(least, &mut runs), Ok(()));
        let found = runs.slices();
        let columns = found.starts.iter().zip(found.lengths).zip(found.units);
        columns
            .map(|((&start, &length), &unit)| (start as u64, length as u64, unit))
            .collect()
    }
}
