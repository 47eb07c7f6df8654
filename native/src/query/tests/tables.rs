//! Walks over the tables of network namespaces, and paths with what is read on the way.

use super::*;
use crate::testing::memory::{BASE, NOWHERE, SIZE};
use crate::testing::tables::*;
use proptest::prelude::*;

/// A query from a table.
pub fn run_on(kernel: &Kernel, table: u64, spec: Value) -> Batch {
    let mut spec = spec;
    spec["from"] = json!({ "addresses": true, "type": "struct table" });
    run(kernel, &spec.to_string(), &[table]).unwrap()
}

/// Ids of the entries that a walk gives, and its warnings.
fn ids(memory: &Memory, locked: bool, table: u64, walk: Value) -> (Vec<u64>, Vec<Code>) {
    let kernel = memory.kernel(btf(locked), &[]);
    let batch = run_on(&kernel, table, json!({ "walk": walk, "select": [{ "name": "id", "path": "id" }] }));
    (numbers(&batch, 0), batch.warnings.iter().map(|warning| warning.code).collect())
}

/// Links entries into a chain by the member at a distance, with an end, and gives its first link.
fn chained(memory: &mut Memory, entries: &[u64], distance: u64, end: u64) -> u64 {
    let links: Vec<u64> = entries.iter().map(|entry| entry + distance).chain([end]).collect();
    for pair in links.windows(2) {
        memory.put(pair[0], pair[1]);
    }
    links[0]
}

#[test]
fn buckets_that_wrap_their_heads_are_as_many_as_their_mask_says() {
    let mut memory = Memory::new();
    let (table, entries) = entries(&mut memory, 4);
    let buckets = memory.take(5 * BUCKET);
    memory.put(table + BUCKETS, buckets);
    memory.put(table + MASK, 3);
    let first = chained(&mut memory, &entries[..2], E_CHAIN, 7);
    for (bucket, head) in [(0, 1), (1, first), (2, 3), (3, entries[2] + E_CHAIN), (4, entries[3] + E_CHAIN)] {
        memory.put(buckets + bucket * BUCKET + LOCK, head);
    }
    memory.put(entries[2] + E_CHAIN, 5);
    let walk = |head: Value| json!({ "kind": "hash", "of": "buckets", "count": "mask + 1", "head": head, "type": "struct entry", "link": "chain" });
    assert_eq!(ids(&memory, true, table, walk(json!("chain"))), (vec![1, 2, 3], vec![]));
    assert_eq!(ids(&memory, true, table, walk(json!(["slot.chain", "chain"]))), (vec![1, 2, 3], vec![]));
    let spec = |walk: Value| {
        json!({ "from": { "addresses": true, "type": "struct table" }, "walk": walk, "select": [] }).to_string()
    };
    let kernel = memory.kernel(btf(true), &[]);
    let error = |head: &str| run(&kernel, &spec(walk(json!(head))), &[]).unwrap_err().message;
    assert!(error("lock").contains("is a int, where a struct hlist_head or"), "{}", error("lock"));
    assert!(error("none").contains("the buckets: tried 'none' (struct bucket has no member 'none')"));
}

fn hashed(of: &str, link: &str) -> Value {
    json!({ "kind": "rhashtable", "of": of, "type": "struct entry", "link": link })
}

/// A table of `size` buckets in one piece.
fn bucket_table(memory: &mut Memory, heads: &[u64]) -> u64 {
    let buckets = memory.take(HEADS + heads.len() as u64 * 8);
    memory.put(buckets, heads.len() as u64);
    for (head, at) in heads.iter().zip(0..) {
        memory.put(buckets + HEADS + at * 8, *head);
    }
    buckets
}

#[test]
fn an_rhashtable_is_its_table_and_the_one_it_moves_to() {
    let mut memory = Memory::new();
    let (table, entries) = entries(&mut memory, 5);
    let marker = memory.take(8) | 1;
    let first = chained(&mut memory, &entries[..3], E_HASH, marker);
    let last = chained(&mut memory, &entries[4..], E_HASH, marker);
    memory.put(entries[3] + E_HASH, marker);
    // A lock on a chain, and one on an empty bucket.
    let old = bucket_table(&mut memory, &[0, first | 1]);
    let new = bucket_table(&mut memory, &[1, entries[3] + E_HASH, 0, last]);
    memory.put(table + HASHED, old);
    memory.put(old + FUTURE, new);
    assert_eq!(ids(&memory, true, table, hashed("hashed", "hash")), (vec![1, 2, 3, 4, 5], vec![]));
    memory.put(new + FUTURE, old);
    assert_eq!(ids(&memory, true, table, hashed("hashed", "hash")), (vec![1, 2, 3, 4, 5], vec![Code::Cycle]));
    memory.put(new + FUTURE, 0);
    memory.put(entries[1] + E_HASH, NOWHERE);
    assert_eq!(ids(&memory, true, table, hashed("hashed", "hash")), (vec![1, 2, 4, 5], vec![Code::Unreadable]));
    memory.put(new, 3);
    assert_eq!(ids(&memory, true, table, hashed("hashed", "hash")).1, [Code::Unreadable, Code::Torn]);
}

