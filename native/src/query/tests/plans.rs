//! Queries that are asked again.

use super::*;
use crate::error::ErrorKind;
use crate::query::Plans;
use crate::query::limits::{LONGEST_KEPT, MOST_PLANS};
use crate::testing::world::*;

fn spec(path: &str) -> String {
    let from = json!({ "addresses": true, "type": "struct item" });
    json!({ "from": from, "select": [{ "name": "it", "path": path }] }).to_string()
}

#[test]
fn a_query_is_compiled_once_and_answers_each_time_for_what_it_is_asked() {
    let mut memory = Memory::new();
    let (_, items) = items(&mut memory, 3);
    let kernel = kernel(&memory);
    let plans = Plans::default();
    for item in [&items[..1], &items[1..], &[]] {
        let expected: Vec<u64> = items.iter().zip(1..).filter(|(at, _)| item.contains(at)).map(|(_, id)| id).collect();
        assert_eq!(numbers(&plans.run(&kernel, &spec("id"), item).unwrap(), 0), expected);
        assert_eq!(plans.count(), 1);
    }
    assert_eq!(numbers(&plans.run(&kernel, &spec("id + 1"), &items[..1]).unwrap(), 0), [2]);
    assert_eq!(plans.count(), 2);
    let error = plans.run(&kernel, &spec("gone"), &items).unwrap_err();
    assert_eq!((error.kind, plans.count()), (ErrorKind::NoSymbols, 2), "an error is none");
}

#[test]
fn a_limit_of_the_query_is_kept_with_it() {
    let mut memory = Memory::new();
    let (holder, items) = items(&mut memory, 3);
    ring(&mut memory, holder, &items);
    let walk = json!({ "kind": "list", "head": "list", "type": "struct item", "link": "list" });
    let from = json!({ "addresses": true, "type": "struct holder" });
    let spec = json!({ "from": from, "walk": walk, "select": [], "most": 2 }).to_string();
    let (kernel, plans) = (kernel(&memory), Plans::default());
    for _ in 0..2 {
        assert_eq!(plans.run(&kernel, &spec, &[holder]).unwrap().length, 2);
    }
}

#[test]
fn threads_share_what_is_kept() {
    let mut memory = Memory::new();
    let (_, items) = items(&mut memory, 1);
    let (kernel, plans) = (kernel(&memory), Plans::default());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(numbers(&plans.run(&kernel, &spec("id"), &items).unwrap(), 0), [1]);
                }
            });
        }
    });
    assert_eq!(plans.count(), 1);
}

#[test]
fn neither_many_queries_nor_long_ones_pile_up() {
    let (kernel, plans) = (kernel(&Memory::new()), Plans::default());
    for number in 0..=MOST_PLANS {
        plans.run(&kernel, &spec(&format!("id + {number}")), &[]).unwrap();
        assert!(plans.count() <= MOST_PLANS);
    }
    assert_eq!(plans.count(), 1);
    let blank = " ".repeat(LONGEST_KEPT);
    plans.run(&kernel, &(spec("id") + &blank), &[]).unwrap();
    assert_eq!(plans.count(), 1);
}
