//! Queries: walkers over the kernel's containers, access paths from each object, columns out.
//!
//! [`spec`] is the query as it comes in, [`path`] parses access paths, [`compile`] settles both against a kernel's types,
//! [`eval`] runs the result: [`walk`] yields objects, [`program`] and [`leaf`] read from them, [`batch`] packs what they
//! give.

mod batch;
mod compile;
mod eval;
mod leaf;
pub mod limits;
pub(crate) mod path;
mod program;
pub mod reader;
pub mod rules;
pub mod spec;
pub mod survey;
#[cfg(test)]
mod tests;
mod walk;

use crate::error::{Error, Result};
use crate::kernel::Kernel;
pub use batch::{Batch, Code, ColumnData, Warning};
pub use compile::scope::{self, Scope};
use limits::Limits;

/// Runs a query, given as JSON, over a kernel. `addresses` are the objects of a query that starts from addresses.
pub fn run(kernel: &Kernel, spec: &str, addresses: &[u64]) -> Result<Batch> {
    run_limited(kernel, spec, addresses, &Limits::default())
}

/// As [`run`], with other limits.
pub fn run_limited(kernel: &Kernel, spec: &str, addresses: &[u64], limits: &Limits) -> Result<Batch> {
    let query: spec::Query =
        serde_json::from_str(spec).map_err(|error| Error::usage(format!("not a query: {error}")))?;
    let walk = query.most.map_or(limits.walk, |most| limits.walk.min(most));
    kernel.memory.image().undisturbed(|| {
        let compiled = compile::compile(Scope::of(kernel), &query);
        let plan = compiled.map_err(|failure| failure.into_error(&kernel.facts.release))?;
        Ok(eval::run(kernel, &plan, addresses, &Limits { walk, ..*limits }))
    })
}
