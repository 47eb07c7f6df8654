//! What pointers lead into, as columns.

use super::*;
use crate::testing::modules::{AREA, Era, Modules};

const TEXT: u64 = 0xffff_ffff_8100_0000;
const ONE: u64 = 0xffff_ffff_c080_0000;

/// A kernel, and an item whose handler is at an address.
fn item(modules: &mut Modules, handler: u64) -> u64 {
    let item = modules.memory.take(16);
    modules.memory.put(item, handler);
    item
}

fn modules() -> Modules {
    let mut modules = Modules::new(Era::Areas).own("_text", TEXT).own("do_it", TEXT + 0x100).own("_end", TEXT + 0x1000);
    modules.load(b"br_netfilter", ONE, &[("br_nf_pre_routing", ONE + 0x10, 't')]);
    modules.load(b"kernel", ONE + 16 * AREA, &[("a [b]", ONE + 16 * AREA, 't')]);
    modules
}

fn column(kernel: &Kernel, object: u64, column: Value) -> (Option<String>, Vec<Code>) {
    let select = json!([column]);
    let spec = json!({ "from": { "addresses": true, "type": "struct item" }, "select": select });
    let batch = run(kernel, &spec.to_string(), &[object]).unwrap();
    let ColumnData::Text { bytes, nulls, .. } = &batch.columns[0] else { panic!("no text") };
    let text = (nulls[0] & 1 == 0).then(|| String::from_utf8(bytes.clone()).unwrap());
    (text, batch.warnings.iter().map(|warning| warning.code).collect())
}

#[test]
fn a_pointer_is_named_by_the_symbol_and_the_module_that_it_leads_to() {
    let expected = [
        (TEXT + 0x100, Some("do_it"), Some("kernel")),
        (TEXT + 0x11a, Some("do_it+0x1a"), Some("kernel")),
        (TEXT + 0x1000, None, None),
        (ONE, None, Some("br_netfilter")),
        (ONE + 0x10, Some("br_nf_pre_routing [br_netfilter]"), Some("br_netfilter")),
        (ONE + 0x14, Some("br_nf_pre_routing+0x4 [br_netfilter]"), Some("br_netfilter")),
        (ONE + 16 * AREA, Some("a\\x20\\x5bb\\x5d [\\x6bernel]"), Some("\\x6bernel")),
        (ONE + 8 * AREA, None, None),
        (0, None, None),
    ];
    for (handler, symbol, module) in expected {
        let mut modules = modules();
        let object = item(&mut modules, handler);
        let kernel = modules.kernel();
        for (leaf, text) in [("symbol", symbol), ("module", module)] {
            let read = column(&kernel, object, json!({ "name": "it", "path": "handler", "as": leaf }));
            assert_eq!(read, (text.map(str::to_owned), vec![]), "{handler:#x} {leaf}");
        }
    }
}

#[test]
fn what_is_no_pointer_is_named_by_where_it_lies() {
    let mut modules = Modules::new(Era::Areas);
    let object = modules.memory.take(16);
    modules.memory.put(object + 8, 7);
    let kernel = modules.own("_text", object - 16).own("items", object - 8).own("_end", object + 16).kernel();
    let read = |path: &str| column(&kernel, object, json!({ "name": "it", "path": path, "as": "symbol" }));
    assert_eq!(read(""), (Some("items+0x8".into()), vec![]));
    assert_eq!(read("id"), (None, vec![]), "a number is an address");
}

#[test]
fn an_address_in_nothing_known_is_doubtful_where_modules_are_lost() {
    let mut modules = modules();
    let object = item(&mut modules, ONE + 8 * AREA);
    let head = modules.head;
    modules.memory.put(head, 0);
    let kernel = modules.kernel();
    for leaf in ["symbol", "module"] {
        let read = column(&kernel, object, json!({ "name": "it", "path": "handler", "as": leaf }));
        assert_eq!(read, (None, vec![Code::Torn]), "{leaf}");
    }
}

#[test]
fn a_query_may_start_at_a_symbol_of_a_module() {
    let mut modules = modules();
    let object = item(&mut modules, TEXT + 0x100);
    modules.load(b"owner", ONE + 32 * AREA, &[("the_item", object, 'd')]);
    let kernel = modules.kernel();
    let select = json!([{ "name": "it", "path": "handler", "as": "symbol" }]);
    for (symbol, found) in [("the_item", true), ("owner:the_item", true), ("br_netfilter:the_item", false)] {
        let spec = json!({ "from": { "symbol": symbol, "type": "struct item" }, "select": select });
        assert_eq!(run(&kernel, &spec.to_string(), &[]).is_ok(), found, "{symbol}");
    }
}
