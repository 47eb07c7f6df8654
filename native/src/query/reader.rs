//! Kernel memory as a query reads it: whole pages are looked up once and then borrowed from the image.

use std::cell::Cell;

use super::limits::{EFFORT, STEP};
use super::program::{Gap, Read};
use crate::arch::AddressSpace;

const PAGE: u64 = 4096;
const SLOTS: usize = 512;

/// A page that was looked up. `page` is its number plus one, so that 0 is an empty slot.
#[derive(Clone, Copy)]
struct Slot<'a> {
    page: u64,
    bytes: &'a [u8],
}

/// Reads kernel virtual memory for one query on one thread.
pub struct Reader<'a> {
    memory: &'a AddressSpace,
    slots: Vec<Cell<Slot<'a>>>,
    /// What leaves may still cost; `None` once it was not enough.
    effort: Cell<Option<u64>>,
    /// Whether what is looked up counts as read, for a distilled image.
    records: bool,
}

impl<'a> Reader<'a> {
    /// A reader with nothing looked up yet, for a query whose leaves may cost so much.
    pub fn new(memory: &'a AddressSpace, effort: u64) -> Self {
        let slots = vec![Cell::new(Slot { page: 0, bytes: &[] }); SLOTS];
        Self { memory, slots, effort: Cell::new(Some(effort)), records: true }
    }

    /// One whose looks are not recorded as read.
    pub fn quiet(memory: &'a AddressSpace) -> Self {
        Self { records: false, ..Self::new(memory, EFFORT) }
    }

    /// Takes a step of a leaf, at `address`, off what the query may still do: a row may cost much, and there are many.
    pub fn step(&self, address: u64) -> Read<()> {
        self.steps(1, address)
    }

    /// Takes several steps off.
    pub fn steps(&self, count: u64, address: u64) -> Read<()> {
        self.spend(count.saturating_mul(STEP), address)
    }

    /// Takes bytes that are to be copied off what the query may still do.
    #[inline]
    pub fn spend(&self, bytes: u64, address: u64) -> Read<()> {
        let left = self.effort.get().and_then(|left| left.checked_sub(bytes));
        self.effort.set(left);
        left.map(|_| ()).ok_or(Gap::Spent(address))
    }

    /// Whether the query has done all that it may: no leaf gives anything from then on.
    #[inline]
    pub fn is_spent(&self) -> bool {
        self.effort.get().is_none()
    }

    /// The address space that is read.
    pub fn memory(&self) -> &'a AddressSpace {
        self.memory
    }

    /// The page's bytes from `address` on, at most to the page's end.
    #[inline]
    fn page(&self, address: u64) -> Option<&'a [u8]> {
        let page = address / PAGE + 1;
        let slot = self.slots.get(page as usize % SLOTS)?;
        let mut found = slot.get();
        if found.page != page {
            let physical = self.memory.translate(address & !(PAGE - 1))?;
            let image = self.memory.image();
            let bytes = match self.records {
                true => image.borrow(physical, PAGE as usize)?,
                false => image.peek(physical, PAGE as usize)?,
            };
            found = Slot { page, bytes };
            slot.set(found);
        }
        found.bytes.get((address % PAGE) as usize..)
    }

    /// A little-endian word.
    #[inline]
    pub fn u64(&self, address: u64) -> Option<u64> {
        match self.page(address).and_then(|bytes| bytes.first_chunk()) {
            Some(word) => Some(u64::from_le_bytes(*word)),
            None => self.memory.read_u64(address),
        }
    }

    /// A little-endian integer of `size` bytes, at most 16.
    #[inline]
    pub fn integer(&self, address: u64, size: usize) -> Option<u128> {
        let bytes = self.page(address).unwrap_or_default();
        match size {
            4 => bytes.first_chunk().map(|word| u128::from(u32::from_le_bytes(*word))),
            8 => bytes.first_chunk().map(|word| u128::from(u64::from_le_bytes(*word))),
            _ => None,
        }
        .or_else(|| {
            let mut word = [0; 16];
            let filled = self.fill(address, word.get_mut(..size)?);
            (filled == size).then(|| u128::from_le_bytes(word))
        })
    }

    /// Copies out; returns how many leading bytes could be read.
    pub fn fill(&self, address: u64, out: &mut [u8]) -> usize {
        match self.page(address).and_then(|bytes| bytes.get(..out.len())) {
            Some(bytes) => {
                out.copy_from_slice(bytes);
                out.len()
            }
            None => self.memory.read(address, out),
        }
    }

    /// Appends up to `length` bytes; returns how many could be read.
    pub fn append(&self, address: u64, length: usize, out: &mut Vec<u8>) -> usize {
        if self.spend(length as u64, address).is_err() {
            return 0;
        }
        let start = out.len();
        out.resize(start + length, 0);
        let read = self.fill(address, out.get_mut(start..).unwrap_or_default());
        out.truncate(start + read);
        read
    }

    /// Appends bytes up to a NUL or `limit`. `Ok` tells whether the NUL was seen, `Err` where memory ends before.
    pub fn append_string(&self, address: u64, limit: usize, out: &mut Vec<u8>) -> Result<bool, u64> {
        let mut done = 0;
        while done < limit {
            let at = address.checked_add(done as u64).ok_or(address)?;
            let room = ((PAGE - at % PAGE) as usize).min(limit - done);
            let copied;
            let bytes = match self.page(at).and_then(|bytes| bytes.get(..room)) {
                Some(bytes) => bytes,
                None => {
                    copied = self.part(at, room);
                    copied.as_slice()
                }
            };
            let end = memchr::memchr(0, bytes);
            let kept = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
            self.spend(kept.len() as u64 + STEP, at).map_err(|_| at)?;
            out.extend_from_slice(kept);
            if end.is_some() {
                return Ok(true);
            }
            if bytes.len() < room {
                return Err(at + bytes.len() as u64);
            }
            done += room;
        }
        Ok(false)
    }

    /// What there is of a page that the image does not hold whole.
    #[cold]
    fn part(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let read = self.memory.read(address, &mut bytes);
        bytes.truncate(read);
        bytes
    }
}
