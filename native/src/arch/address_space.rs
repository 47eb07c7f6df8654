//! One virtual address space, whatever the architecture.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Geometry, Paging, Step};
use crate::image::{Image, PAGE_SIZE};

const CACHED_PAGES: usize = 1024;
/// Bits of a physical address that are its page's.
const FRAME: u64 = !(PAGE_SIZE - 1);

/// One address space: a page-table root over an image, with a small translation cache that many threads may share.
pub struct AddressSpace {
    image: Arc<Image>,
    root: u64,
    paging: Paging,
    geometry: Geometry,
    /// What is known to be mapped, whatever became of the tables for it.
    linear: Arc<[Linear]>,
    /// Direct-mapped cache. Each slot holds a virtual page number folded with its frame; see [`Slot`].
    cache: Box<[Slot]>,
}

/// A cache slot. `tag` is written last and read first and last, so that a torn pair is never believed.
#[derive(Default)]
struct Slot {
    tag: AtomicU64,
    frame: AtomicU64,
}

/// A stretch of addresses at which nothing is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first address of which it is not known.
    pub end: u64,
    /// Why.
    pub why: Unmapped,
}

/// Why nothing is mapped at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmapped {
    /// There is no entry for it.
    Absent,
    /// An entry says where else it is: a swap entry (include/linux/swapops.h).
    Elsewhere,
    /// The image lacks the table with its entry, which is at this physical address.
    Lost(u64),
}

/// A stretch of virtual memory that lies in one piece in physical memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    /// Its first address.
    pub address: u64,
    /// The physical one of that.
    pub physical: u64,
    /// Bytes.
    pub length: u64,
    /// Whether this holds whatever tables say, as where others than empty ones are damaged; else only where one is lost.
    pub wins: bool,
}

impl Linear {
    fn translate(self, address: u64) -> Option<u64> {
        let distance = address.checked_sub(self.address).filter(|distance| *distance < self.length)?;
        self.physical.checked_add(distance)
    }
}

/// A part of the kernel's image that is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapped {
    /// Where it is in virtual memory.
    pub address: u64,
    /// Where it is in physical memory.
    pub physical: u64,
}

impl AddressSpace {
    /// An address space whose top-level table is the one that `root` names: its physical address, with or without bits
    /// that are no part of it.
    pub fn new(image: Arc<Image>, root: u64, paging: Paging) -> Self {
        let cache = (0..CACHED_PAGES).map(|_| Slot::default()).collect();
        let geometry = paging.regions().geometry();
        Self { image, root: paging.root(root), paging, geometry, linear: Arc::default(), cache }
    }

    /// The same with a stretch that is mapped all the same where a table for it is lost, which is a page of zeros then.
    pub fn with_linear(self, linear: Linear) -> Self {
        let linear = self.linear.iter().copied().chain([linear]).collect();
        Self { linear, ..self }
    }

    /// The same image with another root: a process's address space.
    pub fn with_root(&self, root: u64) -> Self {
        Self::new(Arc::clone(&self.image), root, self.paging.of_process())
    }

    /// The same address space, for who has to hold one.
    pub fn again(&self) -> Self {
        Self { linear: Arc::clone(&self.linear), ..Self::new(Arc::clone(&self.image), self.root, self.paging) }
    }

    /// The image that lies below.
    pub fn image(&self) -> &Arc<Image> {
        &self.image
    }

    /// Whether a physical address is that of the top-level table.
    pub fn is_root(&self, physical: u64) -> bool {
        physical == self.root
    }

    /// Physical address of the top-level table.
    pub(super) fn root(&self) -> u64 {
        self.root
    }

    /// How memory is mapped, and where its regions are.
    pub fn paging(&self) -> &Paging {
        &self.paging
    }

    /// Its numbers.
    #[inline]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Where the kernel's image may be, step by step, as far as that is mapped.
    pub fn mapped_image(&self) -> impl Iterator<Item = Mapped> {
        let mapped = |address: u64| self.translate(address).map(|physical| Mapped { address, physical });
        self.paging.regions().image_steps(self).filter_map(mapped)
    }

