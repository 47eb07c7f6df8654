//! Processes that see all of the memory from 0 on, and pages that are elsewhere or nowhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
// A list of ranges may have one.
#![allow(clippy::single_range_in_vec_init)]

use super::*;
use crate::scan::user_part::{Piece, State, UserPart};
use crate::testing::btf::Encoder;
use crate::testing::memory::{BASE, Memory, NOWHERE, ROOT, SIZE};
use crate::testing::packed::{self, Kdump};

/// A kernel with a process that sees all of the memory from 0 on.
fn process(memory: &mut Memory) -> (Kernel, u64) {
    let mm = mm(memory);
    (memory.kernel(btf(), &[]), mm)
}

fn btf() -> Vec<u8> {
    let mut btf = Encoder::new();
    let pointer = btf.pointer(0);
    btf.structure("mm_struct", 16, &[("pgd", pointer, 8)]);
    btf.finish()
}

fn mm(memory: &mut Memory) -> u64 {
    let mm = memory.take(16);
    memory.put(mm + 8, BASE + ROOT);
    mm
}

/// All hits of a search that goes on as often as it must.
fn all(user: &UserMemory, ranges: &[Range<u64>], patterns: &[&str]) -> Vec<(u64, u32)> {
    let (mut done, mut from, mut hits) = (0, 0, Vec::new());
    loop {
        let found = user.find_bytes(&ranges[done..], from, patterns).unwrap();
        hits.extend(found.addresses.into_iter().zip(found.which));
        let Some((range, at)) = found.next else { return hits };
        assert!(range > 0 || at > from, "no progress");
        (done, from) = (done + range, at);
    }
}

#[test]
fn patterns_are_found_in_the_ranges_and_across_pages_and_blocks() {
    let mut memory = Memory::new();
    let across = 0x20_0000 - 3;
    for at in [0x11_0010, 0x12_0ffe, across, 0x30_0000] {
        memory.write(BASE + at, b"needle");
    }
    memory.write(BASE + 0x13_0000, b"pin");
    let (kernel, mm) = process(&mut memory);
    let user = UserMemory::of(&kernel, mm).unwrap().unwrap();
    let hits = all(&user, &[0x11_0000..0x2f_0000], &["pin", "needle", "eed"]);
    let both = |at: u64| [(at, 1), (at + 1, 2)];
    let expected = [both(0x11_0010).to_vec(), both(0x12_0ffe).to_vec(), vec![(0x13_0000, 0)], both(across).to_vec()];
    assert_eq!(hits, expected.concat(), "and one within another");
    let parts = [0x11_0012..0x12_0fff, 0x12_1000..0x13_0003, 0x13_0000..0x13_0002];
    assert_eq!(all(&user, &parts, &["pin", "needle"]), [(0x13_0000, 0)], "wholly in a range");
    assert!(user.find_bytes(&parts, 0, &[""]).is_err());
    assert_eq!(all(&user, &parts, &[]), []);
}

#[test]
fn a_search_goes_on_where_it_ended_and_finds_nothing_twice() {
    let mut memory = Memory::new();
    for at in (0x10_0000..SIZE).step_by(16) {
        memory.write(BASE + at, b"needle in a hay");
    }
    let (kernel, mm) = process(&mut memory);
    let user = UserMemory::of(&kernel, mm).unwrap().unwrap();
    let found = user.find_bytes(&[0x10_0000..SIZE], 0, &["needle", "in", "y\0needle in"]).unwrap();
    assert!(found.next.is_some() && found.addresses.len() >= MOST_HITS);
    let hits = all(&user, &[0x10_0000..0x10_0008, 0x10_0000..SIZE], &["needle", "in", "y\0needle in"]);
    let count = ((SIZE - 0x10_0000) / 16) as usize;
    for (which, expected) in [count + 1, count, count - 1].into_iter().enumerate() {
        assert_eq!(hits.iter().filter(|hit| hit.1 == which as u32).count(), expected, "{which}");
    }
    let mut unique = hits.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), hits.len() - 1, "the first range's hit is in the second too");
}

#[test]
fn words_are_found_where_pointers_lie() {
    let mut memory = Memory::new();
    memory.put(BASE + 0x11_0008, 0xc000_1000);
    memory.put(BASE + 0x11_0010, 0xc000_0000);
    memory.put(BASE + 0x11_0024, 0xc000_1000);
    let (kernel, mm) = process(&mut memory);
    let user = UserMemory::of(&kernel, mm).unwrap().unwrap();
    let hits = |ranges: &[Range<u64>], words: &[u64]| {
        let found = user.find_words(ranges, 0, words);
        found.addresses.into_iter().zip(found.which).collect::<Vec<_>>()
    };
    assert_eq!(hits(&[0x11_0000..0x12_0000], &[0xc000_1000, 0xc000_0000]), [(0x11_0008, 0), (0x11_0010, 1)]);
    assert_eq!(hits(&[0..SIZE], &[]), []);
}

