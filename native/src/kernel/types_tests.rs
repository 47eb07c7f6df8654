#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::types::{Member, Shape, Types};
use crate::testing::btf::Encoder;
use crate::testing::world;
use proptest::prelude::*;

fn base() -> (Vec<u8>, u32) {
    let mut out = Encoder::new();
    let int = out.int("int", 4, true);
    out.structure("net", 8, &[("count", int, 4)]);
    let wide = out.int("__int128", 16, true);
    let narrow = out.int_bits("unsigned int", 4, false, 0, 3);
    out.aggregate("old", 4, false, 4, &[("first", narrow, 0, 0), ("second", narrow, 3, 0)]);
    let inner = out.aggregate("", 5, false, 8, &[("deep", int, 32, 0), ("other", wide, 0, 0)]);
    out.structure("outer", 24, &[("plain", int, 0), ("", inner, 8)]);
    out.structure("twice", 0, &[]);
    out.structure("twice", 4, &[("it", int, 0)]);
    let looped = out.next_id();
    out.typedef("endless", looped);
    let array = out.array(int, 3);
    let constant = out.record("", 10, false, 0, array, &[]);
    out.typedef("three", constant);
    out.enumeration("small", &[("MINUS", -1), ("ONE", 1)]);
    out.enumeration64("large", &[("HUGE", 1 << 40)]);
    let next = out.next_id();
    (out.finish(), next)
}

#[test]
fn types_are_found_by_their_c_names() {
    let types = Types::from_btf(base().0).unwrap();
    let net = types.find("struct net").unwrap();
    assert_eq!((types.shape(net), types.size(net)), (Shape::Struct { bytes: 8 }, Some(8)));
    assert!(types.find("union net").is_none() && types.find("net").is_none() && types.find("struct ").is_none());
    assert_eq!(types.size(types.find("three").unwrap()), Some(12));
    assert_eq!(types.size(types.find("struct twice").unwrap()), Some(4), "the one with members");
    assert_eq!(types.shape(types.find("endless").unwrap()), Shape::Opaque);
    assert_eq!(types.name(net), "struct net");
    assert_eq!((types.enumerator("MINUS"), types.enumerator("HUGE")), (Some(-1), Some(1 << 40)));
    assert_eq!(types.enumerator("NONE"), None);
}

#[test]
fn members_are_found_through_anonymous_ones_and_in_both_bit_field_encodings() {
    let types = Types::from_btf(base().0).unwrap();
    let outer = types.find("struct outer").unwrap();
    let Member { bit_offset, bits, .. } = types.member(outer, "deep").unwrap();
    assert_eq!((bit_offset, bits), (96, None));
    assert!(types.member(outer, "").is_none() && types.member(outer, "none").is_none());
    let second = types.member(types.find("struct old").unwrap(), "second").unwrap();
    assert_eq!((second.bit_offset, second.bits), (3, Some(3)));
    let world = Types::from_btf(world::btf()).unwrap();
    let wide = world.member(world.find("struct bits").unwrap(), "wide").unwrap();
    assert_eq!((wide.bit_offset, wide.bits), (8, Some(40)));
}

#[test]
fn modules_are_loaded_once_and_lead_back_to_the_kernel() {
    let (bytes, next) = base();
    let mut module = Encoder::split(&bytes, next);
    let net = module.forward("net");
    let pointer = module.pointer(net);
    module.structure("conn", 16, &[("net", pointer, 0), ("old", 5, 8)]);
    let section = module.finish();
    let types = Types::from_btf(bytes).unwrap();
    let sections = vec![("bad".to_owned(), section[1..].to_vec()), ("good".to_owned(), section)];
    let loads = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let seen = std::sync::Arc::clone(&loads);
    types.set_modules(Box::new(move || {
        seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        sections.clone()
    }));
    assert!(types.find("struct net").is_some());
    assert_eq!(loads.load(std::sync::atomic::Ordering::Relaxed), 0);
    let conn = types.find("struct conn").unwrap();
    assert_eq!((conn.source, types.find("struct none")), (1, None));
    assert_eq!(loads.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(types.modules().collect::<Vec<_>>(), ["good"]);
    let Shape::Pointer(target) = types.shape(types.member(conn, "net").unwrap().id) else { panic!("no pointer") };
    assert_eq!(types.member(target, "count").unwrap().bit_offset, 32);
    assert_eq!(types.name(types.member(conn, "old").unwrap().id), "struct old");
}

#[test]
fn damage_is_an_error() {
    let bytes = base().0;
    for length in 0..bytes.len() {
        assert!(Types::from_btf(bytes[..length].to_vec()).is_err(), "cut off at {length}");
    }
    let mut unknown = bytes.clone();
    unknown[24 + 7] = 0x1f;
    assert!(Types::from_btf(unknown).err().unwrap().message.contains("unknown kind 31"));
    let mut out = Encoder::new();
    out.pointer(2);
    assert!(Types::from_btf(out.finish()).err().unwrap().message.contains("points outside"));
}

/// Asks for everything that can be asked for.
fn exercise(types: &Types) {
    for name in ["struct outer", "struct item", "struct holder", "union x", "enum slots", "three", "endless", "item_t"]
    {
        let Some(id) = types.find(name) else { continue };
        let _ = (types.shape(id), types.size(id), types.name(id));
        for member in ["deep", "list", "next", "bits", "pointers", "value"] {
            let Some(member) = types.member(id, member) else { continue };
            let _ = (types.shape(member.id), types.size(member.id), types.name(member.id));
        }
    }
    let _ = types.enumerator("FOURTH");
}

proptest! {
    #[test]
    fn mutated_sections_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        for mut bytes in [base().0, world::btf()] {
            for (at, byte) in &changes {
                let length = bytes.len();
                bytes[at.index(length)] = *byte;
            }
            if let Ok(types) = Types::from_btf(bytes) {
                exercise(&types);
            }
        }
    }
}
