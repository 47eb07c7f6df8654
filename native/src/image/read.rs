//! Reading an image by physical address: borrowed from the map, copied, or block by block for a scan.

use std::ops;

use super::{Image, Missing, PAGE_SIZE, Range};
use crate::words::u64_at;

/// A hole that costs less to read than to leave out.
const SHORT_HOLE: u64 = 4 << 20;

impl Image {
    pub(super) fn range_at(&self, physical: u64) -> Option<&Range> {
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
        let word = match self.mapped(physical, 8).and_then(|bytes| u64_at(bytes, 0)) {
            Some(word) => word,
            None => self.packed_word(physical)?,
        };
        self.touch(physical, 8);
        Some(word)
    }

    #[cold]
    fn packed_word(&self, physical: u64) -> Option<u64> {
        self.blocks.as_ref().and_then(|_| self.copy_u64(physical))
    }

    /// Like [`Image::read_u64`], without recording: for a look that may come to nothing.
    pub fn copy_u64(&self, physical: u64) -> Option<u64> {
        let mut word = [0; 8];
        (self.copy(physical, &mut word) == word.len()).then(|| u64::from_le_bytes(word))
    }

    /// Whether the image has a page, and only zeros in it.
    pub fn is_zero(&self, page: u64) -> bool {
        let mut bytes = [0; PAGE_SIZE as usize];
        self.copy(page, &mut bytes) == bytes.len() && bytes.iter().all(|byte| *byte == 0)
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
            let from = |range: &Range| range.offset + (physical - range.start);
            return self.range_at(physical).is_some_and(|range| {
                length <= range.end() - physical && self.file.holds(from(range), from(range) + length)
            });
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
            (None, Some((offset, _))) => (!self.file.holds(offset, offset + 1)).then_some(Missing::Unreadable),
        }
    }

    /// Has all of `[physical, physical + length)` here before it is read block by block, where the file is elsewhere.
    pub fn bring(&self, physical: u64, length: u64) {
        if self.file.source().remote().is_none() {
            return;
        }
        let end = physical.saturating_add(length);
        let first = self.ranges.partition_point(|range| range.end() <= physical);
        for range in self.ranges.iter().skip(first).take_while(|range| range.start < end) {
            let (from, to) = (range.start.max(physical), range.end().min(end));
            self.file.part(range.offset + (from - range.start), range.offset + (to - range.start));
        }
    }

    /// What a scan looks at: [`Image::at_hand`], which spares a copy, or else as [`Image::read_block`] reads it.
    pub fn block<'a>(&'a self, physical: u64, length: usize, buffer: &'a mut Vec<u8>) -> &'a [u8] {
        match self.at_hand(physical, length) {
            Some(bytes) => bytes,
            None => self.read_block(physical, length, buffer),
        }
    }

    /// The bytes of `[physical, physical + length)` where they lie in the map, if one range holds them all and the system
    /// has them in memory anyway; not recorded.
    pub fn at_hand(&self, physical: u64, length: usize) -> Option<&[u8]> {
        self.peek(physical, length).filter(|bytes| self.file.is_at_hand(bytes))
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
    pub fn chunks(&self, bytes: u64) -> Vec<ops::Range<u64>> {
        let mut chunks = Vec::new();
        for ops::Range { start, end } in self.data() {
            let mut at = start;
            while at < end {
                let next = at + (end - at).min(bytes - at % bytes);
                chunks.push(at..next);
                at = next;
            }
        }
        chunks
    }

    /// The parts of physical memory that hold data, in whole pages; short holes are not worth a seam.
    fn data(&self) -> Vec<ops::Range<u64>> {
        let mut parts: Vec<ops::Range<u64>> = Vec::new();
        for range in &self.ranges {
            let whole = range.offset..range.offset + range.length;
            let extents = if self.is_mapped() { self.file.data_extents(whole) } else { vec![whole] };
            for extent in extents {
                let start = range.start + (extent.start - range.offset);
                let start = (start - start % PAGE_SIZE).max(range.start);
                let end = (range.start + (extent.end - range.offset)).next_multiple_of(PAGE_SIZE).min(range.end());
                match parts.last_mut() {
                    Some(last) if start < last.end.saturating_add(SHORT_HOLE) => last.end = end.max(last.end),
                    _ => parts.push(start..end),
                }
            }
        }
        parts
    }
}
