//! The kernel that an image holds: its memory, its symbols and its types.

mod banner;
pub(crate) mod btf;
mod build_id;
mod cache;
mod describe;
mod discover;
pub(crate) mod kallsyms;
mod kernel_range;
mod loaded;
#[cfg(test)]
mod lookup_tests;
mod lost_tables;
mod modules;
mod near;
mod proof;
mod regions;
pub mod resolve;
mod structures;
pub(crate) mod symbol_files;
pub mod symbols;
mod type_source;
pub mod types;
#[cfg(test)]
mod types_tests;
mod window;

use std::sync::OnceLock;

use crate::arch::AddressSpace;
use loaded::LoadedModules;
use symbols::Symbols;
use types::Types;

/// A kernel that was found in an image. Opened once, shared by every thread.
pub struct Kernel {
    /// Kernel virtual memory.
    pub memory: AddressSpace,
    /// Names and addresses.
    pub symbols: Symbols,
    /// Struct layouts.
    pub types: Types,
    /// What was found out about the kernel on the way.
    pub facts: Facts,
    /// Its modules, read when an address is first asked for that is none of the kernel's own.
    loaded: OnceLock<LoadedModules>,
}

impl Kernel {
    /// A kernel of which all but its modules is known.
    pub fn new(memory: AddressSpace, symbols: Symbols, types: Types, facts: Facts) -> Self {
        Self { memory, symbols, types, facts, loaded: OnceLock::new() }
    }

    /// How many loaded modules carry types of their own, and what is wrong with the list of them.
    pub fn module_types(&self) -> (usize, Option<&'static str>) {
        modules::Modules::new(&self.symbols, &self.types).map_or((0, None), |modules| modules.count(&self.memory))
    }
}

/// Facts about the kernel, as the `info` table shows them.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The banner, without its newline.
    pub banner: String,
    /// The release, `6.1.0-56-cloud-amd64`.
    pub release: String,
    /// The GNU build id in hex, where the kernel has one.
    pub build_id: Option<String>,
    /// Physical address of `_text`.
    pub physical: u64,
    /// Virtual address of `_text`.
    pub virtual_address: u64,
    /// Where symbols come from: `kallsyms`, whether read now or in an earlier run, so that a table says the same each time;
    /// a file and its form; or `structures`.
    pub symbols_from: String,
    /// Whether an earlier run had found these symbols.
    pub symbols_cached: bool,
    /// Where types came from: `btf`, or a file and its form.
    pub types_from: String,
    /// Why tables lack what is in the image, where symbols are known by structures alone.
    pub lacks: Vec<String>,
    /// Whether pages of its symbols are damaged, and what these had is not known.
    pub lost_symbols: bool,
    /// What could not be found or believed.
    pub warnings: Vec<String>,
}
