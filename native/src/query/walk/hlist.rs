//! Singly linked hash chains: `hlist`, `hlist_nulls` and `hlist_bl`, and tables of them or of `list_head`.

use super::array::Elements;
use super::plan::{LIST, linked, object};
use super::{Emitted, Walk, Walker, list};
use crate::kernel::types::TypeId;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::program::Program;
use crate::query::spec::Paths;

/// Heads of chains.
pub const HEADS: [&str; 3] = ["struct hlist_head", "struct hlist_nulls_head", "struct hlist_bl_head"];
/// Nodes of chains.
pub const NODES: [&str; 3] = ["struct hlist_node", "struct hlist_nulls_node", "struct hlist_bl_node"];

/// What a head is, told by its type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Ends at NULL.
    Plain,
    /// Ends at any odd value.
    Nulls,
    /// The head's lowest bit is a lock.
    Locked,
    /// A ring.
    Ring,
}

impl Flavour {
    pub fn of(scope: Scope, head: TypeId) -> Self {
        match scope.name(scope.types.strip(head)).as_str() {
            "struct hlist_nulls_head" => Flavour::Nulls,
            "struct hlist_bl_head" => Flavour::Locked,
            "struct list_head" => Flavour::Ring,
            _ => Flavour::Plain,
        }
    }
}

/// One chain.
pub struct Hlist {
    pub head: Program,
    pub flavour: Flavour,
    pub link: i64,
}

impl Walk for Hlist {
    fn run(&self, walker: &mut Walker, object: u64) {
        if let Some(head) = walker.run(&self.head, object) {
            bucket(walker, head, self.flavour, self.link);
        }
    }
}

/// A table of chains.
pub struct Hash {
    buckets: Elements,
    /// From a bucket to its chain's head.
    head: Program,
    flavour: Flavour,
    link: i64,
}

impl Hash {
    /// `buckets` are elements and their type.
    pub fn compile(
        scope: Scope,
        (buckets, bucket): (Elements, TypeId),
        head: Option<&Paths>,
        (type_name, link): (&str, &Paths),
    ) -> Compiled<(Self, TypeId)> {
        let (program, head) = match head {
            Some(head) => object(scope, bucket, head).map_err(|failure| failure.within("the buckets"))?,
            None => (Program::default(), bucket),
        };
        let flavour = Flavour::of(scope, head);
        let (heads, nodes): (&[_], &[_]) = if flavour == Flavour::Ring { (&[LIST], &[LIST]) } else { (&HEADS, &NODES) };
        scope.expect(head, heads).map_err(|failure| failure.within("the buckets"))?;
        let (element, link) = linked(scope, type_name, link, nodes)?;
        Ok((Self { buckets, head: program, flavour, link }, element))
    }
}

impl Walk for Hash {
    fn run(&self, walker: &mut Walker, object: u64) {
        // Most buckets of a large machine are empty: they are steps, not objects.
        let Some((start, count)) = self.buckets.locate(walker, object, walker.budget.steps) else { return };
        for index in 0..count {
            let place = start.wrapping_add(index.wrapping_mul(self.buckets.stride));
            if !walker.step(place) {
                return;
            }
            let head = walker.run(&self.head, place);
            if head.is_some_and(|head| !bucket(walker, head, self.flavour, self.link)) {
                return;
            }
        }
    }
}

/// Walks one chain; false at a limit.
fn bucket(walker: &mut Walker, head: u64, flavour: Flavour, link: i64) -> bool {
    if flavour == Flavour::Ring {
        return list::ring(walker, head, link, true);
    }
    let Some(first) = walker.word(head) else { return true };
    let mut node = if flavour == Flavour::Locked { first & !1 } else { first };
    while node != 0 && !(flavour == Flavour::Nulls && node & 1 == 1) {
        let Some(next) = walker.word(node) else { return true };
        if !walker.visit(node) {
            return walker.budget.steps > 0;
        }
        match walker.emit_next(node.wrapping_sub(link as u64)) {
            Emitted::Row => {}
            Emitted::Stray => return true,
            Emitted::Cap => return false,
        }
        node = next;
    }
    true
}
