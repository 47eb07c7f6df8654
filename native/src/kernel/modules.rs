//! Loaded modules, as far as their types are concerned: each may carry BTF that builds on the kernel's own.
//!
//! `struct module` forgets its section once it is loaded (`do_init_module` clears `btf_data`); the copy that stays is
//! the one BPF keeps, on the list `btf_modules` (`kernel/bpf/btf.c`).

use std::collections::HashSet;

use super::symbols::Symbols;
use super::types::Types;
use crate::arch::AddressSpace;

/// More modules than any kernel loads: a longer list is torn.
const MOST_MODULES: usize = 4096;
const LONGEST_BTF: u64 = 16 << 20;
const MOST_BTF: u64 = 64 << 20;
const LONGEST_NAME: usize = 64;

/// The list of modules with types, and where its structs keep what is read from them.
#[derive(Debug, Clone, Copy)]
pub struct Modules {
    head: u64,
    list: u64,
    btf: u64,
    name: u64,
    data: u64,
    size: u64,
}

/// The types of one module, not read yet.
struct ModuleTypes {
    btf: u64,
    address: u64,
    length: u64,
}

impl Modules {
    /// `None` where the kernel has no modules with types.
    pub fn new(symbols: &Symbols, types: &Types) -> Option<Self> {
        let offset = |structure, name| Some(types.member(types.find(structure)?, name)?.bit_offset / 8);
        Some(Self {
            head: symbols.address("btf_modules")?,
            list: offset("struct btf_module", "list")?,
            btf: offset("struct btf_module", "btf")?,
            name: offset("struct btf", "name")?,
            data: offset("struct btf", "data")?,
            size: offset("struct btf", "data_size")?,
        })
    }

    /// How many modules carry types, and what is wrong with the list of them.
    pub fn count(&self, memory: &AddressSpace) -> (usize, Option<&'static str>) {
        let (found, end) = self.walk(memory);
        (found.len(), end)
    }

    /// Name and BTF of every module that carries types, in load order. What cannot be read is left out: its types then
    /// are missing, and a path that needs them says so.
    pub fn load(&self, memory: &AddressSpace) -> Vec<(String, Vec<u8>)> {
        let mut room = MOST_BTF;
        let mut loaded = Vec::new();
        for module in self.walk(memory).0 {
            let Some(left) = room.checked_sub(module.length) else { break };
            room = left;
            let mut bytes = vec![0; module.length as usize];
            if memory.read_exact(module.address, &mut bytes) {
                loaded.push((self.name(memory, module.btf), bytes));
            }
        }
        // New modules go in at the list's head.
        loaded.reverse();
        loaded
    }

    /// The modules, and how the list ended if not at its head.
    fn walk(&self, memory: &AddressSpace) -> (Vec<ModuleTypes>, Option<&'static str>) {
        let types = |link: u64| {
            let btf = memory.read_u64(link.wrapping_sub(self.list).wrapping_add(self.btf))?;
            let address = memory.read_u64(btf.wrapping_add(self.data))?;
            let length = u64::from(memory.read_u32(btf.wrapping_add(self.size))?);
            (1..=LONGEST_BTF).contains(&length).then_some(ModuleTypes { btf, address, length })
        };
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut at = self.head;
        loop {
            let Some(next) = memory.read_u64(at) else { return (found, Some("cannot be read to its end")) };
            if next == self.head {
                return (found, None);
            }
            if seen.len() >= MOST_MODULES || !seen.insert(next) {
                return (found, Some("does not come back to its head"));
            }
            found.extend(types(next));
            at = next;
        }
    }

    fn name(&self, memory: &AddressSpace, btf: u64) -> String {
        let mut name = [0; LONGEST_NAME];
        let length = memory.read(btf.wrapping_add(self.name), &mut name);
        let name = name.get(..length).unwrap_or_default();
        let end = memchr::memchr(0, name).unwrap_or(name.len());
        String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned()
    }
}
