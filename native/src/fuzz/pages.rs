//! Memory in which page tables, `struct page`s and all that they lead to may say anything.

use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

use super::in_memory;
use crate::arch::x86_64::{Levels, Paging as X86_64};
use crate::arch::{AddressSpace, Paging};
use crate::image::Image;
use crate::kernel::symbols::Symbols;
use crate::kernel::types::Types;
use crate::kernel::{Facts, Kernel};
use crate::pages::facts::{Kind, facts};
use crate::pages::layout::Caches;
use crate::pages::mapped;
use crate::pages::summary::{Claim, summarize};

/// Types as far as pages are told by them; written by `testing::pages::btf`.
pub const TYPES: &[u8] = include_bytes!("../../fuzz/seeds/btf/sound-pages");

/// Where physical 0 is mapped for the kernel, and where `struct page`s begin.
const BASE: u64 = 0xffff_8880_0000_0000;
const PAGES: u64 = 0xffff_ea00_0000_0000;
const PAGE: u64 = 4096;
/// Physical memory, of which each page has a `struct page`.
const SIZE: u64 = 64 * PAGE;
const STRUCT: u64 = 64;

/// Physical addresses: the kernel's tables, a process's, `struct page`s, and objects.
const ROOT: u64 = PAGE;
const USER: u64 = 7 * PAGE;
const STRUCTS: u64 = 9 * PAGE;
const CACHE: u64 = 10 * PAGE;
const GROUP: u64 = CACHE + 0x100;
const BY_OBJECT: u64 = CACHE + 0x200;
const INODE: u64 = CACHE + 0x300;
const VECTOR: u64 = CACHE + 0x400;
const MM: u64 = CACHE + 0x600;
const CONTROLLER: u64 = CACHE + 0x700;

/// PG_slab, PG_reserved, and the `page_type` of a page table in 6.11, which is told by a bit that is clear.
const SLAB: u64 = 1 << 9;
const RESERVED: u64 = 1 << 12;
const TABLE: u64 = 0xefff_ffff;

/// Memory whose pages are one of each kind.
fn template() -> Vec<u8> {
    let mut memory = vec![0; SIZE as usize];
    let mut put = |at: u64, word: u64| {
        if let Some(out) = memory.get_mut(at as usize..).and_then(<[u8]>::first_chunk_mut) {
            *out = word.to_le_bytes();
        }
    };
    let index = |address: u64, level: u64| (address >> (12 + 9 * level) & 511) * 8;
    // The direct map in one page of 2 MiB, `struct page`s and a page of a process in small ones.
    let tables = [(BASE, ROOT), (PAGES, ROOT), (0x40_0000, USER)];
    for (number, (address, root)) in (0..).zip(tables) {
        let next = [2 + 2 * number, 3 + 2 * number].map(|page| page * PAGE);
        // The process has its lower tables where objects are.
        let next = if root == USER { [USER + PAGE, CACHE + PAGE] } else { next };
        put(root + index(address, 3), next[0] | 7);
        put(next[0] + index(address, 2), next[1] | 7);
        if number == 0 {
            put(next[1] + index(address, 1), 0x83);
        } else {
            let last = if root == USER { next[1] + PAGE } else { 6 * PAGE };
            put(next[1] + index(address, 1), last | 7);
            put(last + index(address, 0), if root == USER { 0x15 * PAGE } else { STRUCTS } | 7);
        }
    }
    let page = |number: u64| STRUCTS + number * STRUCT;
    let of = |at: u64| BASE + at;
    // A slab of two pages, the second a tail; one of a file; anonymous memory; a table; a reserved page.
    put(page(0x20), SLAB);
    put(page(0x20) + 8, of(CACHE));
    put(page(0x20) + 40, 8 << 16);
    put(page(0x20) + 56, of(VECTOR) | 1);
    put(page(0x21) + 8, PAGES + 0x20 * STRUCT + 1);
    put(page(0x22) + 24, of(INODE) + 8);
    put(page(0x22) + 32, 5);
    put(page(0x22) + 56, of(GROUP));
    put(page(0x15) + 24, of(CACHE) | 1);
    put(page(0x15) + 56, of(GROUP));
    put(page(7) + 48, TABLE);
    put(page(1), RESERVED);
    put(CACHE, 1024);
    put(GROUP, of(CONTROLLER));
    put(BY_OBJECT, of(GROUP));
    put(INODE, of(INODE) + 8);
    put(INODE + 8, of(INODE));
    put(VECTOR + 8, of(BY_OBJECT));
    put(MM + 8, of(USER));
    memory
}

