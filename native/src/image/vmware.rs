//! VMware's suspended guests and snapshots: memory in a `.vmem` file, which regions of the address space it holds in a `.vmss`
//! or `.vmsn` beside it. Snapshots of older products hold the memory itself. The format is a header, groups, and in each
//! group tags with indices and a value (the layout is what `vmss2core` and Volatility read it by).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::Evidence;
use super::{Companion, Layout, PAGE_SIZE, Range};
use crate::error::{Error, Result};
use crate::words::{u32_at, u64_at};

/// How such a file begins: the low four bits of the first byte are the version.
const MAGICS: [&[u8; 4]; 4] = [b"\xd0\xbe\xd2\xbe", b"\xd1\xba\xd1\xba", b"\xd2\xbe\xd2\xbe", b"\xd3\xbe\xd3\xbe"];
const HEADER: usize = 12;
/// Name, offset and size.
const GROUP: usize = 80;
const GROUP_NAME: usize = 64;
const MOST_GROUPS: u32 = 1024;
const MOST_TAGS: usize = 1 << 20;
const MOST_REGIONS: u64 = 4096;
/// Lengths of values that stand for "as long as is written before it".
const LONG: [u8; 2] = [62, 63];

/// What files beside a `.vmem` are called that tell of it.
const STATES: [&str; 2] = ["vmss", "vmsn"];
const MEMORY: &str = "vmem";
/// Without one of them: memory above 3 GiB goes on at 4 GiB.
const HOLE: (u64, u64) = (3 << 30, 4 << 30);

/// Reads a `.vmem` by its name, for nothing in it tells what it is, and the others by how they begin.
pub fn parse(file: &Evidence) -> Option<Result<Layout>> {
    if is_state(file.bytes()) {
        return Some(state(file));
    }
    is_memory(file.path()).then(|| memory(file))
}

/// Whether what begins like this is such a state.
pub fn is_state(bytes: &[u8]) -> bool {
    MAGICS.iter().any(|magic| bytes.starts_with(*magic))
}

/// A state that was named by itself.
fn state(file: &Evidence) -> Result<Layout> {
    let tags = Tags::read(file.bytes())?;
    let Some((at, length)) = tags.memory else {
        let beside = file.path().with_extension(MEMORY);
        let name = beside.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(Error::evidence(format!(
            "a saved state of VMware without the guest's memory, which is in {name}: name that file, and leave this one \
             beside it"
        )));
    };
    Ok(Layout { ranges: tags.ranges(at, length)?, ..Layout::default() })
}

/// The file that would be read with a `.vmem`.
pub fn companion(path: &Path) -> Option<PathBuf> {
    STATES.iter().map(|ending| path.with_extension(ending)).find(|beside| is_memory(path) && beside.exists())
}

fn is_memory(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(MEMORY))
}

/// A `.vmem`, with the state beside it where there is one.
fn memory(file: &Evidence) -> Result<Layout> {
    if let Some(path) = companion(file.path()) {
        return beside(file, &path);
    }
    let size = file.size();
    let low = size.min(HOLE.0);
    let mut ranges = vec![Range { start: 0, length: low, offset: 0 }];
    let mut layout = Layout::default();
    if size > low {
        ranges.push(Range { start: HOLE.1, length: size - low, offset: low });
        layout.warnings.push(format!(
            "left out: no .vmss or .vmsn is beside the .vmem; its memory from {low:#x} on is taken to lie at {:#x}",
            HOLE.1
        ));
    }
    layout.ranges = ranges;
    Ok(layout)
}

fn beside(file: &Evidence, path: &Path) -> Result<Layout> {
    let state = Evidence::open(path)?;
    if !is_state(state.bytes()) {
        return Err(Error::evidence(format!("{} is no saved state of VMware", path.display())));
    }
    let ranges = Tags::read(state.bytes())?.ranges(0, file.size())?;
    let companions = vec![Companion { path: path.to_owned(), source: Arc::clone(state.shared_source()) }];
    Ok(Layout { ranges, companions, ..Layout::default() })
}

/// What the group `memory` says.
#[derive(Default)]
struct Tags {
    /// First page, first page in the memory that is stored, and pages, of each region.
    regions: Vec<[Option<u64>; 3]>,
    /// How many there should be.
    count: u64,
    /// Offset and bytes of memory that is in this file.
    memory: Option<(u64, u64)>,
}

