//! What is left of a table of symbols of which pages are damaged.
//!
//! Names have no mark by themselves of where one begins, but where each 256th does is kept beside them: a block of names
//! that does not end where the next begins is damaged, and so are others on its pages. How many names a block has is known
//! all the same, so that the numbers of all others, by which they have their addresses, stay what they are.

use std::ops::Range;

use super::names::{self, Expanded, Names};
use super::tokens::Tokens;
use super::values::Values;
use super::{Budget, Kallsyms, MOST_TABLES, text_of};
use crate::image::PAGE_SIZE;
use crate::kernel::symbols::Table;
use crate::words::u32_at;

/// Names of a block.
const BLOCK: usize = 256;
/// Bytes of one, with what tells its length.
const LONGEST: u32 = 1026;
/// Fewer are no kernel's.
const FEWEST_BLOCKS: usize = 32;
/// Blocks by which it is tried whether names begin at a place.
const TRIED: usize = 5;
const PAGE: usize = PAGE_SIZE as usize;

/// A table that is there in part.
#[derive(Debug)]
pub struct Salvaged {
    pub kallsyms: Kallsyms,
    /// Symbols of which names or addresses are lost.
    pub lost: usize,
}

/// What is left of tables in a window of memory, which begins with a page. No kernel has its image below `lowest_image`.
pub fn find_all(window: &[u8], lowest_image: u64, budget: &Budget) -> impl Iterator<Item = Salvaged> {
    Tokens::find_all(window, 0, budget).take(MOST_TABLES).filter_map(move |tokens| {
        let mut places = places(window, &tokens, budget).into_iter();
        places.find_map(|blocks| decode(window, &tokens, &blocks, lowest_image))
    })
}

/// Names, and where each block of them begins.
struct Blocks {
    names: Names,
    starts: Vec<usize>,
}

impl Blocks {
    fn block(&self, number: usize) -> Option<(Range<usize>, usize)> {
        let start = *self.starts.get(number)?;
        let count = BLOCK.min(self.names.count - number * BLOCK);
        Some((start..self.starts.get(number + 1).copied().unwrap_or(self.names.names.end), count))
    }

