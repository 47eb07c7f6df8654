//! Files that are cut off while queries read them: unreadable is null, not zero.

use super::*;
use crate::error::ErrorKind;
use crate::scan;
use crate::testing::memory::BASE;
use crate::testing::world::*;

const PAGE: u64 = 4096;

/// Items on a ring, each on a page of its own, and the file behind them.
fn spread(count: u64) -> (Kernel, tempfile::NamedTempFile, u64, Vec<u64>) {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 1);
    let items: Vec<u64> = (0..count).map(|page| items[0] + page * PAGE).collect();
    for (item, id) in items.iter().zip(1..) {
        memory.put(*item, id);
        memory.write(*item + NAME, b"some name");
    }
    ring(&mut memory, holder, &items);
    let file = memory.file();
    (memory.kernel_in(&file, btf(), &[]), file, holder, items)
}

fn listed(kernel: &Kernel, holder: u64) -> Batch {
    let spec = json!({
        "from": { "addresses": true, "type": "struct holder" },
        "walk": { "kind": "list", "head": "list", "type": "struct item", "link": "list" },
        "select": [{ "name": "id", "path": "id" }, { "name": "name", "path": "name", "as": "string" }],
    });
    run(kernel, &spec.to_string(), &[holder]).unwrap()
}

/// Cuts the file off so that physical memory from an address on is gone.
fn cut(file: &tempfile::NamedTempFile, address: u64) {
    file.as_file().set_len(address - BASE).unwrap();
}

#[test]
fn what_is_cut_off_between_two_queries_is_null_in_the_second() {
    let (kernel, file, holder, items) = spread(6);
    let whole = listed(&kernel, holder);
    assert_eq!((numbers(&whole, 0), whole.warnings.len()), (vec![1, 2, 3, 4, 5, 6], 0));
    cut(&file, items[3] - items[3] % PAGE);
    let torn = listed(&kernel, holder);
    // The ring is followed to where memory ends from one side, to the first item from the other.
    assert_eq!(numbers(&torn, 0)[..3], [1, 2, 3]);
    let codes: Vec<Code> = torn.warnings.iter().map(|warning| warning.code).collect();
    assert!(codes.contains(&Code::Unreadable), "{codes:?}");
    for (row, address) in torn.addresses.iter().enumerate().filter(|(_, address)| **address >= items[3]) {
        let ColumnData::U64 { nulls, .. } = &torn.columns[0] else { panic!("not a number") };
        assert_eq!(nulls[row / 8] >> (row % 8) & 1, 1, "{address:#x} has an id, of zeros");
    }
    let loss = kernel.memory.image().loss().unwrap();
    let end = items[3] - items[3] % PAGE - BASE;
    assert!(
        loss.message.starts_with(&format!("the file was cut off at offset {end:#x} while it was read")),
        "{loss:?}"
    );
}

#[test]
fn the_rest_of_the_last_page_is_not_taken_for_zeros() {
    let (kernel, file, _, items) = spread(2);
    // No signal tells of this: the page is there, and zeros fill it up.
    cut(&file, items[1] + NAME);
    let of = |column: Value| value(&kernel, items[1], column);
    assert_eq!(of(json!({ "path": "id" })), Ok(Some("2".to_owned())));
    assert_eq!(of(json!({ "path": "value" })), Ok(None));
    assert_eq!(of(json!({ "path": "name", "as": "string" })), Ok(None));
}

#[test]
fn memory_that_is_lost_in_the_middle_of_a_query_is_read_again_as_lost() {
    let (kernel, file, _, items) = spread(3);
    let image = kernel.memory.image();
    let mut rounds = 0;
    let read = image.undisturbed(|| {
        rounds += 1;
        let page = image.peek(items[2] - BASE, 8).map(<[u8]>::to_vec);
        let borrowed = image.peek(items[1] - BASE, 8);
        cut(&file, items[0] + 8);
        Ok((page, borrowed.map(<[u8]>::to_vec)))
    });
    assert_eq!(read.map(|read| (read, rounds)).unwrap(), ((None, None), 2));
    assert_eq!(value(&kernel, items[0], json!({ "path": "id" })), Ok(Some("1".to_owned())));
}

#[test]
fn types_that_lie_in_lost_memory_are_an_error_of_the_evidence() {
    let mut memory = Memory::new();
    let at = memory.take(1 << 16);
    memory.write(at, &btf());
    let file = memory.file();
    let mut kernel = memory.kernel_in(&file, btf(), &[]);
    let kept = kernel.memory.image().keep(at - BASE, btf().len() as u64).unwrap();
    kernel.types = crate::kernel::types::Types::from_btf(kept).unwrap();
    assert_eq!(value(&kernel, at, json!({ "path": "id" })).map(|id| id.is_some()), Ok(true));
    cut(&file, at + 64);
    let error = value(&kernel, at, json!({ "path": "id" })).unwrap_err();
    let tasks = serde_json::json!({ "kind": "tasks", "rules": [] });
    assert!(scan::chunk(&kernel, &[tasks], 0, PAGE).is_err_and(|error| error.kind == ErrorKind::Evidence));
    assert!(error.contains("cut off at offset") && error.contains("the kernel's types with them"), "{error}");
}

#[test]
fn where_a_query_begins_that_damaged_pages_lost_there_is_nothing_and_it_is_said() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 1);
    ring(&mut memory, holder, &items);
    let id = json!([{ "name": "id", "path": "id" }]);
    let list = json!({ "kind": "list", "head": "list", "type": "struct item", "link": "list" });
    let by_symbol = json!({ "from": { "symbol": "lost", "type": "struct holder" }, "walk": list, "select": id });
    let of_type = json!({ "from": { "addresses": true, "type": "struct lost" }, "select": id });
    let obeying = json!({ "from": { "addresses": true, "type": "struct lost" }, "rules": [{ "path": "x", "is": "pointer" }], "select": id });
    let ask = |kernel: &Kernel, spec: &Value| run(kernel, &spec.to_string(), &items);
    let mut kernel = memory.kernel(btf(), &[]);
    assert!(ask(&kernel, &by_symbol).is_err() && ask(&kernel, &of_type).is_err());
    kernel.facts.lost_symbols = true;
    let codes = |batch: &Batch| batch.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>();
    let found = ask(&kernel, &by_symbol).unwrap();
    assert_eq!((found.addresses.len(), codes(&found)), (0, vec![Code::Unreadable]));
    // Objects that the caller knows are there, whatever is in them; what was to be proven is not.
    let found = ask(&kernel, &of_type).unwrap();
    let ColumnData::U64 { nulls, .. } = &found.columns[0] else { panic!("not a number") };
    assert_eq!((&found.addresses, nulls[0] & 1, codes(&found)), (&items, 1, vec![Code::Absent]));
    let found = ask(&kernel, &obeying).unwrap();
    assert_eq!((found.addresses.len(), codes(&found)), (0, vec![Code::Unreadable]));
}
