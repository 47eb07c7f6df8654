#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{BLOCK, Found, Matcher, Search};
use crate::testing::btf::Encoder;
use crate::testing::memory::{BASE, Memory};

/// What is found in pieces of memory: where each lies for whoever sees it, in physical memory, and how long it is.
fn found(texts: &[(u64, &str)], pieces: &[(u64, u64, u64)], parameters: serde_json::Value) -> Found {
    let mut memory = Memory::new();
    for (at, text) in texts {
        memory.write(BASE + at, text.as_bytes());
    }
    let kernel = memory.kernel(Encoder::new().finish(), &[]);
    let matcher = Matcher::new(&parameters).unwrap();
    let mut search = Search::new(&kernel, &matcher);
    for (address, physical, length) in pieces {
        search.add(*address, *physical, *length);
    }
    search.end();
    search.found
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_lies_in_a_row_for_a_process_is_found_over_pages_that_do_not() {
    let texts = [(0x10_0ffd, "nee"), (0x20_0000, "dle"), (0x20_0ff0, "needle")];
    let pieces = [(0x7000, 0x10_0000, 4096), (0x8000, 0x20_0000, 4096), (0xa000, 0x30_0000, 4096)];
    let patterns = serde_json::json!({ "patterns": [hex("needle")], "expressions": ["ne+dl"] });
    let found = found(&texts, &pieces, patterns);
    assert_eq!(found.addresses, [0x7ffd, 0x7ffd, 0x8ff0, 0x8ff0]);
    assert_eq!(found.physical, [0x10_0ffd, 0x10_0ffd, 0x20_0ff0, 0x20_0ff0]);
    assert_eq!((found.which.as_slice(), found.lengths.as_slice()), (&[0, 1, 0, 1][..], &[6, 5, 6, 5][..]));
}

#[test]
fn a_gap_ends_what_lies_before_it() {
    let texts = [(0x10_0ffd, "nee"), (0x20_0000, "dle")];
    let pieces = [(0x7000, 0x10_0000, 4096), (0x9000, 0x20_0000, 4096)];
    assert!(found(&texts, &pieces, serde_json::json!({ "patterns": [hex("needle")] })).addresses.is_empty());
}

#[test]
fn where_blocks_meet_all_is_found_once() {
    let at = [0x10_0000 + BLOCK as u64 - 3, 0x10_0000 + 2 * BLOCK as u64 - 3];
    let texts: Vec<_> = at.iter().map(|at| (*at, "aaaaaaaa")).collect();
    let pieces = [(0x10_0000, 0x10_0000, 3 * BLOCK as u64 - 4096)];
    let fixed = found(&texts, &pieces, serde_json::json!({ "patterns": [hex("aaaaaaa")] }));
    assert_eq!(fixed.addresses, [at[0], at[0] + 1, at[1], at[1] + 1]);
    let expressed = found(&texts, &pieces, serde_json::json!({ "patterns": [], "expressions": ["a+"] }));
    assert_eq!((expressed.addresses.as_slice(), expressed.lengths.as_slice()), (&at[..], &[8, 8][..]));
}
