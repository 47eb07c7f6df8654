//! A file of a tmpfs in the page cache: `struct inode` → `struct address_space` → XArray or radix tree → `struct page`.

use super::btf::Encoder;
use super::memory::{BASE, Memory, SIZE};
use crate::arch::other;
use crate::kernel::Kernel;

/// TMPFS_MAGIC (include/uapi/linux/magic.h), and that of a file system on a disk.
pub const TMPFS: u64 = 0x0102_1994;
pub const EXT4: u64 = 0xef53;
const PAGE: u64 = 4096;
/// Bits of a page's flags here.
const UPTODATE: u64 = 1 << 2;
const HEAD: u64 = 1 << 6;
/// Distances in `struct page`, and its size.
const COMPOUND: u64 = 8;
const MAPPING: u64 = 24;
const INDEX: u64 = 32;
const STRUCT_PAGE: u64 = 64;
/// Distances in `struct inode`.
const I_SIZE: u64 = 8;
/// Of the tree's head in `struct address_space`.
const TREE: u64 = 8;

/// How a kernel keeps pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Era {
    /// Up to 4.19: a radix tree.
    Radix,
    /// An XArray.
    Xarray,
    /// From 7.1 on: neither `page.index` nor `compound_head` has its old name.
    Renamed,
}

fn btf(era: Era) -> Vec<u8> {
    let mut out = Encoder::new();
    let char = out.int("char", 1, true);
    let u64 = out.int("unsigned long", 8, false);
    let pointer = out.pointer(0);
    let slots = out.array(pointer, 64);
    let node = if era == Era::Radix { "radix_tree_node" } else { "xa_node" };
    out.structure(node, 520, &[("shift", char, 0), ("slots", slots, 8)]);
    let tree = match era {
        Era::Radix => out.structure("radix_tree_root", 8, &[("rnode", pointer, 0)]),
        _ => out.structure("xarray", 8, &[("xa_head", pointer, 0)]),
    };
    let place = if era == Era::Radix { "page_tree" } else { "i_pages" };
    let mapping = out.structure("address_space", 64, &[("host", pointer, 0), (place, tree, TREE as u32)]);
    let superblock = out.structure("super_block", 16, &[("s_magic", u64, 8)]);
    let (mapping, superblock) = (out.pointer(mapping), out.pointer(superblock));
    let members = [("i_mapping", mapping, 0), ("i_size", u64, I_SIZE as u32), ("i_sb", superblock, 16)];
    out.structure("inode", 24, &members);
    let (compound, index) = if era == Era::Renamed { ("compound_info", "none") } else { ("compound_head", "index") };
    let members = [
        ("flags", u64, 0),
        (compound, u64, COMPOUND as u32),
        ("mapping", pointer, MAPPING as u32),
        (index, u64, INDEX as u32),
    ];
    out.structure("page", STRUCT_PAGE as u32, &members);
    out.enumeration("pageflags", false, &[("PG_uptodate", 2), ("PG_head", 6)]);
    out.finish()
}

/// One file, in a machine whose every page has its `struct page`.
pub struct File {
    pub memory: Memory,
    pub inode: u64,
    era: Era,
    /// Bytes of a page.
    page: u64,
    mapping: u64,
    superblock: u64,
    pages: u64,
    /// Physical memory from here on is the file's.
    free: u64,
}

impl File {
    /// An empty file of `pages` pages.
    pub fn new(era: Era, pages: u64) -> Self {
        Self::in_pages_of(PAGE, era, pages)
    }

    /// The same on a machine with other pages.
    pub fn in_pages_of(page: u64, era: Era, pages: u64) -> Self {
        let mut memory = Memory::new();
        let structs = memory.take(SIZE / page * STRUCT_PAGE);
        let variable = memory.take(8);
        memory.put(variable, structs);
        let (inode, mapping, superblock) = (memory.take(24), memory.take(64), memory.take(16));
        memory.put(inode, mapping);
        memory.put(inode + I_SIZE, pages * page);
        memory.put(inode + 16, superblock);
        memory.put(superblock + 8, TMPFS);
        Self { memory, inode, era, page, mapping, superblock, pages: structs, free: SIZE / 2 }
    }

