//! The file of a dump as its format sees it: itself, or put together from makedumpfile's flattened stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::image::source::Source;

/// How a flattened stream begins (makedumpfile's `SIG_MAKEDUMPFILE`).
pub const FLATTENED: &[u8; 16] = b"makedumpfile\0\0\0\0";
/// The stream's own header.
const HEADER: u64 = 4096;
/// Offset and length before each piece, big-endian.
const PIECE: u64 = 16;
/// Pieces have several pages; a stream with more of them is made to fill memory.
const MOST_PIECES: usize = 1 << 22;

/// The bytes of a dump.
pub struct Stored {
    source: Arc<Source>,
    /// Of a flattened stream: offset in the dump to length and offset in the file. They do not overlap.
    pieces: Option<BTreeMap<u64, (u64, u64)>>,
    size: u64,
}

impl Stored {
    /// A file that is the dump.
    pub fn plain(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), pieces: None, size: source.size() }
    }

    /// A flattened stream, and what is missing at its end. A piece that comes later takes the place of an earlier one.
    pub fn flattened(source: &Arc<Source>) -> Result<(Self, Option<String>)> {
        let mut stored = Self { source: Arc::clone(source), pieces: None, size: 0 };
        let mut pieces = BTreeMap::new();
        let mut at = HEADER;
        let problem = loop {
            let mut head = [0; PIECE as usize];
            if source.size().saturating_sub(at) < PIECE || source.read_at(at, &mut head) < head.len() {
                break Some(at);
            }
            let (offset, length) = (u128::from_be_bytes(head) >> 64, u128::from_be_bytes(head) as u64);
            let offset = offset as u64;
            let from = at + PIECE;
            // A negative offset ends the stream.
            if offset == u64::MAX {
                break None;
            }
            if offset >= 1 << 62 || length == 0 || length > source.size() - from {
                // What there is of the last piece can be read.
                if offset < 1 << 62 && length < 1 << 62 {
                    place(&mut pieces, offset, source.size() - from, from);
                }
                break Some(at);
            }
            if pieces.len() >= MOST_PIECES {
                return Err(Error::evidence(format!(
                    "a flattened dump in more than {MOST_PIECES} pieces: it is damaged"
                )));
            }
            place(&mut pieces, offset, length, from);
            at = from + length;
        };
        stored.size = pieces.iter().next_back().map_or(0, |(offset, (length, _))| offset + length);
        stored.pieces = Some(pieces);
        Ok((stored, problem.map(|at| format!("truncated: the flattened dump breaks off at file offset {at:#x}"))))
    }

    /// The file.
    pub fn source(&self) -> Arc<Source> {
        Arc::clone(&self.source)
    }

    /// One past the last byte.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills `out` from an offset; answers how many leading bytes could be read.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> usize {
        let left = self.size.saturating_sub(offset);
        let most = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let out = out.get_mut(..most).unwrap_or_default();
        let Some(pieces) = &self.pieces else { return self.source.read_at(offset, out) };
        let mut done = 0;
        while done < out.len() {
            let at = offset + done as u64;
            let left = (out.len() - done) as u64;
            let piece = pieces.range(..=at).next_back().map(|(start, (length, from))| (at - start, *length, *from));
            if let Some((inside, length, from)) = piece.filter(|(inside, length, _)| inside < length) {
                let end = done + (length - inside).min(left) as usize;
                let read = out.get_mut(done..end).map_or(0, |part| self.source.read_at(from + inside, part));
                done += read;
                if read == 0 {
                    break;
                }
            } else {
                // What was stepped over when the dump was written is a hole of zeros in a file.
                let next = pieces.range(at..).next().map_or(self.size, |(start, _)| *start);
                let end = done + (next - at).min(left) as usize;
                out.get_mut(done..end).unwrap_or_default().fill(0);
                done = end;
            }
        }
        done
    }

    /// Bytes at an offset, all or none.
    pub fn read(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        let held = offset.checked_add(length as u64)? <= self.size;
        held.then_some(())?;
        let mut bytes = vec![0; length];
        (self.read_at(offset, &mut bytes) == length).then_some(bytes)
    }
}

/// Puts a piece over what was there.
fn place(pieces: &mut BTreeMap<u64, (u64, u64)>, start: u64, length: u64, from: u64) {
    let end = start + length;
    if let Some((before, (old, at))) = pieces.range(..start).next_back().map(|(before, piece)| (*before, *piece))
        && before + old > start
    {
        pieces.insert(before, (start - before, at));
        keep_behind(pieces, end, (before, old, at));
    }
    while let Some((inside, (old, at))) = pieces.range(start..end).next().map(|(inside, piece)| (*inside, *piece)) {
        pieces.remove(&inside);
        keep_behind(pieces, end, (inside, old, at));
    }
    if length > 0 {
        pieces.insert(start, (length, from));
    }
}

/// What of a piece lies behind a place.
fn keep_behind(pieces: &mut BTreeMap<u64, (u64, u64)>, end: u64, (start, length, from): (u64, u64, u64)) {
    if start + length > end {
        pieces.insert(end, (start + length - end, from + (end - start)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Later pieces lie over earlier ones, wherever they are.
        #[test]
        fn pieces_are_put_together_as_they_came(list in prop::collection::vec((0_u64..60, 1_u64..30, any::<u8>()), 1..12)) {
            let mut stream = FLATTENED.to_vec();
            stream.resize(HEADER as usize, 0);
            let mut plain: Vec<u8> = Vec::new();
            for (offset, length, value) in list {
                stream.extend(offset.to_be_bytes());
                stream.extend(length.to_be_bytes());
                stream.extend(vec![value; length as usize]);
                let end = (offset + length) as usize;
                plain.resize(plain.len().max(end), 0);
                plain[offset as usize..end].fill(value);
            }
            stream.extend([0xff; 16]);
            let file = tempfile::tempfile().unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &stream, 0).unwrap();
            let (stored, problem) = Stored::flattened(&Arc::new(Source::new(file, stream.len() as u64))).unwrap();
            prop_assert_eq!((problem, stored.size()), (None, plain.len() as u64));
            for at in 0..plain.len() {
                prop_assert_eq!(stored.read(at as u64, plain.len() - at), Some(plain[at..].to_vec()));
            }
            prop_assert_eq!(stored.read_at(0, &mut [0; 100]), plain.len());
        }
    }
}
