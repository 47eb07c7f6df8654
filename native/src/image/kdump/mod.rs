//! kdump-compressed dumps, as makedumpfile and QEMU's `dump-guest-memory -z` write them (makedumpfile's `diskdump_mod.h`,
//! and its `IMPLEMENTATION`): a header, a sub-header, two bitmaps of pages, then a descriptor for each page that is held.
//!
//! A page of the first bitmap that is not in the second was left out on purpose, and nobody knows what it held.

mod bitmap;
mod stored;

use bitmap::{Bitmap, GROUP, word};
use stored::{FLATTENED, Stored};

use super::blocks::{Block, Missing, Packed, unpack};
use super::file::Evidence;
use super::{Layout, Machine, PAGE_SIZE, Range};
use crate::error::{Error, Result};

/// How a dump begins; the second is of the older diskdump, which has the same layout.
const SIGNATURES: [&[u8; 8]; 2] = [b"KDUMP   ", b"DISKDUMP"];
/// Length of a descriptor.
const DESCRIPTOR: u64 = 24;
/// Bits of a descriptor's flags, and of the header's status.
const ZLIB: u32 = 1;
const LZO: u32 = 2;
const SNAPPY: u32 = 4;
const INCOMPLETE: u32 = 8;
const ZSTD: u32 = 0x20;
/// 64 TiB of memory: a bitmap for more would take long to read, and be a lie.
const MOST_PAGES: u64 = 1 << 34;
/// More ranges than any machine's memory map has: past this the bitmap lies.
const MOST_RANGES: usize = 65_536;
/// VMCOREINFO is one page; a note that claims more is not believed.
const LONGEST_VMCOREINFO: u64 = 1 << 16;

/// Reads headers and bitmaps of a dump, flattened or not.
pub fn parse(file: &Evidence) -> Option<Result<Layout>> {
    let bytes = file.bytes();
    if bytes.starts_with(FLATTENED) {
        return Some(Stored::flattened(file.shared_source()).and_then(|(stored, problem)| {
            let start = stored.read(0, 8).unwrap_or_default();
            if start.starts_with(b"\x7fELF") {
                return Err(Error::evidence(
                    "an ELF core in makedumpfile's flattened stream: put it together with 'makedumpfile -R CORE < FILE'",
                ));
            }
            if !is_dump(&start) {
                return Err(Error::evidence("a flattened stream of makedumpfile that holds no dump: its start is damaged"));
            }
            read(stored, problem)
        }));
    }
    is_dump(bytes).then(|| read(Stored::plain(file.shared_source()), None))
}

fn is_dump(bytes: &[u8]) -> bool {
    SIGNATURES.iter().any(|signature| bytes.starts_with(*signature))
}

/// What the headers say (offsets as 64-bit machines have them).
struct Header {
    /// What `uname -m` said, or nothing.
    machine: String,
    version: u32,
    status: u32,
    bitmap_offset: u64,
    bitmap_length: u64,
    pages: u64,
    dump_level: u32,
    split: bool,
    /// Offset and length.
    vmcoreinfo: (u64, u64),
}

impl Header {
    fn read(stored: &Stored) -> Result<Self> {
        let cut = || Error::evidence("a kdump-compressed file that was cut off inside its headers");
        let head = stored.read(0, PAGE_SIZE as usize).ok_or_else(cut)?;
        let int = |at: usize| word(head.get(at..at + 4).unwrap_or_default()) as u32;
        let machine = head.get(272..337).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
        let machine = String::from_utf8_lossy(machine.get(..16.min(machine.len())).unwrap_or_default()).into_owned();
        let (version, status, block) = (int(8), int(424), u64::from(int(428)));
        if block != PAGE_SIZE {
            return Err(Error::evidence(format!(
                "a kdump-compressed file of machine {machine:?} with pages of {block} bytes: salvor reads {PAGE_SIZE}"
            )));
        }
        let (sub_blocks, bitmap_blocks) = (u64::from(int(432)), u64::from(int(436)));
        let sub = stored.read(block, 104).ok_or_else(cut)?;
        let long =
            |at: usize, since: u32| if version >= since { word(sub.get(at..at + 8).unwrap_or_default()) } else { 0 };
        Ok(Self {
            machine,
            version,
            status,
            bitmap_offset: block * (1 + sub_blocks),
            bitmap_length: block * bitmap_blocks,
            pages: u64::from(int(440)).max(long(96, 6)),
            dump_level: long(8, 1) as u32,
            split: long(8, 2) >> 32 != 0,
            vmcoreinfo: (long(32, 3), long(40, 3)),
        })
    }
}

