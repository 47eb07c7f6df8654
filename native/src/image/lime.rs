//! LiME: a header before each range (504ensicsLabs/LiME `src/lime.h`: magic, version, first and last address, 8 reserved bytes).

use super::file::Evidence;
use super::{Layout, Range};
use crate::error::{Error, Result};
use crate::words::u64_at;

const MAGIC: u32 = 0x4c69_4d45;
const HEADER: u64 = 32;
/// More pieces than memory is in, with what is left out of it: past this the file lies.
pub const MOST_RANGES: usize = 1 << 20;

/// Headers that follow each other by more than chance.
const CERTAIN: usize = 3;
/// What is looked through at once for a header.
const STRETCH: u64 = 4 << 20;
/// How many times as much as a file has may be searched in it. A damaged one takes two; each header of one that is made for
/// it could have all of it searched.
const MOST_SEARCHES: u64 = 4;
/// What may be searched of a file that is elsewhere, and is brought here for that: behind the last header of one that was cut
/// off there is nothing but memory.
const SEARCHED_ELSEWHERE: u64 = 32 << 20;
/// Magic and version, as they lie in the file.
pub const START: [u8; 8] = (MAGIC as u64 | 1 << 32).to_le_bytes();

struct Header {
    start: u64,
    last: u64,
}

impl Header {
    /// The header at a place in the file.
    fn at(file: &Evidence, at: u64) -> Option<Self> {
        let bytes = file.part(at, at.checked_add(HEADER)?);
        bytes.starts_with(&START).then_some(Self { start: u64_at(bytes, 8)?, last: u64_at(bytes, 16)? })
    }

    /// Its range, and where in the file the next header is; none where the range ends before it starts.
    fn range(&self, at: u64) -> Option<(Range, u64)> {
        let length = self.last.checked_sub(self.start)?.checked_add(1)?;
        let offset = at + HEADER;
        Some((Range { start: self.start, length, offset }, offset.saturating_add(length)))
    }
}

/// Reads the chain of range headers.
pub fn parse(file: &Evidence) -> Option<Result<Layout>> {
    Header::at(file, 0).map(|_| Chain::new(file).read())
}

/// The headers of a file, one after the other.
struct Chain<'a> {
    file: &'a Evidence,
    /// Where memory may go on: behind all ranges so far.
    above: u64,
    /// Bytes that may still be searched for headers.
    budget: u64,
    /// Whether there was more to search.
    gave_up: bool,
}

impl<'a> Chain<'a> {
    fn new(file: &'a Evidence) -> Self {
        let whole = file.size().saturating_mul(MOST_SEARCHES);
        let budget = if file.source().remote().is_some() { SEARCHED_ELSEWHERE } else { whole };
        Self { file, above: 0, budget, gave_up: false }
    }

    /// A damaged header costs its range: the chain goes on at the next one that is sound.
    fn read(mut self) -> Result<Layout> {
        let (file, size) = (self.file, self.file.size());
        let mut layout = Layout::default();
        let mut at = 0;
        while at < size {
            if let Some((range, next)) = self.sound(at) {
                if layout.ranges.len() == MOST_RANGES {
                    return Err(Error::evidence(format!(
                        "more than {MOST_RANGES} LiME ranges: the headers are damaged"
                    )));
                }
                self.above = self.above.max(range.start.saturating_add(range.length));
                layout.ranges.push(range);
                at = next;
            } else if let Some((next, start)) = self.header_after(at + 1, size, 1) {
                layout.warnings.push(format!(
                    "damaged: no sound LiME range header at file offset {at:#x}; the {} bytes up to the next, of memory \
                     between physical {:#x} and {start:#x}, are not read",
                    next - at,
                    self.above
                ));
                at = next;
            } else {
                if let (Some(Header { start, last }), true) = (Header::at(file, at), layout.ranges.is_empty()) {
                    return Err(Error::evidence(format!(
                        "the LiME range at file offset {at:#x} ends ({last:#x}) before it starts ({start:#x}): the header \
                         is damaged"
                    )));
                }
                layout
                    .warnings
                    .push(format!("truncated: no LiME range header at file offset {at:#x}; the rest is not read"));
                break;
            }
        }
        if self.gave_up {
            layout.warnings.push(
                "truncated: a LiME range leads to no other, and not all behind its header was searched for one: the file is \
                 cut off there, or the header damaged and memory behind it in a wrong place"
                    .to_owned(),
            );
        }
        Ok(layout)
    }

    /// The range of a header that can be believed, and where the next is. A damaged length would show the memory of other
    /// ranges in the wrong place: the range then leads to no header, past several that follow each other.
    fn sound(&mut self, at: u64) -> Option<(Range, u64)> {
        let (range, next) = Header::at(self.file, at)?.range(at)?;
        let sound = leads_on(self.file, next, 1) || self.header_after(range.offset, next, CERTAIN).is_none();
        sound.then_some((range, next))
    }

    /// The first header in a part of the file that can be one of the chain, and where its memory starts: above what came
    /// before. Memory may hold copies of headers, which lead nowhere.
    fn header_after(&mut self, from: u64, to: u64, headers: usize) -> Option<(u64, u64)> {
        let to = to.min(self.file.size());
        let finder = memchr::memmem::Finder::new(&START);
        let mut at = from;
        while at < to {
            if self.budget == 0 {
                self.gave_up = true;
                return None;
            }
            let end = to.min(at + STRETCH.min(self.budget));
            // One may begin in this stretch and end in the next.
            let part = self.file.part(at, to.min(end + START.len() as u64 - 1));
            let found = finder.find_iter(part).map(|found| at + found as u64).find_map(|at| {
                let (range, next) = Header::at(self.file, at)?.range(at)?;
                (range.start >= self.above && leads_on(self.file, next, headers)).then_some((at, range.start))
            });
            let looked = found.map_or(end, |(found, _)| found);
            self.budget = self.budget.saturating_sub(looked - at);
            if found.is_some() {
                return found;
            }
            at = end;
        }
        None
    }
}

/// Whether a range that ends here ends where it should: with the file, or at one of so many headers that lead on.
fn leads_on(file: &Evidence, mut at: u64, headers: usize) -> bool {
    for _ in 1..headers {
        match Header::at(file, at).and_then(|header| header.range(at)) {
            Some((_, next)) => at = next,
            None => break,
        }
    }
    at == file.size() || Header::at(file, at).is_some()
}
