//! Synthetic kernels for tests: hand-made BTF, memory behind hand-made page tables.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod btf;
pub mod files;
pub mod memory;
pub mod modules;
pub mod packed;
pub mod pages;
pub mod tables;
pub mod world;
