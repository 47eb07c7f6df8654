//! Formats told apart by content, and files that are no images or lie about what they hold.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

#[path = "common/files.rs"]
mod files;

use std::path::Path;

use files::{elf_core, file, lime_header, refusal};
use proptest::prelude::*;
use salvor_native::error::ErrorKind;
use salvor_native::image::Image;

const MIB: usize = 1 << 20;

#[test]
fn raw_is_physical_memory_from_zero() {
    let mut bytes = vec![0; 2 * MIB];
    bytes[MIB..MIB + 8].copy_from_slice(&7_u64.to_le_bytes());
    let image = file(&bytes);
    let image = Image::open(image.path()).unwrap();
    assert_eq!((image.format(), image.read_u64(MIB as u64)), ("raw", Some(7)));
    assert_eq!(image.read_u64(2 * MIB as u64), None);
}

#[test]
fn lime_ranges_lie_where_their_headers_say() {
    let mut bytes = lime_header(0x1000, 0x1fff);
    bytes.extend([1; 4096]);
    bytes.extend(lime_header(0x10_0000, 0x10_0fff));
    bytes.extend([2; 4096]);
    let image = file(&bytes);
    let image = Image::open(image.path()).unwrap();
    assert_eq!(image.format(), "lime");
    assert_eq!(image.read_u64(0x10_0000), Some(0x0202_0202_0202_0202));
    assert_eq!(image.read_u64(0x2000), None);
    assert!(image.warnings().is_empty());
}

#[test]
fn elf_counts_by_physical_address() {
    let mut bytes = elf_core(4, 62, &[(0x100_0000, 4096, 4096)]);
    bytes.resize(4096, 0);
    bytes.extend([3; 4096]);
    let image = file(&bytes);
    let image = Image::open(image.path()).unwrap();
    assert_eq!((image.format(), image.read_u64(0x100_0ff8)), ("elf", Some(0x0303_0303_0303_0303)));
}

#[test]
fn files_that_are_no_images_are_refused_in_one_line() {
    assert!(refusal(b"").contains("the file is empty"));
    assert!(refusal(b"just some notes\n").contains("not a memory image"));
    assert!(refusal(&elf_core(2, 62, &[])).contains("not a memory core"));
    assert!(refusal(b"\x7fELF\x01\x01\x01").contains("64-bit"));
    assert!(refusal(&elf_core(4, 62, &[])).contains("holds no memory"));
    assert!(refusal(&elf_core(4, 62, &[(0, 64, 10), (0, 74, 10)])).contains("one process"));
}

#[test]
fn files_of_other_kinds_are_refused_by_name_with_what_to_do() {
    for (at, start, words) in [
        (0, &b"\x1f\x8b\x08"[..], ["gzip", "gunzip"]),
        (0, b"\x28\xb5\x2f\xfd", ["zstd", "zstd -d"]),
        (0, b"\xfd7zXZ\0", ["xz", "xz -dk"]),
        (0, b"BZh91AY&SY", ["bzip2", "bunzip2"]),
        (0, b"\x04\x22\x4d\x18", ["lz4", "lz4 -d"]),
        (0, b"\x14\x20\x28\x01", ["Hyper-V", "vm2dmp"]),
        (0, b"\x7fVirtualBox SavedState V2.0", ["VirtualBox", "dumpvmcore"]),
        (257, b"ustar", ["tar archive", "tar -xf"]),
    ] {
        let mut bytes = vec![0; 2 * MIB];
        bytes[at..at + start.len()].copy_from_slice(start);
        for bytes in [&bytes, &bytes[..600]] {
            let refused = refusal(bytes);
            assert!(words.iter().all(|word| refused.contains(word)), "{refused}");
        }
    }
}

#[test]
fn paths_that_are_no_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (path, what) in [(folder.path(), "a directory"), (Path::new("/nonexistent/image"), "no such file")] {
        let error = Image::open(path).err().unwrap();
        assert!(error.kind == ErrorKind::Evidence && error.message.contains(what), "{}", error.message);
    }
    let (fifo, socket) = (folder.path().join("fifo"), folder.path().join("socket"));
    let name = std::ffi::CString::new(fifo.as_os_str().as_encoded_bytes()).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &name, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (path, what) in [
        (fifo.as_path(), "a FIFO, not a regular file"),
        (&socket, "a socket, not a regular file"),
        (Path::new("/dev/null"), "a device, not a regular file"),
        (Path::new("/dev/zero"), "a device, not a regular file"),
    ] {
        let error = Image::open(path).err().unwrap();
        assert!(error.kind == ErrorKind::Evidence && error.message.contains(what), "{}", error.message);
    }
}

