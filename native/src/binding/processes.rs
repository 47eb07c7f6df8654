//! The memory of processes.

use std::ops::Range;

use napi::bindgen_prelude::{BigInt, BigUint64Array, Uint8Array, Uint32Array};
use napi_derive::napi;

use super::{Result, opened};
use crate::error::Error;
use crate::scan::user::{Found, UserMemory};
use crate::scan::user_part::{State, UserPart};

/// Most bytes of one part.
const LARGEST: u32 = 64 << 20;

/// Where any of some patterns stand in the memory of the process whose `struct mm_struct` this is, from an address of the
/// first range on. `ranges` are flat pairs of first address and end. Null where its page tables cannot be read.
#[napi(catch_unwind)]
pub fn find_bytes(
    id: u32,
    mm: BigInt,
    ranges: BigUint64Array,
    from: BigInt,
    patterns: Vec<Uint8Array>,
) -> Result<Option<NativeFound>> {
    let (ranges, from) = (pairs(&ranges), from.get_u64().1);
    let patterns: Vec<&[u8]> = patterns.iter().map(|pattern| &**pattern).collect();
    Ok(in_process(id, mm, |memory| memory.find_bytes(&ranges, from, &patterns))?.map(NativeFound::from))
}

/// The same for 64-bit words, aligned as pointers are.
#[napi(catch_unwind)]
pub fn find_words(
    id: u32,
    mm: BigInt,
    ranges: BigUint64Array,
    from: BigInt,
    words: BigUint64Array,
) -> Result<Option<NativeFound>> {
    let (ranges, from) = (pairs(&ranges), from.get_u64().1);
    Ok(in_process(id, mm, |memory| Ok(memory.find_words(&ranges, from, &words)))?.map(NativeFound::from))
}

/// What there is of a process's memory from one address to another: `bytes` of it at most, with 0 only what there is.
/// Null where its page tables cannot be read.
#[napi(catch_unwind)]
pub fn user_part(id: u32, mm: BigInt, start: BigInt, end: BigInt, bytes: u32) -> Result<Option<NativeUserPart>> {
    if bytes > LARGEST {
        return Err(Error::usage(format!("a part of a process's memory has {LARGEST} bytes at most")).into());
    }
    let (start, end) = (start.get_u64().1, end.get_u64().1);
    let bytes = (bytes > 0).then_some(bytes as usize);
    Ok(in_process(id, mm, |memory| Ok(memory.part(start, end, bytes)))?.map(NativeUserPart::from))
}

/// Does work in a process's memory; none where its page tables cannot be read.
fn in_process<T>(
    id: u32,
    mm: BigInt,
    work: impl Fn(&UserMemory) -> crate::error::Result<T>,
) -> crate::error::Result<Option<T>> {
    let kernel = opened(id)?;
    let mm = mm.get_u64().1;
    kernel.memory.image().undisturbed(|| UserMemory::of(&kernel, mm)?.map(|memory| work(&memory)).transpose())
}

fn pairs(flat: &[u64]) -> Vec<Range<u64>> {
    flat.as_chunks::<2>().0.iter().map(|[first, end]| *first..*end).collect()
}

/// What was found in a process's memory.
#[napi(object)]
pub struct NativeFound {
    /// Virtual addresses, ascending within each range.
    pub addresses: BigUint64Array,
    /// Which of the things asked for lies at each.
    pub which: Uint32Array,
    /// Where to go on, if this was not all: the number of the range.
    pub range: Option<u32>,
    /// And the address in it.
    pub from: Option<BigInt>,
    /// Pages that were looked at.
    pub pages: f64,
}

impl From<Found> for NativeFound {
    fn from(found: Found) -> Self {
        Self {
            addresses: found.addresses.into(),
            which: found.which.into(),
            range: found.next.map(|next| next.0 as u32),
            from: found.next.map(|next| BigInt::from(next.1)),
            pages: found.pages as f64,
        }
    }
}

/// A part of a process's memory.
#[napi(object)]
pub struct NativeUserPart {
    /// Where each piece begins, and how long it is, in turn.
    pub pieces: BigUint64Array,
    /// What each is: 0 present, 1 absent, 2 swapped, 3 left out of the dump, 4 unreadable.
    pub states: Uint8Array,
    /// Bytes of those that are present, joined.
    pub bytes: Uint8Array,
    /// Where the next part begins; null at the end.
    pub next: Option<BigInt>,
}

impl From<UserPart> for NativeUserPart {
    fn from(part: UserPart) -> Self {
        let state = |state: State| match state {
            State::Present => 0,
            State::Absent => 1,
            State::Swapped => 2,
            State::LeftOut => 3,
            State::Unreadable => 4,
        };
        let pieces = part.pieces.iter().flat_map(|piece| [piece.address, piece.length]);
        Self {
            pieces: pieces.collect::<Vec<u64>>().into(),
            states: part.pieces.iter().map(|piece| state(piece.state)).collect::<Vec<u8>>().into(),
            bytes: part.bytes.into(),
            next: part.next.map(BigInt::from),
        }
    }
}