    /// Blocks that are damaged.
    fn damaged(&self, window: &[u8]) -> Vec<bool> {
        let blocks: Vec<_> = (0..self.starts.len()).filter_map(|number| self.block(number)).collect();
        let is_whole = |(bytes, count): &(Range<usize>, usize)| end_of(window, bytes.start, *count) == Some(bytes.end);
        let mut pages = vec![false; window.len() / PAGE + 1];
        for (bytes, _) in blocks.iter().filter(|block| !is_whole(block)) {
            let own = bytes.start / PAGE..bytes.end / PAGE + 1;
            let is_empty = |page: &usize| window.get(page * PAGE..(page + 1) * PAGE).is_some_and(is_zero);
            // Where one of them is empty, it is the one.
            let suspect: Vec<usize> = match own.clone().filter(is_empty).collect::<Vec<_>>() {
                empty if empty.is_empty() => own.collect(),
                empty => empty,
            };
            for page in suspect {
                if let Some(damaged) = pages.get_mut(page) {
                    *damaged = true;
                }
            }
        }
        let on_damaged = |bytes: &Range<usize>| {
            pages
                .get(bytes.start / PAGE..=bytes.end.saturating_sub(1) / PAGE)
                .is_some_and(|pages| pages.contains(&true))
        };
        blocks.iter().map(|block| !is_whole(block) || on_damaged(&block.0)).collect()
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// Where so many names end that begin at a place.
fn end_of(window: &[u8], start: usize, count: usize) -> Option<usize> {
    (0..count).try_fold(start, |at, _| {
        let (length, header) = names::name_length(window.get(at..)?)?;
        Some(at + header + length)
    })
}

/// Where names may lie that belong to tokens.
fn places(window: &[u8], tokens: &Tokens, budget: &Budget) -> Vec<Blocks> {
    let first = tokens.start.saturating_sub(names::FARTHEST).next_multiple_of(4);
    let mut found = Vec::new();
    let mut at = tokens.start & !3;
    while at > first && found.len() < MOST_TABLES && !budget.is_spent() {
        at -= 4;
        if u32_at(window, at) != Some(0) {
            continue;
        }
        let marks = marks(window, at, tokens.start);
        if marks.len() >= FEWEST_BLOCKS {
            found.extend(beginning(window, at, &marks, budget));
        }
    }
    found
}

/// The words from a place on that could be where blocks begin: each a little more than the one before.
fn marks(window: &[u8], at: usize, limit: usize) -> Vec<u32> {
    let words = window.get(at..limit).unwrap_or_default().as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
    let mut before = None;
    let follows = |word: &u32| {
        let fits = before.is_none_or(|before: u32| {
            word.checked_sub(before).is_some_and(|length| (2 * BLOCK as u32..=LONGEST * BLOCK as u32).contains(&length))
        });
        before = Some(*word);
        fits
    };
    words.take_while(follows).take(names::COUNTS.end / BLOCK).collect()
}

/// The place in front of marks from which most blocks that are tried end where the next begins: one before which stands how
/// many names there are, or else, where that is damaged, the one from which most of all do.
fn beginning(window: &[u8], markers: usize, marks: &[u32], budget: &Budget) -> Option<Blocks> {
    let last = *marks.last()? as usize;
    let nearest = markers.checked_sub(last + 2)? & !3;
    let farthest = markers.saturating_sub(last + BLOCK * LONGEST as usize).next_multiple_of(4);
    let before = (marks.len() - 1) * BLOCK;
    let told = |start: usize| {
        let places = [start.checked_sub(8)?, start.checked_sub(4)?];
        let is_count = |count: &usize| (before + 1..=before + BLOCK).contains(count);
        places.into_iter().find_map(|at| Some((at, u32_at(window, at).map(|word| word as usize).filter(is_count)?)))
    };
    let blocks = marks.len() - 1;
    let is_whole = |start: usize, number: usize| {
        budget.spend(BLOCK)?;
        let (from, to) = (*marks.get(number)? as usize, *marks.get(number + 1)? as usize);
        (end_of(window, start + from, BLOCK)? == start + to).then_some(())
    };
    let fits = |start: &usize| {
        let tried = (0..TRIED).map(|number| number * (blocks / TRIED));
        tried.filter(|number| is_whole(*start, *number).is_some()).count() * 2 > TRIED
    };
    let whole = |start: &usize| (0..blocks).filter(|number| is_whole(*start, *number).is_some()).count();
    let places = || (farthest..=nearest).rev().step_by(4);
    // Where names in a row have the same length, some blocks seem whole from a wrong place too.
    let counted = places().filter(|start| told(*start).is_some()).find(fits);
    let start = counted.or_else(|| places().filter(fits).max_by_key(whole))?;
    // The last block ends in front of the marks.
    let (mut end, mut count) = (start + last, before);
    while let Some(next) = end_of(window, end, 1).filter(|next| *next <= markers) {
        (end, count) = (next, count + 1);
    }
    let (count_at, told) = told(start).unwrap_or((start & !7, count));
    if told != count {
        (end, count) = (markers, told);
    }
    let names = Names { count_at, count, names: start..end, markers: markers..markers + marks.len() * 4 };
    Some(Blocks { names, starts: marks.iter().map(|mark| start + *mark as usize).collect() })
}

fn decode(window: &[u8], tokens: &Tokens, blocks: &Blocks, lowest_image: u64) -> Option<Salvaged> {
    let names = &blocks.names;
    let values = Values::salvaged(window, names, tokens, lowest_image)?;
    let damaged = blocks.damaged(window);
    let mut is_lost = vec![false; names.count];
    for number in values.lost.iter().cloned().flatten() {
        *is_lost.get_mut(number)? = true;
    }
    let mut all = Expanded::for_names(names.count)?;
    for (number, damaged) in damaged.into_iter().enumerate() {
        let (bytes, count) = blocks.block(number)?;
        let mut rest = window.get(bytes)?;
        for is_lost in is_lost.iter_mut().skip(number * BLOCK).take(count) {
            *is_lost |= damaged;
            rest = match (damaged, *is_lost) {
                (false, false) => all.add(rest, tokens)?,
                (damaged, _) => {
                    all.add_lost()?;
                    if damaged { rest } else { rest.get(end_of(rest, 0, 1)?..)? }
                }
            };
        }
    }
    let lost = is_lost.into_iter().filter(|lost| *lost).count();
    let Expanded { text, ends, letters } = all;
    let table = Table::new(text, &ends, &values.values, &letters)?;
    let text = text_of(&table).or_else(|| values.image(lowest_image))?;
    let kallsyms = Kallsyms::of(table, text, values, names, tokens);
    Some(Salvaged { kallsyms, lost })
}

#[cfg(test)]
#[path = "salvage_tests.rs"]
mod tests;
