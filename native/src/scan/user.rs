//! A process's own memory: found in, and read, through its page tables.

use std::ops::Range;

use aho_corasick::AhoCorasick;

use crate::arch::AddressSpace;
use crate::error::{Error, Result};
use crate::image::PAGE_SIZE;
use crate::kernel::Kernel;
use crate::kernel::types::Types;

const WORD: usize = 8;
/// Pages that one call looks at, and places that it gives: whoever asks goes on where it ended.
const MOST_PAGES: u64 = 1 << 16;
const MOST_HITS: usize = 1 << 16;
/// Pages between two looks at how much of the file is mapped in.
const LOOK: u64 = 2048;
/// How much is put together at a time.
const BLOCK: usize = 1 << 20;
/// Bytes of one pattern.
const LONGEST: usize = 1 << 16;

/// An address space of a process.
pub struct UserMemory {
    space: AddressSpace,
}

/// Where something was found, and which of the things asked for it is.
#[derive(Default)]
pub struct Found {
    /// Virtual addresses in the process, ascending in each range.
    pub addresses: Vec<u64>,
    /// Index of what lies at each.
    pub which: Vec<u32>,
    /// The range, and the address in it, from which on nothing was looked at yet.
    pub next: Option<(usize, u64)>,
    /// Pages that were looked at.
    pub pages: u64,
}

/// Memory without a gap.
struct Stretch<'b> {
    /// Where it begins.
    start: u64,
    bytes: &'b [u8],
    /// Bytes at its start that the stretch before it had as well.
    seen: usize,
}

/// Which hits are wanted.
struct Wanted {
    /// Those from here on.
    first: u64,
    /// Those up to here.
    end: u64,
    /// Those that end behind this.
    behind: u64,
}

impl UserMemory {
    /// The memory behind a `struct mm_struct`; `None` where its page tables cannot be read.
    pub fn of(kernel: &Kernel, mm: u64) -> Result<Option<Self>> {
        let release = &kernel.facts.release;
        let offset = page_tables(&kernel.types)
            .ok_or_else(|| Error::no_symbols(format!("kernel {release} has no mm_struct.pgd")))?;
        let memory = &kernel.memory;
        let root = memory.read_u64(mm.wrapping_add(offset)).and_then(|pgd| memory.translate(pgd));
        // The kernel's own tables are no process's.
        let space = |root| if memory.is_root(root) { memory.again() } else { memory.with_root(root) };
        Ok(root.map(|root| Self { space: space(root) }))
    }

    /// The process's own page tables.
    pub fn space(&self) -> &AddressSpace {
        &self.space
    }

    /// Where any of some patterns stand wholly in ranges, from an address of the first one on. All are
    /// found, also where they overlap.
    pub fn find_bytes(&self, ranges: &[Range<u64>], from: u64, patterns: &[impl AsRef<[u8]>]) -> Result<Found> {
        let longest = patterns.iter().map(|pattern| pattern.as_ref().len()).max().unwrap_or(0);
        if longest > LONGEST || patterns.iter().any(|pattern| pattern.as_ref().is_empty()) {
            return Err(Error::usage(format!("a pattern has 1 to {LONGEST} bytes")));
        }
        let search =
            AhoCorasick::new(patterns).map_err(|error| Error::usage(format!("cannot be searched for: {error}")))?;
        let mut found = Found::default();
        self.stretches(ranges, from, longest.saturating_sub(1), &mut found, |stretch, wanted, found| {
            let hits = search.find_overlapping_iter(stretch.bytes).filter(|hit| hit.end() > stretch.seen);
            let place = |at: usize| stretch.start + at as u64;
            let hits = hits.filter(|hit| wanted.holds(place(hit.start()), hit.len()));
            let mut hits: Vec<_> = hits.map(|hit| (hit.start(), hit.pattern().as_u32(), hit.len())).collect();
            hits.sort_unstable();
            for (at, which, length) in hits {
                found.add(self, place(at), which, length);
            }
        });
        Ok(found)
    }

