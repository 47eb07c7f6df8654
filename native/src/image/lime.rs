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
    Header::at(file, 0).map(|_| chain(file))
}

/// A damaged header costs its range: the chain goes on at the next one that is sound.
fn chain(file: &Evidence) -> Result<Layout> {
    let size = file.size();
    let mut layout = Layout::default();
    let mut above = 0;
    let mut at = 0;
    while at < size {
        if let Some((range, next)) = sound(file, at, above) {
            if layout.ranges.len() == MOST_RANGES {
                return Err(Error::evidence(format!("more than {MOST_RANGES} LiME ranges: the headers are damaged")));
            }
            above = above.max(range.start.saturating_add(range.length));
            layout.ranges.push(range);
            at = next;
        } else if let Some((next, start)) = header_after(file, at + 1, size, above, 1) {
            layout.warnings.push(format!(
                "damaged: no sound LiME range header at file offset {at:#x}; the {} bytes up to the next, of memory between \
                 physical {above:#x} and {start:#x}, are not read",
                next - at
            ));
            at = next;
        } else {
            if let (Some(Header { start, last }), true) = (Header::at(file, at), layout.ranges.is_empty()) {
                return Err(Error::evidence(format!(
                    "the LiME range at file offset {at:#x} ends ({last:#x}) before it starts ({start:#x}): the header is damaged"
                )));
            }
            layout
                .warnings
                .push(format!("truncated: no LiME range header at file offset {at:#x}; the rest is not read"));
            break;
        }
    }
    Ok(layout)
}

/// The range of a header that can be believed, and where the next is. A damaged length would show the memory of other
/// ranges in the wrong place: the range then leads to no header, past several that follow each other.
fn sound(file: &Evidence, at: u64, above: u64) -> Option<(Range, u64)> {
    let (range, next) = Header::at(file, at)?.range(at)?;
    let passed = || header_after(file, range.offset, next, above, CERTAIN);
    (leads_on(file, next, 1) || passed().is_none()).then_some((range, next))
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

/// The first header in a part of the file that can be one of the chain, and where its memory starts: above what came
/// before. Memory may hold copies of headers, which lead nowhere.
fn header_after(file: &Evidence, from: u64, to: u64, above: u64, headers: usize) -> Option<(u64, u64)> {
    let to = to.min(file.size());
    let finder = memchr::memmem::Finder::new(&START);
    finder.find_iter(file.part(from, to)).map(|found| from + found as u64).find_map(|at| {
        let (range, next) = Header::at(file, at)?.range(at)?;
        (range.start >= above && leads_on(file, next, headers)).then_some((at, range.start))
    })
}
