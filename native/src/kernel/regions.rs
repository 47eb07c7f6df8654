//! Where the kernel keeps all of physical memory, and a `struct page` for each page of it.

use super::Kernel;
use crate::arch::x86_64::Levels;
use crate::error::{Error, Result};
use crate::image::{Image, PAGE_SIZE};

/// Places in memory by which a region is proven.
const SAMPLES: usize = 64;

impl Kernel {
    /// Virtual address of physical address 0 in the direct map: `page_offset_base` where the kernel places it itself, else
    /// the one of the fixed places that the page tables bear out (Documentation/arch/x86/x86_64/mm.rst; before 4.20 it
    /// began without the room for LDTs).
    pub fn direct_map(&self) -> Result<u64> {
        if let Some(symbol) = self.symbols.address("page_offset_base") {
            let lacks = || Error::no_symbols("page_offset_base cannot be read: the image lacks the kernel's own data");
            return self.memory.read_u64(symbol).ok_or_else(lacks);
        }
        let [now, before] = match self.memory.levels() {
            Levels::Four => [0xffff_8880_0000_0000, 0xffff_8800_0000_0000],
            Levels::Five => [0xff11_0000_0000_0000, 0xff10_0000_0000_0000],
        };
        let borne_out = |base: u64| {
            let maps = |physical: &u64| self.memory.translate(base.wrapping_add(*physical)) == Some(*physical);
            samples(self.memory.image()).iter().filter(|physical| maps(physical)).count()
        };
        Ok(if borne_out(before) > borne_out(now) { before } else { now })
    }

    /// Address of the first `struct page`: `vmemmap_base` where the kernel places it itself, else its fixed place. Each is
    /// read before what it stands for is believed, so that a wrong place, where nothing is mapped, shows no wrong memory.
    pub fn page_structs(&self) -> Option<u64> {
        match (self.symbols.address("vmemmap_base"), self.memory.levels()) {
            (Some(symbol), _) => self.memory.read_u64(symbol),
            (None, Levels::Four) => Some(0xffff_ea00_0000_0000),
            (None, Levels::Five) => Some(0xffd4_0000_0000_0000),
        }
    }
}

/// Pages here and there in what the image holds: the first, middle and last of each range.
fn samples(image: &Image) -> Vec<u64> {
    let of = |range: &crate::image::Range| [range.start, range.start + range.length / 2, range.end() - 1];
    let places = image.ranges().iter().flat_map(of).map(|physical| physical - physical % PAGE_SIZE);
    places.take(SAMPLES).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::kernel::Kernel;
    use crate::testing::memory::{BASE, Memory, ROOT};
    use crate::testing::world;

    const BEFORE: u64 = 0xffff_8800_0000_0000;

    /// A kernel whose top table maps memory at these addresses.
    fn mapped(bases: &[u64], symbols: &[(&str, u64)]) -> Kernel {
        let mut memory = Memory::new();
        memory.put(BASE + ROOT + (BASE >> 39 & 511) * 8, 0);
        for base in bases {
            memory.put(BASE + ROOT + (base >> 39 & 511) * 8, 0x2000 | 3);
        }
        memory.kernel(world::btf(), symbols)
    }

    #[test]
    fn the_direct_map_begins_where_page_tables_map_memory_to_itself() {
        assert_eq!(mapped(&[BASE], &[]).direct_map().unwrap(), BASE);
        assert_eq!(mapped(&[BEFORE], &[]).direct_map().unwrap(), BEFORE);
        // A direct map of the longer past reaches over the later one's place, where it maps other memory.
        assert_eq!(mapped(&[BASE, BEFORE], &[]).direct_map().unwrap(), BASE);
        assert_eq!(mapped(&[], &[]).direct_map().unwrap(), BASE, "nothing to decide by");
    }

    #[test]
    fn a_variable_says_where_the_direct_map_begins() {
        let mut memory = Memory::new();
        let variable = memory.take(8);
        memory.put(variable, 0xffff_9123_4000_0000);
        let kernel = memory.kernel(world::btf(), &[("page_offset_base", variable)]);
        assert_eq!(kernel.direct_map().unwrap(), 0xffff_9123_4000_0000);
    }
}
