//! What a per-CPU pointer (`__percpu`) stands for: a copy for each possible processor.

use super::{Walk, Walker};
use crate::kernel::types::TypeId;
use crate::query::batch::Code;
use crate::query::compile::access::{Access, first};
use crate::query::compile::scope::{Compiled, Failure, Scope};
use crate::query::cpus::Cpus;
use crate::query::program::Program;
use crate::query::spec::Paths;

/// The pointer, and where its copies lie.
pub struct PerCpu {
    of: Program,
    cpus: Cpus,
}

impl PerCpu {
    /// `of` names the pointer; `type_name` what it leads to, where its own type does not say.
    pub fn compile(scope: Scope, start: TypeId, of: &Paths, type_name: Option<&str>) -> Compiled<(Self, TypeId)> {
        let (program, target) = first(scope, of, |scope, expr| {
            let access = Access::compile(scope, start, expr)?;
            match access.is_pointer(scope) {
                true => access.into_object(scope),
                false => Err(Failure::OtherType("is no pointer, where per-CPU copies are asked for".into())),
            }
        })?;
        let element = type_name.map_or(Ok(target), |name| scope.find(name))?;
        Ok((Self { of: program, cpus: Cpus::of(scope) }, element))
    }
}

impl Walk for PerCpu {
    fn run(&self, walker: &mut Walker, object: u64) {
        let Some(pointer) = walker.run(&self.of, object) else { return };
        let mut copies = self.cpus.copies(walker.reader, pointer).peekable();
        if copies.peek().is_none() {
            walker.warn(Code::Unreadable, pointer);
        }
        for (cpu, address) in copies {
            if !walker.step(address) || !walker.emit(address, cpu).goes_on() {
                return;
            }
        }
    }
}