fn read(stored: Stored, problem: Option<String>) -> Result<Layout> {
    let header = Header::read(&stored)?;
    if header.split {
        return Err(Error::evidence(
            "one file of a dump that was split: join them with 'makedumpfile --reassemble FILE1 FILE2 … WHOLE'",
        ));
    }
    let machine = Some(header.machine.clone()).filter(|name| !name.is_empty()).map(Machine::Name);
    let mut layout = Layout { machine, warnings: problem.into_iter().collect(), ..Layout::default() };
    if header.status & INCOMPLETE != 0 {
        layout.warnings.push("truncated: makedumpfile says that it could not write this dump to its end".to_owned());
    }
    let (at, length) = header.vmcoreinfo;
    layout.vmcoreinfo = (length > 0 && length <= LONGEST_VMCOREINFO)
        .then(|| stored.read(at, length as usize))
        .flatten()
        .map(|text| String::from_utf8_lossy(&text).into_owned());
    let (held, ranges) = bitmaps(&stored, &header)?;
    layout.ranges = ranges;
    let pages = layout.ranges.iter().map(|range| range.length / PAGE_SIZE).sum::<u64>();
    if held.count() < pages {
        layout.left_out = Some(format!(
            "{} of {pages} pages were left out by whoever made the dump{}: what they held cannot be read",
            pages - held.count(),
            filtered(header.dump_level)
        ));
    }
    let descriptors = header.bitmap_offset + header.bitmap_length;
    let dump = Dump { stored, held, descriptors };
    layout.warnings.extend(dump.shortness());
    layout.packed = Some(Box::new(dump));
    Ok(layout)
}

/// What makedumpfile's dump level says of the pages that it leaves out.
fn filtered(level: u32) -> String {
    // Pages of zeros (1) it does not leave out of this format.
    let kinds = [(2 | 4, "page cache"), (8, "processes' memory"), (16, "free memory")];
    let named: Vec<&str> = kinds.iter().filter(|(bits, _)| level & bits != 0).map(|(_, kind)| *kind).collect();
    if named.is_empty() { String::new() } else { format!(" (dump level {level}: {})", named.join(", ")) }
}

/// The second bitmap, and the ranges of memory that either has.
fn bitmaps(stored: &Stored, header: &Header) -> Result<(Bitmap, Vec<Range>)> {
    let Header { bitmap_offset, bitmap_length, pages, .. } = *header;
    let needed = pages.div_ceil(8);
    // Dumps of one bitmap have no pages that were left out.
    let half = if needed <= bitmap_length / 2 { bitmap_length / 2 } else { 0 };
    if pages == 0 || pages > MOST_PAGES || needed > bitmap_length || header.version > 1 << 16 {
        return Err(Error::evidence(format!(
            "a kdump-compressed file that claims {pages} pages and has {bitmap_length} bytes of bitmaps: its header is damaged"
        )));
    }
    if bitmap_offset + half + needed > stored.size() {
        return Err(Error::evidence("a kdump-compressed file that was cut off inside its bitmaps"));
    }
    let (mut held, mut runs) = (Bitmap::default(), Runs::default());
    let (mut first, mut second) = (vec![0; GROUP], vec![0; GROUP]);
    for at in (0..needed).step_by(GROUP) {
        let length = ((needed - at) as usize).min(GROUP);
        let (first, second) =
            (first.get_mut(..length).unwrap_or_default(), second.get_mut(..length).unwrap_or_default());
        let read = stored.read_at(bitmap_offset + at, first) + stored.read_at(bitmap_offset + half + at, second);
        if read < 2 * length {
            return Err(Error::evidence("a kdump-compressed file whose bitmaps cannot be read"));
        }
        if at + length as u64 == needed && pages % 8 != 0 {
            let known = (1 << (pages % 8)) - 1;
            first.last_mut().into_iter().chain(second.last_mut()).for_each(|byte| *byte &= known);
        }
        held.push(second);
        for (index, (one, other)) in first.chunks(8).zip(second.chunks(8)).enumerate() {
            runs.add(at * 8 + index as u64 * 64, word(one) | word(other))?;
        }
    }
    Ok((held, runs.finish(pages.next_multiple_of(64))?))
}

