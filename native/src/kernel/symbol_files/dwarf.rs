//! DWARF of a kernel as BTF: each type once, however many units describe it.
//!
//! Units are read one after the other, so that what is in memory at a time is one of them and what was made of all. A
//! struct is the same as another where name, size, line and members are; of what a unit only declares the others tell.

mod unit;

use std::collections::HashMap;
use std::io::Read;

use gimli::{DebugAbbrev, DebugInfo, EndianSlice, LittleEndian};

use super::elf::Elf;
use crate::error::{Error, Result};
use crate::kernel::btf::Kind;
use crate::kernel::btf::writer::{Field, Writer};
use unit::{Die, NONE, Tag, Unit};

/// A unit's bytes: those of kernels have up to 3 MiB; with link-time optimization more.
const LARGEST_UNIT: u64 = 256 << 20;
/// Pointers, qualifiers, typedefs and arrays in one another.
const MOST_NESTING: u32 = 64;

/// Sections that units refer to.
pub struct Sections {
    abbreviations: Vec<u8>,
    strings: Vec<u8>,
    line_strings: Vec<u8>,
    string_offsets: Vec<u8>,
}

/// The types of a file, as BTF.
pub fn types(elf: &Elf) -> Result<Vec<u8>> {
    let optional = |name: &[u8]| elf.whole(name).unwrap_or_default();
    let sections = Sections {
        abbreviations: elf.whole(b".debug_abbrev")?,
        strings: optional(b".debug_str"),
        line_strings: optional(b".debug_line_str"),
        string_offsets: optional(b".debug_str_offsets"),
    };
    let mut stream = elf.stream(b".debug_info")?;
    let mut types = Types::new();
    let mut bytes = Vec::new();
    while next_unit(&mut stream, &mut bytes)? {
        types.add(&sections, &bytes).map_err(|error| bad(&error.to_string()))?;
    }
    types.finish()
}

fn bad(what: &str) -> Error {
    Error::no_symbols(format!("its DWARF cannot be read: {what}"))
}

/// Reads the bytes of a unit; false after the last.
fn next_unit(stream: &mut dyn Read, bytes: &mut Vec<u8>) -> Result<bool> {
    let cut_off = |error: std::io::Error| bad(&error.to_string());
    bytes.clear();
    if stream.take(4).read_to_end(bytes).map_err(cut_off)? == 0 {
        return Ok(false);
    }
    let word = bytes.first_chunk().map(|word| u32::from_le_bytes(*word)).ok_or_else(|| bad("it is cut off"))?;
    let length = match word {
        u32::MAX => {
            stream.take(8).read_to_end(bytes).map_err(cut_off)?;
            bytes.get(4..).and_then(<[u8]>::first_chunk).map(|word| u64::from_le_bytes(*word))
        }
        word => Some(u64::from(word)),
    };
    let length = length.filter(|length| *length <= LARGEST_UNIT).ok_or_else(|| bad("a unit without an end"))?;
    let read = stream.take(length).read_to_end(bytes).map_err(cut_off)?;
    if read as u64 == length { Ok(true) } else { Err(bad("it is cut off")) }
}

/// What makes two types of different units the same.
type Signature = (Tag, u32, u64, u64, u64);

/// The types of all units so far.
pub struct Types {
    out: Writer,
    known: HashMap<Signature, u32>,
    strings: HashMap<usize, u32>,
    /// Structs that have an id already, and whose members are still to be told.
    open: Vec<(usize, u32)>,
    foreign: usize,
}

impl Types {
    /// None yet.
    pub fn new() -> Self {
        Self { out: Writer::new(), known: HashMap::new(), strings: HashMap::new(), open: Vec::new(), foreign: 0 }
    }

    /// Adds the types of a unit.
    pub fn add(&mut self, sections: &Sections, bytes: &[u8]) -> gimli::Result<()> {
        let info = DebugInfo::new(bytes, LittleEndian);
        let Some(header) = info.units().next()? else { return Ok(()) };
        let abbreviations = DebugAbbrev::new(&sections.abbreviations, LittleEndian);
        let abbreviations = header.abbreviations(&abbreviations)?;
        let Types { out, strings, .. } = self;
        let mut name = |at: EndianSlice<LittleEndian>| {
            // Strings lie in a section or in the unit itself, and most are met in every unit.
            let bytes = at.slice();
            let key = bytes.as_ptr() as usize;
            let inside = sections.strings.as_ptr_range().contains(&bytes.as_ptr());
            match strings.get(&key).filter(|_| inside) {
                Some(name) => *name,
                None => {
                    let name = out.name(bytes);
                    if inside {
                        strings.insert(key, name);
                    }
                    name
                }
            }
        };
        let mut unit = Unit::read(&header, &abbreviations, sections, &mut name)?;
        self.foreign += unit.foreign;
        for at in 0..unit.dies.len() {
            let Some(die) = unit.dies.get(at) else { break };
            let wanted = die.name != 0 || die.tag == Tag::Enum;
            if wanted && die.tag.is_root() {
                self.id(&mut unit, at, 0);
                self.tell(&mut unit);
            }
        }
        Ok(())
    }

