//! What pages are, and who pays for them.

use napi::bindgen_prelude::{BigInt, BigUint64Array, Uint8Array, Uint32Array};
use napi_derive::napi;

use super::{Result, opened};
use crate::arch::Known;
use crate::pages::facts;
use crate::pages::layout::Caches;
use crate::pages::mapped::{self, Mapped, Maps};
use crate::pages::summary::{self, Claim, Summary};
use crate::query::file_runs;
use crate::scan::logical;

fn caches(addresses: &[u64]) -> Caches {
    addresses.iter().copied().collect()
}

/// What lies at physical addresses, in their order; `caches` are all slab caches that the kernel knows.
#[napi(catch_unwind)]
pub fn page_facts(id: u32, slabs: BigUint64Array, addresses: BigUint64Array) -> Result<NativePageFacts> {
    let found = facts::facts(opened(id)?.as_ref(), &caches(&slabs), &addresses)?;
    let words = |of: fn(&facts::Facts) -> u64| found.iter().map(of).collect::<Vec<u64>>().into();
    Ok(NativePageFacts {
        kinds: found.iter().map(|facts| facts.kind as u8).collect::<Vec<u8>>().into(),
        owners: words(|facts| facts.owner),
        indexes: words(|facts| facts.index),
        objects: words(|facts| facts.object),
        payers: words(|facts| facts.payer),
    })
}

/// What some addresses are; 0 where there is nothing of the kind.
#[napi(object)]
pub struct NativePageFacts {
    /// In the order of `Kind` in `native/src/pages/facts.rs`.
    pub kinds: Uint8Array,
    /// Slab caches, `address_space`s and `anon_vma`s.
    pub owners: BigUint64Array,
    /// Page numbers within these.
    pub indexes: BigUint64Array,
    /// Slab objects.
    pub objects: BigUint64Array,
    /// `mem_cgroup`s.
    pub payers: BigUint64Array,
}

/// Counts memory from one physical address to another by what it is and who pays for it. `claims` are flat pairs of first
/// address and end, in order, of what no page itself tells, and `what` names each by a number above 0.
#[napi(catch_unwind)]
pub fn page_summary(
    id: u32,
    slabs: BigUint64Array,
    claims: BigUint64Array,
    what: Uint32Array,
    start: BigInt,
    end: BigInt,
) -> Result<NativePageSummary> {
    let ranges = claims.as_chunks::<2>().0.iter().zip(what.iter());
    let claims: Vec<_> = ranges.map(|([start, end], what)| Claim { physical: *start..*end, what: *what }).collect();
    let within = start.get_u64().1..end.get_u64().1;
    Ok(summary::summarize(opened(id)?.as_ref(), &caches(&slabs), &claims, within)?.into())
}

/// Memory by what it is and who pays.
#[napi(object)]
pub struct NativePageSummary {
    /// As those of `NativePageFacts`.
    pub kinds: Uint8Array,
    /// What the claims call it; 0 for what no claim is of.
    pub claims: Uint32Array,
    /// Slab caches and `address_space`s.
    pub owners: BigUint64Array,
    /// `mem_cgroup`s.
    pub payers: BigUint64Array,
    /// Bytes of each.
    pub bytes: BigUint64Array,
    /// Bytes that had no place.
    pub left_out: f64,
}

impl From<Summary> for NativePageSummary {
    fn from(summary: Summary) -> Self {
        let words = |of: fn(&(summary::Group, u64)) -> u64| summary.groups.iter().map(of).collect::<Vec<u64>>().into();
        Self {
            kinds: summary.groups.iter().map(|(group, _)| group.kind as u8).collect::<Vec<u8>>().into(),
            claims: summary.groups.iter().map(|(group, _)| group.claim).collect::<Vec<u32>>().into(),
            owners: words(|(group, _)| group.owner),
            payers: words(|(group, _)| group.payer),
            bytes: words(|(_, bytes)| *bytes),
            left_out: summary.left_out as f64,
        }
    }
}

