//! A file's contents from the page cache: inode → `i_mapping->i_pages` → `struct page` → physical memory.

use super::Leaf;
use crate::query::batch::Warnings;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::CONTENTS;
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::Reader;
use crate::query::walk::xarray::Nodes;
use crate::query::walk::{Budget, Visited, Walker};

const PAGE: u64 = 4096;
/// File systems whose files live in the page cache alone: a page that was never written is zeros.
const MEMORY_ONLY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
/// A huge page's small pages; further from its head no page of it can be.
const HUGE: u64 = 512;

/// An inode's text.
pub struct Contents {
    program: Program,
    mapping: i64,
    size: i64,
    superblock: i64,
    magic: i64,
    /// From the mapping to the head entry of its pages.
    head: i64,
    nodes: Nodes,
    page_size: u64,
    page_index: i64,
    uptodate: Option<u32>,
    /// Address of the first `struct page`.
    pages: Option<u64>,
    limit: usize,
    missing: Missing,
}

/// What a page that is not in memory makes of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It cannot be read.
    Unreadable,
    /// Zeros in the page's place: for files that are searched rather than read.
    Zeros,
}

impl Contents {
    /// `program` ends at the `struct inode`.
    pub fn compile(scope: Scope, program: Program, max: Option<usize>, missing: Missing) -> Compiled<Self> {
        let types = &scope.kernel.types;
        let mapping = scope.find("struct address_space")?;
        let tree = scope.member(mapping, "i_pages").or_else(|_| scope.member(mapping, "page_tree"))?;
        let (head, nodes) = Nodes::compile(scope, tree.id)?;
        Ok(Self {
            program,
            mapping: scope.offset("struct inode", &["i_mapping"])?,
            size: scope.offset("struct inode", &["i_size"])?,
            superblock: scope.offset("struct inode", &["i_sb"])?,
            magic: scope.offset("struct super_block", &["s_magic"])?,
            head: (tree.bit_offset / 8) as i64 + head,
            nodes,
            page_size: scope.size(scope.find("struct page")?)?,
            page_index: scope.offset("struct page", &["index", "__folio_index"])?,
            uptodate: types.enumerator("PG_uptodate").and_then(|bit| u32::try_from(bit).ok()),
            pages: scope.kernel.page_structs(),
            limit: max.unwrap_or(CONTENTS),
            missing,
        })
    }

    /// Where a `struct page`'s memory is, and the first index it stands for.
    fn locate(&self, reader: &Reader, page: u64, index: u64) -> Option<(u64, u64)> {
        let distance = page.checked_sub(self.pages?)?;
        let physical = (distance / self.page_size).checked_mul(PAGE).filter(|_| distance % self.page_size == 0)?;
        if let Some(bit) = self.uptodate {
            reader.u64(page).filter(|flags| flags.checked_shr(bit).unwrap_or(0) & 1 == 1)?;
        }
        // Before entries could stand for several indices, each index of a huge page had its head page.
        let first = reader.u64(page.wrapping_add_signed(self.page_index))?;
        let inside = first < index && index - first < HUGE;
        Some((physical, if inside { first } else { index }))
    }
}

impl Leaf for Contents {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let inode = self.program.run(reader, object)?;
        let word = |base: u64, offset: i64| {
            let at = base.wrapping_add_signed(offset);
            reader.u64(at).ok_or(Gap::Unreadable(at))
        };
        let size = word(inode, self.size)?;
        if size > i64::MAX as u64 {
            return Err(Gap::Unreadable(inode));
        }
        let length = size.min(self.limit as u64);
        let head = word(word(inode, self.mapping)?, self.head)?;
        let holes_are_zero = MEMORY_ONLY.contains(&word(word(inode, self.superblock)?, self.magic)?);
        let count = length.div_ceil(PAGE);
        // Known before anything is allocated: a size read from damaged memory must not decide how much that is.
        let mut found: Vec<(u64, u64)> = Vec::new();
        let mut collect = |_: &mut Walker, page: u64, index: u64, span: u64| {
            // In a sound tree indices go up; entries of a damaged one must neither count twice nor pile up.
            let next = found.last().map_or(0, |(last, _)| last + 1);
            let located = if (next..count).contains(&index) { self.locate(reader, page, index) } else { None };
            if let Some((physical, first)) = located {
                let end = index.saturating_add(span).min(count);
                found.extend((index..end).map(|at| (at, physical.wrapping_add((at - first).wrapping_mul(PAGE)))));
            }
            index < count
        };
        let mut walker = Walker {
            reader,
            warnings: &mut Warnings::default(),
            visited: &mut Visited::default(),
            budget: &mut Budget { walk: usize::MAX, rows: usize::MAX, steps: 64 * (count as usize + 64) },
            found: 0,
            sink: &mut |_, _| {},
        };
        self.nodes.walk(&mut walker, head, &mut collect);
        if found.is_empty() && count > 0 && self.missing == Missing::Zeros {
            return Err(Gap::Null);
        }
        let whole = holes_are_zero || self.missing == Missing::Zeros || found.len() as u64 == count;
        if !whole {
            return Err(Gap::Unreadable(inode));
        }
        let start = out.len();
        out.resize(start + length as usize, 0);
        for (index, physical) in found {
            reader.step(physical)?;
            let from = start + (index * PAGE) as usize;
            let to = (from + PAGE as usize).min(out.len());
            let part = out.get_mut(from..to).unwrap_or_default();
            if reader.memory().image().read(physical, part) < part.len() {
                return Err(Gap::Unreadable(inode));
            }
        }
        Ok(length == size || self.missing == Missing::Zeros)
    }
}
