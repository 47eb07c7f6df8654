//! Where in physical memory the pages of a file lie.

use super::compile::scope::Scope;
use super::leaf::page_cache::{Most, PageCache, What};
use super::limits::EFFORT;
use super::reader::Reader;
use crate::error::Result;
use crate::kernel::Kernel;

/// Runs looked for at a time, and steps through a tree in which nothing is found.
const MOST_RUNS: usize = 4096;
const MOST_STEPS: usize = 1 << 22;

/// A part of a file that lies in a row in physical memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRun {
    /// Where it begins in the file.
    pub offset: u64,
    /// And in physical memory.
    pub physical: u64,
    /// Bytes; the last page's are cut off where the file ends.
    pub length: u64,
}

/// Shows each run of what the page cache holds of a file, in order, until `take` says no; false where the inode cannot be
/// read.
pub fn each(kernel: &Kernel, inode: u64, mut take: impl FnMut(FileRun) -> bool) -> Result<bool> {
    let cache = PageCache::compile(Scope::of(kernel));
    let cache = cache.map_err(|failure| failure.into_error(&kernel.facts.release))?;
    let reader = Reader::of(kernel, EFFORT);
    let Ok(file) = cache.file(&reader, inode) else { return Ok(false) };
    let page_size = kernel.memory.geometry().page_size;
    let pages = file.size.div_ceil(page_size);
    let mut at = 0;
    while at < pages {
        let most = Most { runs: MOST_RUNS, pages: u64::MAX, steps: MOST_STEPS };
        let Ok(found) = cache.runs(&reader, &file, at..pages, most) else { return Ok(false) };
        for run in &found.runs {
            if let What::At(physical) = run.what {
                let offset = run.start * page_size;
                let length = (run.end * page_size).min(file.size).saturating_sub(offset);
                if !take(FileRun { offset, physical, length }) {
                    return Ok(true);
                }
            }
        }
        if found.end <= at {
            break; // A tree that leads nowhere.
        }
        at = found.end;
    }
    Ok(true)
}
