//! Memory cgroups that pay: from a page's or object's word to a `struct mem_cgroup`.

use std::cell::RefCell;
use std::collections::HashMap;

use super::layout::Layout;
use crate::query::reader::Reader;

/// Low bits of a word that say of what kind it is (`enum page_memcg_data_flags`): it is a pointer without them.
const KINDS: u64 = 7;
/// Words that are remembered.
const MOST: usize = 1 << 16;

/// Finds who pays, and remembers it.
pub(super) struct Payers<'a> {
    layout: &'a Layout,
    known: RefCell<HashMap<u64, Option<u64>>>,
}

impl<'a> Payers<'a> {
    pub(super) fn new(layout: &'a Layout) -> Self {
        Self { layout, known: RefCell::default() }
    }

    /// The `struct mem_cgroup` that a word leads to, itself or by a `struct obj_cgroup`. Which of both it is the object
    /// tells, for a group names its controller; bits that tell it too mean other things in other kernels.
    pub(super) fn of(&self, reader: &Reader, word: u64) -> Option<u64> {
        let pointer = word & !KINDS;
        if pointer == 0 {
            return None;
        }
        if let Some(known) = self.known.borrow().get(&pointer) {
            return *known;
        }
        let found = self.find(reader, pointer);
        let mut known = self.known.borrow_mut();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(pointer, found);
        found
    }

    fn find(&self, reader: &Reader, pointer: u64) -> Option<u64> {
        if self.is_group(reader, pointer) {
            return Some(pointer);
        }
        let group = reader.u64(pointer.wrapping_add_signed(self.layout.objcg_memcg?))?;
        self.is_group(reader, group).then_some(group)
    }

    fn is_group(&self, reader: &Reader, pointer: u64) -> bool {
        let named =
            |(member, controller): (i64, u64)| reader.u64(pointer.wrapping_add_signed(member)) == Some(controller);
        self.layout.controller.is_some_and(named)
    }
}
