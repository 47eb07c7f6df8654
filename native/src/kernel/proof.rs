//! The proof that a symbol table belongs to the running kernel: its own page tables map it where it lies.

use std::sync::Arc;

use super::banner::Banner;
use super::lost_tables::{self, Scans};
use super::symbols::Table;
use crate::arch::{AddressSpace, Architecture, Link};
use crate::image::Image;

/// A kernel whose place in physical and virtual memory is certain.
pub struct Proof {
    /// Kernel virtual memory.
    pub memory: AddressSpace,
    /// Physical address of `_text`.
    pub physical: u64,
    /// Virtual address of `_text`.
    pub text: u64,
    /// The banner, or what stands in for it.
    pub banner: Banner,
    /// What `init_uts_ns` says, where that is known.
    pub names: Option<Banner>,
    /// Whether something else is where the banner was.
    pub is_overwritten: bool,
    /// Its physical address.
    pub banner_at: u64,
    /// Whether one of the kernel's own tables is lost that map its image.
    pub lacks_tables: bool,
}

impl Proof {
    /// How far from `_text` the banner lies.
    pub fn banner_from_text(&self) -> Option<u64> {
        self.banner_at.checked_sub(self.physical)
    }
}

/// Whether the table names what a proof needs: kernels without `CONFIG_KALLSYMS_ALL` keep functions only.
pub fn has_data_symbols(architectures: &[&dyn Architecture], table: &Table) -> bool {
    let has_root = |architecture: &&dyn Architecture| from_text(table, architecture.root_names()).is_some();
    architectures.iter().any(has_root) && table.from_text("linux_banner").is_some()
}

/// How far from `_text` a symbol lies, by any of its names.
fn from_text(table: &Table, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| table.from_text(name))
}

/// Where the kernel's own page tables say that its `_text` lies, if that is not where it was found: two of their entries
/// must lie by the same distance. A file whose ranges of memory follow each other without padding looks like this.
pub fn said_to_lie(image: &Image, architectures: &[&dyn Architecture], table: &Table, physical: u64) -> Option<u64> {
    architectures.iter().find_map(|architecture| {
        let claimed = |link: &Link| {
            let at = physical.checked_add(from_text(table, link.from)?)?.checked_add(link.index * 8)?;
            architecture.table(image.copy_u64(at)?)?.checked_sub(table.from_text(link.to)?)
        };
        let mut chains = architecture.chains().iter();
        chains.find_map(|[first, second]| {
            claimed(first).filter(|text| *text != physical && claimed(second) == Some(*text))
        })
    })
}

/// Where the kernel itself says that its `_text` lies, which has this virtual address: of those that keep it in a variable.
pub fn claimed_to_lie(
    image: &Image,
    architectures: &[&dyn Architecture],
    table: &Table,
    physical: u64,
    text: u64,
) -> Option<u64> {
    let distance = architectures.iter().find_map(|architecture| {
        let variable = |name: &str| image.copy_u64(physical.checked_add(table.from_text(name)?)?);
        architecture.text_distance(&variable)
    });
    text.checked_sub(distance?)
}

/// The virtual address of `_text`, where the kernel keeps how far that is from the physical one.
fn placed(image: &Image, architecture: &dyn Architecture, table: &Table, physical: u64) -> Option<u64> {
    let variable = |name: &str| image.read_u64(physical.checked_add(table.from_text(name)?)?);
    architecture.text_distance(&variable).map(|distance| physical.wrapping_add(distance))
}

/// Proves that the kernel with these symbols has its `_text` at this physical address. Copies of kernels that do not run
/// (a page cache, an earlier boot, a guest's memory) fail here: their page tables are not in use or mean other addresses.
pub fn prove(
    image: &Arc<Image>,
    architectures: &[&dyn Architecture],
    table: &Table,
    claimed_text: Option<u64>,
    physical: u64,
    scans: &Scans,
) -> Option<Proof> {
    let banner_from_text = table.from_text("linux_banner")?;
    let banner_at = physical.checked_add(banner_from_text)?;
    let names_at = table.from_text("init_uts_ns").and_then(|distance| physical.checked_add(distance));
    let names = names_at.and_then(|at| Banner::of_names(image, at));
    let own = Banner::read(image, banner_at);
    let is_overwritten = own.is_none();
    let banner = own.or_else(|| names.clone())?;
    let proof = |memory, text, lacks_tables| {
        let (banner, names) = (banner.clone(), names.clone());
        Proof { memory, physical, text, banner, names, is_overwritten, banner_at, lacks_tables }
    };
    let by_root = architectures.iter().find_map(|architecture| {
        let root_from_text = from_text(table, architecture.root_names())?;
        let root = physical.checked_add(root_from_text)?;
        // Distances whose addresses must lead back to where the image has them.
        let checks = [0, banner_from_text, root_from_text, table.from_text("_stext").unwrap_or(0)];
        let mapped = architecture.pagings().into_iter().find_map(|paging| {
            let memory = AddressSpace::new(Arc::clone(image), root, paging);
            let maps = |text: &u64| {
                checks.iter().all(|distance| {
                    text.checked_add(*distance).and_then(|address| memory.translate(address))
                        == physical.checked_add(*distance)
                })
            };
            // What is known of the image's place is that of one layout of addresses alone.
            let is_image = |text: &u64| *text >= memory.geometry().image;
            // Read in any case: of an image that is distilled from this one, it may be all that tells.
            let kept = placed(image, *architecture, table, physical);
            let text = match claimed_text.or(kept) {
                Some(text) => Some(text).filter(is_image).filter(maps),
                None => memory.mapped_image().map(|mapped| mapped.address).find(maps),
            }?;
            Some((memory, text))
        });
        let lacks_tables = mapped.is_none();
        let (memory, text) = mapped.or_else(|| {
            let text = claimed_text?;
            let known = lost_tables::Place { image, table, text, physical };
            let space = lost_tables::below_a_root(&known, *architecture, root, &checks, scans);
            Some((space.or_else(|| lost_tables::space(&known, *architecture, scans))?, text))
        })?;
        Some(proof(memory, text, lacks_tables))
    });
    by_root.or_else(|| {
        let text = claimed_text?;
        let known = lost_tables::Place { image, table, text, physical };
        let memory =
            architectures.iter().find_map(|architecture| lost_tables::without_root(&known, *architecture, scans))?;
        Some(proof(memory, text, false))
    })
}
