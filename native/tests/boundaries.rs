//! Formats of hypervisors and debuggers that end anywhere, claim what cannot be, or hold a page twice: an error in one line,
//! or what is left with a word about the rest.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

#[allow(dead_code)] // Each test binary uses its share.
#[path = "common/files.rs"]
mod files;

use files::{elf_core, file};
use salvor_native::error::ErrorKind;
use salvor_native::image::Image;

const PAGE: usize = 4096;
/// Where each of four pages of memory lies, two of them side by side.
const PLACES: [u64; 4] = [0x1000, 0x2000, 0x9000, 0x20_0000];

/// A page whose content tells its number.
fn page(number: usize) -> Vec<u8> {
    (0..PAGE).map(|at| if at % 2 == 0 { number as u8 } else { (at / 2) as u8 | 1 }).collect()
}

fn pages() -> Vec<u8> {
    (1..=PLACES.len()).flat_map(page).collect()
}

fn put(bytes: &mut [u8], at: usize, word: u64) {
    bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
}

/// A state of VMware's that holds memory: a header, two groups, and tags.
fn vmware() -> Vec<u8> {
    fn tag(name: &str, index: Option<u32>, value: u64) -> Vec<u8> {
        let flags = 8 | if index.is_some() { 1 << 6 } else { 0 };
        let index = index.map(u32::to_le_bytes).into_iter().flatten();
        [flags, name.len() as u8].into_iter().chain(name.bytes()).chain(index).chain(value.to_le_bytes()).collect()
    }
    let mut bytes = b"\xd2\xbe\xd2\xbe\x08\0\0\0\x02\0\0\0".to_vec();
    let tags_at = 12 + 160 + 2;
    for (name, at) in [("cpu", tags_at - 2), ("memory", tags_at)] {
        let mut group = name.as_bytes().to_vec();
        group.resize(64, 0);
        group.extend((at as u64).to_le_bytes());
        group.extend([0; 8]);
        bytes.extend(group);
    }
    bytes.extend([0; 2]);
    bytes.extend(tag("regionsCount", None, PLACES.len() as u64));
    for (number, place) in (0..).zip(PLACES) {
        for (name, value) in [("regionPPN", place >> 12), ("regionPageNum", u64::from(number)), ("regionSize", 1)] {
            bytes.extend(tag(name, Some(number), value));
        }
    }
    // The memory itself: its length is in the tag, stored and plain, and padding before it.
    bytes.extend([62, 6]);
    bytes.extend(b"Memory");
    bytes.extend([(4 * PAGE as u64).to_le_bytes(); 2].concat());
    bytes.extend(3_u16.to_le_bytes());
    bytes.extend([0; 3]);
    bytes.extend(pages());
    bytes.extend([0; 2]);
    bytes
}

/// A crash dump with runs.
fn crash_dump_runs() -> Vec<u8> {
    let mut bytes = vec![0; 2 * PAGE];
    bytes[..8].copy_from_slice(b"PAGEDU64");
    bytes[0x30..0x32].copy_from_slice(&0x8664_u16.to_le_bytes());
    bytes[0xf98] = 1;
    put(&mut bytes, 0x88, 3);
    for (index, (first, count)) in [(1, 2), (9, 1), (0x200, 1)].into_iter().enumerate() {
        put(&mut bytes, 0x98 + 16 * index, first);
        put(&mut bytes, 0xa0 + 16 * index, count);
    }
    bytes.extend(pages());
    bytes
}

/// The same with a bitmap.
fn crash_dump_bitmap() -> Vec<u8> {
    let mut bytes = vec![0; 3 * PAGE];
    bytes[..8].copy_from_slice(b"PAGEDU64");
    bytes[0x30..0x32].copy_from_slice(&0x8664_u16.to_le_bytes());
    bytes[0xf98] = 5;
    put(&mut bytes, 0x2020, 3 * PAGE as u64);
    put(&mut bytes, 0x2030, 0x208);
    for place in PLACES.map(|place| place as usize / PAGE) {
        bytes[0x2038 + place / 8] |= 1 << (place % 8);
    }
    bytes.extend(pages());
    bytes
}

/// A core of Xen's.
fn xen() -> Vec<u8> {
    let names = b"\0.shstrtab\0.xen_pages\0.xen_pfn\0";
    let data = 64 + 4 * 64;
    let numbers_at = data + names.len() as u64;
    let pages_at = numbers_at + 8 * PLACES.len() as u64;
    let mut bytes = elf_core(4, 62, &[]);
    put(&mut bytes, 40, 64);
    bytes[58..64].copy_from_slice(&[64, 0, 4, 0, 1, 0]);
    for (name, kind, at, length) in [
        (0_u32, 0_u32, 0, 0),
        (1, 3, data, names.len() as u64),
        (11, 1, pages_at, (PLACES.len() * PAGE) as u64),
        (22, 1, numbers_at, 8 * PLACES.len() as u64),
    ] {
        let mut section = vec![0; 64];
        section[..4].copy_from_slice(&name.to_le_bytes());
        section[4..8].copy_from_slice(&kind.to_le_bytes());
        put(&mut section, 24, at);
        put(&mut section, 32, length);
        bytes.extend(section);
    }
    bytes.extend(names);
    PLACES.iter().for_each(|place| bytes.extend((place >> 12).to_le_bytes()));
    bytes.extend(pages());
    bytes
}

/// A copy of /proc/kcore: memory, a page of it once more, and what has no physical address.
fn kcore() -> Vec<u8> {
    let page = PAGE as u64;
    let first = 64 + 56 * 5;
    let segments = [
        (u64::MAX, first, page),
        (0x1000, first, page),
        (0x1000, first, 2 * page),
        (0x9000, first + 2 * page, page),
        (0x20_0000, first + 3 * page, page),
    ];
    [elf_core(4, 62, &segments), pages()].concat()
}