/// What differs from sound memory, from its first page table on. Taken where pages of every kind are still told.
pub fn pages(bytes: &[u8]) -> bool {
    let mut memory = template();
    memory.iter_mut().skip(ROOT as usize).zip(bytes).for_each(|(byte, change)| *byte ^= change);
    let Some(kernel) = kernel(&memory) else { return false };
    look(&kernel).unwrap_or(false)
}

fn kernel(memory: &[u8]) -> Option<Kernel> {
    // A LiME header, for as little memory is no raw image.
    let header = [0x1_4c69_4d45, 0, SIZE - 1, 0].map(u64::to_le_bytes).concat();
    let file = in_memory(&[&header, memory].concat())?;
    let image = Image::open(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd()))).ok()?;
    let space = AddressSpace::new(Arc::new(image), ROOT, Paging::X86_64(X86_64::plain(Levels::Four)));
    let symbols = Symbols::new([(Box::from("memory_cgrp_subsys"), BASE + CONTROLLER)]);
    Some(Kernel::new(space, symbols, Types::from_btf(TYPES.to_vec()).ok()?, Facts::default()))
}

fn look(kernel: &Kernel) -> crate::error::Result<bool> {
    let caches: Caches = [BASE + CACHE].into();
    let addresses: Vec<u64> = (0..=SIZE / PAGE).map(|page| page * PAGE + 0x428).chain([u64::MAX]).collect();
    let found = facts(kernel, &caches, &addresses)?;
    assert_eq!(found.len(), addresses.len());
    for one in &found {
        assert!(one.kind == Kind::Slab || one.object == 0, "{one:?}");
        assert!(one.kind != Kind::Slab || caches.contains(&one.owner), "{one:?}");
    }
    let claims = [Claim { physical: 3 * PAGE..5 * PAGE, what: 1 }, Claim { physical: SIZE..SIZE + PAGE, what: 2 }];
    let summary = summarize(kernel, &caches, &claims, 0..u64::MAX)?;
    let counted: u64 = summary.groups.iter().map(|(_, bytes)| bytes).sum();
    assert_eq!(counted + summary.left_out, SIZE, "each byte is counted once");
    let wanted: Vec<u64> = (0..SIZE / PAGE).map(|page| page * PAGE).collect();
    let places = mapped::in_processes(kernel, &[BASE + MM, 0, u64::MAX], &wanted, true)?;
    assert!(places.which.iter().all(|which| (*which as usize) < wanted.len()));
    assert_eq!((places.which.len(), places.tables.len()), (places.addresses.len(), places.table_spaces.len()));
    let own = mapped::in_kernel(kernel)?;
    let process = mapped::in_process(kernel, BASE + MM, 0..u64::MAX)?;
    for run in own.runs.iter().chain(process.iter().flat_map(|maps| &maps.runs)) {
        assert!(run.length > 0, "{run:?}");
    }
    let is_there = |kind: Kind| found.iter().any(|one| one.kind == kind && (one.payer != 0) == pays(kind));
    let kinds = [Kind::Slab, Kind::File, Kind::Anonymous, Kind::Table, Kind::Reserved, Kind::Outside];
    Ok(kinds.into_iter().all(is_there) && !places.which.is_empty())
}

