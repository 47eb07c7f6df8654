//! What each page of physical memory is and who pays for it, as its `struct page` says: slab, page cache, anonymous memory.
//! What no `struct page` tells (free blocks, stacks, mappings) is asked of the structures that do.

pub mod facts;
pub mod layout;
pub mod mapped;
mod payers;
pub mod summary;
