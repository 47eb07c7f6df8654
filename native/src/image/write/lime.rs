//! LiME: a header before each range. How long a range is its header is told when it ends.

use std::io;

use super::super::lime::{MOST_RANGES, START};
use super::{Output, Writer};

/// Of the last address in the header.
const LAST: u64 = 16;

/// A LiME file while it is written.
pub struct Lime {
    out: Output,
    /// Where the header of the range is that goes on.
    header: Option<u64>,
    /// One past the last physical address so far.
    end: u64,
    ranges: usize,
}

impl Lime {
    /// In a new file.
    pub fn new(out: Output) -> Self {
        Self { out, header: None, end: 0, ranges: 0 }
    }

    fn begin(&mut self, physical: u64) -> io::Result<()> {
        self.close()?;
        self.ranges += 1;
        if self.ranges > MOST_RANGES {
            let what = format!("memory in more than {MOST_RANGES} pieces is too much for LiME; write AVML or ELF");
            return Err(io::Error::other(what));
        }
        self.header = Some(self.out.length());
        // The last address is yet to come, and the last word is reserved.
        self.out.append(&[START, physical.to_le_bytes(), [0; 8], [0; 8]].concat())
    }

    fn close(&mut self) -> io::Result<()> {
        match self.header.take() {
            Some(header) => self.out.patch(header + LAST, &(self.end - 1).to_le_bytes()),
            None => Ok(()),
        }
    }
}

impl Writer for Lime {
    fn append(&mut self, physical: u64, bytes: &[u8]) -> io::Result<()> {
        if self.header.is_none() || physical != self.end {
            self.begin(physical)?;
        }
        self.end = physical + bytes.len() as u64;
        self.out.append(bytes)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.close()?;
        self.out.finish()
    }
}
