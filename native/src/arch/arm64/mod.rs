//! AArch64, and where its kernels keep what (Documentation/arch/arm64/memory.rst, arch/arm64/include/asm/memory.h).

mod paging;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::ops::Range;

pub use paging::{Granule, Half, Tables};

use super::{AddressSpace, Architecture, Gap, Geometry, Known, Link, Regions, Step, Unreadable};
use crate::image::{Image, VmcoreInfo};

/// The architecture.
pub struct Arm64;

/// Granules with the numbers of bits that kernels are built for: `ARM64_VA_BITS_*` (arch/arm64/Kconfig). One that is built
/// for 52 bits has 48 or 47 where the processor has no more.
const WAYS: [(Granule, &[u32]); 3] =
    [(Granule::Small, &[48, 52, 39]), (Granule::Large, &[48, 52, 42]), (Granule::Medium, &[48, 47, 52, 36])];
/// The most bits that any kernel is built for.
const MOST_BITS: u32 = 52;
/// Kernels are placed in units of this (`SEGMENT_ALIGN`, arch/arm64/include/asm/memory.h).
const STEP: u64 = 64 << 10;
/// Places that are looked at before what was mapped for it is given back.
const TRIMMED: usize = 32;
/// Where most lie: in units of this, some with room before them (`MIN_KIMG_ALIGN`, and `TEXT_OFFSET` before 5.8).
const USUAL: u64 = 2 << 20;
const USUAL_OFFSETS: [u64; 2] = [0, 0x8_0000];
/// What a kernel's image has in its first bytes (Documentation/arch/arm64/booting.rst): its size, and a mark.
const HEADER: usize = 64;
const IMAGE_SIZE: usize = 16;
const MARK: (usize, &[u8]) = (56, b"ARM\x64");
/// How far behind `_text` there may be `_stext`.
const LONGEST_HEAD: u64 = 128 << 10;

/// How kernels share out the addresses of their half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Since 5.4: first all of physical memory, then the kernel's image.
    MemoryFirst,
    /// Before: first the image.
    ImageFirst,
}

/// One way in which a kernel maps memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    tables: Tables,
    plan: Plan,
}

