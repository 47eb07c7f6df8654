//! Raw: memory at its physical address. What is not there is zeros, for the format has no way to say so.

use std::io;

use super::{Output, Writer};

/// A raw file while it is written.
pub struct Raw {
    out: Output,
}

impl Raw {
    /// In a new file.
    pub fn new(out: Output) -> Self {
        Self { out }
    }
}

impl Writer for Raw {
    fn append(&mut self, physical: u64, bytes: &[u8]) -> io::Result<()> {
        self.out.skip_to(physical)?;
        self.out.append(bytes)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.out.finish()
    }
}