#[test]
fn an_address_space_of_nothing_costs_nothing() {
    let mut memory = Memory::new();
    memory.write(BASE + SIZE - 4, b"tail");
    let (kernel, mm) = process(&mut memory);
    let user = UserMemory::of(&kernel, mm).unwrap().unwrap();
    let found = user.find_bytes(&[0..1 << 47], 0, &["tail"]).unwrap();
    assert_eq!((found.addresses, found.next), (vec![SIZE - 4], None));
    assert!(found.pages < 4096, "{}", found.pages);
    let part = user.part(0, 1 << 47, None);
    let rest = Piece { address: SIZE, length: (1 << 47) - SIZE, state: State::Absent };
    assert_eq!(part.pieces, [Piece { address: 0, length: SIZE, state: State::Present }, rest]);
    assert_eq!(part.next, None);
    assert!(UserMemory::of(&kernel, NOWHERE).unwrap().is_none());
}

/// Letters for the states of pages, and the first byte of what is there.
fn letters(part: &UserPart, page: usize) -> String {
    let mut bytes = part.bytes.chunks(page);
    let mut letters = String::new();
    for piece in &part.pieces {
        for _ in 0..piece.length.div_ceil(page as u64) {
            letters.push(match piece.state {
                State::Present => bytes.next().map_or('+', |page| char::from(page[0])),
                State::Absent => '-',
                State::Swapped => 'S',
                State::LeftOut => 'X',
                State::Unreadable => '?',
            });
        }
    }
    letters
}

#[test]
fn pages_that_are_elsewhere_or_nowhere_are_told_apart() {
    const USER: u64 = 0x4000_0000;
    let mut memory = Memory::new();
    let mm = mm(&mut memory);
    let (table, small) = (0x20_0000, 0x20_1000);
    // A gigabyte of its own: one table of small pages, a swapped 2 MiB page, a 2 MiB page, and a table that is not there.
    memory.put(BASE + 0x2008, table | 7);
    memory.put(BASE + 0x2010, 0x87); // A page of a gigabyte, of which the image has the start.
    for (index, entry) in [(0, small | 7), (1, 0x4200_0000_0000), (2, 0x87), (4, (1 << 40) | 7)] {
        memory.put(BASE + table + index * 8, entry);
    }
    let page = |letter: u8, number: u64| (letter, 0x30_0000 + number * PAGE_SIZE);
    for (letter, at) in [page(b'a', 0), page(b'b', 1), page(b'x', 2)] {
        memory.write(BASE + at, &[letter; PAGE_SIZE as usize]);
    }
    // PROT_NONE keeps the frame turned over; a frame that the image lacks; a swap entry; a page left out.
    let none = (!page(b'b', 1).1 & 0x000f_ffff_ffff_f000) | 1 << 8;
    for (index, entry) in
        [page(b'a', 0).1 | 7, none, 0, (1 << 40) | 7, 0x4200_0000_0000, page(b'x', 2).1 | 7].into_iter().enumerate()
    {
        memory.put(BASE + small + index as u64 * 8, entry);
    }
    let gone = page(b'x', 2).1 / PAGE_SIZE;
    let held = |number: u64| {
        let page = memory.bytes[(number * PAGE_SIZE) as usize..][..PAGE_SIZE as usize].to_vec();
        (number, (number != gone).then_some(page))
    };
    let dump = packed::file(&Kdump::new(packed::ZLIB, (0..SIZE / PAGE_SIZE).map(held).collect()).bytes());
    let kernel = memory.kernel_in(&dump, btf(), &[]);
    let user = UserMemory::of(&kernel, mm).unwrap().unwrap();
    let part = user.part(USER, USER + 8 * PAGE_SIZE, Some(1 << 20));
    assert_eq!((letters(&part, PAGE_SIZE as usize).as_str(), part.next), ("ab-?SX--", None));
    assert_eq!(letters(&user.part(USER, USER + 8 * PAGE_SIZE, None), PAGE_SIZE as usize), "++-?SX--");
    let large = user.part(USER + (2 << 20), USER + (12 << 20), None);
    assert_eq!(letters(&large, 2 << 20), "S+-?-");
    let huge = user.part(0x8000_0000 + SIZE - PAGE_SIZE, 0x8000_0000 + SIZE + PAGE_SIZE, None);
    assert_eq!(letters(&huge, PAGE_SIZE as usize), "+?");
    // A part goes on where the one before it ended.
    let first = user.part(USER + 10, USER + 8 * PAGE_SIZE, Some(5000));
    assert_eq!((first.bytes.len(), first.next), (5000, Some(USER + 5010)));
    let second = user.part(USER + 5010, USER + 2 * PAGE_SIZE + 1, Some(5000));
    assert_eq!((second.bytes.len(), second.next), (2 * PAGE_SIZE as usize - 5010, None));
    assert_eq!(second.pieces[1], Piece { address: USER + 2 * PAGE_SIZE, length: 1, state: State::Absent });
    assert_eq!(user.part(USER, USER, Some(16)), UserPart::default());
}

#[test]
fn tables_that_lead_to_themselves_end_with_each_part() {
    let mut memory = Memory::new();
    let mm = memory.take(16);
    let table = memory.take(4096).next_multiple_of(4096);
    memory.put(mm + 8, table);
    for index in 0..512 {
        memory.put(table + index * 8, (table - BASE) | 7);
    }
    let kernel = memory.kernel(btf(), &[]);
    let user = UserMemory::of(&kernel, mm).unwrap().unwrap();
    let part = user.part(0, 1 << 47, None);
    assert!(part.next.is_some_and(|next| next > 0));
    let found = user.find_bytes(&[0..1 << 47], 0, &["nothing of the kind"]).unwrap();
    assert_eq!((found.pages, found.next.map(|next| next.0)), (MOST_PAGES, Some(0)));
}
