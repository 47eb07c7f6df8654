//! AVML's compressed format (microsoft/avml `src/image.rs`): a header as LiME's before each range, with a magic and a version
//! of its own, then the range in Snappy frames, then the frames' length in 8 bytes. What it writes without compression is
//! LiME. Blocks of 16 MiB that are all zeros it leaves out.

use std::sync::Arc;

use super::blocks::unpack::{self, SNAPPY_START};
use super::blocks::{Block, LARGEST, Missing, Packed};
use super::file::Evidence;
use super::source::Source;
use super::{Layout, Range};
use crate::error::{Error, Result};
use crate::words::u64_at;

/// "AVML" and version 2, as they lie in the file.
pub const START: [u8; 8] = (0x4c4d_5641_u64 | 2 << 32).to_le_bytes();
const HEADER: u64 = 32;
/// Behind each range.
const LENGTH: u64 = 8;
/// Type and length of a chunk.
const CHUNK_HEADER: u64 = 4;
const CHECKSUM: u64 = 4;
/// Snappy packs nothing worse than this (`max_compress_len`).
const LARGEST_CHUNK: u64 = CHECKSUM + 32 + LARGEST as u64 + LARGEST as u64 / 6;
/// 16 MiB each: more of them than 2^52 bytes have would lie.
const MOST_RANGES: usize = 1 << 24;
/// Damaged ranges that are told one by one.
const MOST_PROBLEMS: usize = 256;
/// What a chunk holds at least, unless it ends its range: keeps the index small beside the file.
const SMALLEST: u64 = 4096;
/// How much is searched at a time for the next sound header.
const BLOCK: usize = 1 << 20;

/// Reads the headers of all ranges and of all chunks in them.
pub fn parse(file: &Evidence) -> Option<Result<Layout>> {
    file.bytes().starts_with(&START).then(|| Index::new(file).read())
}

/// Where chunks lie.
struct Chunks {
    source: Arc<Source>,
    /// First plain byte and file offset of each, ascending.
    places: Vec<(u64, u64)>,
    /// Plain bytes of all.
    plain: u64,
}

impl Packed for Chunks {
    fn block(&self, plain: u64) -> std::result::Result<Block, Missing> {
        let next = self.places.partition_point(|(start, _)| *start <= plain);
        let place = next.checked_sub(1).and_then(|at| self.places.get(at)).filter(|_| plain < self.plain);
        let (start, offset) = *place.ok_or(Missing::Absent)?;
        let end = self.places.get(next).map_or(self.plain, |next| next.0);
        Ok(Block { id: offset, start, length: (end - start) as usize })
    }

    fn unpack(&self, block: &Block, out: &mut [u8]) -> bool {
        let Some((_, length)) = chunk_header(&self.source, block.id) else { return false };
        let mut stream = SNAPPY_START.to_vec();
        stream.resize(SNAPPY_START.len() + (CHUNK_HEADER + length.min(LARGEST_CHUNK)) as usize, 0);
        let chunk = stream.get_mut(SNAPPY_START.len()..).unwrap_or_default();
        self.source.read_at(block.id, chunk) == chunk.len() && unpack::snappy_stream(stream, out)
    }
}

/// Type and length of the chunk at an offset.
fn chunk_header(source: &Source, at: u64) -> Option<(u8, u64)> {
    let [kind, rest @ ..] = word::<4>(source, at)?;
    let [low, middle, high] = rest.map(u64::from);
    Some((kind, low | middle << 8 | high << 16))
}

fn word<const SIZE: usize>(source: &Source, at: u64) -> Option<[u8; SIZE]> {
    let mut bytes = [0; SIZE];
    let inside = at.checked_add(SIZE as u64)? <= source.size();
    (inside && source.read_at(at, &mut bytes) == SIZE).then_some(bytes)
}

/// The header at an offset: first and last physical address.
fn header(source: &Source, at: u64) -> Option<(u64, u64)> {
    let bytes = word::<{ HEADER as usize }>(source, at)?;
    bytes.starts_with(&START).then_some((u64_at(&bytes, 8)?, u64_at(&bytes, 16)?))
}

/// The index while it is made.
struct Index {
    chunks: Chunks,
    layout: Layout,
    /// No memory below this is to come.
    above: u64,
}

impl Index {
    fn new(file: &Evidence) -> Self {
        let chunks = Chunks { source: Arc::clone(file.shared_source()), places: Vec::new(), plain: 0 };
        Self { chunks, layout: Layout::default(), above: 0 }
    }