#[test]
fn a_distilled_image_replaces_nothing() {
    let whole = file(&vec![1; 2 * MIB]);
    let image = Image::open(whole.path()).unwrap();
    image.record_touched();
    image.read_u64(0);
    let error = image.write_touched(whole.path()).err().unwrap();
    assert!(error.kind == ErrorKind::Usage && error.message.contains("is there already"), "{}", error.message);
    assert_eq!(std::fs::metadata(whole.path()).unwrap().len(), 2 * MIB as u64);
}

#[test]
fn lime_ranges_that_lie_are_told() {
    let mut backwards = lime_header(0x2000, 0x1000);
    backwards.extend([0; 4096]);
    assert!(refusal(&backwards).contains("before it starts"));

    let mut too_long = lime_header(0, u64::MAX - 1);
    too_long.extend([0; 4096]);
    let too_long = file(&too_long);
    let image = Image::open(too_long.path()).unwrap();
    assert!(image.warnings()[0].starts_with("truncated"), "{:?}", image.warnings());
    assert_eq!((image.read_u64(4088), image.read_u64(4096)), (Some(0), None));

    let mut overlapping = lime_header(0, 0xfff);
    overlapping.extend([1; 4096]);
    overlapping.extend(lime_header(0x800, 0x17ff));
    overlapping.extend([2; 4096]);
    let overlapping = file(&overlapping);
    let image = Image::open(overlapping.path()).unwrap();
    assert!(image.warnings()[0].contains("overlapping"), "{:?}", image.warnings());
    assert_eq!(
        (image.read_u64(0xff8), image.read_u64(0x1000)),
        (Some(0x0101_0101_0101_0101), Some(0x0202_0202_0202_0202))
    );
}

/// Four ranges of one page, whose memory is filled with their number from 1 on.
fn four_ranges() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 1..=4_u64 {
        bytes.extend(lime_header(number << 20, (number << 20) + 0xfff));
        bytes.extend([number as u8; 4096]);
    }
    bytes
}

/// Numbers of the ranges that can be read, and what is said about the rest.
fn readable(bytes: &[u8]) -> (Vec<u64>, Vec<String>) {
    let image = file(bytes);
    let image = Image::open(image.path()).unwrap();
    let filled = |number: u64| u64::from_le_bytes([number as u8; 8]);
    let found = (1..=4).filter(|number| image.read_u64((number << 20) + 0xff8) == Some(filled(*number)));
    let found: Vec<u64> = found.collect();
    assert_eq!(image.ranges().len(), found.len(), "a range shows memory of another: {:?}", image.ranges());
    (found, image.warnings().to_vec())
}

#[test]
fn a_damaged_lime_header_costs_its_range() {
    const STEP: usize = 4096 + 32;
    assert_eq!(readable(&four_ranges()), (vec![1, 2, 3, 4], vec![]));
    let told = |warnings: &[String], at: usize| {
        let (above, next) = (((at / STEP) << 20) + 0x1000, (at / STEP + 2) << 20);
        let expected = format!(
            "damaged: no sound LiME range header at file offset {at:#x}; the {STEP} bytes up to the next, of memory between \
             physical {above:#x} and {next:#x}, are not read"
        );
        assert!(warnings.len() == 1 && warnings[0] == expected, "{warnings:?}");
    };
    for range in 1..3 {
        let at = range * STEP;
        let others: Vec<u64> = (1..=4).filter(|number| *number != range as u64 + 1).collect();
        // Magic, version, a last address before the first, one far too high, and one a page too high.
        for (offset, byte) in [(0, 0), (4, 2), (18, 0), (22, 0x7f), (17, 0x1f)] {
            let mut bytes = four_ranges();
            bytes[at + offset] = byte;
            let (found, warnings) = readable(&bytes);
            assert_eq!(found, others, "byte {offset} of header {range}");
            told(&warnings, at);
        }
    }
    let mut first = four_ranges();
    first[18] = 0;
    assert_eq!(readable(&first).0, [2, 3, 4]);
}

#[test]
fn copies_of_lime_headers_in_memory_are_no_ranges() {
    let mut bytes = four_ranges();
    // A copy of the last header lies in the memory of the second range, as the page cache of a dump may hold it.
    let copy = lime_header(4 << 20, (4 << 20) + 0xfff);
    bytes[4128 + 32 + 512..][..32].copy_from_slice(&copy);
    assert_eq!(readable(&bytes), (vec![1, 2, 3, 4], vec![]));
    bytes[4128] = 0;
    assert_eq!(readable(&bytes).0, [1, 3, 4]);
}

