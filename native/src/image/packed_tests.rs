//! Packed formats: read whole, cut off anywhere, and lying.

use proptest::prelude::*;

use std::ops::Range;

use super::{Image, Machine, Missing};
use crate::error::ErrorKind;
use crate::testing::packed::*;

const MIB: u64 = 1 << 20;

/// Numbered pages from an address on.
fn numbered(start: u64, pages: u64) -> Vec<u8> {
    (start / PAGE as u64..).take(pages as usize).flat_map(page).collect()
}

/// Two ranges, one of which has several chunks.
fn avml_file() -> Vec<u8> {
    avml(&[(0x1000, numbered(0x1000, 40)), (MIB, numbered(MIB, 3))])
}

fn kdump(method: u32) -> Kdump {
    let held = |number: u64| (number, Some(page(number)));
    Kdump::new(method, vec![held(1), held(2), (3, None), (4, None), held(5), held(256), held(257)])
}

fn open(bytes: &[u8]) -> Image {
    Image::open(file(bytes).path()).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let error = Image::open(file(bytes).path()).err().unwrap();
    assert!(error.kind == ErrorKind::Evidence && !error.message.contains('\n'), "{}", error.message);
    error.message
}

/// Numbers of the pages that can be read. None may hold what another should.
fn readable(image: &Image) -> Vec<u64> {
    let read = |number: &u64| {
        let mut out = vec![0; PAGE];
        let read = image.copy(number * PAGE as u64, &mut out);
        assert!(out[..read] == page(*number)[..read], "page {number} holds something else");
        read == PAGE
    };
    (0..300).filter(read).collect()
}

/// The same, as a scan reads.
fn scanned(image: &Image) -> Vec<u64> {
    let mut buffer = Vec::new();
    let mut pages = Vec::new();
    for Range { start, end } in image.chunks(64 << 20) {
        let mut at = start;
        while at < end {
            let block = image.read_block(at, (end - at) as usize, &mut buffer);
            pages.extend(block.chunks(PAGE).map(|page| u64::from_le_bytes(*page.first_chunk().unwrap())));
            at = if block.len() as u64 == end - at { end } else { image.past_gap(at + block.len() as u64) };
        }
    }
    pages
}

fn avml_pages() -> Vec<u64> {
    (1..41).chain(256..259).collect()
}

#[test]
fn avml_gives_the_memory_that_was_packed() {
    let image = open(&avml_file());
    assert_eq!((image.format(), image.warnings().len(), image.left_out()), ("avml", 0, None));
    assert_eq!((readable(&image), scanned(&image)), (avml_pages(), avml_pages()));
    // A word that begins in one chunk and ends in the next, and one behind the end.
    let mut word = [0; 8];
    assert_eq!(image.read(0x1000 + (64 << 10) - 4, &mut word), 8);
    assert_eq!((word[..4].to_vec(), word[4]), (vec![16; 4], 17));
    assert_eq!((image.read_u64(0x2000), image.read_u64(MIB + 0x3000), image.peek(0x2000, 8)), (Some(2), None, None));
    assert_eq!(image.missing(MIB / 2), Some(Missing::Absent));
    assert_eq!((image.holds(0x1000, 40 << 12), image.holds(0x1000, (40 << 12) + 1)), (true, false));
}

#[test]
fn avml_that_is_cut_off_anywhere_gives_what_is_left_and_says_so() {
    let whole = avml_file();
    // At the end of a range nothing tells that another followed.
    let boundary = whole.len() - avml(&[(MIB, numbered(MIB, 3))]).len();
    for length in (8..whole.len()).filter(|length| *length != boundary) {
        match Image::open(file(&whole[..length]).path()) {
            Ok(image) => {
                let pages = readable(&image);
                assert!(avml_pages().starts_with(&pages), "{length}: {pages:?}");
                assert!(!image.warnings().is_empty(), "{length}");
                assert!(image.warnings().iter().all(|warning| warning.starts_with("truncated")));
            }
            Err(error) => assert!(error.message.contains("holds no memory"), "{length}: {}", error.message),
        }
    }
}

#[test]
fn a_damaged_chunk_costs_its_memory_and_is_told_when_it_is_read() {
    let mut bytes = avml_file();
    bytes[32 + 10 + 8 + 40] ^= 1;
    let image = open(&bytes);
    assert_eq!((image.warnings().len(), image.loss()), (0, None));
    let rest: Vec<u64> = avml_pages().into_iter().filter(|number| *number > 16).collect();
    assert_eq!((readable(&image), image.missing(0x1000)), (rest.clone(), Some(Missing::Unreadable)));
    assert_eq!(scanned(&image), rest);
    let loss = image.loss().unwrap();
    let message = "packed memory is damaged: it does not unpack to what it should; 65536 bytes of memory, from physical 0x1000, are lost";
    assert_eq!((loss.message.as_str(), loss.bytes), (message, 65536));
}

