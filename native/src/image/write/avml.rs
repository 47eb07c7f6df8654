//! AVML's version 2: ranges of at most 16 MiB in Snappy frames. AVML itself leaves out such a range where it is all zeros;
//! here it is written, for what is left out would be absent.

use std::io::{self, Write};

use super::super::avml::START;
use super::{Output, Writer};

/// An AVML file while it is written.
pub struct Avml {
    out: Output,
}

impl Avml {
    /// In a new file.
    pub fn new(out: Output) -> Self {
        Self { out }
    }
}

impl Writer for Avml {
    fn append(&mut self, physical: u64, bytes: &[u8]) -> io::Result<()> {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(bytes)?;
        let frames = encoder.into_inner().map_err(|error| error.into_error())?;
        let [first, last] = [physical, physical + bytes.len() as u64 - 1].map(u64::to_le_bytes);
        self.out.append(&[START, first, last, [0; 8]].concat())?;
        self.out.append(&frames)?;
        self.out.append(&(frames.len() as u64).to_le_bytes())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.out.finish()
    }
}
