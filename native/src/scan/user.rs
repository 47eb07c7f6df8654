//! A process's own memory: found in, and read, through its page tables.

use std::ops::Range;

use aho_corasick::AhoCorasick;

use crate::arch::AddressSpace;
use crate::error::{Error, Result};
use crate::image::PAGE_SIZE;
use crate::kernel::Kernel;
use crate::kernel::types::Types;

const WORD: usize = 8;
/// Pages of one process that are looked at; a range may claim the whole address space.
const MOST_PAGES: u64 = 1 << 20;
/// Places kept of one search.
const MOST_HITS: usize = 1 << 16;
/// How much is put together at a time.
const BLOCK: usize = 1 << 20;

/// An address space of a process.
pub struct UserMemory {
    space: AddressSpace,
}

/// Where something was found, and which of the things asked for it is.
#[derive(Default)]
pub struct Found {
    /// Virtual addresses in the process, ascending.
    pub addresses: Vec<u64>,
    /// Index of what lies at each.
    pub which: Vec<u32>,
    /// Not all was looked at, or there was more than is kept.
    pub capped: bool,
}

impl UserMemory {
    /// The memory behind a `struct mm_struct`; `None` where its page tables cannot be read.
    pub fn of(kernel: &Kernel, mm: u64) -> Result<Option<Self>> {
        let release = &kernel.facts.release;
        let offset = page_tables(&kernel.types)
            .ok_or_else(|| Error::no_symbols(format!("kernel {release} has no mm_struct.pgd")))?;
        let memory = &kernel.memory;
        let root = memory.read_u64(mm.wrapping_add(offset)).and_then(|pgd| memory.translate(pgd));
        Ok(root.map(|root| Self { space: memory.with_root(root) }))
    }

    /// Reads exactly `length` bytes, a block at most, or nothing.
    pub fn read(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        (length <= BLOCK).then_some(())?;
        let mut bytes = vec![0; length];
        self.space.read_exact(address, &mut bytes).then_some(bytes)
    }

    /// Where any of some texts stand in some ranges.
    pub fn find_text(&self, ranges: &[Range<u64>], needles: &[String]) -> Result<Found> {
        let search =
            AhoCorasick::new(needles).map_err(|error| Error::usage(format!("cannot be searched for: {error}")))?;
        let longest = needles.iter().map(String::len).max().unwrap_or(0);
        let mut found = Found::default();
        self.blocks(ranges, longest.saturating_sub(1), &mut found, |start, bytes, found| {
            for hit in search.find_iter(bytes) {
                let address = start + hit.start() as u64;
                self.touch(address, hit.len() as u64);
                found.add(address, hit.pattern().as_u32());
            }
        });
        Ok(found)
    }

    /// Where any of some words lie, aligned as pointers are.
    pub fn find_words(&self, ranges: &[Range<u64>], words: &[u64]) -> Found {
        let mut sorted: Vec<(u64, u32)> = words.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        let (least, greatest) = (sorted.first().map_or(1, |first| first.0), sorted.last().map_or(0, |last| last.0));
        let mut found = Found::default();
        self.blocks(ranges, 0, &mut found, |start, bytes, found| {
            for (index, word) in bytes.as_chunks::<WORD>().0.iter().enumerate() {
                let word = u64::from_le_bytes(*word);
                if (least..=greatest).contains(&word)
                    && let Ok(at) = sorted.binary_search_by_key(&word, |entry| entry.0)
                    && let Some((_, which)) = sorted.get(at)
                {
                    let address = start + (index * WORD) as u64;
                    self.touch(address, WORD as u64);
                    found.add(address, *which);
                }
            }
        });
        found
    }

    /// Records as read what was hit: of all that is searched, only that is needed to find it again.
    fn touch(&self, address: u64, length: u64) {
        for at in [address, address.saturating_add(length.saturating_sub(1))] {
            if let Some(physical) = self.space.translate(at) {
                self.space.image().touch(physical, 1);
            }
        }
    }

    /// Hands out what is in memory of the ranges, in stretches without a gap; each begins with the last `overlap` bytes
    /// of the one before it, where that went on to it.
    fn blocks(
        &self,
        ranges: &[Range<u64>],
        overlap: usize,
        found: &mut Found,
        mut take: impl FnMut(u64, &[u8], &mut Found),
    ) {
        let mut left = MOST_PAGES;
        let mut page = [0; PAGE_SIZE as usize];
        for &Range { start: first, end } in ranges {
            let mut block: Vec<u8> = Vec::new();
            let mut start = first - first % PAGE_SIZE;
            let mut at = start;
            while at < end && found.addresses.len() < MOST_HITS {
                let Some(fewer) = left.checked_sub(1) else {
                    found.capped = true;
                    break;
                };
                left = fewer;
                // Without recording: of all that is searched, only what is hit counts as read.
                let copied = self.space.translate(at).map(|physical| self.space.image().copy(physical, &mut page));
                let is_there = copied == Some(page.len());
                let full = block.len() >= BLOCK;
                if (!is_there || full) && !block.is_empty() {
                    take(start, &block, found);
                    let kept = if is_there { block.len().saturating_sub(overlap) } else { block.len() };
                    block.drain(..kept);
                }
                if is_there {
                    if block.is_empty() {
                        start = at;
                    } else if full {
                        start = at - block.len() as u64;
                    }
                    block.extend_from_slice(&page);
                }
                let Some(next) = at.checked_add(PAGE_SIZE) else { break };
                at = next;
            }
            if !block.is_empty() {
                take(start, &block, found);
            }
        }
    }
}

