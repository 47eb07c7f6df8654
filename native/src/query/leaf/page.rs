//! `struct page`: which physical page one stands for, and whether it is the file's that it was found in.

use crate::query::compile::scope::{Compiled, Scope};
use crate::query::reader::Reader;

/// Where `struct page`s lie, and what they keep where.
pub struct Pages {
    /// Address of the first.
    first: Option<u64>,
    size: u64,
    flags: i64,
    mapping: i64,
    /// Of a huge page's first small page; the others have the place of the first, with the lowest bit set.
    head: Option<i64>,
    index: Option<i64>,
    /// Bits of the flags.
    uptodate: Option<u32>,
    huge: Option<u32>,
}

/// What a page cache's entry says of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// What is there lies at this physical address.
    Physical(u64),
    /// A page that was never filled: of a file in memory alone it reads as zeros.
    Unfilled,
    /// No page of this file.
    Foreign,
}

impl Pages {
    pub fn compile(scope: Scope) -> Compiled<Self> {
        let page = scope.find("struct page")?;
        // A folio lies where its first page does; members move there one by one.
        let either =
            |names: &[&str]| scope.offset("struct page", names).or_else(|_| scope.offset("struct folio", names));
        let bit = |name: &str| scope.spare(scope.constant(name)).and_then(|bit| u32::try_from(bit).ok());
        Ok(Self {
            first: scope.page_structs(),
            size: scope.size(page)?,
            flags: either(&["flags"])?,
            mapping: either(&["mapping"])?,
            // Since 7.1 it may hold a mask instead of a place; then no cache holds other pages than first ones.
            head: scope.spare(either(&["compound_head", "compound_info"])),
            index: scope.spare(either(&["index", "__folio_index"])),
            uptodate: bit("PG_uptodate"),
            huge: bit("PG_head"),
        })
    }

    /// The page for `index` of a file's cache, which an entry for `span` indices from `start` on leads to. Where an entry
    /// stands for several indices it is a huge page's first. Else each index has an entry of its own: to its own small
    /// page (shmem before 5.9) or to the first of the huge page (until 5.16), whose own index then tells the distance.
    pub fn find(&self, reader: &Reader, page: u64, mapping: u64, (start, span): (u64, u64)) -> Option<Found> {
        let word = |page: u64, offset: i64| reader.u64(page.wrapping_add_signed(offset));
        let linked = self.head.map_or(Some(0), |offset| word(page, offset))?;
        let head = if linked & 1 == 1 { linked & !1 } else { page };
        let page_size = reader.memory().geometry().page_size;
        // No page cache holds a greater page than one entry above the lowest page table maps: as many as that has entries.
        let huge = page_size / 8;
        let physical = self.physical(page, page_size)?;
        let inside = physical.checked_sub(self.physical(head, page_size)?)? / page_size;
        if word(head, self.mapping)? != mapping || inside >= huge {
            return Some(Found::Foreign);
        }
        let flags = word(head, self.flags)?;
        let clear = |bit: Option<u32>| bit.is_some_and(|bit| flags.checked_shr(bit).unwrap_or(0) & 1 == 0);
        if clear(self.uptodate) {
            return Some(Found::Unfilled);
        }
        // An entry of several indices is a huge page's.
        if span > 1 && (span > huge || clear(self.huge)) {
            return Some(Found::Foreign);
        }
        // How far `start` is from the index of the page that the entry leads to.
        let Some(own) = self.index.map(|offset| word(head, offset)) else { return Some(Found::Physical(physical)) };
        Some(match start.checked_sub(own?.wrapping_add(inside)) {
            Some(0) => Found::Physical(physical),
            Some(distance) if span == 1 && inside == 0 && distance < huge && !clear(self.huge) => {
                Found::Physical(physical.saturating_add(distance * page_size))
            }
            _ => Found::Foreign,
        })
    }

    fn physical(&self, page: u64, page_size: u64) -> Option<u64> {
        let distance = page.checked_sub(self.first?)?;
        (distance / self.size).checked_mul(page_size).filter(|_| distance.is_multiple_of(self.size))
    }
}
