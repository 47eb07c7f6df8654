#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::types::{Member, Shape, Types};
use crate::testing::btf::Encoder;
use crate::testing::world;
use proptest::prelude::*;

pub fn base() -> (Vec<u8>, u32) {
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
    out.enumeration("small", true, &[("MINUS", -1), ("ONE", 1)]);
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

/// A section with a header of 32 bytes and a layout that knows `layout.len()` kinds, between types and strings.
fn with_layout(mut bytes: Vec<u8>, layout: &[[u8; 4]]) -> Vec<u8> {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let (types, layout) = (word(&bytes, 12), layout.concat());
    let place = [types, layout.len() as u32].map(u32::to_le_bytes).concat();
    bytes[4..8].copy_from_slice(&32_u32.to_le_bytes());
    let strings = types + layout.len() as u32;
    bytes[16..20].copy_from_slice(&strings.to_le_bytes());
    bytes.splice(24 + types as usize..24 + types as usize, layout);
    bytes.splice(24..24, place);
    bytes
}

#[test]
fn kinds_that_came_later_are_stepped_over_by_the_layout_section() {
    let mut out = Encoder::new();
    let int = out.int("int", 4, true);
    // Eight bytes once, and four for each of two entries.
    let later = out.record("", 22, false, 2, 7, &[1, 2, 3, 4]);
    out.structure("after", 8, &[("it", int, 4), ("later", later, 0)]);
    let bytes = out.finish();
    let mut layout = [[0; 4]; 23];
    layout[22] = [8, 4, 0, 0];
    let types = Types::from_btf(with_layout(bytes.clone(), &layout)).unwrap();
    let after = types.find("struct after").unwrap();
    assert_eq!(types.member(after, "it").unwrap().bit_offset, 32);
    assert_eq!(types.shape(types.member(after, "later").unwrap().id), Shape::Opaque);
    for layout in [&layout[..22], &[]] {
        let error = Types::from_btf(with_layout(bytes.clone(), layout)).err().unwrap();
        assert!(error.message.contains("unknown kind 22"), "{}", error.message);
    }
    assert!(Types::from_btf(bytes).is_err(), "a short header has no layout");
    layout[22] = [255, 255, 0, 0];
    assert!(Types::from_btf(with_layout(base().0, &layout)).is_ok(), "a layout of kinds that do not come");
}

#[test]
fn a_struct_may_have_more_members_than_16_bits_count() {
    let mut out = Encoder::new();
    let int = out.int("int", 4, true);
    let members: Vec<_> = (0..70_000).map(|at| (if at == 60_000 { "it" } else { "x" }, int, at * 4)).collect();
    out.structure("wide", 280_000, &members);
    let types = Types::from_btf(out.finish()).unwrap();
    assert_eq!(types.member(types.find("struct wide").unwrap(), "it").unwrap().bit_offset, 60_000 * 32);
}

#[test]
fn bits_that_older_sections_leave_zero_are_rubbish_where_they_are_set() {
    for bit in 16..31 {
        let mut out = Encoder::new();
        out.int("int", 4, true);
        let mut bytes = out.finish();
        bytes[24 + 4 + bit / 8] ^= 1 << (bit % 8);
        assert!(Types::from_btf(bytes).is_err(), "bit {bit} of an integer's info");
    }
}

#[test]
fn enums_without_a_sign_flag_anywhere_are_signed_by_their_values() {
    let constants = [("ALL", -1), ("TOP", i32::MIN), ("ONE", 1)];
    let integer = |types: &Types, name: &str| types.shape(types.find(name).unwrap());
    let mut out = Encoder::new();
    out.enumeration("mixed", false, &constants);
    out.enumeration("plain", false, &[("TWO", 2)]);
    let old = Types::from_btf(out.finish()).unwrap();
    assert_eq!((old.enumerator("ALL"), old.enumerator("TOP")), (Some(-1), Some(i64::from(i32::MIN))));
    assert_eq!(integer(&old, "enum mixed"), Shape::Integer { bytes: 4, signed: true });
    assert_eq!(integer(&old, "enum plain"), Shape::Integer { bytes: 4, signed: false });
    let mut out = Encoder::new();
    out.enumeration("mixed", false, &constants);
    out.enumeration("flagged", true, &[("MINUS", -1)]);
    let new = Types::from_btf(out.finish()).unwrap();
    assert_eq!((new.enumerator("ALL"), new.enumerator("TOP")), (Some(0xffff_ffff), Some(1 << 31)));
    assert_eq!(new.enumerator("MINUS"), Some(-1));
    assert_eq!(integer(&new, "enum mixed"), Shape::Integer { bytes: 4, signed: false });
    assert_eq!(integer(&new, "enum flagged"), Shape::Integer { bytes: 4, signed: true });
}

/// As many anonymous members as are looked at, each a forward declaration of a name that as many types have.
#[test]
fn forward_declarations_do_not_search_through_all_names() {
    const MANY: u32 = 60_000;
    let mut out = Encoder::new();
    let int = out.int("int", 4, true);
    let forward = out.forward("x");
    for size in 0..MANY {
        out.structure("x", size, &[]);
        out.typedef("x", int);
    }
    out.structure("x", 4, &[("deep", int, 0)]);
    let members: Vec<_> = (0..MANY / 2).map(|_| ("", forward, 0)).chain([("last", int, 0)]).collect();
    out.structure("hostile", 8, &members);
    let types = Types::from_btf(out.finish()).unwrap();
    let hostile = types.find("struct hostile").unwrap();
    assert!(types.member(hostile, "deep").is_some() && types.member(hostile, "none").is_none());
    assert!(types.longest_search() < 32, "{} entries share a head", types.longest_search());
}

/// Names may lie within one another: were they of any length, a megabyte of them would be read for each type.
#[test]
fn names_longer_than_any_are_none() {
    let mut out = Encoder::new();
    out.int("int", 4, true);
    out.structure(&"x".repeat(2000), 4, &[]);
    let types = Types::from_btf(out.finish()).unwrap();
    assert!(types.find(&format!("struct {}", "x".repeat(2000))).is_none());
    assert!(types.find("int").is_some());
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
