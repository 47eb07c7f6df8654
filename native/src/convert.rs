//! An image in another format: written, read back by the reader of that format, and held against what it was made from.

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::arch::{self, Architecture};
use crate::error::{Error, Result};
use crate::image::write::{self, About, Copied, Format};
use crate::image::{Image, Machine};
use crate::kernel::Kernel;
use crate::unpack::{self, Keep};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The image is unpacked into the cache folder.
    Unpack,
    /// It is written.
    Write,
    /// What was written is read and compared.
    Verify,
}

/// Hears how many bytes of how many are done; answers whether to go on.
pub type Progress<'a> = &'a mut dyn FnMut(Phase, u64, u64) -> bool;

/// What came of it.
pub struct Converted {
    /// The format that was read.
    pub format: &'static str,
    /// The files that were read, the named one first.
    pub files: Vec<PathBuf>,
    /// What `uname -m` says on the machine, where a header or the kernel tells it.
    pub machine: Option<String>,
    /// What is in the file that was written, and what of the image is not.
    pub copied: Copied,
    /// What the image promises but does not hold, and what of it could not be read.
    pub warnings: Vec<String>,
    /// What else there is to say of it.
    pub notes: Vec<String>,
}

/// Writes the memory of an image in another format. `output` must not exist, and does not after a failure. `cache` and
/// `most` are as [`unpack::open`] has them.
pub fn convert(
    path: &Path,
    (cache, most, keep): (Option<&Path>, u64, Keep),
    format: Format,
    output: &Path,
    progress: Progress,
) -> Result<Converted> {
    let mut open = || unpack::open(path, cache, most, keep, &mut |done, total| progress(Phase::Unpack, done, total));
    let (image, architecture) = placed(open()?, cache, &mut open)?;
    let runs = runs(&image);
    let machine = architecture.map(Architecture::elf_machine);
    if format == Format::Elf && machine.is_none() {
        return Err(Error::evidence(format!(
            "{}: nothing in it tells of what machine it is, which an ELF core has to say: write it as raw, LiME or AVML",
            path.display()
        )));
    }
    let vmcoreinfo = image.vmcoreinfo().map(|note| note.text());
    let about = About { machine: machine.unwrap_or_default(), vmcoreinfo, ranges: runs.len() };
    let total = runs.iter().map(|run| run.end - run.start).sum();
    let mut done = 0;
    let copied = write::write(&image, &runs, (format, &about), output, &mut |bytes| {
        done += bytes;
        progress(Phase::Write, done, total)
    })?;
    let compared = Comparison { image: &image, copied: &copied, format, about: &about };
    let total = copied.bytes();
    if let Err(error) = compared.with(output, &mut |done| progress(Phase::Verify, done, total)) {
        // Best effort: the error that matters is the one being reported.
        let _ = std::fs::remove_file(output);
        return Err(error);
    }
    let mut warnings = image.warnings().to_vec();
    warnings.extend(image.loss().map(|loss| loss.message));
    let name = |known: &dyn Architecture| known.name().to_owned();
    Ok(Converted {
        format: image.format(),
        files: match image.unpacked_from() {
            Some(packed) => vec![packed.to_owned()],
            None => image.files().into_iter().map(Path::to_owned).collect(),
        },
        machine: architecture.map(name).or_else(|| image.machine().map(Machine::to_string)),
        copied,
        warnings,
        notes: [image.assumed(), image.left_out()].into_iter().flatten().map(str::to_owned).collect(),
    })
}

/// The image with its memory where the machine has it, and what its architecture is: some formats do not say, and the
/// kernel does. An image whose kernel is not found is converted as it is.
fn placed(
    image: Image,
    cache: Option<&Path>,
    open: &mut dyn FnMut() -> Result<Image>,
) -> Result<(Arc<Image>, Option<&'static dyn Architecture>)> {
    match Kernel::discover(Arc::new(image), cache) {
        Ok(kernel) => {
            let architecture = kernel.memory.paging().regions().architecture();
            Ok((Arc::clone(kernel.memory.image()), Some(architecture)))
        }
        Err(_) => {
            let image = open()?;
            let named = image.machine().and_then(|_| arch::of(&image).ok()?.into_iter().next());
            Ok((Arc::new(image), named))
        }
    }
}

