//! Where this kernel keeps what in `struct page`, `struct slab` and what they lead to.

use std::collections::HashSet;

use crate::query::scope::{Compiled, Failure, Scope};

/// How a page says of which type it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// A bit of its flags.
    Flag(u32),
    /// The highest byte of `page_type` (`enum pagetype` from 6.12 on).
    Byte(u32),
    /// A bit of `page_type` that is clear where `base` is set (`enum pagetype` of 6.11).
    Cleared { base: u32, bit: u32 },
}

/// Types that a page may say it is of, by the ends of their constants' names.
const TYPES: [(&str, Type); 6] = [
    ("slab", Type::Slab),
    ("table", Type::Table),
    ("offline", Type::Offline),
    ("zsmalloc", Type::Zsmalloc),
    ("large_kmalloc", Type::LargeKmalloc),
    ("buddy", Type::Buddy),
];

/// A page's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Type {
    Slab,
    Table,
    Offline,
    Zsmalloc,
    LargeKmalloc,
    Buddy,
}

/// Members and constants of one kernel.
pub struct Layout {
    /// Address of the first `struct page`.
    pub first: u64,
    /// Bytes of a `struct page`.
    pub size: u64,
    /// Bytes of a page.
    pub page_size: u64,
    pub(super) flags: i64,
    pub(super) mapping: i64,
    pub(super) index: i64,
    /// Of a tail: the head with the lowest bit set, or a mask that leads to it (`compound_info` from 7.1 on).
    pub(super) head: i64,
    page_type: Option<i64>,
    marks: Vec<(Mark, Type)>,
    /// Bit of pages that the kernel never gives away.
    reserved: Option<u32>,
    /// Whether every slab says that it is one.
    pub(super) slabs_are_marked: bool,
    pub(super) slab_cache: i64,
    /// How many objects a slab has: a member of some bits at a distance in bits.
    objects: Option<(u64, u32)>,
    pub(super) cache_size: i64,
    /// Who pays for a page: its word.
    pub(super) payer: Option<i64>,
    /// Who pays for all objects of a cache (before 5.9).
    pub(super) cache_payer: Option<i64>,
    pub(super) vector: Option<Vector>,
    /// Where `struct obj_cgroup` keeps who pays.
    pub(super) objcg_memcg: Option<i64>,
    /// Where `struct mem_cgroup` keeps its controller, and that controller.
    pub(super) controller: Option<(i64, u64)>,
    pub(super) host: i64,
    pub(super) inode_mapping: i64,
    pub(super) inode_data: i64,
}

/// Who pays for a slab's objects, one element for each.
pub(super) struct Vector {
    /// Where its address is.
    pub word: i64,
    /// Bytes of an element, unless the slab says it itself.
    pub stride: u64,
    pub own_stride: Option<i64>,
    /// Where an element has the `struct obj_cgroup`.
    pub objcg: i64,
}

impl Layout {
    /// Settles it for a kernel.
    pub fn compile(scope: Scope) -> Compiled<Self> {
        let page = scope.find("struct page")?;
        // What was of a page moves to folios and slabs, which lie where their first page does.
        let of = |structures: &[&str], names: &[&str]| {
            let found = structures.iter().find_map(|structure| scope.offset(structure, names).ok());
            let missing = || format!("{} has no member '{}'", structures.join(" or "), names.join("' or '"));
            found.ok_or_else(|| Failure::Missing(missing()))
        };
        let marks = marks(scope);
        let reserved = scope.spare(scope.constant("PG_reserved")).and_then(|bit| u32::try_from(bit).ok());
        let pays = scope.spare(scope.find("struct mem_cgroup")).is_some();
        Ok(Self {
            first: scope.page_structs().unwrap_or(0),
            size: scope.size(page)?,
            page_size: scope.geometry().page_size,
            flags: of(&["struct page"], &["flags"])?,
            mapping: of(&["struct page", "struct folio"], &["mapping"])?,
            index: of(&["struct page", "struct folio"], &["index", "__folio_index"])?,
            head: of(&["struct page"], &["compound_head", "compound_info"])?,
            page_type: scope.spare(of(&["struct page"], &["page_type"])),
            slabs_are_marked: marks.iter().any(|(_, is)| *is == Type::Slab),
            marks,
            reserved,
            slab_cache: of(&["struct slab", "struct page"], &["slab_cache"])?,
            objects: scope.spare(objects(scope)),
            cache_size: of(&["struct kmem_cache"], &["size"])?,
            payer: if pays {
                scope.spare(of(&["struct page", "struct folio"], &["memcg_data", "mem_cgroup"]))
            } else {
                None
            },
            cache_payer: scope.offset("struct kmem_cache", &["memcg_params.memcg"]).ok(),
            vector: vector(scope),
            objcg_memcg: scope.offset("struct obj_cgroup", &["memcg"]).ok(),
            controller: if pays { controller(scope)? } else { None },
            host: of(&["struct address_space"], &["host"])?,
            inode_mapping: of(&["struct inode"], &["i_mapping"])?,
            inode_data: of(&["struct inode"], &["i_data"])?,
        })
    }

