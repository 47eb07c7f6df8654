//! Patterns and expressions over any bytes.

use serde_json::json;

use crate::scan::matcher::{Hit, Matcher, Resume};

/// What an expression may find, as the matcher has it.
const REACH: usize = 4 << 10;
/// Bytes that are looked at as one block in the second of two ways.
const BLOCK: usize = 61;

/// Lines up to an empty one, each a pattern in hexadecimal or behind a `/` an expression, and the bytes that are searched.
pub fn search(input: &[u8]) -> bool {
    let split = input.windows(2).position(|pair| pair == b"\n\n").unwrap_or(input.len());
    let (asked, rest) = input.split_at(split);
    let bytes = rest.get(2..).unwrap_or_default();
    let Ok(asked) = std::str::from_utf8(asked) else { return false };
    let (expressions, patterns): (Vec<&str>, Vec<&str>) = asked.lines().partition(|line| line.starts_with('/'));
    let expressions: Vec<&str> = expressions.iter().filter_map(|line| line.get(1..)).collect();
    let Ok(matcher) = Matcher::new(&json!({ "patterns": patterns, "expressions": expressions })) else { return false };
    let whole = found(&matcher, bytes, bytes.len().max(1));
    let parts = found(&matcher, bytes, BLOCK);
    for hits in [&whole, &parts] {
        assert!(hits.is_sorted(), "{hits:?}");
        for hit in hits {
            assert!(hit.length > 0 && hit.length <= REACH && hit.at + hit.length <= bytes.len(), "{hit:?}");
        }
    }
    let fixed = |hits: &[Hit]| -> Vec<Hit> {
        hits.iter().filter(|hit| (hit.which as usize) < patterns.len()).copied().collect()
    };
    // What an expression finds may depend on what is before it; fixed bytes do not.
    assert_eq!(fixed(&whole), fixed(&parts));
    let plain = patterns.iter().enumerate().flat_map(|(which, pattern)| places(which, pattern, bytes));
    let mut plain: Vec<Hit> = plain.collect();
    plain.sort_unstable();
    assert_eq!(fixed(&whole), plain);
    true
}

/// All hits, looked for block by block as a scan does.
fn found(matcher: &Matcher, bytes: &[u8], block: usize) -> Vec<Hit> {
    let (mut hits, mut resume) = (Vec::new(), Resume::default());
    for start in (0..bytes.len()).step_by(block) {
        let end = start.saturating_add(block + matcher.reach()).min(bytes.len());
        let part = bytes.get(start..end).unwrap_or_default();
        matcher.find(start as u64, part, part.len().min(block), &mut resume, |hit| {
            hits.push(Hit { at: start + hit.at, ..hit });
            true
        });
    }
    hits
}

/// Where a pattern stands, found the plain way.
fn places(which: usize, pattern: &str, bytes: &[u8]) -> Vec<Hit> {
    let digits = pattern.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    let wanted: Vec<u8> = digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    let length = wanted.len();
    let windows = bytes.windows(length.max(1)).enumerate().filter(|(_, window)| *window == wanted);
    windows.map(|(at, _)| Hit { at, which: which as u32, length }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::search;

    proptest! {
        #[test]
        fn patterns_are_found_wherever_blocks_begin(
            patterns in prop::collection::vec("[0-2]{2}([0-2]{2}){0,5}", 1..6),
            expression in prop::option::of("[0-2ab.*+?|()\\[\\]{}^$]{0,12}"),
            bytes in prop::collection::vec(0_u8..35, 0..2000),
        ) {
            let lines = patterns.join("\n") + &expression.map_or(String::new(), |text| format!("\n/{text}"));
            search(&[lines.as_bytes(), b"\n\n", &bytes].concat());
        }
    }
}
