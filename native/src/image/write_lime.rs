//! Writes chosen pages of an image as a LiME file, atomically: a temporary file beside the target, synced, then renamed.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use super::{Image, PAGE_SIZE};
use crate::error::{Error, Result};

/// Writes `runs` of physical memory (start, bytes); returns how many pages were written.
pub fn write(image: &Image, runs: &[(u64, u64)], output: &Path) -> Result<u64> {
    let mut name = output.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let partial = output.with_file_name(name);
    let written = write_runs(image, runs, &partial).and_then(|pages| fs::rename(&partial, output).map(|()| pages));
    written.map_err(|error| {
        // Best effort: the error that matters is the one being reported.
        let _ = fs::remove_file(&partial);
        Error::usage(format!("{}: cannot be written: {error}", output.display()))
    })
}

fn write_runs(image: &Image, runs: &[(u64, u64)], partial: &Path) -> std::io::Result<u64> {
    let mut out = BufWriter::new(File::create_new(partial)?);
    let mut buffer = Vec::new();
    let mut pages = 0;
    for (start, length) in runs {
        if let Some((start, bytes)) = readable(image, *start, *length, &mut buffer) {
            let last = start + bytes.len() as u64 - 1;
            out.write_all(&0x4c69_4d45_u32.to_le_bytes())?;
            out.write_all(&1_u32.to_le_bytes())?;
            out.write_all(&start.to_le_bytes())?;
            out.write_all(&last.to_le_bytes())?;
            out.write_all(&[0; 8])?;
            out.write_all(bytes)?;
            pages += (bytes.len() as u64).div_ceil(PAGE_SIZE);
        }
    }
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(pages)
}

/// The bytes of a run that the image holds; a run that starts in a hole gives nothing.
fn readable<'a>(image: &Image, start: u64, length: u64, buffer: &'a mut Vec<u8>) -> Option<(u64, &'a [u8])> {
    let bytes = image.read_block(start, length as usize, buffer);
    (!bytes.is_empty()).then_some((start, bytes))
}
