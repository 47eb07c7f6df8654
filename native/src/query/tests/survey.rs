//! What a survey of types says is missing.

use super::*;
use crate::kernel::types::Types;
use crate::query::scope::Scope;
use crate::query::survey::survey;

/// (what, whether it is needed) of each thing that is missing.
fn lacks(request: Value) -> Vec<(String, bool)> {
    let types = Types::from_btf(world::btf()).unwrap();
    let lacks = survey(Scope::of_types(&types), &request.to_string()).unwrap();
    lacks.into_iter().map(|lack| (lack.what, lack.needed)).collect()
}

fn column(name: &str, path: Value, optional: bool) -> Value {
    json!({ "name": name, "path": path, "optional": optional })
}

#[test]
fn a_survey_names_each_thing_that_is_missing_and_not_only_the_first() {
    let walk = |link: &str| json!({ "kind": "list", "head": "list", "type": "struct item", "link": link });
    let gone = json!({ "name": "gone", "walk": walk("gone"), "select": [] });
    let found = lacks(json!({ "query": {
        "from": { "symbol": "any", "type": "struct holder" },
        "walk": walk("list"),
        "rules": [{ "path": "id", "is": { "symbol": "any" } }, { "path": "owner", "is": "own" }],
        "select": [
            column("id", json!(["number", "id"]), false),
            column("first", json!("uid"), false),
            column("second", json!(["gid", "group"]), true),
            { "name": "sound", "path": "", "as": "obeys", "rules": [{ "path": "state", "is": "pointer" }] },
        ],
        "children": [gone],
    } }));
    let expected = [
        ("rule of struct item: tried 'owner' (struct item has no member 'owner')", false),
        ("column 'first' of struct item: tried 'uid' (struct item has no member 'uid')", true),
        ("column 'second' of struct item: tried", false),
        ("rule of struct item: tried 'state'", false),
        ("walk from struct item", true),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((what, needed), (part, expected)) in found.iter().zip(expected) {
        assert!(what.starts_with(part) && *needed == expected, "{what} ({needed}), and not {part}");
    }
}

#[test]
fn a_survey_tells_what_the_core_itself_has_nothing_for() {
    let none = json!({ "query": { "from": { "addresses": true, "type": "struct none" }, "select": [] } });
    assert_eq!(lacks(none), [("no type 'struct none'".to_owned(), true)]);
    assert_eq!(lacks(json!("user_memory")), [("struct mm_struct has no member 'pgd'".to_owned(), true)]);
    let anchors = lacks(json!({ "task_scan": [] }));
    assert!(anchors.iter().all(|(_, needed)| *needed), "{anchors:?}");
    assert_eq!(anchors.len(), 3, "the type and both anchors: {anchors:?}");
}

#[test]
fn a_survey_follows_paths_to_the_objects_further_up() {
    let walk = json!({ "kind": "list", "head": "list", "type": "struct item", "link": "list" });
    let child = json!({ "name": "below", "walk": walk, "select": [
        column("parent", json!("^.id"), false),
        column("holder", json!(["^^.gone", "^^.list.next"]), false),
        column("gone", json!("^^.value"), false),
        column("far", json!("^^^.id"), false),
    ] });
    let from = json!({ "symbol": "any", "type": "struct holder" });
    let found = lacks(json!({ "query": { "from": from, "walk": walk, "select": [], "children": [child] } }));
    let expected = [
        "column 'gone' of struct item: tried '^^.value' (struct holder has no member 'value')",
        "column 'far' of struct item: path '^^^.id' starts 3 walks up, where there are 2",
    ];
    assert_eq!(found, expected.map(|what| (what.to_owned(), true)));
}

#[test]
fn a_survey_tells_what_a_walk_of_any_kind_has_nothing_for() {
    let types = Types::from_btf(crate::testing::tables::btf(true)).unwrap();
    let from = json!({ "addresses": true, "type": "struct table" });
    let told = |walk: Value| {
        let request = json!({ "query": { "from": from, "walk": walk, "select": [] } });
        let lacks = survey(Scope::of_types(&types), &request.to_string()).unwrap();
        lacks.into_iter().map(|lack| lack.what).collect::<Vec<_>>().join("; ")
    };
    let records = |size: &str| json!({ "kind": "records", "of": "data", "bytes": "length", "type": "struct record", "size": size });
    let hashed = |link: &str| json!({ "kind": "rhashtable", "of": "hashed", "type": "struct entry", "link": link });
    let table = |head: &str| {
        json!({
            "kind": "hash", "of": "buckets", "count": "mask + 1", "head": head, "type": "struct entry", "link": "chain",
        })
    };
    for whole in [records("kind->size"), hashed("hash"), table("chain"), json!({ "kind": "percpu", "of": "counters" })]
    {
        assert_eq!(told(whole), "");
    }
    for (walk, expected) in [
        (records("ops->size"), "the size of a record: tried 'ops->size' (struct record has no member 'ops')"),
        (
            hashed("chain"),
            "the link of struct entry: tried 'chain' (is a struct hlist_nulls_node, where a struct rhash_head",
        ),
        (table("slot"), "the buckets: tried 'slot' (struct bucket has no member 'slot')"),
        (json!({ "kind": "percpu", "of": "mask" }), "path 'mask' is no pointer, where per-CPU copies are asked for"),
        (json!({ "kind": "object", "of": "slots->ptr[(nothing)]" }), "struct table has no member 'nothing'"),
    ] {
        let what = told(walk);
        assert!(what.contains(expected), "{what}");
    }
}
