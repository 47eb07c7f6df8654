//! XArray, and the radix tree that it replaced, which differs in how a pointer's low bits are used.

use std::ops::Range;

use super::{Walk, Walker};
use crate::kernel::types::{Shape, TypeId};
use crate::query::batch::Code;
use crate::query::compile::scope::{Compiled, Failure, Scope};
use crate::query::limits::TREE_DEPTH;
use crate::query::program::Program;

/// Internal entries up to here are marks (siblings, retry, zero), not nodes.
const LAST_MARK: u64 = 4096;

/// How nodes are laid out in this kernel.
#[derive(Debug, Clone)]
pub struct Nodes {
    shift: u64,
    slots: u64,
    width: u64,
    /// Before 4.20: bit 0 marks a node and bit 1 a value; since, bit 1 a node and bit 0 a value.
    radix: bool,
}

/// What an entry is.
enum Entry {
    Empty,
    Node(u64),
    Object(u64),
    Value,
    Sibling,
    /// Retry, zero: something that is neither.
    Mark,
}

/// What an array holds at some indices. What is handed out for none is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// A pointer.
    Object(u64),
    /// A number in a pointer's place: in the page cache a page that was swapped out or dropped.
    Value,
    /// Nobody can tell: a node here cannot be read, or is none.
    Lost(u64),
}

/// A node on the way down: its slots begin at index `base`.
#[derive(Clone, Copy)]
struct Part {
    node: u64,
    base: u64,
    /// The shift of the node above.
    above: Option<u32>,
    depth: usize,
}

/// Takes what is found, with its first index and the number of indices it stands for; false to stop.
type Take<'t> = dyn FnMut(&mut Walker, Slot, u64, u64) -> bool + 't;

/// An array at `root`.
pub struct Xarray {
    root: Program,
    nodes: Nodes,
    /// From the head entry to `idr_base`, which an IDR adds to each index (from 4.16).
    base: Option<i64>,
}

impl Nodes {
    /// For a root of this type, the distance to its head entry and the layout of nodes.
    pub fn compile(scope: Scope, root: TypeId) -> Compiled<(i64, Self)> {
        let types = scope.types;
        let mut offset = 0;
        let mut id = root;
        if let Some(inner) = types.member(id, "idr_rt") {
            (offset, id) = ((inner.bit_offset / 8) as i64, inner.id);
        }
        let (head, structure, radix) = match (types.member(id, "xa_head"), types.member(id, "rnode")) {
            (Some(head), _) => (head, "struct xa_node", false),
            (None, Some(head)) => (head, "struct radix_tree_node", true),
            _ => return Err(Failure::Missing(format!("{} is neither XArray nor radix tree", scope.name(root)))),
        };
        let node = scope.find(structure)?;
        let slots = scope.member(node, "slots")?;
        let width = match scope.shape(slots.id) {
            Shape::Array { count, .. } if count.is_power_of_two() && count <= 256 => u64::from(count),
            _ => return Err(Failure::Missing(format!("{structure} has no array 'slots'"))),
        };
        let shift = scope.member(node, "shift")?.bit_offset / 8;
        Ok((offset + (head.bit_offset / 8) as i64, Self { shift, slots: slots.bit_offset / 8, width, radix }))
    }

    fn entry(&self, word: u64) -> Entry {
        match (self.radix, word & 3) {
            (_, 0) if word == 0 => Entry::Empty,
            (_, 0) => Entry::Object(word),
            (true, 1) => Entry::Node(word & !3),
            (true, 2) | (false, 1 | 3) => Entry::Value,
            (false, _) if word > LAST_MARK => Entry::Node(word & !3),
            (false, _) if word >> 2 < self.width - 1 => Entry::Sibling,
            _ => Entry::Mark,
        }
    }

    /// Hands out everything in the array at these indices, by ascending index; the first may begin before them.
    pub fn walk(&self, walker: &mut Walker, head: u64, indices: Range<u64>, take: &mut Take) {
        match self.entry(head) {
            Entry::Empty => true,
            Entry::Node(node) => self.node(walker, Part { node, base: 0, above: None, depth: 0 }, &indices, take),
            Entry::Object(object) => take(walker, Slot::Object(object), 0, 1),
            Entry::Value => take(walker, Slot::Value, 0, 1),
            Entry::Sibling | Entry::Mark => take(walker, Slot::Lost(head), 0, 1),
        };
    }