    /// The physical address behind a virtual one, or `None` where nothing is mapped.
    pub fn translate(&self, address: u64) -> Option<u64> {
        let page = address / PAGE_SIZE;
        let slot = self.cache.get(page as usize % CACHED_PAGES)?;
        // The tag is the page number plus one, XORed with the frame: both words must belong together to match.
        let frame = slot.frame.load(Ordering::Relaxed);
        if slot.tag.load(Ordering::Relaxed) == (page + 1) ^ frame.rotate_left(17) && frame != 0 {
            return Some((frame & FRAME) | (address % PAGE_SIZE));
        }
        let known = self.linear.iter().filter(|linear| linear.wins).find_map(|linear| linear.translate(address));
        let mapped = known.or_else(|| self.paging.walk(&self.image, self.root, address));
        let physical = mapped.or_else(|| self.lost(address))?;
        let frame = (physical & FRAME) | 1;
        slot.frame.store(frame, Ordering::Relaxed);
        slot.tag.store((page + 1) ^ frame.rotate_left(17), Ordering::Relaxed);
        Some(physical)
    }

    /// The physical address behind a virtual one of which the table is lost.
    #[cold]
    fn lost(&self, address: u64) -> Option<u64> {
        let physical = self.linear.iter().find_map(|linear| linear.translate(address))?;
        self.lost_table(address).map(|_| physical)
    }

    /// The page with the entry for an address that does not translate, where that page is one of zeros. No table is that
    /// which a kernel has made for memory that it maps.
    pub fn lost_table(&self, address: u64) -> Option<u64> {
        let Geometry { page_size, bits, levels, .. } = self.geometry;
        let per_table = (page_size / 8).ilog2();
        let mut table = self.root;
        for level in (0..levels).rev() {
            let shift = page_size.ilog2() + per_table * level;
            let index = address >> shift & ((1 << per_table.min(bits - shift)) - 1);
            let at = table + index * 8;
            match self.paging.step(&self.image, self.image.copy_u64(at)?, level) {
                Step::Table(next) if level > 0 => table = next,
                Step::Page(_) => return None,
                _ => return Some(at & FRAME).filter(|page| self.image.is_zero(*page)),
            }
        }
        None
    }

    /// Why nothing is mapped at an address, and up to which one that is so. For addresses that do not translate.
    pub fn gap(&self, address: u64) -> Gap {
        self.paging.gap(&self.image, self.root, address)
    }

    /// The physical address of a stretch whose pages follow one another in physical memory too.
    pub fn contiguous(&self, address: u64, length: u64) -> Option<u64> {
        let physical = self.translate(address)?;
        let end = address.checked_add(length)?;
        let mut at = (address - address % PAGE_SIZE).checked_add(PAGE_SIZE)?;
        while at < end {
            (self.translate(at)? == physical.checked_add(at - address)?).then_some(())?;
            at = at.checked_add(PAGE_SIZE)?;
        }
        Some(physical)
    }

    /// Reads `out.len()` bytes at a virtual address; returns how many leading bytes could be read.
    pub fn read(&self, address: u64, out: &mut [u8]) -> usize {
        let mut done = 0;
        while done < out.len() {
            let Some(at) = address.checked_add(done as u64) else { break };
            let Some(physical) = self.translate(at) else { break };
            let room = (PAGE_SIZE - at % PAGE_SIZE) as usize;
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
        if address % PAGE_SIZE <= PAGE_SIZE - 8 {
            return self.image.read_u64(self.translate(address)?);
        }
        self.array(address).map(u64::from_le_bytes)
    }

    /// A little-endian 32-bit word.
    pub fn read_u32(&self, address: u64) -> Option<u32> {
        self.array(address).map(u32::from_le_bytes)
    }

    fn array<const SIZE: usize>(&self, address: u64) -> Option<[u8; SIZE]> {
        let mut bytes = [0; SIZE];
        self.read_exact(address, &mut bytes).then_some(bytes)
    }
}
