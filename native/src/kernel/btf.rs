//! BPF Type Format: the kernel's own description of its structs, in `.BTF`, and split BTF of modules on top of it.
//!
//! A section is validated wholly before anything in it is believed: memory holds stale and half-overwritten copies.

use std::ops::Range;
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::image::Bytes;

const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;
/// The kernel's own limit (BTF_MAX_TYPE) is a million types.
const MAX_TYPES: usize = 1 << 20;

/// What a record describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int = 1,
    Pointer,
    Array,
    Struct,
    Union,
    Enum,
    Forward,
    Typedef,
    Volatile,
    Const,
    Restrict,
    Function,
    Prototype,
    Variable,
    Section,
    Float,
    DeclTag,
    TypeTag,
    Enum64,
}

impl Kind {
    fn from_number(number: u32) -> Option<Self> {
        use Kind::*;
        const ALL: [Kind; 19] = [
            Int, Pointer, Array, Struct, Union, Enum, Forward, Typedef, Volatile, Const, Restrict, Function, Prototype,
            Variable, Section, Float, DeclTag, TypeTag, Enum64,
        ];
        ALL.get((number as usize).checked_sub(1)?).copied()
    }

    /// Words that follow the record's three: a fixed number, plus so many for each of its entries.
    fn words(self) -> (usize, usize) {
        match self {
            Kind::Int | Kind::Variable | Kind::DeclTag => (1, 0),
            Kind::Array => (3, 0),
            Kind::Struct | Kind::Union | Kind::Section | Kind::Enum64 => (0, 3),
            Kind::Enum | Kind::Prototype => (0, 2),
            _ => (0, 0),
        }
    }

    /// Whether the record's third word is a type id rather than a size.
    fn refers(self) -> bool {
        use Kind::*;
        matches!(
            self,
            Pointer | Typedef | Volatile | Const | Restrict | Function | Prototype | Variable | DeclTag | TypeTag
        )
    }
}

/// One type's record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub kind: Kind,
    /// `kind_flag`: bit-field encoding of a struct, signedness of an enum, union-ness of a forward declaration.
    pub flag: bool,
    /// Offset of its name.
    pub name: u32,
    /// Size or type id, as the kind says.
    pub value: u32,
    /// How many entries follow.
    pub count: u32,
    rest: &'a [u8],
}

impl Record<'_> {
    /// A word after the fixed three.
    pub fn word(&self, index: usize) -> Option<u32> {
        word(self.rest, index * 4)
    }

    /// The three words of member (or ENUM64 entry) `index`.
    pub fn triple(&self, index: u32) -> Option<[u32; 3]> {
        let at = index as usize * 3;
        Some([self.word(at)?, self.word(at + 1)?, self.word(at + 2)?])
    }

    /// Name and value of entry `index` of an enum.
    pub fn enumerator(&self, index: u32) -> Option<(u32, i64)> {
        match self.kind {
            Kind::Enum => {
                let at = index as usize * 2;
                Some((self.word(at)?, i64::from(self.word(at + 1)? as i32)))
            }
            Kind::Enum64 => {
                let [name, low, high] = self.triple(index)?;
                Some((name, (u64::from(high) << 32 | u64::from(low)) as i64))
            }
            _ => None,
        }
    }
}

/// One BTF section, the kernel's or a module's.
#[derive(Debug, Default)]
pub(crate) struct Btf {
    bytes: Bytes,
    strings: Range<usize>,
    /// Where each type's record begins, by id less `first_id`.
    offsets: Vec<u32>,
    first_id: u32,
    first_string: u32,
    names: OnceLock<Names>,
}

/// Chained hash of the names of structs, unions, enums, integers and typedefs; entries are positions plus one.
#[derive(Debug)]
struct Names {
    heads: Vec<u32>,
    next: Vec<u32>,
}

impl Btf {
    /// Reads and validates the kernel's own section.
    pub fn parse(bytes: Bytes) -> Result<Self> {
        // Id 0 is void and has no record.
        Self::parse_from(bytes, 1, 0)
    }

    /// Reads and validates a module's section over the kernel's.
    pub fn parse_split(bytes: Vec<u8>, base: &Btf) -> Result<Self> {
        Self::parse_from(bytes.into(), base.end_id(), base.strings.len() as u32)
    }

    fn parse_from(bytes: Bytes, first_id: u32, first_string: u32) -> Result<Self> {
        let header = |at| word(&bytes, at).ok_or_else(|| bad("its header is cut off"));
        let start = header(0)?;
        if start & 0xffff != u32::from(MAGIC) || start >> 16 & 0xff != 1 {
            return Err(bad("no version 1 header"));
        }
        let length = header(4)? as usize;
        if length < HEADER {
            return Err(bad("its header is too short"));
        }
        let section = |at| -> Result<Range<usize>> {
            let from = length.checked_add(header(at)? as usize);
            let to = from.and_then(|from| from.checked_add(word(&bytes, at + 4)? as usize));
            match (from, to) {
                (Some(from), Some(to)) if to <= bytes.len() => Ok(from..to),
                _ => Err(bad("a section lies outside of it")),
            }
        };
        let (types, strings) = (section(8)?, section(16)?);
        let text = bytes.get(strings.clone()).unwrap_or_default();
        let split = first_id > 1;
        if !(text.last() == Some(&0) && (split || text.first() == Some(&0)) || split && text.is_empty()) {
            return Err(bad("its strings do not end"));
        }
        let offsets = records(&bytes, types)?;
        let btf = Self { strings, offsets, first_id, first_string, names: OnceLock::new(), bytes };
        (btf.first_id..btf.end_id()).try_for_each(|id| btf.validate(id))?;
        Ok(btf)
    }

