//! x86-64 paging with four or five levels and 2 MiB and 1 GiB pages (Intel SDM volume 3, chapter 4).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::image::Image;

/// How many page-table levels are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Levels {
    /// 48-bit virtual addresses.
    Four,
    /// 57-bit virtual addresses (LA57).
    Five,
}

impl Levels {
    /// The number that people know: 4 or 5.
    pub fn count(self) -> u32 {
        match self {
            Levels::Four => 4,
            Levels::Five => 5,
        }
    }

    /// Whether the address is sign-extended as the hardware demands.
    pub fn is_canonical(self, address: u64) -> bool {
        let shift = match self {
            Levels::Four => 16,
            Levels::Five => 7,
        };
        ((address << shift) as i64 >> shift) as u64 == address
    }
}

const PRESENT: u64 = 1;
/// Linux keeps pages of PROT_NONE mappings with Present clear and Global set (`_PAGE_PROTNONE`): the frame is still there.
const PROT_NONE: u64 = 1 << 8;
const LARGE: u64 = 1 << 7;
const FRAME: u64 = 0x000f_ffff_ffff_f000;
const PAGE: u64 = 4096;
const CACHED_PAGES: usize = 1024;

/// One address space: a page-table root over an image, with a small translation cache that many threads may share.
pub struct AddressSpace {
    image: Arc<Image>,
    root: u64,
    levels: Levels,
    /// Direct-mapped cache. Each slot holds a virtual page number folded with its frame; see [`Slot`].
    cache: Box<[Slot]>,
}

/// A cache slot. `tag` is written last and read first and last, so that a torn pair is never believed.
#[derive(Default)]
struct Slot {
    tag: AtomicU64,
    frame: AtomicU64,
}

impl AddressSpace {
    /// An address space whose top-level table lies at physical address `root`.
    pub fn new(image: Arc<Image>, root: u64, levels: Levels) -> Self {
        let cache = (0..CACHED_PAGES).map(|_| Slot::default()).collect();
        Self { image, root: root & FRAME, levels, cache }
    }

    /// The same image and levels with another root: a process's address space.
    pub fn with_root(&self, root: u64) -> Self {
        Self::new(Arc::clone(&self.image), root, self.levels)
    }

    /// The image that lies below.
    pub fn image(&self) -> &Arc<Image> {
        &self.image
    }

    /// Page-table levels in use.
    pub fn levels(&self) -> Levels {
        self.levels
    }

    /// The physical address behind a virtual one, or `None` where nothing is mapped.
    pub fn translate(&self, address: u64) -> Option<u64> {
        let page = address / PAGE;
        let slot = self.cache.get(page as usize % CACHED_PAGES)?;
        // The tag is the page number plus one, XORed with the frame: both words must belong together to match.
        let frame = slot.frame.load(Ordering::Relaxed);
        if slot.tag.load(Ordering::Relaxed) == (page + 1) ^ frame.rotate_left(17) && frame != 0 {
            return Some((frame & FRAME) | (address % PAGE));
        }
        let physical = self.walk(address)?;
        let frame = (physical & FRAME) | 1;
        slot.frame.store(frame, Ordering::Relaxed);
        slot.tag.store((page + 1) ^ frame.rotate_left(17), Ordering::Relaxed);
        Some(physical)
    }

    /// The physical address of a stretch whose pages follow one another in physical memory too.
    pub fn contiguous(&self, address: u64, length: u64) -> Option<u64> {
        let physical = self.translate(address)?;
        let end = address.checked_add(length)?;
        let mut at = (address - address % PAGE).checked_add(PAGE)?;
        while at < end {
            (self.translate(at)? == physical.checked_add(at - address)?).then_some(())?;
            at = at.checked_add(PAGE)?;
        }
        Some(physical)
    }

    fn walk(&self, address: u64) -> Option<u64> {
        if !self.levels.is_canonical(address) {
            return None;
        }
        let mut table = self.root;
        for level in (0..self.levels.count()).rev() {
            let shift = 12 + 9 * level;
            let entry = self.image.read_u64(table + ((address >> shift) & 511) * 8)?;
            if entry & PRESENT == 0 && (level != 0 || entry & PROT_NONE == 0) {
                return None;
            }
            let large = entry & LARGE != 0 && (level == 1 || level == 2);
            if level == 0 || large {
                let inside = (1u64 << shift) - 1;
                return Some((entry & FRAME & !inside) | (address & inside));
            }
            table = entry & FRAME;
        }
        None
    }

    /// Reads `out.len()` bytes at a virtual address; returns how many leading bytes could be read.
    pub fn read(&self, address: u64, out: &mut [u8]) -> usize {
        let mut done = 0;
        while done < out.len() {
            let Some(at) = address.checked_add(done as u64) else { break };
            let Some(physical) = self.translate(at) else { break };
            let room = (PAGE - at % PAGE) as usize;
            let end = out.len().min(done + room);
            let Some(part) = out.get_mut(done..end) else { break };
            let read = self.image.read(physical, part);
            done += read;
            if done < end {
                break;
            }
        }
        done
    }

    /// Fills `out` wholly, or says no.
    pub fn read_exact(&self, address: u64, out: &mut [u8]) -> bool {
        self.read(address, out) == out.len()
    }

    /// A little-endian 64-bit word.
    pub fn read_u64(&self, address: u64) -> Option<u64> {
        if address % PAGE <= PAGE - 8 {
            return self.image.read_u64(self.translate(address)?);
        }
        let mut word = [0; 8];
        self.read_exact(address, &mut word).then(|| u64::from_le_bytes(word))
    }

    /// A little-endian 32-bit word.
    pub fn read_u32(&self, address: u64) -> Option<u32> {
        let mut word = [0; 4];
        self.read_exact(address, &mut word).then(|| u32::from_le_bytes(word))
    }
}
