//! Memory that whoever made a dump left out of it: null, with a warning that says so, and never zeros.

use super::*;
use crate::testing::memory::{BASE, SIZE};
use crate::testing::packed::{self, Kdump, PAGE};
use crate::testing::world::*;

/// The memory as a dump without the pages of some addresses.
fn dumped(memory: &Memory, without: &[u64]) -> Kernel {
    let left_out: Vec<u64> = without.iter().map(|address| (address - BASE) / PAGE as u64).collect();
    let held = |number: u64| {
        let page = memory.bytes[number as usize * PAGE..][..PAGE].to_vec();
        (number, (!left_out.contains(&number)).then_some(page))
    };
    let pages = (0..SIZE / PAGE as u64).map(held).collect();
    memory.kernel_in(&packed::file(&Kdump::new(packed::ZLIB, pages).bytes()), btf(), &[])
}

/// Items on a ring, each on a page of its own.
fn spread(memory: &mut Memory) -> (u64, Vec<u64>) {
    let (holder, items) = items(memory, 1);
    let items: Vec<u64> = (0..4).map(|page| items[0] + page * PAGE as u64).collect();
    for (item, id) in items.iter().zip(1..) {
        memory.put(*item, id);
        memory.put(*item + TEXT, *item + NAME);
        memory.write(*item + NAME, b"some name");
    }
    ring(memory, holder, &items);
    (holder, items)
}

#[test]
fn a_dump_that_leaves_nothing_out_gives_what_the_memory_gives() {
    let mut memory = Memory::new();
    let (holder, items) = spread(&mut memory);
    let kernel = dumped(&memory, &[]);
    let list = json!({ "kind": "list", "head": "list", "type": "struct item", "link": "list" });
    assert_eq!(walk_in(&kernel, holder, list.clone()), walk(&memory, holder, list));
    for column in
        [json!({ "path": "id" }), json!({ "path": "name", "as": "string" }), json!({ "path": "text", "as": "string" })]
    {
        assert_eq!(value(&kernel, items[2], column.clone()), value(&super::kernel(&memory), items[2], column));
    }
}

#[test]
fn values_and_links_in_pages_that_were_left_out_are_null_and_told_apart_from_damage() {
    let mut memory = Memory::new();
    let (holder, items) = spread(&mut memory);
    let kernel = dumped(&memory, &[items[2]]);
    let list = json!({ "kind": "list", "head": "list", "type": "struct item", "link": "list" });
    let (_, codes) = walk_in(&kernel, holder, list);
    assert!(codes.contains(&Code::LeftOut) && !codes.contains(&Code::Unreadable), "{codes:?}");
    for column in [json!({ "path": "id" }), json!({ "path": "name", "as": "string" })] {
        let mut column = column;
        column["name"] = json!("it");
        let spec = json!({ "from": { "addresses": true, "type": "struct item" }, "select": [column] });
        let batch = run(&kernel, &spec.to_string(), &[items[2]]).unwrap();
        let (ColumnData::U64 { nulls, .. }
        | ColumnData::I64 { nulls, .. }
        | ColumnData::Text { nulls, .. }
        | ColumnData::Bytes { nulls, .. }) = &batch.columns[0];
        let warning = &batch.warnings[0];
        assert_eq!((nulls[0], warning.code, warning.code.name()), (1, Code::LeftOut, "excluded"));
        assert_eq!(warning.message, "in memory that was left out of the dump");
    }
}

/// Ids of the items that a walk in a kernel gives, and its warnings.
fn walk_in(kernel: &Kernel, holder: u64, walk: Value) -> (Vec<u64>, Vec<Code>) {
    let spec = json!({
        "from": { "addresses": true, "type": "struct holder" },
        "walk": walk,
        "select": [{ "name": "id", "path": "id" }],
    });
    let batch = run(kernel, &spec.to_string(), &[holder]).unwrap();
    (numbers(&batch, 0), batch.warnings.iter().map(|warning| warning.code).collect())
}
