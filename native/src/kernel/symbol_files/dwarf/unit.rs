//! The types that one unit describes, as they stand there.

use std::hash::{DefaultHasher, Hash, Hasher};

use gimli::{
    Abbreviations, Attribute, AttributeValue, DwTag, EndianSlice, Format, LittleEndian, Reader, UnitHeader, UnitOffset,
};

use super::Sections;

/// No offset or id.
pub const NONE: u32 = u32::MAX;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// References from a member to a name that are followed to tell types apart.
const MOST_REFERENCES: usize = 8;

/// What a type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    Base,
    Struct,
    Union,
    Enum,
    Pointer,
    Typedef,
    Const,
    Volatile,
    Restrict,
    Array,
    Function,
    /// None that has bytes.
    Other,
}

impl Tag {
    fn of(tag: DwTag) -> Option<Self> {
        Some(match tag {
            gimli::DW_TAG_base_type => Tag::Base,
            gimli::DW_TAG_structure_type | gimli::DW_TAG_class_type => Tag::Struct,
            gimli::DW_TAG_union_type => Tag::Union,
            gimli::DW_TAG_enumeration_type => Tag::Enum,
            gimli::DW_TAG_pointer_type => Tag::Pointer,
            gimli::DW_TAG_typedef => Tag::Typedef,
            gimli::DW_TAG_const_type => Tag::Const,
            gimli::DW_TAG_volatile_type | gimli::DW_TAG_atomic_type => Tag::Volatile,
            gimli::DW_TAG_restrict_type => Tag::Restrict,
            gimli::DW_TAG_array_type => Tag::Array,
            gimli::DW_TAG_subroutine_type => Tag::Function,
            gimli::DW_TAG_unspecified_type => Tag::Other,
            _ => return None,
        })
    }

    /// Whether it is asked for by name.
    pub fn is_root(self) -> bool {
        matches!(self, Tag::Base | Tag::Struct | Tag::Union | Tag::Enum | Tag::Typedef)
    }
}

/// A type as its unit describes it.
#[derive(Debug, Clone, Copy)]
pub struct Die {
    pub offset: u32,
    pub tag: Tag,
    /// What the name is called in what is written; 0 is none.
    pub name: u32,
    /// Bytes.
    pub size: u64,
    /// Where the type lies that it refers to.
    pub of: u32,
    pub encoding: u8,
    pub line: u64,
    /// Whether it is declared and not defined.
    pub declared: bool,
    /// What it is in what is written, once that is known.
    pub id: u32,
    first: u32,
    last: u32,
}

/// A member, a constant or a dimension.
#[derive(Debug, Clone, Copy)]
pub struct Child {
    pub name: u32,
    /// Where the type lies.
    pub of: u32,
    /// Distance in bits, value or count.
    pub value: i64,
    pub bits: Option<u8>,
    next: u32,
}

/// A unit's types in the order of their offsets.
pub struct Unit {
    pub dies: Vec<Die>,
    children: Vec<Child>,
    /// References to types that are not in this unit.
    pub foreign: usize,
}

/// Attributes of one entry.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    name: u32,
    size: Option<u64>,
    of: Option<u32>,
    encoding: u8,
    line: u64,
    declared: bool,
    location: u64,
    data_bit_offset: Option<u64>,
    bit_offset: Option<u64>,
    bit_size: Option<u64>,
    count: Option<u64>,
    value: i64,
    sibling: Option<usize>,
    rust: bool,
    foreign: bool,
}

impl Unit {
    /// Reads a unit; `intern` keeps a name.
    pub fn read<'a>(
        header: &UnitHeader<Slice<'a>>,
        abbreviations: &Abbreviations,
        sections: &'a Sections,
        intern: &mut dyn FnMut(Slice<'a>) -> u32,
    ) -> gimli::Result<Self> {
        let mut unit = Self { dies: Vec::new(), children: Vec::new(), foreign: 0 };
        let mut names = Names { sections, intern, base: 0, wide: header.format() == Format::Dwarf64 };
        let mut entries = header.entries_raw(abbreviations, None)?;
        // Which type each level of what is open belongs to.
        let mut levels: Vec<Option<usize>> = Vec::new();
        while !entries.is_empty() {
            let offset = entries.next_offset();
            let Some(abbreviation) = entries.read_abbreviation()? else {
                levels.pop();
                if levels.is_empty() {
                    break;
                }
                continue;
            };
            let tag = abbreviation.tag();
            let mut told = Told::default();
            for spec in abbreviation.attributes() {
                names.take(&entries.read_attribute(*spec)?, &mut told);
            }
            let is_unit = levels.is_empty();
            if is_unit && told.rust {
                break;
            }
            let kind = Tag::of(tag);
            let mut own = None;
            if let Some(kind) = kind {
                unit.foreign += usize::from(told.foreign);
                own = Some(unit.dies.len());
                unit.dies.push(Die::new(offset, kind, &told));
            } else if let Some(parent) = levels.last().copied().flatten() {
                unit.foreign += usize::from(told.foreign);
                unit.child(parent, tag, &told);
            }
            if !abbreviation.has_children() {
                continue;
            }
            // Functions have nothing in them that is asked for by name.
            let within = is_unit || kind.is_some_and(|kind| kind != Tag::Function) || tag == gimli::DW_TAG_namespace;
            if within {
                levels.push(own);
                continue;
            }
            match told.sibling.filter(|sibling| *sibling > entries.next_offset().0) {
                Some(sibling) => entries = header.entries_raw(abbreviations, Some(UnitOffset(sibling)))?,
                None => skip(&mut entries)?,
            }
        }
        Ok(unit)
    }

