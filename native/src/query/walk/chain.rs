//! A chain of pointers: each object names the next.

use super::{Emitted, Walk, Walker};
use crate::query::program::Program;

/// From `first`, by `next`, to NULL.
pub struct Chain {
    pub first: Program,
    pub next: Program,
}

impl Walk for Chain {
    fn run(&self, walker: &mut Walker, object: u64) {
        let mut at = walker.run(&self.first, object);
        while let Some(address) = at {
            if !walker.visit(address) {
                return;
            }
            // Looked up before the row goes out: an object that cannot be read is only a wild pointer.
            let before = walker.reader.integer(address, 1);
            if before.is_none() {
                walker.word(address);
                return;
            }
            if walker.emit_next(address) != Emitted::Row {
                return;
            }
            at = walker.run(&self.next, address);
        }
    }
}