#[test]
fn lime_headers_that_each_have_all_of_the_file_searched_are_given_up() {
    let mut bytes = Vec::new();
    for number in 1..=64_u64 {
        // The first leads nowhere, the one in it to the next of its kind, and only the end of the file has more that follow.
        bytes.extend(lime_header(number << 20, (number << 20) + (40 << 20)));
        bytes.extend(lime_header(number << 20, (number << 20) + 0xfff));
        bytes.extend([0; 4096]);
    }
    bytes.extend([0; 64 << 10]);
    for number in 200..=204_u64 {
        bytes.extend(lime_header(number << 20, (number << 20) + 0xfff));
        bytes.extend([0; 4096]);
    }
    let made = file(&bytes);
    let image = Image::open(made.path()).unwrap();
    let given_up = |warning: &String| warning.contains("not all behind its header was searched");
    assert_eq!(image.warnings().iter().filter(|warning| given_up(warning)).count(), 1, "{:?}", image.warnings());
}

#[test]
fn a_sparse_file_is_scanned_where_it_holds_data() {
    let image = tempfile::NamedTempFile::new().unwrap();
    image.as_file().set_len(512 << 30).unwrap();
    std::os::unix::fs::FileExt::write_all_at(image.as_file(), &[5; 8192], 300 << 30).unwrap();
    let image = Image::open(image.path()).unwrap();
    let chunks = image.chunks(64 << 20);
    let bytes: u64 = chunks.iter().map(|chunk| chunk.end - chunk.start).sum();
    assert!((8192..=1 << 20).contains(&bytes), "{bytes} bytes in {} chunks", chunks.len());
    assert!(chunks.iter().any(|chunk| chunk.contains(&(300 << 30))));
}

#[test]
fn touched_pages_make_an_image_of_their_own() {
    let mut bytes = vec![0; 2 * MIB];
    bytes[0x5000..0x5008].copy_from_slice(&9_u64.to_le_bytes());
    let whole = file(&bytes);
    let image = Image::open(whole.path()).unwrap();
    image.record_touched();
    assert_eq!(image.read_u64(0x5000), Some(9));
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small.lime");
    assert_eq!(image.write_touched(&small).unwrap(), 1);
    let small = Image::open(&small).unwrap();
    assert_eq!((small.read_u64(0x5000), small.read_u64(0x4000)), (Some(9), None));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a partial file was left behind");
}

proptest! {
    /// Whatever the headers say, ranges stay inside the file, sorted and apart.
    #[test]
    fn ranges_stay_inside_the_file(words in proptest::collection::vec((any::<u64>(), any::<u64>(), 0_usize..5000), 1..6)) {
        let mut bytes = Vec::new();
        for (start, last, body) in words {
            bytes.extend(lime_header(start, last));
            bytes.resize(bytes.len() + body, 0xaa);
        }
        let image = file(&bytes);
        if let Ok(image) = Image::open(image.path()) {
            let mut end = 0;
            for range in image.ranges() {
                prop_assert!(range.start >= end && range.offset + range.length <= image.size());
                end = range.end();
            }
        }
    }

    /// A damaged ELF header is refused or read, never a panic.
    #[test]
    fn damaged_elf_headers_do_not_panic(at in 0_usize..176, value in any::<u8>()) {
        let mut bytes = elf_core(4, 62, &[(0x1000, 200, 100), (0x2000, 300, 100)]);
        bytes[at] = value;
        bytes.resize(8192, 0);
        let image = file(&bytes);
        if let Ok(image) = Image::open(image.path()) {
            let mut out = [0; 64];
            image.read(0x1000, &mut out);
        }
    }
}

/// Headers of a dump with a bitmap of 16 pages, of which those of the first two bytes' bits are there.
fn crash_dump(kind: u32, bitmap: [u8; 2], pages: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 3 * 4096];
    bytes[..8].copy_from_slice(b"PAGEDU64");
    bytes[0x30..0x34].copy_from_slice(&0x8664_u32.to_le_bytes());
    bytes[0xf98..0xf9c].copy_from_slice(&kind.to_le_bytes());
    bytes[0x2020..0x2028].copy_from_slice(&(3_u64 * 4096).to_le_bytes());
    bytes[0x2030..0x2038].copy_from_slice(&16_u64.to_le_bytes());
    bytes[0x2038..0x203a].copy_from_slice(&bitmap);
    bytes.extend(pages);
    bytes
}

