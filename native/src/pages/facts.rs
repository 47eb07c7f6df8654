//! What one page is.

use super::layout::{Caches, Layout, Type};
use super::payers::Payers;
use crate::error::Result;
use crate::kernel::Kernel;
use crate::query::limits::EFFORT;
use crate::query::reader::Reader;
use crate::query::scope::Scope;

/// PAGE_MAPPING_ANON and, with it, PAGE_MAPPING_KSM (include/linux/page-flags.h): low bits of `mapping`.
const ANONYMOUS: u64 = 1;
const SHARED_BY_KSM: u64 = 3;
/// Pages of the largest compound page: a huge page of 1 GiB.
const LARGEST: u64 = 1 << 18;
/// Objects of a slab: more than the member that counts them can say.
const MOST_OBJECTS: u64 = 1 << 16;

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// No `struct page` is there for it: no memory of the kernel's.
    Outside,
    /// Its `struct page` cannot be read.
    Lost,
    /// The kernel's own, and no `struct page` says what for.
    Plain,
    /// Never given away: the kernel's image, what firmware keeps.
    Reserved,
    /// Objects of a slab cache.
    Slab,
    /// Anonymous memory of processes.
    Anonymous,
    /// The same, shared between equal pages.
    Shared,
    /// Of a file.
    File,
    /// A page table.
    Table,
    /// Given back to a hypervisor.
    Offline,
    /// Compressed pages.
    Zsmalloc,
    /// One large allocation.
    LargeKmalloc,
}

/// A page, or an object in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: Kind,
    /// The slab's cache, the file's `address_space`, the `anon_vma`; else 0.
    pub owner: u64,
    /// A file's page number, or that of anonymous memory in its mapping; else 0.
    pub index: u64,
    /// The slab object at the address; 0 where there is none.
    pub object: u64,
    /// The `mem_cgroup` that pays; 0 where none does.
    pub payer: u64,
}

/// A slab: where its memory begins, and what its objects are.
pub(super) struct Slab {
    pub(super) start: u64,
    pub(super) size: u64,
    pub(super) objects: u64,
    cache: u64,
    head: u64,
}

/// Tells pages of one kernel.
pub struct Teller<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) layout: &'a Layout,
    caches: &'a Caches,
    payers: Payers<'a>,
    direct_map: u64,
}

/// What lies at some physical addresses.
pub fn facts(kernel: &Kernel, caches: &Caches, addresses: &[u64]) -> Result<Vec<Facts>> {
    let layout = compiled(kernel)?;
    kernel.memory.image().undisturbed(|| {
        let teller = Teller::new(kernel, &layout, caches, Reader::of(kernel, EFFORT))?;
        Ok(addresses.iter().map(|address| teller.facts(*address)).collect())
    })
}

/// The layout of a kernel.
pub(super) fn compiled(kernel: &Kernel) -> Result<Layout> {
    Layout::compile(Scope::of(kernel)).map_err(|failure| failure.into_error(&kernel.facts.release))
}

impl<'a> Teller<'a> {
    pub(super) fn new(kernel: &'a Kernel, layout: &'a Layout, caches: &'a Caches, reader: Reader<'a>) -> Result<Self> {
        Ok(Self { reader, layout, caches, payers: Payers::new(layout), direct_map: kernel.direct_map()? })
    }

    fn word(&self, base: u64, offset: i64) -> Option<u64> {
        self.reader.u64(base.wrapping_add_signed(offset))
    }

    /// What lies at a physical address.
    pub fn facts(&self, physical: u64) -> Facts {
        let none = Facts { kind: Kind::Plain, owner: 0, index: 0, object: 0, payer: 0 };
        let page = self.page(physical);
        let Some(flags) = self.word(page, self.layout.flags) else {
            let mapped = self.reader.memory().translate(page).is_some();
            return Facts { kind: if mapped { Kind::Lost } else { Kind::Outside }, ..none };
        };
        let head = self.head(page);
        let of_head = if head == page { Some(flags) } else { self.word(head, self.layout.flags) };
        let Some(head_flags) = of_head else { return Facts { kind: Kind::Lost, ..none } };
        if self.layout.is_reserved(flags) {
            return Facts { kind: Kind::Reserved, ..none };
        }
        if let Some(slab) = self.slab(head, head_flags) {
            let object = self.object(&slab, physical);
            let payer = object.map_or(0, |(number, _)| self.object_payer(&slab, number));
            return Facts {
                kind: Kind::Slab,
                owner: slab.cache,
                object: object.map_or(0, |found| found.1),
                payer,
                ..none
            };
        }
        let payer = self.page_payer(head);
        let inside = page.wrapping_sub(head) / self.layout.size;
        let kind = match self.type_of(head, head_flags) {
            Some(Type::Table) => Kind::Table,
            Some(Type::Offline) => Kind::Offline,
            Some(Type::Zsmalloc) => Kind::Zsmalloc,
            Some(Type::LargeKmalloc) => Kind::LargeKmalloc,
            Some(Type::Buddy) => Kind::Plain,
            _ => return Facts { payer, ..self.mapped(head, inside).unwrap_or(none) },
        };
        Facts { kind, payer, ..none }
    }

