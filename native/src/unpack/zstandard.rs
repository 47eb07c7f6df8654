//! Zstandard streams of any number of frames, as `zstd`, `pzstd` and seekable writers make them.

use std::io::{self, Error, Read, copy, sink};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// What `zstd` itself unpacks without being asked for more memory.
const LARGEST_WINDOW: u64 = 128 << 20;
const BATCH: usize = 1 << 20;

/// The plain bytes of a stream.
pub struct Zstandard<R> {
    source: R,
    decoder: FrameDecoder,
    /// A frame is being read.
    inside: bool,
}

impl<R: Read> Zstandard<R> {
    /// Nothing is read yet.
    pub fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(LARGEST_WINDOW);
        Self { source, decoder, inside: false }
    }

    /// Goes to the next frame with content; false at the end of the stream.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            let mut first = [0];
            if self.source.read(&mut first)? == 0 {
                return Ok(false);
            }
            match self.decoder.reset(first.as_slice().chain(&mut self.source)) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    copy(&mut (&mut self.source).take(length.into()), &mut sink())?;
                }
                Err(error) => return Err(Error::other(error.to_string())),
            }
        }
    }
}

impl<R: Read> Read for Zstandard<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.inside {
                if self.decoder.can_collect() > 0 {
                    return self.decoder.read(out);
                }
                if !self.decoder.is_finished() {
                    let decoded = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBytes(BATCH));
                    decoded.map_err(|error| Error::other(error.to_string()))?;
                    continue;
                }
                self.inside = false;
            }
            if out.is_empty() || !self.next_frame()? {
                return Ok(0);
            }
            self.inside = true;
        }
    }
}
