//! x86-64 paging with four or five levels and 2 MiB and 1 GiB pages (Intel SDM volume 3, chapter 4), and where its kernels
//! keep what (Documentation/arch/x86/x86_64/mm.rst).

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use super::{AddressSpace, Architecture, Gap, Geometry, Known, Link, Regions, Step, Unmapped, Unreadable};
use crate::image::{Image, VmcoreInfo};

/// The architecture.
pub struct X86_64;

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
    fn count(self) -> u32 {
        match self {
            Levels::Four => 4,
            Levels::Five => 5,
        }
    }

    /// Bits of an address above those that tables translate, less one: what the hardware wants to be of one sign.
    fn unused(self) -> u32 {
        match self {
            Levels::Four => 16,
            Levels::Five => 7,
        }
    }

    /// Whether the address is sign-extended as the hardware demands.
    fn is_canonical(self, address: u64) -> bool {
        ((address << self.unused()) as i64 >> self.unused()) as u64 == address
    }
}

const PAGE: u64 = 4096;
const PRESENT: u64 = 1;
/// Linux keeps pages of PROT_NONE mappings with Present clear and Global set (`_PAGE_PROTNONE`), which no swap entry has.
/// The frame is still there, with its bits turned over since L1TF (arch/x86/include/asm/pgtable-invert.h).
const PROT_NONE: u64 = 1 << 8;
const LARGE: u64 = 1 << 7;
/// Bits of an entry that may be its frame's.
const FRAME: u64 = 0x000f_ffff_ffff_f000;
/// Bits among a frame's that an entry may have to say "encrypted" (SME and SEV; CPUID 0x8000_001f): none, or that of one
/// generation of processors or the other.
const ENCRYPTION_BITS: [u64; 3] = [0, 1 << 47, 1 << 51];

/// Where physical memory is mapped from `phys_base` on (`__START_KERNEL_map`).
const KERNEL_MAP: u64 = 0xffff_ffff_8000_0000;
/// The kernel is placed and mapped in units of this (`CONFIG_PHYSICAL_ALIGN` is never less).
const STEP: u64 = 2 << 20;
/// Text and data have one gigabyte below the modules.
const STEPS: u64 = 512;
/// Modules lie between the room for the kernel's image, which has half a gigabyte where it is not placed by chance
/// (`KERNEL_IMAGE_SIZE`), and the fixed mappings (`MODULES_END`).
const MODULES: (u64, u64) = (KERNEL_MAP + (512 << 20), 0xffff_ffff_ff00_0000);
/// The real-mode trampoline's page table lies below.
const REAL_MODE: u64 = 1 << 20;

const ROOT: &[&str] = &["init_top_pgt", "swapper_pg_dir"];
/// Tables below the root that map the kernel's image (`arch/x86/kernel/head_64.S`).
const CHAINS: [[Link; 2]; 2] = [
    [
        Link { from: ROOT, index: 511, to: "level4_kernel_pgt" },
        Link { from: &["level4_kernel_pgt"], index: 511, to: "level3_kernel_pgt" },
    ],
    [
        Link { from: ROOT, index: 511, to: "level3_kernel_pgt" },
        Link { from: &["level3_kernel_pgt"], index: 510, to: "level2_kernel_pgt" },
    ],
];

impl Architecture for X86_64 {
    fn name(&self) -> &'static str {
        "x86_64"
    }

    fn elf_machine(&self) -> u16 {
        object::elf::EM_X86_64
    }

    /// Whether entries carry a bit that says "encrypted" shows when they map right without it.
    fn pagings(&self) -> Vec<super::Paging> {
        ENCRYPTION_BITS.into_iter().flat_map(ways).collect()
    }

    /// To bring up processors and to wake from sleep the kernel keeps, below 1 MiB, a page table with the upper entries of
    /// its own (`trampoline_pgd` in `arch/x86/realmode/init.c`). Every page there that looks like one is.
    fn roots<'a>(&self, image: &'a Image) -> Box<dyn Iterator<Item = (u64, super::Paging)> + 'a> {
        let tables =
            (0..REAL_MODE).step_by(PAGE as usize).filter_map(|root| Some((root, encryption_bit(image, root)?)));
        Box::new(tables.flat_map(|(root, bit)| ways(bit).map(|paging| (root, paging))))
    }

    fn images<'a>(&self, _: &'a Image) -> Box<dyn Iterator<Item = (u64, u64)> + 'a> {
        Box::new(std::iter::empty())
    }

    fn noted_text(&self, _: &Image, note: &VmcoreInfo) -> Option<u64> {
        let text = note.symbol("_stext")? & !(STEP - 1);
        text.checked_sub(KERNEL_MAP)?.checked_add_signed(note.number("phys_base")?)
    }

    fn root_names(&self) -> &'static [&'static str] {
        ROOT
    }

    fn chains(&self) -> &'static [[Link; 2]] {
        &CHAINS
    }

    fn table(&self, entry: u64) -> Option<u64> {
        (entry & PRESENT != 0).then_some(entry & FRAME)
    }

    fn lowest_image(&self) -> u64 {
        KERNEL_MAP
    }

    fn text_distance(&self, _: &dyn Fn(&str) -> Option<u64>) -> Option<u64> {
        None
    }
}

