//! A file's contents from the page cache: inode → `i_mapping->i_pages` → `struct page` → physical memory.

use super::Leaf;
use super::page::{Found, Pages};
use crate::query::batch::Warnings;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::CONTENTS;
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::Reader;
use crate::query::rules::Rules;
use crate::query::walk::xarray::{Nodes, Slot};
use crate::query::walk::{Budget, Visited, Walker};

/// File systems whose files live in the page cache alone: a page that was never written is zeros.
const MEMORY_ONLY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

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
    pages: Pages,
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
            pages: Pages::compile(scope)?,
            limit: max.unwrap_or(CONTENTS),
            missing,
        })
    }

    /// What the cache holds of a file's first `count` pages.
    fn runs(&self, reader: &Reader, mapping: u64, count: u64) -> Read<Vec<Run>> {
        let head = mapping.wrapping_add_signed(self.head);
        let head = reader.word(head)?;
        // Known before anything is allocated: a size read from damaged memory must not decide how much that is.
        let mut runs: Vec<Run> = Vec::new();
        let mut take = |_: &mut Walker, slot: Slot, index: u64, span: u64| {
            // In a sound tree indices go up; entries of a damaged one must neither count twice nor pile up.
            let start = index.max(runs.last().map_or(0, |run| run.end));
            let end = index.saturating_add(span).min(count);
            if start < end {
                let what = match slot {
                    Slot::Object(page) => self.what(reader, page, mapping, (index, span), start),
                    Slot::Value => What::Away,
                    Slot::Lost(_) => What::Lost,
                };
                runs.push(Run { start, end, what });
            }
            true
        };
        let steps = 64 * (count as usize + 64);
        let mut budget = Budget { walk: usize::MAX, rows: usize::MAX, steps };
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
        self.nodes.walk(&mut walker, head, count, &mut take);
        reader.steps(steps.saturating_sub(budget.steps) as u64, mapping)?;
        match budget.steps {
            0 => Err(Gap::Spent(mapping)),
            _ => Ok(runs),
        }
    }

    fn what(&self, reader: &Reader, page: u64, mapping: u64, entry: (u64, u64), start: u64) -> What {
        match self.pages.find(reader, page, mapping, entry) {
            Some(Found::Physical(physical)) => {
                let page_size = reader.memory().geometry().page_size;
                What::At(physical.saturating_add((start - entry.0) * page_size))
            }
            Some(Found::Unfilled) => What::Unfilled,
            Some(Found::Foreign) | None => What::Lost,
        }
    }
}

/// A stretch of a file's pages.
struct Run {
    start: u64,
    end: u64,
    what: What,
}

/// What a stretch of pages is. Where nothing is said of a page, the tree has nothing in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// From this physical address on.
    At(u64),
    Unfilled,
    /// Swapped out, or dropped.
    Away,
    /// Nobody can tell.
    Lost,
}

impl Leaf for Contents {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let inode = self.program.run(reader, object)?;
        let word = |base: u64, offset: i64| reader.word(base.wrapping_add_signed(offset));
        let size = word(inode, self.size)?;
        if size > i64::MAX as u64 {
            return Err(Gap::Unreadable(inode));
        }
        let length = size.min(self.limit as u64);
        let page_size = reader.memory().geometry().page_size;
        let count = length.div_ceil(page_size);
        let runs = self.runs(reader, word(inode, self.mapping)?, count)?;
        let memory_only = MEMORY_ONLY.contains(&word(word(inode, self.superblock)?, self.magic)?);
        let pages = |is: fn(What) -> bool| -> u64 {
            runs.iter().filter(|run| is(run.what)).map(|run| run.end - run.start).sum()
        };
        let held = pages(|what| matches!(what, What::At(_)));
        let lost = pages(|what| what == What::Lost);
        // A file in memory alone has nowhere else to be: a hole of it is zeros, a page that is away is not in the image.
        let away = pages(|what| what == What::Away);
        let told = if memory_only { lost + away } else { lost };
        let whole = if memory_only { told == 0 } else { held == count };
        if count > 0 && (self.missing == Missing::Unreadable && !whole || held == 0 && told > 0) {
            return Err(Gap::Unreadable(inode));
        }
        if held == 0 && count > 0 && self.missing == Missing::Zeros {
            return Err(Gap::Null);
        }
        reader.spend(length, inode)?;
        let start = out.len();
        out.resize(start + length as usize, 0);
        for Run { start: first, end, what } in runs {
            let What::At(physical) = what else { continue };
            let from = start + (first * page_size) as usize;
            let to = (start + (end * page_size) as usize).min(out.len());
            let part = out.get_mut(from..to).unwrap_or_default();
            let image = reader.memory().image();
            let read = image.read(physical, part);
            if read < part.len() {
                let left_out =
                    image.missing(physical.saturating_add(read as u64)) == Some(crate::image::Missing::LeftOut);
                return Err(if left_out { Gap::LeftOut(inode) } else { Gap::Unreadable(inode) });
            }
        }
        Ok(match self.missing {
            Missing::Unreadable => length == size,
            Missing::Zeros => told == 0,
        })
    }
}