/// Ranges of memory, those that touch as one.
fn runs(image: &Image) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for range in image.ranges() {
        match runs.last_mut().filter(|last| last.end == range.start) {
            Some(last) => last.end = range.end(),
            None => runs.push(range.start..range.end()),
        }
    }
    runs
}

/// What a file is held against.
struct Comparison<'a> {
    image: &'a Image,
    copied: &'a Copied,
    format: Format,
    about: &'a About<'a>,
}

impl Comparison<'_> {
    /// Reads a file as anybody will. Each byte must be there and as it is in the image, and nothing else.
    fn with(&self, path: &Path, progress: &mut dyn FnMut(u64) -> bool) -> Result<()> {
        let wrong = |what: String| {
            Error::internal(format!("{} was written and is not as it should be: {what}", path.display()))
        };
        let written = Image::open(path).map_err(|error| wrong(error.message))?;
        if written.format() != self.format.name() {
            return Err(wrong(format!("by how it begins it is taken for {}", written.format())));
        }
        if let Some(warning) = written.warnings().first() {
            return Err(wrong(warning.clone()));
        }
        if self.format == Format::Elf && written.vmcoreinfo().map(|note| note.text()) != self.about.vmcoreinfo {
            return Err(wrong("the VMCOREINFO note is another".to_owned()));
        }
        self.same_ranges(&written).and_then(|()| self.same_bytes(&written, progress)).map_err(wrong)
    }

    fn same_ranges(&self, written: &Image) -> std::result::Result<(), String> {
        let (found, held) = (runs(written), &self.copied.held);
        if self.format != Format::Raw {
            let same = found == *held;
            return if same { Ok(()) } else { Err("other memory is in it than was written".to_owned()) };
        }
        let end = held.last().map_or(0, |run| run.end);
        if found.last().map(|run| run.end) != Some(end) {
            return Err(format!("it does not end at {end:#x}"));
        }
        let mut buffer = Vec::new();
        for part in gaps(&written.chunks(64 << 20), held) {
            let mut at = part.start;
            while at < part.end {
                let bytes = written.read_block(at, write::next_block(at, part.end), &mut buffer);
                if bytes.is_empty() || bytes.iter().any(|byte| *byte != 0) {
                    return Err(format!("from {at:#x} on there should be zeros"));
                }
                at += bytes.len() as u64;
            }
        }
        Ok(())
    }

    fn same_bytes(&self, written: &Image, progress: &mut dyn FnMut(u64) -> bool) -> std::result::Result<(), String> {
        let (mut own, mut other) = (Vec::new(), Vec::new());
        let mut done = 0;
        for run in &self.copied.held {
            let mut at = run.start;
            while at < run.end {
                let length = write::next_block(at, run.end);
                let expected = self.image.read_block(at, length, &mut own);
                let found = written.read_block(at, length, &mut other);
                if expected.len() != length || found != expected {
                    let same = expected.iter().zip(found).take_while(|(own, other)| own == other).count() as u64;
                    return Err(format!("memory at physical {:#x} differs", at + same));
                }
                at += length as u64;
                done += length as u64;
                if !progress(done) {
                    return Err("the comparison was interrupted".to_owned());
                }
            }
        }
        Ok(())
    }
}

/// The parts of some stretches that are in none of some runs; both ascending.
fn gaps(stretches: &[Range<u64>], runs: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut gaps = Vec::new();
    for stretch in stretches {
        let mut at = stretch.start;
        let first = runs.partition_point(|run| run.end <= stretch.start);
        for run in runs.iter().skip(first).take_while(|run| run.start < stretch.end) {
            if at < run.start {
                gaps.push(at..run.start);
            }
            at = run.end;
        }
        if at < stretch.end {
            gaps.push(at..stretch.end);
        }
    }
    gaps
}