    /// Address of the `struct page` of a physical address.
    pub(super) fn page(&self, physical: u64) -> u64 {
        self.layout.first.wrapping_add((physical / self.layout.page_size).wrapping_mul(self.layout.size))
    }

    /// The first page of a compound one, or the page itself. A tail names it, or has a mask that leads to it: no mask is
    /// an address below the tail's own, where the first must be.
    pub(super) fn head(&self, page: u64) -> u64 {
        let Layout { first, size, .. } = *self.layout;
        let Some(word) = self.word(page, self.layout.head).filter(|word| word & 1 == 1) else { return page };
        let named = word - 1;
        let candidate = if (first..page).contains(&named) { named } else { page & named };
        let distance = page.wrapping_sub(candidate);
        let sound = candidate >= first && distance.is_multiple_of(size) && distance / size < LARGEST;
        if sound { candidate } else { page }
    }

    fn type_of(&self, head: u64, flags: u64) -> Option<Type> {
        let page_type = self.layout.page_type().and_then(|at| self.reader.integer(head.wrapping_add_signed(at), 4));
        self.layout.type_of(flags, page_type.unwrap_or(0) as u32)
    }

    /// The slab that a page is of.
    pub(super) fn slab_of(&self, page: u64) -> Option<Slab> {
        let head = self.head(page);
        self.slab(head, self.word(head, self.layout.flags)?)
    }

    /// The slab that begins with a page; its cache is one that the kernel knows.
    fn slab(&self, head: u64, flags: u64) -> Option<Slab> {
        if self.layout.slabs_are_marked && self.type_of(head, flags) != Some(Type::Slab) {
            return None;
        }
        let cache = self.word(head, self.layout.slab_cache).filter(|cache| self.caches.contains(cache))?;
        let size = self.reader.integer(cache.wrapping_add_signed(self.layout.cache_size), 4)? as u64;
        let start = (head.wrapping_sub(self.layout.first) / self.layout.size).wrapping_mul(self.layout.page_size);
        (size > 0).then_some(Slab { start, size, objects: self.objects(head), cache, head })
    }

    fn objects(&self, head: u64) -> u64 {
        let Some((at, shift, bits)) = self.layout.objects() else { return MOST_OBJECTS };
        let word = self.reader.integer(head.wrapping_add_signed(at), 4).unwrap_or(0) as u64;
        (word >> shift) & ((1 << bits) - 1)
    }

    /// The object at a physical address: which it is of its slab, and where it begins in virtual memory.
    fn object(&self, slab: &Slab, physical: u64) -> Option<(u64, u64)> {
        let number = physical.checked_sub(slab.start)? / slab.size;
        let start = slab.start.checked_add(number.checked_mul(slab.size)?)?;
        (number < slab.objects).then(|| (number, self.direct_map.wrapping_add(start)))
    }

    /// Who pays for an object of a slab.
    pub(super) fn object_payer(&self, slab: &Slab, number: u64) -> u64 {
        let by_object = || {
            let vector = self.layout.vector.as_ref()?;
            let word = self.word(slab.head, vector.word)?;
            let own = vector.own_stride.and_then(|at| self.reader.integer(slab.head.wrapping_add_signed(at), 2));
            let stride = own.map(|own| own as u64).filter(|own| *own >= 8).unwrap_or(vector.stride);
            // Its lowest bit says that it is one (MEMCG_DATA_OBJCGS, MEMCG_DATA_OBJEXTS).
            let base = Some(word).filter(|word| word & 1 == 1)? & !7;
            let element = base.checked_add(number.checked_mul(stride)?)?;
            self.payers.of(&self.reader, self.word(element, vector.objcg)?)
        };
        let by_cache = || self.payers.of(&self.reader, self.word(slab.cache, self.layout.cache_payer?)?);
        by_object().or_else(by_cache).unwrap_or(0)
    }

    fn page_payer(&self, head: u64) -> u64 {
        let word = self.layout.payer.and_then(|payer| self.word(head, payer));
        word.and_then(|word| self.payers.of(&self.reader, word)).unwrap_or(0)
    }

    /// Memory of processes or of a file, whose `address_space` is that of its inode.
    fn mapped(&self, head: u64, inside: u64) -> Option<Facts> {
        let mapping = self.word(head, self.layout.mapping).filter(|mapping| *mapping != 0)?;
        let index = self.word(head, self.layout.index)?.wrapping_add(inside);
        let kind = match mapping & SHARED_BY_KSM {
            ANONYMOUS => Kind::Anonymous,
            SHARED_BY_KSM => Kind::Shared,
            0 if self.is_of_inode(mapping) => Kind::File,
            _ => return None,
        };
        let owner = mapping & !SHARED_BY_KSM;
        // An `anon_vma` or a node of KSM's lies in the kernel's memory.
        self.reader.u64(owner)?;
        (owner >= self.reader.memory().geometry().kernel_half).then_some(())?;
        Some(Facts { kind, owner, index, object: 0, payer: 0 })
    }

    fn is_of_inode(&self, mapping: u64) -> bool {
        let Some(host) = self.word(mapping, self.layout.host).filter(|host| *host != 0) else { return false };
        host.wrapping_add_signed(self.layout.inode_data) == mapping
            || self.word(host, self.layout.inode_mapping) == Some(mapping)
    }
}
