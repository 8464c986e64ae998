//! Finds cuts of an input after which its summaries, merged in any order, are not that of the whole, or its
//! tallies do not add up.

use crate::oracle::{self, Rest};
use arbitrary::Unstructured;
use doubles::code_points::InvalidUtf8;
use doubles::summary::Summary;
use doubles::tally::Tally;
use doubles::text_summary::{Fragment, TextSummary};

/// Parts of an input, at most.
const PARTS: usize = 8;

/// The end of `data` says what the units are, where to cut and what to merge first; the rest is the input.
pub fn check(data: &[u8]) {
    let (input, choices) = data.split_at(data.len() - data.len().min(2 * PARTS));
    let mut choices = Unstructured::new(choices);
    let mut choose = |most: usize| choices.int_in_range(0..=most).unwrap_or(0);
    let width = [0, 1, 2, 4][choose(3)]; // 0 is UTF-8.
    let input = &input[..input.len() / usize::max(width, 1) * usize::max(width, 1)];
    let mut cuts = vec![0, input.len()];
    for _ in 0..choose(PARTS - 1) {
        let cut = choose(input.len());
        cuts.push(cut - cut % usize::max(width, 1));
    }
    cuts.sort_unstable();

    let mut tally = Tally::new();
    let merged = merge(input, &cuts, width, &mut tally, &mut choose);
    let expected = expected(input, width);
    match (merged, expected) {
        (Ok(merged), Ok((summary, units))) => {
            assert_eq!(merged, summary);
            assert_eq!(tally.iter().collect::<Vec<_>>(), units);
        }
        (merged, expected) => assert_eq!(merged.err(), expected.err()),
    }
}

fn merge(
    input: &[u8],
    cuts: &[usize],
    width: usize,
    tally: &mut Tally,
    choose: &mut impl FnMut(usize) -> usize,
) -> Result<TextSummary, InvalidUtf8> {
    let mut parts = Vec::new();
    for cut in cuts.windows(2) {
        let part = &input[cut[0]..cut[1]];
        let mut summary = TextSummary::EMPTY;
        match width {
            0 => summary.append_utf8(part, Some(tally), None),
            1 => summary.append_units::<u8>(part, Some(tally), None),
            2 => summary.append_units::<u16>(part, Some(tally), None),
            _ => summary.append_units::<u32>(part, Some(tally), None),
        }?;
        parts.push(summary);
    }
    while parts.len() > 1 {
        let left = choose(parts.len() - 2);
        let right = parts.remove(left + 1);
        parts[left].append_summary(right, Some(tally))?;
    }
    Ok(parts[0])
}

/// The summary and the tally of the whole, which may begin and end within a code point.
fn expected(input: &[u8], width: usize) -> Result<(TextSummary, Vec<(u32, u64)>), InvalidUtf8> {
    let whole = |units: &[u32]| TextSummary {
        body: Summary {
            length: units.len() as u64,
            count: oracle::count(units),
            ends: oracle::ends(units),
        },
        ..TextSummary::EMPTY
    };
    let units: Vec<u32> = match width {
        1 => input.iter().map(|&unit| unit.into()).collect(),
        2 => oracle::units16(input).into_iter().map(u32::from).collect(),
        4 => oracle::units32(input),
        _ => {
            let continues = |byte: &&u8| (0x80..0xC0).contains(*byte);
            let head = input.iter().take_while(continues).count();
            let head_bytes = Fragment::new(&input[..head])?;
            let (units, rest) = oracle::decode(&input[head..]);
            let tail = match rest {
                Rest::Nothing => input.len(),
                Rest::Torn(start) => head + start,
                Rest::Wrong(_) => return Err(InvalidUtf8),
            };
            let summary = TextSummary {
                head: head_bytes,
                tail: Fragment::new(&input[tail..])?,
                ..whole(&units)
            };
            return Ok((summary, oracle::tally(&units)));
        }
    };
    let mut tally = oracle::tally(&units);
    tally.retain(|&(unit, _)| unit <= 0x10_FFFF);
    Ok((whole(&units), tally))
}
