//! The path parser, and what it says about mistakes.

use super::*;
use crate::error::ErrorKind;
use crate::query::path::{Expr, Index, Operator, parse};
use proptest::prelude::*;

fn name() -> impl Strategy<Value = String> {
    "[a-z_][a-z0-9_]{0,8}".prop_filter("is a word of the grammar", |name| {
        !["container_of", "symbol", "struct", "union", "enum", "unsigned", "signed", "long", "short", "int", "char"]
            .contains(&name.as_str())
    })
}

fn arithmetic(of: Expr, operator: Operator, operand: u64) -> Expr {
    Expr::Arithmetic { of: Box::new(of), operator, operand }
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = name().prop_map(|name| Expr::Member { of: Box::new(Expr::Object), arrow: false, name });
    let operator =
        prop::sample::select(vec![Operator::Add, Operator::Subtract, Operator::And, Operator::Left, Operator::Right]);
    let types = prop_oneof![
        Just("unsigned int".to_owned()),
        name(),
        name().prop_map(|name| format!("struct {name}")),
        (name(), name()).prop_map(|(module, name)| format!("{module}:struct {name}")),
    ];
    let declared = prop::option::of((types.clone(), any::<bool>()));
    let symbol = (name(), declared).prop_map(|(name, declared)| Expr::Symbol { name, declared });
    let start = prop_oneof![leaf, symbol, (1_usize..4).prop_map(Expr::Ancestor)];
    start.prop_recursive(6, 24, 1, move |inner| {
        let index = prop_oneof![
            any::<u64>().prop_map(Index::Number),
            name().prop_map(Index::Constant),
            inner.clone().prop_map(|path| Index::Path(Box::new(path))),
        ];
        prop_oneof![
            (inner.clone(), any::<bool>(), name()).prop_map(|(of, arrow, name)| Expr::Member {
                of: Box::new(of),
                arrow,
                name
            }),
            (inner.clone(), index).prop_map(|(of, index)| Expr::Index { of: Box::new(of), index }),
            (inner.clone(), name(), prop::collection::vec(name(), 1..3)).prop_map(|(of, structure, member)| {
                Expr::ContainerOf { of: Box::new(of), structure: format!("struct {structure}"), member }
            }),
            (inner.clone(), types.clone()).prop_map(|(of, target)| Expr::Cast { of: Box::new(of), target }),
            (inner, operator.clone(), any::<u64>()).prop_map(|(of, operator, n)| arithmetic(of, operator, n)),
        ]
    })
}

proptest! {
    #[test]
    fn a_path_is_read_back_as_it_was_written(expr in expr()) {
        prop_assert_eq!(parse(&expr.to_string()), Ok(expr));
    }

    #[test]
    fn any_text_gives_a_path_or_an_error(text in ".{0,64}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_path_like_text_gives_a_path_or_an_error(text in "[a(c\\[\\]).>*, &~<+0x^:-]{0,48}") {
        let _ = parse(&text);
    }
}

#[test]
fn deep_nesting_is_refused() {
    assert!(parse(&"(".repeat(500)).unwrap_err().contains("nested too deeply"));
    assert!(parse(&"(a *)".repeat(100)).is_err());
    assert!(parse(&"a.".repeat(1000)).unwrap_err().contains("longer than"));
}

#[test]
fn mistakes_say_what_to_write_instead() {
    let memory = Memory::new();
    let kernel = kernel(&memory);
    let error = |path: Value| value(&kernel, 0, json!({ "path": path })).unwrap_err();
    assert_eq!(
        error(json!("next.id")),
        "bad query: column 'it' of struct item: path 'next.id' needs '->' before 'id', what is before it is a pointer"
    );
    assert!(error(json!("list->next")).contains("needs '.' before 'next'"));
    assert!(error(json!("list")).contains("names a struct list_head, which has no single value"));
    assert!(error(json!("id +")).contains("expected an integer at character 5"));
    assert!(error(json!([])).contains("no path is given"));
    assert_eq!(
        error(json!(["state", "__state"])),
        "kernel 6.0-test lacks what the query asks for: column 'it' of struct item: tried 'state' (struct item has no \
         member 'state'), '__state' (struct item has no member '__state')"
    );
}

#[test]
fn queries_that_make_no_sense_are_refused() {
    let kernel = kernel(&Memory::new());
    let error = |spec: Value| run(&kernel, &spec.to_string(), &[]).unwrap_err().message;
    assert!(
        error(json!({ "from": { "type": "struct item" }, "select": [] })).contains("either 'symbol' or 'addresses'")
    );
    assert!(error(json!({ "from": { "symbol": "x", "type": "struct item" }, "select": [] })).contains("no symbol 'x'"));
    assert!(
        error(json!({ "from": { "addresses": true, "type": "struct nix" }, "select": [] }))
            .contains("no type 'struct nix'")
    );
    assert!(error(json!({ "form": {} })).contains("not a query: unknown field `form`"));
}

#[test]
fn what_a_kernel_lacks_is_told_from_a_query_that_is_wrong() {
    let kernel = kernel(&Memory::new());
    let from = json!({ "addresses": true, "type": "struct item" });
    let kind = |path: Value| {
        let select = json!([{ "name": "it", "path": path }]);
        run(&kernel, &json!({ "from": from, "select": select }).to_string(), &[]).unwrap_err().kind
    };
    for path in [json!("state"), json!(["state", "__state"]), json!("name[NONE]")] {
        assert_eq!(kind(path.clone()), ErrorKind::NoSymbols, "{path}");
    }
    for path in [json!("id +"), json!("list"), json!("next.id"), json!([])] {
        assert_eq!(kind(path.clone()), ErrorKind::Usage, "{path}");
    }
    let symbol = json!({ "from": { "symbol": "none", "type": "struct item" }, "select": [] });
    assert_eq!(run(&kernel, &symbol.to_string(), &[]).unwrap_err().kind, ErrorKind::NoSymbols);
}
