//! Every walker over whole and damaged containers.

use super::*;
use crate::testing::memory::{NOWHERE, SIZE};
use crate::testing::world::*;

fn list() -> Value {
    json!({ "kind": "list", "head": "list", "type": "struct item", "link": "list" })
}

#[test]
fn a_ring_is_walked_to_its_head() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 5);
    assert_eq!(walk(&memory, holder, list()), (vec![], vec![]), "a head that was never initialised");
    ring(&mut memory, holder, &[]);
    assert_eq!(walk(&memory, holder, list()), (vec![], vec![]));
    ring(&mut memory, holder, &items);
    assert_eq!(walk(&memory, holder, list()), (vec![1, 2, 3, 4, 5], vec![]));
}

#[test]
fn a_torn_ring_is_followed_from_both_ends() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 6);
    ring(&mut memory, holder, &items);
    memory.put(items[2] + LIST, NOWHERE);
    assert_eq!(walk(&memory, holder, list()), (vec![1, 2, 3, 4, 5, 6], vec![Code::Unreadable, Code::Torn]));
    memory.put(items[4] + LIST + 8, NOWHERE);
    assert_eq!(walk(&memory, holder, list()), (vec![1, 2, 3, 5, 6], vec![Code::Unreadable, Code::Torn]));
}

#[test]
fn a_ring_that_misses_its_head_ends() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 6);
    ring(&mut memory, holder, &items);
    memory.put(items[3] + LIST, items[1] + LIST);
    assert_eq!(walk(&memory, holder, list()), (vec![1, 2, 3, 4, 5, 6], vec![Code::Cycle, Code::Torn]));
}

#[test]
fn an_inclusive_ring_begins_with_its_head() {
    let mut memory = Memory::new();
    let (_, items) = items(&mut memory, 3);
    ring(&mut memory, items[0] + LIST, &items[1..]);
    let spec = json!({
        "from": { "symbol": "first", "type": "struct item" },
        "walk": { "kind": "list", "head": "list", "type": "struct item", "link": "list", "inclusive": true },
        "select": [{ "name": "id", "path": "id" }, { "name": "at", "path": "", "as": "index" }],
    });
    let kernel = memory.kernel(btf(), &[("first", items[0])]);
    let batch = run(&kernel, &spec.to_string(), &[]).unwrap();
    assert_eq!(batch.addresses, items);
    assert_eq!((numbers(&batch, 0), numbers(&batch, 1)), (vec![1, 2, 3], vec![0, 1, 2]));
}

#[test]
fn a_cap_is_reported_once_it_is_passed() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 4);
    ring(&mut memory, holder, &items);
    let spec = json!({ "from": { "addresses": true, "type": "struct holder" }, "walk": list(), "select": [] });
    for (most, rows, warnings) in [(4, 4, 0), (3, 3, 1)] {
        let limits = Limits { walk: most, ..Limits::default() };
        let batch = run_limited(&kernel(&memory), &spec.to_string(), &[holder], &limits).unwrap();
        assert_eq!((batch.length, batch.warnings.len()), (rows, warnings));
        assert!(batch.warnings.iter().all(|warning| warning.code == Code::Cap));
    }
}

#[test]
fn hash_chains_end_as_their_kind_does() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 3);
    memory.put(items[0] + HASH, items[1] + HASH);
    let chain = |head: &str| json!({ "kind": "hlist", "head": head, "type": "struct item", "link": "hash" });
    memory.put(holder + HLIST, items[0] + HASH);
    assert_eq!(walk(&memory, holder, chain("hlist")), (vec![1, 2], vec![]));
    memory.put(holder + LOCKED, items[0] + HASH + 1);
    assert_eq!(walk(&memory, holder, chain("locked")), (vec![1, 2], vec![]));
    memory.put(items[1] + HASH, 0x2b);
    memory.put(holder + NULLS, items[0] + HASH);
    assert_eq!(walk(&memory, holder, chain("nulls")), (vec![1, 2], vec![]));
    memory.put(items[1] + HASH, NOWHERE);
    assert_eq!(walk(&memory, holder, chain("hlist")), (vec![1, 2], vec![Code::Unreadable]));
    memory.put(items[1] + HASH, items[0] + HASH);
    assert_eq!(walk(&memory, holder, chain("hlist")), (vec![1, 2], vec![Code::Cycle]));
}

#[test]
fn every_bucket_of_a_table_is_walked() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 3);
    memory.put(holder + BUCKETS, items[2] + HASH);
    memory.put(holder + BUCKETS + 8, NOWHERE);
    memory.put(holder + BUCKETS + 24, items[0] + HASH);
    memory.put(items[0] + HASH, items[1] + HASH);
    let table = json!({ "kind": "hash", "of": "buckets", "type": "struct item", "link": "hash" });
    assert_eq!(walk(&memory, holder, table), (vec![3, 1, 2], vec![Code::Unreadable]));
}

