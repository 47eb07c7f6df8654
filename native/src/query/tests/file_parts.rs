//! Files part by part: what there is of each page, and why there is nothing else.

use crate::query::file_part::{FilePart, State, read};
use crate::testing::files::{EXT4, Era, File};
use crate::testing::memory::{NOWHERE, SIZE};
use crate::testing::packed::{self, Kdump};

const PAGE: u64 = 4096;
const ERAS: [Era; 3] = [Era::Radix, Era::Xarray, Era::Renamed];

/// A page's letter: of one that is there its own small one, else one for its state.
fn letters(part: &FilePart, reads: bool) -> String {
    let mut bytes = part.bytes.iter();
    let mut end = part.pieces.first().map_or(0, |piece| piece.offset);
    let mut out = String::new();
    for piece in &part.pieces {
        assert_eq!(piece.offset, end, "a gap");
        end += piece.length;
        for page in (piece.offset..end).step_by(PAGE as usize) {
            let length = (end - page).min(PAGE) as usize;
            out.push(match piece.state {
                State::Present if reads => {
                    let page: Vec<u8> = bytes.by_ref().take(length).copied().collect();
                    assert!(page.len() == length && page.iter().all(|byte| *byte == page[0]));
                    char::from(page[0])
                }
                State::Present => '+',
                State::Hole => '0',
                State::NotCached => '-',
                State::Swapped => 'S',
                State::LeftOut => 'X',
                State::Unreadable => '?',
            });
        }
    }
    assert_eq!(bytes.len(), 0, "bytes of no piece");
    out
}

/// All parts of a file, of so many pages each.
fn parts(file: &File, pages: usize) -> Vec<String> {
    let kernel = file.kernel();
    let (mut from, mut parts) = (0, Vec::new());
    loop {
        let part = read(&kernel, file.inode, from, Some(pages * PAGE as usize)).unwrap().unwrap();
        assert!(!part.capped);
        parts.push(letters(&part, true));
        match part.next {
            Some(next) => from = next,
            None => return parts,
        }
    }
}

fn whole(file: &File) -> String {
    let parts = parts(file, 1000);
    assert_eq!(parts.len(), 1);
    for pages in 1..6 {
        assert_eq!(self::parts(file, pages).concat(), parts[0], "in parts of {pages}");
    }
    parts[0].clone()
}

#[test]
fn holes_pages_on_a_disk_and_pages_in_swap_are_told_apart() {
    for era in ERAS {
        let make = || {
            let mut file = File::new(era, 70);
            let pages = [file.page(0, b'a'), file.page(2, b'c'), file.page(4, b'e'), file.page(65, b'z')];
            file.unfill(pages[2]);
            let swapped = file.swapped();
            let (left, right) = (
                file.node(0, &[(0, pages[0]), (2, pages[1]), (3, swapped), (4, pages[2])]),
                file.node(0, &[(1, pages[3])]),
            );
            let top = file.node(6, &[(0, left), (1, right)]);
            file.head(top);
            file
        };
        assert_eq!(whole(&make()), format!("a0cS{}z0000", "0".repeat(61)), "{era:?}");
        assert_eq!(whole(&make().of(EXT4)), format!("a-c-{}z----", "-".repeat(61)), "{era:?}");
    }
}

#[test]
fn the_last_page_ends_where_the_file_does() {
    for era in ERAS {
        let mut file = File::new(era, 2);
        let node = (file.page(0, b'a'), file.page(1, b'b'));
        let node = file.node(0, &[(0, node.0), (1, node.1)]);
        file.head(node);
        for (size, bytes) in [(0, 0), (1, 1), (4096, 4096), (4097, 4097), (8191, 8191), (9000, 8192)] {
            file.resize(size);
            let part = read(&file.kernel(), file.inode, 0, Some(1 << 20)).unwrap().unwrap();
            assert_eq!((part.size, part.bytes.len(), part.next), (size, bytes, None), "{era:?}");
            assert_eq!(part.pieces.iter().map(|piece| piece.length).sum::<u64>(), size);
        }
    }
}

#[test]
fn a_file_that_claims_to_be_endless_costs_what_its_tree_holds() {
    for era in ERAS {
        let mut file = File::new(era, 3);
        let node = file.page(1, b'b');
        let node = file.node(0, &[(1, node)]);
        file.head(node);
        file.resize(i64::MAX as u64);
        let part = read(&file.kernel(), file.inode, 0, Some(1 << 20)).unwrap().unwrap();
        let states: Vec<_> = part.pieces.iter().map(|piece| (piece.length, piece.state)).collect();
        let rest = i64::MAX as u64 - 2 * PAGE;
        assert_eq!(states, [(PAGE, State::Hole), (PAGE, State::Present), (rest, State::Hole)], "{era:?}");
        assert_eq!((part.bytes.len(), part.next, part.capped), (4096, None, false));
        file.resize(i64::MAX as u64 + 1);
        assert_eq!(read(&file.kernel(), file.inode, 0, None).unwrap(), None, "no size is below zero");
    }
}