/// Where a `struct mm_struct` keeps the address of its page tables.
pub fn page_tables(types: &Types) -> Option<u64> {
    Some(types.member(types.find("struct mm_struct")?, "pgd")?.bit_offset / 8)
}

impl Found {
    fn add(&mut self, address: u64, which: u32) {
        if self.addresses.len() >= MOST_HITS {
            self.capped = true;
        } else if self.addresses.last() != Some(&address) {
            self.addresses.push(address);
            self.which.push(which);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::single_range_in_vec_init)]
mod tests {
    use super::*;
    use crate::testing::btf::Encoder;
    use crate::testing::memory::{BASE, Memory, NOWHERE, ROOT, SIZE};

    /// A process that sees all of the memory from 0 on.
    fn process(memory: &mut Memory) -> (Kernel, u64) {
        let mut btf = Encoder::new();
        let pointer = btf.pointer(0);
        btf.structure("mm_struct", 16, &[("pgd", pointer, 8)]);
        let mm = memory.take(16);
        memory.put(mm + 8, BASE + ROOT);
        (memory.kernel(btf.finish(), &[]), mm)
    }

    fn found(found: Found) -> Vec<(u64, u32)> {
        found.addresses.into_iter().zip(found.which).collect()
    }

    #[test]
    fn text_is_found_in_the_ranges_and_across_pages_and_blocks() {
        let mut memory = Memory::new();
        let across = 0x20_0000 - 3;
        for at in [0x11_0010, 0x12_0ffe, across, 0x30_0000] {
            memory.write(BASE + at, b"needle");
        }
        memory.write(BASE + 0x13_0000, b"pin");
        let (kernel, mm) = process(&mut memory);
        let user = UserMemory::of(&kernel, mm).unwrap().unwrap();
        let needles = ["pin".to_owned(), "needle".to_owned()];
        let hits = found(user.find_text(&[0x11_0000..0x2f_0000], &needles).unwrap());
        assert_eq!(hits, [(0x11_0010, 1), (0x12_0ffe, 1), (0x13_0000, 0), (across, 1)]);
    }

    #[test]
    fn words_are_found_where_pointers_lie() {
        let mut memory = Memory::new();
        memory.put(BASE + 0x11_0008, 0xc000_1000);
        memory.put(BASE + 0x11_0010, 0xc000_0000);
        memory.put(BASE + 0x11_0024, 0xc000_1000);
        let (kernel, mm) = process(&mut memory);
        let user = UserMemory::of(&kernel, mm).unwrap().unwrap();
        let hits = found(user.find_words(&[0x11_0000..0x12_0000], &[0xc000_1000, 0xc000_0000]));
        assert_eq!(hits, [(0x11_0008, 0), (0x11_0010, 1)]);
        assert_eq!(found(user.find_words(&[0..SIZE], &[])), []);
    }

    #[test]
    fn what_is_not_mapped_is_neither_found_nor_read() {
        let mut memory = Memory::new();
        memory.write(BASE + SIZE - 4, b"tail");
        let (kernel, mm) = process(&mut memory);
        let user = UserMemory::of(&kernel, mm).unwrap().unwrap();
        let everything = [0..1 << 47];
        let hits = user.find_text(&everything, &["tail".to_owned()]).unwrap();
        assert_eq!((hits.addresses, hits.capped), (vec![SIZE - 4], true));
        assert_eq!(user.read(SIZE - 4, 4).as_deref(), Some(&b"tail"[..]));
        assert_eq!(user.read(SIZE - 4, 5), None);
        assert!(UserMemory::of(&kernel, NOWHERE).unwrap().is_none());
    }

    #[test]
    fn hits_are_kept_up_to_a_cap_that_is_told() {
        let mut memory = Memory::new();
        for at in (0x10_0000..SIZE - 8).step_by(8) {
            memory.put(BASE + at, 0xc000_0000);
        }
        let (kernel, mm) = process(&mut memory);
        let user = UserMemory::of(&kernel, mm).unwrap().unwrap();
        let hits = user.find_words(&[0x10_0000..SIZE], &[0xc000_0000]);
        assert_eq!((hits.addresses.len(), hits.capped), (MOST_HITS, true));
    }
}
