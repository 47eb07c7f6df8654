//! LiME: a header before each range (504ensicsLabs/LiME `src/lime.h`: magic, version, first and last address, 8 reserved bytes).

use super::{Layout, Range};
use crate::error::{Error, Result};

const MAGIC: u32 = 0x4c69_4d45;
const HEADER: u64 = 32;
/// More ranges than any machine's memory map has: past this the file lies.
const MOST_RANGES: usize = 65_536;

struct Header {
    start: u64,
    last: u64,
}

fn header(bytes: &[u8], at: u64) -> Option<Header> {
    let bytes = bytes.get(usize::try_from(at).ok()?..)?.first_chunk::<32>()?;
    let word = |from: usize| bytes.get(from..from + 8).and_then(|word| word.try_into().ok()).map(u64::from_le_bytes);
    let magic_and_version = word(0)?;
    if magic_and_version != u64::from(MAGIC) | 1 << 32 {
        return None;
    }
    Some(Header { start: word(8)?, last: word(16)? })
}

/// Reads the chain of range headers.
pub fn parse(bytes: &[u8]) -> Option<Result<Layout>> {
    header(bytes, 0).map(|_| chain(bytes))
}

fn chain(bytes: &[u8]) -> Result<Layout> {
    let size = bytes.len() as u64;
    let mut layout = Layout::default();
    let mut at = 0;
    while at < size {
        let Some(Header { start, last }) = header(bytes, at) else {
            layout
                .warnings
                .push(format!("truncated: no LiME range header at file offset {at:#x}; the rest is not read"));
            break;
        };
        let length = last.checked_sub(start).and_then(|span| span.checked_add(1));
        let Some(length) = length else {
            return Err(Error::evidence(format!(
                "the LiME range at file offset {at:#x} ends ({last:#x}) before it starts ({start:#x}): the header is damaged"
            )));
        };
        if layout.ranges.len() == MOST_RANGES {
            return Err(Error::evidence(format!("more than {MOST_RANGES} LiME ranges: the headers are damaged")));
        }
        layout.ranges.push(Range { start, length, offset: at + HEADER });
        at = (at + HEADER).saturating_add(length);
    }
    Ok(layout)
}
