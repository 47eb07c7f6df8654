//! Memory that a format keeps packed: blocks are unpacked when they are asked for, into a bounded cache that all threads
//! share. The ranges of such an image count in plain bytes, from the first that the file holds.

mod cache;
mod lzo;
pub mod unpack;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::source::Lost;
use cache::Cache;

/// Largest block, in plain bytes: one that claims more is damaged.
pub const LARGEST: usize = 64 << 10;
/// Damaged blocks that are remembered one by one.
const MOST_DAMAGED: usize = 1 << 16;

/// A block: plain bytes `[start, start + length)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// What it is known by in its file.
    pub id: u64,
    /// First plain byte.
    pub start: u64,
    /// Plain bytes, at most [`LARGEST`].
    pub length: usize,
}

/// Why there is nothing to read at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The file does not claim to hold it.
    Absent,
    /// Whoever made the dump filtered it out.
    LeftOut,
    /// The file should hold it, and it cannot be read.
    Unreadable,
}

/// A format's packed blocks.
pub trait Packed: Send + Sync {
    /// The block that holds a plain byte.
    fn block(&self, plain: u64) -> Result<Block, Missing>;

    /// The first plain byte from one on that was not left out; `u64::MAX` when there is none.
    fn next_held(&self, plain: u64) -> u64 {
        plain
    }

    /// Puts a block's bytes into `out`, which has its length; false when it is damaged or cannot be read from the file.
    fn unpack(&self, block: &Block, out: &mut [u8]) -> bool;
}

/// Packed blocks and what has been unpacked of them.
pub struct Blocks {
    packed: Box<dyn Packed>,
    cache: Cache,
    /// Anything at all is damaged: all that the usual read looks at.
    any_damaged: AtomicBool,
    damaged: Mutex<Damaged>,
}

/// Blocks that could not be unpacked.
#[derive(Default)]
struct Damaged {
    starts: BTreeSet<u64>,
    bytes: u64,
}

impl Blocks {
    /// Nothing is unpacked yet.
    pub fn new(packed: Box<dyn Packed>) -> Self {
        Self { packed, cache: Cache::new(), any_damaged: AtomicBool::new(false), damaged: Mutex::default() }
    }

    /// Copies plain bytes of one block into `out`; returns how many, none where they cannot be had.
    pub fn copy(&self, plain: u64, out: &mut [u8]) -> usize {
        let Ok(block) = self.packed.block(plain) else { return 0 };
        let Some(bytes) = self.cache.get(block.id).or_else(|| self.unpacked(&block)) else { return 0 };
        let Some(from) = bytes.get((plain - block.start) as usize..) else { return 0 };
        let length = from.len().min(out.len());
        match (out.get_mut(..length), from.get(..length)) {
            (Some(out), Some(from)) => out.copy_from_slice(from),
            _ => return 0,
        }
        length
    }

    /// Like [`Blocks::copy`], past the cache where a whole block is wanted: a scan comes by once.
    pub fn copy_once(&self, plain: u64, out: &mut [u8]) -> usize {
        let Ok(block) = self.packed.block(plain) else { return 0 };
        match out.get_mut(..block.length) {
            Some(whole) if block.start == plain && !self.cache.has(block.id) => {
                if self.unpack(&block, whole) {
                    block.length
                } else {
                    0
                }
            }
            _ => self.copy(plain, out),
        }
    }

    /// Why a plain byte cannot be read, if that is known without a try.
    pub fn missing(&self, plain: u64) -> Option<Missing> {
        match self.packed.block(plain) {
            Ok(block) => self.is_damaged(&block).then_some(Missing::Unreadable),
            Err(missing) => Some(missing),
        }
    }

    /// The first plain byte from one on that was not left out.
    pub fn next_held(&self, plain: u64) -> u64 {
        self.packed.next_held(plain)
    }

    /// The plain bytes that are known to be damaged.
    pub fn damaged(&self) -> Option<Lost> {
        let damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.starts.first().map(|first| Lost { bytes: damaged.bytes, first: *first })
    }

    fn unpacked(&self, block: &Block) -> Option<Arc<Vec<u8>>> {
        let mut bytes = vec![0; block.length];
        self.unpack(block, &mut bytes).then(|| self.cache.put(block.id, bytes))
    }

    fn unpack(&self, block: &Block, out: &mut [u8]) -> bool {
        if self.is_damaged(block) {
            return false;
        }
        let sound = self.packed.unpack(block, out);
        if !sound {
            let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
            if damaged.starts.len() < MOST_DAMAGED && damaged.starts.insert(block.start) {
                damaged.bytes += block.length as u64;
            }
            self.any_damaged.store(true, Ordering::Release);
        }
        sound
    }

    fn is_damaged(&self, block: &Block) -> bool {
        self.any_damaged.load(Ordering::Acquire)
            && self.damaged.lock().unwrap_or_else(PoisonError::into_inner).starts.contains(&block.start)
    }
}
