//! A kernel with loaded modules: `struct module` → `struct mod_kallsyms` → ELF symbols.

use super::btf::Encoder;
use super::memory::Memory;
use crate::kernel::Kernel;

/// Bytes of each of a module's areas: text, read-only data, data.
pub const AREA: u64 = 0x1000;
/// Distances in `struct module`.
const NAME: u64 = 16;
const KALLSYMS: u64 = 72;
const MEMORY: u64 = 80;
const MODULE: u64 = 256;
/// Sizes of `struct module_memory` and `struct module_layout`.
const EACH: u64 = 24;
const TWO: u64 = 32;

/// How kernels keep modules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Era {
    /// Up to 4.20: two areas, letters in the place of `st_info`.
    Info,
    /// 5.0 and 5.1: letters in the place of `st_size`.
    Size,
    /// From 5.2: letters in a table of their own.
    Letters,
    /// From 6.4: an area for each kind of memory.
    Areas,
}

pub const ERAS: [Era; 4] = [Era::Info, Era::Size, Era::Letters, Era::Areas];

/// A symbol of a module: name, value, letter.
pub type Symbol<'s> = (&'s str, u64, char);

pub struct Modules {
    pub memory: Memory,
    pub era: Era,
    /// The list's head.
    pub head: u64,
    symbols: Vec<(String, u64)>,
}

fn btf(era: Era) -> Vec<u8> {
    let mut out = Encoder::new();
    let char = out.int("char", 1, true);
    let u32 = out.int("unsigned int", 4, false);
    let pointer = out.pointer(0);
    let list = out.structure("list_head", 16, &[("next", pointer, 0), ("prev", pointer, 8)]);
    let name = out.array(char, 56);
    let mut members = vec![("symtab", pointer, 0), ("num_symtab", u32, 8), ("strtab", pointer, 16)];
    if matches!(era, Era::Letters | Era::Areas) {
        members.push(("typetab", pointer, 24));
    }
    let kallsyms = out.structure("mod_kallsyms", 32, &members);
    let kallsyms = out.pointer(kallsyms);
    let mut members = vec![("list", list, 0), ("name", name, NAME as u32), ("kallsyms", kallsyms, KALLSYMS as u32)];
    if era == Era::Areas {
        let area = out.structure("module_memory", EACH as u32, &[("base", pointer, 0), ("size", u32, 16)]);
        let areas = out.array(area, 7);
        members.push(("mem", areas, MEMORY as u32));
    } else {
        let parts = [("size", 8), ("text_size", 12), ("ro_size", 16), ("ro_after_init_size", 20)];
        let parts: Vec<_> = parts.iter().map(|(part, at)| (*part, u32, *at)).collect();
        let layout = out.structure("module_layout", TWO as u32, &[&[("base", pointer, 0)][..], &parts].concat());
        members.push(("core_layout", layout, MEMORY as u32));
        members.push(("init_layout", layout, (MEMORY + TWO) as u32));
    }
    out.structure("module", MODULE as u32, &members);
    let handler = out.pointer(0);
    out.structure("item", 16, &[("handler", handler, 0), ("id", u32, 8)]);
    out.finish()
}

impl Modules {
    pub fn new(era: Era) -> Self {
        let mut memory = Memory::new();
        let head = memory.take(16);
        memory.put(head, head);
        memory.put(head + 8, head);
        Self { memory, era, head, symbols: vec![("modules".to_owned(), head)] }
    }

    /// A symbol of the kernel proper, in the order of addresses.
    pub fn own(mut self, name: &str, address: u64) -> Self {
        self.symbols.push((name.to_owned(), address));
        self
    }

    /// Loads a module whose three areas lie from `base` on; returns its `struct module`.
    pub fn load(&mut self, name: &[u8], base: u64, symbols: &[Symbol]) -> u64 {
        let module = self.memory.take(MODULE);
        let first = u64::from_le_bytes(self.memory.bytes_at(self.head, 8).try_into().unwrap());
        self.memory.put(module, first);
        self.memory.put(module + 8, self.head);
        self.memory.put(first + 8, module);
        self.memory.put(self.head, module);
        self.memory.write(module + NAME, name);
        if self.era == Era::Areas {
            for (area, place) in [(0, base), (2, base + AREA), (1, base + 2 * AREA)] {
                self.area(module, area, place, AREA as u32);
            }
        } else {
            self.memory.put(module + MEMORY, base);
            for (at, size) in [(8, 3), (12, 1), (16, 2), (20, 2)] {
                self.memory.write(module + MEMORY + at, &(size * AREA as u32).to_le_bytes());
            }
        }
        let kallsyms = self.table(symbols);
        self.memory.put(module + KALLSYMS, kallsyms);
        module
    }

    /// Sets one of a module's areas, or the first of two.
    pub fn area(&mut self, module: u64, number: u64, base: u64, size: u32) {
        let (at, size_at) = if self.era == Era::Areas { (number * EACH, 16) } else { (number * TWO, 8) };
        self.memory.put(module + MEMORY + at, base);
        self.memory.write(module + MEMORY + at + size_at, &size.to_le_bytes());
    }

    /// Where a module's symbols are told.
    pub fn kallsyms(&self, module: u64) -> u64 {
        u64::from_le_bytes(self.memory.bytes_at(module + KALLSYMS, 8).try_into().unwrap())
    }

    fn table(&mut self, symbols: &[Symbol]) -> u64 {
        let count = symbols.len() as u64 + 1;
        let (kallsyms, table) = (self.memory.take(32), self.memory.take(count * 24));
        let (names, letters) = (self.memory.take(count * 64), self.memory.take(count));
        self.memory.put(kallsyms, table);
        self.memory.write(kallsyms + 8, &(count as u32).to_le_bytes());
        self.memory.put(kallsyms + 16, names);
        self.memory.put(kallsyms + 24, letters);
        // The first symbol of an ELF file is none.
        for (number, (name, value, letter)) in (1..).zip(symbols) {
            let at = table + number * 24;
            self.memory.write(names + number * 64, name.as_bytes());
            self.memory.write(at, &(number as u32 * 64).to_le_bytes());
            self.memory.write(at + 6, &[5]);
            self.memory.put(at + 8, *value);
            let letter = *letter as u8;
            match self.era {
                Era::Info => self.memory.write(at + 4, &[letter]),
                Era::Size => {
                    self.memory.write(at + 4, &[0x12]);
                    self.memory.put(at + 16, u64::from(letter));
                }
                _ => self.memory.write(letters + number, &[letter]),
            }
        }
        kallsyms
    }

    pub fn kernel(&self) -> Kernel {
        let symbols: Vec<(&str, u64)> = self.symbols.iter().map(|(name, at)| (name.as_str(), *at)).collect();
        self.memory.kernel(btf(self.era), &symbols)
    }
}