/// Where pages (ascending physical addresses) are mapped in the address spaces of `mm_struct`s, with all their page tables
/// where `with_tables`.
#[napi(catch_unwind)]
pub fn mapped_pages(id: u32, mms: BigUint64Array, pages: BigUint64Array, with_tables: bool) -> Result<NativeMapped> {
    Ok(mapped::in_processes(opened(id)?.as_ref(), &mms, &pages, with_tables)?.into())
}

/// Where pages are mapped.
#[napi(object)]
pub struct NativeMapped {
    /// Which of the pages it is.
    pub which: Uint32Array,
    /// In which of the address spaces.
    pub spaces: Uint32Array,
    /// At which virtual address.
    pub addresses: BigUint64Array,
    /// Physical addresses of page tables.
    pub tables: BigUint64Array,
    /// In which of the address spaces each is.
    pub table_spaces: Uint32Array,
    /// Tables that the image lacks.
    pub lost: u32,
    /// There is more.
    pub capped: bool,
}

impl From<Mapped> for NativeMapped {
    fn from(mapped: Mapped) -> Self {
        Self {
            which: mapped.which.into(),
            spaces: mapped.spaces.into(),
            addresses: mapped.addresses.into(),
            tables: mapped.tables.into(),
            table_spaces: mapped.table_spaces.into(),
            lost: mapped.lost,
            capped: mapped.capped,
        }
    }
}

/// What the kernel's own page tables map beside all of memory.
#[napi(catch_unwind)]
pub fn kernel_maps(id: u32) -> Result<NativeMaps> {
    Ok(mapped::in_kernel(opened(id)?.as_ref())?.into())
}

/// What the page tables of an `mm_struct` map of a range; null where they cannot be read.
#[napi(catch_unwind)]
pub fn process_maps(id: u32, mm: BigInt, start: BigInt, end: BigInt) -> Result<Option<NativeMaps>> {
    let range = start.get_u64().1..end.get_u64().1;
    Ok(mapped::in_process(opened(id)?.as_ref(), mm.get_u64().1, range)?.map(NativeMaps::from))
}

/// What page tables map.
#[napi(object)]
pub struct NativeMaps {
    /// Physical address, virtual address and bytes of each run, in turn.
    pub runs: BigUint64Array,
    /// Physical addresses of the tables.
    pub tables: BigUint64Array,
    /// Tables that the image lacks.
    pub lost: u32,
    /// There is more.
    pub capped: bool,
}

impl From<Maps> for NativeMaps {
    fn from(maps: Maps) -> Self {
        let runs = maps.runs.iter().flat_map(|run| [run.physical, run.address, run.length]);
        Self {
            runs: runs.collect::<Vec<u64>>().into(),
            tables: maps.tables.into(),
            lost: maps.lost,
            capped: maps.capped,
        }
    }
}

/// Where `struct page`s lie: the address of that of physical address 0, and the bytes of each. Null where nothing says so.
#[napi(catch_unwind)]
pub fn page_structs(id: u32) -> Result<Option<NativePageStructs>> {
    let kernel = opened(id)?;
    let size = kernel.size("struct page").and_then(|size| u32::try_from(size).ok());
    let found = kernel.memory.image().undisturbed(|| Ok(kernel.page_structs().zip(kernel.direct_map().ok())))?;
    let structs =
        |((first, base), size): ((u64, u64), u32)| NativePageStructs { first: first.into(), size, base: base.into() };
    Ok(found.zip(size).map(structs))
}

/// Where `struct page`s lie.
#[napi(object)]
pub struct NativePageStructs {
    /// Virtual address of the first.
    pub first: BigInt,
    /// Bytes of one.
    pub size: u32,
    /// Virtual address of the first one's memory. That of the others follows.
    pub base: BigInt,
}

/// Where patterns and expressions (JSON, as a scan of bytes has them) are found in the memory of an `mm_struct`, wholly in
/// one of some ranges (flat pairs of first address and end, ascending); null where its page tables cannot be read.
#[napi(catch_unwind)]
pub fn search_process(id: u32, mm: BigInt, ranges: BigUint64Array, patterns: String) -> Result<Option<NativeHits>> {
    let ranges: Vec<_> = ranges.as_chunks::<2>().0.iter().map(|[start, end]| *start..*end).collect();
    let found = logical::in_process(opened(id)?.as_ref(), mm.get_u64().1, &ranges, &patterns)?;
    Ok(found.map(NativeHits::from))
}

