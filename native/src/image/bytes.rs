//! Bytes that outlive the look at an image: where it has them in one piece they stay in its map, uncopied.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, PoisonError};

use super::Image;

/// Owned bytes, or a part of an image's map.
pub enum Bytes {
    /// Put together from several places, or made.
    Own(Vec<u8>),
    /// Left where they are.
    Mapped(Arc<Image>, Range<usize>),
}

impl Image {
    /// Keeps `[physical, physical + length)`, where one range holds it all, unpacked.
    pub fn keep(self: &Arc<Self>, physical: u64, length: u64) -> Option<Bytes> {
        self.is_mapped().then_some(())?;
        let range = self.range_at(physical)?;
        let from = usize::try_from(range.offset + (physical - range.start)).ok()?;
        let to = from.checked_add(usize::try_from(length).ok()?)?;
        (length <= range.end() - physical).then_some(())?;
        self.touch(physical, length);
        // What cannot be had is found out by whoever looks at what is kept.
        self.file.part(from as u64, to as u64);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(from as u64..to as u64);
        Some(Bytes::Mapped(Arc::clone(self), from..to))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Own(bytes) => bytes,
            Bytes::Mapped(image, range) => image.file.bytes().get(range.clone()).unwrap_or_default(),
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::Own(bytes)
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Bytes::Own(Vec::new())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{} bytes", self.len())
    }
}
