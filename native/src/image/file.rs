//! The evidence file itself: opened read-only, mapped once, never written.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};
use rustix::fs::{SeekFrom, seek};

use crate::error::{Error, Result};

/// An opened evidence file.
pub struct Evidence {
    file: File,
    map: Mmap,
}

impl Evidence {
    /// Opens and maps a regular file.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::evidence(format!("{shown}: no such file")),
            std::io::ErrorKind::PermissionDenied => {
                Error::evidence(format!("{shown}: permission denied; make the image readable for this user"))
            }
            _ => Error::evidence(format!("{shown}: cannot be opened: {error}")),
        })?;
        let facts = file.metadata().map_err(|error| Error::evidence(format!("{shown}: {error}")))?;
        if facts.is_dir() {
            return Err(Error::evidence(format!("{shown}: a directory, not a memory image")));
        }
        if !facts.is_file() {
            return Err(Error::evidence(format!("{shown}: not a regular file; copy the memory into a file first")));
        }
        if facts.len() == 0 {
            return Err(Error::evidence(format!("{shown}: the file is empty")));
        }
        // SAFETY: the map is private and read-only, and lives as long as `self`. Evidence is not changed while it is
        // being read; a file that shrinks meanwhile would raise SIGBUS, which no portable mapping can prevent.
        #[allow(unsafe_code)]
        let map = unsafe { MmapOptions::new().map_copy_read_only(&file) }
            .map_err(|error| Error::evidence(format!("{shown}: cannot be mapped: {error}")))?;
        Ok(Self { file, map })
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.map.len() as u64
    }

    /// Fills `out` from an offset without going through the map; false when the file ends before.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> bool {
        self.file.read_exact_at(out, offset).is_ok()
    }

    /// The parts of `[from, to)` that hold data: a sparse file's holes are left out. Where the file system cannot tell,
    /// the whole is one part.
    pub fn data_extents(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let mut extents = Vec::new();
        let mut at = from;
        while at < to {
            let start = match seek(&self.file, SeekFrom::Data(at)) {
                Ok(start) => start.max(at),
                Err(rustix::io::Errno::NXIO) => break,
                Err(_) => at,
            };
            if start >= to {
                break;
            }
            let end = seek(&self.file, SeekFrom::Hole(start)).unwrap_or(to).clamp(start + 1, to);
            extents.push((start, end));
            at = end;
        }
        extents
    }
}
