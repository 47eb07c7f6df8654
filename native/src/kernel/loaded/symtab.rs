//! A module's own symbol table, as it stays in memory (`struct mod_kallsyms`, kernel/module/kallsyms.c).

use super::{Module, Symbol};
use crate::arch::AddressSpace;
use crate::kernel::types::{TypeId, Types};

/// `KSYM_NAME_LEN`.
const LONGEST_NAME: usize = 512;
/// A symbol of a 64-bit ELF file: name, info, other, section, value, size.
const SYMBOL: usize = 24;
/// Symbols that are read at a time.
const BLOCK: usize = 1024;

/// `module.kallsyms`, and what lies where in a `struct mod_kallsyms`.
pub struct SymbolsLayout {
    pointer: u64,
    table: u64,
    count: u64,
    names: u64,
    /// Since 5.2; before, a symbol's letter lies where ELF has its `st_info`, or in 5.0 and 5.1 its `st_size`.
    letters: Option<u64>,
}

impl SymbolsLayout {
    /// `None` in a kernel whose modules keep no symbols.
    pub fn of(types: &Types, module: TypeId) -> Option<Self> {
        let structure = types.find("struct mod_kallsyms")?;
        let at = |structure: TypeId, name: &str| Some(types.member(structure, name)?.bit_offset / 8);
        Some(Self {
            pointer: at(module, "kallsyms")?,
            table: at(structure, "symtab")?,
            count: at(structure, "num_symtab")?,
            names: at(structure, "strtab")?,
            letters: at(structure, "typetab"),
        })
    }

    /// Reads a module's symbols; `None` where some could not be.
    pub fn read(&self, memory: &AddressSpace, at: u64, module: &mut Module, room: &mut usize) -> Option<()> {
        let pointer = memory.read_u64(at.wrapping_add(self.pointer))?;
        if pointer == 0 {
            return Some(());
        }
        let word = |offset: u64| memory.read_u64(pointer.wrapping_add(offset));
        let (table, names) = (word(self.table)?, word(self.names)?);
        let letters = self.letters.and_then(word);
        let count = memory.read_u32(pointer.wrapping_add(self.count))? as usize;
        if count.saturating_mul(SYMBOL) > *room {
            return None;
        }
        let mut whole = Some(());
        for first in (0..count).step_by(BLOCK) {
            let length = BLOCK.min(count - first);
            // What lies behind a block that is not there may be gigabytes that are not there either.
            let symbols = block(memory, table.wrapping_add((first * SYMBOL) as u64), length * SYMBOL)?;
            let letters = match letters {
                Some(letters) => Some(block(memory, letters.wrapping_add(first as u64), length)?),
                None => None,
            };
            for (number, symbol) in symbols.as_chunks().0.iter().enumerate() {
                let letter = letters.as_ref().and_then(|letters| letters.get(number).copied());
                let added = add(memory, names, symbol, letter, module);
                whole = whole.filter(|_| added.is_some());
                *room = room.checked_sub(SYMBOL + added.unwrap_or(0))?;
            }
        }
        whole
    }
}

/// Adds a symbol, unless it is one that the kernel passes over as well; the bytes of its name, `None` where that cannot be
/// read.
fn add(
    memory: &AddressSpace,
    names: u64,
    symbol: &[u8; SYMBOL],
    letter: Option<u8>,
    module: &mut Module,
) -> Option<usize> {
    let [a, b, c, d, info, _, low, high, value @ .., s0, s1, s2, s3, s4, s5, s6, s7] = *symbol;
    if low == 0 && high == 0 {
        return Some(0); // Undefined: another module's.
    }
    let start = module.text.len();
    let whole =
        append_string(memory, names.wrapping_add(u64::from(u32::from_le_bytes([a, b, c, d]))), &mut module.text);
    let name = module.text.get(start..).unwrap_or_default();
    if !whole || name.is_empty() {
        module.text.truncate(start);
        return whole.then_some(0);
    }
    let (length, symbols) = match is_assemblers(name) {
        true => (name.len(), &mut module.assemblers),
        false => (name.len(), &mut module.symbols),
    };
    let size = u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
    let letter = letter.or_else(|| if info.is_ascii_alphabetic() { Some(info) } else { u8::try_from(size).ok() });
    let letter = letter.filter(u8::is_ascii_graphic).unwrap_or(b'?');
    let name = start as u32..module.text.len() as u32;
    symbols.push(Symbol { value: u64::from_le_bytes(value), name, letter });
    Some(length)
}

/// Appends a C string; false where it does not end.
fn append_string(memory: &AddressSpace, address: u64, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let mut part = [0; 32];
    while out.len() - start < LONGEST_NAME {
        let read = memory.read(address.wrapping_add((out.len() - start) as u64), &mut part);
        let read = part.get(..read).unwrap_or_default();
        if let Some(end) = memchr::memchr(0, read) {
            out.extend_from_slice(read.get(..end).unwrap_or_default());
            return true;
        }
        if read.len() < part.len() {
            return false;
        }
        out.extend_from_slice(read);
    }
    false
}

/// Names that assemblers make, which the kernel lists and passes over where it looks for the nearest
/// (`is_mapping_symbol`).
fn is_assemblers(name: &[u8]) -> bool {
    name.starts_with(b".L") || name.starts_with(b"L0") || name.starts_with(b"$")
}

fn block(memory: &AddressSpace, address: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    memory.read_exact(address, &mut bytes).then_some(bytes)
}
