//! Which pages a dump holds, and which of them is how many-th: a page's descriptor is found by that.

use std::ops::Range;

/// Bytes of a bitmap that are looked at together.
pub const GROUP: usize = 4096;
/// Pages of a group.
pub const GROUP_PAGES: u64 = GROUP as u64 * 8;

/// A bitmap of pages, of which a group without or with all pages costs next to nothing.
#[derive(Default)]
pub struct Bitmap {
    /// The group that is kept first.
    first: u64,
    /// Pages of those before.
    skipped: u64,
    groups: Vec<Group>,
    count: u64,
}

struct Group {
    /// Pages in all groups before.
    before: u64,
    bits: Bits,
}

enum Bits {
    None,
    All,
    Some(Box<[u64]>),
}

impl Bitmap {
    /// An empty one that begins with this group.
    pub fn from_group(first: u64) -> Self {
        Self { first, ..Self::default() }
    }

    /// Counts pages before the first group, or before those that the first group is to have.
    pub fn skip(&mut self, bytes: &[u8]) {
        let count: u64 = bytes.iter().map(|byte| u64::from(byte.count_ones())).sum();
        self.skipped += count;
        self.count += count;
    }

    /// Appends a group; one that is shorter than [`GROUP`] bytes is the last.
    pub fn push(&mut self, bytes: &[u8]) {
        let words: Box<[u64]> = bytes.chunks(8).map(word).collect();
        let count: u64 = words.iter().map(|word| u64::from(word.count_ones())).sum();
        let bits = match count {
            0 => Bits::None,
            GROUP_PAGES => Bits::All,
            _ => Bits::Some(words),
        };
        self.groups.push(Group { before: self.count, bits });
        self.count += count;
    }

    /// How many pages are held, those that were skipped with them.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many were skipped.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// How many pages are held before this one; `None` when it is not held.
    pub fn rank(&self, page: u64) -> Option<u64> {
        let group = self.groups.get(usize::try_from((page / GROUP_PAGES).checked_sub(self.first)?).ok()?)?;
        let inside = page % GROUP_PAGES;
        match &group.bits {
            Bits::None => None,
            Bits::All => Some(group.before + inside),
            Bits::Some(words) => {
                let index = (inside / 64) as usize;
                let word = words.get(index)?;
                (word >> (inside % 64) & 1 == 1).then_some(())?;
                let below: u64 = words.get(..index)?.iter().map(|word| u64::from(word.count_ones())).sum();
                Some(group.before + below + u64::from((word & ((1 << (inside % 64)) - 1)).count_ones()))
            }
        }
    }

    /// The first page from one on that is held.
    pub fn next(&self, page: u64) -> Option<u64> {
        let first = usize::try_from((page / GROUP_PAGES).saturating_sub(self.first)).ok()?;
        let groups = self.groups.iter().enumerate().skip(first);
        groups.filter(|(_, group)| !matches!(group.bits, Bits::None)).find_map(|(index, group)| {
            let start = (self.first + index as u64) * GROUP_PAGES;
            let from = page.saturating_sub(start);
            match &group.bits {
                Bits::None => None,
                Bits::All => Some(start + from),
                Bits::Some(words) => words.iter().enumerate().skip((from / 64) as usize).find_map(|(at, word)| {
                    let masked = if at as u64 == from / 64 { word & (u64::MAX << (from % 64)) } else { *word };
                    (masked != 0).then(|| start + at as u64 * 64 + u64::from(masked.trailing_zeros()))
                }),
            }
        })
    }
}

/// Clears the bits of all pages but some, in a part of a bitmap that begins with page `first`.
pub fn keep(bytes: &mut [u8], first: u64, pages: &Range<u64>) {
    if pages.start <= first && first + bytes.len() as u64 * 8 <= pages.end {
        return;
    }
    for (page, byte) in (first..).step_by(8).zip(bytes) {
        *byte &= (0..8).filter(|bit| pages.contains(&(page + bit))).fold(0, |kept, bit| kept | 1 << bit);
    }
}

/// Up to eight bytes, little-endian.
pub fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranks_count_what_comes_before(set in prop::collection::btree_set(0_u64..3 * GROUP_PAGES + 70, 0..200), all in 0_u64..3) {
            let mut bytes = vec![0_u8; 3 * GROUP + 9];
            let set: std::collections::BTreeSet<u64> = set.into_iter().chain(all * GROUP_PAGES..(all + 1) * GROUP_PAGES).collect();
            set.iter().for_each(|page| bytes[*page as usize / 8] |= 1 << (page % 8));
            let mut bitmap = Bitmap::default();
            bytes.chunks(GROUP).for_each(|group| bitmap.push(group));
            prop_assert_eq!(bitmap.count(), set.len() as u64);
            for (index, page) in set.iter().enumerate().step_by(97) {
                prop_assert_eq!(bitmap.rank(*page), Some(index as u64));
                prop_assert_eq!(bitmap.next(page + 1), set.range(page + 1..).next().copied());
                prop_assert_eq!(bitmap.rank(page + 1).is_some(), set.contains(&(page + 1)));
            }
            prop_assert_eq!(bitmap.rank(u64::MAX), None);
        }

        /// A part of a bitmap finds the same pages, in the same places.
        #[test]
        fn parts_count_as_the_whole_does(
            set in prop::collection::btree_set(0_u64..3 * GROUP_PAGES, 1..200),
            ends in prop::array::uniform3(0_u64..=3 * GROUP_PAGES),
        ) {
            let mut ends = ends;
            ends.sort_unstable();
            let [from, start, end] = ends;
            let mut bytes = vec![0_u8; 3 * GROUP];
            set.iter().for_each(|page| bytes[*page as usize / 8] |= 1 << (page % 8));
            let mut bitmap = Bitmap::from_group(start / GROUP_PAGES);
            for (page, group) in (0..).step_by(GROUP_PAGES as usize).zip(bytes.chunks_mut(GROUP)) {
                let mut before = group.to_vec();
                keep(&mut before, page, &(from..start));
                bitmap.skip(&before);
                if page + GROUP_PAGES > start {
                    keep(group, page, &(start..end));
                    bitmap.push(group);
                }
            }
            let ranked: Vec<u64> = set.range(from..end).copied().collect();
            prop_assert_eq!((bitmap.count(), bitmap.skipped()), (ranked.len() as u64, set.range(from..start).count() as u64));
            for (rank, page) in ranked.iter().enumerate() {
                prop_assert_eq!(bitmap.rank(*page), (*page >= start).then_some(rank as u64));
                prop_assert_eq!(bitmap.next(*page), set.range((*page).max(start)..end).next().copied());
            }
        }
    }
}
