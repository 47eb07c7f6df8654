//! Files in the page cache: a hole is what the tree proves empty, and everything else that is not there is told.

use super::*;
use crate::testing::files::{EXT4, Era, File};
use crate::testing::memory::NOWHERE;

const ERAS: [Era; 3] = [Era::Radix, Era::Xarray, Era::Renamed];

/// First letter of each page of a file, `0` for zeros, read as `contents` and as `cached`; with the warnings of each.
fn read(file: &File) -> [(Option<String>, Vec<Code>); 2] {
    ["contents", "cached"].map(|leaf| {
        let select = json!([{ "name": "text", "path": "", "as": leaf }]);
        let spec = json!({ "from": { "addresses": true, "type": "struct inode" }, "select": select });
        let batch = run(&file.kernel(), &spec.to_string(), &[file.inode]).unwrap();
        let ColumnData::Text { bytes, nulls, .. } = &batch.columns[0] else { panic!("no text") };
        let page = |page: &[u8]| {
            assert!(page.iter().all(|byte| *byte == page[0]), "a page of two");
            char::from(if page[0] == 0 { b'0' } else { page[0] })
        };
        let letters = (nulls[0] & 1 == 0).then(|| bytes.chunks(4096).map(page).collect());
        (letters, batch.warnings.iter().map(|warning| warning.code).collect())
    })
}

fn whole(letters: &str) -> [(Option<String>, Vec<Code>); 2] {
    [(Some(letters.into()), vec![]), (Some(letters.into()), vec![])]
}

/// What `contents` cannot give, and `cached` gives with a word.
fn lost(letters: &str) -> [(Option<String>, Vec<Code>); 2] {
    [(None, vec![Code::Unreadable]), (Some(letters.into()), vec![Code::Truncated])]
}

/// A file whose only node has pages `a`, a hole, `c` and an entry at index 3, which the test sets.
fn three(era: Era) -> (File, u64) {
    let mut file = File::new(era, 4);
    let (first, third) = (file.page(0, b'a'), file.page(2, b'c'));
    let node = file.node(0, &[(0, first), (2, third)]);
    file.head(node);
    (file, node)
}

#[test]
fn a_slot_proven_empty_is_a_hole() {
    for era in ERAS {
        let (file, _) = three(era);
        assert_eq!(read(&file), whole("a0c0"), "{era:?}");
        let (mut longer, _) = three(era);
        longer.resize(70 * 4096);
        assert_eq!(read(&longer), whole(&format!("a0c0{}", "0".repeat(66))), "{era:?}: beyond what the head covers");
        let mut single = File::new(era, 2);
        let page = single.page(0, b'x');
        single.head(page);
        assert_eq!(read(&single), whole("x0"), "{era:?}: a lone page");
        let mut empty = File::new(era, 2);
        empty.head(0);
        assert_eq!(read(&empty), [(Some("00".into()), vec![]), (None, vec![])], "{era:?}: no page at all");
    }
}

#[test]
fn a_page_that_was_swapped_out_is_no_hole() {
    for era in ERAS {
        let (mut file, node) = three(era);
        file.slot(node, 3, file.swapped());
        assert_eq!(read(&file), lost("a0c0"), "{era:?}");
        file.resize(3 * 4096);
        assert_eq!(read(&file), whole("a0c"), "{era:?}: behind the file's end");
        file.head(file.swapped());
        assert_eq!(
            read(&file),
            [(None, vec![Code::Unreadable]), (None, vec![Code::Unreadable])],
            "{era:?}: nothing else"
        );
    }
}

#[test]
fn a_page_that_was_dropped_is_only_not_in_memory_where_there_is_a_disk() {
    for era in ERAS {
        let (mut file, node) = three(era);
        file.slot(node, 3, file.swapped());
        let absent = [(None, vec![Code::Unreadable]), (Some("a0c0".into()), vec![])];
        assert_eq!(read(&file.of(EXT4)), absent, "{era:?}");
    }
}

