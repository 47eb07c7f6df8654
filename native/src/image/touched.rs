//! Which physical pages were read: what a distilled image must hold.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::PAGE_SIZE;

/// A set of page numbers that many threads add to.
#[derive(Default)]
pub struct TouchedPages {
    pages: Mutex<BTreeSet<u64>>,
}

impl TouchedPages {
    /// Adds every page of `[physical, physical + length)`. Few runs do, and those that do not should not carry its code.
    #[cold]
    pub fn mark(&self, physical: u64, length: u64) {
        if length == 0 {
            return;
        }
        let last = physical.saturating_add(length - 1) / PAGE_SIZE;
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.extend(physical / PAGE_SIZE..=last);
    }

    /// Runs of adjacent pages, in order.
    pub fn runs(&self) -> Vec<Range<u64>> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let mut runs: Vec<Range<u64>> = Vec::new();
        for page in pages.iter() {
            let start = page * PAGE_SIZE;
            match runs.last_mut() {
                Some(run) if run.end == start => run.end = start.saturating_add(PAGE_SIZE),
                _ => runs.push(start..start.saturating_add(PAGE_SIZE)),
            }
        }
        runs
    }
}
