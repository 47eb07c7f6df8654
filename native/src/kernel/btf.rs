//! BPF Type Format: the kernel's own description of its structs, in `.BTF`, and split BTF of modules on top of it.
//!
//! A section is validated wholly before anything in it is believed: memory holds stale and half-overwritten copies.

pub(crate) mod names;
mod record;
pub(crate) mod salvage;
pub(crate) mod section;
pub(crate) mod writer;

use std::ops::Range;

use crate::error::{Error, Result};
use crate::image::Bytes;
use crate::words::u32_at;
use record::Info;
pub(crate) use record::{Kind, Record};

const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;
/// A header that tells where the layout section is (from 7.1).
const LONG_HEADER: usize = 32;
/// The kernel's own limit (BTF_MAX_TYPE) is a million types.
const MAX_TYPES: usize = 1 << 20;
/// A longer string is no name: the kernel's own limit (KSYM_NAME_LEN) is 512.
const LONGEST_NAME: usize = 1024;

/// One BTF section, the kernel's or a module's.
#[derive(Debug, Default)]
pub(crate) struct Btf {
    bytes: Bytes,
    strings: Range<usize>,
    /// Where each type's record begins, by id less `first_id`.
    offsets: Vec<u32>,
    first_id: u32,
    first_string: u32,
    layout: Range<usize>,
    flagged_enums: bool,
    /// Pages of the strings that are damaged, in a section that was salvaged.
    lost_strings: Vec<Range<usize>>,
}

/// A name that was lost: no name of anything, and not none.
const LOST: &[u8] = b"\xff";

impl Btf {
    /// Reads and validates the kernel's own section.
    pub fn parse(bytes: Bytes) -> Result<Self> {
        // Id 0 is void and has no record.
        Self::parse_from(bytes, None)
    }

    /// Reads and validates a module's section over the kernel's.
    pub fn parse_split(bytes: Vec<u8>, base: &Btf) -> Result<Self> {
        Self::parse_from(bytes.into(), Some(base))
    }

    /// All of its bytes.
    pub fn section(&self) -> &[u8] {
        &self.bytes
    }

    fn parse_from(bytes: Bytes, base: Option<&Btf>) -> Result<Self> {
        let (mut btf, types) = Self::unread(bytes, base)?;
        let text = btf.bytes.get(btf.strings.clone()).unwrap_or_default();
        let split = base.is_some();
        if !(text.last() == Some(&0) && (split || text.first() == Some(&0)) || split && text.is_empty()) {
            return Err(bad("its strings do not end"));
        }
        btf.offsets = btf.records(types)?;
        btf.flagged_enums |= btf.validate()?;
        Ok(btf)
    }

