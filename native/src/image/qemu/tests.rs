//! Streams of a few pages: read whole, cut off anywhere, and lying. What real ones hold, tests outside of the crate say.

use std::io::Write;

use proptest::prelude::*;

use super::super::{Image, Machine, Missing};
use crate::testing::packed::{PAGE, file, page};

const ZERO: u64 = 0x02;
const MEM_SIZE: u64 = 0x04;
const STORED: u64 = 0x08;
const EOS: u64 = 0x10;
const CONTINUE: u64 = 0x20;
const ZLIB: u64 = 0x100;
const GIB: u64 = 1 << 30;

/// A stream while it is written.
struct Stream(Vec<u8>);

impl Stream {
    /// Up to the names and sizes of the blocks of memory.
    fn new(machine: &str, configuration: &[u8], blocks: &[(&str, u64)]) -> Self {
        let mut out = Self(b"QEVM\0\0\0\x03\x07".to_vec());
        out.u32(machine.len() as u32);
        out.0.extend(machine.as_bytes());
        out.0.extend(configuration);
        out.0.push(1);
        out.u32(2);
        out.text("ram");
        out.u32(0);
        out.u32(4);
        out.u64(blocks.iter().map(|block| block.1).sum::<u64>() | MEM_SIZE);
        for (name, length) in blocks {
            out.text(name);
            out.u64(*length);
        }
        out.end();
        out.0.push(3);
        out.u32(2);
        out
    }

    fn u32(&mut self, word: u32) {
        self.0.extend(word.to_be_bytes());
    }

