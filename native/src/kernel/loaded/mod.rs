//! Loaded modules: the memory of each and its own symbols, from the list `modules` (kernel/module/main.c).

mod layout;
mod symtab;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ops::Range;

use super::resolve::{Near, Place, preferred};
use super::symbols::Symbols;
use super::types::Types;
use crate::arch::AddressSpace;
use layout::Layout;

/// More modules than any kernel loads: a longer list is torn.
const MOST_MODULES: usize = 4096;
/// Bytes of all modules' symbols and their names; a large driver has a megabyte.
const MOST_BYTES: usize = 64 << 20;

/// The modules that a kernel has loaded.
#[derive(Debug, Default)]
pub struct LoadedModules {
    /// In the order in which they were loaded.
    modules: Vec<Module>,
    /// In the order of their starts; none reaches into another.
    areas: Vec<Area>,
    /// What is wrong with the list of modules, or with what they say of themselves.
    problem: Option<&'static str>,
}

/// One of them.
#[derive(Debug, Default)]
struct Module {
    name: Vec<u8>,
    /// In the order of values; of several with one, that of the module's own table.
    symbols: Vec<Symbol>,
    /// Those whose names an assembler made, which no address is told by.
    assemblers: Vec<Symbol>,
    /// Their names.
    text: Vec<u8>,
    /// Not all symbols could be read.
    lost: bool,
}

#[derive(Debug)]
struct Symbol {
    value: u64,
    name: Range<u32>,
    letter: u8,
}

/// Memory of one kind: text, read-only data, data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Area {
    start: u64,
    end: u64,
    module: usize,
}

impl LoadedModules {
    /// What to say when all of it was lost.
    pub fn unreadable() -> Self {
        Self { problem: Some("cannot be read"), ..Self::default() }
    }

    /// Reads all modules. What cannot be read is left out, and told.
    pub fn load(memory: &AddressSpace, symbols: &Symbols, types: &Types) -> Self {
        let (Some(head), Some(layout)) = (symbols.address("modules"), Layout::of(types)) else {
            return Self::default(); // A kernel built without modules.
        };
        let (links, mut problem) = links(memory, head);
        let mut room = MOST_BYTES;
        let (mut modules, mut areas) = (Vec::new(), Vec::new());
        // New modules go in at the list's head.
        for link in links.into_iter().rev() {
            let at = link.wrapping_sub(layout.list);
            let Some(name) = layout.name(memory, at) else {
                problem = Some("leads to what is no module");
                continue;
            };
            if layout.areas(memory, at, modules.len(), &mut areas).is_none() {
                problem = Some("has a module whose memory is not known");
            }
            modules.push(layout.module(memory, at, name, &mut room));
        }
        areas.sort_unstable();
        let all = areas.len();
        areas.dedup_by(|next, before| next.start < before.end);
        if areas.len() < all {
            problem = Some("has modules that say they lie in the same memory");
        }
        Self { modules, areas, problem }
    }

    /// What is wrong with the list, if anything.
    pub fn problem(&self) -> Option<&'static str> {
        self.problem
    }

    /// What a module has at an address.
    pub fn resolve(&self, address: u64) -> Option<Place<'_>> {
        let after = self.areas.partition_point(|area| area.start <= address);
        let area = self.areas.get(after.checked_sub(1)?).filter(|area| address < area.end)?;
        let module = self.modules.get(area.module)?;
        Some(Place { module: Some(&module.name), symbol: module.near(address, area.start), lost: module.lost })
    }

    /// Each module's name and its symbols, newest first, as /proc/kallsyms has them: value, name and the letter of its type.
    pub fn listing(&self) -> impl Iterator<Item = (&[u8], impl Iterator<Item = (u64, &[u8], u8)>)> {
        self.modules.iter().rev().map(|module| {
            let symbols = module.symbols.iter().chain(&module.assemblers);
            let symbols = symbols.map(|symbol| (symbol.value, module.name_of(symbol), symbol.letter));
            (module.name.as_slice(), symbols)
        })
    }

    /// How many modules have symbols that could not be read.
    pub fn lost(&self) -> usize {
        self.modules.iter().filter(|module| module.lost).count()
    }

    /// The address of a symbol, in the module loaded first of those that have it; `module:symbol` says which.
    pub fn address(&self, name: &str) -> Option<u64> {
        let (module, name) = name.split_once(':').map_or((None, name), |(module, name)| (Some(module), name));
        let of = |loaded: &&Module| module.is_none_or(|module| loaded.name == module.as_bytes());
        self.modules.iter().filter(of).find_map(|module| module.address(name.as_bytes()))
    }
}

/// The links of a list, and how it ended if not at its head.
fn links(memory: &AddressSpace, head: u64) -> (Vec<u64>, Option<&'static str>) {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let mut at = head;
    loop {
        let Some(next) = memory.read_u64(at) else { return (found, Some("cannot be read to its end")) };
        if next == head {
            return (found, None);
        }
        if found.len() >= MOST_MODULES || !seen.insert(next) {
            return (found, Some("does not come back to its head"));
        }
        found.push(next);
        at = next;
    }
}

impl Module {
    /// The nearest symbol at or below an address, in the area that starts there.
    fn near(&self, address: u64, start: u64) -> Option<Near<'_>> {
        let after = self.symbols.partition_point(|symbol| symbol.value <= address);
        let nearest = self.symbols.get(after.checked_sub(1)?).filter(|symbol| symbol.value >= start)?.value;
        let first = self.symbols.partition_point(|symbol| symbol.value < nearest);
        let aliases = self.symbols.get(first..after)?.iter().map(|symbol| (self.name_of(symbol), symbol.letter));
        let (name, letter) = preferred(aliases)?;
        Some(Near { name, offset: address - nearest, letter })
    }

    fn name_of(&self, symbol: &Symbol) -> &[u8] {
        self.text.get(symbol.name.start as usize..symbol.name.end as usize).unwrap_or_default()
    }

    fn address(&self, name: &[u8]) -> Option<u64> {
        self.symbols.iter().find(|symbol| self.name_of(symbol) == name).map(|symbol| symbol.value)
    }
}