/// Runs of pages, out of one word after the other.
#[derive(Default)]
struct Runs {
    ranges: Vec<Range>,
    open: Option<u64>,
}

impl Runs {
    fn add(&mut self, page: u64, bits: u64) -> Result<()> {
        match (bits, self.open) {
            (0, None) | (u64::MAX, Some(_)) => Ok(()),
            _ => (0..64).try_for_each(|bit| self.page(page + bit, bits >> bit & 1 == 1)),
        }
    }

    fn page(&mut self, page: u64, is_memory: bool) -> Result<()> {
        match (self.open, is_memory) {
            (None, true) => self.open = Some(page),
            (Some(first), false) => {
                self.open = None;
                if self.ranges.len() == MOST_RANGES {
                    return Err(Error::evidence(format!(
                        "memory in more than {MOST_RANGES} ranges: the bitmaps are damaged"
                    )));
                }
                let start = first * PAGE_SIZE;
                self.ranges.push(Range { start, length: page * PAGE_SIZE - start, offset: start });
            }
            _ => {}
        }
        Ok(())
    }

    /// Memory ends at a page.
    fn finish(mut self, end: u64) -> Result<Vec<Range>> {
        self.page(end, false)?;
        Ok(self.ranges)
    }
}

/// A dump whose blocks are pages; plain bytes are counted by physical address.
struct Dump {
    stored: Stored,
    held: Bitmap,
    /// Offset of the first descriptor.
    descriptors: u64,
}

/// Where a page lies, and how it is packed.
struct Descriptor {
    offset: u64,
    size: u32,
    flags: u32,
}

impl Dump {
    fn descriptor(&self, rank: u64) -> Option<Descriptor> {
        let mut bytes = [0; DESCRIPTOR as usize];
        let at = self.descriptors.checked_add(rank * DESCRIPTOR)?;
        (self.stored.read_at(at, &mut bytes) == bytes.len()).then_some(())?;
        let int = |at: usize| word(bytes.get(at..at + 4).unwrap_or_default()) as u32;
        Some(Descriptor { offset: word(bytes.get(..8)?), size: int(8), flags: int(12) })
    }

    /// What is missing at the file's end, as far as descriptors and the last page tell.
    fn shortness(&self) -> Option<String> {
        let count = self.held.count();
        let (size, end) = (self.stored.size(), self.descriptors.saturating_add(count * DESCRIPTOR));
        if end > size {
            let lost = (end - size.max(self.descriptors)).div_ceil(DESCRIPTOR);
            return Some(format!("truncated: the file ends before the descriptors of {lost} of its {count} pages"));
        }
        let last = self.descriptor(count.checked_sub(1)?)?;
        let end = last.offset.saturating_add(u64::from(last.size));
        (end > size).then(|| format!("truncated: the file has {size} bytes, and its last page should end at {end}"))
    }
}

impl Packed for Dump {
    fn block(&self, plain: u64) -> std::result::Result<Block, Missing> {
        let page = plain / PAGE_SIZE;
        self.held.rank(page).ok_or(Missing::LeftOut)?;
        Ok(Block { id: page, start: page * PAGE_SIZE, length: PAGE_SIZE as usize })
    }

    fn next_held(&self, plain: u64) -> u64 {
        let page = plain / PAGE_SIZE;
        match self.held.next(page) {
            Some(next) if next == page => plain,
            next => next.map_or(u64::MAX, |next| next * PAGE_SIZE),
        }
    }

    fn unpack(&self, block: &Block, out: &mut [u8]) -> bool {
        let Some(page) = self.held.rank(block.id).and_then(|rank| self.descriptor(rank)) else { return false };
        // What does not become smaller is not packed.
        if page.size == 0 || page.size as usize > out.len() {
            return false;
        }
        let Some(packed) = self.stored.read(page.offset, page.size as usize) else { return false };
        match page.flags & (ZLIB | LZO | SNAPPY | ZSTD) {
            0 if packed.len() == out.len() => {
                out.copy_from_slice(&packed);
                true
            }
            ZLIB => unpack::zlib(&packed, out),
            LZO => unpack::lzo(&packed, out),
            SNAPPY => unpack::snappy(&packed, out),
            ZSTD => unpack::zstd(&packed, out),
            _ => false,
        }
    }
}
