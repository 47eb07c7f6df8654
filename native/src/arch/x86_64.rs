//! x86-64 paging with four or five levels and 2 MiB and 1 GiB pages (Intel SDM volume 3, chapter 4).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::image::{Image, PAGE_SIZE};

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
/// Linux keeps pages of PROT_NONE mappings with Present clear and Global set (`_PAGE_PROTNONE`), which no swap entry has.
/// The frame is still there, with its bits turned over since L1TF (arch/x86/include/asm/pgtable-invert.h).
const PROT_NONE: u64 = 1 << 8;
const LARGE: u64 = 1 << 7;
/// Bits of an entry that may be its frame's.
pub const FRAME: u64 = 0x000f_ffff_ffff_f000;
/// Bits among a frame's that an entry may have to say "encrypted" (SME and SEV; CPUID 0x8000_001f): none, or that of one
/// generation of processors or the other.
pub const ENCRYPTION_BITS: [u64; 3] = [0, 1 << 47, 1 << 51];
const CACHED_PAGES: usize = 1024;

/// One address space: a page-table root over an image, with a small translation cache that many threads may share.
pub struct AddressSpace {
    image: Arc<Image>,
    root: u64,
    levels: Levels,
    /// Bits of an entry that are its frame's.
    frame: u64,
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

impl AddressSpace {
    /// An address space whose top-level table lies at physical address `root`.
    pub fn new(image: Arc<Image>, root: u64, levels: Levels) -> Self {
        let cache = (0..CACHED_PAGES).map(|_| Slot::default()).collect();
        Self { image, root: root & FRAME, levels, frame: FRAME, cache }
    }

    /// The same, where entries have a bit among their frame's that says "encrypted", and the image holds plain memory.
    pub fn ignoring(self, bits: u64) -> Self {
        let frame = FRAME & !bits;
        Self { root: self.root & frame, frame, ..self }
    }

