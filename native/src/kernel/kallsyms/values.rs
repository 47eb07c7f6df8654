//! The symbols' addresses, in the forms that kernels have kept them in (`kallsyms_sym_address` in `kernel/kallsyms.c`).

use std::ops::Range;

use super::names::Names;
use super::tokens::Tokens;
use crate::image::PAGE_SIZE;
use crate::kernel::symbols::TEXT;
use crate::words::u64_at;

const PAGE: usize = PAGE_SIZE as usize;
/// So few bytes may be zeros by themselves.
const SHORT: usize = 64;

/// Addresses in symbol order.
#[derive(Debug)]
pub struct Values {
    /// Virtual addresses; if `placed` is false, distances from the window's start counted from [`TEXT`].
    pub values: Vec<u64>,
    /// Whether the table tells where it lies in virtual memory.
    pub placed: bool,
    /// Where the image begins, which is what offsets are counted from (`record_relative_base` in `scripts/kallsyms.c`).
    pub base: Option<u64>,
    /// Where the table starts in the window.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Symbols whose addresses are lost, in a table of which pages are damaged: they have that of the last one before.
    pub lost: Vec<Range<usize>>,
    /// What of it every boot of the same build has: KASLR moves the base of offsets, and plain addresses.
    pub fixed: Range<usize>,
}

impl Values {
    /// The addresses that belong to these names: in front of the count before 6.4, behind the token index from then on.
    /// No kernel has its image below `lowest`.
    pub fn of(window: &[u8], names: &Names, tokens: &Tokens, lowest: u64) -> Option<Self> {
        Self::forms(window, names, tokens, lowest, sorted)
    }

    /// What is left of them where pages are damaged.
    pub fn salvaged(window: &[u8], names: &Names, tokens: &Tokens, lowest: u64) -> Option<Self> {
        Self::forms(window, names, tokens, lowest, mostly_sorted)
    }

    fn forms(window: &[u8], names: &Names, tokens: &Tokens, lowest: u64, accept: Accept) -> Option<Self> {
        let count = names.count;
        let before = names.count_at & !7;
        let after = tokens.end.next_multiple_of(8);
        let behind = (after + count * 4).next_multiple_of(8);
        let base_before = before.checked_sub(8);
        let offsets_before = base_before.and_then(|base| base.checked_sub((count * 4).next_multiple_of(8)));
        relative(window, after, behind, count, lowest, accept)
            .or_else(|| relative(window, offsets_before?, base_before?, count, lowest, accept))
            .or_else(|| absolute(window, before.checked_sub(count * 8)?, count, lowest, accept))
            .or_else(|| absolute(window, after, count, lowest, accept))
            .or_else(|| place_relative(window, tokens.end.next_multiple_of(4), count, accept))
            .or_else(|| place_relative(window, after, count, accept))
            .filter(|values| values.values.is_sorted())
    }

    /// Where the image begins: with the lowest address of all that move with it, unless that is among what is lost.
    pub fn image(&self, lowest: u64) -> Option<u64> {
        let first = self.values.iter().position(|value| *value >= lowest)?;
        let is_known = !self.lost.iter().any(|lost| lost.end == first);
        self.base.or_else(|| self.values.get(first).copied().filter(|_| is_known))
    }
}

fn offsets(window: &[u8], start: usize, count: usize) -> Option<&[[u8; 4]]> {
    Some(window.get(start..start.checked_add(count * 4)?)?.as_chunks().0)
}

/// 32-bit offsets from a base that KASLR relocates. Where most are negative (`CONFIG_KALLSYMS_ABSOLUTE_PERCPU`, x86 before
/// 6.15) the others are absolute per-CPU offsets.
fn relative(window: &[u8], start: usize, base_at: usize, count: usize, lowest: u64, accept: Accept) -> Option<Values> {
    let base = u64_at(window, base_at)?;
    if base < lowest {
        return None;
    }
    let offsets = offsets(window, start, count)?;
    let negative = offsets.iter().filter(|offset| i32::from_le_bytes(**offset) < 0).count();
    let signed = negative * 2 > count;
    let value = |offset: &[u8; 4]| match i32::from_le_bytes(*offset) {
        offset if !signed => base.wrapping_add(u64::from(offset as u32)),
        offset if offset < 0 => base.wrapping_add((-1 - i64::from(offset)) as u64),
        offset => offset as u64,
    };
    let values = offsets.iter().map(value).collect();
    let fixed = start..start + count * 4;
    accept(
        Values {
            values,
            lost: Vec::new(),
            placed: true,
            base: Some(base),
            start: start.min(base_at),
            end: (base_at + 8).max(fixed.end),
            fixed,
        },
        window,
    )
}

