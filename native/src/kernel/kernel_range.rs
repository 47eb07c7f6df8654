//! Where the kernel's image may lie in physical memory: guesses, each of which must prove itself later.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use memchr::memmem;

use super::banner::{self, Banner};
use super::vmcoreinfo::VmcoreInfo;
use crate::arch::AddressSpace;
use crate::arch::x86_64::{ENCRYPTION_BITS, Levels};
use crate::image::{Image, PAGE_SIZE};

/// Where x86-64 maps physical memory from `phys_base` on (`__START_KERNEL_map`).
pub const KERNEL_MAP: u64 = 0xffff_ffff_8000_0000;
/// The kernel is placed and mapped in units of this (`CONFIG_PHYSICAL_ALIGN` is never less).
pub const STEP: u64 = 2 << 20;
/// Text and data have one gigabyte below the modules.
pub const STEPS: u64 = 512;
/// Room for real kernels, init memory and padding included; those of distributions have 30 to 60 MiB.
const LONGEST: u64 = 128 << 20;
/// Fewer mapped steps than this (8 MiB) are no kernel.
const FEWEST_STEPS: u64 = 4;
const MOST_GUESSES: usize = 16;
const SCAN_BLOCK: u64 = 4 << 20;

/// A part of the kernel whose physical place is taken for known.
#[derive(Debug, Clone, Copy)]
pub enum Anchor {
    /// `_text`.
    Text(u64),
    /// `linux_banner`.
    Banner(u64),
}

/// Physical memory that may hold the kernel's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess {
    /// Where it starts, with `_text`.
    pub text: u64,
    /// Its length.
    pub length: u64,
}

impl Guess {
    fn new(text: u64, length: u64) -> Self {
        Self { text, length: length.min(LONGEST) }
    }
}

/// Guesses that cost next to nothing: through the real-mode trampoline's page table, and from a VMCOREINFO note.
///
/// To bring up processors and to wake from sleep the kernel keeps, below 1 MiB, a page table with the upper entries of
/// its own (`trampoline_pgd` in `arch/x86/realmode/init.c`). Every page there is tried as one.
pub fn quick(image: &Arc<Image>) -> Vec<Guess> {
    let mut guesses: Vec<Guess> = Vec::new();
    for root in (0..1 << 20).step_by(PAGE_SIZE as usize) {
        let Some(bits) = table_bits(image, root) else { continue };
        for levels in [Levels::Four, Levels::Five] {
            guesses.extend(mapped_runs(&AddressSpace::new(Arc::clone(image), root, levels).ignoring(bits)));
        }
        if guesses.len() >= MOST_GUESSES {
            break;
        }
    }
    guesses.extend(image.vmcoreinfo().and_then(|text| from_vmcoreinfo(&VmcoreInfo::new(text))));
    let mut seen = Vec::new();
    guesses.retain(|guess| {
        !seen.contains(&guess.text) && {
            seen.push(guess.text);
            true
        }
    });
    guesses
}

/// A top-level table that maps the kernel has its last entry present and pointing into the image, without the bit that
/// says "encrypted" where it has one.
fn table_bits(image: &Image, root: u64) -> Option<u64> {
    let mut entry = [0; 8];
    (image.copy(root + PAGE_SIZE - 8, &mut entry) == entry.len()).then_some(())?;
    let entry = u64::from_le_bytes(entry);
    let leads_to_table = |bits: &u64| {
        let frame = entry & 0x000f_ffff_ffff_f000 & !bits;
        frame != 0 && image.holds(frame, PAGE_SIZE)
    };
    ENCRYPTION_BITS.into_iter().find(leads_to_table).filter(|_| entry & 0x81 == 1)
}

/// Runs of kernel addresses that keep one distance to their physical places, the longest first. Freed init memory
/// leaves gaps in the run.
fn mapped_runs(memory: &AddressSpace) -> Vec<Guess> {
    let mut runs: BTreeMap<u64, (u64, u64, u64)> = BTreeMap::new();
    for address in (0..STEPS).map(|step| KERNEL_MAP + step * STEP) {
        if let Some(physical) = memory.translate(address) {
            let run = runs.entry(address.wrapping_sub(physical)).or_insert((physical, physical, 0));
            *run = (run.0, physical, run.2 + 1);
        }
    }
    let mut runs: Vec<_> = runs.into_values().filter(|(_, _, steps)| *steps >= FEWEST_STEPS).collect();
    runs.sort_by_key(|(_, _, steps)| std::cmp::Reverse(*steps));
    runs.iter().take(2).map(|(first, last, _)| Guess::new(*first, last - first + STEP)).collect()
}

/// Where the note of a dump says that the kernel is.
fn from_vmcoreinfo(info: &VmcoreInfo) -> Option<Guess> {
    let text = info.symbol("_stext")? & !(STEP - 1);
    let base = info.number("phys_base")?;
    let physical = text.checked_sub(KERNEL_MAP)?.checked_add_signed(base)?;
    Some(Guess::new(physical, LONGEST))
}

/// Reads all memory for banners and hands over each one's place, until the caller breaks.
pub fn scan_banners<Found>(image: &Image, mut each: impl FnMut(u64) -> ControlFlow<Found>) -> Option<Found> {
    let finder = memmem::Finder::new(banner::START);
    let mut buffer = Vec::new();
    for (start, length) in image.chunks(SCAN_BLOCK) {
        let (mut at, end) = (start, start + length);
        while at < end {
            // A banner may begin in this block and end in the next.
            let left = (end - at) as usize;
            let block = image.read_block(at, left + banner::LONGEST, &mut buffer);
            for found in finder.find_iter(block).take_while(|found| *found < left) {
                if Banner::parse(block.get(found..)?).is_some()
                    && let ControlFlow::Break(found) = each(at + found as u64)
                {
                    return Some(found);
                }
            }
            at = if block.len() < left { image.past_gap(at + block.len() as u64) } else { end };
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{KERNEL_MAP, from_vmcoreinfo};
    use crate::kernel::vmcoreinfo::VmcoreInfo;

    #[test]
    fn a_note_tells_where_text_is() {
        let text = "SYMBOL(_stext)=ffffffff8ec00000\nNUMBER(phys_base)=413138944\n";
        let guess = from_vmcoreinfo(&VmcoreInfo::new(text));
        assert_eq!(guess.map(|guess| guess.text), Some(0x2760_0000));
    }

    #[test]
    fn a_note_that_lies_gives_nothing_or_a_guess_inside_bounds() {
        for (text, base) in [(0, 0), (u64::MAX, i64::MAX), (KERNEL_MAP, i64::MIN), (KERNEL_MAP, -1)] {
            let text = format!("SYMBOL(_stext)={text:x}\nNUMBER(phys_base)={base}\n");
            let guess = from_vmcoreinfo(&VmcoreInfo::new(&text));
            assert!(guess.is_none_or(|guess| guess.length <= super::LONGEST));
        }
    }
}