    /// The same image and levels with another root: a process's address space.
    pub fn with_root(&self, root: u64) -> Self {
        Self::new(Arc::clone(&self.image), root, self.levels).ignoring(FRAME & !self.frame)
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
        let page = address / PAGE_SIZE;
        let slot = self.cache.get(page as usize % CACHED_PAGES)?;
        // The tag is the page number plus one, XORed with the frame: both words must belong together to match.
        let frame = slot.frame.load(Ordering::Relaxed);
        if slot.tag.load(Ordering::Relaxed) == (page + 1) ^ frame.rotate_left(17) && frame != 0 {
            return Some((frame & FRAME) | (address % PAGE_SIZE));
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
        let mut at = (address - address % PAGE_SIZE).checked_add(PAGE_SIZE)?;
        while at < end {
            (self.translate(at)? == physical.checked_add(at - address)?).then_some(())?;
            at = at.checked_add(PAGE_SIZE)?;
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
            let large = entry & LARGE != 0 && (level == 1 || level == 2);
            let inside = (1u64 << shift) - 1;
            let place = |entry: u64| (entry & self.frame & !inside) | (address & inside);
            if entry & PRESENT == 0 {
                let kept = entry & PROT_NONE != 0 && (level == 0 || level == 1 && large);
                return kept.then(|| self.held(place(!entry), place(entry)));
            }
            if level == 0 || large {
                return Some(place(entry));
            }
            table = entry & self.frame;
        }
        None
    }

    /// Why nothing is mapped at an address, and up to which one that is so. For addresses that do not translate.
    pub fn gap(&self, address: u64) -> Gap {
        let mut table = self.root;
        for level in (0..self.levels.count()).rev().filter(|_| self.levels.is_canonical(address)) {
            let shift = 12 + 9 * level;
            let at = table + ((address >> shift) & 511) * 8;
            let end = (address | ((1 << shift) - 1)).saturating_add(1);
            let Some(entry) = self.image.read_u64(at) else { return Gap { end, why: Unmapped::Lost(at) } };
            if entry & PRESENT == 0 {
                let why = if entry == 0 { Unmapped::Absent } else { Unmapped::Elsewhere };
                return Gap { end, why };
            }
            table = entry & self.frame;
        }
        Gap { end: u64::MAX, why: Unmapped::Absent }
    }

    /// Kernels before L1TF was known keep the frame of a PROT_NONE mapping as it is, and then no memory is at its inverse.
    fn held(&self, inverted: u64, plain: u64) -> u64 {
        let holds = |physical: u64| self.image.holds(physical, 1);
        if !holds(inverted) && holds(plain) { plain } else { inverted }
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
        let mut word = [0; 8];
        self.read_exact(address, &mut word).then(|| u64::from_le_bytes(word))
    }

    /// A little-endian 32-bit word.
    pub fn read_u32(&self, address: u64) -> Option<u32> {
        let mut word = [0; 4];
        self.read_exact(address, &mut word).then(|| u32::from_le_bytes(word))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    const MIB: u64 = 1 << 20;
    const USER: u64 = 0x40_0000;
    /// Frames that a small page and a huge page may have.
    const SMALL: u64 = 5 * MIB;
    const HUGE: u64 = 4 * MIB;

    /// 8 MiB of memory whose tables at 0x1000, 0x2000, 0x3000 map `USER` by `entry`: the 2 MiB entry, or with `small`
    /// the first 4 KiB one of a table at 0x4000.
    fn space(entry: u64, small: bool, flags: u64) -> AddressSpace {
        let mut memory = vec![0; 8 * MIB as usize];
        let mut put = |at: u64, word: u64| {
            memory.splice(at as usize..at as usize + 8, word.to_le_bytes());
        };
        put(0x1000, 0x2003 | flags);
        put(0x2000, 0x3003 | flags);
        put(0x3000 + (USER >> 21) * 8, if small { 0x4003 | flags } else { entry });
        put(0x4000, entry);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&memory).unwrap();
        AddressSpace::new(Arc::new(Image::open(file.path()).unwrap()), 0x1000, Levels::Four)
    }

    #[test]
    fn prot_none_entries_hold_the_inverted_frame() {
        let inverted = |frame: u64, inside: u64| !frame & FRAME & !inside;
        let small = space(inverted(SMALL, 0xfff) | PROT_NONE, true, 0);
        assert_eq!(small.translate(USER + 0x123), Some(SMALL + 0x123));
        let huge = space(inverted(HUGE, 2 * MIB - 1) | PROT_NONE | LARGE, false, 0);
        assert_eq!(huge.translate(USER + MIB + 7), Some(HUGE + MIB + 7));
        let beyond = space(inverted(16 * MIB, 0xfff) | PROT_NONE, true, 0);
        assert_eq!(beyond.translate(USER), Some(16 * MIB), "memory that the image lacks, not another page");
    }

    #[test]
    fn prot_none_entries_of_kernels_before_l1tf_hold_the_frame_itself() {
        assert_eq!(space(SMALL | PROT_NONE, true, 0).translate(USER + 1), Some(SMALL + 1));
        assert_eq!(space(HUGE | PROT_NONE | LARGE, false, 0).translate(USER + 1), Some(HUGE + 1));
    }

    #[test]
    fn swap_entries_and_absent_tables_are_no_prot_none_mappings() {
        // A swap entry has bits from 9 on, and may have 1 to 7, but never that of PROT_NONE.
        for entry in [!SMALL & FRAME | 0x2e00, SMALL | 0xfe, 0] {
            assert_eq!(space(entry, true, 0).translate(USER), None, "{entry:#x}");
            assert_eq!(space(entry, false, 0).translate(USER), None, "{entry:#x}");
        }
        assert_eq!(space(HUGE | PROT_NONE, false, 0).translate(USER), None, "a table that is not present");
    }

    #[test]
    fn the_bit_that_says_encrypted_is_no_part_of_a_frame() {
        for bit in [1 << 47, 1 << 51] {
            let present = space(SMALL | bit | PRESENT, true, bit).ignoring(bit);
            assert_eq!(present.translate(USER), Some(SMALL));
            assert_eq!(present.with_root(0x1000 | bit).translate(USER), Some(SMALL));
            let none = (!SMALL & FRAME & !bit) | bit | PROT_NONE;
            assert_eq!(space(none, true, bit).ignoring(bit).translate(USER), Some(SMALL));
            assert_eq!(space(SMALL | bit | PRESENT, true, bit).translate(USER), None);
        }
    }
}
