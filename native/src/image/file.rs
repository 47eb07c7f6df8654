//! The evidence file itself: opened read-only, mapped once, never written.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::IoSliceMut;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use memmap2::{Mmap, MmapOptions, UncheckedAdvice};
use rustix::fs::{SeekFrom, seek};
use rustix::io::{ReadWriteFlags, preadv2};

use object::ReadRef;

use super::guard::Guard;
use super::remote::Remote;
use super::source::Source;
use crate::error::{Error, Result};

/// Pages of files in memory of the process before they are given back: 112 MiB, of which the runtime has a good third.
const MOST_RESIDENT: u64 = 28 << 10;

/// An opened evidence file.
pub struct Evidence {
    // Dropped in this order: the guard before what it guards.
    _guard: Guard,
    map: Mmap,
    source: Arc<Source>,
    path: PathBuf,
    /// Its name, where the path says nothing to anybody.
    name: Option<PathBuf>,
}

impl Evidence {
    /// Opens and maps a regular file.
    pub fn open(path: &Path) -> Result<Self> {
        Self::map(path, open_regular(path)?.0, Source::new)
    }

    /// The same of a file without content, which what is read is brought into by whoever listens at a socket.
    pub fn open_remote(path: &Path, door: &Path) -> Result<Self> {
        let (file, facts) = open_regular(path)?;
        let remote = Remote::connect(door, facts.len())?;
        Self::map(path, file, |file, size| Source::brought(file, size, remote))
    }

    fn map(path: &Path, file: File, source: impl FnOnce(File, u64) -> Source) -> Result<Self> {
        let shown = path.display();
        // SAFETY: the map is private and read-only, and lives as long as `self`. That the file shrinks or fails while
        // it is read is caught by the guard; that somebody else writes to it would only change what is read.
        #[allow(unsafe_code)]
        let map = unsafe { MmapOptions::new().map_copy_read_only(&file) }
            .map_err(|error| Error::evidence(format!("{shown}: cannot be mapped: {error}")))?;
        let source = Arc::new(source(file, map.len() as u64));
        let guard = Guard::new(map.as_ptr(), map.len(), &source).ok_or_else(|| {
            Error::internal(format!("{shown}: too many images are open, or SIGBUS cannot be handled"))
        })?;
        Ok(Self { _guard: guard, map, source, path: path.to_owned(), name: None })
    }

    /// Takes down under which name it is known.
    pub fn call(&mut self, name: &str) {
        self.name = Some(name.into());
    }

    /// Its name, or the path that it was opened by.
    pub fn path(&self) -> &Path {
        self.name.as_ref().unwrap_or(&self.path)
    }

    /// A path that leads to it within this process. One that has a name need not be where it was any more.
    pub fn opened_by(&self) -> PathBuf {
        match self.name {
            Some(_) => format!("/proc/self/fd/{}", self.source.file().as_raw_fd()).into(),
            None => self.path.clone(),
        }
    }

    /// The whole file, lost parts as zeros; of one that is elsewhere, only what was brought.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// A part of the file, lost parts as zeros; empty where it goes past the end, or could not be brought.
    pub fn part(&self, from: u64, to: u64) -> &[u8] {
        let brought = self.source.remote().is_none_or(|remote| remote.bring(from, to) == to);
        self.map.get(from as usize..to as usize).filter(|_| brought).unwrap_or_default()
    }

    /// Gives mapped pages back where the process has many of them: they count as its own, though the system keeps them
    /// anyway, and each one that was touched has brought in its neighbours. What is touched again is mapped again.
    pub fn trim(&self) {
        if resident_of_files().is_some_and(|pages| pages > MOST_RESIDENT) {
            self.release();
        }
    }

    /// Gives all mapped pages back.
    pub fn release(&self) {
        // SAFETY: the map is private, of a file and never written: its pages are read from the file again, and those that
        // the guard replaced are zeros again.
        #[allow(unsafe_code)]
        let _ = unsafe { self.map.unchecked_advise(UncheckedAdvice::DontNeed) };
    }

    /// The bytes of `[from, to)`, up to the first that is lost.
    #[inline]
    pub fn slice(&self, from: u64, to: u64) -> Option<&[u8]> {
        self.map.get(from as usize..self.source.readable(from, to) as usize)
    }

