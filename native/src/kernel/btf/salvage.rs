//! What is left of a section of which pages are damaged: overwritten, zeroed, or another page's.
//!
//! A record that no compiler writes betrays a page. Behind it records go on where many in a row are sound again. How many
//! were lost in between, and so the number of each that follows, is told by what all others refer to: what a function has
//! as its type must be a prototype, and nothing else may be. Names are sound where those that are referred to begin behind
//! the end of another.

mod numbers;
mod records;

use std::ops::Range;

use super::{Btf, Kind, Record};
use crate::error::Result;
use crate::image::{Bytes, PAGE_SIZE};
use numbers::numbered;
use records::Reader;

/// What is damaged is so by pages of memory.
const PAGE: usize = PAGE_SIZE as usize;
/// Names of a page, of a hundred, that may be out of place: those that go over its ends.
const MOST_MISPLACED: usize = 10;
/// Bytes that any record has.
const SHORTEST_RECORD: usize = 12;
/// A type that is lost has no record.
const NONE: u32 = u32::MAX;

/// How much could not be salvaged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Types.
    pub types: usize,
    /// Pages of names.
    pub name_pages: usize,
    /// It is not known how many types there are, and so not which those of modules refer to.
    pub is_open: bool,
}

/// Reads what is sound of the kernel's own section, which begins so many bytes behind the start of a page.
pub(crate) fn parse(bytes: Bytes, phase: usize) -> Result<(Btf, Lost)> {
    let (mut btf, types) = Btf::unread(bytes, None)?;
    let (pieces, behind) = Reader::new(&btf, types).pieces(phase)?;
    let (mut offsets, left) = numbered(&btf, pieces);
    let is_open = left + behind > 0;
    offsets.resize(offsets.len() + left + behind / SHORTEST_RECORD, NONE);
    btf.offsets = offsets;
    // What points outside is no less damaged than what no compiler writes.
    let outside = |id: &u32| btf.record(*id).is_some_and(|record| !btf.points_inside(&record));
    let outside: Vec<u32> = (btf.first_id..btf.end_id()).filter(outside).collect();
    for id in outside {
        if let Some(offset) = btf.offsets.get_mut((id - btf.first_id) as usize) {
            *offset = NONE;
        }
    }
    let flagged = records(&btf).any(|record| record.flag && record.kind.is_enum());
    btf.flagged_enums = flagged;
    btf.lost_strings = damaged_strings(&btf, phase);
    let types = btf.offsets.iter().filter(|offset| **offset == NONE).count();
    let lost = Lost { types, name_pages: btf.lost_strings.len(), is_open };
    Ok((btf, lost))
}

fn records(btf: &Btf) -> impl Iterator<Item = Record<'_>> {
    (btf.first_id..btf.end_id()).filter_map(|id| btf.record(id))
}

/// Pages of the strings in which names that are referred to do not begin behind the end of another.
fn damaged_strings(btf: &Btf, phase: usize) -> Vec<Range<usize>> {
    let text = btf.bytes.get(btf.strings.clone()).unwrap_or_default();
    let page = |at: usize| (btf.strings.start + at + phase) / PAGE;
    let first = page(0);
    let mut seen = vec![(0_usize, 0_usize); page(text.len()) - first + 1];
    let mut see = |name: u32| {
        let at = name as usize;
        if at > 0
            && let Some((names, misplaced)) = seen.get_mut(page(at).saturating_sub(first))
        {
            *names += 1;
            *misplaced += usize::from(!begins(text, at));
        }
    };
    for record in records(btf) {
        see(record.name);
        match record.kind {
            Kind::Struct | Kind::Union | Kind::Enum64 => record.starts::<12>().for_each(|[name, _]| see(name)),
            Kind::Enum | Kind::Prototype => record.starts::<8>().for_each(|[name, _]| see(name)),
            _ => {}
        }
    }
    let is_damaged = |(names, misplaced): &(usize, usize)| *misplaced * 100 > *names * MOST_MISPLACED;
    let place = |at: usize| (at * PAGE).saturating_sub(btf.strings.start + phase);
    let damaged = seen.iter().enumerate().filter(|(_, seen)| is_damaged(seen));
    damaged.map(|(index, _)| place(first + index)..place(first + index + 1)).collect()
}

/// Whether a name begins there.
fn begins(text: &[u8], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| text.get(before)) == Some(&0) && text.get(at).is_some_and(u8::is_ascii_graphic)
}

impl Btf {
    /// Whether a name of a salvaged section is not what it was.
    pub(super) fn is_lost(&self, at: usize) -> bool {
        let text = self.bytes.get(self.strings.clone()).unwrap_or_default();
        let end = text.get(at..).and_then(|rest| memchr::memchr(0, rest)).map_or(text.len(), |length| at + length);
        !begins(text, at) || self.lost_strings.iter().any(|lost| lost.start <= end && at < lost.end)
    }
}

#[cfg(test)]
#[path = "salvage_tests.rs"]
mod tests;
