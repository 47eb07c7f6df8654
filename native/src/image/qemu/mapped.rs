//! RAM of a guest saved with the capability mapped-ram (qemu `docs/devel/migration/mapped-ram.rst`): each page of a block has
//! its place in the file, and a bitmap says which were written; the others are zeros. What several channels (multifd) write
//! into a file is this.

use std::sync::Arc;

use super::super::blocks::{Block, Missing, Packed};
use super::super::kdump::bitmap::{Bitmap, GROUP};
use super::super::source::Source;
use super::super::{PAGE_SIZE, Range};
use super::boards::Board;

/// The only version of the header.
pub const VERSION: u32 = 1;
/// Bits of the words that the bitmap consists of.
const WORD: u64 = 64;

/// Where a block's bitmap and pages are in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Offset of the bitmap.
    pub bitmap: u64,
    /// Offset of the first page.
    pub pages: u64,
}

/// A part of a block, which lies in one piece in memory and in the file.
#[derive(Debug, Clone, Copy)]
struct Part {
    physical: u64,
    /// Where it begins in its block.
    at: u64,
    length: u64,
    /// Which bitmap tells of it, and where the block's pages are.
    block: usize,
    pages: u64,
}

/// All blocks of RAM.
pub struct Mapped {
    source: Arc<Source>,
    written: Vec<Bitmap>,
    /// In the order of physical addresses.
    parts: Vec<Part>,
}

impl Mapped {
    /// None yet.
    pub fn new(source: Arc<Source>) -> Self {
        Self { source, written: Vec::new(), parts: Vec::new() }
    }

    /// Adds a block that begins at a byte of the machine's RAM, out of so many; answers what is wrong with it.
    pub fn add(&mut self, board: &Board, place: Place, (begins, length): (u64, u64), of: u64) -> Option<String> {
        let pages = length / PAGE_SIZE;
        let Some(written) = self.bitmap(place.bitmap, pages) else {
            return Some(format!("truncated: the file ends before the bitmap of pages at offset {:#x}", place.bitmap));
        };
        if written.count() == 0 {
            // It is written last.
            return Some(
                "truncated: no page is marked as written: saving the guest did not come to its end".to_owned(),
            );
        }
        let held = self.source.size().saturating_sub(place.pages).min(length) / PAGE_SIZE * PAGE_SIZE;
        let block = self.written.len();
        self.written.push(written);
        let parts = board.parts(begins, held, of).into_iter();
        self.parts.extend(parts.map(|(physical, at, length)| Part { physical, at, length, block, pages: place.pages }));
        self.parts.sort_by_key(|part| part.physical);
        (held < length)
            .then(|| format!("truncated: {} bytes of the guest's RAM are behind the file's end", length - held))
    }

    fn bitmap(&self, mut at: u64, pages: u64) -> Option<Bitmap> {
        let mut left = usize::try_from(pages.div_ceil(WORD) * (WORD / 8)).ok()?;
        let end = at.checked_add(left as u64)?;
        (end <= self.source.size()).then_some(())?;
        let mut bitmap = Bitmap::default();
        let mut group = [0; GROUP];
        while left > 0 {
            let bytes = group.get_mut(..left.min(GROUP))?;
            (self.source.read_at(at, bytes) == bytes.len()).then_some(())?;
            bitmap.push(bytes);
            at += bytes.len() as u64;
            left -= bytes.len();
        }
        Some(bitmap)
    }

    /// Ranges of all parts. Plain bytes are counted as physical addresses are.
    pub fn ranges(&self) -> Vec<Range> {
        let range = |part: &Part| Range { start: part.physical, length: part.length, offset: part.physical };
        self.parts.iter().map(range).collect()
    }

    fn part(&self, physical: u64) -> Option<&Part> {
        let next = self.parts.partition_point(|part| part.physical <= physical);
        let part = self.parts.get(next.checked_sub(1)?)?;
        (physical - part.physical < part.length).then_some(part)
    }
}

impl Packed for Mapped {
    fn block(&self, plain: u64) -> Result<Block, Missing> {
        let start = plain - plain % PAGE_SIZE;
        self.part(start).ok_or(Missing::Absent)?;
        Ok(Block { id: start, start, length: PAGE_SIZE as usize })
    }

    fn unpack(&self, block: &Block, out: &mut [u8]) -> bool {
        let Some(part) = self.part(block.start) else { return false };
        let at = part.at + (block.start - part.physical);
        let is_written = self.written.get(part.block).is_some_and(|bits| bits.rank(at / PAGE_SIZE).is_some());
        if !is_written {
            out.fill(0);
            return true;
        }
        self.source.read_at(part.pages + at, out) == out.len()
    }
}
