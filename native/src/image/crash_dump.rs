//! Crash dumps in the form that Windows writes them and other tools have taken over: a header of two pages, runs of physical
//! memory in it or a bitmap behind it, then the pages (`DUMP_HEADER64` and `BITMAP_DUMP` of the Windows SDK's debugger headers).

use object::elf::{EM_AARCH64, EM_X86_64};

use super::settle::join;
use super::{Layout, Machine, PAGE_SIZE, Range};
use crate::error::{Error, Result};
use crate::words::{u32_at, u64_at};

/// How such a file begins.
pub const START: &[u8; 8] = b"PAGEDU64";
const HEADER: u64 = 2 * PAGE_SIZE;
/// Offsets in the header.
const MACHINE: usize = 0x30;
const RUNS: usize = 0x88;
const KIND: usize = 0xf98;
/// As many as fit in the header.
const MOST_RUNS: u32 = 42;
/// Offsets in what is behind the header of a dump with a bitmap.
const FIRST_PAGE: usize = 0x20;
const PAGES: usize = 0x30;
const BITMAP: usize = 0x38;

/// Kinds of dumps.
const FULL: u32 = 1;
const FULL_BITMAP: u32 = 5;

/// Reads a complete dump of a 64-bit machine.
pub fn parse(bytes: &[u8]) -> Option<Result<Layout>> {
    bytes.starts_with(START).then(|| dump(bytes))
}

fn dump(bytes: &[u8]) -> Result<Layout> {
    let cut = || Error::evidence("a crash dump that is cut off inside its headers");
    let machine = match u32_at(bytes, MACHINE).ok_or_else(cut)? {
        0x8664 => Machine::Elf(EM_X86_64),
        0xaa64 => Machine::Elf(EM_AARCH64),
        other => Machine::Name(format!("{other:#x}")),
    };
    let ranges = match u32_at(bytes, KIND).ok_or_else(cut)? {
        FULL => runs(bytes)?,
        FULL_BITMAP => bitmap(bytes).ok_or_else(cut)?,
        kind => {
            return Err(Error::evidence(format!(
                "a crash dump of kind {kind}, which does not hold all of memory: take a complete one"
            )));
        }
    };
    Ok(Layout { ranges, machine: Some(machine), ..Layout::default() })
}

fn runs(bytes: &[u8]) -> Result<Vec<Range>> {
    let lies = || Error::evidence("a crash dump whose runs of memory are damaged");
    let count = u32_at(bytes, RUNS).filter(|count| *count <= MOST_RUNS).ok_or_else(lies)?;
    let mut offset = HEADER;
    let mut ranges = Vec::new();
    for run in 0..count as usize {
        let word = |at| u64_at(bytes, RUNS + 16 + 16 * run + at)?.checked_mul(PAGE_SIZE);
        let (start, length) = word(0).zip(word(8)).ok_or_else(lies)?;
        ranges.push(Range { start, length, offset });
        offset = offset.checked_add(length).ok_or_else(lies)?;
    }
    Ok(ranges)
}

/// A bit for each page, and those that are set one behind the other.
fn bitmap(bytes: &[u8]) -> Option<Vec<Range>> {
    let head = bytes.get(HEADER as usize..)?;
    let mut offset = u64_at(head, FIRST_PAGE)?;
    let pages = usize::try_from(u64_at(head, PAGES)?).ok()?;
    let bits = head.get(BITMAP..)?.get(..pages.div_ceil(8))?;
    let mut ranges: Vec<Range> = Vec::new();
    let set = (0..pages).filter(|page| bits.get(page / 8).is_some_and(|byte| byte >> (page % 8) & 1 == 1));
    for page in set {
        join(&mut ranges, Range { start: page as u64 * PAGE_SIZE, length: PAGE_SIZE, offset });
        offset = offset.checked_add(PAGE_SIZE)?;
    }
    Some(ranges)
}
