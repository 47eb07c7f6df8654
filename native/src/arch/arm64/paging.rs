//! Translation tables: 4, 16 and 64 KiB granules, two to five levels, blocks at every legal level, 48- and 52-bit physical
//! addresses (Arm ARM, D8: the AArch64 virtual memory system architecture).

use super::super::{Gap, Step, Unmapped};
use crate::image::Image;

const VALID: u64 = 1;
/// Of a valid entry: a table, or at the lowest level a page; without it a block.
const TABLE: u64 = 1 << 1;
/// Not global: every mapping of a process has it. Without [`VALID`] it says from 6.11 on that the page is there
/// (`PTE_PRESENT_INVALID`, arch/arm64/include/asm/pgtable-prot.h).
const NOT_GLOBAL: u64 = 1 << 11;
/// The same before, which no swap entry's offset reaches (`PTE_PROT_NONE`).
const PROT_NONE: u64 = 1 << 58;
/// Bits of an address that are the same in all addresses of one half, but for a tag: this one tells the half.
const HALF: u32 = 55;

/// A granule: the smallest page, and the size of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granule {
    /// 4 KiB.
    Small,
    /// 16 KiB.
    Medium,
    /// 64 KiB.
    Large,
}

/// Which addresses a table translates: each half of all addresses has a root of its own (TTBR0_EL1 and TTBR1_EL1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The lower one, a process's.
    Process,
    /// The upper one.
    Kernel,
}

/// One way in which tables translate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tables {
    /// Pages and tables.
    pub granule: Granule,
    /// Bits of an address that are translated: 64 less `TCR_EL1.TxSZ`.
    pub bits: u32,
    /// Whose.
    pub half: Half,
}

impl Granule {
    /// Bits of an address within a page.
    pub fn shift(self) -> u32 {
        match self {
            Granule::Small => 12,
            Granule::Medium => 14,
            Granule::Large => 16,
        }
    }

    /// Bits of an address that are an index of a table.
    fn index(self) -> u32 {
        self.shift() - 3
    }
}

impl Tables {
    /// How many levels there are.
    pub fn levels(self) -> u32 {
        (self.bits - self.granule.shift()).div_ceil(self.granule.index())
    }

    /// Whether 4 or 16 KiB entries have 52-bit addresses (LPA2), which tells how they hold them. Kernels use it where they
    /// use 52-bit virtual ones (`lpa2_is_enabled()`).
    fn has_long_entries(self) -> bool {
        self.bits > 48 && self.granule != Granule::Large
    }

    /// The highest level at which an entry may be a block; the lowest is 0.
    fn highest_block(self) -> u32 {
        match self.granule {
            Granule::Small => 2 + u32::from(self.has_long_entries()),
            Granule::Medium => 1 + u32::from(self.has_long_entries()),
            // With 52-bit physical addresses, where they are more than 48 bits of the processor's.
            Granule::Large => 2,
        }
    }

    /// The physical address that an entry holds.
    #[inline]
    fn frame(self, entry: u64) -> u64 {
        let page = !((1 << self.granule.shift()) - 1);
        match self.granule {
            Granule::Large => entry & 0x0000_ffff_ffff_0000 | (entry & 0xf000) << 36,
            _ if self.has_long_entries() => entry & 0x0003_ffff_ffff_f000 & page | (entry & 0x300) << 42,
            _ => entry & 0x0000_ffff_ffff_f000 & page,
        }
    }

    /// The physical address of a root table, out of the register's value or its like. Small ones are aligned to their size,
    /// which has 64 bytes at least.
    pub fn root(self, word: u64) -> u64 {
        word & 0x000f_ffff_ffff_ffc0
    }

    /// An address without its tag (TBI) and without what authenticates it (PAC); `None` where it is of the other half.
    #[inline]
    fn translated(self, address: u64) -> Option<u64> {
        // Between the bits that are translated and the one that tells the half all are the same; above may be a tag.
        let above = address << (63 - HALF) >> (63 - HALF) >> self.bits;
        let all = match self.half {
            Half::Process => 0,
            Half::Kernel => u64::MAX << (63 - HALF) >> (63 - HALF) >> self.bits,
        };
        (above == all).then_some(address & ((1 << self.bits) - 1))
    }

    /// Bits below the index of a level.
    #[inline]
    fn below(self, level: u32) -> u32 {
        self.granule.shift() + self.granule.index() * level
    }

    /// Where in a table the entry of an address lies.
    #[inline]
    fn entry(self, translated: u64, level: u32) -> u64 {
        ((translated >> self.below(level)) & ((1 << self.granule.index()) - 1)) * 8
    }

    /// The physical address behind a virtual one.
    #[inline]
    pub fn walk(self, image: &Image, root: u64, address: u64) -> Option<u64> {
        self.walk_by(|at| image.read_u64(at), root, address)
    }

    /// The same with a way to read entries.
    #[inline]
    pub fn walk_by(self, read: impl Fn(u64) -> Option<u64>, root: u64, address: u64) -> Option<u64> {
        let translated = self.translated(address)?;
        let mut table = root;
        for level in (0..self.levels()).rev() {
            let entry = read(table.checked_add(self.entry(translated, level))?)?;
            match self.step(entry, level) {
                Step::Nothing => return None,
                Step::Page(page) => return Some(page | (address & ((1 << self.below(level)) - 1))),
                Step::Table(next) => table = next,
            }
        }
        None
    }

    /// What an entry leads to.
    #[inline]
    pub fn step(self, entry: u64, level: u32) -> Step {
        let block = |entry: u64| Step::Page(self.frame(entry) & !((1 << self.below(level)) - 1));
        match (entry & (VALID | TABLE), level) {
            (3, 0) => Step::Page(self.frame(entry)),
            (3, _) => Step::Table(self.frame(entry)),
            (VALID, 1..) if level <= self.highest_block() => block(entry),
            (without, _) if without & VALID == 0 && self.is_kept(entry, level) => block(entry),
            _ => Step::Nothing,
        }
    }

    /// Whether an entry that is not valid still says where its page is: memory that its process may not touch now
    /// (PROT_NONE, NUMA balancing). A swap entry has neither of the lowest bits (arch/arm64/include/asm/pgtable.h); that of
    /// a huge page that is on its way elsewhere has a multiple of its size in place of the marks.
    fn is_kept(self, entry: u64, level: u32) -> bool {
        match level {
            0 => entry & (TABLE | NOT_GLOBAL) == TABLE | NOT_GLOBAL,
            1 => entry & (PROT_NONE | NOT_GLOBAL) != 0 && self.frame(entry) != 0,
            _ => false,
        }
    }

    /// Why nothing is mapped at an address that does not translate.
    pub fn gap(self, image: &Image, root: u64, address: u64) -> Gap {
        let nowhere = Gap { end: u64::MAX, why: Unmapped::Absent };
        let Some(translated) = self.translated(address) else { return nowhere };
        let mut table = root;
        for level in (0..self.levels()).rev() {
            let at = table.saturating_add(self.entry(translated, level));
            let end = (address | ((1 << self.below(level)) - 1)).saturating_add(1);
            let Some(entry) = image.read_u64(at) else { return Gap { end, why: Unmapped::Lost(at) } };
            match self.step(entry, level) {
                Step::Table(next) => table = next,
                Step::Page(_) => return nowhere,
                Step::Nothing if entry == 0 || entry & VALID != 0 => return Gap { end, why: Unmapped::Absent },
                Step::Nothing => return Gap { end, why: Unmapped::Elsewhere },
            }
        }
        nowhere
    }
}
