//! Struct layouts behind one interface, wherever they came from.

mod lookup;

use std::sync::OnceLock;

use crate::error::Result;
use crate::image::Bytes;

use super::btf::names::Class;
use super::btf::salvage::{self, Lost};
use super::btf::section::Section;
use super::btf::{Btf, Kind, Record};

/// A type of one source: 0 is the kernel proper, above it modules with split BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TypeId {
    /// Which source.
    pub source: u16,
    /// The id within it.
    pub id: u32,
}

/// What a type is, with typedefs and qualifiers taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `void`, a function, a forward declaration: nothing that has bytes.
    Opaque,
    /// An integer, `bool` or `char`; an enum too.
    Integer {
        /// Size in memory.
        bytes: u32,
        /// Two's complement.
        signed: bool,
    },
    /// A pointer.
    Pointer(TypeId),
    /// An array.
    Array {
        /// Type of an element.
        element: TypeId,
        /// How many.
        count: u32,
    },
    /// A struct or union.
    Struct {
        /// Size in memory.
        bytes: u32,
    },
}

/// A member of a struct, found by name through anonymous members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Distance from the struct's start, in bits.
    pub bit_offset: u64,
    /// Its type.
    pub id: TypeId,
    /// Width, for a bit-field.
    pub bits: Option<u8>,
}

/// Loads modules' split BTF: (module name, section).
type Loader = Box<dyn Fn() -> Vec<(String, Vec<u8>)> + Send + Sync>;

/// The source of types that modules' build on, where these are not the kernel's.
const BASE: u16 = u16::MAX;
/// How many typedefs, qualifiers, array dimensions or anonymous members may lie in one another.
const MAX_NESTING: u32 = 32;
/// Members looked at before a struct of hostile nesting is given up.
const MAX_MEMBERS: u32 = 1 << 16;

/// Every type of a kernel: its own, and those of its modules, which are read when one is first needed.
#[derive(Default)]
pub struct Types {
    kernel: Section,
    /// The kernel's own BTF, on which that of modules builds, where the kernel's types are from elsewhere.
    base: Option<Section>,
    lost: Lost,
    modules: OnceLock<Vec<Section>>,
    loader: OnceLock<Loader>,
}

impl Types {
    /// Reads the kernel's BTF, validated wholly.
    pub fn from_btf(bytes: impl Into<Bytes>) -> Result<Self> {
        Ok(Self { kernel: Section::new(String::new(), Btf::parse(bytes.into())?), ..Self::default() })
    }

    /// What is left of the kernel's BTF where pages of it are damaged; it begins so many bytes behind the start of a page.
    pub(crate) fn salvaged(bytes: impl Into<Bytes>, phase: usize) -> Result<Self> {
        let (btf, lost) = salvage::parse(bytes.into(), phase)?;
        Ok(Self { kernel: Section::new(String::new(), btf), lost, ..Self::default() })
    }

    /// The section that they are read from.
    pub fn btf(&self) -> &[u8] {
        self.kernel.btf.section()
    }

    /// Whether some of the kernel's own types could not be read.
    pub fn is_damaged(&self) -> bool {
        self.lost != Lost::default()
    }

    /// What of them, in words.
    pub fn lost(&self) -> Option<String> {
        let Lost { types, name_pages, is_open } = self.lost;
        let modules = if is_open { ", those of modules are not known at all" } else { "" };
        self.is_damaged().then(|| {
            format!(
                "pages of the kernel's own types (BTF) are damaged: {types} of {} types and the names on {name_pages} pages of \
                 them are not known{modules}, and tables lack what these would show, or fail",
                self.kernel.btf.end_id() - 1
            )
        })
    }

    /// The same types, where those of modules build on others: the kernel's own.
    pub fn over(mut self, own: Types) -> Self {
        self.base = Some(own.kernel);
        self
    }

    /// Tells how to load modules' split BTF; called at most once, when a name is not one of the kernel's own.
    pub fn set_modules(&self, load: Loader) {
        if self.lost.is_open {
            return;
        }
        // A second loader would renumber sources, so the first stays.
        let _ = self.loader.set(load);
    }