/// Both numbers of levels, with entries that have this bit beside their frame's.
fn ways(encryption: u64) -> [super::Paging; 2] {
    [Levels::Four, Levels::Five].map(|levels| super::Paging::X86_64(Paging { levels, frame: FRAME & !encryption }))
}

/// A top-level table that maps the kernel has its last entry present and pointing into the image, without the bit that
/// says "encrypted" where it has one.
fn encryption_bit(image: &Image, root: u64) -> Option<u64> {
    let entry = image.copy_u64(root + PAGE - 8).filter(|entry| entry & (PRESENT | LARGE) == PRESENT)?;
    let leads_to_table = |bit: &u64| {
        let frame = entry & FRAME & !bit;
        frame != 0 && image.holds(frame, PAGE)
    };
    ENCRYPTION_BITS.into_iter().find(leads_to_table)
}

/// One way in which a kernel maps memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    levels: Levels,
    /// Bits of an entry that are its frame's: the others may say "encrypted".
    frame: u64,
}

impl Paging {
    /// The common way: nothing is encrypted.
    pub fn plain(levels: Levels) -> Self {
        Self { levels, frame: FRAME }
    }

    /// The physical address of a root, out of the register's value or its like.
    pub(super) fn root(self, word: u64) -> u64 {
        word & self.frame
    }

    /// The physical address behind a virtual one.
    #[inline]
    pub(super) fn walk(self, image: &Image, root: u64, address: u64) -> Option<u64> {
        if !self.levels.is_canonical(address) {
            return None;
        }
        let mut table = root;
        for level in (0..self.levels.count()).rev() {
            let shift = 12 + 9 * level;
            let entry = image.read_u64(table + ((address >> shift) & 511) * 8)?;
            match self.step(image, entry, level) {
                Step::Nothing => return None,
                Step::Page(page) => return Some(page | (address & ((1 << shift) - 1))),
                Step::Table(next) => table = next,
            }
        }
        None
    }

    /// What an entry leads to.
    #[inline]
    pub(super) fn step(self, image: &Image, entry: u64, level: u32) -> Step {
        let large = entry & LARGE != 0 && (level == 1 || level == 2);
        let place = |entry: u64| entry & self.frame & !((1 << (12 + 9 * level)) - 1);
        if entry & PRESENT == 0 {
            let kept = entry & PROT_NONE != 0 && (level == 0 || level == 1 && large);
            return if kept { Step::Page(held(image, place(!entry), place(entry))) } else { Step::Nothing };
        }
        if level == 0 || large { Step::Page(place(entry)) } else { Step::Table(entry & self.frame) }
    }

    /// Why nothing is mapped at an address that does not translate.
    pub(super) fn gap(self, image: &Image, root: u64, address: u64) -> Gap {
        let mut table = root;
        for level in (0..self.levels.count()).rev().filter(|_| self.levels.is_canonical(address)) {
            let shift = 12 + 9 * level;
            let at = table + ((address >> shift) & 511) * 8;
            let end = (address | ((1 << shift) - 1)).saturating_add(1);
            let Some(entry) = image.read_u64(at) else { return Gap { end, why: Unmapped::Lost(at) } };
            if entry & PRESENT == 0 {
                let why = if entry == 0 { Unmapped::Absent } else { Unmapped::Elsewhere };
                return Gap { end, why };
            }
            table = entry & self.frame;
        }
        Gap { end: u64::MAX, why: Unmapped::Absent }
    }
}

/// Kernels before L1TF was known keep the frame of a PROT_NONE mapping as it is, and then no memory is at its inverse.
fn held(image: &Image, inverted: u64, plain: u64) -> u64 {
    let holds = |physical: u64| image.holds(physical, 1);
    if !holds(inverted) && holds(plain) { plain } else { inverted }
}

impl Regions for Paging {
    fn architecture(&self) -> &'static dyn Architecture {
        &X86_64
    }

    fn geometry(&self) -> Geometry {
        Geometry {
            levels: self.levels.count(),
            page_size: PAGE,
            bits: 12 + 9 * self.levels.count(),
            kernel_half: !(u64::MAX >> (self.levels.unused() + 1)),
            image: KERNEL_MAP,
            step: STEP,
            modules: MODULES,
        }
    }

    fn image_steps<'a>(&self, _: &'a AddressSpace) -> Box<dyn Iterator<Item = u64> + 'a> {
        Box::new((0..STEPS).map(|step| KERNEL_MAP + step * STEP))
    }

    /// Before 4.20 it began without the room for LDTs.
    fn direct_map(&self, kernel: &dyn Known) -> Result<Vec<u64>, Unreadable> {
        let fixed = match self.levels {
            Levels::Four => [0xffff_8880_0000_0000, 0xffff_8800_0000_0000],
            Levels::Five => [0xff11_0000_0000_0000, 0xff10_0000_0000_0000],
        };
        Ok(kernel.variable("page_offset_base")?.map_or(fixed.to_vec(), |base| vec![base]))
    }

    fn page_structs(&self, kernel: &dyn Known) -> Result<Vec<u64>, Unreadable> {
        let fixed = match self.levels {
            Levels::Four => 0xffff_ea00_0000_0000,
            Levels::Five => 0xffd4_0000_0000_0000,
        };
        Ok(vec![kernel.variable("vmemmap_base")?.unwrap_or(fixed)])
    }
}
