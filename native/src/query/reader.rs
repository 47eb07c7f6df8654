//! Kernel memory as a query reads it: whole pages are looked up once and then borrowed from the image.

use std::cell::{Cell, OnceCell, RefCell};

use super::batch::Code;
use super::limits::{EFFORT, STEP};
use super::program::{Gap, Read};
use crate::arch::AddressSpace;
use crate::image::{Missing, PAGE_SIZE};
use crate::kernel::Kernel;

const SLOTS: usize = 512;
/// Pages looked up before the image may give mapped ones back: they bring in 64 KiB each, or the large folio of the page
/// cache that they are in, which may have 2 MiB.
const LOOKS: u32 = 64;

/// A page that was looked up. `page` is its number plus one, so that 0 is an empty slot.
#[derive(Clone, Copy)]
struct Slot<'a> {
    page: u64,
    bytes: &'a [u8],
}

/// Copies of pages, where the image packs memory and nothing can be borrowed: a slot each, as above.
struct Copies {
    pages: Vec<u64>,
    bytes: Vec<u8>,
}

/// Reads kernel virtual memory for one query on one thread.
pub struct Reader<'a> {
    /// Whose memory it is, where more of the kernel than that is asked for.
    kernel: Option<&'a Kernel>,
    memory: &'a AddressSpace,
    slots: Vec<Cell<Slot<'a>>>,
    copies: Option<RefCell<Copies>>,
    /// Pages looked up since the image last gave mapped ones back.
    looks: Cell<u32>,
    /// What leaves may still cost; `None` once it was not enough.
    effort: Cell<Option<u64>>,
    /// Whether what is looked up counts as read, for a distilled image.
    records: bool,
    /// The objects that the walks above came to, outermost first, where a path starts from one of them.
    ancestors: RefCell<Vec<u64>>,
    /// Processors, and how far their copies of per-CPU variables lie.
    cpus: OnceCell<Vec<(u64, u64)>>,
}

impl<'a> Reader<'a> {
    /// A reader of a kernel's memory with nothing looked up yet, for a query whose leaves may cost so much.
    pub fn of(kernel: &'a Kernel, effort: u64) -> Self {
        Self { kernel: Some(kernel), ..Self::new(&kernel.memory, effort) }
    }

    fn new(memory: &'a AddressSpace, effort: u64) -> Self {
        let slots = vec![Cell::new(Slot { page: 0, bytes: &[] }); SLOTS];
        let copies = || Copies { pages: vec![0; SLOTS], bytes: vec![0; SLOTS * PAGE_SIZE as usize] };
        let copies = (!memory.image().is_mapped()).then(|| RefCell::new(copies()));
        Self {
            kernel: None,
            memory,
            slots,
            copies,
            looks: Cell::new(0),
            effort: Cell::new(Some(effort)),
            records: true,
            ancestors: RefCell::default(),
            cpus: OnceCell::new(),
        }
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

    /// One of the objects that the walks above came to, counted from the outermost.
    #[inline(never)]
    pub fn ancestor(&self, level: usize) -> u64 {
        self.ancestors.borrow().get(level).copied().unwrap_or(0)
    }

    /// Sets them, by adding them to an empty list.
    pub fn set_ancestors(&self, add: impl FnOnce(&mut Vec<u64>)) {
        let mut ancestors = self.ancestors.borrow_mut();
        ancestors.clear();
        add(&mut ancestors);
    }

    /// The kernel that is read.
    pub fn kernel(&self) -> Option<&'a Kernel> {
        self.kernel
    }

    /// What [`Cpus`](super::cpus::Cpus) has read of the kernel's processors, once for all that asks.
    pub fn cpus(&self, read: impl FnOnce() -> Vec<(u64, u64)>) -> &[(u64, u64)] {
        self.cpus.get_or_init(read)
    }

