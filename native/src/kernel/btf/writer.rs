//! Writes BTF of types that come from elsewhere, so that whatever reads types knows no difference.
//!
//! Ids are given out before what they stand for is known, for types refer to each other in circles.

use std::collections::HashMap;

use super::Kind;
use super::record::Info;

/// No section has more: what a kernel may have (`BTF_MAX_TYPE`), and what is read of one.
const MOST_TYPES: usize = 1 << 20;
/// Names of all types and members: those of kernels have 1 to 2 MiB.
const MOST_TEXT: usize = 64 << 20;
/// Members or constants of one type: a count has 16 bits (`BTF_MAX_VLEN`).
const MOST_ENTRIES: usize = 0xffff;
/// Bits of a member's place beside a bit-field's width.
const PLACE_BITS: u32 = 24;

/// Entries of all records: those of a kernel are half a million.
const MOST_WORDS: usize = 32 << 20;

/// One type, as its words.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Written {
    name: u32,
    info: u32,
    value: u32,
    rest: Box<[u32]>,
}

/// A member of a struct or union.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// What [`Writer::name`] made of its name.
    pub name: u32,
    /// Its type.
    pub id: u32,
    /// Distance from the struct's start, in bits.
    pub bit_offset: u64,
    /// Width of a bit-field, in bits.
    pub bits: Option<u8>,
}

/// The three words that a record begins with, part by part.
#[derive(Debug, Clone, Copy)]
struct Head {
    kind: Kind,
    name: u32,
    flag: bool,
    value: u32,
    entries: usize,
}

impl Head {
    fn new(kind: Kind, name: u32, value: u32) -> Self {
        Self { kind, name, flag: false, value, entries: 0 }
    }
}

/// A section that grows.
#[derive(Debug)]
pub(crate) struct Writer {
    types: Vec<Written>,
    words: usize,
    text: Vec<u8>,
    names: HashMap<Box<[u8]>, u32>,
    /// Types that say nothing but what they refer to, by their words: one of each will do.
    plain: HashMap<(u8, u32, u32, u32), u32>,
    full: bool,
}

impl Writer {
    /// Nothing but `void`.
    pub fn new() -> Self {
        Self { types: Vec::new(), words: 0, text: vec![0], names: HashMap::new(), plain: HashMap::new(), full: false }
    }

    /// Keeps a name; the empty one is 0.
    pub fn name(&mut self, name: &[u8]) -> u32 {
        if name.is_empty() || name.contains(&0) {
            return 0;
        }
        if let Some(at) = self.names.get(name) {
            return *at;
        }
        if self.text.len() + name.len() >= MOST_TEXT {
            self.full = true;
            return 0;
        }
        let at = self.text.len() as u32;
        self.text.extend_from_slice(name);
        self.text.push(0);
        self.names.insert(name.into(), at);
        at
    }

    /// An id for a type that is told later; until then it is a struct of which nothing is known.
    pub fn reserve(&mut self) -> u32 {
        if self.types.len() >= MOST_TYPES {
            self.full = true;
            return 0;
        }
        self.types.push(Written { info: (Kind::Forward as u32) << 24, ..Written::default() });
        self.types.len() as u32
    }

    fn put(&mut self, id: u32, head: Head, rest: Vec<u32>) {
        let Head { kind, name, flag, value, entries } = head;
        self.words += rest.len();
        if entries > MOST_ENTRIES || self.words > MOST_WORDS {
            self.full = true;
            return;
        }
        let info = u32::from(flag) << 31 | (kind as u32) << 24 | entries as u32;
        if let Some(slot) = (id as usize).checked_sub(1).and_then(|at| self.types.get_mut(at)) {
            *slot = Written { name, info, value, rest: rest.into() };
        }
    }

    /// One of a kind that is told by a name and up to two more words; equal ones have one id.
    fn plain(&mut self, kind: Kind, name: u32, value: u32, rest: Vec<u32>) -> u32 {
        let key = (kind as u8, name, value, rest.iter().fold(0, |key: u32, word| key.rotate_left(7) ^ word));
        if let Some(id) = self.plain.get(&key).copied().filter(|id| self.is(*id, &rest)) {
            return id;
        }
        let id = self.reserve();
        self.put(id, Head::new(kind, name, value), rest);
        self.plain.insert(key, id);
        id
    }

