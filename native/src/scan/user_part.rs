//! A process's memory part by part: what there is of each page, and why there is nothing else.

use super::user::UserMemory;
use crate::arch::{AddressSpace, Unmapped};
use crate::image::{Missing, PAGE_SIZE};

/// Pieces of one part, and pages looked at for it: tables may lead to any number of them.
const MOST_PIECES: usize = 4096;
const MOST_PAGES: usize = 1 << 18;

/// What there is of a stretch of a process's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In memory.
    Present,
    /// Nothing is mapped, or it was never touched.
    Absent,
    /// Its entry is a swap entry: swapped out, or being moved.
    Swapped,
    /// It, or the table that leads to it, is in memory that was left out of the dump.
    LeftOut,
    /// In memory that the image does not have.
    Unreadable,
}

/// A stretch of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Its first.
    pub address: u64,
    /// How many there are.
    pub length: u64,
    /// What there is.
    pub state: State,
}

/// A part of a process's memory.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct UserPart {
    /// Without a gap, in order.
    pub pieces: Vec<Piece>,
    /// Of the pieces that are present, one after another, where bytes were asked for.
    pub bytes: Vec<u8>,
    /// Where the next part begins.
    pub next: Option<u64>,
}

impl UserMemory {
    /// What there is from `start` to `end`: with so many bytes at most, or with `None` without any.
    pub fn part(&self, start: u64, end: u64, bytes: Option<usize>) -> UserPart {
        let mut part = UserPart::default();
        let (mut at, mut left) = (start, MOST_PAGES);
        while at < end && left > 0 && part.pieces.len() < MOST_PIECES {
            left -= 1;
            let room = bytes.map_or(u64::MAX, |bytes| (bytes - part.bytes.len().min(bytes)) as u64);
            let page = (PAGE_SIZE - at % PAGE_SIZE).min(end - at).min(room);
            if page == 0 {
                break;
            }
            let (length, state) = match self.space().translate(at) {
                None => absent(self.space(), at, end),
                Some(physical) => {
                    let there = match bytes {
                        Some(_) => self.append(physical, page as usize, &mut part.bytes),
                        None => self.space().image().holds(physical, page),
                    };
                    (page, if there { State::Present } else { self.why(physical, page) })
                }
            };
            match part.pieces.last_mut() {
                Some(last) if last.state == state => last.length += length,
                _ => part.pieces.push(Piece { address: at, length, state }),
            }
            at += length;
        }
        part.next = (at < end).then_some(at);
        part
    }

    /// Appends bytes; false, and nothing appended, where not all of them are there.
    fn append(&self, physical: u64, length: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        out.resize(start + length, 0);
        let whole = self.space().image().read(physical, out.get_mut(start..).unwrap_or_default()) == length;
        if !whole {
            out.truncate(start);
        }
        whole
    }

    /// Why memory that is mapped is not there.
    fn why(&self, physical: u64, length: u64) -> State {
        let missing = |at: u64| self.space().image().missing(at) == Some(Missing::LeftOut);
        let left_out = missing(physical) || missing(physical.saturating_add(length - 1));
        if left_out { State::LeftOut } else { State::Unreadable }
    }
}

/// A stretch at which nothing is mapped.
fn absent(space: &AddressSpace, at: u64, end: u64) -> (u64, State) {
    let gap = space.gap(at);
    let state = match gap.why {
        Unmapped::Absent => State::Absent,
        Unmapped::Elsewhere => State::Swapped,
        Unmapped::Lost(table) if space.image().missing(table) == Some(Missing::LeftOut) => State::LeftOut,
        Unmapped::Lost(_) => State::Unreadable,
    };
    (gap.end.min(end) - at, state)
}
