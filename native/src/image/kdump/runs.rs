//! Runs of pages, which are ranges of memory.

use super::MOST_RANGES;
use crate::error::{Error, Result};
use crate::image::{PAGE_SIZE, Range};

/// Runs of pages, out of one word of a bitmap after the other.
#[derive(Default)]
pub struct Runs {
    ranges: Vec<Range>,
    open: Option<u64>,
}

impl Runs {
    /// Takes in 64 pages.
    pub fn add(&mut self, page: u64, bits: u64) -> Result<()> {
        match (bits, self.open) {
            (0, None) | (u64::MAX, Some(_)) => Ok(()),
            _ => (0..64).try_for_each(|bit| self.page(page + bit, bits >> bit & 1 == 1)),
        }
    }

    fn page(&mut self, page: u64, is_memory: bool) -> Result<()> {
        match (self.open, is_memory) {
            (None, true) => self.open = Some(page),
            (Some(first), false) => {
                self.open = None;
                if self.ranges.len() == MOST_RANGES {
                    return Err(Error::evidence(format!(
                        "memory in more than {MOST_RANGES} ranges: the bitmaps are damaged"
                    )));
                }
                let start = first * PAGE_SIZE;
                self.ranges.push(Range { start, length: page * PAGE_SIZE - start, offset: start });
            }
            _ => {}
        }
        Ok(())
    }

    /// Memory ends at a page.
    pub fn finish(mut self, end: u64) -> Result<Vec<Range>> {
        self.page(end, false)?;
        Ok(self.ranges)
    }
}
