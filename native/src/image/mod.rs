//! Memory image files: container formats become sorted ranges of physical memory.
//!
//! A format is one file with a `parse` function over the file's bytes and one line in [`FORMATS`].

mod bytes;
mod elf;
mod file;
mod guard;
mod lime;
mod loss;
mod raw;
mod source;
mod touched;
mod write_lime;

use std::path::Path;
use std::sync::{Mutex, OnceLock};

use crate::error::{Error, Result};
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
    /// Where these bytes begin in the file.
    pub offset: u64,
}

impl Range {
    /// One past the last physical address.
    pub fn end(&self) -> u64 {
        self.start + self.length
    }
}

/// What a format's reader makes of a file.
#[derive(Debug, Default)]
pub struct Layout {
    /// Ranges in any order; [`Image::open`] sorts and checks them.
    pub ranges: Vec<Range>,
    /// The VMCOREINFO note's text, where the format carries one.
    pub vmcoreinfo: Option<String>,
    /// What the file promises but does not hold, in plain words.
    pub warnings: Vec<String>,
}

/// Reads a format: `None` when the bytes are of another one.
type Parse = fn(&[u8]) -> Option<Result<Layout>>;

/// Every format by name, told apart by content; raw comes last because anything may be raw.
const FORMATS: &[(&str, Parse)] = &[("lime", lime::parse), ("elf", elf::parse), ("raw", raw::parse)];

/// An opened memory image. Shared by every thread; reads copy out of one memory map.
pub struct Image {
    file: Evidence,
    format: &'static str,
    ranges: Vec<Range>,
    vmcoreinfo: Option<String>,
    warnings: Vec<String>,
    touched: OnceLock<TouchedPages>,
    /// Parts of the file that [`Bytes`] refer to, as first offset and end.
    kept: Mutex<Vec<(u64, u64)>>,
}

impl Image {
    /// Opens an image read-only and finds out its format from its content.
    pub fn open(path: &Path) -> Result<Self> {
        let file = Evidence::open(path)?;
        let bytes = file.bytes();
        for (format, parse) in FORMATS {
            let Some(layout) = parse(bytes) else { continue };
            let layout = layout.map_err(|error| Error::evidence(format!("{}: {}", path.display(), error.message)))?;
            let mut warnings = layout.warnings;
            let ranges = settle(layout.ranges, file.size(), &mut warnings);
            if ranges.is_empty() {
                return Err(Error::evidence(format!(
                    "{}: a {format} file that holds no memory; was it cut off while it was written?",
                    path.display()
                )));
            }
            let (vmcoreinfo, touched, kept) = (layout.vmcoreinfo, OnceLock::new(), Mutex::default());
            let image = Self { file, format, ranges, vmcoreinfo, warnings, touched, kept };
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

    fn range_at(&self, physical: u64) -> Option<&Range> {
        let index = self.ranges.partition_point(|range| range.end() <= physical);
        self.ranges.get(index).filter(|range| range.start <= physical)
    }

    /// The mapped bytes from a physical address on: `most` of them, or less where the range or what is readable ends.
    fn mapped(&self, physical: u64, most: usize) -> Option<&[u8]> {
        let range = self.range_at(physical)?;
        let from = range.offset + (physical - range.start);
        let end = range.offset + range.length;
        self.file.slice(from, from.saturating_add(most as u64).min(end))
    }

    /// Reads at a physical address; returns how many leading bytes could be read.
    pub fn read(&self, physical: u64, out: &mut [u8]) -> usize {
        let mut done = 0;
        while done < out.len() {
            let left = out.len() - done;
            let Some(bytes) = physical.checked_add(done as u64).and_then(|at| self.mapped(at, left)) else { break };
            let Some(to) = out.get_mut(done..done + bytes.len()).filter(|to| !to.is_empty()) else { break };
            to.copy_from_slice(bytes);
            done += bytes.len();
        }
        self.touch(physical, done as u64);
        done
    }

    /// A little-endian 64-bit word at a physical address.
    pub fn read_u64(&self, physical: u64) -> Option<u64> {
        let word = self.mapped(physical, 8)?.first_chunk::<8>()?;
        self.touch(physical, 8);
        Some(u64::from_le_bytes(*word))
    }

    /// The bytes of `[physical, physical + length)` without a copy, where one range holds them all.
    pub fn borrow(&self, physical: u64, length: usize) -> Option<&[u8]> {
        let bytes = self.peek(physical, length)?;
        self.touch(physical, length as u64);
        Some(bytes)
    }

    /// Like [`Image::borrow`], without recording: for a look that may come to nothing.
    pub fn peek(&self, physical: u64, length: usize) -> Option<&[u8]> {
        self.mapped(physical, length)?.get(..length)
    }

    /// Reads for a scan: straight from the file, so that a pass over a large image does not fill this process with
    /// mapped pages, and without recording, because only what a scan then hits counts as read. Ends before `length`
    /// where the image has a hole, or where the file fails: [`Image::past_gap`] tells where to go on.
    pub fn read_block<'a>(&self, physical: u64, length: usize, buffer: &'a mut Vec<u8>) -> &'a [u8] {
        buffer.resize(length, 0);
        let mut done = 0;
        while done < length {
            let at = physical + done as u64;
            let Some(range) = self.range_at(at) else { break };
            let part = (range.end() - at).min((length - done) as u64) as usize;
            let Some(out) = buffer.get_mut(done..done + part) else { break };
            let read = self.file.source().read_at(range.offset + (at - range.start), out);
            done += read;
            if read < part {
                break;
            }
        }
        buffer.get(..done).unwrap_or_default()
    }

    /// The next page of memory behind a byte that [`Image::read_block`] could not read.
    pub fn past_gap(&self, physical: u64) -> u64 {
        // A page of the file need not lie as a page of memory does.
        let inside = self.range_at(physical).map_or(0, |range| (range.offset + (physical - range.start)) % PAGE_SIZE);
        physical.saturating_add(PAGE_SIZE - inside).next_multiple_of(PAGE_SIZE)
    }

    /// Physical chunks of at most `bytes` that hold data: ranges, less the long holes of a sparse file. Chunks begin at
    /// page boundaries wherever the range does, so that no word is cut in two.
    pub fn chunks(&self, bytes: u64) -> Vec<(u64, u64)> {
        let mut chunks = Vec::new();
        for range in &self.ranges {
            for (from, to) in self.data(range) {
                let mut at = from;
                while at < to {
                    let length = (to - at).min(bytes - at % bytes);
                    chunks.push((at, length));
                    at += length;
                }
            }
        }
        chunks
    }

    /// The parts of a range that hold data, as physical (first, end), in whole pages; short holes are not worth a seam.
    fn data(&self, range: &Range) -> Vec<(u64, u64)> {
        let mut parts: Vec<(u64, u64)> = Vec::new();
        for (from, to) in self.file.data_extents(range.offset, range.offset + range.length) {
            let start = range.start + (from - range.offset);
            let start = (start - start % PAGE_SIZE).max(range.start);
            let end = (range.start + (to - range.offset)).next_multiple_of(PAGE_SIZE).min(range.end());
            match parts.last_mut() {
                Some((_, last)) if start < last.saturating_add(SHORT_HOLE) => *last = end.max(*last),
                _ => parts.push((start, end)),
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
