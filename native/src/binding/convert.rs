//! Images in other formats.

use std::path::Path;

use napi::bindgen_prelude::{BigUint64Array, FnArgs, Function, Uint8Array};
use napi_derive::napi;

use super::{Result, called};
use crate::convert::{self, Converted, Phase};
use crate::error::Error;
use crate::image::Missing;
use crate::image::write::Format;
use crate::unpack::Keep;

/// Writes the memory of an image into a new file in another format, and compares what can be read of it. `name`, `cacheDir` and
/// `most` are as `openImage` has them. `progress` hears what is done (0 unpacking, 1 writing, 2 comparing) and how many
/// bytes of how many, and answers whether to go on.
#[napi(catch_unwind)]
pub fn convert_image(
    path: String,
    name: Option<String>,
    cache_dir: Option<String>,
    most: f64,
    format: String,
    output: String,
    progress: Function<FnArgs<(u32, f64, f64)>, bool>,
) -> Result<NativeConverted> {
    let format = Format::named(&format).ok_or_else(|| Error::usage(format!("no format {format:?} is written")))?;
    let mut go_on = |phase: Phase, done: u64, total: u64| {
        let phase = match phase {
            Phase::Unpack => 0,
            Phase::Write => 1,
            Phase::Verify => 2,
        };
        progress.call((phase, done as f64, total as f64).into()).unwrap_or(false)
    };
    let cache = cache_dir.as_deref().map(Path::new);
    // What came here for this once is not found again by its name.
    let keep = if name.is_some() { Keep::Never } else { Keep::InCache };
    let converted =
        convert::convert(Path::new(&path), (cache, most as u64, keep), format, Path::new(&output), &mut go_on)
            .map_err(|error| called(error, &path, name.as_deref()))?;
    Ok(converted.into())
}

/// What was written.
#[napi(object)]
pub struct NativeConverted {
    /// The format that was read.
    pub format: String,
    /// The files that were read.
    pub files: Vec<String>,
    /// The machine, where it is known.
    pub machine: Option<String>,
    /// Physical memory that was written: first address and bytes, in turn.
    pub held: BigUint64Array,
    /// What the image should have and was not written: first address and bytes, in turn.
    pub missing: BigUint64Array,
    /// Why: 0 the file does not hold it, 1 left out by whoever made it, 2 it cannot be read.
    pub reasons: Uint8Array,
    /// What is wrong with the image, one line each.
    pub warnings: Vec<String>,
    /// What else there is to say of it.
    pub notes: Vec<String>,
}

impl From<Converted> for NativeConverted {
    fn from(converted: Converted) -> Self {
        let Converted { format, files, machine, copied, warnings, notes } = converted;
        let pair = |run: &std::ops::Range<u64>| [run.start, run.end - run.start];
        let reason = |why: &Missing| match why {
            Missing::Absent => 0,
            Missing::LeftOut => 1,
            Missing::Unreadable => 2,
        };
        Self {
            format: format.to_owned(),
            files: files.into_iter().map(|path| path.to_string_lossy().into_owned()).collect(),
            machine,
            held: copied.held.iter().flat_map(pair).collect::<Vec<u64>>().into(),
            missing: copied.missing.iter().flat_map(|(run, _)| pair(run)).collect::<Vec<u64>>().into(),
            reasons: copied.missing.iter().map(|(_, why)| reason(why)).collect::<Vec<u8>>().into(),
            warnings,
            notes,
        }
    }
}
