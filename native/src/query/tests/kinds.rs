//! The same name can have another type: what is not of a walk's kind does not compile as it, and the next alternative does.

use super::*;
use crate::error::ErrorKind;
use crate::testing::world::*;

/// Every kind of walk, and members of `struct holder` that are of its kind.
fn walks() -> Vec<(&'static str, &'static str, &'static str, &'static [&'static str])> {
    vec![
        ("list", "head", "list", &["list"]),
        ("hlist", "head", "hash", &["hlist", "locked", "nulls"]),
        ("hash", "of", "hash", &["buckets"]),
        ("rbtree", "root", "tree", &["root", "cached"]),
        ("xarray", "of", "", &["xarray", "radix", "idr"]),
        ("maple", "of", "", &["maple"]),
        ("chain", "first", "", &["first", "table"]),
    ]
}

fn spec(kind: &str, place: &str, head: &str, link: &str) -> Value {
    let mut walk = json!({ "kind": kind, "type": "struct item" });
    walk[place] = json!(head);
    match link {
        "" if kind == "chain" => walk["next"] = json!("next"),
        "" => {}
        link => walk["link"] = json!(link),
    }
    walk
}

fn compiles(kernel: &Kernel, walk: &Value) -> Result<(), crate::error::Error> {
    let from = json!({ "addresses": true, "type": "struct holder" });
    run(kernel, &json!({ "from": from, "walk": walk, "select": [] }).to_string(), &[]).map(|_| ())
}

#[test]
fn a_walk_takes_only_members_of_its_own_kind() {
    let kernel = kernel(&Memory::new());
    let members = ["list", "hlist", "locked", "nulls", "buckets", "root", "cached", "xarray", "radix", "idr", "maple"];
    for (kind, place, link, own) in walks() {
        for member in members.iter().chain(&["pointers", "table", "count", "first"]) {
            let outcome = compiles(&kernel, &spec(kind, place, member, link));
            assert_eq!(outcome.is_ok(), own.contains(member), "{kind} of {member}: {outcome:?}");
            // A pointer without a length may be an array elsewhere, which is for the query to say.
            let lacks = outcome.is_err_and(|error| error.kind == ErrorKind::NoSymbols);
            assert!(lacks || own.contains(member) || kind == "hash", "{kind} of {member}");
        }
    }
}

#[test]
fn a_walk_takes_only_links_of_its_own_kind() {
    let kernel = kernel(&Memory::new());
    for (kind, place, own, heads) in walks().into_iter().filter(|(_, _, link, _)| !link.is_empty()) {
        for link in ["list", "hash", "tree", "next", "id", "name"] {
            let outcome = compiles(&kernel, &spec(kind, place, heads[0], link));
            assert_eq!(outcome.is_ok(), link == own, "{kind} by {link}: {outcome:?}");
        }
    }
}

#[test]
fn the_alternative_of_the_right_kind_is_taken() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 2);
    ring(&mut memory, holder, &items);
    memory.put(items[0] + VALUE, 7);
    let tree = |root: &str| spec("rbtree", "root", root, "tree");
    let all =
        json!({ "kind": "alternatives", "walks": [tree("count"), tree("list"), spec("list", "head", "list", "list")] });
    assert_eq!(walk(&memory, holder, all), (vec![1, 2], vec![]));
    let kernel = kernel(&memory);
    let number = |path: Value| value(&kernel, items[0], json!({ "path": path })).unwrap();
    assert_eq!(number(json!(["list", "bits", "list->next", "id.deep", "value"])).as_deref(), Some("7"));
    let optional = json!({ "path": "list", "optional": true });
    assert_eq!(value(&kernel, items[0], optional).unwrap(), None, "absent, where its type is another one");
}

#[test]
fn all_alternatives_that_fail_are_one_error_that_names_them() {
    let kernel = kernel(&Memory::new());
    let tree = spec("rbtree", "root", "mounts", "tree");
    let list = spec("list", "head", "count", "list");
    let error = compiles(&kernel, &json!({ "kind": "alternatives", "walks": [tree, list] })).unwrap_err();
    assert_eq!(
        error.message,
        "kernel 6.0-test lacks what the query asks for: walk from struct holder: tried 'mounts' (struct holder has no \
         member 'mounts'); tried 'count' (is a int, where a struct list_head is needed)"
    );
    let error = value(&kernel, 0, json!({ "path": ["list", "state"] })).unwrap_err();
    assert_eq!(
        error,
        "kernel 6.0-test lacks what the query asks for: column 'it' of struct item: tried 'list' (names a struct \
         list_head, which has no single value), 'state' (struct item has no member 'state')"
    );
}
