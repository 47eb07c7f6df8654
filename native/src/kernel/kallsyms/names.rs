//! The compressed names, found by walking back from the token table: a count, that many names, then markers.

use std::ops::Range;

use super::Budget;
use super::tokens::Tokens;
use crate::kernel::symbols::LOST_LETTER;
use crate::words::u32_at;

/// Fewer symbols than this are no kernel; more than any kernel has would only cost time.
pub(super) const COUNTS: Range<usize> = 256..1 << 20;
/// Names, markers and sequence numbers together stay far below this before the token table.
pub(super) const FARTHEST: usize = 32 << 20;
/// `KSYM_NAME_LEN` is 512 at most, with the type letter and room to grow.
const LONGEST_NAME: usize = 1024;
const MOST_TEXT: usize = 32 << 20;

/// The names, whose markers agree with them.
#[derive(Debug)]
pub struct Names {
    /// Where the symbol count lies.
    pub count_at: usize,
    /// How many symbols there are.
    pub count: usize,
    /// The compressed names.
    pub names: Range<usize>,
    /// The markers behind them.
    pub markers: Range<usize>,
}

/// Names as they were before they were compressed.
#[derive(Debug)]
pub struct Expanded {
    /// One after another.
    pub text: Vec<u8>,
    /// Where each ends.
    pub ends: Vec<u32>,
    /// The letter of each one's type.
    pub letters: Vec<u8>,
}

impl Names {
    /// The names that belong to a token table.
    pub fn before(window: &[u8], tokens: &Tokens, budget: &Budget) -> Option<Self> {
        let last = tokens.start.checked_sub(8)? & !3;
        let first = tokens.start.saturating_sub(FARTHEST).next_multiple_of(4);
        (first..=last).rev().step_by(4).find_map(|at| Self::at(window, at, tokens.start, budget))
    }

    fn at(window: &[u8], count_at: usize, limit: usize, budget: &Budget) -> Option<Self> {
        let count = u32_at(window, count_at)? as usize;
        if !COUNTS.contains(&count) {
            return None;
        }
        // The count is a u32 before 8-byte alignment, or a u64 in 4.18 and 4.19. Without padding the names follow at once.
        let aligned = (count_at.is_multiple_of(8) && u32_at(window, count_at + 4) == Some(0)).then_some(count_at + 8);
        [aligned, Some(count_at + 4)].into_iter().flatten().find_map(|start| {
            let (end, marks) = walk(window.get(..limit)?, start, count, budget)?;
            let markers = [end.next_multiple_of(4), end.next_multiple_of(8)]
                .into_iter()
                .find_map(|at| markers::<4>(window, at, &marks).or_else(|| markers::<8>(window, at, &marks)))?;
            // Between markers and tokens lie at most the sequence numbers, of three or four bytes each.
            let gap = limit.checked_sub(markers.end)?;
            (gap <= count * 4 + 64).then_some(Self { count_at, count, names: start..end, markers })
        })
    }

    /// All names, and the letters of their types apart from them.
    pub fn expand(&self, window: &[u8], tokens: &Tokens) -> Option<Expanded> {
        let mut all = Expanded::for_names(self.count)?;
        let mut rest = window.get(self.names.clone())?;
        for _ in 0..self.count {
            rest = all.add(rest, tokens)?;
        }
        Some(all)
    }
}

impl Expanded {
    /// None yet, and room for so many.
    pub fn for_names(count: usize) -> Option<Self> {
        let text = Vec::with_capacity(count.checked_mul(24)?);
        Some(Self { text, ends: Vec::with_capacity(count), letters: Vec::with_capacity(count) })
    }

    /// Adds the name at the start of some bytes; gives what is behind it.
    pub fn add<'b>(&mut self, bytes: &'b [u8], tokens: &Tokens) -> Option<&'b [u8]> {
        let (length, header) = name_length(bytes)?;
        let codes = bytes.get(header..header + length)?;
        let start = self.text.len();
        let (first, others) = codes.split_first()?;
        // The type letter is the first character of the expanded name, whatever the first token's length.
        let (letter, begun) = tokens.get(*first)?.split_first()?;
        self.letters.push(*letter);
        self.text.extend_from_slice(begun);
        for code in others {
            self.text.extend_from_slice(tokens.get(*code)?);
        }
        if self.text.len() - start > LONGEST_NAME || self.text.len() > MOST_TEXT {
            return None;
        }
        self.ends.push(u32::try_from(self.text.len()).ok()?);
        bytes.get(header + length..)
    }

    /// Adds one that is not known.
    pub fn add_lost(&mut self) -> Option<()> {
        self.ends.push(u32::try_from(self.text.len()).ok()?);
        self.letters.push(LOST_LETTER);
        Some(())
    }
}

/// A name's length and how many bytes tell it: names above 127 bytes take two (6.1 and later).
pub(super) fn name_length(bytes: &[u8]) -> Option<(usize, usize)> {
    let low = usize::from(*bytes.first()?);
    let (length, header) = match low & 0x80 {
        0 => (low, 1),
        _ => (low & 0x7f | usize::from(*bytes.get(1)?) << 7, 2),
    };
    (length > 0 && length <= LONGEST_NAME).then_some((length, header))
}

/// Steps over `count` names; returns where they end and where every 256th begins.
fn walk(window: &[u8], start: usize, count: usize, budget: &Budget) -> Option<(usize, Vec<u32>)> {
    if window.len().checked_sub(start)? < count * 2 {
        return None;
    }
    let mut marks = Vec::new();
    let mut at = start;
    for number in 0..count {
        if number % 256 == 0 {
            marks.push(u32::try_from(at - start).ok()?);
            budget.spend(256)?;
        }
        let (length, header) = name_length(window.get(at..)?)?;
        at += header + length;
    }
    (at <= window.len()).then_some((at, marks))
}

/// The range of the markers if they are at `at` and say what the names say.
fn markers<const WIDTH: usize>(window: &[u8], at: usize, marks: &[u32]) -> Option<Range<usize>> {
    let range = at..at.checked_add(marks.len() * WIDTH)?;
    let (words, _) = window.get(range.clone())?.as_chunks::<WIDTH>();
    let agree = words.iter().zip(marks).all(|(word, mark)| {
        let (low, high) = word.split_at(4);
        low == mark.to_le_bytes() && high.iter().all(|byte| *byte == 0)
    });
    agree.then_some(range)
}