#[test]
fn a_tree_that_is_torn_is_no_hole() {
    for era in ERAS {
        let tag = if era == Era::Radix { 1 } else { 2 };
        let (mut file, node) = three(era);
        let mark = if era == Era::Radix { 3 } else { 256 << 2 | 2 };
        for entry in [NOWHERE, NOWHERE | tag, mark, 0x1_0000] {
            file.slot(node, 3, entry);
            assert_eq!(read(&file), lost("a0c0"), "{era:?}: {entry:#x}");
        }
        file.head(NOWHERE | tag);
        assert_eq!(read(&file), [(None, vec![Code::Unreadable]), (None, vec![Code::Unreadable])], "{era:?}");
        // A child whose shift is not one level less than its parent's, and one that is its own parent.
        let mut deep = File::new(era, 66);
        let (first, last) = (deep.page(0, b'a'), deep.page(64, b'z'));
        let (left, wrong) = (deep.node(0, &[(0, first)]), deep.node(6, &[(0, last)]));
        let top = deep.node(6, &[(0, left), (1, wrong)]);
        deep.head(top);
        let zeros = "0".repeat(65);
        assert_eq!(read(&deep), lost(&format!("a{zeros}")), "{era:?}");
        deep.slot(top, 1, top);
        assert_eq!(read(&deep), lost(&format!("a{zeros}")), "{era:?}");
        let right = deep.node(0, &[(0, last)]);
        deep.slot(top, 1, right);
        assert_eq!(read(&deep), whole(&format!("a{}z0", "0".repeat(63))), "{era:?}");
    }
}

#[test]
fn a_page_of_another_file_is_not_shown() {
    for era in ERAS {
        let (mut file, node) = three(era);
        let page = file.page(3, b'd');
        file.slot(node, 3, page);
        assert_eq!(read(&file), whole("a0cd"), "{era:?}");
        file.disown(page);
        assert_eq!(read(&file), lost("a0c0"), "{era:?}");
        if era != Era::Renamed {
            let elsewhere = file.page(1, b'e');
            file.slot(node, 3, elsewhere);
            assert_eq!(read(&file), lost("a0c0"), "{era:?}: a page of this file, but of another index");
        }
    }
}

#[test]
fn a_page_of_memory_alone_that_was_never_filled_is_zeros() {
    for era in ERAS {
        let (mut file, node) = three(era);
        let page = file.page(3, b'd');
        file.slot(node, 3, page);
        file.unfill(page);
        assert_eq!(read(&file), whole("a0c0"), "{era:?}");
        let absent = [(None, vec![Code::Unreadable]), (Some("a0c0".into()), vec![])];
        assert_eq!(read(&file.of(EXT4)), absent, "{era:?}");
    }
}

/// From 5.17 on an entry and its siblings stand for a huge page.
#[test]
fn small_pages_of_a_huge_page_are_those_behind_its_first() {
    for era in [Era::Xarray, Era::Renamed] {
        let mut file = File::new(era, 10);
        let (huge, last) = (file.huge(4, b"efgh"), file.page(8, b'i'));
        let siblings = [5, 6, 7].map(|slot| (slot, file.sibling(4)));
        let node = file.node(0, &[&[(4, huge), (8, last)][..], &siblings].concat());
        file.head(node);
        assert_eq!(read(&file), whole("0000efghi0"), "{era:?}");
        file.slot(node, 4, file.swapped());
        assert_eq!(read(&file), lost("00000000i0"), "{era:?}: swapped out in one piece");
        // Siblings of what is not there belong to nothing.
        file.slot(node, 4, 0);
        assert_eq!(read(&file), lost("00000000i0"), "{era:?}");
    }
    // One slot of an upper node.
    let mut file = File::new(Era::Renamed, 128);
    let letters: Vec<u8> = (0..64).map(|page| b'A' + page % 26).collect();
    let huge = file.huge(64, &letters);
    let top = file.node(6, &[(1, huge)]);
    file.head(top);
    assert_eq!(read(&file), whole(&format!("{}{}", "0".repeat(64), String::from_utf8(letters).unwrap())));
}

/// From 5.9 to 5.16 each index has an entry of its own, all to the first small page.
#[test]
fn an_index_whose_entry_leads_to_a_huge_pages_first_is_so_far_behind_it() {
    for era in [Era::Radix, Era::Xarray] {
        let mut file = File::new(era, 8);
        let huge = file.huge(4, b"efgh");
        let node = file.node(0, &[4, 5, 6, 7].map(|slot| (slot, huge)));
        file.head(node);
        assert_eq!(read(&file), whole("0000efgh"), "{era:?}");
        file.slot(node, 5, 0);
        assert_eq!(read(&file), whole("0000e0gh"), "{era:?}");
    }
}

/// Before 5.9 each index has an entry of its own, to its own small page, which itself knows only the first.
#[test]
fn a_tail_page_is_its_own_place() {
    for era in [Era::Radix, Era::Xarray] {
        let mut file = File::new(era, 8);
        let huge = file.huge(4, b"efgh");
        let node = file.node(0, &[4, 5, 6, 7].map(|slot| (slot, file.tail(huge, slot - 4))));
        file.head(node);
        assert_eq!(read(&file), whole("0000efgh"), "{era:?}");
        file.slot(node, 5, file.tail(huge, 2));
        assert_eq!(read(&file), lost("0000e0gh"), "{era:?}: a small page at another's index");
    }
}
