//! Writes chosen pages of an image as a LiME file: a new one, synced, or none at all.

use std::fs::{self, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{Image, PAGE_SIZE};
use crate::error::{Error, Result};

/// Writes `runs` of physical memory; returns how many pages were written. `output` must not exist: what
/// can only create cannot replace evidence. It is for its owner alone until the caller says otherwise.
pub fn write(image: &Image, runs: &[Range<u64>], output: &Path) -> Result<u64> {
    write_runs(image, runs, output).map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            return Error::usage(format!("{}: is there already, and is not replaced", output.display()));
        }
        // Best effort: the error that matters is the one being reported.
        let _ = fs::remove_file(output);
        Error::internal(format!("{} cannot be written: {error}", output.display()))
    })
}

fn write_runs(image: &Image, runs: &[Range<u64>], output: &Path) -> std::io::Result<u64> {
    let mut out = BufWriter::new(OpenOptions::new().write(true).create_new(true).mode(0o600).open(output)?);
    let mut buffer = Vec::new();
    let mut pages = 0;
    for &Range { start, end } in runs {
        let mut at = start;
        while at < end {
            let bytes = image.read_block(at, (end - at) as usize, &mut buffer);
            pages += write_range(&mut out, at, bytes)?;
            // What the image lacks is not in the copy either.
            at = at.saturating_add(bytes.len() as u64);
            at = if at < end { image.past_gap(at) } else { end };
        }
    }
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(pages)
}

/// One range with its header; how many pages it has.
fn write_range(out: &mut impl Write, start: u64, bytes: &[u8]) -> std::io::Result<u64> {
    let Some(last) = (bytes.len() as u64).checked_sub(1) else { return Ok(0) };
    out.write_all(&0x4c69_4d45_u32.to_le_bytes())?;
    out.write_all(&1_u32.to_le_bytes())?;
    out.write_all(&start.to_le_bytes())?;
    out.write_all(&(start + last).to_le_bytes())?;
    out.write_all(&[0; 8])?;
    out.write_all(bytes)?;
    Ok((bytes.len() as u64).div_ceil(PAGE_SIZE))
}
