//! XArray, and the radix tree that it replaced, which differs in how a pointer's low bits are used.

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
    Node(u64),
    Object(u64),
    Sibling,
    /// Empty, a value, a mark.
    Other,
}

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
        let types = &scope.kernel.types;
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
            (_, 0) if word != 0 => Entry::Object(word),
            (true, 1) => Entry::Node(word & !3),
            (false, 2) if word > LAST_MARK => Entry::Node(word & !3),
            (false, 2) if word >> 2 < self.width - 1 => Entry::Sibling,
            _ => Entry::Other,
        }
    }

    /// Hands every object, with its first index and the number of indices it stands for, to `take`, which may stop.
    pub fn walk(&self, walker: &mut Walker, head: u64, take: &mut dyn FnMut(&mut Walker, u64, u64, u64) -> bool) {
        match self.entry(head) {
            Entry::Node(node) => self.node(walker, node, 0, 64, 0, take),
            Entry::Object(object) => take(walker, object, 0, 1),
            _ => true,
        };
    }

    fn node(
        &self,
        walker: &mut Walker,
        node: u64,
        base: u64,
        above: u32,
        depth: usize,
        take: &mut dyn FnMut(&mut Walker, u64, u64, u64) -> bool,
    ) -> bool {
        if !walker.visit(node) {
            return walker.budget.steps > 0;
        }
        let shift = match walker.reader.integer(node.wrapping_add(self.shift), 1) {
            Some(shift) if (shift as u32) < above && depth < TREE_DEPTH => shift as u32,
            Some(_) => {
                walker.warn(Code::Torn, node);
                return true;
            }
            None => {
                walker.warn(Code::Unreadable, node);
                return true;
            }
        };
        let mut slot = 0;
        while slot < self.width {
            let word = |at: u64| node.wrapping_add(self.slots + at * 8);
            let Some(entry) = walker.word(word(slot)) else { return true };
            let index = base.wrapping_add(slot.checked_shl(shift).unwrap_or(0));
            let mut span = 1;
            let more = match self.entry(entry) {
                Entry::Node(child) => {
                    // In the radix tree a sibling is a pointer back into the node's own slots.
                    let own = child >= word(0) && child < word(self.width);
                    own || self.node(walker, child, index, shift, depth + 1, take)
                }
                Entry::Object(object) => {
                    let sibling = |at| walker.reader.u64(word(at)).map(|next| self.is_sibling(next, word(0)));
                    while slot + span < self.width && sibling(slot + span) == Some(true) {
                        span += 1;
                    }
                    take(walker, object, index, span.checked_shl(shift).unwrap_or(1))
                }
                Entry::Sibling | Entry::Other => true,
            };
            if !more || !walker.step(node) {
                return false;
            }
            slot += span;
        }
        true
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
        let base = scope.kernel.types.member(id, "idr_base").map(|base| (base.bit_offset / 8) as i64 - offset);
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
        self.nodes.walk(walker, head, &mut |walker, object, index, _| walker.emit(object, index.wrapping_add(base)));
    }
}
