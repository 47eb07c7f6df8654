//! Memory image files: container formats become sorted ranges of physical memory.
//!
//! A format is one file with a `parse` function over the file and one line in [`FORMATS`]. Its memory lies in the file as
//! it is, and is mapped, or is packed in blocks that are unpacked on demand ([`blocks`]).

mod avml;
pub(crate) mod blocks;
mod bytes;
mod crash_dump;
mod elf;
mod file;
mod foreign;
mod guard;
mod kdump;
mod lime;
mod loss;
mod machine;
#[cfg(test)]
mod packed_tests;
mod qemu;
mod raw;
mod read;
mod remote;
mod settle;
mod source;
#[cfg(test)]
mod split_tests;
mod starts;
mod touched;
mod vmcoreinfo;
mod vmware;
pub mod write;
mod xen;

use std::ops;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use crate::error::{Error, Result};
pub use blocks::Missing;
use blocks::{Blocks, Packed};
pub use bytes::Bytes;
use file::Evidence;
pub(crate) use file::open_regular;
pub use loss::Loss;
pub use machine::Machine;
pub use qemu::packed_stream;
use settle::{END_OF_ADDRESSES, settle};
use source::Source;
pub use starts::{HEAD, is_known, is_plain};
use touched::TouchedPages;
pub use vmcoreinfo::VmcoreInfo;

/// The unit in which memory is looked up, recorded and written. Every architecture's page is one or several of it.
pub const PAGE_SIZE: u64 = 4096;

/// A run of physical memory that the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First physical address.
    pub start: u64,
    /// Bytes.
    pub length: u64,
    /// Where these bytes begin in the file, or among the plain bytes of packed blocks.
    pub offset: u64,
}

impl Range {
    /// One past the last physical address.
    pub fn end(&self) -> u64 {
        self.start + self.length
    }
}

/// What a format's reader makes of a file.
#[derive(Default)]
pub struct Layout {
    /// Ranges in any order; [`Image::open`] sorts and checks them.
    pub ranges: Vec<Range>,
    /// The machine, where the format names one.
    pub machine: Option<Machine>,
    /// The VMCOREINFO note's text, where the format carries one.
    pub vmcoreinfo: Option<String>,
    /// What the file promises but does not hold, in plain words.
    pub warnings: Vec<String>,
    /// What was left out on purpose, in plain words.
    pub left_out: Option<String>,
    /// The blocks that ranges count in; without them, ranges count in the file.
    pub packed: Option<Box<dyn Packed>>,
    /// Other files that blocks are read from.
    pub companions: Vec<Companion>,
}

/// A file that is read with the one that was named.
pub struct Companion {
    /// Where it was found.
    pub path: PathBuf,
    /// The file.
    pub source: Arc<Source>,
}

/// The files that would be read with an image, before it is opened.
pub fn companions(path: &Path) -> Vec<PathBuf> {
    kdump::companions(path).into_iter().chain(vmware::companion(path)).collect()
}

/// Reads a format: `None` when the file is of another one.
type Parse = fn(&Evidence) -> Option<Result<Layout>>;

/// Every format by name, told apart by content; raw comes last because anything may be raw.
const FORMATS: &[(&str, Parse)] = &[
    ("lime", lime::parse),
    ("elf", elf::parse),
    ("avml", avml::parse),
    ("kdump", kdump::parse),
    ("qemu", qemu::parse),
    ("vmware", vmware::parse),
    ("crash-dump", |file| crash_dump::parse(file.bytes())),
    (raw::NAME, |file| foreign::refuse(file.bytes()).or_else(|| raw::parse(file.bytes()))),
];

/// An opened memory image. Shared by every thread; reads copy out of one memory map, or out of unpacked blocks.
pub struct Image {
    file: Evidence,
    /// Where the format packs memory; what is mapped is then of no use.
    blocks: Option<Blocks>,
    /// Files of the same image beside the one that was named.
    companions: Vec<Companion>,
    format: &'static str,
    ranges: Vec<Range>,
    machine: Option<Machine>,
    vmcoreinfo: Option<String>,
    warnings: Vec<String>,
    left_out: Option<String>,
    /// The file that this one was unpacked from.
    unpacked_from: Option<PathBuf>,
    assumed: Option<String>,
    touched: OnceLock<TouchedPages>,
    /// Parts of the file that [`Bytes`] refer to.
    kept: Mutex<Vec<ops::Range<u64>>>,
}

impl Image {
    /// Opens an image read-only and finds out its format from its content.
    pub fn open(path: &Path) -> Result<Self> {
        Self::of_file(path, Evidence::open(path)?)
    }

    /// Opens an image that is elsewhere: `path` is an empty file of its size, into which what is read is brought by whoever
    /// listens at the socket `door`.
    pub fn open_remote(path: &Path, door: &Path) -> Result<Self> {
        let file = Evidence::open_remote(path, door)?;
        let head = file.part(0, HEAD.min(file.size()));
        if !is_plain(head) {
            return Err(Error::usage(format!("{}: of this format all has to be here", path.display())));
        }
        Self::of_file(path, file)
    }