    /// Names of the modules whose types could be read.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.loaded().iter().map(|module| module.name.as_str())
    }

    /// What a type is, typedefs and qualifiers taken off.
    pub fn shape(&self, id: TypeId) -> Shape {
        let id = self.strip(id);
        let Some(record) = self.record(id) else { return Shape::Opaque };
        match record.kind {
            Kind::Int => Shape::Integer { bytes: record.value, signed: record.word(0).unwrap_or(0) >> 24 & 1 == 1 },
            Kind::Enum | Kind::Enum64 => Shape::Integer { bytes: record.value, signed: record.is_signed_enum() },
            Kind::Pointer => Shape::Pointer(self.at(id.source, record.value)),
            Kind::Array => Shape::Array {
                element: self.at(id.source, record.word(0).unwrap_or(0)),
                count: record.word(2).unwrap_or(0),
            },
            Kind::Struct | Kind::Union => Shape::Struct { bytes: record.value },
            _ => Shape::Opaque,
        }
    }

    /// Size in memory.
    pub fn size(&self, id: TypeId) -> Option<u64> {
        let (mut id, mut times) = (id, 1u64);
        for _ in 0..MAX_NESTING {
            match self.shape(id) {
                Shape::Opaque => return None,
                Shape::Integer { bytes, .. } | Shape::Struct { bytes } => return times.checked_mul(u64::from(bytes)),
                Shape::Pointer(_) => return times.checked_mul(8),
                Shape::Array { element, count } => {
                    id = element;
                    times = times.checked_mul(u64::from(count))?;
                }
            }
        }
        None
    }

    /// A member of a struct or union, looked for in its anonymous members too.
    pub fn member(&self, structure: TypeId, name: &str) -> Option<Member> {
        self.member_within(structure, name.as_bytes(), 0, &mut MAX_MEMBERS.clone())
    }

    /// What a pointer leads to.
    pub fn pointed(&self, id: TypeId) -> Option<TypeId> {
        match self.shape(id) {
            Shape::Pointer(target) => Some(target),
            _ => None,
        }
    }

    /// The constants of an enum, in its order; none of another type.
    pub fn constants(&self, id: TypeId) -> Vec<(i64, String)> {
        let id = self.strip(id);
        let Some(record) = self.record(id).filter(|record| record.kind.is_enum()) else { return Vec::new() };
        let constant = |index: u32| {
            let (name, value) = record.enumerator(index)?;
            Some((value, String::from_utf8_lossy(self.string(id.source, name)).into_owned()))
        };
        (0..record.count.min(MAX_MEMBERS)).filter_map(constant).collect()
    }

    /// The type as C would write it, for messages.
    pub fn name(&self, id: TypeId) -> String {
        let (mut id, mut suffix) = (id, String::new());
        for _ in 0..MAX_NESTING {
            let Some(record) = self.record(id) else { break };
            let name = String::from_utf8_lossy(self.string(id.source, record.name)).into_owned();
            let prefix = match record.kind {
                Kind::Struct => "struct ",
                Kind::Union => "union ",
                Kind::Enum | Kind::Enum64 => "enum ",
                Kind::Forward if record.flag => "union ",
                Kind::Forward => "struct ",
                Kind::Int | Kind::Float | Kind::Typedef => "",
                Kind::Pointer => {
                    suffix.insert(0, '*');
                    id = self.at(id.source, record.value);
                    continue;
                }
                Kind::Array => {
                    suffix.push_str(&format!("[{}]", record.word(2).unwrap_or(0)));
                    id = self.at(id.source, record.word(0).unwrap_or(0));
                    continue;
                }
                Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag => {
                    id = self.at(id.source, record.value);
                    continue;
                }
                _ => return format!("function{suffix}"),
            };
            let name = if name.is_empty() { "(anonymous)" } else { &name };
            let space = if suffix.starts_with('*') { " " } else { "" };
            return format!("{prefix}{name}{space}{suffix}");
        }
        format!("void {suffix}").trim_end().to_owned()
    }

    /// Takes off typedefs and qualifiers, and follows a forward declaration to the source that defines the struct.
    pub(crate) fn strip(&self, id: TypeId) -> TypeId {
        let mut id = self.at(id.source, id.id);
        for _ in 0..MAX_NESTING {
            let Some(record) = self.record(id) else { return id };
            match record.kind {
                kind if kind.is_wrapper() => id = self.at(id.source, record.value),
                Kind::Forward => {
                    let class = if record.flag { Class::Union } else { Class::Struct };
                    let name = self.string(id.source, record.name);
                    return self.defined(id.source, class, name).unwrap_or(id);
                }
                _ => return id,
            }
        }
        TypeId { source: 0, id: 0 }
    }

    fn member_within(&self, structure: TypeId, name: &[u8], depth: u32, left: &mut u32) -> Option<Member> {
        let structure = self.strip(structure);
        let record = self.record(structure).filter(|record| matches!(record.kind, Kind::Struct | Kind::Union))?;
        for index in 0..record.count {
            *left = left.checked_sub(1)?;
            let [name_at, type_id, place] = record.triple(index)?;
            let id = self.at(structure.source, type_id);
            let (bit_offset, width) = match record.flag {
                true => (u64::from(place & 0xff_ffff), (place >> 24) as u8),
                false => (u64::from(place), 0),
            };
            let found = self.string(structure.source, name_at);
            if found == name && !name.is_empty() {
                return Some(self.bit_field(Member { bit_offset, id, bits: (width > 0).then_some(width) }));
            }
            let within = found.is_empty() && depth < MAX_NESTING;
            if let Some(inner) = within.then(|| self.member_within(id, name, depth + 1, left)).flatten() {
                return Some(Member { bit_offset: bit_offset.checked_add(inner.bit_offset)?, ..inner });
            }
        }
        None
    }

    /// Before `kind_flag`, a bit-field was a member whose integer is narrower than its bytes.
    fn bit_field(&self, member: Member) -> Member {
        let Some(record) = self.record(self.strip(member.id)) else { return member };
        let encoding = record.word(0).unwrap_or(0);
        let (bits, skipped) = (encoding & 0xff, encoding >> 16 & 0xff);
        if member.bits.is_some() || record.kind != Kind::Int || bits == record.value.saturating_mul(8) {
            return member;
        }
        Member { bit_offset: member.bit_offset.saturating_add(u64::from(skipped)), bits: Some(bits as u8), ..member }
    }

    /// Entries that the longest search for a name of the kernel proper passes.
    #[cfg(test)]
    pub(crate) fn longest_search(&self) -> usize {
        self.find("struct none");
        self.kernel.longest_search()
    }

    /// Modules' sections; one that is not valid is left out, as its types cannot be told from rubbish.
    fn loaded(&self) -> &[Section] {
        self.modules.get_or_init(|| {
            let sections = self.loader.get().map(|load| load()).unwrap_or_default();
            let parse = |(name, bytes)| Some(Section::new(name, Btf::parse_split(bytes, self.base()).ok()?));
            sections.into_iter().filter_map(parse).take(usize::from(BASE) - 1).collect()
        })
    }

    /// What modules' types build on.
    fn base(&self) -> &Btf {
        &self.base.as_ref().unwrap_or(&self.kernel).btf
    }

    fn section(&self, source: u16) -> Option<&Section> {
        match source {
            0 => Some(&self.kernel),
            BASE => self.base.as_ref(),
            _ => self.loaded().get(usize::from(source) - 1),
        }
    }

    fn record(&self, id: TypeId) -> Option<Record<'_>> {
        self.section(id.source)?.btf.record(id.id)
    }

    /// An id as a source writes it: a module's low ids are the kernel's.
    fn at(&self, source: u16, id: u32) -> TypeId {
        let own = self.section(source).is_some_and(|section| id >= section.btf.first_id());
        let base = if self.base.is_some() { BASE } else { 0 };
        TypeId { source: if own { source } else { base }, id }
    }

    fn string(&self, source: u16, offset: u32) -> &[u8] {
        let own = self.section(source).and_then(|section| section.btf.string(offset));
        own.or_else(|| self.base().string(offset)).unwrap_or_default()
    }
}
