//! Maple trees (6.1 on): `include/linux/maple_tree.h`. What a node is, is in the low byte of the pointer to it.

use super::{Walk, Walker};
use crate::kernel::types::Shape;
use crate::query::batch::Code;
use crate::query::compile::scope::{Compiled, Failure, Scope};
use crate::query::limits::TREE_DEPTH;
use crate::query::program::Program;

/// Nodes are aligned to 256 bytes; the byte below holds flags and, from bit 3, the type.
const NODE_MASK: u64 = 255;
const TYPE_SHIFT: u64 = 3;
const TYPE_MASK: u64 = 15;
/// Entries with the internal bit up to here are marks, not nodes.
const LAST_MARK: u64 = 4096;

/// Where a type of node keeps what.
#[derive(Clone, Copy)]
struct Layout {
    number: u64,
    leaf: bool,
    /// A dense node has none: each slot is one index.
    pivots: Option<(u64, u64)>,
    slots: (u64, u64),
}

/// A tree at `root`.
pub struct Maple {
    root: Program,
    layouts: Vec<Layout>,
}

impl Maple {
    /// `root` names a `struct maple_tree`.
    pub fn compile(scope: Scope, mut root: Program) -> Compiled<Self> {
        root.offset += scope.offset("struct maple_tree", &["ma_root"])?;
        let number = |name: &str, usual| scope.types.own_enumerator(name).map_or(usual, |number| number as u64);
        let array = |structure: &str, member: &str| -> Compiled<(u64, u64)> {
            let found = scope.member(scope.find(structure)?, member)?;
            match scope.shape(found.id) {
                Shape::Array { count, .. } if count <= 64 => Ok((found.bit_offset / 8, u64::from(count))),
                _ => Err(Failure::Missing(format!("{structure} has no array '{member}'"))),
            }
        };
        let (range, wide) = ("struct maple_range_64", "struct maple_arange_64");
        let pivots = Some(array(range, "pivot")?);
        let slots = array(range, "slot")?;
        let layouts = vec![
            Layout {
                number: number("maple_dense", 0),
                leaf: true,
                pivots: None,
                slots: array("struct maple_node", "slot")?,
            },
            Layout { number: number("maple_leaf_64", 1), leaf: true, pivots, slots },
            Layout { number: number("maple_range_64", 2), leaf: false, pivots, slots },
            Layout {
                number: number("maple_arange_64", 3),
                leaf: false,
                pivots: Some(array(wide, "pivot")?),
                slots: array(wide, "slot")?,
            },
        ];
        Ok(Self { root, layouts })
    }

    /// Walks one node that ends at index `last`; false at a limit.
    fn node(&self, walker: &mut Walker, encoded: u64, first: u64, last: u64, depth: usize) -> bool {
        let node = encoded & !NODE_MASK;
        let number = encoded >> TYPE_SHIFT & TYPE_MASK;
        let Some(layout) = self.layouts.iter().find(|layout| layout.number == number && depth < TREE_DEPTH) else {
            walker.warn(Code::Torn, node);
            return true;
        };
        if !walker.visit(node) {
            return walker.budget.steps > 0;
        }
        let mut start = first;
        for index in 0..layout.slots.1 {
            // A pivot of 0 behind the first slot is not set: this slot goes to the node's end and is the last.
            let end = match layout.pivots {
                None => start,
                Some((offset, count)) if index < count => match walker.word(node + offset + index * 8) {
                    Some(0) if index > 0 => last,
                    Some(pivot) => pivot,
                    None => return true,
                },
                Some(_) => last,
            };
            // Pivots go up, to the node's end at most: what does not was overwritten.
            if end < start {
                walker.warn(Code::Torn, node);
                return true;
            }
            if end > last {
                walker.warn(Code::Torn, node);
            }
            let Some(entry) = walker.word(node + layout.slots.0 + index * 8) else { return true };
            let more = match entry & 3 {
                0 if entry != 0 && layout.leaf => walker.emit(entry, start).goes_on(),
                // Inner slots hold encoded nodes, whose flags are not those of entries.
                _ if !layout.leaf && entry & !NODE_MASK != 0 => {
                    self.node(walker, entry, start, end.min(last), depth + 1)
                }
                _ => true,
            };
            if !more || !walker.step(node) {
                return false;
            }
            if end >= last {
                return true;
            }
            start = end + 1;
        }
        true
    }
}

impl Walk for Maple {
    fn run(&self, walker: &mut Walker, object: u64) {
        let Some(root) = walker.run(&self.root, object).and_then(|holder| walker.word(holder)) else { return };
        if root & 3 == 2 && root > LAST_MARK {
            self.node(walker, root, 0, u64::MAX, 0);
        } else if root & 3 == 0 && root != 0 {
            walker.emit(root, 0);
        }
    }
}
