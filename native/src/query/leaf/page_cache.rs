//! A file's pages in memory: inode → `i_mapping->i_pages` → `struct page` → physical memory. All that reads files reads
//! them here.

use std::ops::Range;

use super::page::{Found, Pages};
use crate::query::batch::Warnings;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::program::{Gap, Read};
use crate::query::reader::Reader;
use crate::query::rules::Rules;
use crate::query::walk::xarray::{Nodes, Slot};
use crate::query::walk::{Budget, Visited, Walker};

/// File systems whose files live in the page cache alone (`TMPFS_MAGIC`, `RAMFS_MAGIC`): a page that was never written is
/// zeros.
const MEMORY_ONLY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
/// `HUGETLBFS_MAGIC`: before 6.7 its files' pages are counted in huge ones, and nothing in the types tells which.
const HUGETLBFS: u64 = 0x9584_58f6;

/// Where this kernel keeps the pages of files.
pub struct PageCache {
    mapping: i64,
    size: i64,
    superblock: i64,
    magic: i64,
    /// From the mapping to the head entry of its pages.
    head: i64,
    nodes: Nodes,
    pages: Pages,
    page_size: u64,
}

/// A file whose pages are asked for.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Its bytes, 2^63 - 1 at most.
    pub size: u64,
    /// Its pages are nowhere but in memory, or in swap.
    pub memory_only: bool,
    mapping: u64,
}

/// A stretch of a file's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Number of the first page.
    pub start: u64,
    /// That of the page behind the last.
    pub end: u64,
    /// What they are.
    pub what: What,
}

/// What a stretch of pages is. Where nothing is said of a page, the tree has nothing in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// In memory, from this physical address on.
    At(u64),
    /// There, but never filled.
    Unfilled,
    /// Swapped out, or dropped.
    Away,
    /// Nobody can tell.
    Lost,
}

/// What is enough of a file at a time.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// Runs.
    pub runs: usize,
    /// Pages that are in memory; a huge page more at most.
    pub pages: u64,
    /// Steps through its tree.
    pub steps: usize,
}

/// The runs of some of a file's pages.
pub struct Runs {
    /// In order; none reaches into another.
    pub runs: Vec<Run>,
    /// Up to which page all is told. Less than was asked for where there was no more room, or the tree did not end.
    pub end: u64,
}

impl PageCache {
    /// Settles it for a kernel.
    pub fn compile(scope: Scope) -> Compiled<Self> {
        let mapping = scope.find("struct address_space")?;
        let tree = scope.member(mapping, "i_pages").or_else(|_| scope.member(mapping, "page_tree"))?;
        let (head, nodes) = Nodes::compile(scope, tree.id)?;
        Ok(Self {
            mapping: scope.offset("struct inode", &["i_mapping"])?,
            size: scope.offset("struct inode", &["i_size"])?,
            superblock: scope.offset("struct inode", &["i_sb"])?,
            magic: scope.offset("struct super_block", &["s_magic"])?,
            head: (tree.bit_offset / 8) as i64 + head,
            nodes,
            pages: Pages::compile(scope)?,
            page_size: scope.geometry().page_size,
        })
    }

    /// The file of an inode.
    pub fn file(&self, reader: &Reader, inode: u64) -> Read<File> {
        let word = |base: u64, offset: i64| reader.word(base.wrapping_add_signed(offset));
        let (size, mapping) = (word(inode, self.size)?, word(inode, self.mapping)?);
        let magic = word(word(inode, self.superblock)?, self.magic)?;
        if size > i64::MAX as u64 || size > 0 && magic == HUGETLBFS {
            return Err(Gap::Unreadable(inode));
        }
        Ok(File { size, memory_only: MEMORY_ONLY.contains(&magic), mapping })
    }

    /// What the cache holds of some of a file's pages, up to what is enough.
    pub fn runs(&self, reader: &Reader, file: &File, pages: Range<u64>, most: Most) -> Read<Runs> {
        let head = reader.word(file.mapping.wrapping_add_signed(self.head))?;
        // Known before anything is allocated: a size read from damaged memory must not decide how much that is.
        let mut runs: Vec<Run> = Vec::new();
        let (mut full, mut held) = (false, 0);
        let mut take = |_: &mut Walker, slot: Slot, index: u64, span: u64| {
            // In a sound tree indices go up; entries of a damaged one must neither count twice nor pile up.
            let start = index.max(runs.last().map_or(pages.start, |run| run.end));
            let end = index.saturating_add(span).min(pages.end);
            if start >= end {
                return true;
            }
            let what = match slot {
                Slot::Object(page) => self.what(reader, page, file.mapping, (index, span), start),
                Slot::Value => What::Away,
                Slot::Lost(_) => What::Lost,
            };
            let goes_on = runs.last().is_some_and(|last| last.goes_on_to(start, what, self.page_size));
            full = !goes_on && runs.len() == most.runs;
            match runs.last_mut() {
                _ if full => {}
                Some(last) if goes_on => last.end = end,
                _ => runs.push(Run { start, end, what }),
            }
            held += if matches!(what, What::At(_)) { end - start } else { 0 };
            full |= held >= most.pages;
            !full
        };
        let mut budget = Budget { walk: usize::MAX, rows: usize::MAX, steps: most.steps };
        let mut walker = Walker {
            reader,
            warnings: &mut Warnings::default(),
            visited: &mut Visited::default(),
            budget: &mut budget,
            found: 0,
            rules: &Rules::default(),
            origin: 0,
            sink: &mut |_, _| {},
        };
        self.nodes.walk(&mut walker, head, pages.clone(), &mut take);
        let left = budget.steps;
        reader.steps(most.steps.saturating_sub(left) as u64, file.mapping)?;
        let told = runs.last().map_or(pages.start, |run| run.end);
        Ok(Runs { runs, end: if full || left == 0 { told } else { pages.end } })
    }

    fn what(&self, reader: &Reader, page: u64, mapping: u64, entry: (u64, u64), start: u64) -> What {
        match self.pages.find(reader, page, mapping, entry) {
            Some(Found::Physical(physical)) => What::At(physical.saturating_add((start - entry.0) * self.page_size)),
            Some(Found::Unfilled) => What::Unfilled,
            Some(Found::Foreign) | None => What::Lost,
        }
    }
}

impl Run {
    /// How many pages.
    pub fn pages(&self) -> u64 {
        self.end - self.start
    }

    fn goes_on_to(&self, start: u64, what: What, page_size: u64) -> bool {
        self.end == start
            && match (self.what, what) {
                (What::At(physical), What::At(next)) => physical.checked_add(self.pages() * page_size) == Some(next),
                (same, what) => same == what,
            }
    }
}