    pub fn of(mut self, magic: u64) -> Self {
        self.memory.put(self.superblock + 8, magic);
        self
    }

    /// Bytes of the file.
    pub fn resize(&mut self, bytes: u64) {
        self.memory.put(self.inode + I_SIZE, bytes);
    }

    /// The tree's head entry.
    pub fn head(&mut self, entry: u64) {
        self.memory.put(self.mapping + TREE, entry);
    }

    /// A new node, as an entry, with these entries in its slots.
    pub fn node(&mut self, shift: u8, entries: &[(u64, u64)]) -> u64 {
        let node = self.memory.take(520);
        self.memory.write(node, &[shift]);
        for (slot, entry) in entries {
            self.slot(node, *slot, *entry);
        }
        node | if self.era == Era::Radix { 1 } else { 2 }
    }

    /// Sets a slot of a node or of its entry.
    pub fn slot(&mut self, node: u64, slot: u64, entry: u64) {
        self.memory.put((node & !3) + 8 + slot * 8, entry);
    }

    /// An entry for a page that was swapped out.
    pub fn swapped(&self) -> u64 {
        if self.era == Era::Radix { 0x5000 | 2 } else { 0x5000 | 1 }
    }

    /// An entry that belongs to the slot before.
    pub fn sibling(&self, of: u64) -> u64 {
        of << 2 | 2
    }

    /// A page of this file, filled with a letter.
    pub fn page(&mut self, index: u64, letter: u8) -> u64 {
        self.huge(index, &[letter])
    }

    /// The first `struct page` of a huge page, each of whose small pages is filled with its letter.
    pub fn huge(&mut self, index: u64, letters: &[u8]) -> u64 {
        let physical = self.free;
        self.free += letters.len() as u64 * self.page;
        let first = self.pages + physical / self.page * STRUCT_PAGE;
        for (number, letter) in (0..).zip(letters) {
            self.memory.write(BASE + physical + number * self.page, &vec![*letter; self.page as usize]);
            // What a small page within a huge one has besides its head is left over.
            self.memory.put(first + number * STRUCT_PAGE + COMPOUND, first | 1);
            self.memory.put(first + number * STRUCT_PAGE + INDEX, 7);
        }
        let huge = if letters.len() > 1 { HEAD } else { 0 };
        self.memory.put(first, UPTODATE | huge);
        self.memory.put(first + COMPOUND, 0);
        self.memory.put(first + MAPPING, self.mapping);
        self.memory.put(first + INDEX, index);
        first
    }

    /// The small page so far behind another.
    pub fn tail(&self, page: u64, distance: u64) -> u64 {
        page + distance * STRUCT_PAGE
    }

    /// Makes a page one of nobody, or one that was never filled.
    pub fn disown(&mut self, page: u64) {
        self.memory.put(page + MAPPING, 0);
    }

    pub fn unfill(&mut self, page: u64) {
        self.memory.put(page, 0);
    }

    /// Physical address of the page that a `struct page` stands for.
    pub fn physical(&self, page: u64) -> u64 {
        (page - self.pages) / STRUCT_PAGE * self.page
    }

    pub fn kernel(&self) -> Kernel {
        self.kernel_in(&self.memory.file())
    }

    /// The kernel of an image that the caller holds.
    pub fn kernel_in(&self, file: &tempfile::NamedTempFile) -> Kernel {
        self.memory.kernel_in(file, btf(self.era), &[("vmemmap_base", self.variable())])
    }

    /// The kernel of a machine of the other architecture, whose `struct page`s lie where its memory's start says.
    pub fn other_kernel(mut self) -> Kernel {
        let start = other::PAGES.wrapping_sub(self.pages) / STRUCT_PAGE * other::PAGE;
        self.memory.put(self.variable(), start);
        self.memory.other_kernel(btf(self.era), &[("memory_start", self.variable())])
    }

    /// A variable right behind the structs.
    fn variable(&self) -> u64 {
        self.pages + SIZE / self.page * STRUCT_PAGE
    }
}
