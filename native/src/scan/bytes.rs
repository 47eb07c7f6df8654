//! Finds byte strings anywhere in physical memory, whosever it is.

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::Value;

use super::{Chunk, Hits, Scan};
use crate::error::{Error, Result};
use crate::image::Image;
use crate::kernel::Kernel;

/// Hits kept of one chunk.
const MOST_HITS: usize = 1 << 16;
/// What can be searched for at once, and how long each can be.
const MOST_PATTERNS: usize = 1 << 16;
const LONGEST: usize = 4 << 10;

#[derive(Deserialize)]
struct Parameters {
    /// In hexadecimal.
    patterns: Vec<String>,
}

enum Search {
    One(Box<Finder<'static>>),
    Several(AhoCorasick),
}

struct Bytes<'a> {
    image: &'a Image,
    search: Search,
    longest: usize,
    hits: Hits,
}

/// Takes `patterns`; finds all places, those within one another too, so that nothing depends on where a block begins.
pub fn begin<'a>(kernel: &'a Kernel, parameters: &Value, _chunk: Chunk) -> Result<Box<dyn Scan + 'a>> {
    let Parameters { patterns } = Parameters::deserialize(parameters)
        .map_err(|error| Error::usage(format!("no patterns to search for: {error}")))?;
    let patterns = patterns.iter().map(|pattern| unhex(pattern)).collect::<Result<Vec<_>>>()?;
    if patterns.len() > MOST_PATTERNS {
        return Err(Error::usage(format!("more than {MOST_PATTERNS} patterns to search for")));
    }
    let search = match patterns.as_slice() {
        [one] => Search::One(Box::new(Finder::new(one).into_owned())),
        several => Search::Several(
            AhoCorasick::new(several).map_err(|error| Error::usage(format!("cannot be searched for: {error}")))?,
        ),
    };
    let longest = patterns.iter().map(Vec::len).max().unwrap_or(1);
    Ok(Box::new(Bytes { image: kernel.memory.image(), search, longest, hits: Hits::default() }))
}

impl Scan for Bytes<'_> {
    fn reach(&self) -> usize {
        self.longest - 1
    }

    fn block(&mut self, physical: u64, bytes: &[u8], own: usize) {
        let Self { image, search, hits, longest } = self;
        // What another scan wants to see behind the block is none of this one's.
        let bytes = bytes.get(..bytes.len().min(own + *longest - 1)).unwrap_or(bytes);
        let begun = hits.addresses.len();
        match search {
            Search::One(finder) => {
                let mut from = 0;
                while let Some(at) = bytes.get(from..).and_then(|rest| finder.find(rest)).map(|at| from + at)
                    && at < own
                    && hits.add(image, physical + at as u64, *longest, 0)
                {
                    from = at + 1;
                }
            }
            Search::Several(search) => {
                for hit in search.find_overlapping_iter(bytes).filter(|hit| hit.start() < own) {
                    if !hits.add(image, physical + hit.start() as u64, hit.len(), hit.pattern().as_u32()) {
                        break;
                    }
                }
                // They come by where they end.
                sort_from(hits, begun);
            }
        }
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
    fn add(&mut self, image: &Image, physical: u64, length: usize, which: u32) -> bool {
        self.capped = self.addresses.len() >= MOST_HITS;
        if !self.capped {
            image.touch(physical, length as u64);
            self.addresses.push(physical);
            self.which.push(which);
        }
        !self.capped
    }
}

/// Orders the hits from one on by address, then by what they are.
fn sort_from(hits: &mut Hits, from: usize) {
    let addresses = hits.addresses.get_mut(from..).unwrap_or_default();
    let which = hits.which.get_mut(from..).unwrap_or_default();
    let mut pairs: Vec<(u64, u32)> = addresses.iter().copied().zip(which.iter().copied()).collect();
    pairs.sort_unstable();
    for ((address, which), pair) in addresses.iter_mut().zip(which).zip(pairs) {
        (*address, *which) = pair;
    }
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let bytes: Option<Vec<u8>> =
        text.as_bytes().chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect();
    match bytes {
        Some(bytes) if (1..=LONGEST).contains(&bytes.len()) => Ok(bytes),
        Some(_) => Err(Error::usage(format!("a pattern has from 1 to {LONGEST} bytes"))),
        None => Err(Error::usage("a pattern is not in hexadecimal")),
    }
}

#[cfg(test)]
#[path = "bytes_tests.rs"]
mod tests;
