//! How many bytes of memory are of what, and who pays for them.

use std::collections::HashMap;
use std::ops::Range;

use super::facts::{Kind, Teller, compiled};
use super::layout::Caches;
use crate::error::Result;
use crate::kernel::Kernel;
use crate::query::reader::Reader;

/// Groups that are kept: more were made to exhaust memory.
const MOST_GROUPS: usize = 1 << 20;

/// Memory of one kind, of one owner, for which one group pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    /// What it is.
    pub kind: Kind,
    /// Which of the claims that were given the memory is of, counted from 1; 0 for none.
    pub claim: u32,
    /// The slab's cache or the file's `address_space`; else 0.
    pub owner: u64,
    /// The `mem_cgroup` that pays; 0 where none does.
    pub payer: u64,
}

/// Physical memory that something else than a `struct page` tells of.
#[derive(Debug, Clone)]
pub struct Claim {
    /// From its first byte to the first behind it.
    pub physical: Range<u64>,
    /// What whoever claims it calls it.
    pub what: u32,
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Summary {
    /// Bytes of each group, in the order of groups.
    pub groups: Vec<(Group, u64)>,
    /// Bytes that had no place.
    pub left_out: u64,
}

/// Counts the memory that the image holds from one physical address to another. Claims are in order; they tell of pages
/// of which their `struct page` says nothing.
pub fn summarize(kernel: &Kernel, caches: &Caches, claims: &[Claim], within: Range<u64>) -> Result<Summary> {
    let layout = compiled(kernel)?;
    kernel.memory.image().undisturbed(|| {
        // What is looked at of all memory does not count as read.
        let teller = Teller::new(kernel, &layout, caches, Reader::quiet(&kernel.memory))?;
        let mut counts = Counts { groups: HashMap::new(), left_out: 0 };
        for range in kernel.memory.image().ranges() {
            let first = range.start.max(within.start).next_multiple_of(layout.page_size);
            let mut at = first;
            while at < range.end().min(within.end) {
                page(&teller, claims, at, &mut counts);
                at = at.saturating_add(layout.page_size);
            }
        }
        let mut groups: Vec<_> = counts.groups.into_iter().collect();
        groups.sort_unstable_by_key(|(group, _)| *group);
        Ok(Summary { groups, left_out: counts.left_out })
    })
}

struct Counts {
    groups: HashMap<Group, u64>,
    left_out: u64,
}

impl Counts {
    fn add(&mut self, group: Group, bytes: u64) {
        if self.groups.len() >= MOST_GROUPS && !self.groups.contains_key(&group) {
            self.left_out += bytes;
        } else {
            *self.groups.entry(group).or_default() += bytes;
        }
    }
}

fn page(teller: &Teller, claims: &[Claim], physical: u64, counts: &mut Counts) {
    let page_size = teller.layout.page_size;
    let facts = teller.facts(physical);
    match facts.kind {
        Kind::Slab => slab(teller, physical, facts.owner, counts),
        kind => {
            let claim = if told_by_page(kind) { 0 } else { claim_of(claims, physical) };
            let owner = if kind == Kind::File { facts.owner } else { 0 };
            counts.add(Group { kind, claim, owner, payer: facts.payer }, page_size);
        }
    }
}

/// Whether a `struct page` itself says what its page is.
fn told_by_page(kind: Kind) -> bool {
    !matches!(kind, Kind::Plain | Kind::Reserved | Kind::Lost | Kind::Outside)
}

fn claim_of(claims: &[Claim], physical: u64) -> u32 {
    let after = claims.partition_point(|claim| claim.physical.start <= physical);
    let claim = after.checked_sub(1).and_then(|at| claims.get(at));
    claim.filter(|claim| claim.physical.contains(&physical)).map_or(0, |claim| claim.what)
}

/// Counts what of each object lies in one page of a slab, and the rest, for which nobody pays.
fn slab(teller: &Teller, physical: u64, cache: u64, counts: &mut Counts) {
    let (page_size, page) = (teller.layout.page_size, teller.page(physical));
    let mut rest = page_size;
    let group = |payer: u64| Group { kind: Kind::Slab, claim: 0, owner: cache, payer };
    if let Some(slab) = teller.slab_of(page) {
        let offset = physical.saturating_sub(slab.start);
        for number in offset / slab.size..slab.objects {
            let start = number.saturating_mul(slab.size);
            if start >= offset + page_size {
                break;
            }
            let part = (start + slab.size).min(offset + page_size) - start.max(offset);
            let payer = teller.object_payer(&slab, number);
            if payer != 0 {
                counts.add(group(payer), part);
                rest -= part;
            }
        }
    }
    counts.add(group(0), rest);
}