    fn of_file(path: &Path, file: Evidence) -> Result<Self> {
        for (format, parse) in FORMATS {
            let Some(layout) = parse(&file) else { continue };
            file.reachable()?;
            let layout = layout.map_err(|error| Error::evidence(format!("{}: {}", path.display(), error.message)))?;
            let mut warnings = layout.warnings;
            let blocks = layout.packed.map(Blocks::new);
            let end = if blocks.is_some() { u64::MAX } else { file.size() };
            let ranges = settle(layout.ranges, end, &mut warnings);
            if ranges.is_empty() {
                return Err(Error::evidence(format!(
                    "{}: a {format} file that holds no memory; was it cut off while it was written?",
                    path.display()
                )));
            }
            let Layout { machine, vmcoreinfo, left_out, companions, .. } = layout;
            let (assumed, touched, kept) = (None, OnceLock::new(), Mutex::default());
            let image = Self {
                file,
                blocks,
                companions,
                format,
                ranges,
                machine,
                vmcoreinfo,
                warnings,
                left_out,
                unpacked_from: None,
                assumed,
                touched,
                kept,
            };
            return match image.loss() {
                // Its headers may have been read from what is lost.
                Some(loss) => Err(Error::evidence(format!("{}: {}", path.display(), loss.message))),
                None => Ok(image),
            };
        }
        Err(Error::evidence(format!("{}: not a memory image in a format that salvor reads", path.display())))
    }

    /// The same file where its format does not say at which physical address memory begins, from this one on; `None` of
    /// any other, and where no machine has so much memory there.
    pub fn beginning_at(mut self, start: u64) -> Option<Self> {
        let [range] = self.ranges.as_mut_slice() else { return None };
        let fits = start.is_multiple_of(PAGE_SIZE) && start.checked_add(range.length)? <= END_OF_ADDRESSES;
        (self.format == raw::NAME && fits).then_some(())?;
        range.start = start;
        self.assumed = Some(format!(
            "the file does not say where in the machine its memory was: from physical {start:#x} on, by where its kernel lies"
        ));
        Some(self)
    }

    /// The format's name.
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// The size of its files, in bytes.
    pub fn size(&self) -> u64 {
        self.sources().map(Source::size).sum()
    }

    /// The files that it is read from, the named one first.
    pub fn files(&self) -> Vec<&Path> {
        std::iter::once(self.file.path()).chain(self.companions.iter().map(|file| file.path.as_path())).collect()
    }

    /// Takes down that it was unpacked from another file, and why not to the end.
    pub fn unpacked(mut self, from: &Path, problem: Option<String>) -> Self {
        self.unpacked_from = Some(from.to_owned());
        self.warnings.splice(0..0, problem);
        self
    }

    /// Takes down what the file is called that was named, where its path says nothing to anybody.
    pub fn named(mut self, name: &str) -> Self {
        if let Some(path) = &mut self.unpacked_from {
            *path = name.into();
        }
        self.file.call(name);
        self
    }

    /// The file that the one that is read was unpacked from.
    pub fn unpacked_from(&self) -> Option<&Path> {
        self.unpacked_from.as_deref()
    }

    /// A path that leads to the named file within this process, whatever it is called.
    pub fn opened_by(&self) -> PathBuf {
        self.file.opened_by()
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(self.file.source()).chain(self.companions.iter().map(|file| &*file.source))
    }

    /// Ranges of physical memory, sorted and disjoint.
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// The machine, where the file names one.
    pub fn machine(&self) -> Option<&Machine> {
        self.machine.as_ref()
    }

    /// The VMCOREINFO note, where the file has one.
    pub fn vmcoreinfo(&self) -> Option<VmcoreInfo<'_>> {
        self.vmcoreinfo.as_deref().map(VmcoreInfo::new)
    }

    /// What the file promises but does not hold.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What whoever made the image left out of it.
    pub fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// What the file does not say and was found out.
    pub fn assumed(&self) -> Option<&str> {
        self.assumed.as_deref()
    }

    /// Whether memory can be borrowed at all: not where the format packs it.
    #[inline]
    pub fn is_mapped(&self) -> bool {
        self.blocks.is_none()
    }

    /// Gives mapped pages back, if the process has many of them. What is borrowed stays where it is.
    pub fn trim(&self) {
        self.file.trim();
    }

    /// From now on, remembers which pages are read.
    pub fn record_touched(&self) {
        self.touched.get_or_init(TouchedPages::default);
    }

    /// Marks physical memory as read. A scan calls it for what it hit.
    pub fn touch(&self, physical: u64, length: u64) {
        if let Some(touched) = self.touched.get() {
            touched.mark(physical, length);
        }
    }

    /// Writes the pages read since [`Image::record_touched`] as a LiME image; returns how many they are.
    pub fn write_touched(&self, output: &Path) -> Result<u64> {
        let touched = self.touched.get().ok_or_else(|| Error::usage("no pages were recorded: nothing to write"))?;
        write::write_pages(self, &touched.runs(), output)
    }
}
