//! Architectures, and page tables: from physical memory to virtual address spaces.
//!
//! What is true of one architecture's kernels alone is said here and nowhere else. The search for a kernel asks an
//! [`Architecture`]; once a [`Paging`] is proven, an [`AddressSpace`] has it and answers for the rest of the core. Another
//! architecture is a module beside these, a line in [`ALL`] and an arm in each `match` of [`Paging`].

mod address_space;
pub mod arm64;
pub mod disassembly;
#[cfg(test)]
pub mod other;
#[cfg(test)]
mod tests;
mod visit;
pub mod x86_64;

use std::ops::Range;

pub use address_space::{AddressSpace, Gap, Linear, Mapped, Unmapped};
pub use visit::{Met, Step};

use crate::error::{Error, Result};
use crate::image::{Image, Machine, VmcoreInfo};

/// Every architecture whose kernels are read.
const ALL: &[&dyn Architecture] = &[
    &x86_64::X86_64,
    &arm64::Arm64,
    #[cfg(test)]
    &other::Other,
];

/// What the search for a kernel must know of an architecture.
pub trait Architecture: Sync {
    /// What it is called (`uname -m`).
    fn name(&self) -> &'static str;

    /// Its number in ELF headers (`e_machine`).
    fn elf_machine(&self) -> u16;

    /// Each way in which its kernels map memory, in the order in which a proof tries them.
    fn pagings(&self) -> Vec<Paging>;

    /// Physical addresses of tables that may be a running kernel's root, as far as a short look finds any, each with a way
    /// in which it may map memory.
    fn roots<'a>(&self, image: &'a Image) -> Box<dyn Iterator<Item = (u64, Paging)> + 'a>;

    /// The same among the pages of a kernel's image, of which it is known where in virtual memory its text begins: of what
    /// keeps its root there and nowhere else.
    fn roots_within<'a>(&self, _: &'a Image, _: Range<u64>, _: u64) -> Box<dyn Iterator<Item = (u64, Paging)> + 'a> {
        Box::new(std::iter::empty())
    }

    /// Places that look as if an image of a kernel began there: physical address and length.
    fn images<'a>(&self, image: &'a Image) -> Box<dyn Iterator<Item = (u64, u64)> + 'a>;

    /// The physical address of `_text`, by the note of a dump.
    fn noted_text(&self, image: &Image, note: &VmcoreInfo) -> Option<u64>;

    /// Names that the kernel's root table has had.
    fn root_names(&self) -> &'static [&'static str];

    /// Entries of the kernel's own tables that lead from one that a symbol names to another: pairs of which the second
    /// begins where the first ends.
    fn chains(&self) -> &'static [[Link; 2]];

    /// The physical address of the table that an entry leads to.
    fn table(&self, entry: u64) -> Option<u64>;

    /// No address of a kernel's image is below this one.
    fn lowest_image(&self) -> u64;

    /// How far the virtual addresses of a kernel's image are from the physical ones, where it keeps that in a variable.
    fn text_distance(&self, variable: &dyn Fn(&str) -> Option<u64>) -> Option<u64>;
}

/// An entry that leads from one of the kernel's own tables to another.
pub struct Link {
    /// Names that the first has had.
    pub from: &'static [&'static str],
    /// Which of its entries.
    pub index: u64,
    /// The symbol of the other.
    pub to: &'static str,
}

/// The architectures that an image's memory may be of: what its header names, or all where it names none.
pub fn of(image: &Image) -> Result<Vec<&'static dyn Architecture>> {
    let Some(machine) = image.machine() else { return Ok(ALL.to_vec()) };
    let named: Vec<_> = ALL.iter().copied().filter(|known| is(*known, machine)).collect();
    if named.is_empty() {
        let known: Vec<_> = ALL.iter().map(|known| known.name()).collect();
        let known = known.join(", ");
        return Err(Error::evidence(format!("the machine of this image is {machine}; salvor reads {known}")));
    }
    Ok(named)
}

fn is(architecture: &dyn Architecture, machine: &Machine) -> bool {
    match machine {
        Machine::Elf(number) => *number == architecture.elf_machine(),
        Machine::Name(name) => name == architecture.name(),
    }
}

/// A way in which kernels of an architecture map memory: a value that an address space has, so that no call is made
/// through a pointer where addresses are translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Paging {
    X86_64(x86_64::Paging),
    Arm64(arm64::Paging),
    #[cfg(test)]
    Other(other::Paging),
}

