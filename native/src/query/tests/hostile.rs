//! Damaged memory and damaged types: every walk ends, nothing panics.

use super::*;
use crate::testing::files::{Era, File};
use crate::testing::memory::{BASE, SIZE};
use crate::testing::world::*;
use proptest::prelude::*;

/// A query that walks every container.
fn everything() -> String {
    let items = |name: &str, walk: Value| {
        let select = json!([
            { "name": "id", "path": "id" },
            { "name": "next", "path": "next->next->signed_value" },
            { "name": "text", "path": "text", "as": "string" },
        ]);
        json!({ "name": name, "walk": walk, "select": select })
    };
    let linked = |kind: &str, place: &str, head: &str, link: &str| {
        let mut walk = json!({ "kind": kind, "type": "struct item", "link": link });
        walk[place] = json!(head);
        items(head, walk)
    };
    json!({
        "from": { "addresses": true, "type": "struct holder" },
        "select": [],
        "children": [
            linked("list", "head", "list", "list"),
            linked("hlist", "head", "hlist", "hash"),
            linked("hlist", "head", "locked", "hash"),
            linked("hlist", "head", "nulls", "hash"),
            linked("hash", "of", "buckets", "hash"),
            linked("rbtree", "root", "root", "tree"),
            linked("rbtree", "root", "cached", "tree"),
            items("xarray", json!({ "kind": "xarray", "of": "xarray", "type": "struct item" })),
            items("radix", json!({ "kind": "xarray", "of": "radix", "type": "struct item" })),
            items("maple", json!({ "kind": "maple", "of": "maple", "type": "struct item" })),
            items("table", json!({ "kind": "array", "of": "table", "count": "count", "pointers": true })),
            items("first", json!({ "kind": "chain", "first": "first", "type": "struct item", "next": "next" })),
        ],
    })
    .to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Every word of the containers points somewhere into them, tagged at random.
    #[test]
    fn walks_over_wild_pointers_end(words in prop::collection::vec((0u64..0x4000, 0u64..4), 2048)) {
        let mut memory = Memory::new();
        let start = memory.take(0x8000);
        for (at, (to, tag)) in words.iter().enumerate() {
            memory.put(start + at as u64 * 8, start + (to & !7) + tag);
        }
        let limits = Limits { walk: 500, rows: 3000, ..Limits::default() };
        let batch = run_limited(&kernel(&memory), &everything(), &[start, start + 0x100], &limits).unwrap();
        prop_assert!(batch.children.iter().map(|child| child.length).sum::<usize>() <= 3000);
    }

    #[test]
    fn any_bytes_for_a_query_give_an_error(text in "[\\[\\]{}\",:a-z0-9]{0,64}") {
        prop_assert!(run(&kernel(&Memory::new()), &text, &[]).is_err());
    }
}

#[test]
fn addresses_at_the_ends_of_the_address_space_are_only_unreadable() {
    let kernel = kernel(&Memory::new());
    for address in [0, 1, 7, BASE - 1, u64::MAX, u64::MAX - 7, 1 << 63, 1 << 47] {
        run(&kernel, &everything(), &[address]).unwrap();
    }
}

#[test]
fn more_elements_than_there_can_be_are_none() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 2);
    let table = memory.take(64);
    memory.put(holder + TABLE, table);
    memory.put(table, items[0]);
    memory.put(table + 8, items[1]);
    let counted = json!({ "kind": "array", "of": "table", "count": "count", "pointers": true, "most": 2 });
    for (count, expected) in
        [(2, (vec![1, 2], vec![])), (3, (vec![], vec![Code::Torn])), (0x7fff_ffff, (vec![], vec![Code::Torn]))]
    {
        memory.put(holder + COUNT, count);
        assert_eq!(walk(&memory, holder, counted.clone()), expected);
    }
}

#[test]
fn all_columns_and_rows_share_one_limit_of_text() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 3);
    ring(&mut memory, holder, &items);
    let text = memory.take(16);
    memory.write(text, b"abcd\0");
    items.iter().for_each(|item| memory.put(item + TEXT, text));
    let column = |name: &str| json!({ "name": name, "path": "text", "as": "string" });
    let list = json!({ "kind": "list", "head": "list", "type": "struct item", "link": "list" });
    let select = [column("one"), column("two")];
    let spec = json!({ "from": { "addresses": true, "type": "struct holder" }, "walk": list, "select": select });
    let limits = Limits { text: 14, ..Limits::default() };
    let batch = run_limited(&kernel(&memory), &spec.to_string(), &[holder], &limits).unwrap();
    let lengths = batch.columns.iter().map(|column| match column {
        ColumnData::Text { bytes, .. } => bytes.len(),
        _ => 0,
    });
    assert_eq!((batch.length, lengths.sum::<usize>()), (3, 12));
    assert_eq!(
        batch.warnings.iter().map(|warning| (warning.code, warning.count)).collect::<Vec<_>>(),
        [(Code::Cap, 1), (Code::Cap, 2)]
    );
    assert!(batch.warnings.iter().all(|warning| !warning.message.contains("0x")));
}