    fn child(&mut self, parent: usize, tag: DwTag, told: &Told) {
        let value = match tag {
            gimli::DW_TAG_member => told.place() as i64,
            gimli::DW_TAG_enumerator => told.value,
            gimli::DW_TAG_subrange_type => told.count.unwrap_or(0) as i64,
            _ => return,
        };
        let bits = told.bit_size.and_then(|bits| u8::try_from(bits).ok());
        let at = self.children.len() as u32;
        self.children.push(Child { name: told.name, of: told.of.unwrap_or(NONE), value, bits, next: NONE });
        let Some(die) = self.dies.get_mut(parent) else { return };
        let last = std::mem::replace(&mut die.last, at);
        match self.children.get_mut(last as usize) {
            Some(last) => last.next = at,
            None => die.first = at,
        }
    }

    /// Members, constants or dimensions of a type, in order.
    pub fn children(&self, die: &Die) -> Vec<Child> {
        let child = |at: u32| self.children.get(at as usize);
        std::iter::successors(child(die.first), |last| child(last.next)).copied().collect()
    }

    /// Which type begins at an offset.
    pub fn find(&self, offset: u32) -> Option<usize> {
        self.dies.binary_search_by_key(&offset, |die| die.offset).ok()
    }

    /// What makes a type the same as one of another unit.
    pub fn signature(&self, die: &Die) -> (Tag, u32, u64, u64, u64) {
        let mut hash = DefaultHasher::new();
        let child = |at: u32| self.children.get(at as usize);
        for Child { name, value, bits, of, .. } in std::iter::successors(child(die.first), |last| child(last.next)) {
            (name, value, bits).hash(&mut hash);
            self.hash_reference(*of, &mut hash);
        }
        (die.tag, die.name, die.size, die.line, hash.finish())
    }

    /// What a member refers to, as far as to the first name: structs without a name are often alike but for that
    /// (`u64_stats_t` and others have one member, called `v`). Its size would tell a declaration from a definition.
    fn hash_reference(&self, mut of: u32, hash: &mut DefaultHasher) {
        for _ in 0..MOST_REFERENCES {
            let Some(die) = self.find(of).and_then(|at| self.dies.get(at)) else { return };
            (die.tag, die.name).hash(hash);
            if die.name != 0 {
                return;
            }
            of = die.of;
        }
    }
}

/// Goes behind all that is in the entry that was just read.
fn skip(entries: &mut gimli::EntriesRaw<Slice>) -> gimli::Result<()> {
    let mut depth = 1_usize;
    while depth > 0 && !entries.is_empty() {
        match entries.read_abbreviation()? {
            None => depth -= 1,
            Some(abbreviation) => {
                entries.skip_attributes(abbreviation.attributes())?;
                depth += usize::from(abbreviation.has_children());
            }
        }
    }
    Ok(())
}

impl Die {
    fn new(offset: UnitOffset, tag: Tag, told: &Told) -> Self {
        Self {
            offset: u32::try_from(offset.0).unwrap_or(NONE),
            tag,
            name: told.name,
            size: told.size.unwrap_or(0),
            of: told.of.unwrap_or(NONE),
            encoding: told.encoding,
            line: told.line,
            declared: told.declared,
            id: NONE,
            first: NONE,
            last: NONE,
        }
    }
}

impl Told {
    /// Distance of a member from its struct's start, in bits. Until DWARF 4 a bit-field was told by the integer that it lies
    /// in, from whose upper end its distance counts.
    fn place(&self) -> u64 {
        let start = self.location.saturating_mul(8);
        match (self.data_bit_offset, self.bit_offset, self.bit_size) {
            (Some(bits), ..) => bits,
            (None, Some(from_end), Some(bits)) => {
                let whole = self.size.unwrap_or(0).saturating_mul(8);
                start.saturating_add(whole.saturating_sub(from_end.saturating_add(bits)))
            }
            _ => start,
        }
    }
}

