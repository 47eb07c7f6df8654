//! Which pages page tables map, and which pages they are themselves.

use std::ops::{ControlFlow, Range};

use crate::arch::{AddressSpace, Met};
use crate::error::Result;
use crate::kernel::Kernel;
use crate::scan::user::UserMemory;

/// What is kept of one walk.
const MOST: usize = 4 << 20;
/// Tables that are looked at, beyond as many as the image has pages: processes share few, but tables that lie may share all.
const MORE_TABLES: u64 = 1 << 16;

/// Where pages that are asked for are mapped.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mapped {
    /// Which of the pages it is.
    pub which: Vec<u32>,
    /// In which of the address spaces.
    pub spaces: Vec<u32>,
    /// At which virtual address.
    pub addresses: Vec<u64>,
    /// Physical addresses of the tables, where these are asked for, and whose they are.
    pub tables: Vec<u64>,
    /// In which of the address spaces each is.
    pub table_spaces: Vec<u32>,
    /// Tables that the image lacks, and address spaces without any.
    pub lost: u32,
    /// There is more than is kept or looked at.
    pub capped: bool,
}

/// Memory that lies in a row in both address spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where it begins in physical memory.
    pub physical: u64,
    /// And in virtual memory.
    pub address: u64,
    /// Bytes.
    pub length: u64,
}

/// What page tables map.
#[derive(Debug, Default)]
pub struct Maps {
    /// By virtual addresses.
    pub runs: Vec<Run>,
    /// Physical addresses of the tables.
    pub tables: Vec<u64>,
    /// Tables that the image lacks.
    pub lost: u32,
    /// There is more than is kept.
    pub capped: bool,
}

/// Looks for pages (ascending physical addresses) in the address spaces of some `mm_struct`s, and for their tables where
/// `with_tables`.
pub fn in_processes(kernel: &Kernel, mms: &[u64], pages: &[u64], with_tables: bool) -> Result<Mapped> {
    let image = kernel.memory.image();
    let page_size = kernel.memory.geometry().page_size;
    let held: u64 = image.ranges().iter().map(|range| range.length / page_size).sum();
    image.undisturbed(|| {
        let (mut mapped, mut left) = (Mapped::default(), held.saturating_add(MORE_TABLES));
        for (number, mm) in (0..).zip(mms) {
            let Some(memory) = UserMemory::of(kernel, *mm)? else {
                mapped.lost += 1;
                continue;
            };
            memory.space().visit(0..kernel.memory.geometry().user_end(), |met| {
                mapped.add(number, met, pages, page_size, with_tables);
                left = left.saturating_sub(u64::from(matches!(met, Met::Table(_))));
                mapped.capped |= left == 0;
                if mapped.capped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if mapped.capped {
                break;
            }
        }
        Ok(mapped)
    })
}

impl Mapped {
    fn add(&mut self, space: u32, met: Met, pages: &[u64], page_size: u64, with_tables: bool) {
        match met {
            Met::Lost(_) => self.lost += 1,
            Met::Table(table) if with_tables => {
                self.tables.push(table);
                self.table_spaces.push(space);
            }
            Met::Table(_) => {}
            Met::Page { address, physical, length } => {
                let end = physical.saturating_add(length);
                let first = pages.partition_point(|page| page.saturating_add(page_size) <= physical);
                for (which, page) in pages.iter().enumerate().skip(first).take_while(|(_, page)| **page < end) {
                    self.which.push(which as u32);
                    self.spaces.push(space);
                    self.addresses.push(address.wrapping_add(page.saturating_sub(physical)));
                }
            }
        }
        self.capped |= self.which.len() > MOST || self.tables.len() > MOST;
    }
}

/// What the kernel's tables map but for the direct map.
pub fn in_kernel(kernel: &Kernel) -> Result<Maps> {
    let memory = &kernel.memory;
    let direct_map = kernel.direct_map()?;
    let all = memory.image().ranges().iter().map(|range| range.end()).max().unwrap_or(0);
    let direct = direct_map..direct_map.saturating_add(all);
    memory.image().undisturbed(|| {
        let mut maps = Maps::default();
        maps.look(memory, memory.geometry().kernel_half..u64::MAX, &direct);
        Ok(maps)
    })
}

/// What the tables of an `mm_struct` map of a range; `None` where they cannot be read.
pub fn in_process(kernel: &Kernel, mm: u64, range: Range<u64>) -> Result<Option<Maps>> {
    let range = range.start..range.end.min(kernel.memory.geometry().user_end());
    kernel.memory.image().undisturbed(|| {
        let Some(memory) = UserMemory::of(kernel, mm)? else { return Ok(None) };
        let mut maps = Maps::default();
        maps.look(memory.space(), range.clone(), &(0..0));
        Ok(Some(maps))
    })
}

impl Maps {
    fn look(&mut self, memory: &AddressSpace, range: Range<u64>, direct: &Range<u64>) {
        memory.visit(range, |met| {
            match met {
                Met::Lost(_) => self.lost += 1,
                Met::Table(table) => self.tables.push(table),
                Met::Page { address, .. } if direct.contains(&address) => {}
                Met::Page { address, physical, length } => self.add(Run { physical, address, length }),
            }
            self.capped |= self.runs.len() > MOST || self.tables.len() > MOST;
            if self.capped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    fn add(&mut self, run: Run) {
        match self.runs.last_mut() {
            Some(last) if last.follows_to(&run) => last.length += run.length,
            _ => self.runs.push(run),
        }
    }
}

impl Run {
    fn follows_to(&self, next: &Run) -> bool {
        self.physical.checked_add(self.length) == Some(next.physical)
            && self.address.checked_add(self.length) == Some(next.address)
    }
}
