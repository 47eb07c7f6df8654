//! A new file, whose zeros are holes.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// The largest hole that is looked for: a file system's block.
const HOLE: u64 = 4096;

/// The file while it is written.
pub struct Output {
    file: File,
    length: u64,
}

impl Output {
    /// A file that was not there, for its owner alone.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Self { file, length: 0 })
    }

    /// Bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends bytes; blocks of zeros are left as holes.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        // Where bytes begin that are not written yet.
        let mut pending: &[u8] = &[];
        while !rest.is_empty() {
            let inside = (HOLE - (self.length + pending.len() as u64) % HOLE) as usize;
            let (block, behind) = rest.split_at(inside.min(rest.len()));
            if block.iter().all(|byte| *byte == 0) {
                self.put(pending)?;
                self.length += block.len() as u64;
                pending = behind.get(..0).unwrap_or_default();
                rest = behind;
                continue;
            }
            let start = bytes.len() - rest.len() - pending.len();
            pending = bytes.get(start..bytes.len() - behind.len()).unwrap_or_default();
            rest = behind;
        }
        self.put(pending)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.length)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Goes on at an offset, with a hole up to it.
    pub fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        if offset < self.length {
            return Err(io::Error::new(ErrorKind::InvalidInput, "memory out of order"));
        }
        self.length = offset;
        Ok(())
    }

    /// Writes over bytes that were appended before.
    pub fn patch(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    /// Ends the file, which may end with a hole.
    pub fn finish(self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.sync_all()
    }
}
