//! A kernel of whose own page tables one is lost that maps its image: its page is empty, as that of no running kernel is.
//!
//! Every process has the entries of the kernel's half in its own root table. And the image lies in one piece: where it lies in
//! virtual memory its symbols say, and that these tables are the running kernel's what else they map does, the direct map of all
//! memory at the place that the kernel keeps of it.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

use super::symbols::Table;
use crate::arch::{AddressSpace, Architecture, Known, Linear, Unreadable};
use crate::image::{Image, PAGE_SIZE, Range};

/// What the lowest tables of pages of 4 KiB map each.
const STEP: usize = 2 << 20;
/// A terabyte; more is looked at only so far.
const MOST_PLACES: usize = 1 << 19;
/// Places by which a direct map is told.
const SAMPLES: usize = 1000;

/// How often all of memory is looked through for another root: a kernel has two chains of tables, and a hostile image any number
/// of kernels.
const MOST_SCANS: u32 = 8;

/// What is left of that.
#[derive(Debug)]
pub struct Scans(Cell<u32>);

impl Default for Scans {
    fn default() -> Self {
        Self(Cell::new(MOST_SCANS))
    }
}

impl Scans {
    fn next(&self) -> Option<()> {
        self.0.set(self.0.get().checked_sub(1)?);
        Some(())
    }
}

/// The address space of the kernel that has its `_text` at this virtual and this physical address.
pub fn space(
    image: &Arc<Image>,
    architecture: &dyn Architecture,
    table: &Table,
    text: u64,
    physical: u64,
    scans: &Scans,
) -> Option<AddressSpace> {
    let at = |name: &str| physical.checked_add(table.from_text(name)?);
    let first = |names: &[&str]| names.iter().find_map(|name| at(name));
    let length = table.from_text("_end")?;
    let known = Variables { image, table, physical };
    let tables = architecture.chains().iter().flatten().flat_map(|link| [first(link.from), at(link.to)]);
    if !tables.flatten().any(|table| image.is_zero(table)) {
        return None;
    }
    architecture.chains().iter().find_map(|[link, _]| {
        let (root, next) = (first(link.from)?, at(link.to)?);
        let leads = |root: &u64| {
            let entry = root.checked_add(link.index * 8).and_then(|at| image.copy_u64(at));
            entry.and_then(|entry| architecture.table(entry)) == Some(next)
        };
        let roots: Box<dyn Iterator<Item = u64>> = match image.is_zero(root) {
            true => Box::new(scans.next().map(|()| pages(image)).into_iter().flatten()),
            false => Box::new(std::iter::once(root)),
        };
        roots.filter(leads).find_map(|root| {
            architecture.pagings().into_iter().find_map(|paging| {
                let memory = AddressSpace::new(Arc::clone(image), root, paging);
                let bases = memory.paging().regions().direct_map(&known).ok()?;
                let is_mapped = |base: u64| memory.translate(base.wrapping_add(physical)) == Some(physical);
                bases.into_iter().any(is_mapped).then(|| memory.with_linear(Linear { address: text, physical, length }))
            })
        })
    })
}

/// An address space that has the kernel's direct map of all memory, whatever became of tables for it; and how many of these are
/// lost.
pub fn with_direct_map(memory: AddressSpace, table: &Table, physical: u64) -> (AddressSpace, usize) {
    let image = Arc::clone(memory.image());
    let known = Variables { image: &image, table, physical };
    let bases = memory.paging().regions().direct_map(&known).unwrap_or_default();
    let maps = |base: u64, place: u64| memory.translate(base.wrapping_add(place)) == Some(place);
    let borne_out = bases.iter().find(|base| places(&image).take(SAMPLES).any(|place| maps(**base, place)));
    // All of a small memory may be below one table, and then the kernel alone says where it begins.
    let said = || bases.first().filter(|_| bases.len() == 1);
    let Some(base) = borne_out.or_else(said).copied() else { return (memory, 0) };
    let unmapped =
        places(&image).map(|place| base.wrapping_add(place)).filter(|address| memory.translate(*address).is_none());
    let lost: HashSet<u64> = unmapped.filter_map(|address| memory.lost_table(address)).collect();
    let length = image.ranges().iter().map(Range::end).max().unwrap_or(0);
    match lost.len() {
        0 => (memory, 0),
        lost => (memory.with_linear(Linear { address: base, physical: 0, length }), lost),
    }
}

/// Memory of the image, in steps of what one of the lowest tables maps.
fn places(image: &Image) -> impl Iterator<Item = u64> {
    image.ranges().iter().flat_map(|range| (range.start..range.end()).step_by(STEP)).take(MOST_PLACES)
}

/// Every page of memory.
fn pages(image: &Image) -> impl Iterator<Item = u64> {
    image
        .ranges()
        .iter()
        .flat_map(|range| (range.start.next_multiple_of(PAGE_SIZE)..range.end()).step_by(PAGE_SIZE as usize))
}

/// The kernel's variables, read where its image lies.
struct Variables<'a> {
    image: &'a Image,
    table: &'a Table,
    physical: u64,
}

impl Known for Variables<'_> {
    fn variable(&self, name: &'static str) -> Result<Option<u64>, Unreadable> {
        let Some(distance) = self.table.from_text(name) else { return Ok(None) };
        self.image.read_u64(self.physical.wrapping_add(distance)).map(Some).ok_or(Unreadable(name))
    }

    fn size(&self, _: &str) -> Option<u64> {
        None
    }
}