/// Plain addresses, of kernels built without `CONFIG_KALLSYMS_BASE_RELATIVE`.
fn absolute(window: &[u8], start: usize, count: usize, lowest: u64, accept: Accept) -> Option<Values> {
    let end = start.checked_add(count * 8)?;
    let (words, _) = window.get(start..end)?.as_chunks();
    let values: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    values.last().is_some_and(|last| *last >= lowest).then_some(())?;
    accept(Values { values, lost: Vec::new(), placed: true, base: None, start, end, fixed: start..start }, window)
}

/// 32-bit distances from each entry's own place, since the relative base was dropped early in 2026.
fn place_relative(window: &[u8], start: usize, count: usize, accept: Accept) -> Option<Values> {
    let value = |(number, offset): (usize, &[u8; 4])| {
        let place = TEXT.wrapping_add((start + number * 4) as u64);
        place.wrapping_add(i64::from(i32::from_le_bytes(*offset)) as u64)
    };
    let values = offsets(window, start, count)?.iter().enumerate().map(value).collect();
    let end = start + count * 4;
    accept(Values { values, lost: Vec::new(), placed: false, base: None, start, end, fixed: start..end }, window)
}

/// Whether values are a table, which may change what is not one of them.
type Accept = fn(Values, &[u8]) -> Option<Values>;

/// Symbols are kept in the order of their addresses: what is in disorder is not such a table.
fn sorted(values: Values, _: &[u8]) -> Option<Values> {
    let first = values.values.first()?;
    (values.values.is_sorted() && Some(first) != values.values.last()).then_some(values)
}

/// The same of a table of which pages are damaged: most of it is in order, and where others are out of it their addresses are
/// lost.
fn mostly_sorted(mut values: Values, window: &[u8]) -> Option<Values> {
    let count = values.values.len();
    let each = if (values.end - values.start) / count.max(1) < 8 { 4 } else { 8 };
    let per_page = PAGE / each;
    // Entries begin somewhere in a page.
    let first = (PAGE - values.start % PAGE) % PAGE / each;
    let mut starts: Vec<usize> = std::iter::once(0).chain((first..count).step_by(per_page)).collect();
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([count]);
    let pages: Vec<Range<usize>> = starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect();
    // Nor is a page of zeros one of addresses, wherever it would fit.
    let own = |page: &Range<usize>| window.get(values.start + page.start * each..values.start + page.end * each);
    let is_there =
        |page: &Range<usize>| own(page).is_some_and(|bytes| bytes.len() < SHORT || bytes.iter().any(|byte| *byte != 0));
    let kept = in_order(&values.values, &pages, is_there);
    let lost: usize = pages.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(page, _)| page.len()).sum();
    if lost * 4 > count {
        return None;
    }
    let mut last = 0;
    for (page, kept) in pages.into_iter().zip(kept) {
        let entries = values.values.get_mut(page.clone()).unwrap_or_default();
        if kept {
            last = entries.last().copied().unwrap_or(last);
        } else {
            entries.fill(last.saturating_add(1));
            values.lost.push(page);
        }
    }
    sorted(values, window)
}

/// Which pages of entries are in order by themselves and with one another: as many entries as can be.
fn in_order(values: &[u64], pages: &[Range<usize>], is_there: impl Fn(&Range<usize>) -> bool) -> Vec<bool> {
    let bounds = |page: &Range<usize>| {
        let entries = values.get(page.clone()).filter(|entries| entries.is_sorted() && is_there(page))?;
        Some((*entries.first()?, *entries.last()?))
    };
    let bounds: Vec<Option<(u64, u64)>> = pages.iter().map(bounds).collect();
    // The most entries that end with each page, and the one before it.
    let mut longest: Vec<(usize, Option<usize>)> = Vec::with_capacity(pages.len());
    for (index, own) in bounds.iter().enumerate() {
        let fits = |before: &usize| matches!((bounds.get(*before), own), (Some(Some((_, last))), Some((first, _))) if last <= first);
        let length = |before: &usize| longest.get(*before).map_or(0, |(length, _)| *length);
        let before = (0..index).rev().filter(fits).max_by_key(length);
        let weight = own.map_or(0, |_| pages.get(index).map_or(0, Range::len));
        longest.push((weight + before.as_ref().map_or(0, length), before));
    }
    let mut at = (0..longest.len()).max_by_key(|index| longest.get(*index).map_or(0, |(length, _)| *length));
    let mut kept = vec![false; pages.len()];
    while let Some(index) = at {
        if let Some(kept) = kept.get_mut(index) {
            *kept = bounds.get(index).is_some_and(Option::is_some);
        }
        at = longest.get(index).and_then(|(_, before)| *before);
    }
    kept
}
