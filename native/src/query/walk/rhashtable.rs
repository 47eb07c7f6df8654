//! `struct rhashtable` (lib/rhashtable.c): a table that is made anew, larger or smaller, while it is used. What has not
//! moved yet is in `tbl`, what has is in its `future_tbl`. A table for which no memory was to be had in one piece is a tree
//! of pages (`nest`).

use super::plan::linked;
use super::{Emitted, Walk, Walker};
use crate::kernel::types::{Shape, TypeId};
use crate::query::batch::Code;
use crate::query::compile::scope::{Compiled, Failure, Scope};
use crate::query::program::Program;
use crate::query::spec::Paths;

/// A table, its elements' link at distance `link`.
pub struct Rhashtable {
    /// Ends at the pointer to the table.
    table: Program,
    size: u64,
    nest: u64,
    future: u64,
    buckets: u64,
    /// From 5.2 on a bucket's lowest bit is a lock, and an empty one is NULL; before, an empty one is a nulls marker.
    locked: bool,
    /// A nested table's page has so many pointers.
    slots: u64,
    link: i64,
    /// Of an rhltable: elements of one key hang on the first of them, by the pointer at this distance from the link.
    same_key: Option<u64>,
}

impl Rhashtable {
    /// `table` ends at a `struct rhashtable` or `struct rhltable`, and which of both it is.
    pub fn compile(
        scope: Scope,
        (mut table, id): (Program, TypeId),
        type_name: &str,
        link: &Paths,
    ) -> Compiled<(Self, TypeId)> {
        let lists = scope.expect(id, &["struct rhltable"]).is_ok();
        table.offset += scope.offset("struct rhashtable", &["tbl"])?;
        table.offset += if lists { scope.offset("struct rhltable", &["ht"])? } else { 0 };
        let at = |name: &str| Ok(scope.offset("struct bucket_table", &[name])? as u64);
        let buckets = scope.member(scope.find("struct bucket_table")?, "buckets")?;
        let locked = match scope.shape(buckets.id) {
            Shape::Array { element, .. } => scope.name(element).starts_with("struct rhash_lock_head "),
            _ => return Err(Failure::Missing("struct bucket_table has no array 'buckets'".into())),
        };
        let node = if lists { "struct rhlist_head" } else { "struct rhash_head" };
        let (element, link) = linked(scope, type_name, link, &[node])?;
        let same_key = match lists {
            true => Some(scope.offset("struct rhlist_head", &["next"])? as u64),
            false => None,
        };
        let walk = Self {
            table,
            size: at("size")?,
            nest: at("nest")?,
            future: at("future_tbl")?,
            buckets: buckets.bit_offset / 8,
            locked,
            // Of types alone the geometry is not known, and nothing is walked.
            slots: scope.geometry().page_size.max(8) / 8,
            link,
            same_key,
        };
        Ok((walk, element))
    }

    fn number(&self, walker: &mut Walker, address: u64) -> Option<u64> {
        let number = walker.reader.integer(address, 4);
        if number.is_none() {
            walker.warn(Code::Unreadable, address);
        }
        number.map(|number| number as u64)
    }

    /// All of one table; false at a limit.
    fn table(&self, walker: &mut Walker, table: u64) -> bool {
        let Some(size) = self.number(walker, table.wrapping_add(self.size)) else { return true };
        let Some(nest) = self.number(walker, table.wrapping_add(self.nest)) else { return true };
        let buckets = table.wrapping_add(self.buckets);
        // (ilog2(size) - 1) % 9 + 1: of a nested table, as many bits of a hash as its first page takes.
        let nests = nest == 0 || nest <= u64::from(self.slots.trailing_zeros()) && size >> nest > 0;
        if !size.is_power_of_two() || !nests {
            walker.warn(Code::Torn, table);
            return true;
        }
        if nest == 0 {
            return self.row(walker, buckets, size);
        }
        let Some(page) = walker.word(buckets) else { return true };
        page == 0 || self.nested(walker, page, 1 << nest, size >> nest)
    }

    /// A page of `slots` pointers to what holds `size` buckets each; false at a limit.
    fn nested(&self, walker: &mut Walker, page: u64, slots: u64, size: u64) -> bool {
        for slot in 0..slots {
            let place = page.wrapping_add(slot * 8);
            if !walker.step(place) {
                return false;
            }
            let below = walker.word(place).unwrap_or(0);
            let goes_on = match (below, size > self.slots) {
                (0, _) => true,
                _ if !walker.visited.insert(below) => {
                    walker.warn(Code::Cycle, below);
                    true
                }
                (_, true) => self.nested(walker, below, self.slots, size / self.slots),
                (_, false) => self.row(walker, below, size),
            };
            if !goes_on {
                return false;
            }
        }
        true
    }

    /// Buckets one after another; false at a limit.
    fn row(&self, walker: &mut Walker, start: u64, count: u64) -> bool {
        let mut index = 0;
        while index < count {
            let bucket = start.wrapping_add(index * 8);
            if !walker.step(bucket) {
                return false;
            }
            let Some(first) = walker.word(bucket) else {
                // Neither can the rest of its page: a size that is a lie must not take long.
                index += self.slots - bucket / 8 % self.slots;
                continue;
            };
            let first = if self.locked { first & !1 } else { first };
            if !self.chain(walker, first) {
                return false;
            }
            index += 1;
        }
        true
    }

    /// One chain, to its nulls marker; false at a limit.
    fn chain(&self, walker: &mut Walker, first: u64) -> bool {
        let mut node = first;
        while node != 0 && node & 1 == 0 {
            let Some(next) = walker.word(node) else { return true };
            match self.element(walker, node) {
                Emitted::Row => {}
                Emitted::Stray => return true,
                Emitted::Cap => return false,
            }
            let mut same = self.same_key.map(|distance| node.wrapping_add(distance)).and_then(|at| walker.word(at));
            while let Some(other) = same.filter(|other| *other != 0) {
                match self.element(walker, other) {
                    Emitted::Row => {}
                    Emitted::Stray => break,
                    Emitted::Cap => return false,
                }
                same = self.same_key.map(|distance| other.wrapping_add(distance)).and_then(|at| walker.word(at));
            }
            node = next;
        }
        true
    }

    fn element(&self, walker: &mut Walker, node: u64) -> Emitted {
        match walker.visit(node) {
            true => walker.emit_next(node.wrapping_sub(self.link as u64)),
            false if walker.budget.steps == 0 => Emitted::Cap,
            false => Emitted::Stray,
        }
    }
}

impl Walk for Rhashtable {
    fn run(&self, walker: &mut Walker, object: u64) {
        let Some(place) = walker.run(&self.table, object) else { return };
        let mut table = walker.word(place).unwrap_or(0);
        while table != 0 {
            if !walker.visit(table) || !self.table(walker, table) {
                return;
            }
            table = walker.word(table.wrapping_add(self.future)).unwrap_or(0);
        }
    }
}