#[test]
fn huge_pages_are_read_from_any_of_their_small_pages_on() {
    for era in [Era::Xarray, Era::Renamed] {
        let mut file = File::new(era, 10);
        let (huge, last) = (file.huge(4, b"efgh"), file.page(8, b'i'));
        let siblings = [5, 6, 7].map(|slot| (slot, file.sibling(4)));
        let node = file.node(0, &[&[(4, huge), (8, last)][..], &siblings].concat());
        file.head(node);
        assert_eq!(whole(&file), "0000efghi0", "{era:?}");
        assert_eq!(parts(&file, 3), ["0000efg", "hi0"], "{era:?}");
        file.slot(node, 4, file.swapped());
        assert_eq!(whole(&file), "0000SSSSi0", "{era:?}: swapped out in one piece");
    }
    for era in [Era::Radix, Era::Xarray] {
        let mut file = File::new(era, 8);
        let huge = file.huge(4, b"efgh");
        let node = file.node(0, &[4, 5, 6, 7].map(|slot| (slot, huge)));
        file.head(node);
        assert_eq!(whole(&file), "0000efgh", "{era:?}: an entry for each");
        let node = file.node(0, &[4, 5, 6, 7].map(|slot| (slot, file.tail(huge, slot - 4))));
        file.head(node);
        assert_eq!(whole(&file), "0000efgh", "{era:?}: small pages of their own");
    }
    let mut file = File::new(Era::Renamed, 200);
    let letters: Vec<u8> = (0..64).map(|page| b'A' + page % 26).collect();
    let huge = file.huge(64, &letters);
    let top = file.node(6, &[(1, huge)]);
    file.head(top);
    let zeros = "0".repeat(72);
    assert_eq!(whole(&file), format!("{}{}{zeros}", &zeros[..64], String::from_utf8(letters).unwrap()));
}

#[test]
fn an_entry_of_several_pages_is_no_small_page_with_others_behind_it() {
    for era in [Era::Xarray, Era::Renamed] {
        let mut file = File::new(era, 4);
        let small = file.page(0, b'a');
        file.page(7, b'x');
        let node = file.node(0, &[(0, small), (1, file.sibling(0)), (2, file.sibling(0))]);
        file.head(node);
        assert_eq!(whole(&file), "???0", "{era:?}");
    }
}

#[test]
fn what_cannot_be_read_is_told_page_by_page() {
    for era in ERAS {
        let tag = if era == Era::Radix { 1 } else { 2 };
        let mut file = File::new(era, 70);
        let (first, other, beyond) = (file.page(0, b'a'), file.page(1, b'b'), file.page(2, b'c'));
        file.disown(other);
        let left = file.node(0, &[(0, first), (1, other), (2, beyond), (3, NOWHERE)]);
        let top = file.node(6, &[(0, left), (1, NOWHERE | tag)]);
        file.head(top);
        assert_eq!(whole(&file), format!("a?c?{}??????", "0".repeat(60)), "{era:?}");
        file.head(NOWHERE | tag);
        assert_eq!(whole(&file), "?".repeat(70), "{era:?}");
        // A node that is its own child, and a page that the image does not have.
        let outside = file.tail(first, SIZE / PAGE);
        file.slot(left, 2, outside);
        file.slot(top, 1, top);
        file.head(top);
        assert!(whole(&file).starts_with("a??"), "{era:?}");
        assert!(whole(&file).ends_with("0??????"), "{era:?}");
    }
    assert_eq!(read(&File::new(Era::Xarray, 1).kernel(), NOWHERE, 0, None).unwrap(), None);
}

#[test]
fn pages_that_were_left_out_of_the_dump_are_told_apart() {
    for era in ERAS {
        let mut file = File::new(era, 4);
        let pages = (file.page(0, b'a'), file.huge(1, b"bcd"));
        let tails = [0, 1, 2].map(|distance| (1 + distance, file.tail(pages.1, distance)));
        let node = file.node(0, &[&[(0, pages.0)][..], &tails].concat());
        file.head(node);
        let gone = file.physical(pages.1) / PAGE + 1;
        let held = |number: u64| {
            let page = file.memory.bytes[(number * PAGE) as usize..][..PAGE as usize].to_vec();
            (number, (number != gone).then_some(page))
        };
        let dump = packed::file(&Kdump::new(packed::ZLIB, (0..SIZE / PAGE).map(held).collect()).bytes());
        let kernel = file.kernel_in(&dump);
        for bytes in [Some(1 << 20), None] {
            let part = read(&kernel, file.inode, 0, bytes).unwrap().unwrap();
            let expected = if bytes.is_some() { "abXd" } else { "++X+" };
            assert_eq!(letters(&part, bytes.is_some()), expected, "{era:?}");
        }
    }
}

#[test]
fn what_is_there_is_told_without_its_bytes_too() {
    for era in ERAS {
        let mut file = File::new(era, 5);
        let pages = (file.page(1, b'b'), file.page(3, b'd'), file.page(4, b'e'));
        let node = file.node(0, &[(1, pages.0), (3, pages.1), (4, pages.2)]);
        file.head(node);
        let kernel = file.kernel();
        let part = read(&kernel, file.inode, 0, None).unwrap().unwrap();
        assert_eq!((letters(&part, false), part.next), ("0+0++".to_owned(), None), "{era:?}");
        assert!(part.bytes.is_empty());
        assert!(read(&kernel, file.inode, 100, None).is_err(), "no page begins there");
        assert!(read(&kernel, file.inode, 0, Some(100)).is_err(), "less than a page");
        let behind = read(&kernel, file.inode, 5 * PAGE, Some(4096)).unwrap().unwrap();
        assert_eq!((behind.pieces.len(), behind.next), (0, None), "{era:?}");
    }
}
