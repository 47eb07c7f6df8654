//! Memory image files: container formats become sorted ranges of physical memory.
//!
//! A format is one file with a `parse` function over the file and one line in [`FORMATS`]. Its memory lies in the file as
//! it is, and is mapped, or is packed in blocks that are unpacked on demand ([`blocks`]).

mod avml;
mod blocks;
mod bytes;
mod elf;
mod file;
mod foreign;
mod guard;
mod kdump;
mod lime;
mod loss;
#[cfg(test)]
mod packed_tests;
mod raw;
mod source;
mod touched;
mod write_lime;

use std::path::Path;
use std::sync::{Mutex, OnceLock};

use crate::error::{Error, Result};
pub use blocks::Missing;
use blocks::{Blocks, Packed};
pub use bytes::Bytes;
use file::Evidence;
pub use loss::Loss;
use touched::TouchedPages;

/// Size of a small page, the unit in which pages are recorded and written.
pub const PAGE_SIZE: u64 = 4096;

/// A hole that costs less to read than to leave out.
const SHORT_HOLE: u64 = 4 << 20;

/// A run of physical memory that the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First physical address.
    pub start: u64,
    /// Bytes.
    pub length: u64,
    /// Where these bytes begin in the file, or among the plain bytes of packed blocks.
    pub offset: u64,
}

impl Range {
    /// One past the last physical address.
    pub fn end(&self) -> u64 {
        self.start + self.length
    }
}

/// What a format's reader makes of a file.
#[derive(Default)]
pub struct Layout {
    /// Ranges in any order; [`Image::open`] sorts and checks them.
    pub ranges: Vec<Range>,
    /// The VMCOREINFO note's text, where the format carries one.
    pub vmcoreinfo: Option<String>,
    /// What the file promises but does not hold, in plain words.
    pub warnings: Vec<String>,
    /// What was left out on purpose, in plain words.
    pub left_out: Option<String>,
    /// The blocks that ranges count in; without them, ranges count in the file.
    pub packed: Option<Box<dyn Packed>>,
}

/// Reads a format: `None` when the file is of another one.
type Parse = fn(&Evidence) -> Option<Result<Layout>>;

/// Every format by name, told apart by content; raw comes last because anything may be raw.
const FORMATS: &[(&str, Parse)] = &[
    ("lime", |file| lime::parse(file.bytes())),
    ("elf", |file| elf::parse(file.bytes())),
    ("avml", avml::parse),
    ("kdump", kdump::parse),
    ("raw", |file| foreign::refuse(file.bytes()).or_else(|| raw::parse(file.bytes()))),
];

/// An opened memory image. Shared by every thread; reads copy out of one memory map, or out of unpacked blocks.
pub struct Image {
    file: Evidence,
    /// Where the format packs memory; what is mapped is then of no use.
    blocks: Option<Blocks>,
    format: &'static str,
    ranges: Vec<Range>,
    vmcoreinfo: Option<String>,
    warnings: Vec<String>,
    left_out: Option<String>,
    touched: OnceLock<TouchedPages>,
    /// Parts of the file that [`Bytes`] refer to, as first offset and end.
    kept: Mutex<Vec<(u64, u64)>>,
}

impl Image {
    /// Opens an image read-only and finds out its format from its content.
    pub fn open(path: &Path) -> Result<Self> {
        let file = Evidence::open(path)?;
        for (format, parse) in FORMATS {
            let Some(layout) = parse(&file) else { continue };
            let layout = layout.map_err(|error| Error::evidence(format!("{}: {}", path.display(), error.message)))?;
            let mut warnings = layout.warnings;
            let blocks = layout.packed.map(Blocks::new);
            let end = if blocks.is_some() { u64::MAX } else { file.size() };
            let ranges = settle(layout.ranges, end, &mut warnings);
            if ranges.is_empty() {
                return Err(Error::evidence(format!(
                    "{}: a {format} file that holds no memory; was it cut off while it was written?",
                    path.display()
                )));
            }
            let (vmcoreinfo, touched, kept) = (layout.vmcoreinfo, OnceLock::new(), Mutex::default());
            let left_out = layout.left_out;
            let image = Self { file, blocks, format, ranges, vmcoreinfo, warnings, left_out, touched, kept };
            return match image.loss() {
                // Its headers may have been read from what is lost.
                Some(loss) => Err(Error::evidence(format!("{}: {}", path.display(), loss.message))),
                None => Ok(image),
            };
        }
        Err(Error::evidence(format!("{}: not a memory image in a format that salvor reads", path.display())))
    }

    /// The format's name.
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// The file's size in bytes.
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// Ranges of physical memory, sorted and disjoint.
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// The VMCOREINFO note, where the file has one.
    pub fn vmcoreinfo(&self) -> Option<&str> {
        self.vmcoreinfo.as_deref()
    }

