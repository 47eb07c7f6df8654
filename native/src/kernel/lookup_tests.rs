#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::types::{Shape, Types};
use super::types_tests::base;
use crate::testing::btf::Encoder;

/// A kernel and two modules that call a type and a constant of their own by one name.
fn with_modules() -> Types {
    let (bytes, next) = base();
    let module = |size: u32| {
        let mut out = Encoder::split(&bytes, next);
        out.structure("net", 100 + size, &[]);
        let rule = out.forward("rule");
        let pointer = out.pointer(rule);
        out.structure("rule", size, &[("it", 1, size - 4)]);
        out.structure("set", 8, &[("rule", pointer, 0)]);
        out.enumeration("kinds", false, &[("KIND", size as i32), ("ONE", 7)]);
        out.finish()
    };
    let types = Types::from_btf(bytes.clone()).unwrap();
    let sections = vec![("first".to_owned(), module(8)), ("second".to_owned(), module(16))];
    types.set_modules(Box::new(move || sections.clone()));
    types
}

#[test]
fn a_modules_name_chooses_among_types_of_one_name() {
    let types = with_modules();
    let size = |name: &str| types.find(name).and_then(|id| types.size(id));
    assert_eq!(size("struct rule"), Some(8), "the first module's");
    assert_eq!((size("first:struct rule"), size("second:struct rule")), (Some(8), Some(16)));
    assert_eq!((size("struct net"), size("second:struct net")), (Some(8), Some(116)));
    assert_eq!(size("third:struct net"), Some(8), "what is built in is the kernel's own");
    assert_eq!((size("third:struct rule"), types.find_own("struct rule")), (None, None));
    // What a module declares is what it defines itself.
    for (name, expected) in [("first:struct set", 8), ("second:struct set", 16)] {
        let Shape::Pointer(target) = types.shape(types.member(types.find(name).unwrap(), "rule").unwrap().id) else {
            panic!("no pointer")
        };
        assert_eq!(types.size(target), Some(expected), "{name}");
    }
}

#[test]
fn constants_are_the_kernels_own_before_a_modules() {
    let types = with_modules();
    assert_eq!((types.enumerator("ONE"), types.enumerator("KIND")), (Some(1), Some(8)));
    assert_eq!((types.own_enumerator("ONE"), types.own_enumerator("KIND")), (Some(1), None));
    let small = types.enumeration("MINUS").unwrap();
    assert_eq!(types.name(small), "enum small");
    assert_eq!(types.constants(small), [(-1, "MINUS".to_owned()), (1, "ONE".to_owned())]);
    assert_eq!(types.name(types.enumeration("KIND").unwrap()), "enum kinds");
    assert!(types.enumeration("NONE").is_none() && types.constants(types.find("struct net").unwrap()).is_empty());
}

#[test]
fn of_several_constants_of_one_name_the_first_counts() {
    let mut out = Encoder::new();
    out.enumeration("first", false, &[("SAME", 1)]);
    out.enumeration("second", false, &[("SAME", 2), ("OTHER", 3)]);
    let types = Types::from_btf(out.finish()).unwrap();
    assert_eq!((types.enumerator("SAME"), types.enumerator("OTHER")), (Some(1), Some(3)));
}

#[test]
fn integers_are_found_however_c_spells_them() {
    let mut out = Encoder::new();
    for (name, bytes) in [("unsigned int", 4), ("long unsigned int", 8), ("short int", 2), ("unsigned char", 1)] {
        out.int(name, bytes, false);
    }
    let gcc = Types::from_btf(out.finish()).unwrap();
    let mut out = Encoder::new();
    for (name, bytes) in [("unsigned int", 4), ("unsigned long", 8), ("short", 2), ("unsigned char", 1)] {
        out.int(name, bytes, false);
    }
    let clang = Types::from_btf(out.finish()).unwrap();
    for types in [gcc, clang] {
        let size = |name: &str| types.find(name).and_then(|id| types.size(id));
        assert_eq!((size("unsigned"), size("unsigned int"), size("unsigned char")), (Some(4), Some(4), Some(1)));
        assert_eq!(
            (size("unsigned long"), size("unsigned long int"), size("long unsigned int")),
            (Some(8), Some(8), Some(8))
        );
        assert_eq!((size("short"), size("short int"), size("long")), (Some(2), Some(2), None));
    }
}
