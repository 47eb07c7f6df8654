//! Queries: walkers over the kernel's containers, access paths from each object, columns out.
//!
//! [`spec`] is the query as it comes in, [`path`] parses access paths, [`compile`] settles both against a kernel's types,
//! [`plans`] keeps the result, [`eval`] runs it: [`walk`] yields objects, [`program`] and [`leaf`] read from them, [`batch`] packs what they
//! give.

mod batch;
mod compile;
mod cpus;
mod eval;
pub mod file_part;
pub mod file_runs;
mod leaf;
pub mod limits;
pub(crate) mod path;
mod plans;
mod program;
pub mod reader;
pub mod rules;
pub mod spec;
pub mod survey;
#[cfg(test)]
mod tests;
mod walk;

pub use batch::{Batch, Code, ColumnData, Warning};
pub use compile::scope::{self, Scope};
pub use plans::Plans;

use crate::error::Result;
use crate::kernel::Kernel;
use limits::Limits;

/// Runs one query, given as JSON, of which nothing is kept: see [`Plans::run`].
pub fn run(kernel: &Kernel, spec: &str, addresses: &[u64]) -> Result<Batch> {
    Plans::default().run(kernel, spec, addresses)
}

/// As [`run`], with other limits.
pub fn run_limited(kernel: &Kernel, spec: &str, addresses: &[u64], limits: &Limits) -> Result<Batch> {
    Plans::default().run_limited(kernel, spec, addresses, limits)
}
