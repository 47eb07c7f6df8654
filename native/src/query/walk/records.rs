//! Records of their own lengths, one after another in a buffer: expressions of an nftables rule, entries of an iptables
//! table.

use super::array::Length;
use super::plan::object;
use super::{Emitted, Walk, Walker};
use crate::kernel::types::TypeId;
use crate::query::batch::Code;
use crate::query::compile::access::{Access, first};
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::program::Program;
use crate::query::spec::{Count, Paths};

/// A buffer, and how long it and each record are.
pub struct Records {
    start: Program,
    bytes: Length,
    size: Program,
}

impl Records {
    /// `of` and `bytes` start at the object, `size` at each record.
    pub fn compile(
        scope: Scope,
        start: TypeId,
        (of, bytes): (&Paths, &Count),
        (rows, element, size): (Scope, TypeId, &Paths),
    ) -> Compiled<Self> {
        let size = first(rows, size, |rows, expr| Ok(Access::compile(rows, element, expr)?.into_number(rows)?.program));
        Ok(Self {
            start: object(scope, start, of)?.0,
            bytes: Length::compile(scope, start, bytes)?,
            size: size.map_err(|failure| failure.within("the size of a record"))?,
        })
    }
}

impl Walk for Records {
    fn run(&self, walker: &mut Walker, object: u64) {
        let Some(mut at) = walker.run(&self.start, object) else { return };
        let Some(mut left) = self.bytes.read(walker, object) else { return };
        while left > 0 {
            if !walker.step(at) {
                return;
            }
            let Some(size) = walker.run(&self.size, at).filter(|size| (1..=left).contains(size)) else {
                // Where the next one would begin nobody can tell.
                return walker.warn(Code::Torn, at);
            };
            if walker.emit_next(at) != Emitted::Row {
                return;
            }
            at = at.wrapping_add(size);
            left -= size;
        }
    }
}
