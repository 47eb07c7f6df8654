//! A stretch of physical memory to search: borrowed where the image has it in one piece, else put together.

use std::borrow::Cow;

use crate::image::Image;

/// How much is put together at a time.
const BLOCK: u64 = 1 << 20;

/// Bytes from a physical address on. What the image does not hold reads as zeros.
pub struct Window<'a> {
    /// Where it starts.
    pub physical: u64,
    /// What is there.
    pub bytes: Cow<'a, [u8]>,
}

impl<'a> Window<'a> {
    /// The window `[physical, physical + length)`, less what lies outside of all ranges at either end.
    pub fn of(image: &'a Image, physical: u64, length: u64) -> Option<Self> {
        let wanted = physical..physical.checked_add(length)?;
        let inside = |start: u64, end: u64| start < wanted.end && end > wanted.start;
        let mut held = image.ranges().iter().filter(|range| inside(range.start, range.end()));
        let first = held.next()?;
        let start = first.start.max(wanted.start);
        let end = held.next_back().unwrap_or(first).end().min(wanted.end);
        let length = usize::try_from(end.checked_sub(start)?).ok()?;
        let bytes = match image.peek(start, length) {
            Some(bytes) => Cow::Borrowed(bytes),
            None => Cow::Owned(assemble(image, start, length)),
        };
        Some(Self { physical: start, bytes })
    }
}

/// The same bytes out of several ranges.
fn assemble(image: &Image, start: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut buffer = Vec::new();
    let end = start + length as u64;
    for range in image.ranges().iter().filter(|range| range.start < end && range.end() > start) {
        let to = range.end().min(end);
        let mut at = range.start.max(start);
        while at < to {
            let want = (to - at).min(BLOCK);
            let part = image.read_block(at, want as usize, &mut buffer);
            let place = (at - start) as usize;
            if let Some(out) = bytes.get_mut(place..place + part.len()) {
                out.copy_from_slice(part);
            }
            at = if part.len() as u64 == want { at + want } else { image.past_gap(at + part.len() as u64) };
        }
    }
    bytes
}