/// The same in what the page cache holds of an inode's file; null where the inode cannot be read.
#[napi(catch_unwind)]
pub fn search_file(id: u32, inode: BigInt, patterns: String) -> Result<Option<NativeHits>> {
    Ok(logical::in_file(opened(id)?.as_ref(), inode.get_u64().1, &patterns)?.map(NativeHits::from))
}

/// What the page cache holds of an inode's file: offset, physical address and bytes of each run, in turn. Null where the
/// inode cannot be read.
#[napi(catch_unwind)]
pub fn file_runs(id: u32, inode: BigInt) -> Result<Option<BigUint64Array>> {
    let kernel = opened(id)?;
    let found = kernel.memory.image().undisturbed(|| {
        let mut flat = Vec::new();
        let read = file_runs::each(&kernel, inode.get_u64().1, |run| {
            flat.extend([run.offset, run.physical, run.length]);
            flat.len() < MOST_FILE_WORDS
        })?;
        Ok(read.then_some(flat))
    })?;
    Ok(found.map(BigUint64Array::from))
}

/// Words of the runs of one file.
const MOST_FILE_WORDS: usize = 3 << 20;

/// Bytes around places of physical memory, each within its page: `before` it, so many of its own, and `after` it.
#[napi(catch_unwind)]
pub fn surroundings(
    id: u32,
    addresses: BigUint64Array,
    lengths: Uint32Array,
    before: u32,
    after: u32,
) -> Result<NativeSurroundings> {
    let kernel = opened(id)?;
    let page_size = kernel.memory.geometry().page_size;
    let image = kernel.memory.image();
    let found = image.undisturbed(|| {
        let mut found =
            NativeSurroundings { bytes: Vec::new().into(), offsets: vec![0].into(), begins: Vec::new().into() };
        let (mut bytes, mut offsets, mut begins) = (Vec::new(), vec![0], Vec::new());
        for (address, length) in addresses.iter().zip(lengths.iter()) {
            let page = address - address % page_size;
            let start = address.saturating_sub(before.into()).max(page);
            let end = address.saturating_add((*length).into()).saturating_add(after.into());
            let wanted = end.min(page.saturating_add(page_size)).saturating_sub(start) as usize;
            let from = bytes.len();
            bytes.resize(from + wanted, 0);
            let read = image.read(start, bytes.get_mut(from..).unwrap_or_default());
            bytes.truncate(from + read);
            offsets.push(bytes.len() as u32);
            begins.push((address - start) as u32);
        }
        (found.bytes, found.offsets, found.begins) = (bytes.into(), offsets.into(), begins.into());
        Ok(found)
    })?;
    Ok(found)
}

/// Bytes around places.
#[napi(object)]
pub struct NativeSurroundings {
    /// Of all places, joined.
    pub bytes: Uint8Array,
    /// Where those of each begin; one more than there are places.
    pub offsets: Uint32Array,
    /// Where the place itself begins in its bytes.
    pub begins: Uint32Array,
}

/// What was found in memory that lies in a row for a process or in a file.
#[napi(object)]
pub struct NativeHits {
    /// Virtual addresses, or offsets in the file; ascending.
    pub addresses: BigUint64Array,
    /// Where each begins in physical memory.
    pub physical: BigUint64Array,
    /// Bytes of each.
    pub lengths: Uint32Array,
    /// Which of the things asked for it is: patterns first, then expressions.
    pub which: Uint32Array,
    /// There is more than is kept or looked at.
    pub capped: bool,
}

impl From<logical::Found> for NativeHits {
    fn from(found: logical::Found) -> Self {
        Self {
            addresses: found.addresses.into(),
            physical: found.physical.into(),
            lengths: found.lengths.into(),
            which: found.which.into(),
            capped: found.capped,
        }
    }
}