#[test]
fn before_the_lock_bit_an_empty_bucket_is_a_marker() {
    let mut memory = Memory::new();
    let (table, entries) = entries(&mut memory, 1);
    memory.put(entries[0] + E_HASH, NOWHERE | 1);
    let buckets = bucket_table(&mut memory, &[NOWHERE | 1, entries[0] + E_HASH]);
    memory.put(table + HASHED, buckets);
    assert_eq!(ids(&memory, false, table, hashed("hashed", "hash")), (vec![1], vec![]));
    // With the lock bit the same marker is an address.
    assert_eq!(ids(&memory, true, table, hashed("hashed", "hash")), (vec![1], vec![Code::Unreadable]));
}

#[test]
fn a_nested_rhashtable_is_a_tree_of_pages() {
    let mut memory = Memory::new();
    let (table, entries) = entries(&mut memory, 3);
    for entry in &entries {
        memory.put(entry + E_HASH, 1);
    }
    // 2048 buckets: the first page takes 2 bits of the hash, each below it the other 9.
    let (top, low, high) = (memory.take(4096), memory.take(4096), memory.take(4096));
    let buckets = bucket_table(&mut memory, &[top]);
    memory.write(buckets, &2048_u32.to_le_bytes());
    memory.write(buckets + NEST, &2_u32.to_le_bytes());
    memory.put(table + HASHED, buckets);
    memory.put(top, low);
    memory.put(top + 3 * 8, high);
    memory.put(top + 4 * 8, NOWHERE); // Past its slots.
    memory.put(low, entries[0] + E_HASH);
    memory.put(low + 511 * 8, entries[1] + E_HASH);
    memory.put(high + 8, entries[2] + E_HASH);
    assert_eq!(ids(&memory, true, table, hashed("hashed", "hash")), (vec![1, 2, 3], vec![]));
    // So many buckets more that there is a page of pages between.
    let between = memory.take(4096);
    memory.write(buckets, &(2048_u32 << 9).to_le_bytes());
    memory.put(top, between);
    memory.put(top + 3 * 8, 0);
    memory.put(between + 511 * 8, low);
    assert_eq!(ids(&memory, true, table, hashed("hashed", "hash")), (vec![1, 2], vec![]));
    memory.write(buckets, &2048_u32.to_le_bytes());
    memory.put(top, low);
    memory.put(top + 3 * 8, low);
    assert_eq!(ids(&memory, true, table, hashed("hashed", "hash")), (vec![1, 2], vec![Code::Cycle]));
    memory.write(buckets + NEST, &40_u32.to_le_bytes());
    assert_eq!(ids(&memory, true, table, hashed("hashed", "hash")), (vec![], vec![Code::Torn]));
}

#[test]
fn an_rhashtable_that_lies_about_its_size_does_not_take_long() {
    let mut memory = Memory::new();
    let (table, _) = entries(&mut memory, 0);
    let buckets = BASE + SIZE - 64;
    memory.put(buckets, 1 << 31);
    memory.put(table + HASHED, buckets);
    let (rows, warnings) = ids(&memory, true, table, hashed("hashed", "hash"));
    assert_eq!((rows, warnings), (vec![], vec![Code::Unreadable]));
}

#[test]
fn an_rhltable_keeps_what_has_the_same_key_together() {
    let mut memory = Memory::new();
    let (table, entries) = entries(&mut memory, 4);
    let first = chained(&mut memory, &[entries[0], entries[3]], E_SAME, 1);
    memory.put(entries[0] + E_SAME + 8, entries[1] + E_SAME);
    memory.put(entries[1] + E_SAME + 8, entries[2] + E_SAME);
    let buckets = bucket_table(&mut memory, &[first]);
    memory.put(table + KEYED, buckets);
    assert_eq!(ids(&memory, true, table, hashed("keyed", "same")), (vec![1, 2, 3, 4], vec![]));
    memory.put(entries[2] + E_SAME + 8, entries[1] + E_SAME);
    assert_eq!(ids(&memory, true, table, hashed("keyed", "same")), (vec![1, 2, 3, 4], vec![Code::Cycle]));
}

