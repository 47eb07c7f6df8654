//! Files from the page cache, part by part: what there is of each page, and why there is nothing else.

use super::compile::scope::Scope;
use super::leaf::page_cache::{Most, PageCache, Run, What};
use super::limits::EFFORT;
use super::reader::Reader;
use crate::error::{Error, Result};
use crate::image::{Image, Missing};
use crate::kernel::Kernel;

/// Runs of one part: what a file of every other page takes does not fill memory.
const MOST_RUNS: usize = 4096;
/// Steps through a tree in which nothing is found.
const MOST_STEPS: usize = 1 << 22;

/// What there is of a stretch of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In memory.
    Present,
    /// Never written, of a file in memory alone: zeros.
    Hole,
    /// Not in memory, of a file on a disk; or there and not filled, as pages of a device are whose blocks are filled one by
    /// one.
    NotCached,
    /// Swapped out, of a file in memory alone.
    Swapped,
    /// In memory that was left out of the dump.
    LeftOut,
    /// Nobody can tell, or in memory that the image does not have.
    Unreadable,
}

/// A stretch of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins.
    pub offset: u64,
    /// How long it is; up to the file's end at most.
    pub length: u64,
    /// What there is of it.
    pub state: State,
}

/// A part of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct FilePart {
    /// Bytes of the whole file.
    pub size: u64,
    /// Without a gap, in order.
    pub pieces: Vec<Piece>,
    /// Of the pieces that are present, one after another, where bytes were asked for.
    pub bytes: Vec<u8>,
    /// Where the next part begins.
    pub next: Option<u64>,
    /// The file's tree of pages leads nowhere for too long: the rest was not looked at.
    pub capped: bool,
}

/// Reads a file from a page's start on: so many bytes of it, or with `None` only what there is. No part where the inode
/// cannot be read.
pub fn read(kernel: &Kernel, inode: u64, from: u64, bytes: Option<usize>) -> Result<Option<FilePart>> {
    let page_size = kernel.memory.geometry().page_size;
    if !from.is_multiple_of(page_size) || bytes.is_some_and(|bytes| bytes < page_size as usize) {
        return Err(Error::usage("files are read in whole pages"));
    }
    kernel.memory.image().undisturbed(|| {
        let cache = PageCache::compile(Scope::of(kernel));
        let cache = cache.map_err(|failure| failure.into_error(&kernel.facts.release))?;
        Ok(part(kernel, &cache, inode, from, bytes))
    })
}

fn part(kernel: &Kernel, cache: &PageCache, inode: u64, from: u64, bytes: Option<usize>) -> Option<FilePart> {
    let reader = Reader::of(kernel, EFFORT);
    let file = cache.file(&reader, inode).ok()?;
    let page_size = kernel.memory.geometry().page_size;
    let (first, count) = (from / page_size, file.size.div_ceil(page_size));
    let room = bytes.map_or(u64::MAX, |bytes| bytes as u64 / page_size);
    let most = Most { runs: MOST_RUNS, pages: room, steps: MOST_STEPS };
    let mut part = Part {
        image: kernel.memory.image(),
        page_size,
        room,
        at: first,
        made: FilePart { size: file.size, pieces: Vec::new(), bytes: Vec::new(), next: None, capped: false },
        reads: bytes.is_some(),
    };
    if first >= count {
        return Some(part.made);
    }
    let found = match cache.runs(&reader, &file, first..count, most) {
        Ok(found) => found,
        Err(_) => {
            part.add(count, State::Unreadable);
            return Some(part.made);
        }
    };
    let (nothing, away) = match file.memory_only {
        true => (State::Hole, State::Swapped),
        false => (State::NotCached, State::NotCached),
    };
    let mut whole = true;
    for Run { start, end, what } in found.runs {
        part.add(start, nothing);
        match what {
            What::At(physical) => part.add_held(end, physical),
            What::Unfilled => part.add(end, nothing),
            What::Away => part.add(end, away),
            What::Lost => part.add(end, State::Unreadable),
        }
        whole = part.at >= end;
        if !whole {
            break; // There is no more room.
        }
    }
    if whole {
        part.add(found.end, nothing);
    }
    part.made.capped = part.at == first;
    match part.made.capped {
        true => part.add(count, State::Unreadable),
        false => part.made.next = (part.at < count).then(|| part.at * page_size),
    }
    Some(part.made)
}

/// A part while it is put together.
struct Part<'i> {
    image: &'i Image,
    page_size: u64,
    /// Pages that may still be read.
    room: u64,
    /// Up to which page it goes.
    at: u64,
    made: FilePart,
    /// Whether bytes are asked for.
    reads: bool,
}

impl Part<'_> {
    /// Goes on to a page, with what there is on the way.
    fn add(&mut self, end: u64, state: State) {
        let (offset, to) = (self.at * self.page_size, (end * self.page_size).min(self.made.size));
        if end <= self.at || to <= offset {
            return;
        }
        self.at = end;
        match self.made.pieces.last_mut() {
            Some(last) if last.state == state => last.length = to - last.offset,
            _ => self.made.pieces.push(Piece { offset, length: to - offset, state }),
        }
    }

    /// Goes on to a page, or as far as there is room, through memory from a physical address on.
    fn add_held(&mut self, end: u64, mut physical: u64) {
        let end = end.min(self.at.saturating_add(self.room));
        while self.at < end {
            let held = self.held(end, physical);
            physical = physical.saturating_add(held * self.page_size);
            self.room -= held;
            self.add(self.at + held, State::Present);
            if self.at < end {
                let left_out = self.image.missing(physical) == Some(Missing::LeftOut);
                self.add(self.at + 1, if left_out { State::LeftOut } else { State::Unreadable });
                physical = physical.saturating_add(self.page_size);
            }
        }
    }

    /// How many pages the image has up to `end`, from a physical address on; their bytes, where these are asked for.
    fn held(&mut self, end: u64, physical: u64) -> u64 {
        let pages = end - self.at;
        if !self.reads {
            let holds = |page: &u64| self.image.holds(physical.saturating_add(page * self.page_size), self.page_size);
            return (0..pages).take_while(holds).count() as u64;
        }
        let length = (end * self.page_size).min(self.made.size) - self.at * self.page_size;
        let start = self.made.bytes.len();
        self.made.bytes.resize(start + length as usize, 0);
        let read = self.image.read(physical, self.made.bytes.get_mut(start..).unwrap_or_default()) as u64;
        let whole = if read == length { pages } else { read / self.page_size };
        self.made.bytes.truncate(start + (whole * self.page_size).min(length) as usize);
        whole
    }
}
