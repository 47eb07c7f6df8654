//! Files from the page cache.

use napi::bindgen_prelude::{BigInt, Float64Array, Uint8Array};
use napi_derive::napi;

use super::{Result, opened};
use crate::query::file_part::{self, FilePart, State};

/// What the page cache holds of a file from a page on: `bytes` of it at most, with 0 only what there is. Null where the
/// inode cannot be read.
#[napi(catch_unwind)]
pub fn file_part(id: u32, inode: BigInt, from: f64, bytes: u32) -> Result<Option<NativeFilePart>> {
    let bytes = (bytes > 0).then_some(bytes as usize);
    let part = file_part::read(opened(id)?.as_ref(), inode.get_u64().1, from as u64, bytes)?;
    Ok(part.map(NativeFilePart::from))
}

/// A part of a file.
#[napi(object)]
pub struct NativeFilePart {
    /// Bytes of the whole file.
    pub size: f64,
    /// Where each piece begins, and how long it is, in turn.
    pub pieces: Float64Array,
    /// What each is: 0 present, 1 hole, 2 not cached, 3 swapped, 4 left out of the dump, 5 unreadable.
    pub states: Uint8Array,
    /// Bytes of those that are present, joined.
    pub bytes: Uint8Array,
    /// Where the next part begins; null at the file's end.
    pub next: Option<f64>,
    /// The rest was not looked at: its pages are in no order that ends.
    pub capped: bool,
}

impl From<FilePart> for NativeFilePart {
    fn from(part: FilePart) -> Self {
        let pieces = part.pieces.iter().flat_map(|piece| [piece.offset as f64, piece.length as f64]);
        let state = |state: State| match state {
            State::Present => 0,
            State::Hole => 1,
            State::NotCached => 2,
            State::Swapped => 3,
            State::LeftOut => 4,
            State::Unreadable => 5,
        };
        Self {
            size: part.size as f64,
            pieces: pieces.collect::<Vec<f64>>().into(),
            states: part.pieces.iter().map(|piece| state(piece.state)).collect::<Vec<u8>>().into(),
            bytes: part.bytes.into(),
            next: part.next.map(|next| next as f64),
            capped: part.capped,
        }
    }
}
