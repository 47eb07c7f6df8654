//! salvor's native core: opens Linux memory images, finds their kernel without symbols, and evaluates access paths.
//!
//! Data flows one way: [`unpack`] → [`image`] → [`arch`] → [`kernel`] → [`query`] and [`scan`] → the N-API edge.

pub mod arch;
pub mod convert;
pub mod error;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod image;
pub mod kernel;
pub mod pages;
pub mod processors;
pub mod query;
pub mod scan;
#[cfg(test)]
mod testing;
pub mod unpack;
mod words;

#[cfg(feature = "node")]
pub mod binding;
