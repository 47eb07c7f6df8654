//! Unpacked blocks: those used last, as many as fit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::LARGEST;

/// Bytes that one image keeps unpacked.
const BUDGET: usize = 64 << 20;
/// Parts with a lock each: threads seldom meet.
const SETS: usize = 256;
const SET_BUDGET: usize = BUDGET / SETS;
const _: () = assert!(SET_BUDGET >= 4 * LARGEST);

/// A cache of blocks by their ids.
pub struct Cache {
    sets: Vec<Mutex<Set>>,
}

/// The blocks of one part, the one used last at the end.
#[derive(Default)]
struct Set {
    blocks: Vec<(u64, Arc<Vec<u8>>)>,
    bytes: usize,
}

impl Cache {
    /// An empty one.
    pub fn new() -> Self {
        Self { sets: (0..SETS).map(|_| Mutex::default()).collect() }
    }

    fn set(&self, id: u64) -> Option<MutexGuard<'_, Set>> {
        // Neighbours in memory go to different sets, and so do blocks that lie a power of two apart.
        let mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        Some(self.sets.get(mixed as usize % SETS)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A block that is there.
    pub fn get(&self, id: u64) -> Option<Arc<Vec<u8>>> {
        let mut set = self.set(id)?;
        let at = set.blocks.iter().rposition(|block| block.0 == id)?;
        let bytes = Arc::clone(&set.blocks.get(at)?.1);
        if let Some(tail) = set.blocks.get_mut(at..) {
            tail.rotate_left(1);
        }
        Some(bytes)
    }

    /// Whether a block is there.
    pub fn has(&self, id: u64) -> bool {
        self.set(id).is_some_and(|set| set.blocks.iter().any(|block| block.0 == id))
    }

    /// Keeps a block in the place of those not used for longest. Another thread may have unpacked it too.
    pub fn put(&self, id: u64, bytes: Vec<u8>) -> Arc<Vec<u8>> {
        let bytes = Arc::new(bytes);
        if let Some(mut set) = self.set(id) {
            if let Some((_, known)) = set.blocks.iter().find(|block| block.0 == id) {
                return Arc::clone(known);
            }
            set.bytes += bytes.len();
            set.blocks.push((id, Arc::clone(&bytes)));
            while set.bytes > SET_BUDGET && !set.blocks.is_empty() {
                let (_, oldest) = set.blocks.remove(0);
                set.bytes -= oldest.len();
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{BUDGET, Cache, LARGEST};

    #[test]
    fn what_is_kept_is_bounded_and_what_is_used_stays() {
        let cache = Cache::new();
        let blocks = 4 * (BUDGET / LARGEST) as u64;
        for id in 0..blocks {
            cache.put(id, vec![id as u8; LARGEST]);
            assert!(cache.get(0).is_some(), "block 0 is used all the time");
        }
        let kept: Vec<u64> = (0..blocks).filter(|id| cache.has(*id)).collect();
        assert!(kept.len() * LARGEST <= BUDGET && kept.len() * LARGEST > BUDGET / 2, "{} blocks", kept.len());
        assert!(kept.iter().all(|id| cache.get(*id).is_some_and(|bytes| bytes[0] == *id as u8)));
    }
}