#[test]
fn damaged_avml_headers_cost_their_range() {
    let whole = avml_file();
    let second = whole.len() - avml(&[(MIB, numbered(MIB, 3))]).len();
    // Magic, the last address before the first, a stream's start, a chunk's type, and a chunk's length in its frame.
    for (at, byte) in [(0, 0), (18, 0), (32, 3), (42, 2), (50, 0xff)] {
        let mut bytes = whole.clone();
        bytes[second + at] = byte;
        let image = open(&bytes);
        assert_eq!((readable(&image), image.warnings().len()), ((1..41).collect(), 1), "{at}: {:?}", image.warnings());
    }
    let mut bytes = whole.clone();
    bytes[42] = 2;
    let image = open(&bytes);
    assert_eq!((readable(&image), image.warnings().len()), ((256..259).collect(), 1));
    assert!(
        image.warnings()[0].starts_with("damaged: physical 0x1000-0x29000 should have 163840 bytes"),
        "{:?}",
        image.warnings()
    );
}

#[test]
fn avml_ranges_that_overlap_or_claim_more_than_they_hold_are_told() {
    let overlapping = open(&avml(&[(0x1000, numbered(0x1000, 2)), (0x2000, numbered(0x2000, 2))]));
    assert!(overlapping.warnings()[0].contains("overlapping"), "{:?}", overlapping.warnings());
    assert_eq!(readable(&overlapping), [1, 2, 3]);
    let one = avml(&[(0x1000, numbered(0x1000, 1))]);
    let frames = &one[32..one.len() - 8];
    let mut longer = Vec::new();
    avml_range(&mut longer, 0x1000, 2 * MIB, frames);
    let image = open(&longer);
    assert_eq!((readable(&image), image.warnings().len()), (vec![1], 1));
    // A chunk may not unpack to more than its range has left.
    let mut shorter = Vec::new();
    avml_range(&mut shorter, 0x1000, 8, frames);
    assert!(refusal(&shorter).contains("holds no memory"));
}

#[test]
fn kdump_gives_the_memory_that_was_packed_and_tells_what_was_left_out() {
    for method in [PLAIN, ZLIB, SNAPPY, ZSTD] {
        let bytes = kdump(method).bytes();
        for bytes in [flattened(&bytes), bytes] {
            let image = open(&bytes);
            assert_eq!((image.format(), image.warnings()), ("kdump", &[][..]), "{method}");
            assert_eq!(
                (readable(&image), scanned(&image)),
                (vec![1, 2, 5, 256, 257], vec![1, 2, 5, 256, 257]),
                "{method}"
            );
            assert_eq!(
                image.vmcoreinfo().and_then(|info| info.get("OSRELEASE").map(str::to_owned)).as_deref(),
                Some("6.0-test")
            );
            assert_eq!(image.machine(), Some(&Machine::Name("x86_64".to_owned())));
            let places = [0x2000, 0x3000, 0x6000].map(|at| image.missing(at));
            assert_eq!(places, [None, Some(Missing::LeftOut), Some(Missing::Absent)]);
            assert_eq!(
                (image.read_u64(0x3000), image.holds(0x2000, 0x1000), image.holds(0x2000, 0x1001)),
                (None, true, false)
            );
            let told = image.left_out().unwrap();
            assert!(told.starts_with("2 of 7 pages were left out") && told.contains("dump level 31"), "{told}");
            assert_eq!(image.past_gap(0x3000), 0x5000);
        }
    }
}

#[test]
fn kdump_that_is_cut_off_anywhere_gives_what_is_left_and_says_so() {
    let whole = kdump(ZLIB).bytes();
    let lengths = (8..4 * PAGE).step_by(509).chain(4 * PAGE - 2..whole.len());
    for length in lengths {
        match Image::open(file(&whole[..length]).path()) {
            Ok(image) => {
                assert!(image.warnings()[0].starts_with("truncated"), "{length}: {:?}", image.warnings());
                let pages = readable(&image);
                assert!([1, 2, 5, 256, 257].starts_with(&pages) && pages.len() < 5, "{length}: {pages:?}");
                assert!(image.loss().is_some(), "{length}");
            }
            Err(error) => assert!(error.message.contains("cut off inside its"), "{length}: {}", error.message),
        }
    }
}

#[test]
fn a_flattened_dump_that_is_cut_off_anywhere_never_shows_wrong_memory() {
    let whole = flattened(&kdump(SNAPPY).bytes());
    for length in (16..whole.len()).step_by(37) {
        if let Ok(image) = Image::open(file(&whole[..length]).path()) {
            assert!(!image.warnings().is_empty(), "{length}");
            readable(&image);
        }
    }
}

