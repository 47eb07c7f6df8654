//! Finds bytes and expressions anywhere in physical memory, whosever it is.

use serde_json::Value;

use super::matcher::{Hit, Matcher, Resume};
use super::{Chunk, Hits, Scan};
use crate::error::Result;
use crate::image::Image;
use crate::kernel::Kernel;

/// Hits kept of one chunk.
const MOST_HITS: usize = 1 << 16;

struct Bytes<'a> {
    image: &'a Image,
    matcher: Matcher,
    resume: Resume,
    hits: Hits,
}

/// Takes `patterns` and `expressions`; of patterns finds all places, those within one another too, so that nothing depends
/// on where a block begins.
pub fn begin<'a>(kernel: &'a Kernel, parameters: &Value, _chunk: Chunk) -> Result<Box<dyn Scan + 'a>> {
    let (image, matcher) = (kernel.memory.image(), Matcher::new(parameters)?);
    Ok(Box::new(Bytes { image, matcher, resume: Resume::default(), hits: Hits::default() }))
}

impl Scan for Bytes<'_> {
    fn reach(&self) -> usize {
        self.matcher.reach()
    }

    fn block(&mut self, physical: u64, bytes: &[u8], own: usize) {
        let Self { image, matcher, resume, hits } = self;
        matcher.find(physical, bytes, own, resume, |hit| hits.add(image, physical, hit));
    }

    fn is_full(&self) -> bool {
        self.hits.capped
    }

    fn finish(self: Box<Self>) -> Hits {
        self.hits
    }
}

impl Hits {
    /// Keeps a hit, unless there are as many as are kept; tells whether to go on.
    fn add(&mut self, image: &Image, block: u64, hit: Hit) -> bool {
        self.capped = self.addresses.len() >= MOST_HITS;
        if !self.capped {
            let physical = block + hit.at as u64;
            image.touch(physical, hit.length as u64);
            self.addresses.push(physical);
            self.which.push(hit.which);
            self.lengths.push(hit.length as u32);
        }
        !self.capped
    }
}

#[cfg(test)]
#[path = "bytes_tests.rs"]
mod tests;
