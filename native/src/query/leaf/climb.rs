//! From an object up to the top, and the path of what was passed: how the kernel names directories and cgroups.

use crate::query::limits::{PATH, PATH_DEPTH};
use crate::query::program::{Gap, Read};
use crate::query::reader::Reader;

/// Goes up from an object. `above` is shown each on the way and tells what is above it, or that this was the top.
pub fn climb(reader: &Reader, from: u64, mut above: impl FnMut(u64) -> Read<Option<u64>>) -> Read<()> {
    let mut at = from;
    for _ in 0..=PATH_DEPTH {
        reader.step(at)?;
        match above(at)? {
            Some(next) => at = next,
            None => return Ok(()),
        }
    }
    Err(Gap::Endless(at))
}

/// Writes the path of what was passed on the way up; `name` writes one's name.
pub fn path(passed: &[u64], out: &mut Vec<u8>, mut name: impl FnMut(u64, &mut Vec<u8>) -> Read<()>) -> Read<()> {
    if passed.is_empty() {
        out.push(b'/');
    }
    for object in passed.iter().rev() {
        out.push(b'/');
        name(*object, out)?;
    }
    Ok(())
}

/// Cuts a path that began at `start` to what is kept; false where that is not all.
pub fn cut(out: &mut Vec<u8>, start: usize) -> bool {
    let whole = out.len() - start <= PATH;
    out.truncate(start + PATH);
    whole
}
