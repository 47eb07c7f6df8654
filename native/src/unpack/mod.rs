//! Images inside of other files, packed as a whole or in an archive, as acquisition tools deliver them. Memory is read here and
//! there, and these can only be read from their start on: an image is unpacked once, into a folder, and read from there.

mod layers;
mod qcow2;
#[cfg(test)]
mod qcow2_tests;
mod sparse;
#[cfg(test)]
mod tests;
mod zstandard;

use std::fs;
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::image::{Image, open_regular};
use layers::Layers;
use sparse::Sparse;
pub use zstandard::Zstandard;

/// Where unpacked images are, below the cache folder.
const FOLDER: &str = "unpacked";
/// Bytes between two reports of how far it is.
const STRETCH: usize = 8 << 20;
/// Less than this of an image is of no use.
const SMALLEST: u64 = 1 << 20;
/// What is looked at of a file's start and end to tell it from another.
const SAMPLE: usize = 64 << 10;
/// Beside an image that could be unpacked in part only: why.
const PROBLEM: &str = "problem";
/// A folder in which nothing began for so long is nobody's who still writes, unless it lives.
const QUIET: Duration = Duration::from_secs(24 * 60 * 60);

/// Hears how many bytes of how many have been read of a file; answers whether to go on.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

/// An image that was unpacked.
#[derive(Debug, PartialEq, Eq)]
struct Unpacked {
    /// Where it is.
    path: PathBuf,
    /// Why it is not whole.
    problem: Option<String>,
}

/// What becomes of an image that was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It is there for the next who asks for the same file.
    InCache,
    /// It is gone with whoever opened it.
    Never,
}

/// Opens an image, which is unpacked first below a cache folder where it has to be. Without one it is refused then.
pub fn open(path: &Path, cache: Option<&Path>, most: u64, keep: Keep, progress: Progress) -> Result<Image> {
    let unpacked = match cache {
        Some(cache) => unpack(path, &cache.join(FOLDER), most, keep, progress)?,
        None => None,
    };
    match unpacked {
        Some(Unpacked { path: unpacked, problem }) => {
            let image = Image::open(&unpacked);
            if keep == Keep::Never {
                // Whoever has it open still reads it.
                let _ = fs::remove_file(&unpacked);
                let _ = unpacked.parent().map(fs::remove_dir);
            }
            Ok(image?.unpacked(path, problem))
        }
        None => Image::open(path),
    }
}

/// Unpacks the image in a file, unless that was done before: none where the file is no such file. It may have at most `most`
/// bytes.
fn unpack(path: &Path, folder: &Path, most: u64, keep: Keep, progress: Progress) -> Result<Option<Unpacked>> {
    let Some(layers) = Layers::open(path)? else { return Ok(None) };
    let own = folder.join(identity(path)?);
    if let Some(known) = known(&own) {
        return Ok(Some(known));
    }
    let failed = |error: std::io::Error| Error::evidence(format!("{}: cannot be written: {error}", own.display()));
    // What is in memory is nobody else's business.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&own).map_err(failed)?;
    match keep {
        Keep::InCache => remove_partial(&own),
        Keep::Never => remove_all_partial(folder),
    }
    let about = |error: Error| Error::evidence(format!("{}: {}", path.display(), error.message));
    let (name, what) = (layers.name.clone(), layers.what);
    let partial = own.join(format!(".{name}.{}", std::process::id()));
    let written = layers.read(&mut |reader, read, size| write(reader, &partial, most, &mut || progress(read(), size)));
    let problem = match written.map_err(about).and_then(|(bytes, problem)| whole(bytes, problem, what, path)) {
        Ok(problem) => problem,
        Err(error) => {
            let _ = fs::remove_file(&partial);
            let _ = fs::remove_dir(&own);
            return Err(error);
        }
    };
    if keep == Keep::Never {
        return Ok(Some(Unpacked { path: partial, problem }));
    }
    if let Some(problem) = &problem {
        fs::write(own.join(PROBLEM), problem).map_err(failed)?;
    }
    let path = own.join(name);
    fs::rename(&partial, &path).map_err(failed)?;
    Ok(Some(Unpacked { path, problem }))
}

