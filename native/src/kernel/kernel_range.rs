//! Where the kernel's image may lie in physical memory: guesses, each of which must prove itself later.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use memchr::memmem;

use super::banner::{self, Banner};
use crate::arch::{AddressSpace, Architecture, Mapped};
use crate::image::Image;

/// Room for real kernels, init memory and padding included; those of distributions have 30 to 60 MiB.
pub const LONGEST: u64 = 128 << 20;
/// A mapped stretch with less than this is no kernel.
const SHORTEST: u64 = 8 << 20;
const MOST_GUESSES: usize = 16;
const SCAN_BLOCK: u64 = 4 << 20;

/// A part of the kernel whose physical place is taken for known.
#[derive(Debug, Clone, Copy)]
pub enum Anchor {
    /// `_text`.
    Text(u64),
    /// `linux_banner`.
    Banner(u64),
    /// The names in `init_uts_ns`.
    Names(u64),
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

/// Guesses that cost little, those that cost least first: through page tables that lie where an architecture's kernels keep
/// some, from a VMCOREINFO note, and by what an image of a kernel begins with.
pub fn quick<'a>(image: &'a Arc<Image>, architecture: &'a dyn Architecture) -> impl Iterator<Item = Guess> + use<'a> {
    let mut mapped: Vec<Guess> = Vec::new();
    for (root, paging) in architecture.roots(image) {
        mapped.extend(mapped_runs(&AddressSpace::new(Arc::clone(image), root, paging)));
        if mapped.len() >= MOST_GUESSES {
            break;
        }
    }
    let noted = image.vmcoreinfo().and_then(|note| architecture.noted_text(image, &note));
    let noted = noted.map(|text| Guess::new(text, LONGEST));
    let images = architecture.images(image).map(|(text, length)| Guess::new(text, length)).take(MOST_GUESSES);
    let mut seen = Vec::new();
    mapped.into_iter().chain(noted).chain(images).filter(move |guess| {
        let is_new = !seen.contains(&guess.text);
        seen.push(guess.text);
        is_new
    })
}

/// A stretch of kernel addresses that keep one distance to their physical places, less what is not mapped of it.
struct Run {
    first: u64,
    last: u64,
    steps: u64,
}

/// The longest of such stretches. Freed init memory leaves gaps in the kernel's.
fn mapped_runs(memory: &AddressSpace) -> Vec<Guess> {
    let step = memory.geometry().step;
    let mut runs: BTreeMap<u64, Run> = BTreeMap::new();
    for Mapped { address, physical } in memory.mapped_image() {
        let new = Run { first: physical, last: physical, steps: 0 };
        let run = runs.entry(address.wrapping_sub(physical)).or_insert(new);
        run.last = physical;
        run.steps += 1;
    }
    let mut runs: Vec<_> = runs.into_values().filter(|run| run.steps * step >= SHORTEST).collect();
    runs.sort_by_key(|run| Reverse(run.steps));
    runs.iter().take(2).map(|run| Guess::new(run.first, run.last - run.first + step)).collect()
}

/// Reads all memory for banners and hands over each one's place, until the caller breaks.
pub fn scan_banners<Found>(image: &Image, each: impl FnMut(u64) -> ControlFlow<Found>) -> Option<Found> {
    scan(image, banner::START, banner::LONGEST, |bytes| Banner::parse(bytes).is_some(), each)
}

/// The same for the names that a `struct new_utsname` has, by which a kernel without its banner is known.
pub fn scan_names<Found>(image: &Image, each: impl FnMut(u64) -> ControlFlow<Found>) -> Option<Found> {
    scan(image, &Banner::names_begin(), banner::ALL_NAMES, |bytes| Banner::parse_names(bytes).is_some(), each)
}

/// Reads all memory for what begins with some bytes and proves right by no more than so many.
fn scan<Found>(
    image: &Image,
    begin: &[u8],
    longest: usize,
    is_right: impl Fn(&[u8]) -> bool,
    mut each: impl FnMut(u64) -> ControlFlow<Found>,
) -> Option<Found> {
    let finder = memmem::Finder::new(begin);
    let mut buffer = Vec::new();
    for Range { start, end } in image.chunks(SCAN_BLOCK) {
        let mut at = start;
        while at < end {
            // What begins in this block may end in the next.
            let left = (end - at) as usize;
            let block = image.read_block(at, left + longest, &mut buffer);
            for found in finder.find_iter(block).take_while(|found| *found < left) {
                if is_right(block.get(found..)?)
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