    /// The section.
    pub fn finish(self) -> Result<Vec<u8>> {
        if self.foreign > 0 {
            return Err(bad(&format!(
                "{} of its types are in other units or another file (link-time optimization, or dwz): \
                 these are not followed",
                self.foreign
            )));
        }
        self.out.finish().ok_or_else(|| bad("no types, or more than any kernel has"))
    }

    /// Tells the members of all that was given an id.
    fn tell(&mut self, unit: &mut Unit) {
        while let Some((at, id)) = self.open.pop() {
            let Some(die) = unit.dies.get(at).copied() else { continue };
            let mut fields = Vec::new();
            for child in unit.children(&die) {
                let of = self.at(unit, child.of, 0);
                fields.push(Field { name: child.name, id: of, bit_offset: child.value as u64, bits: child.bits });
            }
            let bytes = u32::try_from(die.size).unwrap_or(0);
            self.out.structure(id, die.name, die.tag == Tag::Union, bytes, &fields);
        }
    }

    /// The id of what is referred to by its offset in the unit: of nothing, `void`.
    fn at(&mut self, unit: &mut Unit, offset: u32, depth: u32) -> u32 {
        if offset == NONE {
            return 0;
        }
        unit.find(offset).map_or(0, |at| self.id(unit, at, depth))
    }

    fn id(&mut self, unit: &mut Unit, at: usize, depth: u32) -> u32 {
        let Some(die) = unit.dies.get(at).copied() else { return 0 };
        if die.id != NONE {
            return die.id;
        }
        if depth > MOST_NESTING {
            return 0;
        }
        let id = match die.tag {
            Tag::Struct | Tag::Union if die.declared => self.out.forward(die.name, die.tag == Tag::Union),
            Tag::Struct | Tag::Union => self.once(unit, at, &die),
            Tag::Enum => self.enumeration(unit, &die),
            Tag::Base => self.base(&die),
            Tag::Pointer => self.refer(Kind::Pointer, unit, &die, depth),
            Tag::Typedef => self.refer(Kind::Typedef, unit, &die, depth),
            Tag::Const => self.refer(Kind::Const, unit, &die, depth),
            Tag::Volatile => self.refer(Kind::Volatile, unit, &die, depth),
            Tag::Restrict => self.refer(Kind::Restrict, unit, &die, depth),
            Tag::Array => {
                let count = unit.children(&die).iter().map(|child| child.value as u32).reduce(u32::saturating_mul);
                let of = self.at(unit, die.of, depth + 1);
                self.out.array(of, count.unwrap_or(0))
            }
            Tag::Function => self.out.function(),
            Tag::Other => 0,
        };
        if let Some(die) = unit.dies.get_mut(at) {
            die.id = id;
        }
        id
    }

    fn refer(&mut self, kind: Kind, unit: &mut Unit, die: &Die, depth: u32) -> u32 {
        let to = self.at(unit, die.of, depth + 1);
        self.out.refer(kind, die.name, to)
    }

    fn once(&mut self, unit: &Unit, at: usize, die: &Die) -> u32 {
        let signature = unit.signature(die);
        if let Some(id) = self.known.get(&signature) {
            return *id;
        }
        let id = self.out.reserve();
        self.known.insert(signature, id);
        self.open.push((at, id));
        id
    }

    fn enumeration(&mut self, unit: &Unit, die: &Die) -> u32 {
        if die.declared {
            return 0;
        }
        let signature = unit.signature(die);
        if let Some(id) = self.known.get(&signature) {
            return *id;
        }
        let id = self.out.reserve();
        self.known.insert(signature, id);
        let constants: Vec<_> = unit.children(die).iter().map(|child| (child.name, child.value)).collect();
        self.out.enumeration(id, die.name, u32::try_from(die.size).unwrap_or(0), &constants);
        id
    }

    fn base(&mut self, die: &Die) -> u32 {
        let bytes = u32::try_from(die.size).unwrap_or(0);
        match gimli::DwAte(die.encoding) {
            gimli::DW_ATE_float | gimli::DW_ATE_complex_float | gimli::DW_ATE_imaginary_float => {
                self.out.float(die.name, bytes)
            }
            // BTF has characters without a sign (pahole knows this encoding alone).
            encoding => self.out.int(die.name, bytes, encoding == gimli::DW_ATE_signed),
        }
    }
}