    /// One past the last id.
    pub fn end_id(&self) -> u32 {
        self.first_id + self.offsets.len() as u32
    }

    /// The first id that is this section's own.
    pub fn first_id(&self) -> u32 {
        self.first_id
    }

    /// The record of an id of this section.
    pub fn record(&self, id: u32) -> Option<Record<'_>> {
        let at = *self.offsets.get(id.checked_sub(self.first_id)? as usize)? as usize;
        let info = word(&self.bytes, at + 4)?;
        let kind = Kind::from_number(info >> 24 & 0x1f)?;
        let count = info & 0xffff;
        let (fixed, each) = kind.words();
        let rest = self.bytes.get(at + 12..at + 12 + (fixed + each * count as usize) * 4)?;
        let (name, value) = (word(&self.bytes, at)?, word(&self.bytes, at + 8)?);
        Some(Record { kind, flag: info >> 31 == 1, name, value, count, rest })
    }

    /// A string; `None` when it is one of the base's.
    pub fn string(&self, offset: u32) -> Option<&[u8]> {
        let at = offset.checked_sub(self.first_string)? as usize;
        let text = self.bytes.get(self.strings.clone())?.get(at..)?;
        text.get(..memchr::memchr(0, text)?)
    }

    /// Ids whose hashed name is that of `name`: candidates, to be compared. `base` holds a split section's other names.
    pub fn named(&self, name: &[u8], base: Option<&Btf>) -> Vec<u32> {
        let names = self.names.get_or_init(|| self.index(base));
        let mut found = Vec::new();
        let mut entry = names.heads.get(hash(name) as usize % names.heads.len().max(1)).copied().unwrap_or(0);
        while let Some(position) = entry.checked_sub(1) {
            let id = self.first_id + position;
            if self.record(id).and_then(|record| self.text(record.name, base)) == Some(name) {
                found.push(id);
            }
            entry = names.next.get(position as usize).copied().unwrap_or(0);
        }
        found.sort_unstable();
        found
    }

    fn text<'a>(&'a self, offset: u32, base: Option<&'a Btf>) -> Option<&'a [u8]> {
        self.string(offset).or_else(|| base?.string(offset))
    }

    fn index(&self, base: Option<&Btf>) -> Names {
        let mut names =
            Names { heads: vec![0; self.offsets.len().next_power_of_two()], next: vec![0; self.offsets.len()] };
        for (position, next) in names.next.iter_mut().enumerate() {
            let Some(record) = self.record(self.first_id + position as u32) else { continue };
            use Kind::*;
            if !matches!(record.kind, Struct | Union | Enum | Enum64 | Typedef | Int) {
                continue;
            }
            let Some(name) = self.text(record.name, base).filter(|name| !name.is_empty()) else { continue };
            let length = names.heads.len();
            if let Some(head) = names.heads.get_mut(hash(name) as usize % length) {
                *next = std::mem::replace(head, position as u32 + 1);
            }
        }
        names
    }

    /// Every id and string offset of a record is in range.
    fn validate(&self, id: u32) -> Result<()> {
        let record = self.record(id).ok_or_else(|| bad("a record is cut off"))?;
        let types = self.end_id();
        let strings = self.first_string + self.strings.len() as u32;
        let mut fine = record.name < strings && (!record.kind.refers() || record.value < types);
        let entry = |index: usize| record.word(index).unwrap_or(u32::MAX);
        match record.kind {
            Kind::Array => fine &= entry(0) < types && entry(1) < types,
            Kind::Struct | Kind::Union => {
                fine &= (0..record.count as usize).all(|i| entry(i * 3) < strings && entry(i * 3 + 1) < types);
            }
            Kind::Prototype => {
                fine &= (0..record.count as usize).all(|i| entry(i * 2) < strings && entry(i * 2 + 1) < types);
            }
            Kind::Enum => fine &= (0..record.count as usize).all(|i| entry(i * 2) < strings),
            Kind::Enum64 => fine &= (0..record.count as usize).all(|i| entry(i * 3) < strings),
            Kind::Section => fine &= (0..record.count as usize).all(|i| entry(i * 3) < types),
            _ => {}
        }
        if fine { Ok(()) } else { Err(bad(&format!("type {id} points outside of it"))) }
    }
}

/// Where each record begins. A record of unknown kind has unknown length, so nothing after it could be believed.
fn records(bytes: &[u8], types: Range<usize>) -> Result<Vec<u32>> {
    let mut offsets = Vec::with_capacity(types.len() / 32);
    let mut at = types.start;
    while at < types.end {
        let info = word(bytes, at + 4).ok_or_else(|| bad("a record is cut off"))?;
        let number = info >> 24 & 0x1f;
        let kind = Kind::from_number(number).ok_or_else(|| bad(&format!("a record of unknown kind {number}")))?;
        let (fixed, each) = kind.words();
        offsets.push(at as u32);
        at += 12 + (fixed + each * (info & 0xffff) as usize) * 4;
        if offsets.len() > MAX_TYPES {
            return Err(bad("more types than a kernel has"));
        }
    }
    if at == types.end { Ok(offsets) } else { Err(bad("its last record is cut off")) }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// FNV-1a.
fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn bad(what: &str) -> Error {
    Error::no_symbols(format!("not valid BTF: {what}"))
}