    /// What the file promises but does not hold.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What whoever made the image left out of it.
    pub fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// Whether memory can be borrowed at all: not where the format packs it.
    #[inline]
    pub fn is_mapped(&self) -> bool {
        self.blocks.is_none()
    }

    /// Gives mapped pages back, if the process has many of them. What is borrowed stays where it is.
    pub fn trim(&self) {
        self.file.trim();
    }

    fn range_at(&self, physical: u64) -> Option<&Range> {
        let index = self.ranges.partition_point(|range| range.end() <= physical);
        self.ranges.get(index).filter(|range| range.start <= physical)
    }

    /// The mapped bytes from a physical address on: `most` of them, or less where the range or what is readable ends.
    #[inline]
    fn mapped(&self, physical: u64, most: usize) -> Option<&[u8]> {
        if self.blocks.is_some() {
            return None;
        }
        let range = self.range_at(physical)?;
        let from = range.offset + (physical - range.start);
        let end = range.offset + range.length;
        self.file.slice(from, from.saturating_add(most as u64).min(end))
    }

    /// Where a physical address lies among the plain bytes of packed blocks, and how many of its range follow.
    fn plain(&self, physical: u64) -> Option<(u64, u64)> {
        let range = self.range_at(physical)?;
        Some((range.offset + (physical - range.start), range.end() - physical))
    }

    /// Reads at a physical address; returns how many leading bytes could be read.
    pub fn read(&self, physical: u64, out: &mut [u8]) -> usize {
        let done = self.copy(physical, out);
        self.touch(physical, done as u64);
        done
    }

