//! Files that end anywhere or lie about what they hold: an error in one line, or a partial result that says so, and never
//! memory that is not there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

#[path = "common/files.rs"]
mod files;

use files::{elf_core, file, lime_header, refusal};
use proptest::prelude::*;
use salvor_native::image::Image;

const PAGE: usize = 4096;

/// A page whose content tells its number.
fn page(number: usize) -> Vec<u8> {
    vec![number as u8; PAGE]
}

/// Where each of three pages of memory lies.
const PLACES: [u64; 3] = [0x1000, 0x2000, 0x9000];

fn lime() -> Vec<u8> {
    let ranges = PLACES.iter().enumerate().map(|(number, start)| {
        let mut range = lime_header(*start, start + PAGE as u64 - 1);
        range.extend(page(number + 1));
        range
    });
    ranges.collect::<Vec<_>>().concat()
}

/// The same in an ELF core, behind its headers and a note.
fn elf() -> Vec<u8> {
    let first = 512;
    let segments: Vec<_> =
        (0..).zip(PLACES).map(|(number, start)| (start, first + number * PAGE as u64, PAGE as u64)).collect();
    let mut bytes = elf_core(4, 62, &[&segments[..], &[(0, 300, 46)]].concat());
    // The last segment is a note.
    bytes[64 + 3 * 56..][..4].copy_from_slice(&4_u32.to_le_bytes());
    bytes.resize(300, 0);
    for word in [11_u32, 21, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(b"VMCOREINFO\0\0OSRELEASE=9.9.9-test\n\0");
    bytes.resize(first as usize, 0);
    (1..=3).for_each(|number| bytes.extend(page(number)));
    bytes
}

/// How many leading bytes of each page can be read; none may hold what another should.
fn readable(image: &Image) -> Vec<usize> {
    let read = |(number, start): (usize, &u64)| {
        let mut out = page(0);
        let read = image.copy(*start, &mut out);
        assert!(out[..read.min(PAGE)] == page(number + 1)[..read], "page {number} holds something else");
        read
    };
    PLACES.iter().enumerate().map(read).collect()
}

#[test]
fn a_file_that_ends_anywhere_gives_what_is_left_and_says_so() {
    for (name, whole, start) in [("lime", lime(), 32), ("elf", elf(), 512)] {
        let image = Image::open(file(&whole).path()).unwrap();
        assert_eq!((readable(&image), image.warnings().len()), (vec![PAGE; 3], 0), "{name}");
        for length in (1..whole.len()).step_by(7).chain((0..3).map(|pages| start + pages * PAGE)) {
            let cut = file(&whole[..length]);
            match Image::open(cut.path()) {
                Ok(image) => {
                    assert!(length > start, "{name}: {length} bytes are no memory");
                    // What a file that ends between two LiME ranges lacks, nothing in it tells.
                    let is_whole = name == "lime" && length % (PAGE + 32) == 0;
                    assert_eq!(image.warnings().is_empty(), is_whole, "{name}: {length}: {:?}", image.warnings());
                    let told = |warning: &String| warning.starts_with("truncated") && !warning.contains('\n');
                    assert!(image.warnings().iter().all(told), "{:?}", image.warnings());
                    let read: usize = readable(&image).iter().sum();
                    let held: u64 = image.ranges().iter().map(|range| range.length).sum();
                    assert!(read as u64 == held && read > 0 && read < 3 * PAGE, "{name}: {length}: {read} of {held}");
                }
                Err(error) => {
                    assert!(length <= start, "{name}: {length}: {}", error.message);
                    assert!(!error.message.contains('\n'), "{}", error.message);
                }
            }
        }
    }
}

#[test]
fn elf_headers_that_lie_are_refused_or_told() {
    let with = |at: usize, bytes: &[u8]| {
        let mut core = elf();
        core[at..at + bytes.len()].copy_from_slice(bytes);
        core
    };
    // Where the program headers are, how long each is, and how many.
    for core in [with(32, &[0xff; 8]), with(54, &7_u16.to_le_bytes()), with(56, &u16::MAX.to_le_bytes())] {
        assert!(refusal(&core).contains("the ELF header is damaged"), "{}", refusal(&core));
    }
    // Of the first segment: its offset, its address, its length.
    const FIRST: usize = 64;
    for (at, value, words) in [
        (FIRST + 8, u64::MAX, "truncated: physical 0x1000-0x2000 should have 4096 bytes, the file holds 0"),
        (FIRST + 24, u64::MAX - 100, "damaged: 4096 bytes at physical 0xffffffffffffff9b, where no machine has memory"),
        (FIRST + 24, 0x9800, "overlapping ranges at physical 0x9800"),
        (FIRST + 32, u64::MAX, "truncated: physical 0x1000-0xffffffffffffffff should have 18446744073709551615 bytes"),
    ] {
        let core = file(&with(at, &value.to_le_bytes()));
        let image = Image::open(core.path()).unwrap();
        assert!(image.warnings().iter().any(|warning| warning.starts_with(words)), "{:?}", image.warnings());
        assert_eq!(image.read_u64(0x9000), Some(0x0303_0303_0303_0303));
        scan(&image);
    }
    // A note that claims more than there is, or more than VMCOREINFO has, is none.
    for (at, length) in [(304, u32::MAX), (300, u32::MAX), (64 + 3 * 56 + 32, u32::MAX)] {
        let image = Image::open(file(&with(at, &length.to_le_bytes())).path()).unwrap();
        assert_eq!((image.vmcoreinfo(), readable(&image)), (None, vec![PAGE; 3]));
    }
    let image = Image::open(file(&elf()).path()).unwrap();
    assert_eq!(image.vmcoreinfo().and_then(|note| note.get("OSRELEASE")), Some("9.9.9-test"));
}

/// Reads all that an image says it has, as a scan does.
fn scan(image: &Image) -> u64 {
    let (mut buffer, mut read) = (Vec::new(), 0);
    for chunk in image.chunks(1 << 20) {
        let (mut at, end) = (chunk.start, chunk.end);
        while at < end {
            let block = image.read_block(at, (end - at) as usize, &mut buffer);
            read += block.len() as u64;
            let next = at + block.len() as u64;
            at = if next < end { image.past_gap(next) } else { end };
            assert!(at >= next, "a scan goes back");
        }
    }
    read
}

#[test]
fn warnings_and_ranges_have_an_end() {
    // Segments that all overlap: 20,000 warnings, and one that counts most of them.
    let segments: Vec<_> = (0..20_000).map(|number| (0x1000 + number % 7, 4096, 4096)).collect();
    let mut bytes = elf_core(4, 62, &segments);
    bytes.resize(bytes.len() + 8192, 0);
    let image = Image::open(file(&bytes).path()).unwrap();
    assert_eq!(image.warnings().len(), 257);
    assert_eq!(image.warnings()[256], "truncated: 19743 more parts of the file are not as they should be");
    // Ranges of nothing but their headers.
    let ranges = (0..1_050_000_u64).flat_map(|number| [lime_header(number, number), vec![7]].concat());
    let bytes: Vec<u8> = ranges.collect();
    assert!(refusal(&bytes).contains("more than 1048576 LiME ranges"), "{}", refusal(&bytes));
}

#[test]
fn a_raw_file_is_as_long_as_it_is() {
    for length in [1 << 20, (1 << 20) + 1, (1 << 20) + 4095, 3 << 20] {
        let image = file(&vec![5; length]);
        let image = Image::open(image.path()).unwrap();
        let mut out = [0; 16];
        assert_eq!(image.copy(length as u64 - 9, &mut out), 9);
        assert_eq!((image.copy(length as u64, &mut out), scan(&image)), (0, length as u64));
    }
    assert!(refusal(&vec![5; (1 << 20) - 1]).contains("no header of a format that salvor reads"));
}

proptest! {
    /// Whatever segments say of where they are and how long: ranges are in order and inside the file, what is given is
    /// what the file has there, what is not is told, and a scan ends.
    #[test]
    fn lying_segments_never_show_what_the_file_does_not_hold(
        segments in prop::collection::vec((edge(), edge(), edge()), 1..8),
    ) {
        let mut bytes = elf_core(4, 62, &segments);
        bytes.resize(8 * PAGE, 0);
        let body = 64 + 56 * segments.len();
        (body..bytes.len()).for_each(|at| bytes[at] = (at / 256) as u8);
        let core = file(&bytes);
        let Ok(image) = Image::open(core.path()) else { return Ok(()) };
        let (mut end, mut held) = (0, 0);
        for range in image.ranges() {
            prop_assert!(range.start >= end && range.offset + range.length <= image.size());
            end = range.end();
            held += range.length;
            let mut out = vec![0; range.length as usize];
            prop_assert_eq!(image.copy(range.start, &mut out), out.len());
            prop_assert_eq!(&out[..], &bytes[range.offset as usize..(range.offset + range.length) as usize]);
        }
        let claimed = segments.iter().map(|segment| u128::from(segment.2)).sum::<u128>();
        prop_assert!(u128::from(held) == claimed || !image.warnings().is_empty());
        prop_assert_eq!(scan(&image), held);
    }
}

/// Numbers about which there is something to get wrong.
fn edge() -> impl Strategy<Value = u64> {
    prop_oneof![
        0_u64..9 * PAGE as u64,
        any::<u64>(),
        (0_u64..64, -3_i64..3).prop_map(|(bit, less)| (1_u64 << bit).wrapping_add_signed(less)),
        (0_u64..5000).prop_map(|less| u64::MAX - less),
    ]
}
