//! What every object of a type obeys: a walk gives nothing else, and follows nothing else.

use super::*;
use crate::testing::memory::{BASE, NOWHERE};
use crate::testing::world::*;
use proptest::{prop_assert, proptest};

/// Ids of the items on a holder's list that obey rules, and the warnings.
fn obeying(memory: &Memory, holder: u64, rules: Value) -> (Vec<u64>, Vec<Code>) {
    let spec = json!({
        "from": { "addresses": true, "type": "struct holder" },
        "walk": { "kind": "list", "head": "list", "type": "struct item", "link": "list" },
        "rules": rules,
        "select": [{ "name": "id", "path": "id" }],
    });
    let batch = run(&kernel(memory), &spec.to_string(), &[holder]).unwrap();
    (numbers(&batch, 0), batch.warnings.iter().map(|warning| warning.code).collect())
}

#[test]
fn a_stray_is_neither_given_nor_followed_and_the_other_way_round_finds_the_rest() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 6);
    ring(&mut memory, holder, &items);
    let rules = json!([{ "path": "id", "is": { "at_most": 100 } }]);
    assert_eq!(obeying(&memory, holder, rules.clone()), (vec![1, 2, 3, 4, 5, 6], vec![]));
    // What was used again has other things in it, and leads elsewhere.
    memory.put(items[2], 5000);
    memory.put(items[2] + LIST, items[0] + LIST);
    memory.put(items[2] + LIST + 8, items[0] + LIST);
    assert_eq!(obeying(&memory, holder, rules), (vec![1, 2, 4, 5, 6], vec![Code::Torn, Code::Stray]));
}

#[test]
fn an_object_of_another_list_is_told_by_the_object_that_the_walk_began_at() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 5);
    ring(&mut memory, holder, &items);
    for item in &items {
        memory.put(item + NEXT, holder);
    }
    let rules = json!([{ "path": "next", "is": "origin" }]);
    assert_eq!(obeying(&memory, holder, rules.clone()), (vec![1, 2, 3, 4, 5], vec![]));
    memory.put(items[4] + NEXT, holder + 8);
    assert_eq!(obeying(&memory, holder, rules), (vec![1, 2, 3, 4], vec![Code::Stray]));
    memory.put(items[4] + NEXT, 0);
    let or_null = json!([{ "path": "next", "is": "origin_or_null" }]);
    assert_eq!(obeying(&memory, holder, or_null), (vec![1, 2, 3, 4, 5], vec![]));
}

#[test]
fn each_test_of_a_rule_tells_right_from_wrong() {
    let cases = [
        (json!("own"), vec![0], vec![8, NOWHERE]),
        (json!("pointer"), vec![BASE, NOWHERE], vec![0, 0x1000, BASE + 4]),
        (json!("pointer_or_null"), vec![0, BASE], vec![0x1000, BASE + 4]),
        (json!("stack"), vec![0, BASE + 0x1000], vec![BASE + 8, 0x1000]),
        (json!("image"), vec![0xffff_ffff_8100_0000], vec![0, BASE]),
        (json!({ "at_least": 7 }), vec![7, 8], vec![0, 6]),
        (json!({ "at_most": 7 }), vec![0, 7], vec![8, u64::MAX]),
        (json!({ "symbol": "known" }), vec![0x1234], vec![0x1235]),
        (json!({ "equals": "id" }), vec![77], vec![78]),
    ];
    for (is, right, wrong) in cases {
        for (value, expected) in right.iter().map(|value| (value, 1)).chain(wrong.iter().map(|value| (value, 0))) {
            let mut memory = Memory::new();
            let (_, items) = items(&mut memory, 1);
            memory.put(items[0], 77);
            let own = is == json!("own");
            memory.put(items[0] + NEXT, if own { items[0].wrapping_add(*value) } else { *value });
            let column = json!({ "name": "it", "path": "", "as": "obeys", "rules": [{ "path": "next", "is": is }] });
            let spec = json!({ "from": { "addresses": true, "type": "struct item" }, "select": [column] });
            let kernel = memory.kernel(btf(), &[("known", 0x1234)]);
            let batch = run(&kernel, &spec.to_string(), &items).unwrap();
            assert_eq!(numbers(&batch, 0), [expected], "{is} of {value:#x}");
        }
    }
}

#[test]
fn text_is_something_and_then_a_nul() {
    for (name, expected) in [(&b"init\0"[..], 1), (b"\0nothing", 0), (b"sixteen and more", 0)] {
        let mut memory = Memory::new();
        let (_, items) = items(&mut memory, 1);
        memory.write(items[0] + NAME, name);
        let rules = json!([{ "path": "name", "is": "text" }]);
        let obeys = value(&kernel(&memory), items[0], json!({ "path": "", "as": "obeys", "rules": rules }));
        assert_eq!(obeys, Ok(Some(expected.to_string())));
    }
}

#[test]
fn what_a_kernel_lacks_says_nothing_null_passes_and_what_cannot_be_read_does_not() {
    let mut memory = Memory::new();
    let (_, items) = items(&mut memory, 1);
    let obeys = |memory: &Memory, rules: Value| {
        value(&kernel(memory), items[0], json!({ "path": "", "as": "obeys", "rules": rules }))
    };
    let yes = || Ok(Some("1".to_owned()));
    assert_eq!(obeys(&memory, json!([{ "path": "no_such_member", "is": "own" }])), yes());
    assert_eq!(obeys(&memory, json!([{ "path": "id", "is": { "symbol": "no_such_symbol" } }])), yes());
    let beyond = json!([{ "path": "next->id", "is": { "at_least": 1 } }]);
    assert_eq!(obeys(&memory, beyond.clone()), yes());
    memory.put(items[0] + NEXT, NOWHERE);
    assert_eq!(obeys(&memory, beyond), Ok(Some("0".to_owned())));
    let wrong = obeys(&memory, json!([{ "path": "next->", "is": "own" }]));
    assert!(wrong.is_err_and(|message| message.contains("rule")));
}

proptest! {
    /// However memory is torn, no row disobeys, and none comes twice.
    #[test]
    fn no_row_disobeys(edits in proptest::collection::vec((0u64..40, 0u64..40, 0u64..14), 0..20)) {
        let mut memory = Memory::new();
        let (holder, items) = items(&mut memory, 40);
        ring(&mut memory, holder, &items);
        for (from, to, word) in edits {
            let (Some(from), Some(to)) = (items.get(from as usize), items.get(to as usize)) else { continue };
            memory.put(from + word * 8, to + LIST);
        }
        let (ids, _) = obeying(&memory, holder, json!([{ "path": "id", "is": { "at_most": 40 } }]));
        prop_assert!(ids.iter().all(|id| *id <= 40));
        prop_assert!(ids.len() <= items.len());
    }
}