#[test]
fn arrays_are_as_long_as_they_say() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 3);
    memory.put(holder + POINTERS, items[0]);
    memory.put(holder + POINTERS + 16, items[0]);
    let fixed = json!({ "kind": "array", "of": "pointers", "pointers": true });
    assert_eq!(walk(&memory, holder, fixed), (vec![1, 1], vec![]));
    let table = memory.take(64);
    memory.put(holder + TABLE, table);
    items.iter().zip(0..).for_each(|(item, at)| memory.put(table + at * 8, *item));
    let counted = json!({ "kind": "array", "of": "table", "count": "count", "pointers": true });
    for (count, expected) in [(2, vec![1, 2]), (0, vec![]), (u64::from(u32::MAX), vec![])] {
        memory.put(holder + COUNT, count);
        assert_eq!(walk(&memory, holder, counted.clone()), (expected, vec![]));
    }
    memory.put(holder + COUNT, 0x7fff_ffff);
    let (rows, warnings) = walk(&memory, holder, counted);
    assert_eq!((&rows[..3], warnings), (&[1, 2, 3][..], vec![Code::Unreadable, Code::Cap]));
}

#[test]
fn trees_are_walked_in_order() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 7);
    let node = |id: usize| items[id - 1] + TREE;
    for (above, left, right) in [(4, 2, 6), (2, 1, 3), (6, 5, 7)] {
        memory.put(node(above) + 8, node(right));
        memory.put(node(above) + 16, node(left));
    }
    memory.put(holder + ROOT, node(4));
    memory.put(holder + CACHED, node(4));
    let tree = |root: &str| json!({ "kind": "rbtree", "root": root, "type": "struct item", "link": "tree" });
    assert_eq!(walk(&memory, holder, tree("root")), ((1..8).collect(), vec![]));
    assert_eq!(walk(&memory, holder, tree("cached")), ((1..8).collect(), vec![]));
    memory.put(node(3) + 16, node(4));
    memory.put(node(5) + 16, NOWHERE);
    assert_eq!(walk(&memory, holder, tree("root")), ((1..8).collect(), vec![Code::Unreadable, Code::Cycle]));
}

#[test]
fn xarrays_skip_what_is_no_object() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 3);
    let walk_it = json!({ "kind": "xarray", "of": "xarray", "type": "struct item" });
    memory.put(holder + XARRAY + 8, items[0]);
    assert_eq!(walk(&memory, holder, walk_it.clone()), (vec![1], vec![]), "a lone entry at index 0");
    let (top, leaf) = (memory.take(520), memory.take(520));
    memory.write(top, &[6]);
    memory.put(holder + XARRAY + 8, top + 2);
    memory.put(top + 8 + 16, leaf + 2);
    // A sibling of slot 0, a retry entry, a value.
    for (slot, entry) in [(0, items[0]), (1, 2), (2, 256 << 2 | 2), (3, 5), (4, items[1]), (63, items[2])] {
        memory.put(leaf + 8 + slot * 8, entry);
    }
    assert_eq!(walk(&memory, holder, walk_it.clone()), (vec![1, 2, 3], vec![]));
    let spec = json!({
        "from": { "addresses": true, "type": "struct holder" },
        "walk": walk_it,
        "select": [{ "name": "at", "path": "", "as": "index" }],
    });
    assert_eq!(numbers(&run(&kernel(&memory), &spec.to_string(), &[holder]).unwrap(), 0), [128, 132, 191]);
    memory.put(leaf + 8 + 8 * 8, top + 2);
    assert_eq!(walk(&memory, holder, walk_it), (vec![1, 2, 3], vec![Code::Cycle]));
}

#[test]
fn radix_trees_tell_nodes_by_their_lowest_bit() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 2);
    let (top, leaf) = (memory.take(520), memory.take(520));
    memory.write(top, &[6]);
    memory.put(holder + RADIX, top + 1);
    memory.put(top + 8, leaf + 1);
    for (slot, entry) in [(0, items[0]), (1, (leaf + 8) | 1), (2, 0x12), (9, items[1])] {
        memory.put(leaf + 8 + slot * 8, entry);
    }
    let walk_it = json!({ "kind": "xarray", "of": "radix", "type": "struct item" });
    assert_eq!(walk(&memory, holder, walk_it), (vec![1, 2], vec![]));
}