#[test]
fn kdump_headers_that_lie_are_refused_in_one_line() {
    let with = |at: usize, bytes: &[u8]| {
        let mut dump = kdump(ZLIB).bytes();
        dump[at..at + bytes.len()].copy_from_slice(bytes);
        dump
    };
    for (dump, words) in [
        (with(428, &8192_u32.to_le_bytes()), "of machine \"x86_64\" with pages of 8192 bytes"),
        (with(432, &u32::MAX.to_le_bytes()), "cut off inside its bitmaps"),
        (with(436, &u32::MAX.to_le_bytes()), "cut off inside its bitmaps"),
        (with(PAGE + 96, &u64::MAX.to_le_bytes()), "claims 18446744073709551615 pages"),
        (with(440, &[0; 4])[..PAGE + 96].to_vec(), "cut off inside its headers"),
        (with(PAGE + 12, &[1]), "holds no memory"),
        (flattened(&with(PAGE + 12, &[1])), "one part of a dump in a flattened stream"),
        (with(2 * PAGE, &[0; 2 * PAGE]), "holds no memory"),
    ] {
        assert!(refusal(&dump).contains(words), "{}", refusal(&dump));
    }
    assert!(refusal(&flattened(&[b"\x7fELF".to_vec(), vec![0; 2 * PAGE]].concat())).contains("makedumpfile -R"));
    assert!(refusal(&flattened(&vec![0; 2 * PAGE])).contains("holds no dump"));
    // Memory in more ranges than there can be.
    let mut bitmap = with(436, &12_u32.to_le_bytes());
    bitmap.splice(2 * PAGE..4 * PAGE, [0x55; 12 * PAGE]);
    bitmap[PAGE + 96..PAGE + 104].copy_from_slice(&(48 * PAGE as u64).to_le_bytes());
    assert!(refusal(&bitmap).contains("65536 ranges"), "{}", refusal(&bitmap));
}

#[test]
fn kdump_descriptors_that_lie_cost_their_page() {
    const FIRST: usize = 4 * PAGE;
    for (at, bytes) in [
        (0, u64::MAX.to_le_bytes().to_vec()),
        (0, (1_u64 << 63).to_le_bytes().to_vec()),
        (8, u32::MAX.to_le_bytes().to_vec()),
        (8, vec![0; 4]),
        (12, vec![0; 4]),
        (12, 0xff_u32.to_le_bytes().to_vec()),
        (12, SNAPPY.to_le_bytes().to_vec()),
        (12, 2_u32.to_le_bytes().to_vec()),
    ] {
        let mut dump = kdump(ZLIB).bytes();
        dump[FIRST + at..FIRST + at + bytes.len()].copy_from_slice(&bytes);
        let image = open(&dump);
        assert_eq!(
            (readable(&image), image.loss().map(|loss| loss.bytes)),
            (vec![2, 5, 256, 257], Some(4096)),
            "{at} {bytes:?}"
        );
    }
    // A page that unpacks to more than a page.
    let mut bomb = kdump(ZLIB);
    bomb.pages[0].1 = Some(vec![0; 1 << 20]);
    let image = open(&bomb.bytes());
    assert_eq!(readable(&image), [2, 5, 256, 257]);
}

#[test]
fn packed_memory_that_is_cut_off_while_it_is_open_is_told() {
    let file = file(&kdump(PLAIN).bytes());
    let image = Image::open(file.path()).unwrap();
    file.as_file().set_len(4 * PAGE as u64 + 5 * 24 + 2 * PAGE as u64).unwrap();
    assert_eq!(image.undisturbed(|| Ok(readable(&image))).unwrap(), [1, 2]);
    let loss = image.loss().unwrap();
    assert!(loss.message.starts_with("the file was cut off at offset 0x6078 while it was read"), "{}", loss.message);
}

#[test]
fn what_is_distilled_of_a_packed_image_is_what_it_holds() {
    for bytes in [avml_file(), kdump(ZLIB).bytes()] {
        let image = open(&bytes);
        image.record_touched();
        image.touch(0x1000, 5 * PAGE as u64);
        let folder = tempfile::tempdir().unwrap();
        image.write_touched(&folder.path().join("small.lime")).unwrap();
        let small = Image::open(&folder.path().join("small.lime")).unwrap();
        let expected: Vec<u64> = readable(&image).into_iter().filter(|number| *number < 6).collect();
        assert_eq!(readable(&small), expected);
    }
}

proptest! {
    /// Whatever a byte of a file becomes: no panic, ranges in order, and a bounded answer.
    #[test]
    fn damaged_files_do_not_panic(which in 0_usize..3, places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = vec![avml_file(), kdump(ZSTD).bytes(), flattened(&kdump(ZLIB).bytes())].swap_remove(which);
        let heads = if which == 0 { bytes.len() } else { 5 * PAGE + 200 };
        for (at, value) in places {
            let at = at.index(heads.min(bytes.len()));
            bytes[at] = value;
        }
        if let Ok(image) = Image::open(file(&bytes).path()) {
            let mut end = 0;
            for range in image.ranges() {
                prop_assert!(range.start >= end && range.length > 0);
                end = range.end();
            }
            let mut out = [0; 8192];
            image.ranges().iter().for_each(|range| { image.read(range.start, &mut out); });
        }
    }
}
