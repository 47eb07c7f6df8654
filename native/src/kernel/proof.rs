//! The proof that a symbol table belongs to the running kernel: its own page tables map it where it lies.

use std::sync::Arc;

use super::banner::Banner;
use super::kernel_range::{KERNEL_MAP, STEP, STEPS};
use super::symbols::Table;
use crate::arch::AddressSpace;
use crate::arch::x86_64::{ENCRYPTION_BITS, FRAME, Levels};
use crate::image::Image;

/// A kernel whose place in physical and virtual memory is certain.
pub struct Proof {
    /// Kernel virtual memory.
    pub memory: AddressSpace,
    /// Physical address of its page-table root.
    pub root: u64,
    /// Physical address of `_text`.
    pub physical: u64,
    /// Virtual address of `_text`.
    pub text: u64,
    /// The banner.
    pub banner: Banner,
    /// Its physical address.
    pub banner_at: u64,
}

/// Whether the table names what a proof needs: kernels without `CONFIG_KALLSYMS_ALL` keep functions only.
pub fn has_data_symbols(table: &Table) -> bool {
    root_from_text(table).is_some() && table.from_text("linux_banner").is_some()
}

fn root_from_text(table: &Table) -> Option<u64> {
    table.from_text("init_top_pgt").or_else(|| table.from_text("swapper_pg_dir"))
}

/// Tables below a root that map the kernel's image, by symbol: the entry, and what it leads to (`arch/x86/kernel/head_64.S`).
const BELOW: [(&str, u64, &str); 2] =
    [("level4_kernel_pgt", 511, "level3_kernel_pgt"), ("level3_kernel_pgt", 510, "level2_kernel_pgt")];

/// Where the kernel's own page tables say that its `_text` lies, if that is not where it was found: two of their entries
/// must lie by the same distance. A file whose ranges of memory follow each other without padding looks like this.
pub fn said_to_lie(image: &Image, table: &Table, physical: u64) -> Option<u64> {
    let entry = |name: &str, index: u64| {
        let at = physical.checked_add(table.from_text(name)?)?.checked_add(index * 8)?;
        let mut word = [0; 8];
        (image.copy(at, &mut word) == word.len()).then_some(u64::from_le_bytes(word))
    };
    let claimed = |name: &str, index: u64, target: &str| {
        let entry = entry(name, index).filter(|entry| entry & 1 == 1)?;
        (entry & FRAME).checked_sub(table.from_text(target)?)
    };
    let root = table.from_text("init_top_pgt").map(|_| "init_top_pgt").unwrap_or("swapper_pg_dir");
    let tops = BELOW.iter().filter_map(|(below, _, _)| claimed(root, 511, below));
    let belows = || BELOW.iter().filter_map(|(name, index, target)| claimed(name, *index, target));
    tops.into_iter().find(|text| *text != physical && belows().any(|below| below == *text))
}

/// Proves that the kernel with these symbols has its `_text` at this physical address. Copies of kernels that do not run
/// (a page cache, an earlier boot, a guest's memory) fail here: their page tables are not in use or mean other addresses.
pub fn prove(image: &Arc<Image>, table: &Table, claimed_text: Option<u64>, physical: u64) -> Option<Proof> {
    let banner_from_text = table.from_text("linux_banner")?;
    let banner_at = physical.checked_add(banner_from_text)?;
    let banner = Banner::read(image, banner_at)?;
    let root = physical.checked_add(root_from_text(table)?)?;
    // Distances whose addresses must lead back to where the image has them.
    let checks = [0, banner_from_text, root_from_text(table)?, table.from_text("_stext").unwrap_or(0)];
    // Whether entries carry a bit that says "encrypted" shows when they map right without it.
    let mut ways = ENCRYPTION_BITS.into_iter().flat_map(|bits| [(Levels::Four, bits), (Levels::Five, bits)]);
    ways.find_map(|(levels, bits)| {
        let memory = AddressSpace::new(Arc::clone(image), root, levels).ignoring(bits);
        let maps = |text: u64| {
            checks.iter().all(|distance| {
                text.checked_add(*distance).and_then(|address| memory.translate(address))
                    == physical.checked_add(*distance)
            })
        };
        let text = match claimed_text {
            Some(text) => Some(text).filter(|text| maps(*text)),
            None => (0..STEPS).map(|step| KERNEL_MAP + step * STEP).find(|text| maps(*text)),
        }?;
        Some(Proof { memory, root, physical, text, banner: banner.clone(), banner_at })
    })
}