/// A core of VirtualBox's: no version in its ident, a note with two records, memory of a device that the file has not.
fn virtualbox() -> Vec<u8> {
    let mut note: Vec<u8> = [6_u32, 24, 0xb00].into_iter().flat_map(u32::to_le_bytes).collect();
    note.extend(b"VBCORE\0\0");
    note.extend([0xc0; 24]);
    let at = 64 + 56 * 6_u64;
    let first = at + note.len() as u64;
    let mut segments = vec![(0, at, note.len() as u64)];
    segments.extend((0..).zip(PLACES).map(|(number, place)| (place, first + number * PAGE as u64, PAGE as u64)));
    segments.push((0xe000_0000, first + 4 * PAGE as u64, 0));
    let mut bytes = elf_core(4, 62, &segments);
    bytes[6] = 0;
    bytes[64..68].copy_from_slice(&4_u32.to_le_bytes());
    [bytes, note, pages()].concat()
}

/// By name, with how much of each is headers.
fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("vmware", vmware()),
        ("crash-dump", crash_dump_runs()),
        ("crash-dump", crash_dump_bitmap()),
        ("xen", xen()),
        ("kcore", kcore()),
        ("virtualbox", virtualbox()),
    ]
}

/// How many leading bytes of each page can be read; none may hold what another should.
fn readable(image: &Image) -> Vec<usize> {
    let read = |(number, start): (usize, &u64)| {
        let mut out = vec![0; PAGE];
        let read = image.copy(*start, &mut out);
        assert!(out[..read] == page(number + 1)[..read], "page {number} holds something else");
        read
    };
    PLACES.iter().enumerate().map(read).collect()
}

/// Opens an image; an error is one line about the file.
fn opened(bytes: &[u8]) -> Option<Image> {
    match Image::open(file(bytes).path()) {
        Ok(image) => Some(image),
        Err(error) => {
            assert!(error.kind == ErrorKind::Evidence && !error.message.contains('\n'), "{}", error.message);
            None
        }
    }
}

#[test]
fn whole_files_are_read_whole() {
    for (name, bytes) in all() {
        let image = opened(&bytes).unwrap();
        assert_eq!((readable(&image), image.warnings()), (vec![PAGE; 4], &[][..]), "{name}");
        assert_eq!(image.ranges().iter().map(|range| range.length).sum::<u64>(), 4 * PAGE as u64, "{name}");
    }
}

#[test]
fn a_file_that_ends_anywhere_gives_what_is_left_and_says_so() {
    for (name, bytes) in all() {
        let body = bytes.len() - 4 * PAGE;
        // Each byte of the headers but for long stretches of nothing, and each boundary of a page.
        let around = |at: usize| at.saturating_sub(2)..at + 3;
        let edges = (0..=4).flat_map(|number| around(body + number * PAGE));
        let heads =
            (8..body).filter(|at| body < 2000 || bytes[at.saturating_sub(20)..*at].iter().any(|byte| *byte != 0));
        let mut seen = 0;
        for length in heads.chain(edges).filter(|length| *length < bytes.len()) {
            let Some(image) = opened(&bytes[..length]) else { continue };
            let read = readable(&image);
            let whole = read.iter().all(|read| *read == PAGE);
            let told = !image.warnings().is_empty() || image.loss().is_some();
            // VMware's last tag, which ends the group, tells nothing of memory.
            assert!(told || whole && length + 2 >= bytes.len(), "{name} cut off at {length} of {}", bytes.len());
            seen += usize::from(told);
        }
        assert!(seen > 0 || name == "vmware", "{name}: nothing is left of any part");
    }
}

#[test]
fn words_that_lie_are_refused_or_bounded() {
    let edges = [0, 1, 7, PAGE as u64 - 1, 1 << 31, 1 << 32, (1 << 52) - 1, 1 << 63, u64::MAX - 7, u64::MAX];
    for (name, bytes) in all() {
        let body = bytes.len() - 4 * PAGE;
        let places = (4..body - 8).filter(|at| body < 2000 || bytes[*at..at + 8].iter().any(|byte| *byte != 0));
        for at in places {
            for edge in edges {
                let mut lying = bytes.clone();
                put(&mut lying, at, edge);
                let Some(image) = opened(&lying) else { continue };
                let mut end = 0;
                for range in image.ranges() {
                    assert!(range.start >= end && range.length > 0, "{name} at {at}: {range:?}");
                    assert!(range.offset + range.length <= image.size(), "{name} at {at}: {range:?}");
                    end = range.end();
                }
                assert!(image.warnings().len() <= 257, "{name} at {at}");
                let mut out = [0; 64];
                image.ranges().iter().take(8).for_each(|range| assert!(image.copy(range.start, &mut out) > 0));
            }
        }
    }
}

#[test]
fn memory_that_is_there_twice_is_told_and_the_first_counts() {
    let twice = |mut bytes: Vec<u8>, at: usize, word: u64| {
        put(&mut bytes, at, word);
        let image = opened(&bytes).unwrap();
        assert!(image.warnings().iter().any(|warning| warning.starts_with("overlapping")), "{:?}", image.warnings());
        let mut out = vec![0; PAGE];
        assert_eq!(image.copy(0x2000, &mut out), PAGE);
        assert!(out == page(2), "the first counts");
    };
    // The third page is said to be the second again.
    twice(crash_dump_runs(), 0x98 + 16, 2);
    twice(xen(), xen().len() - 4 * PAGE - 16, 2);
    let name = b"regionPPN\x02\0\0\0";
    let bytes = vmware();
    let tag = bytes.windows(name.len()).position(|part| part == name).unwrap();
    twice(bytes, tag + name.len(), 2);
}