    /// Like [`Image::read`], without recording: for a look that may come to nothing.
    pub fn copy(&self, physical: u64, out: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let Some(at) = physical.checked_add(done as u64) else { break };
            let copied = match &self.blocks {
                Some(blocks) => self.copy_plain(at, rest, |plain, out| blocks.copy(plain, out)),
                None => self.mapped(at, rest.len()).map_or(0, |bytes| {
                    rest.get_mut(..bytes.len()).map_or(0, |to| {
                        to.copy_from_slice(bytes);
                        to.len()
                    })
                }),
            };
            if copied == 0 {
                break;
            }
            done += copied;
        }
        done
    }

    /// Copies out of the block that a physical address is in; returns how many bytes.
    fn copy_plain(&self, physical: u64, out: &mut [u8], copy: impl Fn(u64, &mut [u8]) -> usize) -> usize {
        let Some((plain, left)) = self.plain(physical) else { return 0 };
        let most = left.min(out.len() as u64) as usize;
        out.get_mut(..most).map_or(0, |out| copy(plain, out))
    }

    /// A little-endian 64-bit word at a physical address.
    pub fn read_u64(&self, physical: u64) -> Option<u64> {
        let word = match self.mapped(physical, 8).and_then(<[u8]>::first_chunk::<8>) {
            Some(word) => *word,
            None => self.packed_word(physical)?,
        };
        self.touch(physical, 8);
        Some(u64::from_le_bytes(word))
    }

    #[cold]
    fn packed_word(&self, physical: u64) -> Option<[u8; 8]> {
        let mut word = [0; 8];
        (self.blocks.is_some() && self.copy(physical, &mut word) == word.len()).then_some(word)
    }

    /// The bytes of `[physical, physical + length)` without a copy, where one range holds them all, unpacked.
    pub fn borrow(&self, physical: u64, length: usize) -> Option<&[u8]> {
        let bytes = self.peek(physical, length)?;
        self.touch(physical, length as u64);
        Some(bytes)
    }

    /// Like [`Image::borrow`], without recording: for a look that may come to nothing.
    pub fn peek(&self, physical: u64, length: usize) -> Option<&[u8]> {
        self.mapped(physical, length)?.get(..length)
    }

    /// Whether `[physical, physical + length)` can be read, as far as that is known without unpacking it.
    pub fn holds(&self, physical: u64, length: u64) -> bool {
        if self.is_mapped() {
            return self.peek(physical, length as usize).is_some();
        }
        let Some(last) = length.checked_sub(1).and_then(|length| physical.checked_add(length)) else { return false };
        let pages = (physical..=last).step_by(PAGE_SIZE as usize).chain([last]);
        pages.into_iter().all(|at| self.missing(at).is_none())
    }

    /// Why a byte cannot be read, as far as that is known without unpacking it.
    pub fn missing(&self, physical: u64) -> Option<Missing> {
        match (&self.blocks, self.plain(physical)) {
            (_, None) => Some(Missing::Absent),
            (Some(blocks), Some((plain, _))) => blocks.missing(plain),
            (None, Some((offset, _))) => {
                self.file.slice(offset, offset + 1).is_none_or(<[u8]>::is_empty).then_some(Missing::Unreadable)
            }
        }
    }

    /// Reads for a scan: straight from the file, so that a pass over a large image does not fill this process with
    /// mapped pages, and without recording, because only what a scan then hits counts as read. Ends before `length`
    /// where the image has a hole, or where the file fails: [`Image::past_gap`] tells where to go on.
    pub fn read_block<'a>(&self, physical: u64, length: usize, buffer: &'a mut Vec<u8>) -> &'a [u8] {
        buffer.resize(length, 0);
        let mut done = 0;
        while let Some(out) = buffer.get_mut(done..).filter(|out| !out.is_empty()) {
            let Some(at) = physical.checked_add(done as u64) else { break };
            let read = match &self.blocks {
                Some(blocks) => self.copy_plain(at, out, |plain, out| blocks.copy_once(plain, out)),
                None => self.copy_plain(at, out, |offset, out| self.file.source().read_at(offset, out)),
            };
            if read == 0 {
                break;
            }
            done += read;
        }
        buffer.get(..done).unwrap_or_default()
    }

    /// Where memory goes on behind a byte that [`Image::read_block`] could not read.
    pub fn past_gap(&self, physical: u64) -> u64 {
        let Some((plain, _)) = self.plain(physical) else {
            let next = self.ranges.partition_point(|range| range.end() <= physical);
            return self.ranges.get(next).map_or(u64::MAX, |range| range.start);
        };
        // A page of the file need not lie as a page of memory does.
        let inside = if self.is_mapped() { plain % PAGE_SIZE } else { physical % PAGE_SIZE };
        let next = physical.saturating_add(PAGE_SIZE - inside).next_multiple_of(PAGE_SIZE);
        match (&self.blocks, self.plain(next)) {
            (Some(blocks), Some((plain, left))) => {
                next.saturating_add(blocks.next_held(plain).saturating_sub(plain).min(left))
            }
            _ => next,
        }
    }

    /// Physical chunks of at most `bytes` that hold data: ranges, less the long holes of a sparse file. Chunks begin at
    /// page boundaries wherever the range does, so that no word is cut in two.
    pub fn chunks(&self, bytes: u64) -> Vec<(u64, u64)> {
        let mut chunks = Vec::new();
        for (from, to) in self.data() {
            let mut at = from;
            while at < to {
                let length = (to - at).min(bytes - at % bytes);
                chunks.push((at, length));
                at += length;
            }
        }
        chunks
    }

    /// The parts of memory that hold data, as physical (first, end), in whole pages; short holes are not worth a seam.
    fn data(&self) -> Vec<(u64, u64)> {
        let mut parts: Vec<(u64, u64)> = Vec::new();
        for range in &self.ranges {
            let (first, last) = (range.offset, range.offset + range.length);
            let extents = if self.is_mapped() { self.file.data_extents(first, last) } else { vec![(first, last)] };
            for (from, to) in extents {
                let start = range.start + (from - range.offset);
                let start = (start - start % PAGE_SIZE).max(range.start);
                let end = (range.start + (to - range.offset)).next_multiple_of(PAGE_SIZE).min(range.end());
                match parts.last_mut() {
                    Some((_, last)) if start < last.saturating_add(SHORT_HOLE) => *last = end.max(*last),
                    _ => parts.push((start, end)),
                }
            }
        }
        parts
    }

    /// From now on, remembers which pages are read.
    pub fn record_touched(&self) {
        self.touched.get_or_init(TouchedPages::default);
    }

    /// Marks physical memory as read. A scan calls it for what it hit.
    pub fn touch(&self, physical: u64, length: u64) {
        if let Some(touched) = self.touched.get() {
            touched.mark(physical, length);
        }
    }

    /// Writes the pages read since [`Image::record_touched`] as a LiME image; returns how many they are.
    pub fn write_touched(&self, output: &Path) -> Result<u64> {
        let touched = self.touched.get().ok_or_else(|| Error::usage("no pages were recorded: nothing to write"))?;
        write_lime::write(self, &touched.runs(), output)
    }
}

/// Sorts ranges, cuts off what lies past the file's end or overlaps an earlier range, and tells of both.
fn settle(mut ranges: Vec<Range>, size: u64, warnings: &mut Vec<String>) -> Vec<Range> {
    ranges.retain(|range| range.length > 0 && range.start.checked_add(range.length).is_some());
    ranges.sort_by_key(|range| (range.start, range.offset));
    let mut settled: Vec<Range> = Vec::with_capacity(ranges.len());
    for mut range in ranges {
        let available = size.saturating_sub(range.offset);
        if range.length > available {
            warnings.push(format!(
                "truncated: physical {:#x}-{:#x} should have {} bytes, the file holds {available} of them",
                range.start,
                range.end(),
                range.length
            ));
            range.length = available;
        }
        let taken = settled.last().map_or(0, Range::end);
        if range.start < taken {
            warnings.push(format!("overlapping ranges at physical {:#x}: the later one is cut", range.start));
            let overlap = (taken - range.start).min(range.length);
            range =
                Range { start: range.start + overlap, length: range.length - overlap, offset: range.offset + overlap };
        }
        if range.length > 0 {
            settled.push(range);
        }
    }
    settled
}