    fn node(&self, walker: &mut Walker, part: Part, indices: &Range<u64>, take: &mut Take) -> bool {
        let Part { node, base, above, depth } = part;
        let all = above.map_or(u64::MAX, |shift| 1_u64.checked_shl(shift).unwrap_or(u64::MAX));
        if !walker.visit(node) {
            return walker.budget.steps > 0 && take(walker, Slot::Lost(node), base, all);
        }
        let Some(shift) = self.shift(walker, part) else {
            return take(walker, Slot::Lost(node), base, all);
        };
        let one = 1_u64.checked_shl(shift).unwrap_or(0);
        let word = |at: u64| node.wrapping_add(self.slots + at * 8);
        let mut slot = indices.start.saturating_sub(base).checked_div(one).unwrap_or(0);
        // A slot may belong to one before it.
        let belongs = |at| walker.reader.u64(word(at)).is_some_and(|entry| self.is_sibling(entry, word(0)));
        while slot > 0 && slot < self.width && belongs(slot) {
            slot -= 1;
        }
        while slot < self.width && base.saturating_add(one.saturating_mul(slot)) < indices.end {
            let index = base.wrapping_add(one.wrapping_mul(slot));
            let Some(entry) = walker.word(word(slot)) else {
                let rest = one.saturating_mul(self.width - slot);
                return take(walker, Slot::Lost(word(slot)), index, rest);
            };
            let mut span = 1;
            let found = match self.entry(entry) {
                Entry::Empty => None,
                // In the radix tree a sibling is a pointer back into the node's own slots.
                Entry::Node(child) if child < word(0) || child >= word(self.width) => {
                    let below = Part { node: child, base: index, above: Some(shift), depth: depth + 1 };
                    if !self.node(walker, below, indices, take) {
                        return false;
                    }
                    None
                }
                Entry::Object(object) => Some(Slot::Object(object)),
                Entry::Value => Some(Slot::Value),
                // One that follows what it belongs to is stepped over with it.
                Entry::Node(_) | Entry::Sibling | Entry::Mark => Some(Slot::Lost(word(slot))),
            };
            if let Some(found) = found {
                let sibling = |at| walker.reader.u64(word(at)).map(|next| self.is_sibling(next, word(0)));
                while slot + span < self.width && sibling(slot + span) == Some(true) {
                    span += 1;
                }
                if !take(walker, found, index, one.saturating_mul(span)) {
                    return false;
                }
            }
            if !walker.step(node) {
                return false;
            }
            slot += span;
        }
        true
    }

    /// A node's shift; that of a child is one level less than its parent's, and what is not is no node.
    fn shift(&self, walker: &mut Walker, Part { node, above, depth, .. }: Part) -> Option<u32> {
        let Some(shift) = walker.reader.integer(node.wrapping_add(self.shift), 1) else {
            walker.warn(Code::Unreadable, node);
            return None;
        };
        let (shift, level) = (shift as u32, self.width.trailing_zeros());
        let fits = match above {
            None => shift < u64::BITS && shift.is_multiple_of(level.max(1)),
            Some(above) => shift + level == above,
        };
        if !fits || depth >= TREE_DEPTH {
            walker.warn(Code::Torn, node);
            return None;
        }
        Some(shift)
    }

    fn is_sibling(&self, word: u64, slots: u64) -> bool {
        match self.entry(word) {
            Entry::Sibling => true,
            Entry::Node(child) => self.radix && child >= slots && child < slots + self.width * 8,
            _ => false,
        }
    }
}

impl Xarray {
    /// `root` names a `struct xarray`, `radix_tree_root` or `idr`.
    pub fn compile(scope: Scope, mut root: Program, id: TypeId) -> Compiled<Self> {
        let (offset, nodes) = Nodes::compile(scope, id)?;
        root.offset += offset;
        let base = scope.types.member(id, "idr_base").map(|base| (base.bit_offset / 8) as i64 - offset);
        Ok(Self { root, nodes, base })
    }
}

impl Walk for Xarray {
    fn run(&self, walker: &mut Walker, object: u64) {
        let Some(holder) = walker.run(&self.root, object) else { return };
        let Some(head) = walker.word(holder) else { return };
        let base = match self.base.map(|offset| holder.wrapping_add_signed(offset)) {
            None => 0,
            Some(at) => match walker.reader.integer(at, 4) {
                Some(base) => base as u64,
                None => return walker.warn(Code::Unreadable, at),
            },
        };
        self.nodes.walk(walker, head, 0..u64::MAX, &mut |walker, slot, index, _| match slot {
            Slot::Object(object) => walker.emit(object, index.wrapping_add(base)).goes_on(),
            Slot::Value | Slot::Lost(_) => true,
        });
    }
}