    /// Whether the kernel never gives the page away: its own image, what firmware keeps.
    pub(super) fn is_reserved(&self, flags: u64) -> bool {
        self.reserved.is_some_and(|bit| flags.checked_shr(bit).unwrap_or(0) & 1 == 1)
    }

    /// Where a page keeps its type.
    pub(super) fn page_type(&self) -> Option<i64> {
        self.page_type
    }

    /// The type that a page says it is of.
    pub(super) fn type_of(&self, flags: u64, page_type: u32) -> Option<Type> {
        let is = |mark: &Mark| match *mark {
            Mark::Flag(bit) => flags.checked_shr(bit).unwrap_or(0) & 1 == 1,
            Mark::Byte(byte) => page_type >> 24 == byte,
            Mark::Cleared { base, bit } => page_type & (base | bit) == base,
        };
        self.marks.iter().find(|(mark, _)| is(mark)).map(|(_, found)| *found)
    }

    /// Where a slab says how many objects it has: at which byte, and how far from there a number of so many bits.
    pub(super) fn objects(&self) -> Option<(i64, u32, u32)> {
        let (at, bits) = self.objects?;
        Some(((at / 32 * 4) as i64, (at % 32) as u32, bits))
    }
}

/// What is known of types. Before 6.10 a slab's is a flag; of others the types then say nothing.
fn marks(scope: Scope) -> Vec<(Mark, Type)> {
    let number = |name: String| scope.constant(&name).ok().and_then(|value| u32::try_from(value).ok());
    let base = number("PAGE_TYPE_BASE".to_owned());
    let flags = u64::BITS;
    let mark = |name: &str| {
        if let Some(byte) = number(format!("PGTY_{name}")) {
            return Some(Mark::Byte(byte));
        }
        match (number(format!("PG_{name}"))?, base) {
            (bit, _) if bit < flags => Some(Mark::Flag(bit)),
            (bit, Some(base)) => Some(Mark::Cleared { base, bit }),
            _ => None,
        }
    };
    TYPES.iter().filter_map(|(name, is)| Some((mark(name)?, *is))).collect()
}

fn objects(scope: Scope) -> Compiled<(u64, u32)> {
    let slab = scope.find("struct slab").or_else(|_| scope.find("struct page"))?;
    let member = scope.member(slab, "objects")?;
    Ok((member.bit_offset, u32::from(member.bits.unwrap_or(16)).min(32)))
}

/// Until 5.8 a cache is of one group; then each object is, and from 6.10 on an element is more than a pointer.
fn vector(scope: Scope) -> Option<Vector> {
    let members = [
        ("struct slab", "obj_exts"),
        ("struct slab", "memcg_data"),
        ("struct page", "obj_cgroups"),
        ("struct page", "memcg_data"),
    ];
    let word = members.iter().find_map(|(structure, name)| scope.offset(structure, &[name]).ok())?;
    let own_stride = scope.offset("struct slab", &["stride"]).ok();
    let extension = scope.find("struct slabobj_ext").ok();
    let (stride, objcg) = match extension {
        Some(id) => (scope.size(id).ok()?, scope.offset("struct slabobj_ext", &["objcg"]).ok()?),
        None => (8, 0),
    };
    Some(Vector { word, stride, own_stride, objcg })
}

fn controller(scope: Scope) -> Compiled<Option<(i64, u64)>> {
    let member = scope.offset("struct mem_cgroup", &["css.ss"])?;
    Ok(scope.symbol("memory_cgrp_subsys").map(|controller| (member, controller)))
}

/// Caches by their addresses.
pub type Caches = HashSet<u64>;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Caches, Layout, Type};
    use crate::pages::facts::facts;
    use crate::query::scope::Scope;
    use crate::testing::memory::Memory;
    use crate::testing::pages::{btf, of_size};

    #[test]
    fn types_are_told_by_flags_and_by_bits_that_are_clear() {
        let kernel = Memory::new().kernel(btf(), &[]);
        let layout = Layout::compile(Scope::of(&kernel)).unwrap();
        let told = [(1 << 9, 0), (0, 0xefff_ffff), (0, 0xdfff_ffff), (0, 0xbfff_ffff), (0, 0xffff_ffff), (0, 0)];
        assert_eq!(
            told.map(|(flags, page_type)| layout.type_of(flags, page_type)),
            [Some(Type::Slab), Some(Type::Table), Some(Type::Offline), Some(Type::Buddy), None, None]
        );
        assert_eq!((layout.is_reserved(1 << 12), layout.is_reserved(!(1 << 12))), (true, false));
        assert_eq!(layout.objects(), Some((40, 16, 15)));
    }

    #[test]
    fn pages_without_a_size_are_refused() {
        let kernel = Memory::new().kernel(of_size(0), &[]);
        let error = facts(&kernel, &Caches::new(), &[0]).unwrap_err();
        assert!(error.message.contains("its size is not known"), "{}", error.message);
    }
}
