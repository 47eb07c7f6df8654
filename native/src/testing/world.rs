//! A kernel with `struct item` in every kind of container of `struct holder`.

use super::btf::Encoder;
use super::memory::Memory;

/// Distances in `struct item`.
pub const LIST: u64 = 8;
pub const HASH: u64 = 24;
pub const TREE: u64 = 40;
pub const NEXT: u64 = 64;
pub const NAME: u64 = 72;
pub const BITS: u64 = 88;
pub const TEXT: u64 = 96;
pub const VALUE: u64 = 104;
pub const ITEM: u64 = 112;

/// Distances in `struct holder`.
pub const HLIST: u64 = 16;
pub const LOCKED: u64 = 24;
pub const NULLS: u64 = 32;
pub const BUCKETS: u64 = 40;
pub const ROOT: u64 = 72;
pub const CACHED: u64 = 80;
pub const XARRAY: u64 = 96;
pub const RADIX: u64 = 112;
pub const MAPLE: u64 = 120;
pub const POINTERS: u64 = 128;
pub const TABLE: u64 = 160;
pub const COUNT: u64 = 168;
pub const FIRST: u64 = 176;
pub const IDR: u64 = 184;
pub const HOLDER: u64 = 208;

pub fn btf() -> Vec<u8> {
    encoded().0
}

/// The types, and the first id of a module's.
pub fn encoded() -> (Vec<u8>, u32) {
    let mut out = Encoder::new();
    let int = out.int("int", 4, true);
    let char = out.int("char", 1, true);
    let u32 = out.int("unsigned int", 4, false);
    let u64 = out.int("unsigned long", 8, false);
    let pointer = out.pointer(0);
    let list = out.structure("list_head", 16, &[("next", pointer, 0), ("prev", pointer, 8)]);
    let mut heads = Vec::new();
    for name in ["hlist", "hlist_bl", "hlist_nulls"] {
        out.structure(&format!("{name}_node"), 16, &[("next", pointer, 0), ("pprev", pointer, 8)]);
        heads.push(out.structure(&format!("{name}_head"), 8, &[("first", pointer, 0)]));
    }
    let node = heads[0] - 1;
    let buckets = out.array(heads[0], 4);
    let members = [("__rb_parent_color", u64, 0), ("rb_right", pointer, 8), ("rb_left", pointer, 16)];
    let tree = out.structure("rb_node", 24, &members);
    let root = out.structure("rb_root", 8, &[("rb_node", pointer, 0)]);
    let cached = out.structure("rb_root_cached", 16, &[("rb_root", root, 0), ("rb_leftmost", pointer, 8)]);
    let slots = |out: &mut Encoder, count| out.array(pointer, count);
    let chunk = slots(&mut out, 64);
    for name in ["xa_node", "radix_tree_node"] {
        out.structure(name, 520, &[("shift", char, 0), ("offset", char, 1), ("slots", chunk, 8)]);
    }
    let xarray = out.structure("xarray", 16, &[("xa_flags", u32, 4), ("xa_head", pointer, 8)]);
    let radix = out.structure("radix_tree_root", 8, &[("rnode", pointer, 0)]);
    let idr = out.structure("idr", 24, &[("idr_rt", xarray, 0), ("idr_base", u32, 16), ("idr_next", u32, 20)]);
    let (pivots, wide_pivots) = (out.array(u64, 15), out.array(u64, 9));
    let (range, wide, dense) = (slots(&mut out, 16), slots(&mut out, 10), slots(&mut out, 31));
    out.structure("maple_range_64", 256, &[("parent", pointer, 0), ("pivot", pivots, 8), ("slot", range, 128)]);
    out.structure("maple_arange_64", 256, &[("parent", pointer, 0), ("pivot", wide_pivots, 8), ("slot", wide, 80)]);
    out.structure("maple_node", 256, &[("parent", pointer, 0), ("slot", dense, 8)]);
    let maple = out.structure("maple_tree", 8, &[("ma_root", pointer, 0)]);
    let name = out.array(char, 16);
    let text = out.pointer(char);
    let either = out.aggregate("", 5, false, 4, &[("value", u32, 0, 0), ("signed_value", int, 0, 0)]);
    let bits = [("low", u32, 0, 3), ("high", int, 3, 5), ("wide", u64, 8, 40)];
    let bits = out.aggregate("bits", 4, true, 8, &bits);
    let item_pointer = out.pointer(out.next_id() + 1);
    let members = [
        ("id", u64, 0),
        ("list", list, LIST as u32),
        ("hash", node, HASH as u32),
        ("tree", tree, TREE as u32),
        ("next", item_pointer, NEXT as u32),
        ("name", name, NAME as u32),
        ("bits", bits, BITS as u32),
        ("text", text, TEXT as u32),
        ("", either, VALUE as u32),
    ];
    let item = out.structure("item", ITEM as u32, &members);
    let pointers = out.array(item_pointer, 4);
    let table = out.pointer(item_pointer);
    let members = [
        ("list", list, 0),
        ("hlist", heads[0], HLIST as u32),
        ("locked", heads[1], LOCKED as u32),
        ("nulls", heads[2], NULLS as u32),
        ("buckets", buckets, BUCKETS as u32),
        ("root", root, ROOT as u32),
        ("cached", cached, CACHED as u32),
        ("xarray", xarray, XARRAY as u32),
        ("radix", radix, RADIX as u32),
        ("maple", maple, MAPLE as u32),
        ("pointers", pointers, POINTERS as u32),
        ("table", table, TABLE as u32),
        ("count", int, COUNT as u32),
        ("first", item_pointer, FIRST as u32),
        ("idr", idr, IDR as u32),
    ];
    out.structure("holder", HOLDER as u32, &members);
    out.typedef("item_t", item);
    out.enumeration("slots", false, &[("SECOND", 1), ("FOURTH", 3)]);
    let next = out.next_id();
    (out.finish(), next)
}

/// A holder and `count` items whose ids count up from 1, in no container yet.
pub fn items(memory: &mut Memory, count: u64) -> (u64, Vec<u64>) {
    let holder = memory.take(HOLDER);
    let items: Vec<u64> = (0..count).map(|_| memory.take(ITEM)).collect();
    for (item, id) in items.iter().zip(1..) {
        memory.put(*item, id);
    }
    (holder, items)
}

/// Links items into the ring at `head`.
pub fn ring(memory: &mut Memory, head: u64, items: &[u64]) {
    let mut nodes: Vec<u64> = items.iter().map(|item| item + LIST).collect();
    nodes.push(head);
    for (at, node) in nodes.iter().enumerate() {
        let next = nodes[(at + 1) % nodes.len()];
        memory.put(*node, next);
        memory.put(next + 8, *node);
    }
}
