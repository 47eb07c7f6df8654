//! Raw images: the file is physical memory from address 0 on, or of machines that have none there from some other, with
//! holes padded.

use super::{Layout, Range};
use crate::error::{Error, Result};

/// What the format is called.
pub const NAME: &str = "raw";
/// The smallest file that could hold a Linux kernel's memory.
const SMALLEST: usize = 1 << 20;

/// Anything may be raw memory, but text and tiny files are not.
pub fn parse(bytes: &[u8]) -> Option<Result<Layout>> {
    if bytes.len() < SMALLEST {
        return Some(Err(Error::evidence(format!(
            "not a memory image: {} bytes and no header of a format that salvor reads",
            bytes.len()
        ))));
    }
    let range = Range { start: 0, length: bytes.len() as u64, offset: 0 };
    Some(Ok(Layout { ranges: vec![range], ..Layout::default() }))
}
