//! A file whose zeros are holes, as long as its disk has room.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::fstatvfs;

use crate::error::{Error, Result};

/// Bytes that are written at once, or not at all.
pub const BLOCK: usize = 64 << 10;
/// Most of memory is zeros: comparing blocks costs a tenth of looking at each byte.
static ZEROS: [u8; BLOCK] = [0; BLOCK];
/// What a disk keeps free.
const RESERVE: u64 = 1 << 30;
/// Bytes that are written between two looks at how much is free.
const STRETCH: u64 = 64 << 20;

/// The file while it is written.
pub struct Sparse {
    file: File,
    path: PathBuf,
    length: u64,
    /// Bytes until the next look.
    until: u64,
}

impl Sparse {
    /// A new file that only its owner reads.
    pub fn create(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = file.map_err(|error| failed(path, &error))?;
        Ok(Self { file, path: path.to_owned(), length: 0, until: 0 })
    }

    /// Bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends a block.
    pub fn append(&mut self, block: &[u8]) -> Result<()> {
        if ZEROS.get(..block.len()) != Some(block) {
            self.look(block.len() as u64)?;
            self.file.write_all_at(block, self.length).map_err(|error| failed(&self.path, &error))?;
        }
        self.length += block.len() as u64;
        Ok(())
    }

    fn look(&mut self, bytes: u64) -> Result<()> {
        if self.until < bytes {
            let free = fstatvfs(&self.file).map(|facts| facts.f_bavail.saturating_mul(facts.f_frsize));
            if free.is_ok_and(|free| free < RESERVE + STRETCH) {
                return Err(Error::evidence(format!(
                    "there is no room to unpack it: less than {RESERVE} bytes would be left free for {}; give another \
                     --cache-dir, or unpack it by hand",
                    self.path.display()
                )));
            }
            self.until = STRETCH;
        }
        self.until -= bytes;
        Ok(())
    }

    /// Ends the file, which may end with a hole; answers its length.
    pub fn finish(self) -> Result<u64> {
        let done = self.file.set_len(self.length).and_then(|()| self.file.sync_all());
        done.map_err(|error| failed(&self.path, &error))?;
        Ok(self.length)
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::evidence(format!("{}: cannot be written: {error}", path.display()))
}
