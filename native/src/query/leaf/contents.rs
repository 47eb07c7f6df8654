//! A file's contents as a column: text from the page cache.

use super::Leaf;
use super::page_cache::{Most, PageCache, Run, What};
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::CONTENTS;
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::Reader;

/// An inode's text.
pub struct Contents {
    program: Program,
    cache: PageCache,
    limit: usize,
    missing: Missing,
}

/// What a page that is not in memory makes of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It cannot be read.
    Unreadable,
    /// Zeros in the page's place: for files that are searched rather than read.
    Zeros,
}

impl Contents {
    /// `program` ends at the `struct inode`.
    pub fn compile(scope: Scope, program: Program, max: Option<usize>, missing: Missing) -> Compiled<Self> {
        Ok(Self { program, cache: PageCache::compile(scope)?, limit: max.unwrap_or(CONTENTS), missing })
    }
}

impl Leaf for Contents {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let inode = self.program.run(reader, object)?;
        let file = self.cache.file(reader, inode)?;
        let length = file.size.min(self.limit as u64);
        let page_size = reader.memory().geometry().page_size;
        let count = length.div_ceil(page_size);
        let most = Most { runs: usize::MAX, pages: u64::MAX, steps: 64 * (count as usize + 64) };
        let found = self.cache.runs(reader, &file, 0..count, most)?;
        if found.end < count {
            return Err(Gap::Spent(inode));
        }
        let pages =
            |is: fn(What) -> bool| -> u64 { found.runs.iter().filter(|run| is(run.what)).map(Run::pages).sum() };
        let held = pages(|what| matches!(what, What::At(_)));
        let lost = pages(|what| what == What::Lost);
        // A file in memory alone has nowhere else to be: a hole of it is zeros, a page that is away is not in the image.
        let away = pages(|what| what == What::Away);
        let told = if file.memory_only { lost + away } else { lost };
        let whole = if file.memory_only { told == 0 } else { held == count };
        if count > 0 && (self.missing == Missing::Unreadable && !whole || held == 0 && told > 0) {
            return Err(Gap::Unreadable(inode));
        }
        if held == 0 && count > 0 && self.missing == Missing::Zeros {
            return Err(Gap::Null);
        }
        reader.spend(length, inode)?;
        let start = out.len();
        out.resize(start + length as usize, 0);
        for Run { start: first, end, what } in found.runs {
            let What::At(physical) = what else { continue };
            let from = start + (first * page_size) as usize;
            let to = (start + (end * page_size) as usize).min(out.len());
            let part = out.get_mut(from..to).unwrap_or_default();
            let image = reader.memory().image();
            let read = image.read(physical, part);
            if read < part.len() {
                let left_out =
                    image.missing(physical.saturating_add(read as u64)) == Some(crate::image::Missing::LeftOut);
                return Err(if left_out { Gap::LeftOut(inode) } else { Gap::Unreadable(inode) });
            }
        }
        Ok(match self.missing {
            Missing::Unreadable => length == file.size,
            Missing::Zeros => told == 0,
        })
    }
}
