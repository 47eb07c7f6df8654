//! Where this kernel's `struct module` keeps its name, its memory and its symbols.

use super::symtab::SymbolsLayout;
use super::{Area, Module};
use crate::arch::AddressSpace;
use crate::kernel::types::{Shape, TypeId, Types};

/// `MODULE_NAME_LEN` is 56.
const LONGEST_NAME: u32 = 64;
/// What `struct module` calls its two areas before 6.4, and the ends within one of parts of one kind.
const LAYOUTS: [&str; 2] = ["core_layout", "init_layout"];
const PARTS: [&str; 3] = ["text_size", "ro_size", "ro_after_init_size"];

/// Where a `struct module` keeps what is read from it.
pub struct Layout {
    /// Its link in the list of all modules.
    pub list: u64,
    name: (u64, u32),
    /// `None` in a kernel whose modules keep no symbols.
    symbols: Option<SymbolsLayout>,
    areas: Vec<AreaLayout>,
}

struct AreaLayout {
    base: u64,
    size: u64,
    /// Distances of what says how far each part reaches, where one area has them all.
    parts: Vec<u64>,
}

impl Layout {
    /// `None` where a module is nothing that is known.
    pub fn of(types: &Types) -> Option<Self> {
        let module = types.find("struct module")?;
        let at = |structure: TypeId, name: &str| Some(types.member(structure, name)?.bit_offset / 8);
        let named = types.member(module, "name")?;
        let length = match types.shape(named.id) {
            Shape::Array { count, .. } => count.min(LONGEST_NAME),
            _ => return None,
        };
        Some(Self {
            list: at(module, "list")?,
            name: (named.bit_offset / 8, length),
            symbols: SymbolsLayout::of(types, module),
            areas: each_area(types, module).or_else(|| two_areas(types, module))?,
        })
    }

    /// A module has a name.
    pub fn name(&self, memory: &AddressSpace, module: u64) -> Option<Vec<u8>> {
        let mut name = vec![0; self.name.1 as usize];
        memory.read_exact(module.wrapping_add(self.name.0), &mut name).then_some(())?;
        name.truncate(memchr::memchr(0, &name)?);
        (!name.is_empty()).then_some(name)
    }

    /// Adds a module's areas; `None` where not all of them are known.
    pub fn areas(&self, memory: &AddressSpace, at: u64, module: usize, areas: &mut Vec<Area>) -> Option<()> {
        let size = |offset: u64| memory.read_u32(at.wrapping_add(offset)).map(u64::from);
        let mut whole = Some(());
        for layout in &self.areas {
            let (base, length) = (memory.read_u64(at.wrapping_add(layout.base)), size(layout.size));
            let Some((base, length)) = base.zip(length) else {
                whole = None;
                continue;
            };
            // What ran only once is freed then.
            if length == 0 || base == 0 {
                continue;
            }
            // Modules lie in the upper half, as all of the kernel does.
            let Some(end) = base.checked_add(length).filter(|_| (base as i64) < 0) else {
                whole = None;
                continue;
            };
            let mut start = base;
            let parts = layout.parts.iter().filter_map(|part| size(*part)).filter(|part| *part < length);
            for end in parts.map(|part| base + part).chain([end]) {
                if end > start {
                    areas.push(Area { start, end, module });
                    start = end;
                }
            }
        }
        whole
    }

    /// A module by its name, with its symbols as far as there is room for them.
    pub fn module(&self, memory: &AddressSpace, at: u64, name: Vec<u8>, room: &mut usize) -> Module {
        let mut module = Module { name, ..Module::default() };
        module.lost = match &self.symbols {
            Some(symbols) => symbols.read(memory, at, &mut module, room).is_none(),
            None => false,
        };
        module.symbols.sort_by_key(|symbol| symbol.value);
        module
    }
}

/// Since 6.4 a module has an area for each kind of memory.
fn each_area(types: &Types, module: TypeId) -> Option<Vec<AreaLayout>> {
    let areas = types.member(module, "mem")?;
    let Shape::Array { element, count } = types.shape(areas.id) else { return None };
    let at = |name: &str| Some(types.member(element, name)?.bit_offset / 8);
    let (base, size, stride) = (at("base")?, at("size")?, types.size(element)?);
    let area = |number: u64| {
        let start = areas.bit_offset / 8 + number * stride;
        AreaLayout { base: start + base, size: start + size, parts: Vec::new() }
    };
    Some((0..u64::from(count.min(64))).map(area).collect())
}

/// Before, one that stays and one for what runs only once.
fn two_areas(types: &Types, module: TypeId) -> Option<Vec<AreaLayout>> {
    let area = |name: &&str| {
        let layout = types.member(module, name)?;
        let at = |name: &str| Some(layout.bit_offset / 8 + types.member(layout.id, name)?.bit_offset / 8);
        let parts = PARTS.iter().filter_map(|part| at(part)).collect();
        Some(AreaLayout { base: at("base")?, size: at("size")?, parts })
    };
    LAYOUTS.iter().map(area).collect()
}