#[test]
fn maple_trees_end_where_their_pivots_do() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 5);
    let (top, left, right) = (memory.take(256), memory.take(256), memory.take(256));
    let encode = |node: u64, kind: u64| node | kind << 3;
    memory.put(holder + MAPLE, encode(top, 3) | 2);
    // Two children: up to 99, and from there on.
    memory.put(top + 8, 99);
    memory.put(top + 80, encode(left, 1));
    memory.put(top + 88, encode(right, 1));
    for (slot, pivot, entry) in [(0, 9, 0), (1, 19, items[0]), (2, 99, items[1]), (3, 0, NOWHERE)] {
        memory.put(left + 8 + slot * 8, pivot);
        memory.put(left + 128 + slot * 8, entry);
    }
    for (slot, pivot, entry) in [(0, 149, items[2]), (1, 159, items[3]), (2, 0, items[4]), (3, 0, NOWHERE)] {
        memory.put(right + 8 + slot * 8, pivot);
        memory.put(right + 128 + slot * 8, entry);
    }
    let walk_it = json!({ "kind": "maple", "of": "maple", "type": "struct item" });
    assert_eq!(walk(&memory, holder, walk_it.clone()), ((1..6).collect(), vec![]));
    memory.put(top + 88, encode(top, 3));
    assert_eq!(walk(&memory, holder, walk_it.clone()), (vec![1, 2], vec![Code::Cycle]));
    memory.put(holder + MAPLE, items[4]);
    assert_eq!(walk(&memory, holder, walk_it), (vec![5], vec![]), "a lone entry");
}

#[test]
fn a_maple_node_whose_pivots_do_not_go_up_is_torn() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 4);
    let (top, left) = (memory.take(256), memory.take(256));
    let encode = |node: u64, kind: u64| node | kind << 3;
    memory.put(holder + MAPLE, encode(top, 3) | 2);
    // One child, up to 99, and then nothing.
    memory.put(top + 8, 99);
    memory.put(top + 80, encode(left, 1));
    for (slot, pivot) in [(0, 9), (1, 19), (2, 59), (3, 99)] {
        memory.put(left + 8 + slot * 8, pivot);
        memory.put(left + 128 + slot * 8, items[slot as usize]);
    }
    let walk_it = json!({ "kind": "maple", "of": "maple", "type": "struct item" });
    assert_eq!(walk(&memory, holder, walk_it.clone()), (vec![1, 2, 3, 4], vec![]));
    for below in [19, 5] {
        memory.put(left + 8 + 2 * 8, below);
        assert_eq!(walk(&memory, holder, walk_it.clone()), (vec![1, 2], vec![Code::Torn]), "{below} after 19");
    }
    memory.put(left + 8 + 2 * 8, 100);
    assert_eq!(walk(&memory, holder, walk_it), (vec![1, 2, 3], vec![Code::Torn]), "beyond the node's end");
}

#[test]
fn an_idrs_base_is_part_of_each_index() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 2);
    let node = memory.take(520);
    memory.put(holder + IDR + 8, node + 2);
    memory.put(node + 8, items[0]);
    memory.put(node + 8 + 5 * 8, items[1]);
    let spec = json!({
        "from": { "addresses": true, "type": "struct holder" },
        "walk": { "kind": "xarray", "of": "idr", "type": "struct item" },
        "select": [{ "name": "at", "path": "", "as": "index" }],
    });
    for (base, expected) in [(0, [0, 5]), (1, [1, 6]), (0xffff_ffff, [0xffff_ffff, 0x1_0000_0004])] {
        memory.write(holder + IDR + 16, &u32::to_le_bytes(base));
        assert_eq!(numbers(&run(&kernel(&memory), &spec.to_string(), &[holder]).unwrap(), 0), expected);
    }
}

#[test]
fn chains_and_alternatives() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 3);
    memory.put(holder + FIRST, items[0]);
    memory.put(items[0] + NEXT, items[1]);
    let chain = json!({ "kind": "chain", "first": "first", "type": "struct item", "next": "next" });
    let none = json!({ "kind": "maple", "of": "mm_mt", "type": "struct item" });
    let walk_it = json!({ "kind": "alternatives", "walks": [none, chain] });
    assert_eq!(walk(&memory, holder, walk_it.clone()), (vec![1, 2], vec![]));
    memory.put(items[1] + NEXT, items[0]);
    assert_eq!(walk(&memory, holder, walk_it.clone()), (vec![1, 2], vec![Code::Cycle]));
    memory.put(items[1] + NEXT, NOWHERE + SIZE);
    assert_eq!(walk(&memory, holder, walk_it), (vec![1, 2], vec![Code::Unreadable]));
}

#[test]
fn children_know_their_parents() {
    let mut memory = Memory::new();
    let (one, of_one) = items(&mut memory, 2);
    let (two, of_two) = items(&mut memory, 1);
    ring(&mut memory, one, &of_one);
    ring(&mut memory, two, &of_two);
    let spec = json!({
        "from": { "addresses": true, "type": "struct holder" },
        "select": [],
        "children": [{ "name": "items", "walk": list(), "select": [{ "name": "id", "path": "id" }] }],
    });
    let batch = run(&kernel(&memory), &spec.to_string(), &[two, one]).unwrap();
    let child = &batch.children[0];
    assert_eq!((&child.parents[..], numbers(child, 0)), (&[0, 1, 1][..], vec![1, 1, 2]));
}
