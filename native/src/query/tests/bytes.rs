//! Bytes as they are: in place and behind pointers.

use super::*;
use crate::testing::memory::{BASE, NOWHERE, SIZE};
use crate::testing::world::{ITEM, NAME, TEXT, VALUE};

/// An item whose `name` is bytes that are no text, whose `text` leads to 5000 bytes, and whose `value` is a length.
fn item(memory: &mut Memory, length: u32) -> u64 {
    let (item, data) = (memory.take(ITEM), memory.take(5000));
    memory.write(item + NAME, &(0xf8..=0xff).chain(0..8).collect::<Vec<u8>>());
    memory.write(data, &(0..5000_u32).map(|at| (at / 16) as u8).collect::<Vec<u8>>());
    memory.put(item + TEXT, data);
    memory.write(item + VALUE, &length.to_le_bytes());
    item
}

fn read(kernel: &Kernel, object: u64, column: Value) -> (Option<Vec<u8>>, Vec<Code>) {
    let mut column = column;
    (column["name"], column["as"]) = (json!("it"), json!("bytes"));
    let spec = json!({ "from": { "addresses": true, "type": "struct item" }, "select": [column] });
    let batch = run(kernel, &spec.to_string(), &[object]).unwrap();
    let ColumnData::Bytes { bytes, offsets, nulls } = &batch.columns[0] else { panic!("no bytes") };
    assert_eq!(*offsets, [0, bytes.len() as u32]);
    let bytes = (nulls[0] & 1 == 0).then(|| bytes.clone());
    (bytes, batch.warnings.iter().map(|warning| warning.code).collect())
}

#[test]
fn an_array_is_its_bytes_whatever_they_are() {
    let mut memory = Memory::new();
    let object = item(&mut memory, 0);
    let kernel = kernel(&memory);
    let name: Vec<u8> = (0xf8..=0xff).chain(0..8).collect();
    assert_eq!(read(&kernel, object, json!({ "path": "name" })), (Some(name.clone()), vec![]));
    assert_eq!(read(&kernel, object, json!({ "path": "name", "length": 6 })), (Some(name[..6].to_vec()), vec![]));
    let more = read(&kernel, object, json!({ "path": "name", "length": 17 }));
    assert_eq!(more, (Some(name.clone()), vec![Code::Truncated]), "no more than the array has");
    let cut = read(&kernel, object, json!({ "path": "name", "max": 4 }));
    assert_eq!(cut, (Some(name[..4].to_vec()), vec![Code::Truncated]));
    assert_eq!(read(&kernel, object, json!({ "path": "value" })), (Some(vec![0; 4]), vec![]), "a number's too");
}

#[test]
fn a_character_is_the_first_of_as_many_as_are_asked_for() {
    let mut memory = Memory::new();
    let at = memory.take(16);
    memory.write(at, b"characters\0more");
    let kernel = kernel(&memory);
    let read = |column: Value| {
        let spec = json!({ "from": { "addresses": true, "type": "char" }, "select": [column] });
        run(&kernel, &spec.to_string(), &[at]).map(|batch| match &batch.columns[0] {
            ColumnData::Bytes { bytes, .. } | ColumnData::Text { bytes, .. } => bytes.clone(),
            _ => panic!("neither text nor bytes"),
        })
    };
    assert_eq!(read(json!({ "name": "it", "path": "", "as": "bytes", "length": 12 })).unwrap(), b"characters\0m");
    assert_eq!(read(json!({ "name": "it", "path": "", "as": "bytes" })).unwrap(), b"c", "itself");
    assert_eq!(read(json!({ "name": "it", "path": "", "as": "string", "max": 4 })).unwrap(), b"char");
    assert_eq!(read(json!({ "name": "it", "path": "", "as": "string", "max": 99 })).unwrap(), b"characters");
    assert!(read(json!({ "name": "it", "path": "", "as": "string" })).is_err(), "one character is no string");
}

#[test]
fn a_pointer_has_as_many_bytes_as_a_number_or_a_path_says() {
    let data: Vec<u8> = (0..5000_u32).map(|at| (at / 16) as u8).collect();
    for length in [0, 1, 4096, 5000] {
        let mut memory = Memory::new();
        let object = item(&mut memory, length);
        let kernel = kernel(&memory);
        let expected = (Some(data[..length as usize].to_vec()), vec![]);
        assert_eq!(read(&kernel, object, json!({ "path": "text", "length": "value" })), expected);
        assert_eq!(read(&kernel, object, json!({ "path": "text", "length": length })), expected);
    }
    let mut memory = Memory::new();
    let object = item(&mut memory, 0);
    memory.put(object + TEXT, 0);
    let read = read(&kernel(&memory), object, json!({ "path": "text", "length": 8 }));
    assert_eq!(read, (None, vec![]), "NULL is nothing, not unreadable");
}

#[test]
fn lengths_that_lie_cost_little_and_are_told() {
    for (length, path, expected) in [
        (u32::MAX, "signed_value", (None, vec![Code::Torn])),
        (u32::MAX, "value", (None, vec![Code::Unreadable])),
        (1 << 30, "signed_value", (None, vec![Code::Unreadable])),
    ] {
        let mut memory = Memory::new();
        let object = item(&mut memory, length);
        memory.put(object + TEXT, BASE + SIZE - 8192);
        assert_eq!(read(&kernel(&memory), object, json!({ "path": "text", "length": path })), expected);
    }
    let mut memory = Memory::new();
    let object = item(&mut memory, u32::MAX);
    memory.put(object + TEXT, NOWHERE);
    let kernel = kernel(&memory);
    let all = json!({ "path": "text", "length": "value", "max": 16 });
    assert_eq!(read(&kernel, object, all), (None, vec![Code::Unreadable]));
}

#[test]
fn more_than_a_query_may_read_is_told() {
    let mut memory = Memory::new();
    let object = item(&mut memory, 0);
    let kernel = kernel(&memory);
    let select = json!([{ "name": "it", "path": "text", "as": "bytes", "length": 5000 }]);
    let spec = json!({ "from": { "addresses": true, "type": "struct item" }, "select": select });
    let few = Limits { effort: 12_000, ..Limits::default() };
    let batch = run_limited(&kernel, &spec.to_string(), &[object; 4], &few).unwrap();
    let ColumnData::Bytes { bytes, nulls, .. } = &batch.columns[0] else { panic!("no bytes") };
    assert_eq!((batch.length, bytes.len(), nulls[0]), (3, 10_000, 0b100));
    assert_eq!(batch.warnings[0].code, Code::Cap);
    let less = Limits { text: 5001, ..Limits::default() };
    let batch = run_limited(&kernel, &spec.to_string(), &[object; 2], &less).unwrap();
    let ColumnData::Bytes { bytes, nulls, .. } = &batch.columns[0] else { panic!("no bytes") };
    assert_eq!((bytes.len(), nulls[0], batch.warnings[0].code), (5000, 0b10, Code::Cap));
}

#[test]
fn a_pointer_without_a_length_is_a_mistake_and_an_absent_member_null() {
    let mut memory = Memory::new();
    let object = item(&mut memory, 0);
    let kernel = kernel(&memory);
    let column = |path: &str| json!({ "path": path, "as": "bytes" });
    assert!(value(&kernel, object, column("text")).unwrap_err().contains("needs 'length'"));
    assert!(value(&kernel, object, column("bits.low")).is_ok());
    let absent = read(&kernel, object, json!({ "path": "nothing", "optional": true }));
    assert_eq!(absent, (None, vec![Code::Absent]));
}