/// What is said of an image that could not be unpacked to its end; an error where too little came of it.
fn whole(bytes: u64, problem: Option<String>, what: &str, path: &Path) -> Result<Option<String>> {
    if problem.is_none() && bytes > 0 {
        return Ok(None);
    }
    let problem = problem.unwrap_or_else(|| "there is nothing in it".to_owned());
    if bytes < SMALLEST {
        return Err(Error::evidence(format!("{}: {what}, and it cannot be unpacked: {problem}", path.display())));
    }
    Ok(Some(format!(
        "truncated: {what}, damaged or cut off: {bytes} bytes of the image could be unpacked, and nothing behind them ({problem})"
    )))
}

/// Removes what others began to unpack and did not live to end.
fn remove_partial(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(std::result::Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix('.').and_then(|name| name.rsplit_once('.')).map(|(_, process)| process);
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The same of every file, for nobody asks again for one that was not to be kept. What was written to just now may be of
/// a process that cannot be seen from here.
fn remove_all_partial(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(std::result::Result::ok) {
        let changed = entry.metadata().and_then(|facts| facts.modified()).ok();
        if changed.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > QUIET) {
            remove_partial(&entry.path());
        }
    }
}

/// What was unpacked before.
fn known(folder: &Path) -> Option<Unpacked> {
    let names = fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = names.into_iter().find(|name| !name.starts_with('.') && name != PROBLEM)?;
    Some(Unpacked { path: folder.join(name), problem: fs::read_to_string(folder.join(PROBLEM)).ok() })
}

/// Whether what begins like this is packed.
pub fn is_packed(head: &[u8]) -> bool {
    layers::kind(head).is_some()
}

/// The plain bytes of a packed file, which may be so many.
pub fn whole_file(path: &Path, most: u64) -> Result<Vec<u8>> {
    let layers = Layers::open(path)?.ok_or_else(|| Error::evidence("not packed"))?;
    let mut bytes = Vec::new();
    let (_, problem) = layers.read(&mut |reader, _, _| {
        let read = reader.take(most + 1).read_to_end(&mut bytes);
        Ok((0, read.err().map(|error| one_line(&error.to_string()))))
    })?;
    match problem {
        Some(problem) => Err(Error::evidence(format!("cannot be unpacked: {problem}"))),
        None if bytes.len() as u64 > most => Err(Error::evidence(format!("unpacks to more than {most} bytes"))),
        None => Ok(bytes),
    }
}

/// A name for a file as it is now: where it is, when it was changed, and what is at its ends.
pub fn identity(path: &Path) -> Result<String> {
    let (file, facts) = open_regular(path)?;
    let mut hash = blake3::Hasher::new();
    for word in [facts.dev(), facts.ino(), facts.size(), facts.mtime() as u64, facts.mtime_nsec() as u64] {
        hash.update(&word.to_le_bytes());
    }
    let mut sample = vec![0; SAMPLE];
    for at in [0, facts.size().saturating_sub(SAMPLE as u64)] {
        let read = file.read_at(&mut sample, at).unwrap_or(0);
        hash.update(sample.get(..read).unwrap_or_default());
    }
    Ok(hash.finalize().to_hex().chars().take(32).collect())
}

/// Writes what is read; answers how many bytes that were, and why there are no more where it should have gone on.
fn write(
    reader: &mut dyn Read,
    to: &Path,
    most: u64,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<(u64, Option<String>)> {
    let mut out = Sparse::create(to)?;
    let mut block = vec![0; sparse::BLOCK];
    let mut since = 0;
    let problem = loop {
        let (filled, problem) = fill(reader, &mut block);
        out.append(block.get(..filled).unwrap_or_default())?;
        if out.length() > most {
            return Err(Error::evidence(format!(
                "it unpacks to more than {most} bytes; give a higher --unpack-limit if it is to be that large"
            )));
        }
        since += filled;
        if since >= STRETCH {
            since = 0;
            if !go_on() {
                return Err(Error::evidence("unpacking it was interrupted"));
            }
        }
        if problem.is_some() || filled < block.len() {
            break problem;
        }
    };
    Ok((out.finish()?, problem))
}

/// Reads until a block is full; with fewer bytes, why.
fn fill(reader: &mut dyn Read, block: &mut [u8]) -> (usize, Option<String>) {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(one_line(&error.to_string()))),
        }
    }
    (filled, None)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