impl Tags {
    fn read(bytes: &[u8]) -> Result<Self> {
        let damaged = |what: &str| Error::evidence(format!("a saved state of VMware, damaged or cut off in {what}"));
        let version = bytes.first().map_or(0, |byte| byte & 0xf);
        let groups = u32_at(bytes, 8).filter(|groups| *groups <= MOST_GROUPS).ok_or_else(|| damaged("its header"))?;
        let memory = (0..groups as usize).find_map(|group| {
            let group = bytes.get(HEADER + group * GROUP..)?.get(..GROUP)?;
            let name = group.get(..GROUP_NAME)?.split(|byte| *byte == 0).next()?;
            (name == b"memory").then(|| u64_at(group, GROUP_NAME))?
        });
        let at = memory.ok_or_else(|| damaged("its groups: none is called memory"))?;
        let mut tags = Self::default();
        let mut at = usize::try_from(at).map_err(|_| damaged("its groups"))?;
        for _ in 0..MOST_TAGS {
            let Tag { name, index, value, next } =
                Tag::at(bytes, at, version == 0).ok_or_else(|| damaged("its tags"))?;
            if name.is_empty() {
                return Ok(tags);
            }
            tags.take(name, index, value)?;
            at = next;
        }
        Err(damaged("its tags: there are too many"))
    }

    fn take(&mut self, name: &[u8], index: u32, value: Value) -> Result<()> {
        let place = [&b"regionPPN"[..], b"regionPageNum", b"regionSize"].iter().position(|known| *known == name);
        match (name, place, value) {
            (b"regionsCount", _, Value::Word(count)) => self.count = count,
            (_, Some(place), Value::Word(word)) if u64::from(index) < MOST_REGIONS => {
                let regions = self.regions.len().max(index as usize + 1);
                self.regions.resize(regions, [None; 3]);
                if let Some(slot) = self.regions.get_mut(index as usize).and_then(|region| region.get_mut(place)) {
                    *slot = Some(word);
                }
            }
            (b"Memory", _, Value::Bytes { at, stored, length }) if stored == length => self.memory = Some((at, length)),
            (b"Memory", _, Value::Bytes { .. }) => {
                return Err(Error::evidence(
                    "a saved state of VMware with its memory packed, which is not read: convert it by 'vmss2core -N6'",
                ));
            }
            _ => {}
        }
        Ok(())
    }

    /// Ranges of memory that is stored from an offset on; without regions it is all there is, from address 0 on.
    fn ranges(&self, at: u64, length: u64) -> Result<Vec<Range>> {
        if self.count == 0 {
            return Ok(vec![Range { start: 0, length, offset: at }]);
        }
        let lies = || Error::evidence("a saved state of VMware whose regions of memory are not all there");
        let regions = self.regions.get(..usize::try_from(self.count).map_err(|_| lies())?).ok_or_else(lies)?;
        let bytes = |pages: Option<u64>| pages.and_then(|pages| pages.checked_mul(PAGE_SIZE)).ok_or_else(lies);
        let range = |[start, stored, length]: &[Option<u64>; 3]| {
            let offset = bytes(*stored)?.checked_add(at).ok_or_else(lies)?;
            Ok(Range { start: bytes(*start)?, length: bytes(*length)?, offset })
        };
        regions.iter().map(range).collect()
    }
}

/// A tag's value: a word, or where its bytes are.
enum Value {
    Word(u64),
    Bytes { at: u64, stored: u64, length: u64 },
}

/// A tag; one without a name ends a group.
struct Tag<'a> {
    name: &'a [u8],
    /// The first of its indices; 0 without.
    index: u32,
    value: Value,
    /// Where the next is.
    next: usize,
}

impl<'a> Tag<'a> {
    /// The tag at an offset. In version 0, lengths have 32 bits.
    fn at(bytes: &'a [u8], at: usize, short: bool) -> Option<Self> {
        let flags = *bytes.get(at)?;
        let name_length = usize::from(*bytes.get(at + 1)?);
        let name = bytes.get(at + 2..)?.get(..name_length)?;
        let indices = usize::from(flags >> 6);
        let mut at = at + 2 + name_length;
        let index = if indices > 0 { u32_at(bytes, at)? } else { 0 };
        at += 4 * indices;
        let length = flags & 0x3f;
        if !LONG.contains(&length) {
            let mut word = [0; 8];
            let value = bytes.get(at..)?.get(..length.into())?;
            word.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
            return Some(Self { name, index, value: Value::Word(u64::from_le_bytes(word)), next: at + value.len() });
        }
        let word = |at| if short { u32_at(bytes, at).map(u64::from) } else { u64_at(bytes, at) };
        let size = if short { 4 } else { 8 };
        let (stored, plain) = (word(at)?, word(at + size)?);
        // Bytes that are skipped so that the value begins at a page.
        let padding = bytes.get(at + 2 * size..)?.first_chunk().map(|word| u16::from_le_bytes(*word))?;
        let from = at + 2 * size + size_of::<u16>() + usize::from(padding);
        let next = from.checked_add(usize::try_from(stored).ok()?)?;
        Some(Self { name, index, value: Value::Bytes { at: from as u64, stored, length: plain }, next })
    }
}