/// Reads attributes; names lie in several sections.
struct Names<'a, 'f> {
    sections: &'a Sections,
    intern: &'f mut dyn FnMut(Slice<'a>) -> u32,
    /// Where a unit's offsets of strings begin.
    base: usize,
    wide: bool,
}

impl<'a> Names<'a, '_> {
    fn take(&mut self, attribute: &Attribute<Slice<'a>>, told: &mut Told) {
        let raw = attribute.raw_value();
        match attribute.name() {
            gimli::DW_AT_name => told.name = self.name(&raw, &mut told.foreign),
            gimli::DW_AT_byte_size => told.size = attribute.udata_value(),
            gimli::DW_AT_type => match raw {
                AttributeValue::UnitRef(offset) => told.of = u32::try_from(offset.0).ok(),
                _ => told.foreign = true,
            },
            gimli::DW_AT_encoding => told.encoding = attribute.udata_value().map_or(0, |encoding| encoding as u8),
            gimli::DW_AT_decl_line => told.line = attribute.udata_value().unwrap_or(0),
            gimli::DW_AT_declaration => told.declared = true,
            gimli::DW_AT_data_member_location => told.location = location(attribute),
            gimli::DW_AT_data_bit_offset => told.data_bit_offset = attribute.udata_value(),
            gimli::DW_AT_bit_offset => told.bit_offset = attribute.udata_value(),
            gimli::DW_AT_bit_size => told.bit_size = attribute.udata_value(),
            // An array without an end has none, or one of -1.
            gimli::DW_AT_upper_bound => {
                told.count = told.count.or(attribute.udata_value().map(|last| last.wrapping_add(1)))
            }
            gimli::DW_AT_count => told.count = attribute.udata_value(),
            gimli::DW_AT_const_value => told.value = constant(&raw),
            gimli::DW_AT_sibling => {
                if let AttributeValue::UnitRef(offset) = raw {
                    told.sibling = Some(offset.0);
                }
            }
            gimli::DW_AT_language => {
                told.rust = attribute.udata_value() == Some(u64::from(gimli::DW_LANG_Rust.0))
                    || matches!(attribute.value(), AttributeValue::Language(gimli::DW_LANG_Rust));
            }
            gimli::DW_AT_str_offsets_base => {
                if let Some(base) = attribute.offset_value() {
                    self.base = base;
                }
            }
            _ => {}
        }
    }

    fn name(&mut self, value: &AttributeValue<Slice<'a>>, foreign: &mut bool) -> u32 {
        let sections = self.sections;
        let text = match value {
            AttributeValue::String(text) => Some(*text),
            AttributeValue::DebugStrRef(offset) => string(&sections.strings, offset.0),
            AttributeValue::DebugLineStrRef(offset) => string(&sections.line_strings, offset.0),
            AttributeValue::DebugStrOffsetsIndex(index) => self.indexed(index.0),
            _ => {
                *foreign = true;
                None
            }
        };
        text.map_or(0, |text| (self.intern)(text))
    }

    fn indexed(&self, index: usize) -> Option<Slice<'a>> {
        let width = if self.wide { 8 } else { 4 };
        let at = self.base.checked_add(index.checked_mul(width)?)?;
        let word = self.sections.string_offsets.get(at..at.checked_add(width)?)?;
        let offset = word.iter().rev().fold(0, |offset: u64, byte| offset << 8 | u64::from(*byte));
        string(&self.sections.strings, usize::try_from(offset).ok()?)
    }
}

fn string(section: &[u8], offset: usize) -> Option<Slice<'_>> {
    let text = section.get(offset..)?;
    Some(EndianSlice::new(text.get(..memchr::memchr(0, text)?)?, LittleEndian))
}

/// Old compilers say by an expression how far a member lies from its struct's start.
fn location(attribute: &Attribute<Slice>) -> u64 {
    if let Some(bytes) = attribute.udata_value() {
        return bytes;
    }
    let Some(mut expression) = attribute.exprloc_value().map(|expression| expression.0) else { return 0 };
    match expression.read_u8() {
        Ok(operation) if operation == gimli::DW_OP_plus_uconst.0 => expression.read_uleb128().unwrap_or(0),
        _ => 0,
    }
}

/// A constant: what has a size and no sign is one without a sign.
fn constant(value: &AttributeValue<Slice>) -> i64 {
    match value {
        AttributeValue::Data1(byte) => i64::from(*byte),
        AttributeValue::Data2(word) => i64::from(*word),
        AttributeValue::Data4(word) => i64::from(*word),
        AttributeValue::Data8(word) => *word as i64,
        AttributeValue::Udata(word) => *word as i64,
        AttributeValue::Sdata(word) => *word,
        _ => 0,
    }
}
