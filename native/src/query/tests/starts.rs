//! Where paths start: at a symbol, at an object of a walk further up, at what another path reads.

use super::tables::run_on;
use super::*;
use crate::testing::memory::BASE;
use crate::testing::tables::*;

#[test]
fn an_index_is_read_from_a_symbol_or_from_the_object() {
    let mut memory = Memory::new();
    let (table, entries) = entries(&mut memory, 4);
    let (slots, id) = (memory.take(64), memory.take(8));
    memory.put(table + SLOTS, slots);
    memory.put(id, 2);
    memory.put(slots + 8 + 2 * 8, entries[1]);
    memory.put(table + FIXED + 3 * 8, entries[3]);
    let pointer = memory.take(8);
    memory.put(pointer, table);
    memory.put(table + ID, 77);
    memory.put(table + MASK, 3 | 3 << 32);
    let symbols = [("net_id", id), ("init_table", table), ("current", pointer)];
    let value = |memory: &Memory, path: &str| {
        let kernel = memory.kernel(btf(true), &symbols);
        let batch = run_on(&kernel, table, json!({ "select": [{ "name": "it", "path": path }] }));
        let codes: Vec<_> = batch.warnings.iter().map(|warning| warning.code).collect();
        (numbers(&batch, 0)[0], codes)
    };
    for (path, expected) in [
        ("slots->ptr[symbol(unsigned int net_id)]->id", 2),
        ("((struct entry *)slots->ptr[symbol(unsigned int net_id)])->id", 2),
        ("fixed[symbol(unsigned int net_id) + 1]->id", 4),
        ("fixed[(mask)]->id", 4),
        ("fixed[(which)]->id", 4),
        ("fixed[fixed[3]->owner->mask]->id", 4),
        ("symbol(struct table init_table).id", 77),
        ("symbol(struct table *current)->id", 77),
        ("((struct table *)symbol(init_table))->id", 77),
        ("symbol(net_id)", id),
        ("symbol(unsigned int net_id) << 4", 32),
    ] {
        assert_eq!(value(&memory, path), (expected, vec![]), "{path}");
    }
    assert_eq!(value(&memory, "fixed[fixed[0]->id]->id"), (0, vec![]), "NULL on the way to the index");
    memory.put(table + MASK, 4 | 0xffff_ffff << 32);
    assert_eq!(value(&memory, "fixed[(mask)]->id"), (0, vec![Code::Torn]), "past the array's end");
    assert_eq!(value(&memory, "fixed[(which)]->id"), (0, vec![Code::Torn]), "before its start");
}

#[test]
fn what_a_symbol_or_an_index_lacks_is_said() {
    let kernel = Memory::new().kernel(btf(true), &[("there", BASE)]);
    let error = |path: &str| {
        let from = json!({ "addresses": true, "type": "struct table" });
        let spec = json!({ "from": from, "select": [{ "name": "it", "path": path }] });
        run(&kernel, &spec.to_string(), &[]).unwrap_err().message
    };
    for (path, expected) in [
        ("symbol(gone)", "no symbol 'gone'"),
        ("symbol(struct gone there).id", "no type 'struct gone'"),
        ("symbol()", "expected a symbol, maybe with its type before it at character 8"),
        ("symbol(struct table *)", "expected a symbol, maybe with its type before it"),
        ("symbol(there", "expected ')'"),
        ("fixed[]", "expected an index, an enumeration constant or a path to an index"),
        ("fixed[slots]", "no constant 'slots'"),
        ("fixed[(slots)", "expected ']'"),
        ("fixed[(hashed)]", "names a struct rhashtable, which has no single value"),
        ("mask[(which)]", "takes an element of what is no array"),
        ("^.id", "path '^.id' starts 1 walks up, where there are 0"),
    ] {
        assert!(error(path).contains(expected), "{path}: {}", error(path));
    }
}

#[test]
fn lists_that_hang_in_an_array_are_walked_one_by_one() {
    let mut memory = Memory::new();
    let (table, entries) = entries(&mut memory, 3);
    ring(&mut memory, table + RINGS, &entries[2..]);
    ring(&mut memory, table + RINGS + 16, &entries[..2]);
    let kernel = memory.kernel(btf(true), &[]);
    let list = |head: &str| json!({ "kind": "list", "head": head, "type": "struct entry", "link": "ring" });
    let select = json!([{ "name": "id", "path": "id" }]);
    let second = run_on(&kernel, table, json!({ "walk": list("rings[1]"), "select": select }));
    assert_eq!(numbers(&second, 0), [1, 2]);
    let child = json!({ "name": "entries", "walk": list(""), "select": select });
    let all = json!({ "walk": { "kind": "array", "of": "rings" }, "select": [], "children": [child] });
    let all = run_on(&kernel, table, all);
    assert_eq!((numbers(&all.children[0], 0), &all.children[0].parents), (vec![3, 1, 2], &vec![0, 1, 1]));
}