    /// A damaged header costs its range, a damaged chunk the rest of its range: reading goes on at the next sound header.
    fn read(mut self) -> Result<Layout> {
        let size = self.chunks.source.size();
        let mut at = 0;
        while at < size {
            if self.layout.ranges.len() == MOST_RANGES {
                return Err(Error::evidence(format!("more than {MOST_RANGES} AVML ranges: the headers are damaged")));
            }
            at = match self.range(at) {
                Ok(next) => next,
                Err(_) if self.layout.warnings.len() == MOST_PROBLEMS => {
                    return Err(Error::evidence(format!("more than {MOST_PROBLEMS} AVML ranges are damaged")));
                }
                Err(problem) => {
                    self.layout.warnings.push(problem);
                    match self.header_after(at + 1) {
                        Some(next) => next,
                        None => break,
                    }
                }
            };
        }
        if at > size {
            self.layout
                .warnings
                .push("truncated: the file ends inside the length behind its last AVML range".to_owned());
        }
        self.layout.packed = Some(Box::new(self.chunks));
        Ok(self.layout)
    }

    /// Reads the range whose header is at an offset; answers where the next is, or what is wrong. What was read of the
    /// range before that is kept.
    fn range(&mut self, at: u64) -> std::result::Result<u64, String> {
        let size = self.chunks.source.size();
        if size - at < HEADER {
            return Err(format!("truncated: no AVML range header at file offset {at:#x}; the rest is not read"));
        }
        let sound = header(&self.chunks.source, at).filter(|(start, last)| start <= last && *last < 1 << 52);
        let Some((start, last)) = sound else {
            return Err(format!("damaged: no sound AVML range header at file offset {at:#x}; its memory is not read"));
        };
        let offset = self.chunks.plain;
        let wanted = last - start + 1;
        let ended = self.chunks(at + HEADER, offset + wanted);
        let length = self.chunks.plain - offset;
        if length > 0 {
            self.layout.ranges.push(Range { start, length, offset });
        }
        self.above = self.above.max(start + length);
        ended.map_err(|(kind, place)| {
            format!(
                "{kind}: physical {start:#x}-{:#x} should have {wanted} bytes; at file offset {place:#x} no sound Snappy chunk \
                 follows the first {length} of them",
                start + wanted
            )
        })
    }

    /// Takes in the chunks from an offset on until there are so many plain bytes; answers where the next range's header is,
    /// or what is wrong and where.
    fn chunks(&mut self, from: u64, end: u64) -> std::result::Result<u64, (&'static str, u64)> {
        let size = self.chunks.source.size();
        let mut at = from;
        while self.chunks.plain < end {
            let wrong = ("damaged", at);
            let cut = ("truncated", at);
            let (kind, length) = chunk_header(&self.chunks.source, at).ok_or(cut)?;
            let next = at + CHUNK_HEADER + length;
            if next > size {
                return Err(cut);
            }
            let plain = match kind {
                0 => plain_length(&self.chunks.source, at + CHUNK_HEADER + CHECKSUM).ok_or(wrong)?,
                1 => length.checked_sub(CHECKSUM).ok_or(wrong)?,
                // A stream's start, padding, and what may be stepped over.
                0x80..=0xff => {
                    at = next;
                    continue;
                }
                _ => return Err(wrong),
            };
            let left = end - self.chunks.plain;
            if plain == 0
                || plain > left
                || plain > LARGEST as u64
                || plain < SMALLEST.min(left)
                || length > LARGEST_CHUNK
            {
                return Err(wrong);
            }
            self.chunks.places.push((self.chunks.plain, at));
            self.chunks.plain += plain;
            at = next;
        }
        Ok(at + LENGTH)
    }

    /// The first sound header from an offset on that a Snappy stream follows.
    fn header_after(&self, from: u64) -> Option<u64> {
        let source = &self.chunks.source;
        let finder = memchr::memmem::Finder::new(&START);
        let mut block = vec![0; BLOCK];
        let mut at = from;
        loop {
            let read = source.read_at(at, &mut block);
            let found = finder.find_iter(block.get(..read)?).map(|found| at + found as u64).find(|place| {
                header(source, *place).is_some_and(|(start, last)| start >= self.above && start <= last)
                    && word(source, place + HEADER).is_some_and(|bytes| bytes == *SNAPPY_START)
            });
            if found.is_some() || read < BLOCK {
                return found;
            }
            // A header may begin in this block and end in the next.
            at += (BLOCK - START.len()) as u64;
        }
    }
}

/// The length that a Snappy block begins with: seven bits a byte, the lowest first.
fn plain_length(source: &Source, at: u64) -> Option<u64> {
    let mut bytes = [0; 4];
    let read = source.read_at(at, &mut bytes);
    let mut length = 0;
    for (index, byte) in bytes.get(..read)?.iter().enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}
