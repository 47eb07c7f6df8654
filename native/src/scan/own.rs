//! Objects in modules' memory that have their own address in themselves: found by that, whether or not any list knows them.

use std::ops::Range;

use crate::arch::AddressSpace;
use crate::image::PAGE_SIZE;

const WORD: usize = 8;
/// Objects that are kept: more were made to be found.
const MOST: usize = 1 << 16;

/// Virtual addresses of objects, ascending, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Where they begin.
    pub addresses: Vec<u64>,
    /// There are more than are kept.
    pub capped: bool,
}

/// Objects that have their own address at one of these distances from their starts.
pub fn find(memory: &AddressSpace, offsets: &[u32]) -> Own {
    let mut found = Own::default();
    for (start, page) in pages(memory, memory.geometry().modules()) {
        look(start, &page, offsets, &mut found.addresses);
        if found.addresses.len() > MOST {
            found.capped = true;
            break;
        }
    }
    found.addresses.sort_unstable();
    found.addresses.dedup();
    found.addresses.truncate(MOST);
    for address in &found.addresses {
        if let Some(physical) = memory.translate(*address) {
            memory.image().touch(physical, 1);
        }
    }
    found
}

/// Each page of a range that is there, with its address. What is searched does not count as read.
fn pages(memory: &AddressSpace, range: Range<u64>) -> impl Iterator<Item = (u64, [u8; PAGE_SIZE as usize])> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        while at < range.end {
            let start = at;
            let Some(physical) = memory.translate(at) else {
                at = memory.gap(at).end.max(at.checked_add(PAGE_SIZE)?);
                continue;
            };
            at = at.checked_add(PAGE_SIZE)?;
            let mut page = [0; PAGE_SIZE as usize];
            if memory.image().copy(physical, &mut page) == page.len() {
                return Some((start, page));
            }
        }
        None
    })
}

/// A word that is a little less than where it lies, by one of the distances, is an object's own address.
fn look(start: u64, page: &[u8], offsets: &[u32], found: &mut Vec<u64>) {
    let farthest = u64::from(offsets.iter().copied().max().unwrap_or(0));
    for (index, word) in page.as_chunks::<WORD>().0.iter().enumerate() {
        let address = u64::from_le_bytes(*word);
        let distance = (start + (index * WORD) as u64).wrapping_sub(address);
        if distance <= farthest && offsets.iter().any(|offset| u64::from(*offset) == distance) {
            found.push(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Own, find, look};
    use crate::testing::memory::Memory;

    #[test]
    fn an_object_is_where_its_own_address_says() {
        let mut page = vec![0; 4096];
        let start = 0xffff_ffff_c000_1000_u64;
        let object = start + 0x140;
        for offset in [0x50, 0x80, 0x88] {
            let at = 0x140 + offset;
            page.splice(at..at + 8, object.to_le_bytes());
        }
        let mut found = Vec::new();
        look(start, &page, &[0x50, 0x88], &mut found);
        assert_eq!(found, [object, object], "not what lies at another distance");
        found.clear();
        look(start, &page, &[], &mut found);
        assert!(found.is_empty(), "zeros are no object's address");
    }

    #[test]
    fn memory_without_modules_has_none() {
        let kernel = Memory::new().kernel(crate::testing::world::btf(), &[]);
        assert_eq!(find(&kernel.memory, &[8]), Own::default());
    }
}
