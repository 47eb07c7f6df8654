//! A kernel with the kinds of tables that network namespaces keep: wrapped buckets, rhashtables, records, per-CPU pointers,
//! and slots by an index that a variable has.

use super::btf::Encoder;
use super::memory::Memory;

/// Distances in `struct entry`, which a `struct table` leads to in every way.
pub const E_CHAIN: u64 = 8;
pub const E_HASH: u64 = 24;
pub const E_SAME: u64 = 32;
pub const E_OWNER: u64 = 48;
pub const E_RING: u64 = 56;
pub const ENTRY: u64 = 72;

/// Distances in `struct table`.
pub const ID: u64 = 0;
pub const BUCKETS: u64 = 8;
pub const MASK: u64 = 16;
pub const HASHED: u64 = 24;
pub const KEYED: u64 = 40;
pub const LENGTH: u64 = 56;
pub const COUNTERS: u64 = 64;
pub const SLOTS: u64 = 72;
pub const RINGS: u64 = 80;
pub const FIXED: u64 = 112;
/// The last member: records up to the struct's end and beyond.
pub const DATA: u64 = 144;
pub const TABLE: u64 = 400;

/// Distances in `struct bucket_table`.
pub const NEST: u64 = 4;
pub const FUTURE: u64 = 8;
pub const HEADS: u64 = 16;

/// A bucket is a lock of so many bytes and then the chain's head.
pub const LOCK: u64 = 8;
pub const BUCKET: u64 = 16;

/// The kernel's types; `locked` as they are from 5.2 on.
pub fn btf(locked: bool) -> Vec<u8> {
    let mut out = Encoder::new();
    let int = out.int("int", 4, true);
    let char = out.int("char", 1, true);
    let u32 = out.int("unsigned int", 4, false);
    let u64 = out.int("long unsigned int", 8, false);
    let pointer = out.pointer(0);
    let list = out.structure("list_head", 16, &[("next", pointer, 0), ("prev", pointer, 8)]);
    let node = out.structure("hlist_nulls_node", 16, &[("next", pointer, 0), ("pprev", pointer, 8)]);
    let head = out.structure("hlist_nulls_head", 8, &[("first", pointer, 0)]);
    let bucket = out.structure("bucket", BUCKET as u32, &[("lock", int, 0), ("chain", head, LOCK as u32)]);
    let next = out.pointer(out.next_id() + 1);
    let hashed = out.structure("rhash_head", 8, &[("next", next, 0)]);
    let same = out.pointer(out.next_id() + 1);
    let keyed = out.structure("rhlist_head", 16, &[("rhead", hashed, 0), ("next", same, 8)]);
    let lock = out.structure("rhash_lock_head", 0, &[]);
    let first = out.pointer(if locked { lock } else { hashed });
    let heads = out.array(first, 0);
    let future = out.pointer(out.next_id() + 1);
    let members = [
        ("size", u32, 0),
        ("nest", u32, NEST as u32),
        ("future_tbl", future, FUTURE as u32),
        ("buckets", heads, HEADS as u32),
    ];
    let table = out.structure("bucket_table", HEADS as u32, &members);
    let table = out.pointer(table);
    let hashtable = out.structure("rhashtable", 16, &[("tbl", table, 0), ("key_len", u32, 8)]);
    let keytable = out.structure("rhltable", 16, &[("ht", hashtable, 0)]);
    let owner = out.forward("table");
    let owner = out.pointer(owner);
    let members = [
        ("id", u64, 0),
        ("chain", node, E_CHAIN as u32),
        ("hash", hashed, E_HASH as u32),
        ("same", keyed, E_SAME as u32),
        ("owner", owner, E_OWNER as u32),
        ("ring", list, E_RING as u32),
    ];
    let entry = out.structure("entry", ENTRY as u32, &members);
    let (buckets, counters, entries) = (out.pointer(bucket), out.pointer(u64), out.pointer(entry));
    let data = out.array(char, 0);
    let flexible = out.array(entries, 0);
    let slotted = out.structure("slots", 8, &[("length", u32, 0), ("ptr", flexible, 8)]);
    let rings = out.array(list, 2);
    let fixed = out.array(entries, 4);
    let slots = out.pointer(slotted);
    let members = [
        ("id", u64, ID as u32),
        ("buckets", buckets, BUCKETS as u32),
        ("mask", u32, MASK as u32),
        ("which", int, MASK as u32 + 4),
        ("hashed", hashtable, HASHED as u32),
        ("keyed", keytable, KEYED as u32),
        ("length", u32, LENGTH as u32),
        ("counters", counters, COUNTERS as u32),
        ("slots", slots, SLOTS as u32),
        ("rings", rings, RINGS as u32),
        ("fixed", fixed, FIXED as u32),
        ("data", data, DATA as u32),
    ];
    out.structure("table", TABLE as u32, &members);
    let kind = out.pointer(out.next_id() + 1);
    out.structure("kind", 8, &[("size", u32, 0)]);
    out.structure("record", 8, &[("kind", kind, 0)]);
    out.finish()
}

/// A table and entries with ids from 1 on.
pub fn entries(memory: &mut Memory, count: u64) -> (u64, Vec<u64>) {
    let table = memory.take(TABLE);
    let entries: Vec<u64> = (1..=count).map(|_| memory.take(ENTRY)).collect();
    for (entry, id) in entries.iter().zip(1..) {
        memory.put(*entry, id);
        memory.put(entry + E_OWNER, table);
    }
    (table, entries)
}

/// Links entries into the ring of a head.
pub fn ring(memory: &mut Memory, head: u64, entries: &[u64]) {
    let nodes: Vec<u64> = entries.iter().map(|entry| entry + E_RING).chain([head]).collect();
    for (at, node) in nodes.iter().enumerate() {
        let next = nodes[(at + 1) % nodes.len()];
        memory.put(*node, next);
        memory.put(next + 8, *node);
    }
}
