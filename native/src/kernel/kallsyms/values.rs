//! The symbols' addresses, in the forms that kernels have kept them in (`kallsyms_sym_address` in `kernel/kallsyms.c`).

use std::ops::Range;

use super::names::Names;
use super::tokens::Tokens;
use crate::kernel::symbols::TEXT;
use crate::words::u64_at;

/// Addresses in symbol order.
#[derive(Debug)]
pub struct Values {
    /// Virtual addresses; if `placed` is false, distances from the window's start counted from [`TEXT`].
    pub values: Vec<u64>,
    /// Whether the table tells where it lies in virtual memory.
    pub placed: bool,
    /// Where the table starts in the window.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What of it every boot of the same build has: KASLR moves the base of offsets, and plain addresses.
    pub fixed: Range<usize>,
}

impl Values {
    /// The addresses that belong to these names: in front of the count before 6.4, behind the token index from then on.
    /// No kernel has its image below `lowest`.
    pub fn of(window: &[u8], names: &Names, tokens: &Tokens, lowest: u64) -> Option<Self> {
        let count = names.count;
        let before = names.count_at & !7;
        let after = tokens.end.next_multiple_of(8);
        let behind = (after + count * 4).next_multiple_of(8);
        let base_before = before.checked_sub(8);
        let offsets_before = base_before.and_then(|base| base.checked_sub((count * 4).next_multiple_of(8)));
        relative(window, after, behind, count, lowest)
            .or_else(|| relative(window, offsets_before?, base_before?, count, lowest))
            .or_else(|| absolute(window, before.checked_sub(count * 8)?, count, lowest))
            .or_else(|| absolute(window, after, count, lowest))
            .or_else(|| place_relative(window, tokens.end.next_multiple_of(4), count))
            .or_else(|| place_relative(window, after, count))
            .filter(|values| values.values.is_sorted())
    }
}

fn offsets(window: &[u8], start: usize, count: usize) -> Option<&[[u8; 4]]> {
    Some(window.get(start..start.checked_add(count * 4)?)?.as_chunks().0)
}

/// 32-bit offsets from a base that KASLR relocates. Where any is negative (`CONFIG_KALLSYMS_ABSOLUTE_PERCPU`, x86 before
/// 6.15) the others are absolute per-CPU offsets.
fn relative(window: &[u8], start: usize, base_at: usize, count: usize, lowest: u64) -> Option<Values> {
    let base = u64_at(window, base_at)?;
    if base < lowest {
        return None;
    }
    let offsets = offsets(window, start, count)?;
    let signed = offsets.iter().any(|offset| i32::from_le_bytes(*offset) < 0);
    let value = |offset: &[u8; 4]| match i32::from_le_bytes(*offset) {
        offset if !signed => base.wrapping_add(u64::from(offset as u32)),
        offset if offset < 0 => base.wrapping_add((-1 - i64::from(offset)) as u64),
        offset => offset as u64,
    };
    let values = offsets.iter().map(value).collect();
    let fixed = start..start + count * 4;
    sorted(Values { values, placed: true, start: start.min(base_at), end: (base_at + 8).max(fixed.end), fixed })
}

/// Plain addresses, of kernels built without `CONFIG_KALLSYMS_BASE_RELATIVE`.
fn absolute(window: &[u8], start: usize, count: usize, lowest: u64) -> Option<Values> {
    let end = start.checked_add(count * 8)?;
    let (words, _) = window.get(start..end)?.as_chunks();
    let values: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    values.last().is_some_and(|last| *last >= lowest).then_some(())?;
    sorted(Values { values, placed: true, start, end, fixed: start..start })
}

/// 32-bit distances from each entry's own place, since the relative base was dropped early in 2026.
fn place_relative(window: &[u8], start: usize, count: usize) -> Option<Values> {
    let value = |(number, offset): (usize, &[u8; 4])| {
        let place = TEXT.wrapping_add((start + number * 4) as u64);
        place.wrapping_add(i64::from(i32::from_le_bytes(*offset)) as u64)
    };
    let values = offsets(window, start, count)?.iter().enumerate().map(value).collect();
    let end = start + count * 4;
    sorted(Values { values, placed: false, start, end, fixed: start..end })
}

/// Symbols are kept in the order of their addresses: what is in disorder is not such a table.
fn sorted(values: Values) -> Option<Values> {
    let first = values.values.first()?;
    (values.values.is_sorted() && Some(first) != values.values.last()).then_some(values)
}
