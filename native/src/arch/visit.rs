//! All that page tables map, table by table.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};

use super::{AddressSpace, Geometry};

/// What an entry of a page table leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Nothing,
    /// The table at this physical address.
    Table(u64),
    /// A page, or the first of as many as the entry stands for.
    Page(u64),
}

/// What is met on the way through page tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// A table, at its physical address.
    Table(u64),
    /// A table that the image lacks.
    Lost(u64),
    /// Memory that is mapped.
    Page {
        /// Its first virtual address.
        address: u64,
        /// Where that is in physical memory.
        physical: u64,
        /// Bytes.
        length: u64,
    },
}

/// A walk through the tables of one address space.
struct Visit<'a, F> {
    space: &'a AddressSpace,
    range: Range<u64>,
    /// Tables that were met: one that several entries lead to is looked at once, so that tables in a circle end.
    seen: HashSet<u64>,
    see: F,
}

impl AddressSpace {
    /// Shows every table and page by which addresses of a range are mapped, in the order of addresses, until `see` breaks
    /// off. The range lies in one half of the address space. What is reached through a table at several places is shown at
    /// the first.
    pub fn visit(&self, range: Range<u64>, see: impl FnMut(Met) -> ControlFlow<()>) {
        let geometry = self.geometry();
        // Tables say nothing of the bits above those that they translate.
        let above = range.start & u64::MAX.checked_shl(geometry.bits).unwrap_or(0);
        let mut visit = Visit { space: self, range, seen: HashSet::new(), see };
        let _ = visit.table(self.root(), geometry.levels.saturating_sub(1), above);
    }
}

fn index_bits(page_size: u64) -> u32 {
    (page_size / 8).ilog2()
}

impl<F: FnMut(Met) -> ControlFlow<()>> Visit<'_, F> {
    fn table(&mut self, table: u64, level: u32, base: u64) -> ControlFlow<()> {
        if !self.seen.insert(table) {
            return ControlFlow::Continue(());
        }
        let Geometry { page_size, bits, levels, .. } = *self.space.geometry();
        let shift = page_size.ilog2() + index_bits(page_size) * level;
        // A root has as many entries as bits are left for it.
        let size = if level + 1 == levels { 8 << bits.saturating_sub(shift) } else { page_size };
        let mut bytes = vec![0; size.min(page_size) as usize];
        if self.space.image().read(table, &mut bytes) < bytes.len() {
            return (self.see)(Met::Lost(table));
        }
        (self.see)(Met::Table(table))?;
        let length = 1_u64 << shift;
        for (index, word) in bytes.as_chunks::<8>().0.iter().enumerate() {
            let address = base.wrapping_add(length.wrapping_mul(index as u64));
            let last = address.wrapping_add(length - 1);
            if last < self.range.start || address >= self.range.end {
                continue;
            }
            match self.space.paging().step(self.space.image(), u64::from_le_bytes(*word), level) {
                Step::Table(next) if level > 0 => self.table(next, level - 1, address)?,
                Step::Page(physical) => (self.see)(Met::Page { address, physical, length })?,
                Step::Table(_) | Step::Nothing => {}
            }
        }
        ControlFlow::Continue(())
    }
}
