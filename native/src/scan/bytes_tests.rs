#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::Write;

use serde_json::{Value, json};

use super::super::{Hits, chunk, chunks};
use crate::kernel::Kernel;
use crate::testing::btf::Encoder;
use crate::testing::memory::{BASE, Memory, SIZE};

const MIB: u64 = 1 << 20;

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn request(patterns: &[&str]) -> Value {
    json!({ "kind": "bytes", "patterns": patterns.iter().map(|pattern| hex(pattern)).collect::<Vec<_>>() })
}

fn kernel(texts: &[(u64, &str)]) -> Kernel {
    let mut memory = Memory::new();
    for (at, text) in texts {
        memory.write(BASE + at, text.as_bytes());
    }
    memory.kernel(Encoder::new().finish(), &[])
}

fn pairs(hits: Hits) -> Vec<(u64, u32)> {
    hits.addresses.into_iter().zip(hits.which).collect()
}

/// The hits of a scan of chunks of this size.
fn scanned(kernel: &Kernel, request: &Value, size: u64) -> Vec<(u64, u32)> {
    let ranges = (0..SIZE).step_by(size as usize);
    ranges
        .flat_map(|start| {
            let mut found = chunk(kernel, std::slice::from_ref(request), start, size).unwrap();
            pairs(found.remove(0).unwrap())
        })
        .collect()
}

#[test]
fn each_place_is_found_once_wherever_chunks_and_blocks_begin() {
    let across = [MIB - 3, 2 * MIB - 1, 3 * MIB - 6];
    let texts: Vec<_> = [0x5_0000, SIZE - 6].iter().chain(&across).map(|at| (*at, "needle")).collect();
    let kernel = kernel(&texts);
    let mut places: Vec<_> = texts.iter().map(|(at, _)| (*at, 0)).collect();
    places.sort_unstable();
    for size in [MIB, 2 * MIB, SIZE] {
        assert_eq!(scanned(&kernel, &request(&["needle"]), size), places);
        let both = scanned(&kernel, &request(&["needle", "absent"]), size);
        assert_eq!(both, places);
    }
}

#[test]
fn several_threads_find_what_one_finds_in_the_order_of_chunks() {
    let texts: Vec<_> = (0..SIZE / 0x1_0000).map(|number| (0x1_0000 * number + 0xfffe - number, "needle")).collect();
    let kernel = kernel(&texts[1..]);
    let parts: Vec<_> = (0..SIZE / MIB).map(|number| [number * MIB, MIB]).collect();
    let requests = [request(&["needle"]), json!({ "kind": "none" })];
    let all = |threads: usize| -> Vec<(u64, u32)> {
        let found = chunks(&kernel, &requests, &parts, threads).unwrap();
        assert!(found.iter().all(|scans| scans.len() == 2 && scans[1].is_err()));
        found.into_iter().flat_map(|mut scans| pairs(scans.remove(0).unwrap())).collect()
    };
    let one = all(1);
    assert_eq!(one.len(), texts.len() - 1);
    assert!(one.is_sorted());
    assert_eq!((all(3), all(100)), (one.clone(), one));
    assert!(chunks(&kernel, &requests, &[], 2).unwrap().is_empty());
}

#[test]
fn patterns_within_one_another_are_all_found_in_order() {
    let kernel = kernel(&[(MIB - 2, "abcabcab")]);
    let all = scanned(&kernel, &request(&["abcab", "ca", "b"]), MIB);
    let at = MIB - 2;
    assert_eq!(all, [(at, 0), (at + 1, 2), (at + 2, 1), (at + 3, 0), (at + 4, 2), (at + 5, 1), (at + 7, 2)]);
    assert_eq!(scanned(&kernel, &request(&["abcab"]), MIB), [(at, 0), (at + 3, 0)]);
}

#[test]
fn hits_are_capped_and_that_is_told() {
    let text = "x".repeat(MIB as usize);
    let kernel = kernel(&[(MIB, &text), (3 * MIB, "needle")]);
    for patterns in [&["xx"][..], &["xx", "yy"][..]] {
        let mut found = chunk(&kernel, &[request(patterns), request(&["needle"])], 0, SIZE).unwrap();
        let needle = found.pop().unwrap().unwrap();
        assert_eq!((needle.addresses.as_slice(), needle.capped), (&[3 * MIB][..], false));
        let hits = found.pop().unwrap().unwrap();
        assert_eq!((hits.addresses.len(), hits.addresses[0], hits.capped), (super::MOST_HITS, MIB, true));
    }
}

#[test]
fn a_scan_that_cannot_be_made_fails_by_itself() {
    let kernel = kernel(&[(MIB, "needle")]);
    let wrong = [json!({ "kind": "none" }), json!({ "kind": "bytes", "patterns": ["6"] }), request(&[""])];
    let tasks = json!({ "kind": "tasks", "rules": [] });
    let mut requests = wrong.to_vec();
    requests.extend([tasks, request(&["needle"])]);
    let found = chunk(&kernel, &requests, 0, SIZE).unwrap();
    let failed: Vec<_> = found.iter().map(|found| found.as_ref().err().map(|error| error.message.as_str())).collect();
    assert!(failed[0].unwrap().contains("no scan called 'none'"));
    assert!(failed[1].unwrap().contains("hexadecimal"));
    assert!(failed[2].unwrap().contains("from 1 to 4096"));
    assert!(failed[3].unwrap().contains("task_struct"));
    assert_eq!(found[4].as_ref().unwrap().addresses, [MIB]);
    let nothing = chunk(&kernel, &[json!({ "kind": "bytes", "patterns": [] })], 0, SIZE).unwrap();
    assert!(nothing[0].as_ref().unwrap().addresses.is_empty());
}

/// LiME: a header of 32 bytes before each range.
fn lime(ranges: &[(u64, &[u8])]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (start, bytes) in ranges {
        let mut header = Vec::from(0x4c69_4d45_u32.to_le_bytes());
        header.extend(1_u32.to_le_bytes());
        header.extend(start.to_le_bytes());
        header.extend((start + bytes.len() as u64 - 1).to_le_bytes());
        header.extend([0; 8]);
        file.write_all(&header).unwrap();
        file.write_all(bytes).unwrap();
    }
    file
}

#[test]
fn ranges_that_meet_are_one_and_a_hole_ends_what_lies_before_it() {
    let memory = Memory::new();
    let (mut first, mut second, mut third) = (memory.bytes[..8192].to_vec(), vec![0; 4096], vec![0; 4096]);
    first[8189..].copy_from_slice(b"nee");
    second[..3].copy_from_slice(b"dle");
    second[4093..].copy_from_slice(b"nee");
    third[..3].copy_from_slice(b"dle");
    third[100..106].copy_from_slice(b"needle");
    let file = lime(&[(0, &first), (8192, &second), (16384, &third)]);
    let kernel = memory.kernel_in(&file, Encoder::new().finish(), &[]);
    assert_eq!(scanned(&kernel, &request(&["needle"]), MIB), [(8189, 0), (16384 + 100, 0)]);
}
