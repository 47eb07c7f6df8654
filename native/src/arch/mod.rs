//! Page tables: from physical memory to virtual address spaces.

pub mod x86_64;

pub use x86_64::{AddressSpace, Unmapped};
