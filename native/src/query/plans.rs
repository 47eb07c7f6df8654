//! Queries compiled for one kernel, kept by their text: analyzers ask the same many times, from several threads.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::batch::Batch;
use super::compile::scope::Scope;
use super::compile::{self, Plan};
use super::limits::{LONGEST_KEPT, Limits, MOST_PLANS};
use super::{eval, spec};
use crate::error::{Error, Result};
use crate::kernel::Kernel;

/// What is kept for one kernel.
#[derive(Default)]
pub struct Plans {
    compiled: RwLock<HashMap<Box<str>, Arc<Prepared>>>,
}

/// A query that is compiled.
struct Prepared {
    plan: Plan,
    /// Objects in one walk, where that is less than any query may have.
    most: Option<usize>,
}

impl Plans {
    /// Runs a query, given as JSON, over the kernel that all its queries are for. `addresses` are the objects of one that
    /// starts from addresses.
    pub fn run(&self, kernel: &Kernel, spec: &str, addresses: &[u64]) -> Result<Batch> {
        self.run_limited(kernel, spec, addresses, &Limits::default())
    }

    /// The same, with other limits.
    pub fn run_limited(&self, kernel: &Kernel, spec: &str, addresses: &[u64], limits: &Limits) -> Result<Batch> {
        let known = self.compiled.read().unwrap_or_else(PoisonError::into_inner).get(spec).cloned();
        let (prepared, batch) = kernel.memory.image().undisturbed(|| {
            let prepared = match &known {
                Some(known) => Arc::clone(known),
                None => Arc::new(Prepared::new(kernel, spec)?),
            };
            let walk = prepared.most.map_or(limits.walk, |most| limits.walk.min(most));
            let batch = eval::run(kernel, &prepared.plan, addresses, &Limits { walk, ..*limits });
            Ok((prepared, batch))
        })?;
        // Only now is it known that what it was made from was there.
        if known.is_none() && spec.len() <= LONGEST_KEPT {
            let mut compiled = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
            if compiled.len() >= MOST_PLANS {
                compiled.clear();
            }
            compiled.insert(spec.into(), prepared);
        }
        Ok(batch)
    }

    /// How many there are.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.compiled.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Prepared {
    fn new(kernel: &Kernel, spec: &str) -> Result<Self> {
        let query: spec::Query =
            serde_json::from_str(spec).map_err(|error| Error::usage(format!("not a query: {error}")))?;
        let compiled = compile::compile(Scope::of(kernel), &query);
        let plan = compiled.map_err(|failure| failure.into_error(&kernel.facts.release))?;
        Ok(Self { plan, most: query.most })
    }
}