#[test]
fn crash_dumps_lie_where_their_bitmap_or_runs_say() {
    let pages = [[1; 4096], [2; 4096], [3; 4096]].concat();
    let dump = file(&crash_dump(5, [0b0010_0110, 0], &pages));
    let image = Image::open(dump.path()).unwrap();
    assert_eq!((image.format(), image.ranges().len()), ("crash-dump", 2));
    let words = [0x1000, 0x2000, 0x3000, 0x5000].map(|at| image.read_u64(at).map(|word| word as u8));
    assert_eq!(words, [Some(1), Some(2), None, Some(3)]);
    // The same pages in runs, behind a header of two pages.
    let mut runs = crash_dump(1, [0; 2], &[]);
    runs.truncate(2 * 4096);
    for (at, word) in [(0x88, 2_u64), (0x98, 1), (0xa0, 2), (0xa8, 5), (0xb0, 1)] {
        runs[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
    let whole = file(&[runs.clone(), pages].concat());
    let image = Image::open(whole.path()).unwrap();
    let words = [0x1000, 0x2000, 0x3000, 0x5000].map(|at| image.read_u64(at).map(|word| word as u8));
    assert_eq!(words, [Some(1), Some(2), None, Some(3)]);
    assert!(refusal(&crash_dump(2, [1, 0], &[0; 4096])).contains("does not hold all of memory"));
    assert!(refusal(&crash_dump(5, [1, 0], &[])[..0x2030]).contains("cut off inside its headers"));
    runs[0x88] = 43;
    assert!(refusal(&runs).contains("runs of memory are damaged"));
}

#[test]
fn a_vmem_is_known_by_its_name_and_its_hole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guest.vmem");
    let sparse = std::fs::File::create(&path).unwrap();
    sparse.set_len((3 << 30) + (2 << 20)).unwrap();
    let image = Image::open(&path).unwrap();
    let starts: Vec<u64> = image.ranges().iter().map(|range| range.start).collect();
    assert_eq!((image.format(), starts), ("vmware", vec![0, 4 << 30]));
    assert!(image.warnings()[0].contains("no .vmss or .vmsn is beside"), "{:?}", image.warnings());
    std::fs::write(folder.path().join("guest.vmss"), b"something else").unwrap();
    assert!(Image::open(&path).err().unwrap().message.contains("guest.vmss is no saved state of VMware"));
    std::fs::write(
        folder.path().join("guest.vmss"),
        [b"\xd2\xbe\xd2\xbe\x08\0\0\0\x01\0\0\0".to_vec(), vec![0; 80]].concat(),
    )
    .unwrap();
    assert!(Image::open(&path).err().unwrap().message.contains("none is called memory"));
    let named = Image::open(&folder.path().join("guest.vmss")).err().unwrap().message;
    assert!(named.contains("none is called memory"), "{named}");
}

#[test]
fn xen_cores_that_cannot_be_read_are_refused() {
    let core = |names: &str, sections: &[(usize, u64, u64)]| {
        let mut bytes = elf_core(4, 62, &[]);
        bytes[40..48].copy_from_slice(&64_u64.to_le_bytes());
        bytes[58..64].copy_from_slice(&[64, 0, sections.len() as u8 + 1, 0, 1, 0]);
        bytes.resize(64 + 64 * (sections.len() + 1), 0);
        for (index, (name, offset, size)) in sections.iter().enumerate() {
            let at = 64 * (index + 2);
            bytes[at..at + 4].copy_from_slice(&(*name as u32).to_le_bytes());
            bytes[at + 4..at + 8].copy_from_slice(&(if index == 0 { 3_u32 } else { 1 }).to_le_bytes());
            bytes[at + 24..at + 32].copy_from_slice(&offset.to_le_bytes());
            bytes[at + 32..at + 40].copy_from_slice(&size.to_le_bytes());
        }
        bytes.extend(names.as_bytes());
        bytes
    };
    let names = "\0.xen_pages\0.xen_p2m\0";
    let at = 64 + 64 * 4;
    let length = names.len() as u64;
    let paravirtual = core(names, &[(0, at, length), (1, 0, 64), (12, 0, 64)]);
    assert!(refusal(&paravirtual).contains("paravirtualised"), "{}", refusal(&paravirtual));
    let without = core(names, &[(0, at, length), (1, 0, 64), (0, 0, 64)]);
    assert!(refusal(&without).contains("no numbers of its pages"), "{}", refusal(&without));
}