    /// A section of which the header is read, and where its records are.
    fn unread(bytes: Bytes, base: Option<&Btf>) -> Result<(Self, Range<usize>)> {
        let header = |at| u32_at(&bytes, at).ok_or_else(|| bad("its header is cut off"));
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
            let to = from.and_then(|from| from.checked_add(u32_at(&bytes, at + 4)? as usize));
            match (from, to) {
                (Some(from), Some(to)) if to <= bytes.len() => Ok(from..to),
                _ => Err(bad("a section lies outside of it")),
            }
        };
        let (types, strings) = (section(8)?, section(16)?);
        let layout = if length >= LONG_HEADER { section(24)? } else { 0..0 };
        let btf = Self {
            strings,
            offsets: Vec::new(),
            first_id: base.map_or(1, Btf::end_id),
            first_string: base.map_or(0, |base| base.strings.len() as u32),
            layout,
            flagged_enums: base.is_some_and(|base| base.flagged_enums),
            lost_strings: Vec::new(),
            bytes,
        };
        Ok((btf, types))
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
        self.record_of(&self.bytes, id)
    }

    /// The same where the section's bytes are at hand, for who looks at one record after the other.
    #[inline]
    fn record_of<'b>(&self, bytes: &'b [u8], id: u32) -> Option<Record<'b>> {
        let at = *self.offsets.get(id.checked_sub(self.first_id)? as usize)? as usize;
        let [name, info, value] = triple(bytes, at)?;
        let info = Info(info);
        let kind = Kind::from_number(info.kind())?;
        let count = info.count();
        let (fixed, each) = kind.words();
        let rest = bytes.get(at + 12..at + 12 + (fixed + each * count as usize) * 4)?;
        Some(Record { kind, flag: info.flag(), flagged_enums: self.flagged_enums, name, value, count, rest })
    }

    /// A string; `None` when it is one of the base's.
    pub fn string(&self, offset: u32) -> Option<&[u8]> {
        let at = offset.checked_sub(self.first_string)? as usize;
        let text = self.bytes.get(self.strings.clone())?.get(at..)?;
        let text = text.get(..text.len().min(LONGEST_NAME))?;
        // No page of names is damaged in a section that was read as a whole.
        if !self.lost_strings.is_empty() {
            match at {
                0 => return Some(b""),
                _ if self.is_lost(at) => return Some(LOST),
                _ => {}
            }
        }
        text.get(..memchr::memchr(0, text)?)
    }

    /// Every id and string offset of every record is in range. Tells whether any is an enum whose sign is in its flag.
    fn validate(&self) -> Result<bool> {
        let bytes: &[u8] = &self.bytes;
        let mut flagged = false;
        for id in self.first_id..self.end_id() {
            let record = self.record_of(bytes, id).ok_or_else(|| bad("a record is cut off"))?;
            flagged |= record.flag && record.kind.is_enum();
            if record.kind != Kind::Later && !self.points_inside(&record) {
                return Err(bad(&format!("type {id} points outside of it")));
            }
        }
        Ok(flagged)
    }

    #[inline]
    fn points_inside(&self, record: &Record) -> bool {
        let types = self.end_id();
        let strings = self.first_string + self.strings.len() as u32;
        let mut fine = record.name < strings && (!record.kind.refers() || record.value < types);
        // A function's count is its linkage.
        fine &= record.count == 0 || record.kind.words().1 > 0 || record.kind == Kind::Function;
        match record.kind {
            Kind::Array => fine &= record.starts::<12>().all(|[element, index]| element < types && index < types),
            Kind::Struct | Kind::Union => {
                fine &= record.starts::<12>().all(|[name, of]| name < strings && of < types);
            }
            Kind::Prototype => fine &= record.starts::<8>().all(|[name, of]| name < strings && of < types),
            Kind::Enum => fine &= record.starts::<8>().all(|[name, _]| name < strings),
            Kind::Enum64 => fine &= record.starts::<12>().all(|[name, _]| name < strings),
            Kind::Section => fine &= record.starts::<12>().all(|[of, _]| of < types),
            _ => {}
        }
        fine
    }

    /// Where each record begins.
    fn records(&self, types: Range<usize>) -> Result<Vec<u32>> {
        let mut offsets = Vec::with_capacity(types.len() / 32);
        let bytes: &[u8] = &self.bytes;
        let mut at = types.start;
        while at < types.end {
            let info = Info(u32_at(bytes, at + 4).ok_or_else(|| bad("a record is cut off"))?);
            offsets.push(at as u32);
            at += 12 + self.extra(info)?;
            if offsets.len() > MAX_TYPES {
                return Err(bad("more types than a kernel has"));
            }
        }
        if at == types.end { Ok(offsets) } else { Err(bad("its last record is cut off")) }
    }

    /// Bytes of a record after its three words. Those of a kind that is not known are told by the layout section (`struct
    /// btf_layout`: bytes once, bytes for each entry, 16 bits of flags); without it nothing after could be believed.
    fn extra(&self, info: Info) -> Result<usize> {
        let (once, each) = match Kind::from_number(info.kind()) {
            Some(Kind::Later) => {
                let known = self.bytes.get(self.layout.clone()).unwrap_or_default();
                known
                    .get(info.kind() as usize * 4..)
                    .and_then(<[u8]>::first_chunk)
                    .map(|[once, each, ..]: &[u8; 4]| (usize::from(*once), usize::from(*each)))
            }
            kind => kind.map(Kind::words).map(|(once, each)| (once * 4, each * 4)),
        }
        .ok_or_else(|| bad(&format!("a record of unknown kind {}", info.kind())))?;
        Ok(once + each * info.count() as usize)
    }
}

/// The three words that each record begins with.
fn triple(bytes: &[u8], at: usize) -> Option<[u32; 3]> {
    let (words, _) = bytes.get(at..)?.first_chunk::<12>()?.as_chunks::<4>();
    let [name, info, value] = words.first_chunk::<3>()?;
    Some([name, info, value].map(|word| u32::from_le_bytes(*word)))
}

fn bad(what: &str) -> Error {
    Error::no_symbols(format!("not valid BTF: {what}"))
}
