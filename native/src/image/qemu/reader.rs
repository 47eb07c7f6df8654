//! Big-endian words of a stream, one behind the other.

/// A place in a stream. Each read answers none where the stream ends before it.
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Offset in the file.
    pub at: usize,
}

impl<'a> Reader<'a> {
    /// Reads from an offset on.
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Steps over some bytes.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(bytes)
    }

    fn word<const SIZE: usize>(&mut self) -> Option<[u8; SIZE]> {
        self.take(SIZE)?.first_chunk().copied()
    }

    /// The next byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.word::<1>().map(|[byte]| byte)
    }

    /// The next 16 bits.
    pub fn u16(&mut self) -> Option<u16> {
        self.word().map(u16::from_be_bytes)
    }

    /// The next 32 bits.
    pub fn u32(&mut self) -> Option<u32> {
        self.word().map(u32::from_be_bytes)
    }

    /// The next 64 bits.
    pub fn u64(&mut self) -> Option<u64> {
        self.word().map(u64::from_be_bytes)
    }

    /// A text with its length in a byte before it.
    pub fn text(&mut self) -> Option<String> {
        let length = self.u8()?;
        self.take(length.into()).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// Whether the next byte is this one, which is stepped over.
    pub fn accept(&mut self, byte: u8) -> bool {
        let is = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is);
        is
    }
}
