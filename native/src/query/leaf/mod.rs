//! Leaves: text that is not simply a value, read as the kernel itself would print it.

pub mod bytes;
mod climb;
pub mod constant;
pub mod contents;
pub mod dentry;
pub mod dpath;
pub mod kernfs;
pub mod name_hash;
mod page;
pub mod page_cache;
pub mod symbol;
pub mod text;
pub mod user;

use super::program::Read;
use super::reader::Reader;

/// A compiled leaf.
pub trait Leaf: Send + Sync {
    /// Appends the text to `out`. `Ok(false)` when it had to be cut off.
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool>;
}
