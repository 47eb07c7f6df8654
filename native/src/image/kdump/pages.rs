//! The pages that the files of a dump hold, each found by its descriptor.

use std::ops::Range;

use super::bitmap::{Bitmap, GROUP, GROUP_PAGES, keep, word};
use super::parts::Part;
use super::runs::Runs;
use super::stored::Stored;
use super::{LZO, SNAPPY, ZLIB, ZSTD};
use crate::error::{Error, Result};
use crate::image::blocks::{Block, Missing, Packed, unpack};
use crate::image::{PAGE_SIZE, Range as Memory};

/// Length of a descriptor.
const DESCRIPTOR: u64 = 24;
/// 64 TiB of memory: a bitmap for more would take long to read, and be a lie.
const MOST_PAGES: u64 = 1 << 34;

/// What one file holds.
pub struct Pages {
    stored: Stored,
    /// The pages that it stands for.
    pub span: Range<u64>,
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

impl Pages {
    /// Reads a file's bitmaps for some of the pages that it claims, up to its last one; answers the memory there is, too.
    pub fn read(part: Part, span: Range<u64>) -> Result<(Self, Vec<Memory>)> {
        let Part { stored, header, .. } = part;
        let needed = header.pages.div_ceil(8);
        // Dumps of one bitmap have no pages that were left out.
        let half = if needed <= header.bitmap_length / 2 { header.bitmap_length / 2 } else { 0 };
        let damaged = header.pages == 0 || header.pages > MOST_PAGES || header.version > 1 << 16;
        if damaged || needed > header.bitmap_length {
            return Err(Error::evidence(format!(
                "a kdump-compressed file that claims {} pages and has {} bytes of bitmaps: its header is damaged",
                header.pages, header.bitmap_length
            )));
        }
        if header.bitmap_offset + half + needed > stored.size() {
            return Err(Error::evidence("a kdump-compressed file that was cut off inside its bitmaps"));
        }
        let claim = header.claim();
        let (mut held, mut runs) = (Bitmap::from_group(span.start / GROUP_PAGES), Runs::default());
        let (mut first, mut second) = (vec![0; GROUP], vec![0; GROUP]);
        for group in claim.start / GROUP_PAGES..claim.end.div_ceil(GROUP_PAGES) {
            let (at, page) = (group * GROUP as u64, group * GROUP_PAGES);
            let length = ((needed - at) as usize).min(GROUP);
            let (first, second) =
                (first.get_mut(..length).unwrap_or_default(), second.get_mut(..length).unwrap_or_default());
            let read = stored.read_at(header.bitmap_offset + at, first)
                + stored.read_at(header.bitmap_offset + half + at, second);
            if read < 2 * length {
                return Err(Error::evidence("a kdump-compressed file whose bitmaps cannot be read"));
            }
            // Descriptors count from the first page that the file claims, whoever stands for that one.
            if page < span.start {
                let mut before = second.to_vec();
                keep(&mut before, page, &(claim.start..span.start));
                held.skip(&before);
            }
            if page + GROUP_PAGES > span.start {
                keep(first, page, &span);
                keep(second, page, &span);
                held.push(second);
                for (index, (one, other)) in first.chunks(8).zip(second.chunks(8)).enumerate() {
                    runs.add(page + index as u64 * 64, word(one) | word(other))?;
                }
            }
        }
        let ranges = runs.finish(span.end.next_multiple_of(64))?;
        Ok((Self { stored, span, held, descriptors: header.descriptors() }, ranges))
    }

    /// How many pages of its span the file holds.
    pub fn count(&self) -> u64 {
        self.held.count() - self.held.skipped()
    }

    fn descriptor(&self, rank: u64) -> Option<Descriptor> {
        let mut bytes = [0; DESCRIPTOR as usize];
        let at = self.descriptors.checked_add(rank * DESCRIPTOR)?;
        (self.stored.read_at(at, &mut bytes) == bytes.len()).then_some(())?;
        let int = |at: usize| word(bytes.get(at..at + 4).unwrap_or_default()) as u32;
        Some(Descriptor { offset: word(bytes.get(..8)?), size: int(8), flags: int(12) })
    }

    /// What is missing at the file's end, as far as descriptors and the last page tell.
    pub fn shortness(&self) -> Option<String> {
        let count = self.held.count();
        let (size, end) = (self.stored.size(), self.descriptors.saturating_add(count * DESCRIPTOR));
        if end > size {
            let lost = (end - size.max(self.descriptors)).div_ceil(DESCRIPTOR);
            return Some(format!("the file ends before the descriptors of {lost} of its {count} pages"));
        }
        let last = self.descriptor(count.checked_sub(1)?)?;
        let end = last.offset.saturating_add(u64::from(last.size));
        (end > size).then(|| format!("the file has {size} bytes, and its last page should end at {end}"))
    }

    fn unpack(&self, page: u64, out: &mut [u8]) -> bool {
        let Some(page) = self.held.rank(page).and_then(|rank| self.descriptor(rank)) else { return false };
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

/// A dump whose blocks are pages; plain bytes are counted by physical address.
pub struct Dump {
    /// Ascending, and apart.
    pub files: Vec<Pages>,
}

impl Dump {
    /// The files that stand for a page and for all behind it.
    fn from(&self, page: u64) -> &[Pages] {
        let at = self.files.partition_point(|file| file.span.end <= page);
        self.files.get(at..).unwrap_or_default()
    }

    fn file(&self, page: u64) -> Option<&Pages> {
        self.from(page).first().filter(|file| file.span.start <= page)
    }
}

impl Packed for Dump {
    fn block(&self, plain: u64) -> std::result::Result<Block, Missing> {
        let page = plain / PAGE_SIZE;
        self.file(page).ok_or(Missing::Absent)?.held.rank(page).ok_or(Missing::LeftOut)?;
        Ok(Block { id: page, start: page * PAGE_SIZE, length: PAGE_SIZE as usize })
    }

    fn next_held(&self, plain: u64) -> u64 {
        let page = plain / PAGE_SIZE;
        match self.from(page).iter().find_map(|file| file.held.next(page)) {
            Some(next) if next == page => plain,
            next => next.map_or(u64::MAX, |next| next * PAGE_SIZE),
        }
    }

    fn unpack(&self, block: &Block, out: &mut [u8]) -> bool {
        self.file(block.id).is_some_and(|file| file.unpack(block.id, out))
    }
}