    fn u64(&mut self, word: u64) {
        self.0.extend(word.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.0.push(text.len() as u8);
        self.0.extend(text.as_bytes());
    }

    /// Ends a section of RAM.
    fn end(&mut self) {
        self.u64(EOS);
        self.0.push(0x7e);
        self.u32(2);
    }

    /// A page; of the same block as the last where no name is given.
    fn page(&mut self, block: Option<&str>, at: u64, kind: u64, bytes: &[u8]) {
        self.u64(at | kind | if block.is_none() { CONTINUE } else { 0 });
        if let Some(name) = block {
            self.text(name);
        }
        self.0.extend(bytes);
    }

    fn open(&self) -> Image {
        Image::open(file(&self.0).path()).unwrap()
    }
}

fn refusal(bytes: &[u8]) -> String {
    Image::open(file(bytes).path()).err().unwrap().message
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    let packed = out.finish().unwrap();
    [(packed.len() as u32).to_be_bytes().to_vec(), packed].concat()
}

/// Pages 1, 2, 3 and 5: stored, sent again, packed, and one of nothing but a byte. Another block's are no RAM.
fn saved() -> Stream {
    let mut stream = Stream::new("pc-i440fx-7.2", &[], &[("pc.ram", 8 << 12), ("pc.bios", 1 << 12)]);
    stream.page(Some("pc.ram"), 1 << 12, STORED, &page(77));
    stream.page(None, 2 << 12, STORED, &page(2));
    stream.page(None, 3 << 12, ZLIB, &zlib(&page(3)));
    stream.page(Some("pc.bios"), 0, STORED, &page(99));
    stream.page(Some("pc.ram"), 5 << 12, ZERO, &[0xaa]);
    stream.page(None, 1 << 12, STORED, &page(1));
    stream.end();
    stream.0.extend(b"\x04 devices");
    stream
}

fn libvirt(format: u32, stream: &[u8]) -> Vec<u8> {
    let mut out = b"LibvirtQemudSave".to_vec();
    let description = b"<domain/>\0";
    for word in [2, description.len() as u32, 1, format] {
        out.extend(word.to_le_bytes());
    }
    out.resize(92, 0);
    [out, description.to_vec(), stream.to_vec()].concat()
}

fn read(image: &Image, number: u64) -> Option<Vec<u8>> {
    let mut out = vec![0; PAGE];
    (image.copy(number * PAGE as u64, &mut out) == PAGE).then_some(out)
}

#[test]
fn each_page_is_what_was_sent_last() {
    let stream = saved();
    for bytes in [stream.0.clone(), libvirt(0, &stream.0)] {
        let image = Image::open(file(&bytes).path()).unwrap();
        assert_eq!((image.format(), image.warnings()), ("qemu", &[][..]));
        assert_eq!(image.machine(), Some(&Machine::Elf(62)));
        let pages: Vec<_> = (0..8).map(|number| read(&image, number)).collect();
        let filled = Some(vec![0xaa; PAGE]);
        assert_eq!(pages, [None, Some(page(1)), Some(page(2)), Some(page(3)), None, filled, None, None]);
        assert_eq!(image.missing(4 << 12), Some(Missing::Absent));
    }
}

#[test]
fn what_is_sent_after_a_command_counts() {
    let mut stream = Stream::new("pc-q35-10.0", &[], &[("pc.ram", 8 << 12)]);
    // A part of RAM, and not its end.
    let kind = stream.0.len() - 5;
    stream.0[kind] = 2;
    stream.page(Some("pc.ram"), 1 << 12, STORED, &page(77));
    stream.end();
    // The end of RAM comes behind: a number, a length, and what it says.
    let end = stream.0.len();
    stream.0.extend(b"\x08\0\x0b\0\x02ok");
    stream.0.push(3);
    stream.u32(2);
    stream.page(Some("pc.ram"), 1 << 12, STORED, &page(1));
    stream.end();
    let image = stream.open();
    assert_eq!((image.warnings(), read(&image, 1)), (&[][..], Some(page(1))));
    let cut = Image::open(file(&stream.0[..end + 4]).path()).unwrap();
    assert!(cut.warnings()[0].starts_with("truncated"), "{:?}", cut.warnings());
}

#[test]
fn memory_lies_where_the_machine_has_it() {
    for (machine, block, length, at, physical) in [
        ("pc-q35-7.2", "pc.ram", 0xb000_0000, 0x8000_0000, 4 * GIB),
        ("pc-q35-rhel9.2.0", "/objects/pc.ram", 0xafff_f000, 0x8000_0000, 0x8000_0000),
        ("pc-i440fx-7.2", "pc.ram", 0xe000_0000, 0xc000_1000, 4 * GIB + 0x1000),
        ("pc-i440fx-1.7", "pc.ram", 0x1_0000_0000, 0xc000_1000, 0xc000_1000),
        ("virt-8.1", "mach-virt.ram", 8 * GIB, 0x1000, GIB + 0x1000),
    ] {
        let mut stream = Stream::new(machine, &[], &[(block, length)]);
        stream.page(Some(block), at, STORED, &page(7));
        stream.end();
        let image = stream.open();
        assert_eq!((image.ranges().len(), image.ranges()[0].start), (1, physical), "{machine}");
        assert_eq!(image.read_u64(physical), Some(7));
    }
    // Nodes are one behind the other, in the order of their numbers; what was plugged in later lies nobody knows where.
    let blocks = [("ram-node1", GIB), ("dimm0", GIB), ("ram-node0", 2 * GIB)];
    let mut stream = Stream::new("pc-q35-7.2", &[], &blocks);
    stream.page(Some("ram-node1"), 0x1000, STORED, &page(1));
    stream.page(Some("dimm0"), 0, STORED, &page(2));
    stream.page(Some("ram-node0"), 0x1000, STORED, &page(3));
    stream.end();
    let image = stream.open();
    assert_eq!((image.read_u64(4 * GIB + 0x1000), image.read_u64(0x1000)), (Some(1), Some(3)));
    assert_eq!(image.warnings(), ["left out: where the 1073741824 bytes of \"dimm0\" lay is not in the stream"]);
}

#[test]
fn a_stream_that_is_cut_off_anywhere_gives_what_is_left_and_says_so() {
    let whole = saved().0;
    // The footer of the last section, and what comes behind it, tell nothing of RAM.
    let end = whole.len() - b"\x04 devices".len() - 5;
    for length in 9..end {
        match Image::open(file(&whole[..length]).path()) {
            Ok(image) => {
                let told = image.warnings();
                assert!(told.len() == 1 && told[0].starts_with("truncated: the stream ends"), "{length}: {told:?}");
                for number in [2, 3] {
                    assert!(read(&image, number).is_none_or(|bytes| bytes == page(number)), "{length}");
                }
            }
            Err(error) => assert!(error.message.contains("holds no memory"), "{length}: {}", error.message),
        }
    }
}

#[test]
fn what_is_not_understood_ends_the_reading_and_is_told() {
    let whole = saved().0;
    let start = whole.len();
    let mut stream = Stream(whole);
    stream.0.truncate(start - b"\x04 devices".len() - 13);
    for (kind, words) in [(0x40, "xbzrle"), (0x200, "multifd"), (0x80, "RDMA"), (0x400, "of kind 0x400")] {
        let mut stream = Stream(stream.0.clone());
        stream.page(Some("pc.ram"), 4 << 12, kind, &page(4));
        let image = stream.open();
        assert!(image.warnings().len() == 1 && image.warnings()[0].contains(words), "{:?}", image.warnings());
        assert_eq!((read(&image, 1), read(&image, 4)), (Some(page(1)), None));
    }
    for (block, at, words) in
        [(Some("pc.rom"), 4 << 12, "was not named before"), (Some("pc.ram"), 9 << 12, "truncated")]
    {
        let mut stream = Stream(stream.0.clone());
        stream.page(block, at, STORED, &page(4));
        let image = stream.open();
        assert!(image.warnings()[0].contains(words), "{:?}", image.warnings());
        assert_eq!(image.ranges().last().map(|range| range.end()), Some(6 << 12), "outside of RAM there is none");
    }
}

#[test]
fn streams_that_cannot_be_read_are_refused_with_what_to_do() {
    let ram = [("pc.ram", 1 << 20)];
    let bits = |bits: u32| [b"\x05\x1econfiguration/target-page-bits\0\0\0\x01", &bits.to_be_bytes()[..]].concat();
    let capability = |name: &str| {
        let mut out = Stream(b"\x05\x1aconfiguration/capabilities\0\0\0\x01\0\0\0\x01".to_vec());
        out.text(name);
        out.0
    };
    for (bytes, words) in [
        (Stream::new("pseries-7.2", &[], &ram).0, "QEMU's machine \"pseries-7.2\""),
        (Stream::new("virt-7.2", &bits(16), &ram).0, "pages of 2^16 bytes"),
        (Stream::new("pc", &capability("x-ignore-shared"), &ram).0, "the capability x-ignore-shared"),
        (Stream::new("pc", &[], &[("vga.vram", 1 << 20)]).0, "none of whose memory is known as RAM: vga.vram"),
        (b"QEVM\0\0\0\x02".repeat(1000), "of another version"),
        (libvirt(3, &saved().0), "packed with xz: it can only be read unpacked"),
        (libvirt(4, &saved().0), "packed with lzop: set save_image_format"),
        (libvirt(9, &saved().0), "a method that salvor does not know"),
        (libvirt(0, b"no stream"), "no stream of QEMU's at file offset 0x66"),
        (libvirt(0, &[])[..30].to_vec(), "cut off in its header"),
    ] {
        let refused = refusal(&bytes);
        assert!(refused.contains(words), "{refused}");
    }
    let known =
        [bits(12), capability("xbzrle"), b"\x05\x12configuration/uuid\0\0\0\x01".to_vec(), vec![1; 16]].concat();
    let mut stream = Stream::new("pc", &known, &ram);
    stream.page(Some("pc.ram"), 0, STORED, &page(1));
    stream.end();
    assert_eq!((stream.open().read_u64(0), stream.open().warnings()), (Some(1), &[][..]));
}

/// A block of a file with mapped-ram: its name, its pages, and for each whether it is marked as written.
type Block<'a> = (&'a str, &'a [(u64, bool)]);

/// Where the pages of the first block begin.
const FIRST: usize = 1 << 20;

fn mapped_ram(blocks: &[Block]) -> Vec<u8> {
    mapped_ram_behind(&[], blocks)
}

/// Places count from the file's start, whatever the stream is behind.
fn mapped_ram_behind(start: &[u8], blocks: &[Block]) -> Vec<u8> {
    let mut name = Stream(Vec::new());
    name.text("mapped-ram");
    let capability = [&b"\x05\x1aconfiguration/capabilities\0\0\0\x01\0\0\0\x01"[..], &name.0].concat();
    let mut out = Stream::new("pc-q35-9.0", &capability, &[]);
    // The record of sizes, with what ends its section, is written anew.
    out.0.truncate(out.0.len() - 5 - 13 - 8);
    out.0.splice(0..0, start.iter().copied());
    out.u64(blocks.iter().map(|(_, pages)| pages.len() as u64 * 4096).sum::<u64>() | MEM_SIZE);
    for (name, pages) in blocks {
        out.text(name);
        out.u64(pages.len() as u64 * 4096);
        out.u32(1);
        out.u64(4096);
        let bitmap = out.0.len() + 16;
        let first = (bitmap + pages.len().div_ceil(64) * 8).next_multiple_of(FIRST);
        out.u64(bitmap as u64);
        out.u64(first as u64);
        out.0.resize(first, 0);
        for (index, (number, is_written)) in pages.iter().enumerate() {
            out.0[bitmap + index / 8] |= u8::from(*is_written) << (index % 8);
            out.0.extend(if *number == 0 { vec![0; PAGE] } else { page(*number) });
        }
    }
    out.end();
    out.0.push(3);
    out.u32(2);
    out.end();
    out.0.extend(b"\x04 devices");
    out.0
}

/// Of page 3 an older copy is left in the file: the guest has cleared it since.
const RAM: Block = ("pc.ram", &[(0, false), (1, true), (2, true), (3, false), (0, true), (5, true)]);

#[test]
fn with_mapped_ram_a_page_is_in_its_place_or_zeros() {
    let devices: Block = ("pc.bios", &[(99, true)]);
    for blocks in [&[RAM][..], &[devices, RAM], &[RAM, devices]] {
        for bytes in [mapped_ram(blocks), mapped_ram_behind(&libvirt(6, &[]), blocks)] {
            let image = Image::open(file(&bytes).path()).unwrap();
            assert_eq!((image.format(), image.warnings()), ("qemu", &[][..]));
            let zeros = Some(vec![0; PAGE]);
            let pages: Vec<_> = (0..7).map(|number| read(&image, number)).collect();
            let expected = [zeros.clone(), Some(page(1)), Some(page(2)), zeros.clone(), zeros, Some(page(5)), None];
            assert_eq!(pages, expected);
            assert_eq!(image.missing(6 << 12), Some(Missing::Absent));
        }
    }
    let board = super::boards::Board::named("pc-q35-9.0").unwrap();
    assert_eq!(board.parts(0, GIB, GIB), [(0, 0, GIB)]);
    assert_eq!(board.parts(0, 4 * GIB, 4 * GIB), [(0, 0, 2 * GIB), (4 * GIB, 2 * GIB, 2 * GIB)]);
    assert_eq!(board.parts(3 * GIB, GIB, 4 * GIB), [(5 * GIB, 0, GIB)]);
    let arm = super::boards::Board::named("virt-9.0").unwrap();
    assert_eq!(arm.parts(GIB, GIB, 2 * GIB), [(2 * GIB, 0, GIB)]);
}

#[test]
fn with_mapped_ram_a_file_that_is_cut_off_gives_what_is_left_and_says_so() {
    let whole = mapped_ram(&[RAM]);
    let heads = (9..250).chain([FIRST - 1, FIRST, FIRST + 1, FIRST + 5000, FIRST + 2 * PAGE, FIRST + 6 * PAGE]);
    let mut partial = 0;
    // What comes behind the last record of RAM tells nothing of it.
    for length in heads.chain(FIRST + 6 * PAGE..FIRST + 6 * PAGE + 26) {
        match Image::open(file(&whole[..length]).path()) {
            Ok(image) => {
                assert!(image.warnings().iter().any(|told| told.starts_with("truncated")), "{length}");
                for number in [1, 2, 5] {
                    assert!(read(&image, number).is_none_or(|bytes| bytes == page(number)), "{length}");
                }
                assert!(read(&image, 3).is_none_or(|bytes| bytes == vec![0; PAGE]), "{length}");
                partial += 1;
            }
            Err(error) => assert!(error.message.contains("holds no memory"), "{length}: {}", error.message),
        }
    }
    assert!(partial >= 25, "{partial} of them hold memory");
    // A bitmap that is empty was never written: nothing tells zeros from what was not saved yet.
    let unfinished = mapped_ram(&[("pc.ram", &[(1, false), (2, false)])]);
    assert!(refusal(&unfinished).contains("holds no memory"), "{}", refusal(&unfinished));
}

#[test]
fn with_mapped_ram_headers_that_lie_are_refused_or_told() {
    let whole = mapped_ram(&[RAM]);
    let name = b"\x06pc.ram\0";
    let at = whole.windows(name.len()).position(|part| part == name).unwrap() + 7;
    let edges = [0, 1, 4095, 1 << 20, 1 << 40, 1 << 52, 1 << 63, u64::MAX - 4095, u64::MAX];
    // Length, version and the upper half of the page size, page size, both offsets.
    for place in [at, at + 8, at + 12, at + 20, at + 28] {
        for edge in edges {
            let mut bytes = whole.clone();
            bytes[place..place + 8].copy_from_slice(&u64::to_be_bytes(edge));
            let Ok(image) = Image::open(file(&bytes).path()) else { continue };
            let mut out = [0; 4096];
            for range in image.ranges() {
                image.read(range.start, &mut out);
            }
        }
    }
    let mut other = whole.clone();
    other[at + 11] = 2;
    assert!(refusal(&other).contains("mapped-ram of version 2"), "{}", refusal(&other));
}

proptest! {
    /// Whatever a byte of a stream becomes: no panic, ranges in order, and a bounded answer.
    #[test]
    fn damaged_streams_do_not_panic(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = saved().0;
        for (at, value) in places {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(image) = Image::open(file(&bytes).path()) {
            let mut end = 0;
            for range in image.ranges() {
                prop_assert!(range.start >= end && range.length > 0);
                end = range.end();
                let mut out = [0; 8192];
                image.read(range.start, &mut out);
            }
        }
    }
}