/// Of the kinds of the template those for whose pages somebody pays.
fn pays(kind: Kind) -> bool {
    matches!(kind, Kind::Slab | Kind::File | Kind::Anonymous)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::{
        BASE, BY_OBJECT, CACHE, GROUP, INODE, MM, PAGE, PAGES, ROOT, SIZE, STRUCT, STRUCTS, TYPES, VECTOR, kernel,
        pages, template,
    };
    use crate::kernel::Kernel;
    use crate::pages::facts::{Facts, Kind, facts};
    use crate::pages::mapped;
    use crate::pages::summary::{Claim, Group, summarize};
    use crate::testing::pages::btf;

    const NOTHING: Facts = Facts { kind: Kind::Plain, owner: 0, index: 0, object: 0, payer: 0 };

    /// The template with some words of it changed.
    fn changed(words: &[(u64, u64)]) -> Kernel {
        let mut memory = template();
        for (at, word) in words {
            memory[*at as usize..][..8].copy_from_slice(&word.to_le_bytes());
        }
        kernel(&memory).unwrap()
    }

    fn told(kernel: &Kernel, physical: u64) -> Facts {
        facts(kernel, &[BASE + CACHE].into(), &[physical]).unwrap()[0]
    }

    #[test]
    fn pages_are_told_with_owner_object_and_payer() {
        let kernel = changed(&[]);
        let (cache, group) = (BASE + CACHE, BASE + GROUP);
        let slab = Facts { kind: Kind::Slab, owner: cache, object: BASE + 0x2_0400, payer: group, ..NOTHING };
        assert_eq!(told(&kernel, 0x2_07ff), slab);
        let second = Facts { object: BASE + 0x2_1000, payer: 0, ..slab };
        assert_eq!(told(&kernel, 0x2_1000), second, "in a tail page, whose object nobody pays for");
        let file = Facts { kind: Kind::File, owner: BASE + INODE + 8, index: 5, payer: group, ..NOTHING };
        assert_eq!(told(&kernel, 0x2_2abc), file);
        let anonymous = Facts { kind: Kind::Anonymous, owner: cache, payer: group, ..NOTHING };
        assert_eq!(told(&kernel, 0x15 * PAGE), anonymous);
        assert_eq!(told(&kernel, 7 * PAGE).kind, Kind::Table);
        assert_eq!(told(&kernel, PAGE).kind, Kind::Reserved);
        assert_eq!(told(&kernel, 0x30 * PAGE), NOTHING);
        assert_eq!((told(&kernel, SIZE).kind, told(&kernel, u64::MAX).kind), (Kind::Outside, Kind::Outside));
    }

    #[test]
    fn what_a_page_says_is_believed_only_where_the_rest_bears_it_out() {
        let page = |number: u64| STRUCTS + number * STRUCT;
        // A cache that the kernel does not know, and one whose objects have no size.
        assert_eq!(told(&changed(&[(page(0x20) + 8, BASE + GROUP)]), 0x20 * PAGE).kind, Kind::Plain);
        assert_eq!(told(&changed(&[(CACHE, 0)]), 0x20 * PAGE).kind, Kind::Plain);
        // An inode that knows nothing of the mapping; an `anon_vma` in user memory.
        assert_eq!(told(&changed(&[(INODE, 0), (INODE + 8, BASE + INODE + 64)]), 0x22 * PAGE).kind, Kind::Plain);
        assert_eq!(told(&changed(&[(page(0x15) + 24, 0x40_0001)]), 0x15 * PAGE).kind, Kind::Plain);
        // A payer that is neither a group nor leads to one, or a vector that is none.
        assert_eq!(told(&changed(&[(BY_OBJECT, BASE + INODE)]), 0x2_0400).payer, 0);
        assert_eq!(told(&changed(&[(page(0x20) + 56, BASE + VECTOR)]), 0x2_0400).payer, 0);
        assert_eq!(told(&changed(&[(page(0x22) + 56, u64::MAX)]), 0x22 * PAGE).payer, 0);
        // A tail that names a page behind it, one between two, or one that is none.
        for head in [PAGES + 0x31 * STRUCT, PAGES + 0x20 * STRUCT + 8, 0] {
            assert_eq!(told(&changed(&[(page(0x21) + 8, head | 1)]), 0x21 * PAGE), NOTHING);
        }
    }

    #[test]
    fn memory_is_counted_by_kind_claim_and_payer() {
        let kernel = changed(&[]);
        let claims = [Claim { physical: 0..3 * PAGE, what: 1 }, Claim { physical: 0x20 * PAGE..SIZE, what: 2 }];
        let found = summarize(&kernel, &[BASE + CACHE].into(), &claims, 0..SIZE).unwrap();
        let bytes = |kind: Kind, claim: u32, owner: u64, payer: u64| {
            let group = Group { kind, claim, owner, payer };
            found.groups.iter().find(|(one, _)| *one == group).map_or(0, |(_, bytes)| *bytes)
        };
        assert_eq!(bytes(Kind::Slab, 0, BASE + CACHE, BASE + GROUP), 1024, "one object");
        assert_eq!(bytes(Kind::Slab, 0, BASE + CACHE, 0), 2 * PAGE - 1024);
        assert_eq!(bytes(Kind::File, 0, BASE + INODE + 8, BASE + GROUP), PAGE);
        assert_eq!(bytes(Kind::Reserved, 1, 0, 0), PAGE);
        assert_eq!((bytes(Kind::Plain, 1, 0, 0), bytes(Kind::Plain, 2, 0, 0)), (2 * PAGE, (64 - 0x23) * PAGE));
        let half = summarize(&kernel, &[].into(), &[], 1..SIZE / 2).unwrap();
        assert_eq!(half.groups.iter().map(|(_, bytes)| bytes).sum::<u64>(), SIZE / 2 - PAGE, "whole pages");
    }

    #[test]
    fn mappings_are_found_in_pages_of_any_size_and_tables_in_a_circle_end() {
        let kernel = changed(&[]);
        let found = mapped::in_processes(&kernel, &[BASE + MM, 8], &[0x14 * PAGE, 0x15 * PAGE], true).unwrap();
        assert_eq!((&found.which[..], &found.spaces[..], &found.addresses[..]), (&[1][..], &[0][..], &[0x40_0000][..]));
        assert_eq!((found.tables.len(), found.lost, found.capped), (4, 1, false));
        // A page of 2 MiB, of which the image has the start; an entry that leads back to the table above.
        let (middle, upper) = (CACHE + PAGE, 8 * PAGE);
        let kernel = changed(&[(middle + 16, 0x87), (middle + 24, upper | 7), (middle + 32, (1 << 40) | 7)]);
        let found = mapped::in_processes(&kernel, &[BASE + MM], &[0, 0x15 * PAGE], false).unwrap();
        assert_eq!(found.addresses, [0x40_0000, 0x41_5000]);
        assert_eq!((found.lost, found.tables.len()), (1, 0));
        let maps = mapped::in_process(&kernel, BASE + MM, 0..u64::MAX).unwrap().unwrap();
        assert_eq!(maps.runs, [mapped::Run { physical: 0, address: 0x40_0000, length: 2 << 20 }]);
        assert!(mapped::in_process(&kernel, 8, 0..u64::MAX).unwrap().is_none());
    }

    #[test]
    fn the_types_are_those_that_are_written() {
        assert_eq!(TYPES, btf());
    }

    proptest! {
        #[test]
        fn no_memory_is_counted_twice_or_ends_in_a_panic(
            changes in prop::collection::vec((0..SIZE - ROOT, any::<u8>()), 0..200),
            word in any::<u64>(),
            at in 0..(SIZE - ROOT) / 8,
        ) {
            let mut bytes = vec![0; (SIZE - ROOT) as usize];
            for (at, change) in changes {
                bytes[at as usize] = change;
            }
            bytes[(at * 8) as usize..][..8].copy_from_slice(&word.to_le_bytes());
            pages(&bytes);
        }

        #[test]
        fn tables_and_pages_may_be_anything(bytes in prop::collection::vec(any::<u8>(), 0..40_000)) {
            pages(&bytes);
        }
    }
}
