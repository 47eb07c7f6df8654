//! Searches memory that lies in a row for a process or in a file, wherever it lies in physical memory.

use std::ops::{ControlFlow, Range};

use super::matcher::{Matcher, Resume};
use super::user::UserMemory;
use crate::arch::Met;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::kernel::Kernel;
use crate::query::file_runs::{self, FileRun};

/// Hits kept of one search.
const MOST_HITS: usize = 1 << 16;
/// How much is put together at a time.
const BLOCK: usize = 1 << 20;
/// Bytes searched beyond as many as the image holds: many addresses may share one page, but tables that lie lead to any
/// number.
const MORE: u64 = 4 << 30;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Virtual addresses or offsets, ascending.
    pub addresses: Vec<u64>,
    /// Where each begins in physical memory.
    pub physical: Vec<u64>,
    /// Bytes of each.
    pub lengths: Vec<u32>,
    /// Which of the things asked for it is.
    pub which: Vec<u32>,
    /// There is more than is kept or looked at.
    pub capped: bool,
}

/// Searches the memory of an `mm_struct`; `None` where its page tables cannot be read.
pub fn in_process(kernel: &Kernel, mm: u64, ranges: &[Range<u64>], patterns: &str) -> Result<Option<Found>> {
    let matcher = matcher(patterns)?;
    kernel.memory.image().undisturbed(|| {
        let Some(memory) = UserMemory::of(kernel, mm)? else { return Ok(None) };
        let mut search = Search::new(kernel, &matcher);
        for range in ranges {
            let range = range.start..range.end.min(kernel.memory.geometry().user_end());
            memory.space().visit(range.clone(), |met| {
                if let Met::Page { address, physical, length } = met {
                    // A huge page may reach over the range at both ends.
                    let (start, end) = (address.max(range.start), address.saturating_add(length).min(range.end));
                    search.add(start, physical.saturating_add(start - address), end.saturating_sub(start));
                }
                if search.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            search.end();
        }
        Ok(Some(search.found))
    })
}

/// Searches what the page cache holds of an inode's file; `None` where the inode cannot be read.
pub fn in_file(kernel: &Kernel, inode: u64, patterns: &str) -> Result<Option<Found>> {
    let matcher = matcher(patterns)?;
    kernel.memory.image().undisturbed(|| {
        let mut search = Search::new(kernel, &matcher);
        let read = file_runs::each(kernel, inode, |FileRun { offset, physical, length }| {
            search.add(offset, physical, length);
            !search.is_full()
        })?;
        search.end();
        Ok(read.then_some(search.found))
    })
}

fn matcher(patterns: &str) -> Result<Matcher> {
    let parameters = serde_json::from_str(patterns);
    Matcher::new(&parameters.map_err(|error| Error::usage(format!("no patterns to search for: {error}")))?)
}

/// A search that is shown memory piece by piece.
struct Search<'a> {
    image: &'a Image,
    matcher: &'a Matcher,
    resume: Resume,
    /// Bytes without a gap.
    block: Vec<u8>,
    /// Where they begin.
    start: u64,
    /// Where they lie: how far into the block, and from where on in physical memory.
    pieces: Vec<(usize, u64)>,
    /// Bytes that may still be looked at.
    left: u64,
    found: Found,
}

impl<'a> Search<'a> {
    fn new(kernel: &'a Kernel, matcher: &'a Matcher) -> Self {
        let image: &Image = kernel.memory.image();
        let held: u64 = image.ranges().iter().map(|range| range.length).sum();
        Self {
            image,
            matcher,
            resume: Resume::default(),
            block: Vec::new(),
            start: 0,
            pieces: Vec::new(),
            left: held.saturating_add(MORE),
            found: Found::default(),
        }
    }

    fn is_full(&self) -> bool {
        self.found.capped
    }

    /// Goes on with memory at `address`; what the image lacks of it is a gap.
    fn add(&mut self, address: u64, physical: u64, length: u64) {
        let mut done = 0;
        while done < length && !self.is_full() {
            if self.start.wrapping_add(self.block.len() as u64) != address.wrapping_add(done) {
                self.end();
                self.start = address.wrapping_add(done);
            }
            let from = self.block.len();
            let want = (length - done).min((BLOCK + self.matcher.reach()).saturating_sub(from).max(1) as u64);
            self.block.resize(from + want as usize, 0);
            // Of all that is searched, only what is hit counts as read.
            let read = self.image.copy(physical.saturating_add(done), self.block.get_mut(from..).unwrap_or_default());
            self.block.truncate(from + read);
            self.pieces.push((from, physical.saturating_add(done)));
            self.left = self.left.saturating_sub(want);
            self.found.capped |= self.left == 0;
            if self.block.len() >= BLOCK + self.matcher.reach() {
                self.look(BLOCK);
            }
            done += want;
            if (read as u64) < want {
                self.end();
                self.start = address.wrapping_add(done);
            }
        }
    }

    /// Looks at all that is there: what comes next does not go on from it.
    fn end(&mut self) {
        self.look(self.block.len());
        self.block.clear();
        self.pieces.clear();
        self.resume = Resume::default();
    }

    /// Looks for what begins in the first `own` bytes, and lets go of these.
    fn look(&mut self, own: usize) {
        let Self { image, matcher, resume, block, start, pieces, found, .. } = self;
        matcher.find(*start, block, own, resume, |hit| {
            found.capped |= found.addresses.len() >= MOST_HITS;
            if found.capped {
                return false;
            }
            let piece =
                pieces.partition_point(|(from, _)| *from <= hit.at).checked_sub(1).and_then(|at| pieces.get(at));
            let physical = piece.map_or(0, |(from, physical)| physical + (hit.at - from) as u64);
            image.touch(physical, 1);
            found.addresses.push(*start + hit.at as u64);
            found.physical.push(physical);
            found.lengths.push(hit.length as u32);
            found.which.push(hit.which);
            true
        });
        block.drain(..own.min(block.len()));
        *start = start.wrapping_add(own as u64);
        let first = pieces.partition_point(|(from, _)| *from <= own).saturating_sub(1);
        pieces.drain(..first);
        for (from, physical) in pieces.iter_mut() {
            let cut = own.saturating_sub(*from);
            *physical += cut as u64;
            *from = (*from + cut).saturating_sub(own);
        }
    }
}

#[cfg(test)]
#[path = "logical_tests.rs"]
mod tests;