impl Architecture for Arm64 {
    fn name(&self) -> &'static str {
        "aarch64"
    }

    fn elf_machine(&self) -> u16 {
        object::elf::EM_AARCH64
    }

    fn pagings(&self) -> Vec<super::Paging> {
        Paging::all().map(super::Paging::Arm64).collect()
    }

    /// No table of these kernels has a place of its own.
    fn roots<'a>(&self, _: &'a Image) -> Box<dyn Iterator<Item = (u64, super::Paging)> + 'a> {
        Box::new(std::iter::empty())
    }

    /// The kernel's root is a page of its image, which maps the image.
    fn roots_within<'a>(
        &self,
        image: &'a Image,
        place: Range<u64>,
        text: u64,
    ) -> Box<dyn Iterator<Item = (u64, super::Paging)> + 'a> {
        let ways: Vec<_> = Paging::all().filter(|paging| text >= paging.geometry().image).collect();
        let maps = move |root: u64, paging: &Paging| {
            paging.tables.walk_by(|at| image.copy_u64(at), root, text) == Some(place.start)
        };
        let pages = (place.start..place.end).step_by(Granule::Small.size() as usize);
        Box::new(pages.flat_map(move |root| {
            let proven: Vec<_> = ways.iter().filter(|paging| maps(root, paging)).copied().collect();
            proven.into_iter().map(move |paging| (root, super::Paging::Arm64(paging)))
        }))
    }

    /// A kernel's image keeps its header, by which a boot loader knew it.
    fn images<'a>(&self, image: &'a Image) -> Box<dyn Iterator<Item = (u64, u64)> + 'a> {
        let ranges = || image.ranges().iter().map(|range| range.start..range.end());
        let usual = ranges().flat_map(|range| {
            let places = (range.start.next_multiple_of(USUAL)..range.end).step_by(USUAL as usize);
            places.flat_map(|place| USUAL_OFFSETS.map(|offset| place + offset))
        });
        // A raw image need not begin with the machine's memory, nor at a multiple of anything.
        let is_usual = |place: u64| USUAL_OFFSETS.contains(&(place % USUAL));
        let all = ranges().flat_map(|range| (range.start.next_multiple_of(STEP)..range.end).step_by(STEP as usize));
        let all = usual.chain(all.filter(move |place| !is_usual(*place))).enumerate();
        Box::new(all.filter_map(|(number, text)| {
            // A look at one place may map a few MiB around it, and all of them are all of memory.
            if number % TRIMMED == 0 {
                image.trim();
            }
            Some((text, image_size(image, text)?))
        }))
    }

    fn noted_text(&self, image: &Image, note: &VmcoreInfo) -> Option<u64> {
        let stext = note.symbol("_stext")?.wrapping_sub(note.number("kimage_voffset")? as u64);
        let page = stext & !(Granule::Small.size() - 1);
        let before = (0..=LONGEST_HEAD).step_by(Granule::Small.size() as usize);
        let mut heads = before.filter_map(|length| page.checked_sub(length));
        heads.find(|text| image_size(image, *text).is_some())
    }

    fn root_names(&self) -> &'static [&'static str] {
        &["swapper_pg_dir"]
    }

    fn chains(&self) -> &'static [[Link; 2]] {
        &[]
    }

    fn table(&self, _: u64) -> Option<u64> {
        None
    }

    fn lowest_image(&self) -> u64 {
        // Of 48 bits with the image first: 52 came with the memory first.
        0xffff_0000_0000_0000
    }

    /// How far the image's virtual addresses are from its physical ones.
    fn text_distance(&self, variable: &dyn Fn(&str) -> Option<u64>) -> Option<u64> {
        variable("kimage_voffset")
    }
}

/// The size by which an image of a kernel says how much memory it takes, if one begins here.
fn image_size(image: &Image, text: u64) -> Option<u64> {
    let mut header = [0; HEADER];
    (image.copy(text, &mut header) == HEADER).then_some(())?;
    header.get(MARK.0..)?.starts_with(MARK.1).then_some(())?;
    crate::words::u64_at(&header, IMAGE_SIZE)
}

impl Granule {
    /// Bytes of a page.
    fn size(self) -> u64 {
        1 << self.shift()
    }
}

impl Paging {
    /// Each way in which kernels map memory.
    fn all() -> impl Iterator<Item = Self> {
        let tables = WAYS.iter().flat_map(|(granule, bits)| {
            bits.iter().map(|bits| Tables { granule: *granule, bits: *bits, half: Half::Kernel })
        });
        tables.flat_map(|tables| [Plan::MemoryFirst, Plan::ImageFirst].map(|plan| Self { tables, plan }))
    }

    /// A kernel of today, with these numbers.
    pub fn of(granule: Granule, bits: u32) -> Self {
        Self { tables: Tables { granule, bits, half: Half::Kernel }, plan: Plan::MemoryFirst }
    }

    /// Each way in which kernels of today map memory.
    #[cfg(test)]
    pub fn ways() -> Vec<Self> {
        WAYS.iter().flat_map(|(granule, bits)| bits.iter().map(|bits| Self::of(*granule, *bits))).collect()
    }

    /// How its tables translate.
    #[cfg(test)]
    pub fn tables(self) -> Tables {
        self.tables
    }

    /// The same for a process's own tables, which lead to no memory of the kernel's.
    pub(super) fn of_process(self) -> Self {
        Self { tables: Tables { half: Half::Process, ..self.tables }, ..self }
    }

    pub(super) fn root(self, word: u64) -> u64 {
        self.tables.root(word)
    }

    #[inline]
    pub(super) fn walk(self, image: &Image, root: u64, address: u64) -> Option<u64> {
        self.tables.walk(image, root, address)
    }

