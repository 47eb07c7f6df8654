//! Values and text of single objects.

use super::*;
use crate::testing::memory::{BASE, NOWHERE, SIZE};
use crate::testing::world::*;

#[test]
fn paths_lead_to_values() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 2);
    let (item, other) = (items[0], items[1]);
    memory.put(item + NEXT, other);
    memory.put(item + VALUE, 0xffff_fffe);
    memory.put(item + BITS, 0x00ab_cdef_0123_45fe);
    memory.put(holder + FIRST, item);
    let kernel = kernel(&memory);
    let number = |path: &str| value(&kernel, item, json!({ "path": path })).unwrap();
    let expected = [
        ("id", "1"),
        ("next->id", "2"),
        ("next->id + 3", "5"),
        ("next->id - 3", "18446744073709551615"),
        ("value", "4294967294"),
        ("signed_value", "-2"),
        ("signed_value - 1", "-3"),
        ("signed_value >> 1", "-1"),
        ("value & 0xff00 >> 8 << 4", "4080"),
        ("bits.low", "6"),
        ("bits.high", "-1"),
        ("bits.wide", "884478124869"),
        ("name[1]", "0"),
        ("((struct item *)next)->id", "2"),
        ("((struct item *)(next & ~3))->id", "2"),
        ("container_of(next, struct item, list)->list.next", "2"),
        ("container_of(list, struct item, list)->id", "1"),
    ];
    for (path, expected) in expected {
        assert_eq!(number(path).as_deref(), Some(expected), "{path}");
    }
    assert_eq!(number("next->next->id"), None);
    assert_eq!(number("next->next").as_deref(), Some("0"));
    let address = value(&kernel, item, json!({ "path": "next->list", "as": "address" })).unwrap();
    assert_eq!(address, Some((other + LIST).to_string()));
}

#[test]
fn what_cannot_be_read_is_null_and_summed_up() {
    let mut memory = Memory::new();
    let (_, items) = items(&mut memory, 3);
    memory.put(items[0] + NEXT, NOWHERE);
    memory.put(items[1] + NEXT, NOWHERE + 8);
    let spec = json!({
        "from": { "addresses": true, "type": "struct item" },
        "select": [{ "name": "far", "path": "next->id" }, { "name": "none", "path": "state", "optional": true }],
    });
    let batch = run(&kernel(&memory), &spec.to_string(), &items).unwrap();
    let ColumnData::U64 { nulls, .. } = &batch.columns[0] else { panic!("not u64") };
    assert_eq!(nulls, &[7]);
    let unreadable = &batch.warnings[0];
    assert_eq!((unreadable.code, unreadable.count, unreadable.address), (Code::Unreadable, 2, Some(NOWHERE)));
    assert_eq!(unreadable.column.as_deref(), Some("far"));
    assert_eq!(batch.warnings[1].code, Code::Absent);
}

#[test]
fn strings_end_at_nul_array_or_limit() {
    let mut memory = Memory::new();
    let (_, items) = items(&mut memory, 1);
    let (item, text) = (items[0], memory.take(8192));
    memory.write(item + NAME, b"0123456789abcdef");
    memory.write(text, &[b'x'; 5000]);
    memory.write(text, b"caf\xc3\xa9 \xff\xe2\x82\0");
    memory.put(item + TEXT, text);
    let read = |memory: &Memory, column: Value| value(&kernel(memory), item, column).unwrap();
    let name = json!({ "path": "name", "as": "string" });
    assert_eq!(read(&memory, name.clone()).as_deref(), Some("0123456789abcdef"));
    assert_eq!(read(&memory, json!({ "path": "name", "as": "string", "max": 3 })).as_deref(), Some("012"));
    let pointed = json!({ "path": "text", "as": "string" });
    assert_eq!(read(&memory, pointed.clone()).as_deref(), Some("café \\xff\\xe2\\x82"));
    assert_eq!(read(&memory, json!({ "path": "text", "as": "hex", "max": 4 })).as_deref(), Some("636166c3"));
    memory.write(text, b"zzzzzzzzzzzzzzzzzz");
    assert_eq!(read(&memory, pointed.clone()).map(|text| text.len()), Some(4096));
    memory.put(item + TEXT, BASE + SIZE - 1);
    memory.bytes[SIZE as usize - 1] = b'x';
    assert_eq!(read(&memory, pointed.clone()), None, "runs into unmapped memory");
    memory.put(item + TEXT, 0);
    assert_eq!(read(&memory, pointed), None);
}

#[test]
fn per_cpu_objects_are_those_of_possible_processors() {
    let mut memory = Memory::new();
    let (_, items) = items(&mut memory, 3);
    let (mask, offsets, count) = (memory.take(8), memory.take(64), memory.take(8));
    memory.put(mask, 0b1101);
    memory.put(count, 3);
    [items[0], 0, items[2]].iter().zip(0..).for_each(|(at, cpu)| memory.put(offsets + cpu * 8, at.wrapping_sub(0x40)));
    let symbols =
        [("thing", 0x40), ("__cpu_possible_mask", mask), ("__per_cpu_offset", offsets), ("nr_cpu_ids", count)];
    let spec = json!({
        "from": { "symbol": "thing", "type": "struct item", "perCpu": true },
        "select": [{ "name": "id", "path": "id" }, { "name": "cpu", "path": "", "as": "index" }],
    });
    let batch = run(&memory.kernel(btf(), &symbols), &spec.to_string(), &[]).unwrap();
    assert_eq!((numbers(&batch, 0), numbers(&batch, 1)), (vec![1, 3], vec![0, 2]));
}
