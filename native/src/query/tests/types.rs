//! Which types a query's names mean, and what numbers are called.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::testing::btf::Encoder;
use crate::testing::world::*;

/// A kernel with a module that has types of its own, and how often these were read.
fn with_module(memory: &Memory) -> (Kernel, Arc<AtomicU32>) {
    let (types, next) = encoded();
    let mut module = Encoder::split(&types, next);
    let int = module.int("s32", 4, true);
    module.structure("extra", 8, &[("high", int, 4)]);
    module.structure("item", 8, &[("own", int, 4)]);
    module.enumeration("", false, &[("EXTRA", 1), ("EXTRA_MAX", 1)]);
    let section = module.finish();
    let kernel = kernel(memory);
    let loads = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&loads);
    kernel.types.set_modules(Box::new(move || {
        seen.fetch_add(1, Ordering::Relaxed);
        vec![("extra".to_owned(), section.clone())]
    }));
    (kernel, loads)
}

/// An item that leads to itself, whose first word is 1 and 42.
fn item(memory: &mut Memory) -> u64 {
    let (_, items) = items(memory, 1);
    memory.put(items[0], 1 | 42 << 32);
    memory.put(items[0] + NEXT, items[0]);
    items[0]
}

#[test]
fn modules_are_read_only_where_nothing_in_the_kernel_proper_will_do() {
    let mut memory = Memory::new();
    let item = item(&mut memory);
    let (kernel, loads) = with_module(&memory);
    let number = |path: Value| value(&kernel, item, json!({ "path": path, "optional": true })).unwrap();
    assert_eq!(number(json!(["((struct extra *)next)->high", "name[EXTRA]", "next->id & 1"])).as_deref(), Some("1"));
    assert_eq!(number(json!(["gone", "next->gone"])), None);
    let spec = json!({
        "from": { "addresses": true, "type": "struct item" },
        "walk": { "kind": "alternatives", "walks": [
            { "kind": "array", "of": "name", "count": 1, "type": "struct extra" },
            { "kind": "object", "of": "next" },
        ] },
        "select": [],
    });
    assert_eq!(run(&kernel, &spec.to_string(), &[item]).unwrap().addresses, [item]);
    assert_eq!(loads.load(Ordering::Relaxed), 0, "the kernel proper had an alternative each time");
    assert_eq!(number(json!("((struct extra *)next)->high")).as_deref(), Some("42"));
    assert_eq!(number(json!("((extra:struct item *)next)->own")).as_deref(), Some("42"));
    assert_eq!(number(json!(["((extra:struct item *)next)->none", "next->value"])).as_deref(), Some("0"));
    assert_eq!(number(json!("name[EXTRA]")).as_deref(), Some("0"));
    assert_eq!(loads.load(Ordering::Relaxed), 1);
}

/// `struct item` leads to a `struct extra` that the kernel proper only declares.
#[test]
fn what_only_a_module_defines_is_looked_into_last() {
    let mut out = Encoder::new();
    let long = out.int("unsigned long", 8, false);
    let extra = out.forward("extra");
    let extra = out.pointer(extra);
    out.structure("item", 16, &[("extra", extra, 0), ("id", long, 8)]);
    let next = out.next_id();
    let types = out.finish();
    let mut module = Encoder::split(&types, next);
    module.structure("extra", 16, &[("it", long, 8)]);
    let section = module.finish();
    let mut memory = Memory::new();
    let item = memory.take(16);
    memory.put(item, item);
    memory.put(item + 8, 42);
    let kernel = memory.kernel(types, &[]);
    let loads = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&loads);
    kernel.types.set_modules(Box::new(move || {
        seen.fetch_add(1, Ordering::Relaxed);
        vec![("extra".to_owned(), section.clone())]
    }));
    let number = |path: Value| value(&kernel, item, json!({ "path": path })).unwrap();
    for path in [json!(["extra->it", "id"]), json!(["extra[1].it", "id + 0"]), json!("extra & 0")] {
        number(path);
    }
    assert_eq!(loads.load(Ordering::Relaxed), 0);
    assert_eq!(number(json!(["extra->it", "extra->other"])).as_deref(), Some("42"));
    assert_eq!(loads.load(Ordering::Relaxed), 1);
}

#[test]
fn a_number_is_called_what_its_enumeration_calls_it() {
    let mut memory = Memory::new();
    let item = item(&mut memory);
    memory.put(item + VALUE, 3);
    memory.put(item + BITS, 0xf8);
    let (kernel, loads) = with_module(&memory);
    let name = |path: &str, of: Value| {
        value(&kernel, item, json!({ "path": path, "as": "enum", "constants": of })).unwrap().unwrap()
    };
    assert_eq!(name("value", json!("enum slots")), "FOURTH");
    assert_eq!(name("value", json!("SECOND")), "FOURTH", "an enumeration may have no name but its constants'");
    assert_eq!(name("value - 2", json!(["enum none", "enum slots"])), "SECOND");
    assert_eq!((name("value + 1", json!("SECOND")), name("bits.high", json!("SECOND"))), ("4".into(), "-1".into()));
    assert_eq!(loads.load(Ordering::Relaxed), 0);
    assert_eq!(name("value & 1", json!("EXTRA_MAX")), "EXTRA", "the first of one value");
    let error = |column: Value| value(&kernel, item, column).unwrap_err();
    let none = error(json!({ "path": "value", "as": "enum", "constants": "NONE" }));
    assert!(none.contains("no enumeration 'NONE'"), "{none}");
    let plain = error(json!({ "path": "value", "as": "enum" }));
    assert!(plain.contains("names a unsigned int, which has no constants"), "{plain}");
}
