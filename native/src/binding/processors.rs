//! The processors of this process.

use napi_derive::napi;

use super::Result;
use crate::error::Error;
use crate::processors;

/// Keeps this process, and what it starts from now on, to some of the processors that it may use.
#[napi(catch_unwind)]
pub fn keep_to_processors(processors: Vec<u32>) -> Result<()> {
    Ok(processors::keep_to(&processors).map_err(|error| Error::usage(error.to_string()))?)
}
