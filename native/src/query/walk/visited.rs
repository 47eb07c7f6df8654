//! Addresses that a walk has been at.

/// A set of non-zero addresses, cheap to clear while it is small.
pub struct Visited {
    table: Vec<u64>,
    count: usize,
}

const SMALLEST: usize = 64;

impl Default for Visited {
    fn default() -> Self {
        Self { table: vec![0; SMALLEST], count: 0 }
    }
}

impl Visited {
    /// Forgets everything.
    pub fn clear(&mut self) {
        if self.table.len() > SMALLEST {
            *self = Self::default();
        } else if self.count > 0 {
            self.table.fill(0);
            self.count = 0;
        }
    }

    /// Adds an address; false when it was there already.
    #[inline]
    pub fn insert(&mut self, address: u64) -> bool {
        if self.count * 2 >= self.table.len() {
            let larger = vec![0; self.table.len() * 4];
            for old in std::mem::replace(&mut self.table, larger) {
                if old != 0 {
                    place(&mut self.table, old);
                }
            }
        }
        let fresh = place(&mut self.table, address);
        self.count += usize::from(fresh);
        fresh
    }
}

#[inline]
fn place(table: &mut [u64], address: u64) -> bool {
    let mask = table.len() - 1;
    let mut at = (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
    // The table is never more than half full, so an empty slot comes.
    while let Some(slot) = table.get_mut(at) {
        if *slot == address {
            return false;
        }
        if *slot == 0 {
            *slot = address;
            return true;
        }
        at = (at + 1) & mask;
    }
    false
}