/// What else depends on it, asked once for an address space or a query.
pub trait Regions {
    /// Whose it is.
    fn architecture(&self) -> &'static dyn Architecture;

    /// Its numbers.
    fn geometry(&self) -> Geometry;

    /// Addresses at which the kernel's image may begin or go on, in order: [`Geometry::step`] apart where it does.
    fn image_steps<'a>(&self, memory: &'a AddressSpace) -> Box<dyn Iterator<Item = u64> + 'a>;

    /// Where physical address 0 is in the direct map: in one of these places, of which page tables bear one out. It need
    /// not be mapped there.
    fn direct_map(&self, kernel: &dyn Known) -> std::result::Result<Vec<u64>, Unreadable>;

    /// Where the `struct page` of physical address 0 is: in one of these places, of which page tables bear one out. It need
    /// not be mapped there.
    fn page_structs(&self, kernel: &dyn Known) -> std::result::Result<Vec<u64>, Unreadable>;
}

/// Numbers that hold for all of a kernel's virtual memory.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// How many levels page tables have.
    pub levels: u32,
    /// Bytes of the kernel's page: a power of two, and a multiple of [`crate::image::PAGE_SIZE`].
    pub page_size: u64,
    /// Bits of an address that tables translate.
    pub bits: u32,
    /// First address of the kernel's half.
    pub kernel_half: u64,
    /// First address that the kernel's own text and data may have.
    pub image: u64,
    /// The kernel's image is placed and mapped in units of so many bytes.
    pub step: u64,
    /// First address that a module may have, and the first behind the last one.
    pub modules: (u64, u64),
}

impl Geometry {
    /// Where modules may be.
    pub fn modules(&self) -> Range<u64> {
        self.modules.0..self.modules.1
    }
}

impl Geometry {
    /// First address behind those that processes may have.
    pub fn user_end(&self) -> u64 {
        self.kernel_half & self.kernel_half.wrapping_neg()
    }
}

/// What a kernel says of itself, where its regions depend on it.
pub trait Known {
    /// The value of a variable of 64 bits, if the kernel has one of that name.
    fn variable(&self, name: &'static str) -> std::result::Result<Option<u64>, Unreadable>;

    /// The size of a type.
    fn size(&self, name: &str) -> Option<u64>;
}

/// A variable that the kernel has, in memory that the image lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

impl Paging {
    /// What is asked once.
    pub fn regions(&self) -> &dyn Regions {
        match self {
            Paging::X86_64(paging) => paging,
            Paging::Arm64(paging) => paging,
            #[cfg(test)]
            Paging::Other(paging) => paging,
        }
    }

    /// The same for the tables of a process, where these are not all that its processor goes by.
    fn of_process(self) -> Self {
        match self {
            Paging::Arm64(paging) => Paging::Arm64(paging.of_process()),
            shared => shared,
        }
    }

    /// The physical address of a root table, out of the word that names it.
    fn root(self, word: u64) -> u64 {
        match self {
            Paging::X86_64(paging) => paging.root(word),
            Paging::Arm64(paging) => paging.root(word),
            #[cfg(test)]
            Paging::Other(paging) => paging.root(word),
        }
    }

    /// Why nothing is mapped at an address that does not translate, and up to which one that is so.
    fn gap(self, image: &Image, root: u64, address: u64) -> Gap {
        match self {
            Paging::X86_64(paging) => paging.gap(image, root, address),
            Paging::Arm64(paging) => paging.gap(image, root, address),
            #[cfg(test)]
            Paging::Other(paging) => paging.gap(image, root, address),
        }
    }

    /// What an entry of a table leads to; level 0 is the lowest.
    fn step(self, image: &Image, entry: u64, level: u32) -> Step {
        match self {
            Paging::X86_64(paging) => paging.step(image, entry, level),
            Paging::Arm64(paging) => paging.step(entry, level),
            #[cfg(test)]
            Paging::Other(paging) => paging.step(entry, level),
        }
    }

    /// The physical address behind a virtual one, by the tables below a root.
    #[inline]
    fn walk(self, image: &Image, root: u64, address: u64) -> Option<u64> {
        match self {
            Paging::X86_64(paging) => paging.walk(image, root, address),
            Paging::Arm64(paging) => paging.walk(image, root, address),
            #[cfg(test)]
            Paging::Other(paging) => paging.walk(image, root, address),
        }
    }
}