    /// Fails where something of a file that is elsewhere could not be brought: what was made without it is no result.
    pub fn reachable(&self) -> Result<()> {
        self.source.remote().and_then(Remote::failure).map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Whether nothing of `[from, to)` is known to be lost; nothing is brought for it.
    pub fn holds(&self, from: u64, to: u64) -> bool {
        to <= self.size() && self.source.is_whole(from, to)
    }

    /// Whether the system most likely has a part of the map in memory: the last byte says so for all. To fault in from a
    /// disk what it has not costs more than to read it, and finds fewer errors.
    pub fn is_at_hand(&self, part: &[u8]) -> bool {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.map.as_ptr() as usize);
        let Some(last) = part.len().checked_sub(1).map(|last| (offset + last) as u64) else { return true };
        let mut byte = [0];
        let buffers = &mut [IoSliceMut::new(&mut byte)];
        preadv2(self.source.file(), buffers, last, ReadWriteFlags::NOWAIT) == Ok(1)
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.map.len() as u64
    }

    /// What can no longer be read of the file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The same, for whoever reads the file by itself.
    pub fn shared_source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The parts of a stretch that hold data: a sparse file's holes are left out. Where the file system cannot tell, the
    /// whole is one part; so it is where holes are what was not brought.
    pub fn data_extents(&self, whole: Range<u64>) -> Vec<Range<u64>> {
        if self.source.remote().is_some() {
            return vec![whole];
        }
        let Range { start: from, end: to } = whole;
        let mut extents = Vec::new();
        let mut at = from;
        while at < to {
            let start = match seek(self.source.file(), SeekFrom::Data(at)) {
                Ok(start) => start.max(at),
                Err(rustix::io::Errno::NXIO) => break,
                Err(_) => at,
            };
            if start >= to {
                break;
            }
            let end = seek(self.source.file(), SeekFrom::Hole(start)).unwrap_or(to).clamp(start + 1, to);
            extents.push(start..end);
            at = end;
        }
        extents
    }
}

/// What parses a format asks for parts of the file, so that no more has to be here.
impl<'a> ReadRef<'a> for &'a Evidence {
    fn len(self) -> std::result::Result<u64, ()> {
        Ok(self.size())
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> std::result::Result<&'a [u8], ()> {
        let bytes = self.part(offset, offset.checked_add(size).ok_or(())?);
        if bytes.len() as u64 == size { Ok(bytes) } else { Err(()) }
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> std::result::Result<&'a [u8], ()> {
        let bytes = self.read_bytes_at(range.start, range.end.checked_sub(range.start).ok_or(())?)?;
        bytes.get(..memchr::memchr(delimiter, bytes).ok_or(())?).ok_or(())
    }
}

/// Opens a regular file that is not empty, and nothing else: no device is touched, and no FIFO waited for.
pub fn open_regular(path: &Path) -> Result<(File, Metadata)> {
    let shown = path.display();
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::evidence(format!("{shown}: no such file")),
        std::io::ErrorKind::PermissionDenied => {
            Error::evidence(format!("{shown}: permission denied; make the image readable for this user"))
        }
        _ => Error::evidence(format!("{shown}: cannot be opened: {error}")),
    };
    let regular = |kind: FileType| match refusal(kind) {
        Some(why) => Err(Error::evidence(format!("{shown}: {why}"))),
        None => Ok(()),
    };
    // Before it is opened, which would do something to a device.
    regular(fs::metadata(path).map_err(failed)?.file_type())?;
    // And what was put in its place since: opening a FIFO would wait for a writer.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    regular(facts.file_type())?;
    if facts.len() == 0 {
        return Err(Error::evidence(format!("{shown}: the file is empty")));
    }
    Ok((file, facts))
}

/// Why something is not a file that memory can be read from.
fn refusal(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory, not a memory image")
    } else if kind.is_fifo() {
        Some("a FIFO, not a regular file: memory is read here and there, so write it into a file first")
    } else if kind.is_socket() {
        Some("a socket, not a regular file: write the memory into a file first")
    } else {
        Some("a device, not a regular file: copy the memory into a file first (of a running host with LiME or AVML)")
    }
}

/// Pages of files that this process has mapped in. The file is kept open: it is asked often.
fn resident_of_files() -> Option<u64> {
    static STATM: OnceLock<Option<File>> = OnceLock::new();
    let statm = STATM.get_or_init(|| File::open("/proc/self/statm").ok()).as_ref()?;
    let mut text = [0; 128];
    let length = statm.read_at(&mut text, 0).ok()?;
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    text.split(' ').nth(2)?.parse().ok()
}
