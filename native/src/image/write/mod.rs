//! Writes memory into files: a new one, synced, or none at all. A format is one file here and a line in [`Format::writer`].

mod avml;
mod elf;
mod lime;
mod output;
mod raw;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::Path;

use super::{Image, Missing, PAGE_SIZE};
use crate::error::{Error, Result};
use output::Output;

/// Bytes that are read and written at once, from a multiple of it on: what AVML makes a range of.
const BLOCK: u64 = 16 << 20;

/// A format that memory is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// From physical address 0 on, with holes for what is not there.
    Raw,
    /// Ranges, each behind a header.
    Lime,
    /// The same, packed.
    Avml,
    /// A core with a segment for each range.
    Elf,
}

/// What a file says beside memory, in formats that have a place for it.
#[derive(Debug, Default, Clone, Copy)]
pub struct About<'a> {
    /// ELF's number of the machine.
    pub machine: u16,
    /// The note's text.
    pub vmcoreinfo: Option<&'a str>,
    /// How many ranges are to come, if nothing is damaged.
    pub ranges: usize,
}

/// A file in a format while it is written.
trait Writer {
    /// Takes memory that lies above all that was taken before: at most [`BLOCK`] bytes, and not across a multiple of it.
    fn append(&mut self, physical: u64, bytes: &[u8]) -> io::Result<()>;

    /// Ends the file; what it holds is then on the disk.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 4] = [Format::Raw, Format::Lime, Format::Avml, Format::Elf];

    /// What its reader calls it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Raw => super::raw::NAME,
            Format::Lime => "lime",
            Format::Avml => "avml",
            Format::Elf => "elf",
        }
    }

    /// The format of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    fn writer(self, out: Output, about: &About) -> io::Result<Box<dyn Writer>> {
        Ok(match self {
            Format::Raw => Box::new(raw::Raw::new(out)),
            Format::Lime => Box::new(lime::Lime::new(out)),
            Format::Avml => Box::new(avml::Avml::new(out)),
            Format::Elf => Box::new(elf::Elf::new(out, about)?),
        })
    }
}

/// What was written of some memory, and what could not be, both in order and joined where they touch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Physical memory that the file has.
    pub held: Vec<Range<u64>>,
    /// What was asked for and is not there, with the reason.
    pub missing: Vec<(Range<u64>, Missing)>,
}

impl Copied {
    /// Bytes of memory that the file has.
    pub fn bytes(&self) -> u64 {
        self.held.iter().map(|run| run.end - run.start).sum()
    }

    fn hold(&mut self, run: Range<u64>) {
        match self.held.last_mut().filter(|last| last.end == run.start) {
            Some(last) => last.end = run.end,
            None => self.held.push(run),
        }
    }

    fn miss(&mut self, run: Range<u64>, why: Missing) {
        match self.missing.last_mut().filter(|(last, same)| last.end == run.start && *same == why) {
            Some((last, _)) => last.end = run.end,
            None => self.missing.push((run, why)),
        }
    }
}

/// Hears how many bytes more are done; answers whether to go on.
pub type Advance<'a> = &'a mut dyn FnMut(u64) -> bool;

/// Writes what an image holds of `runs`, ascending, into a file that must not exist: what can only create cannot replace
/// evidence. It is for its owner alone until the caller says otherwise.
pub fn write(
    image: &Image,
    runs: &[Range<u64>],
    (format, about): (Format, &About),
    output: &Path,
    advance: Advance,
) -> Result<Copied> {
    let written = Output::create(output).and_then(|out| {
        let mut writer = format.writer(out, about)?;
        let copied = copy(image, runs, &mut *writer, advance)?;
        writer.finish()?;
        Ok(copied)
    });
    written.map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            return Error::usage(format!("{}: is there already, and is not replaced", output.display()));
        }
        // Best effort: the error that matters is the one being reported.
        let _ = fs::remove_file(output);
        Error::internal(format!("{} cannot be written: {error}", output.display()))
    })
}

fn copy(image: &Image, runs: &[Range<u64>], writer: &mut dyn Writer, advance: Advance) -> io::Result<Copied> {
    let mut copied = Copied::default();
    let mut buffer = Vec::new();
    for &Range { start, end } in runs {
        let mut at = start;
        while at < end {
            let bytes = image.read_block(at, next_block(at, end), &mut buffer);
            let next = if bytes.is_empty() {
                // What the image lacks is not in the copy either.
                let next = image.past_gap(at).min(end);
                copied.miss(at..next, image.missing(at).unwrap_or(Missing::Unreadable));
                next
            } else {
                writer.append(at, bytes)?;
                copied.hold(at..at + bytes.len() as u64);
                at + bytes.len() as u64
            };
            if !advance(next - at) {
                return Err(io::Error::other("it was interrupted"));
            }
            at = next;
        }
    }
    Ok(copied)
}

/// Bytes from an address up to the next multiple of [`BLOCK`], or an end before it.
pub fn next_block(at: u64, end: u64) -> usize {
    (end - at).min(BLOCK - at % BLOCK) as usize
}

/// Writes the pages of some runs as LiME; answers how many they are.
pub fn write_pages(image: &Image, runs: &[Range<u64>], output: &Path) -> Result<u64> {
    let copied = write(image, runs, (Format::Lime, &About::default()), output, &mut |_| true)?;
    Ok(copied.held.iter().map(|run| (run.end - run.start).div_ceil(PAGE_SIZE)).sum())
}