    /// The address space that is read.
    pub fn memory(&self) -> &'a AddressSpace {
        self.memory
    }

    /// The page's bytes from `address` on, at most to the page's end.
    #[inline(always)]
    fn page(&self, address: u64) -> Option<&'a [u8]> {
        let page = address / PAGE_SIZE + 1;
        let slot = self.slots.get(page as usize % SLOTS)?;
        let found = slot.get();
        let bytes = if found.page == page { found.bytes } else { self.look_up(page, slot)? };
        bytes.get((address % PAGE_SIZE) as usize..)
    }

    /// Borrows a page that the slot does not hold yet.
    #[inline(never)]
    fn look_up(&self, page: u64, slot: &Cell<Slot<'a>>) -> Option<&'a [u8]> {
        if self.copies.is_some() {
            return None;
        }
        let physical = self.memory.translate((page - 1) * PAGE_SIZE)?;
        let image = self.memory.image();
        let bytes = match self.records {
            true => image.borrow(physical, PAGE_SIZE as usize)?,
            false => image.peek(physical, PAGE_SIZE as usize)?,
        };
        slot.set(Slot { page, bytes });
        self.looks.set(self.looks.get() + 1);
        if self.looks.get() == LOOKS {
            self.looks.set(0);
            image.trim();
        }
        Some(bytes)
    }

    /// Reads at an address where nothing can be borrowed; returns how many leading bytes there are.
    fn copy(&self, address: u64, out: &mut [u8]) -> usize {
        let from = (address % PAGE_SIZE) as usize;
        match self.copies.as_ref().filter(|_| from + out.len() <= PAGE_SIZE as usize) {
            Some(copies) => {
                match copies.borrow_mut().page(self, address).and_then(|page| page.get(from..from + out.len())) {
                    Some(bytes) => {
                        out.copy_from_slice(bytes);
                        out.len()
                    }
                    None => self.memory.read(address, out),
                }
            }
            None => self.memory.read(address, out),
        }
    }

    /// What it is that a kernel address cannot be read: left out of the dump, or unreadable.
    #[cold]
    pub fn why(&self, address: u64) -> Code {
        match missing(self.memory, address) {
            Gap::LeftOut(_) => Code::LeftOut,
            _ => Code::Unreadable,
        }
    }

    /// A little-endian word.
    #[inline(always)]
    pub fn u64(&self, address: u64) -> Option<u64> {
        match self.page(address).and_then(|bytes| bytes.first_chunk()) {
            Some(word) => Some(u64::from_le_bytes(*word)),
            None => self.copied_u64(address),
        }
    }

    /// The same, or why there is none.
    #[inline(always)]
    pub fn word(&self, address: u64) -> Read<u64> {
        self.u64(address).ok_or(Gap::Unreadable(address))
    }

    /// A little-endian word of 32 bits, or why there is none.
    #[inline]
    pub fn half(&self, address: u64) -> Read<u32> {
        self.integer(address, 4).map(|half| half as u32).ok_or(Gap::Unreadable(address))
    }

    fn copied_u64(&self, address: u64) -> Option<u64> {
        if self.copies.is_none() {
            return self.memory.read_u64(address);
        }
        let mut word = [0; 8];
        (self.copy(address, &mut word) == word.len()).then(|| u64::from_le_bytes(word))
    }

    /// A little-endian integer of `size` bytes, at most 16.
    #[inline(always)]
    pub fn integer(&self, address: u64, size: usize) -> Option<u128> {
        let bytes = self.page(address).unwrap_or_default();
        match size {
            4 => bytes.first_chunk().map(|word| u128::from(u32::from_le_bytes(*word))),
            8 => bytes.first_chunk().map(|word| u128::from(u64::from_le_bytes(*word))),
            _ => None,
        }
        .or_else(|| self.odd_integer(address, size))
    }

    /// One of a size that is seldom, or that does not lie in one page.
    #[inline(never)]
    fn odd_integer(&self, address: u64, size: usize) -> Option<u128> {
        let mut word = [0; 16];
        let filled = self.fill(address, word.get_mut(..size)?);
        (filled == size).then(|| u128::from_le_bytes(word))
    }

    /// Copies out; returns how many leading bytes could be read.
    pub fn fill(&self, address: u64, out: &mut [u8]) -> usize {
        match self.page(address).and_then(|bytes| bytes.get(..out.len())) {
            Some(bytes) => {
                out.copy_from_slice(bytes);
                out.len()
            }
            None => self.copy(address, out),
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
            let room = ((PAGE_SIZE - at % PAGE_SIZE) as usize).min(limit - done);
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
    fn part(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let read = self.copy(address, &mut bytes);
        bytes.truncate(read);
        bytes
    }
}

impl Copies {
    /// The page that holds an address, if the image has all of it.
    fn page(&mut self, reader: &Reader, address: u64) -> Option<&[u8]> {
        let page = address / PAGE_SIZE + 1;
        let index = page as usize % SLOTS;
        let tag = self.pages.get_mut(index)?;
        let bytes = self.bytes.get_mut(index * PAGE_SIZE as usize..)?.get_mut(..PAGE_SIZE as usize)?;
        if *tag != page {
            *tag = 0;
            let physical = reader.memory.translate(address & !(PAGE_SIZE - 1))?;
            let image = reader.memory.image();
            let read = if reader.records { image.read(physical, bytes) } else { image.copy(physical, bytes) };
            (read == bytes.len()).then_some(())?;
            *tag = page;
        }
        Some(bytes)
    }
}

/// Why an address of an address space cannot be read: not mapped or not there, or left out by whoever made the dump.
pub fn missing(memory: &AddressSpace, address: u64) -> Gap {
    let physical = memory.translate(address);
    match physical.and_then(|physical| memory.image().missing(physical)) {
        Some(Missing::LeftOut) => Gap::LeftOut(address),
        _ => Gap::Unreadable(address),
    }
}