    pub(super) fn step(self, entry: u64, level: u32) -> Step {
        self.tables.step(entry, level)
    }

    pub(super) fn gap(self, image: &Image, root: u64, address: u64) -> Gap {
        self.tables.gap(image, root, address)
    }

    /// The first address behind those of the direct map: those of the image follow (`_PAGE_END(VA_BITS_MIN)`).
    fn middle(self) -> u64 {
        let fewest = match self.tables.granule {
            Granule::Medium if self.tables.bits == MOST_BITS => 47,
            _ => self.tables.bits.min(48),
        };
        begin(fewest - 1)
    }

    /// Numbers of bits that the kernel may be built for.
    fn built_for(self) -> [u32; 2] {
        [self.tables.bits, MOST_BITS]
    }
}

/// The first of the last so many addresses.
fn begin(bits: u32) -> u64 {
    u64::MAX << bits
}

impl Regions for Paging {
    fn architecture(&self) -> &'static dyn Architecture {
        &Arm64
    }

    fn geometry(&self) -> Geometry {
        let Tables { granule, bits, .. } = self.tables;
        let (image, end) = match self.plan {
            // What is behind are the `struct page`s, of 64 bytes at most.
            Plan::MemoryFirst => (self.middle(), begin(bits - granule.shift() + 6)),
            Plan::ImageFirst => (begin(bits), begin(bits - 1)),
        };
        Geometry {
            levels: self.tables.levels(),
            page_size: granule.size(),
            bits,
            kernel_half: begin(bits),
            image,
            step: STEP,
            modules: (image, end),
        }
    }

    /// The kernel says where it is (`kimage_voffset`).
    fn image_steps<'a>(&self, _: &'a AddressSpace) -> Box<dyn Iterator<Item = u64> + 'a> {
        Box::new(std::iter::empty())
    }

    /// `PAGE_OFFSET` stands for `memstart_addr`, which is negative where a kernel that is built for 52 bits has fewer.
    fn direct_map(&self, kernel: &dyn Known) -> Result<Vec<u64>, Unreadable> {
        let start = kernel.variable("memstart_addr")?.unwrap_or(0);
        let first = match self.plan {
            Plan::MemoryFirst => self.built_for().map(begin).to_vec(),
            Plan::ImageFirst => vec![begin(self.tables.bits - 1)],
        };
        Ok(first.into_iter().map(|first| first.wrapping_sub(start)).collect())
    }

    /// `VMEMMAP_START` stands for the page of `memstart_addr`. It has been counted from the end of all addresses and from
    /// a power of two, for a `struct page` of its own size and of the next power of two.
    fn page_structs(&self, kernel: &dyn Known) -> Result<Vec<u64>, Unreadable> {
        let start = kernel.variable("memstart_addr")?.unwrap_or(0);
        let size = kernel.size("struct page").ok_or(Unreadable("struct page"))?;
        let shift = self.tables.granule.shift();
        let power = size.checked_next_power_of_two().ok_or(Unreadable("struct page"))?.ilog2();
        let per_page = shift.saturating_sub(power);
        let mut places: Vec<u64> = Vec::new();
        match self.plan {
            Plan::MemoryFirst => {
                for bits in self.built_for() {
                    let pages = self.middle().wrapping_sub(begin(bits)) >> shift;
                    // Since 6.9, 5.11 and 5.4.
                    places.push((1_u64 << 30).wrapping_neg().wrapping_sub(pages.wrapping_mul(size)));
                    places.push(begin(bits - per_page));
                    places.push((2_u64 << 20).wrapping_neg().wrapping_sub(pages << power));
                }
            }
            Plan::ImageFirst => {
                let first = begin(self.tables.bits - 1);
                places.push(first.wrapping_sub(1 << (self.tables.bits - 1 - per_page)));
            }
        }
        let before = ((start as i64) >> shift).wrapping_mul(size as i64) as u64;
        Ok(places.into_iter().map(|place| place.wrapping_sub(before)).collect())
    }
}
