//! The header and sub-header that each file of a dump begins with.

use std::ops::Range;

use super::bitmap::word;
use super::stored::Stored;
use crate::error::{Error, Result};
use crate::image::PAGE_SIZE;

/// How a dump begins; the second is of the older diskdump, which has the same layout.
/// How a dump begins.
pub const SIGNATURES: [&[u8; 8]; 2] = [b"KDUMP   ", b"DISKDUMP"];
/// The sub-header as version 6 has it.
const SUB_HEADER: usize = 104;
/// What parts of one dump have in common: all before the status, and block size to `max_mapnr` behind it.
const COMMON: [Range<usize>; 2] = [0..424, 428..444];

/// Whether a file begins as a dump does.
pub fn is_dump(bytes: &[u8]) -> bool {
    SIGNATURES.iter().any(|signature| bytes.starts_with(*signature))
}

/// What the headers say (offsets as 64-bit machines have them).
pub struct Header {
    /// What `uname -m` said, or nothing.
    pub machine: String,
    pub version: u32,
    pub status: u32,
    pub bitmap_offset: u64,
    pub bitmap_length: u64,
    /// Pages of the whole dump, from physical address 0 on.
    pub pages: u64,
    pub dump_level: u32,
    /// The pages that this file holds, where it is one of several.
    pub split: Option<Range<u64>>,
    /// Offset and length.
    pub vmcoreinfo: (u64, u64),
    /// Equal in all parts of one dump.
    common: Vec<u8>,
}

impl Header {
    /// Reads both headers.
    pub fn read(stored: &Stored) -> Result<Self> {
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
        let sub = stored.read(block, SUB_HEADER).ok_or_else(cut)?;
        let long =
            |at: usize, since: u32| if version >= since { word(sub.get(at..at + 8).unwrap_or_default()) } else { 0 };
        let claim = if version >= 6 { long(80, 6)..long(88, 6) } else { long(16, 2)..long(24, 2) };
        let mut common: Vec<u8> = COMMON.into_iter().filter_map(|part| head.get(part)).flatten().copied().collect();
        common.extend(long(96, 6).to_le_bytes());
        Ok(Self {
            machine,
            version,
            status,
            bitmap_offset: block * (1 + sub_blocks),
            bitmap_length: block * bitmap_blocks,
            pages: u64::from(int(440)).max(long(96, 6)),
            dump_level: long(8, 1) as u32,
            split: (long(8, 2) >> 32 != 0).then_some(claim),
            vmcoreinfo: (long(32, 3), long(40, 3)),
            common,
        })
    }

    /// Whether another file is a part of the same dump, as makedumpfile's `--reassemble` asks.
    pub fn is_of_same(&self, other: &Self) -> bool {
        self.split.is_some() && other.split.is_some() && self.common == other.common
    }

    /// The pages that this file holds of the dump's.
    pub fn claim(&self) -> Range<u64> {
        let claim = self.split.clone().unwrap_or(0..self.pages);
        claim.start..claim.end.min(self.pages)
    }

    /// Offset of the first descriptor.
    pub fn descriptors(&self) -> u64 {
        self.bitmap_offset + self.bitmap_length
    }
}