    /// The same for words, aligned as pointers are.
    pub fn find_words(&self, ranges: &[Range<u64>], from: u64, words: &[u64]) -> Found {
        let mut sorted: Vec<(u64, u32)> = words.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        let (least, greatest) = (sorted.first().map_or(1, |first| first.0), sorted.last().map_or(0, |last| last.0));
        let mut found = Found::default();
        self.stretches(ranges, from, 0, &mut found, |stretch, wanted, found| {
            for (index, word) in stretch.bytes.as_chunks::<WORD>().0.iter().enumerate() {
                let word = u64::from_le_bytes(*word);
                if (least..=greatest).contains(&word)
                    && let Ok(at) = sorted.binary_search_by_key(&word, |entry| entry.0)
                    && let Some((_, which)) = sorted.get(at)
                {
                    let address = stretch.start + (index * WORD) as u64;
                    if wanted.holds(address, WORD) {
                        found.add(self, address, *which, WORD);
                    }
                }
            }
        });
        found
    }

    /// Records as read what was hit: of all that is searched, only that is needed to find it again.
    fn touch(&self, address: u64, length: usize) {
        for at in [address, address.saturating_add((length as u64).saturating_sub(1))] {
            if let Some(physical) = self.space.translate(at) {
                self.space.image().touch(physical, 1);
            }
        }
    }

    /// Hands out what is in memory of the ranges, in stretches without a gap; each begins with the last `overlap` bytes
    /// of the one before it, where that went on to it. What ends before `from` in the first range was found before.
    fn stretches(
        &self,
        ranges: &[Range<u64>],
        from: u64,
        overlap: usize,
        found: &mut Found,
        mut take: impl FnMut(Stretch, &Wanted, &mut Found),
    ) {
        let mut left = MOST_PAGES;
        let mut page = [0; PAGE_SIZE as usize];
        for (number, &Range { start: first, end }) in ranges.iter().enumerate() {
            let behind = if number == 0 { from.max(first) } else { first };
            let wanted = Wanted { first, end, behind };
            let begin = behind.saturating_sub(overlap as u64).max(first);
            let (mut at, mut block, mut start, mut seen) = (begin - begin % PAGE_SIZE, Vec::new(), 0, 0);
            while at < end {
                let full = left == 0 || found.addresses.len() >= MOST_HITS;
                // Without recording: of all that is searched, only what is hit counts as read.
                let physical = self.space.translate(at).filter(|_| !full);
                let copied = physical.map(|physical| self.space.image().copy(physical, &mut page));
                let is_there = copied == Some(page.len());
                if (!is_there || block.len() >= BLOCK) && block.len() > seen {
                    take(Stretch { start, bytes: &block, seen }, &wanted, found);
                    seen = overlap.min(block.len());
                    start += (block.len() - seen) as u64;
                    block.drain(..block.len() - seen);
                }
                if full {
                    found.next = Some((number, at));
                    return;
                }
                left -= 1;
                found.pages += 1;
                if found.pages.is_multiple_of(LOOK) {
                    self.space.image().trim();
                }
                if is_there {
                    start = if block.is_empty() { at } else { start };
                    block.extend_from_slice(&page);
                } else {
                    block.clear();
                    seen = 0;
                }
                let next = if physical.is_some() { at.checked_add(PAGE_SIZE) } else { Some(self.space.gap(at).end) };
                let Some(next) = next else { break };
                at = next;
            }
            if block.len() > seen {
                take(Stretch { start, bytes: &block, seen }, &wanted, found);
            }
        }
    }
}

impl Wanted {
    fn holds(&self, start: u64, length: usize) -> bool {
        let end = start.saturating_add(length as u64);
        start >= self.first && end <= self.end && end > self.behind
    }
}

/// Where a `struct mm_struct` keeps the address of its page tables.
pub fn page_tables(types: &Types) -> Option<u64> {
    Some(types.member(types.find("struct mm_struct")?, "pgd")?.bit_offset / 8)
}

impl Found {
    fn add(&mut self, memory: &UserMemory, address: u64, which: u32, length: usize) {
        memory.touch(address, length);
        self.addresses.push(address);
        self.which.push(which);
    }
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
