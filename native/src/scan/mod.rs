//! Chunk scans: byte ranges of physical memory searched for objects that no list needs to know.

pub mod tasks;
pub mod user;
pub mod user_part;