    fn is(&self, id: u32, rest: &[u32]) -> bool {
        (id as usize).checked_sub(1).and_then(|at| self.types.get(at)).is_some_and(|known| *known.rest == *rest)
    }

    /// An integer of so many bytes; of `char` and `bool` too.
    pub fn int(&mut self, name: u32, bytes: u32, signed: bool) -> u32 {
        self.plain(Kind::Int, name, bytes, vec![u32::from(signed) << 24 | bytes.wrapping_mul(8) & 0xff])
    }

    /// A floating-point number.
    pub fn float(&mut self, name: u32, bytes: u32) -> u32 {
        self.plain(Kind::Float, name, bytes, Vec::new())
    }

    /// A pointer, or a type under a qualifier or another name.
    pub fn refer(&mut self, kind: Kind, name: u32, to: u32) -> u32 {
        self.plain(kind, name, to, Vec::new())
    }

    /// So many of another type, of however many dimensions.
    pub fn array(&mut self, of: u32, count: u32) -> u32 {
        // BTF has the type that counts as well; nobody asks for it.
        self.plain(Kind::Array, 0, 0, vec![of, of, count])
    }

    /// What is called, and never read.
    pub fn function(&mut self) -> u32 {
        self.plain(Kind::Prototype, 0, 0, Vec::new())
    }

    /// A struct or union that is defined elsewhere.
    pub fn forward(&mut self, name: u32, union: bool) -> u32 {
        let key = (Kind::Forward as u8, name, u32::from(union), 0);
        if let Some(id) = self.plain.get(&key) {
            return *id;
        }
        let id = self.reserve();
        self.put(id, Head { flag: union, ..Head::new(Kind::Forward, name, 0) }, Vec::new());
        self.plain.insert(key, id);
        id
    }

    /// Tells what a reserved id is: a struct or union.
    pub fn structure(&mut self, id: u32, name: u32, union: bool, bytes: u32, fields: &[Field]) {
        let wide = fields.iter().any(|field| field.bits.is_some());
        let mut rest = Vec::with_capacity(fields.len() * 3);
        for field in fields {
            let Ok(place) = u32::try_from(field.bit_offset) else { continue };
            let bits = u32::from(field.bits.unwrap_or(0));
            let place = match wide {
                true if place >> PLACE_BITS != 0 => continue,
                true => bits << PLACE_BITS | place,
                false => place,
            };
            rest.extend([field.name, field.id, place]);
        }
        let kind = if union { Kind::Union } else { Kind::Struct };
        let entries = rest.len() / 3;
        self.put(id, Head { flag: wide, entries, ..Head::new(kind, name, bytes) }, rest);
    }

    /// Tells what a reserved id is: an enumeration, of constants by name and value.
    pub fn enumeration(&mut self, id: u32, name: u32, bytes: u32, constants: &[(u32, i64)]) {
        let signed = constants.iter().any(|(_, value)| *value < 0);
        let narrow = constants.iter().all(|(_, value)| i32::try_from(*value).is_ok());
        let rest: Vec<u32> = match narrow {
            true => constants.iter().flat_map(|(name, value)| [*name, *value as u32]).collect(),
            false => constants.iter().flat_map(|(name, value)| [*name, *value as u32, (*value >> 32) as u32]).collect(),
        };
        let kind = if narrow { Kind::Enum } else { Kind::Enum64 };
        self.put(id, Head { flag: signed, entries: constants.len(), ..Head::new(kind, name, bytes) }, rest);
    }

    /// The section; none where there was more than one may have.
    pub fn finish(self) -> Option<Vec<u8>> {
        if self.full || self.types.is_empty() {
            return None;
        }
        let length = self.types.len() * 12 + self.words * 4;
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        bytes.reserve_exact(20 + length + self.text.len());
        let header = [24, 0, length as u32, length as u32, self.text.len() as u32];
        bytes.extend(header.iter().flat_map(|word: &u32| word.to_le_bytes()));
        for Written { name, info, value, rest } in &self.types {
            // An entry count that the kind does not have would be read as one.
            debug_assert!(Kind::from_number(Info(*info).kind()).is_some());
            bytes.extend([*name, *info, *value].iter().chain(rest).flat_map(|word| word.to_le_bytes()));
        }
        bytes.extend(self.text);
        Some(bytes)
    }
}
