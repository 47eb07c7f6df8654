//! Red-black trees, in order.

use super::{Walk, Walker};
use crate::kernel::types::TypeId;
use crate::query::batch::Code;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::TREE_DEPTH;
use crate::query::program::Program;

/// Distances in `struct rb_node`, after the word that holds parent and colour.
const RIGHT: u64 = 8;
const LEFT: u64 = 16;

/// A tree, its elements' node at distance `link`.
pub struct Rbtree {
    root: Program,
    link: i64,
}

impl Rbtree {
    /// `root` names a `struct rb_root` or `struct rb_root_cached`.
    pub fn compile(scope: Scope, mut root: Program, id: TypeId, link: i64) -> Compiled<Self> {
        let types = scope.types;
        let holder = match types.member(id, "rb_node") {
            Some(node) => node,
            None => {
                let plain = scope.member(id, "rb_root")?;
                let node = scope.member(plain.id, "rb_node")?;
                crate::kernel::types::Member { bit_offset: plain.bit_offset + node.bit_offset, ..node }
            }
        };
        root.offset += (holder.bit_offset / 8) as i64;
        Ok(Self { root, link })
    }
}

impl Walk for Rbtree {
    fn run(&self, walker: &mut Walker, object: u64) {
        let Some(holder) = walker.run(&self.root, object) else { return };
        let mut node = walker.word(holder).unwrap_or(0);
        let mut above = Vec::new();
        loop {
            while node != 0 {
                if walker.reader.u64(node.wrapping_add(LEFT)).is_none() {
                    walker.warn(Code::Unreadable, node);
                    break;
                }
                if above.len() >= TREE_DEPTH {
                    walker.warn(Code::Torn, node);
                    break;
                }
                if !walker.visit(node) || !walker.admits(node.wrapping_sub(self.link as u64)) {
                    break;
                }
                above.push(node);
                node = walker.word(node.wrapping_add(LEFT)).unwrap_or(0);
            }
            let Some(next) = above.pop() else { return };
            if !walker.give(next.wrapping_sub(self.link as u64), walker.found as u64) {
                return;
            }
            node = walker.word(next.wrapping_add(RIGHT)).unwrap_or(0);
        }
    }
}
