//! The kernel's own BTF: between its two symbols, or else wherever its image holds one that is whole.

use memchr::memmem;

use super::modules::Modules;
use super::proof::Proof;
use super::symbols::Symbols;
use super::types::Types;
use super::window::Window;
use crate::arch::AddressSpace;
use crate::image::{Bytes, Image, PAGE_SIZE};
use crate::words::u32_at;

/// BTF of distributions' kernels has 4 to 8 MiB.
const LONGEST: u64 = 64 << 20;
/// Magic, version 1 and no flags, as every section starts.
const START: &[u8] = &[0x9f, 0xeb, 1, 0];
/// Where to look when no symbol tells the kernel's end.
const IMAGE_LENGTH: u64 = 128 << 20;
const MOST_TRIES: usize = 64;
/// What every kernel has types of, and no module.
const OWN: [&str; 3] = ["struct task_struct", "struct super_block", "struct module"];
/// Less than any kernel has.
const SHORTEST: usize = 256 << 10;
/// Damaged ones that are looked into.
const MOST_SALVAGED: usize = 4;

/// Tells types where those of modules are to be had, which build on the kernel's own BTF.
pub fn with_modules(types: &Types, memory: &AddressSpace, symbols: &Symbols) {
    if let Some(modules) = Modules::new(symbols, types) {
        let memory = memory.again();
        types.set_modules(Box::new(move || modules.load(&memory)));
    }
}

/// How many bytes the kernel's own BTF has, as its symbols say.
pub fn length(symbols: &Symbols) -> Option<u64> {
    symbols.address("__stop_BTF")?.checked_sub(symbols.address("__start_BTF")?)
}

/// The section between its symbols.
pub fn named(memory: &AddressSpace, symbols: &Symbols) -> Option<Types> {
    let start = symbols.address("__start_BTF")?;
    let length = symbols.address("__stop_BTF")?.checked_sub(start).filter(|length| *length <= LONGEST)?;
    // The kernel's image lies in one piece.
    let kept = memory.contiguous(start, length).and_then(|physical| memory.image().keep(physical, length));
    parse(kept.or_else(|| {
        let mut bytes = vec![0; length as usize];
        memory.read_exact(start, &mut bytes).then_some(bytes.into())
    })?)
}

/// A section of the kernel's image that is whole, or what is left of it.
pub fn searched(image: &Image, proof: &Proof, symbols: &Symbols) -> Option<Types> {
    let end = symbols.address("_end").and_then(|end| end.checked_sub(proof.text));
    let length = end.unwrap_or(IMAGE_LENGTH).min(IMAGE_LENGTH);
    within(image, &Window::of(image, proof.physical, length)?)
}

/// A section in a part of memory that is whole, or else what is left of one.
pub fn within(image: &Image, window: &Window) -> Option<Types> {
    let whole = sections(window).find_map(|(at, bytes)| Some((at, bytes.len(), parse(bytes.to_vec().into())?)));
    let (at, length, types) = whole.or_else(|| {
        let mut damaged = sections(window).filter(|(_, bytes)| bytes.len() >= SHORTEST).take(MOST_SALVAGED);
        damaged.find_map(|(at, bytes)| {
            let page = (window.physical + at as u64) % PAGE_SIZE;
            let types = Types::salvaged(bytes.to_vec(), page as usize).ok().filter(is_kernels)?;
            Some((at, bytes.len(), types))
        })
    })?;
    image.touch(window.physical + at as u64, length as u64);
    Some(types)
}

/// Physical addresses at which what looks like sections begins.
pub fn begins(window: &Window) -> impl Iterator<Item = u64> {
    sections(window).filter(|(_, bytes)| bytes.len() >= SHORTEST).map(|(at, _)| window.physical + at as u64)
}

/// What looks like sections, with where they begin.
fn sections<'w>(window: &'w Window) -> impl Iterator<Item = (usize, &'w [u8])> {
    memmem::find_iter(&window.bytes, START).take(MOST_TRIES).filter_map(|at| {
        let bytes = window.bytes.get(at..)?;
        Some((at, bytes.get(..section_length(bytes)?)?))
    })
}

/// Types of a kernel, not of a module that lies in the same memory.
fn parse(bytes: Bytes) -> Option<Types> {
    Types::from_btf(bytes).ok().filter(is_kernels)
}

fn is_kernels(types: &Types) -> bool {
    let has = |name: &&str| types.find(name).is_some();
    let [task, others @ ..] = OWN;
    // Where some are lost, it may be that one.
    has(&task) || types.is_damaged() && others.iter().any(has)
}

/// A section's length by its header: `hdr_len`, then types, strings and in a longer header the layout, each by offset and
/// length from the header's end.
fn section_length(bytes: &[u8]) -> Option<usize> {
    let word = |at: usize| u32_at(bytes, at).map(u64::from);
    let types_end = word(8)? + word(12)?;
    let strings_end = word(16)? + word(20)?;
    let layout_end = if word(4)? >= 32 { word(24)? + word(28)? } else { 0 };
    let length = word(4)? + types_end.max(strings_end).max(layout_end);
    (length <= LONGEST).then_some(length as usize)
}

#[cfg(test)]
mod tests {
    use super::section_length;

    #[test]
    fn a_sections_length_is_told_by_its_header() {
        let words: [u32; 6] = [0x0001_eb9f, 24, 0, 100, 100, 50];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(section_length(&bytes), Some(174));
        assert_eq!(section_length(bytes.get(..20).unwrap_or_default()), None);
        assert_eq!(section_length(&[0xff; 24]), None);
    }
}
