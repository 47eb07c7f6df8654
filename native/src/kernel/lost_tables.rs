//! A kernel of whose own page tables one is lost that maps its image: its page is empty, as that of no running kernel is.
//!
//! Every process has the entries of the kernel's half in its own root table. And the image lies in one piece: where it lies in
//! virtual memory its symbols say, and that these tables are the running kernel's what else they map does, the direct map of all
//! memory at the place that the kernel keeps of it.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

use super::symbols::Table;
use crate::arch::{self, AddressSpace, Architecture, Linear, Link, Unreadable};
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
pub struct Scans {
    left: Cell<u32>,
    /// Whether tables may be other than lost: nothing else was found.
    doubts: Cell<bool>,
}

impl Default for Scans {
    fn default() -> Self {
        Self { left: Cell::new(MOST_SCANS), doubts: Cell::new(false) }
    }
}

impl Scans {
    fn next(&self) -> Option<()> {
        self.left.set(self.left.get().checked_sub(1)?);
        Some(())
    }

    /// From now on tables may have anything in them, as pages have that were swapped.
    pub fn doubt_tables(&self) {
        self.doubts.set(true);
    }
}

/// What is known of a kernel whose tables are looked for.
pub struct Place<'a> {
    /// The image.
    pub image: &'a Arc<Image>,
    /// Its symbols.
    pub table: &'a Table,
    /// The virtual address of its `_text`.
    pub text: u64,
    /// The physical one.
    pub physical: u64,
}

impl Place<'_> {
    /// Tables that map the kernel's memory, as the running one's do, with its image in one piece, whatever they say of that
    /// where it `wins`.
    fn proven(&self, memory: AddressSpace, wins: bool) -> Option<AddressSpace> {
        let Self { image, table, text, physical } = *self;
        let length = table.from_text("_end")?;
        let bases = memory.paging().regions().direct_map(&Variables { image, table, physical }).ok()?;
        let is_mapped = |base: u64| memory.translate(base.wrapping_add(physical)) == Some(physical);
        bases.into_iter().any(is_mapped).then(|| memory.with_linear(Linear { address: text, physical, length, wins }))
    }
}

/// The address space below a root that is whole, where a table below it is lost, or has what was another page's;
/// `checks` are distances from `_text` that the tables lead to, or would but for that one.
pub fn below_a_root(
    known: &Place,
    architecture: &dyn Architecture,
    root: u64,
    checks: &[u64],
    scans: &Scans,
) -> Option<AddressSpace> {
    let doubts = scans.doubts.get();
    architecture.pagings().into_iter().find_map(|paging| {
        let memory = AddressSpace::new(Arc::clone(known.image), root, paging);
        let leads = |distance: &u64| {
            let (address, physical) = (known.text.checked_add(*distance)?, known.physical.checked_add(*distance));
            let mapped = memory.translate(address);
            (mapped == physical || mapped.is_none() && memory.lost_table(address).is_some()).then_some(())
        };
        (doubts || checks.iter().all(|distance| leads(distance).is_some())).then(|| known.proven(memory, doubts))?
    })
}

/// The address space where it is not known which of all pages is the root, for its symbol is lost: by any that maps the image
/// as it lies, and by which the kernel has its direct map.
pub fn without_root(known: &Place, architecture: &dyn Architecture, scans: &Scans) -> Option<AddressSpace> {
    let Place { image, table, text, physical } = *known;
    if !scans.doubts.get() || architecture.root_names().iter().any(|name| table.value(name).is_some()) {
        return None;
    }
    let end = physical.checked_add(table.from_text("_end")?)?;
    let within = architecture.roots_within(image, physical..end, text);
    let memory = |root, paging| AddressSpace::new(Arc::clone(image), root, paging);
    let is_own = |memory: &AddressSpace| memory.translate(text) == Some(physical);
    let own = within.map(|(root, paging)| memory(root, paging)).filter(is_own);
    own.filter_map(|memory| known.proven(memory, false)).next().or_else(|| {
        architecture.chains().iter().find_map(|[link, _]| {
            let next = physical.checked_add(table.from_text(link.to)?)?;
            let leads = |root: &u64| leads(image, architecture, link, *root, next);
            scans.next()?;
            pages(image).filter(leads).find_map(|root| {
                let mut spaces = architecture.pagings().into_iter().map(|paging| memory(root, paging)).filter(is_own);
                spaces.find_map(|memory| known.proven(memory, false))
            })
        })
    })
}

/// Whether an entry of a table leads to the one that it should.
fn leads(image: &Image, architecture: &dyn Architecture, link: &Link, from: u64, to: u64) -> bool {
    let entry = from.checked_add(link.index * 8).and_then(|at| image.copy_u64(at));
    entry.and_then(|entry| architecture.table(entry)) == Some(to)
}

/// The address space by one of the tables that the kernel has in its image, where one of these is lost.
pub fn space(known: &Place, architecture: &dyn Architecture, scans: &Scans) -> Option<AddressSpace> {
    let Place { image, table, physical, .. } = *known;
    let at = |name: &str| physical.checked_add(table.from_text(name)?);
    let first = |names: &[&str]| names.iter().find_map(|name| at(name));
    let tables = architecture.chains().iter().flatten().flat_map(|link| [first(link.from), at(link.to)]);
    let doubts = scans.doubts.get();
    if !doubts && !tables.flatten().any(|table| image.is_zero(table)) {
        return None;
    }
    architecture.chains().iter().find_map(|[link, _]| {
        let (root, next) = (first(link.from)?, at(link.to)?);
        let leads = |root: &u64| leads(image, architecture, link, *root, next);
        let roots: Box<dyn Iterator<Item = u64>> = match image.is_zero(root) || doubts && !leads(&root) {
            true => Box::new(scans.next().map(|()| pages(image)).into_iter().flatten()),
            false => Box::new(std::iter::once(root)),
        };
        roots.filter(leads).find_map(|root| {
            let memory = |paging| AddressSpace::new(Arc::clone(image), root, paging);
            architecture.pagings().into_iter().find_map(|paging| known.proven(memory(paging), doubts))
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
    // No memory is elsewhere in it than it is: such a table has what was another page's.
    let strayed = |place: &u64| memory.translate(base.wrapping_add(*place)).is_some_and(|mapped| mapped != *place);
    let wins = borne_out.is_some() && places(&image).any(|place| strayed(&place));
    let length = image.ranges().iter().map(Range::end).max().unwrap_or(0);
    match lost.len() + usize::from(wins) {
        0 => (memory, 0),
        lost => (memory.with_linear(Linear { address: base, physical: 0, length, wins }), lost),
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

impl arch::Known for Variables<'_> {
    fn variable(&self, name: &'static str) -> Result<Option<u64>, Unreadable> {
        let Some(distance) = self.table.from_text(name) else { return Ok(None) };
        self.image.read_u64(self.physical.wrapping_add(distance)).map(Some).ok_or(Unreadable(name))
    }

    fn size(&self, _: &str) -> Option<u64> {
        None
    }
}
