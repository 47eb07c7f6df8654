//! Pages of a saved guest: where each lies in the file.

use std::sync::Arc;

use super::super::blocks::{Block, Missing, Packed, unpack};
use super::super::settle::join;
use super::super::source::Source;
use super::super::{PAGE_SIZE, Range};

/// What a place is, in its upper bits: file offsets do not reach there.
const FILLED: u64 = 1 << 63;
const PACKED: u64 = 1 << 62;
/// zlib makes no page longer than this.
const LONGEST: u32 = 2 * PAGE_SIZE as u32;

/// Where a page's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At an offset of the file.
    Stored(u64),
    /// Behind a length, at an offset of the file, by zlib.
    Packed(u64),
    /// Nothing but one byte.
    Filled(u8),
}

impl Place {
    fn encode(self) -> u64 {
        match self {
            Place::Stored(at) => at,
            Place::Packed(at) => at | PACKED,
            Place::Filled(byte) => u64::from(byte) | FILLED,
        }
    }

    fn decode(word: u64) -> Self {
        match word {
            word if word & FILLED != 0 => Place::Filled(word as u8),
            word if word & PACKED != 0 => Place::Packed(word & !PACKED),
            word => Place::Stored(word),
        }
    }
}

/// Pages as the stream has them: one that the guest wrote to meanwhile is there more than once.
#[derive(Debug, Default)]
pub struct Pages {
    /// Number and place of each, 16 bytes for the 9 or more that it takes in the file.
    pages: Vec<(u64, u64)>,
}

impl Pages {
    /// A page by its physical address.
    pub fn push(&mut self, physical: u64, place: Place) {
        self.pages.push((physical / PAGE_SIZE, place.encode()));
    }

    /// How many there are, copies too.
    pub fn count(&self) -> usize {
        self.pages.len()
    }

    /// Ranges of the pages that are there, and what reads them. The last copy of a page counts. Plain bytes are counted as
    /// physical addresses are.
    pub fn index(mut self, source: Arc<Source>) -> (Vec<Range>, Index) {
        // The sort is stable: of one page's copies the last stays the last.
        self.pages.sort_by_key(|page| page.0);
        self.pages.reverse();
        self.pages.dedup_by_key(|page| page.0);
        self.pages.reverse();
        let mut ranges: Vec<Range> = Vec::new();
        for (number, _) in &self.pages {
            let start = number * PAGE_SIZE;
            join(&mut ranges, Range { start, length: PAGE_SIZE, offset: start });
        }
        (ranges, Index { source, pages: self.pages })
    }
}

/// The pages in the file, ascending.
pub struct Index {
    source: Arc<Source>,
    pages: Vec<(u64, u64)>,
}

impl Index {
    fn place(&self, number: u64) -> Option<Place> {
        let at = self.pages.binary_search_by_key(&number, |page| page.0).ok()?;
        self.pages.get(at).map(|(_, place)| Place::decode(*place))
    }

    /// A page behind its length in four bytes, packed by zlib (QEMU's `compress` capability, until 9.0).
    fn unpack_zlib(&self, at: u64, out: &mut [u8]) -> bool {
        let mut length = [0; 4];
        let read = self.source.read_at(at, &mut length);
        let length = u32::from_be_bytes(length);
        if read < length.to_be_bytes().len() || length > LONGEST {
            return false;
        }
        let mut packed = vec![0; length as usize];
        self.source.read_at(at + 4, &mut packed) == packed.len() && unpack::zlib(&packed, out)
    }
}

impl Packed for Index {
    fn block(&self, plain: u64) -> std::result::Result<Block, Missing> {
        let number = plain / PAGE_SIZE;
        self.place(number).ok_or(Missing::Absent)?;
        Ok(Block { id: number, start: number * PAGE_SIZE, length: PAGE_SIZE as usize })
    }

    fn unpack(&self, block: &Block, out: &mut [u8]) -> bool {
        match self.place(block.id) {
            Some(Place::Stored(at)) => self.source.read_at(at, out) == out.len(),
            Some(Place::Packed(at)) => self.unpack_zlib(at, out),
            Some(Place::Filled(byte)) => {
                out.fill(byte);
                true
            }
            None => false,
        }
    }
}