#[test]
fn a_walk_that_this_kernel_lacks_has_no_rows_if_it_may_be_missing() {
    let mut memory = Memory::new();
    let (table, entries) = entries(&mut memory, 2);
    ring(&mut memory, table + RINGS, &entries);
    let kernel = memory.kernel(btf(true), &[]);
    let list = |link: &str| json!({ "kind": "list", "head": "rings[0]", "type": "struct entry", "link": link });
    let owner = json!({ "kind": "object", "of": "owner" });
    let below = json!({ "name": "below", "walk": owner, "select": [{ "name": "id", "path": "id" }] });
    let spec = |link: &str, column: &str, optional: bool| {
        let nested = json!({
            "name": "nested", "walk": list(link), "optional": optional,
            "select": [{ "name": "it", "path": column }], "children": [below],
        });
        json!({ "from": { "addresses": true, "type": "struct table" }, "select": [], "children": [nested] }).to_string()
    };
    let there = run(&kernel, &spec("ring", "id", true), &[table]).unwrap();
    assert_eq!((numbers(&there.children[0], 0), there.children[0].warnings.len()), (vec![1, 2], 0));
    for (link, column) in [("gone", "id"), ("ring", "gone")] {
        let nested = run(&kernel, &spec(link, column, true), &[table]).unwrap().children.remove(0);
        assert_eq!((nested.length, nested.columns.len(), nested.children.len()), (0, 1, 1));
        let codes: Vec<_> = nested.warnings.iter().map(|warning| (warning.code, warning.column.clone())).collect();
        assert_eq!(codes, [(Code::Absent, None)]);
        assert!(nested.children[0].warnings.is_empty());
        let nobody = run(&kernel, &spec(link, column, true), &[]).unwrap();
        assert!(nobody.children[0].warnings.is_empty(), "nobody misses it");
        assert!(run(&kernel, &spec(link, column, false), &[table]).is_err());
    }
    let wrong = run(&kernel, &spec("ring", "^^^^.id", true), &[table]);
    assert!(wrong.is_err(), "what makes no sense in any kernel is told");
}

/// A table of tables: each entry of the first leads to a table of its own.
fn family(memory: &mut Memory) -> (u64, Vec<u64>, Vec<Vec<u64>>) {
    let (top, children) = entries(memory, 2);
    memory.put(top + ID, 1000);
    ring(memory, top + RINGS, &children);
    let mut grandchildren = Vec::new();
    for (child, at) in children.iter().zip(0..) {
        let (table, own) = entries(memory, 2);
        memory.put(table + ID, 100 * (at + 1));
        memory.put(child + E_OWNER, table);
        ring(memory, table + RINGS, &own);
        grandchildren.push(own);
    }
    (top, children, grandchildren)
}

#[test]
fn a_path_starts_from_any_object_that_the_walks_above_came_to() {
    let mut memory = Memory::new();
    let (top, children, grandchildren) = family(&mut memory);
    let kernel = memory.kernel(btf(true), &[]);
    let list = |head: &str| json!({ "kind": "list", "head": head, "type": "struct entry", "link": "ring" });
    let columns = |paths: &[&str]| -> Value {
        paths.iter().map(|path| json!({ "name": path, "path": path })).collect::<Vec<_>>().into()
    };
    let below = json!({
        "name": "below",
        "walk": list("owner->rings[0]"),
        "select": [
            { "name": "parent", "path": "^.id" },
            { "name": "table", "path": "^.owner->id" },
            { "name": "top", "path": "^^.id" },
            { "name": "by index", "path": "^^.rings[(id - 1)].next" },
            { "name": "address", "path": "^^", "as": "address" },
        ],
    });
    let spec = json!({ "walk": list("rings[0]"), "select": columns(&["^.id", "id"]), "children": [below] });
    let batch = run_on(&kernel, top, spec);
    assert_eq!((numbers(&batch, 0), numbers(&batch, 1)), (vec![1000, 1000], vec![1, 2]));
    let below = &batch.children[0];
    assert_eq!(below.addresses, grandchildren.concat());
    assert_eq!(numbers(below, 0), [1, 1, 2, 2]);
    assert_eq!(numbers(below, 1), [100, 100, 200, 200]);
    assert_eq!(numbers(below, 2), [1000; 4]);
    assert_eq!(numbers(below, 3), [children[0] + E_RING, 0, children[0] + E_RING, 0]);
    assert_eq!(numbers(below, 4), [top; 4]);
}

#[test]
fn a_walk_and_its_rules_start_from_an_ancestor_too() {
    let mut memory = Memory::new();
    let (top, children, grandchildren) = family(&mut memory);
    memory.put(grandchildren[1][1] + E_OWNER, top);
    let kernel = memory.kernel(btf(true), &[]);
    let list = |head: &str| json!({ "kind": "list", "head": head, "type": "struct entry", "link": "ring" });
    let select = json!([{ "name": "id", "path": "id" }]);
    // From each entry, the list of the table that the walk to the entry began at.
    let again = json!({ "name": "again", "walk": list("^.rings[0]"), "select": select });
    let own = |is: Value| {
        json!({
            "name": "own", "walk": list("owner->rings[0]"), "select": select, "rules": [{ "path": "owner", "is": is }],
        })
    };
    let spec = |child: Value| json!({ "walk": list("rings[0]"), "select": [], "children": [child] });
    let batch = run_on(&kernel, top, spec(again));
    assert_eq!(batch.children[0].addresses, [children.clone(), children.clone()].concat());
    let batch = run_on(&kernel, top, spec(own(json!({ "equals": "^.owner" }))));
    assert_eq!(batch.children[0].addresses, [grandchildren[0].clone(), vec![grandchildren[1][0]]].concat());
    assert_eq!(batch.children[0].warnings[0].code, Code::Stray);
    let batch = run_on(&kernel, top, spec(own(json!({ "equals": "^^" }))));
    assert_eq!(batch.children[0].addresses, [grandchildren[1][1]], "found backwards from the list's other end");
    // Where there is no walk, the objects themselves are the rows.
    let list = json!({ "select": [], "children": [{ "name": "e", "walk": list("rings[0]"), "select": [
        { "name": "id", "path": "^.id" },
    ] }] });
    assert_eq!(numbers(&run_on(&kernel, top, list).children[0], 0), [1000, 1000]);
}