/// Reads one column of the same object again and again; how many rows there are, and what is said.
fn again(kernel: &Kernel, start: &str, object: u64, columns: Value, effort: u64) -> (usize, Vec<(Code, u64)>) {
    let child = json!({ "name": "child", "walk": { "kind": "object", "of": "" }, "select": columns });
    let from = json!({ "addresses": true, "type": start });
    let spec = json!({ "from": from, "select": columns, "children": [child] });
    let limits = Limits { effort, ..Limits::default() };
    let batch = run_limited(kernel, &spec.to_string(), &vec![object; 1000], &limits).unwrap();
    let warnings = batch.warnings.iter().chain(&batch.children[0].warnings);
    (batch.length, warnings.map(|warning| (warning.code, warning.count)).collect())
}

#[test]
fn text_and_bytes_cost_effort_and_work_stops_when_it_is_spent() {
    let mut memory = Memory::new();
    let (_, items) = items(&mut memory, 1);
    let text = memory.take(8192);
    memory.write(text, &[b'x'; 4096]);
    memory.put(items[0] + TEXT, text);
    let kernel = kernel(&memory);
    for (leaf, cost) in [("string", 1064), ("hex", 1000)] {
        let column = |name: &str| json!({ "name": name, "path": "text", "as": leaf, "max": 1000 });
        let columns = json!([column("one"), column("two")]);
        let (rows, warnings) = again(&kernel, "struct item", items[0], columns.clone(), cost * 9);
        assert_eq!((rows, warnings), (5, vec![(Code::Cap, 1)]), "{leaf}: four rows and a half");
        assert_eq!(again(&kernel, "struct item", items[0], columns, cost * 4000), (1000, vec![]), "{leaf}");
    }
}

/// What cannot be read costs as much as what can.
#[test]
fn text_that_comes_to_nothing_costs_effort_too() {
    let mut memory = Memory::new();
    let (_, items) = items(&mut memory, 1);
    memory.put(items[0] + TEXT, BASE + SIZE - 1000);
    let end = (SIZE - 1000) as usize;
    memory.bytes[end..].fill(b'x');
    let columns = |max: u64, leaf: &str| json!([{ "name": "it", "path": "text", "as": leaf, "max": max }]);
    for (leaf, effort) in [("hex", 1 << 20), ("string", 50_000)] {
        let (rows, warnings) = again(&kernel(&memory), "struct item", items[0], columns(100_000, leaf), effort);
        assert!((10..100).contains(&rows), "{leaf}: {rows} rows");
        assert_eq!(warnings.iter().filter(|(code, _)| *code == Code::Cap).collect::<Vec<_>>(), [&(Code::Cap, 1)]);
    }
}

#[test]
fn contents_cost_effort_for_bytes_and_for_steps_in_the_tree() {
    let columns = json!([{ "name": "text", "path": "", "as": "cached" }]);
    let mut file = File::new(Era::Xarray, 4096);
    let page = file.page(0, b'x');
    // A tree of one page, whose other nodes are empty: their slots must be looked at.
    let first = file.node(0, &[(0, page)]);
    let others = (1..63).map(|slot| (slot, file.node(0, &[])));
    let leaves: Vec<_> = std::iter::once((0, first)).chain(others).collect();
    let top = file.node(6, &leaves);
    file.head(top);
    let (rows, warnings) = again(&file.kernel(), "struct inode", file.inode, columns.clone(), 64 * 64 * 64 * 10);
    assert!((1..10).contains(&rows), "{rows} rows");
    assert_eq!(warnings, [(Code::Cap, 1)]);
    file.resize(4096);
    let (rows, warnings) = again(&file.kernel(), "struct inode", file.inode, columns, 4096 * 100);
    assert!((10..100).contains(&rows), "{rows} rows");
    assert_eq!(warnings, [(Code::Cap, 1)]);
}

#[test]
fn a_query_may_ask_for_less_than_the_limit() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 3);
    ring(&mut memory, holder, &items);
    let list = json!({ "kind": "list", "head": "list", "type": "struct item", "link": "list" });
    let from = json!({ "addresses": true, "type": "struct holder" });
    let spec = json!({ "from": from, "walk": list, "select": [], "most": 2 });
    let batch = run(&kernel(&memory), &spec.to_string(), &[holder]).unwrap();
    assert_eq!((batch.length, batch.warnings[0].code), (2, Code::Cap));
}
