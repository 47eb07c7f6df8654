//! Where the kernel keeps all of physical memory, and a `struct page` for each page of it.

use super::Kernel;
use crate::arch::{Known, Unreadable};
use crate::error::{Error, Result};
use crate::image::{Image, PAGE_SIZE};

/// Places in memory by which a region is proven.
const SAMPLES: usize = 64;

impl Known for Kernel {
    fn variable(&self, name: &'static str) -> std::result::Result<Option<u64>, Unreadable> {
        let Some(symbol) = self.symbols.address(name) else { return Ok(None) };
        self.memory.read_u64(symbol).map(Some).ok_or(Unreadable(name))
    }

    fn size(&self, name: &str) -> Option<u64> {
        self.types.size(self.types.find(name)?)
    }
}

impl Kernel {
    /// Virtual address of physical address 0 in the direct map: where the kernel or its architecture says, by what the page
    /// tables bear out where there are several places.
    pub fn direct_map(&self) -> Result<u64> {
        let lacks = |Unreadable(name)| {
            Error::no_symbols(format!("{name} cannot be read: the image lacks the kernel's own data"))
        };
        let places = self.memory.paging().regions().direct_map(self).map_err(lacks)?;
        let maps = |base: u64, physical: u64| self.memory.translate(base.wrapping_add(physical)) == Some(physical);
        self.borne_out(places, maps).ok_or_else(|| Error::internal("an architecture without a direct map"))
    }

    /// Address of the first `struct page`, as the kernel or its architecture says. Each is read before what it stands for is
    /// believed, so that a wrong place, where nothing is mapped, shows no wrong memory.
    pub fn page_structs(&self) -> Option<u64> {
        let places = self.memory.paging().regions().page_structs(self).ok()?;
        let size = self.size("struct page")?;
        let page_size = self.memory.geometry().page_size;
        let maps = |first: u64, physical: u64| {
            let page = first.wrapping_add((physical / page_size).wrapping_mul(size));
            self.memory.translate(page).is_some()
        };
        self.borne_out(places, maps)
    }

    /// Of several places the one at which page tables map most of what should be there for memory that the image holds; of
    /// equals the first.
    fn borne_out(&self, places: Vec<u64>, maps: impl Fn(u64, u64) -> bool) -> Option<u64> {
        if let [place] = places.as_slice() {
            return Some(*place);
        }
        let samples = samples(self.memory.image());
        let count = |place: &u64| samples.iter().filter(|physical| maps(*place, **physical)).count();
        places.into_iter().rev().max_by_key(count)
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
