//! The kernel's own BTF: between its two symbols, or else wherever its image holds one that is whole.

use std::sync::Arc;

use memchr::memmem;

use super::modules::Modules;
use super::proof::Proof;
use super::symbols::Symbols;
use super::types::Types;
use super::window::Window;
use crate::arch::AddressSpace;
use crate::image::{Bytes, Image};
use crate::words::u32_at;

/// BTF of distributions' kernels has 4 to 8 MiB.
const LONGEST: u64 = 64 << 20;
/// Magic, version 1 and no flags, as every section starts.
const START: &[u8] = &[0x9f, 0xeb, 1, 0];
/// Where to look when no symbol tells the kernel's end.
const IMAGE_LENGTH: u64 = 128 << 20;
const MOST_TRIES: usize = 64;

/// The kernel's own BTF, where the image has one that is whole.
pub fn own(image: &Arc<Image>, proof: &Proof, symbols: &Symbols) -> Option<Types> {
    named(&proof.memory, symbols).or_else(|| searched(image, proof, symbols))
}

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
fn named(memory: &AddressSpace, symbols: &Symbols) -> Option<Types> {
    let start = symbols.address("__start_BTF")?;
    let length = symbols.address("__stop_BTF")?.checked_sub(start).filter(|length| *length <= LONGEST)?;
    // The kernel's image lies in one piece.
    let kept = memory.contiguous(start, length).and_then(|physical| memory.image().keep(physical, length));
    parse(kept.or_else(|| {
        let mut bytes = vec![0; length as usize];
        memory.read_exact(start, &mut bytes).then_some(bytes.into())
    })?)
}

/// A section of the kernel's image that is whole.
fn searched(image: &Image, proof: &Proof, symbols: &Symbols) -> Option<Types> {
    let end = symbols.address("_end").and_then(|end| end.checked_sub(proof.text));
    let length = end.unwrap_or(IMAGE_LENGTH).min(IMAGE_LENGTH);
    within(image, &Window::of(image, proof.physical, length)?)
}

/// A section in a part of memory that is whole.
pub fn within(image: &Image, window: &Window) -> Option<Types> {
    memmem::find_iter(&window.bytes, START).take(MOST_TRIES).find_map(|at| {
        let bytes = window.bytes.get(at..)?;
        let length = section_length(bytes)?;
        let bytes = bytes.get(..length)?.to_vec();
        let types = parse(bytes.into())?;
        image.touch(window.physical + at as u64, length as u64);
        Some(types)
    })
}

/// Types of a kernel, not of a module that lies in the same memory.
fn parse(bytes: Bytes) -> Option<Types> {
    Types::from_btf(bytes).ok().filter(|types| types.find("struct task_struct").is_some())
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
