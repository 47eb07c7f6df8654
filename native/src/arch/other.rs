//! A second architecture, for tests alone: it differs from x86-64 wherever one may, and lives in this folder alone. Pages
//! have 16 KiB, three levels of tables 2048 entries each; an entry's highest bit says that it is present. Physical memory
//! begins at 0 for the processor and at `memory_start` for the kernel's direct map, and only symbols tell where all is.

use super::{AddressSpace, Architecture, Gap, Geometry, Known, Link, Regions, Step, Unmapped, Unreadable};
use crate::image::{Image, VmcoreInfo};

/// The architecture.
pub struct Other;

/// Its number in ELF headers, which nobody else has.
pub const ELF_MACHINE: u16 = 0xfeed;
/// Bytes of a page, and of a table.
pub const PAGE: u64 = 16 << 10;
/// What an entry has that leads somewhere.
pub const PRESENT: u64 = 1 << 63;
/// First address of the kernel's half, which is the direct map's too.
pub const HALF: u64 = 0xffff_8800_0000_0000;
/// Where the kernel's image may be, in steps.
pub const IMAGE: u64 = 0xffff_e000_0000_0000;
/// How far apart such places are.
pub const STEP: u64 = 1 << 20;
const STEPS: u64 = 64;
/// Where modules may be.
pub const MODULES: (u64, u64) = (0xffff_f000_0000_0000, 0xffff_f000_0100_0000);
/// `struct page`s.
pub const PAGES: u64 = 0xffff_d000_0000_0000;
const FRAME: u64 = 0x0000_ffff_ffff_c000;
/// Bits of an address that are an index of a table.
pub const TABLE_BITS: u32 = 11;

impl Architecture for Other {
    fn name(&self) -> &'static str {
        "other"
    }

    fn elf_machine(&self) -> u16 {
        ELF_MACHINE
    }

    fn pagings(&self) -> Vec<super::Paging> {
        vec![super::Paging::Other(Paging)]
    }

    fn roots<'a>(&self, _: &'a Image) -> Box<dyn Iterator<Item = (u64, super::Paging)> + 'a> {
        Box::new(std::iter::empty())
    }

    fn images<'a>(&self, _: &'a Image) -> Box<dyn Iterator<Item = (u64, u64)> + 'a> {
        Box::new(std::iter::empty())
    }

    fn noted_text(&self, _: &Image, note: &VmcoreInfo) -> Option<u64> {
        u64::try_from(note.number("other_text")?).ok()
    }

    fn root_names(&self) -> &'static [&'static str] {
        &["other_root"]
    }

    fn chains(&self) -> &'static [[Link; 2]] {
        &[]
    }

    fn table(&self, entry: u64) -> Option<u64> {
        (entry & PRESENT != 0).then_some(entry & FRAME)
    }

    fn lowest_image(&self) -> u64 {
        IMAGE
    }

    fn text_distance(&self, _: &dyn Fn(&str) -> Option<u64>) -> Option<u64> {
        None
    }
}

/// The one way in which its kernels map memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging;

impl Paging {
    pub(super) fn root(self, word: u64) -> u64 {
        word & FRAME
    }

    pub(super) fn walk(self, image: &Image, root: u64, address: u64) -> Option<u64> {
        let mut at = root;
        for level in (0..self.geometry().levels).rev() {
            let index = address >> (PAGE.ilog2() + TABLE_BITS * level) & ((1 << TABLE_BITS) - 1);
            at = Other.table(image.read_u64(at + index * 8)?)?;
        }
        Some(at | (address % PAGE))
    }

    pub(super) fn step(self, entry: u64, level: u32) -> Step {
        match Other.table(entry) {
            None => Step::Nothing,
            Some(page) if level == 0 => Step::Page(page),
            Some(table) => Step::Table(table),
        }
    }

    pub(super) fn gap(self, _: &Image, _: u64, address: u64) -> Gap {
        Gap { end: (address | (PAGE - 1)).saturating_add(1), why: Unmapped::Absent }
    }
}

impl Regions for Paging {
    fn architecture(&self) -> &'static dyn Architecture {
        &Other
    }

    fn geometry(&self) -> Geometry {
        Geometry {
            levels: 3,
            page_size: PAGE,
            bits: PAGE.ilog2() + TABLE_BITS * 3,
            kernel_half: HALF,
            image: IMAGE,
            step: STEP,
            modules: MODULES,
        }
    }

    fn image_steps<'a>(&self, _: &'a AddressSpace) -> Box<dyn Iterator<Item = u64> + 'a> {
        Box::new((0..STEPS).map(|step| IMAGE + step * STEP))
    }

    fn direct_map(&self, kernel: &dyn Known) -> Result<Vec<u64>, Unreadable> {
        let start = kernel.variable("memory_start")?.unwrap_or(0);
        Ok(vec![HALF.wrapping_sub(start)])
    }

    fn page_structs(&self, kernel: &dyn Known) -> Result<Vec<u64>, Unreadable> {
        let start = kernel.variable("memory_start")?.unwrap_or(0);
        let size = kernel.size("struct page").ok_or(Unreadable("struct page"))?;
        Ok(vec![PAGES.wrapping_sub(start / PAGE * size)])
    }
}