#[test]
fn records_follow_one_another_to_the_end_of_their_buffer() {
    let mut memory = Memory::new();
    let (table, _) = entries(&mut memory, 0);
    let kinds = [24, 16, 40].map(|size| {
        let kind = memory.take(8);
        memory.put(kind, size);
        kind
    });
    for (place, kind) in [(0, kinds[0]), (24, kinds[1]), (40, kinds[2]), (80, kinds[0])] {
        memory.put(table + DATA + place, kind);
    }
    memory.put(table + LENGTH, 80);
    let records = |memory: &Memory| {
        let walk = json!({
            "kind": "records", "of": "data", "bytes": "length", "type": "struct record", "size": ["length", "kind->size"],
        });
        let select = json!([{ "name": "size", "path": "kind->size" }]);
        let batch = run_on(&memory.kernel(btf(true), &[]), table, json!({ "walk": walk, "select": select }));
        (numbers(&batch, 0), batch.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>())
    };
    assert_eq!(records(&memory), (vec![24, 16, 40], vec![]));
    memory.put(table + LENGTH, 79);
    assert_eq!(records(&memory), (vec![24, 16], vec![Code::Torn]), "the last one ends outside");
    memory.put(kinds[1], 0);
    assert_eq!(records(&memory), (vec![24], vec![Code::Torn]), "it would never end");
    memory.put(table + DATA + 24, NOWHERE);
    assert_eq!(records(&memory), (vec![24], vec![Code::Unreadable, Code::Torn]));
    memory.put(table + LENGTH, 0);
    assert_eq!(records(&memory), (vec![], vec![]));
}

#[test]
fn a_per_cpu_pointer_stands_for_a_copy_on_each_possible_processor() {
    let mut memory = Memory::new();
    let (table, _) = entries(&mut memory, 0);
    let (mask, offsets, count, areas) = (memory.take(8), memory.take(64), memory.take(8), memory.take(4 * 256));
    memory.put(mask, 0b1101);
    memory.put(count, 4);
    for cpu in 0..4 {
        memory.put(offsets + cpu * 8, areas + cpu * 256);
        memory.put(areas + cpu * 256 + 0x40, 100 + cpu);
    }
    let symbols = [("__cpu_possible_mask", mask), ("__per_cpu_offset", offsets), ("nr_cpu_ids", count)];
    let copies = |memory: &Memory, symbols: &[(&str, u64)]| {
        let walk = json!({ "kind": "percpu", "of": "counters" });
        let select = json!([{ "name": "value", "path": "" }, { "name": "cpu", "path": "", "as": "index" }]);
        let batch = run_on(&memory.kernel(btf(true), symbols), table, json!({ "walk": walk, "select": select }));
        let codes: Vec<_> = batch.warnings.iter().map(|warning| warning.code).collect();
        (numbers(&batch, 0), numbers(&batch, 1), codes)
    };
    assert_eq!(copies(&memory, &symbols), (vec![], vec![], vec![]), "NULL has no copies");
    memory.put(table + COUNTERS, 0x40);
    assert_eq!(copies(&memory, &symbols), (vec![100, 102, 103], vec![0, 2, 3], vec![]));
    assert_eq!(copies(&memory, &symbols[1..]), (vec![], vec![], vec![Code::Unreadable]));
    memory.put(table + COUNTERS, areas + 256 + 0x40);
    assert_eq!(copies(&memory, &[]), (vec![101], vec![0], vec![]), "a kernel for one processor has no table");
}

/// A query that walks everything that a table leads to.
fn everything() -> Value {
    let below =
        |name: &str, walk: Value| json!({ "name": name, "walk": walk, "select": [{ "name": "up", "path": "^.id" }] });
    let mut buckets = json!({ "kind": "hash", "of": "buckets", "count": "mask + 1", "head": "chain" });
    (buckets["type"], buckets["link"]) = (json!("struct entry"), json!("chain"));
    let records =
        json!({ "kind": "records", "of": "data", "bytes": "length", "type": "struct record", "size": "kind->size" });
    let index = json!({ "kind": "object", "of": "fixed[(mask)]->owner->slots->ptr[fixed[0]->id]" });
    json!({
        "select": [],
        "children": [
            below("buckets", buckets),
            below("hashed", hashed("hashed", "hash")),
            below("keyed", hashed("keyed", "same")),
            below("records", records),
            below("copies", json!({ "kind": "percpu", "of": "counters" })),
            below("index", index),
        ],
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Every word points somewhere into the tables, tagged at random, or is a small number.
    #[test]
    fn walks_over_wild_tables_end(words in prop::collection::vec((0u64..0x4000, 0u64..4, any::<bool>()), 2048)) {
        let mut memory = Memory::new();
        let start = memory.take(0x8000);
        for (at, (to, tag, small)) in words.iter().enumerate() {
            memory.put(start + at as u64 * 8, if *small { to >> 4 } else { start + (to & !7) + tag });
        }
        let symbols = [("__cpu_possible_mask", start + 8), ("__per_cpu_offset", start + 64), ("nr_cpu_ids", start + 16)];
        let limits = Limits { walk: 500, rows: 3000, ..Limits::default() };
        for locked in [false, true] {
            let mut spec = everything();
            spec["from"] = json!({ "addresses": true, "type": "struct table" });
            let kernel = memory.kernel(btf(locked), &symbols);
            let batch = run_limited(&kernel, &spec.to_string(), &[start, start + 0x100], &limits).unwrap();
            prop_assert!(batch.children.iter().map(|child| child.length).sum::<usize>() <= 3000);
        }
    }
}
