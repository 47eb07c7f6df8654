//! What a cache file holds: numbers in little-endian order, then a checksum over all that precedes it.

use crate::image::Image;
use crate::kernel::symbols::Table;

/// Changes whenever the layout of a file, or the meaning of anything in it, changes.
const MAGIC: &[u8; 8] = b"salvorS4";
const DIGEST: usize = blake3::OUT_LEN;
/// Of the largest kernels the names of all symbols take some 6 MiB; a file that asks for more is wrong.
const LONGEST_MARK: u64 = 32 << 20;

/// Memory of the kernel that this build, and no other, has: its place from `_text` and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    offset: u64,
    length: u64,
    digest: [u8; DIGEST],
}

impl Mark {
    /// Remembers what an image has so far from `_text`.
    pub fn of(image: &Image, text: u64, Part { offset, length }: Part) -> Self {
        let length = length.min(LONGEST_MARK);
        Self { offset, length, digest: digest(image, text.wrapping_add(offset), length) }
    }

    /// Whether an image has the same there.
    pub fn agrees(&self, image: &Image, text: u64) -> bool {
        self.digest == digest(image, text.wrapping_add(self.offset), self.length.min(LONGEST_MARK))
    }
}

fn digest(image: &Image, physical: u64, length: u64) -> [u8; DIGEST] {
    let mut buffer = Vec::new();
    let bytes = match image.peek(physical, length as usize) {
        Some(bytes) => bytes,
        None => image.read_block(physical, length as usize, &mut buffer),
    };
    *blake3::hash(bytes).as_bytes()
}

/// A part of the kernel's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Distance from `_text`.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// A build's symbol table and what it can be recognized by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The banner's text.
    pub banner: String,
    /// The build id, where the kernel has one.
    pub build_id: Option<String>,
    /// What the kernel must have in memory.
    pub marks: Vec<Mark>,
    /// Where the kernel's own tables lie.
    pub parts: Vec<Part>,
    /// The symbols.
    pub table: Table,
}

impl Entry {
    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        block(&mut bytes, self.banner.as_bytes());
        block(&mut bytes, self.build_id.as_deref().unwrap_or_default().as_bytes());
        bytes.extend((self.marks.len() as u64).to_le_bytes());
        for mark in &self.marks {
            bytes.extend(mark.offset.to_le_bytes());
            bytes.extend(mark.length.to_le_bytes());
            bytes.extend(mark.digest);
        }
        bytes.extend((self.parts.len() as u64).to_le_bytes());
        for word in self.parts.iter().flat_map(|part| [part.offset, part.length]) {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend((self.table.names_length() as u64).to_le_bytes());
        bytes.extend(self.table.block());
        let digest = blake3::hash(&bytes);
        bytes.extend(digest.as_bytes());
        bytes
    }

    /// Reads a file; anything wrong about it makes it nothing. The symbols stay where they are in its bytes.
    pub fn decode(bytes: Vec<u8>) -> Option<Self> {
        let (content, digest) = bytes.split_last_chunk::<DIGEST>()?;
        (blake3::hash(content) == *digest).then_some(())?;
        let mut rest = content.strip_prefix(MAGIC)?;
        let banner = text(&mut rest)?;
        let build_id = Some(text(&mut rest)?).filter(|id| !id.is_empty());
        let mut marks = Vec::new();
        for _ in 0..word(&mut rest)? {
            let (offset, length) = (word(&mut rest)?, word(&mut rest)?);
            let (digest, after) = rest.split_first_chunk()?;
            rest = after;
            marks.push(Mark { offset, length, digest: *digest });
        }
        let mut parts = Vec::new();
        for _ in 0..word(&mut rest)? {
            parts.push(Part { offset: word(&mut rest)?, length: word(&mut rest)? });
        }
        let names = usize::try_from(word(&mut rest)?).ok()?;
        let (start, end) = (content.len() - rest.len(), content.len());
        let table = Table::within(bytes, start, end, names)?;
        Some(Self { banner, build_id, marks, parts, table })
    }
}

fn block(bytes: &mut Vec<u8>, content: &[u8]) {
    bytes.extend((content.len() as u64).to_le_bytes());
    bytes.extend(content);
}

fn take_block<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(word(rest)?).ok()?;
    let (block, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(block)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    String::from_utf8(take_block(rest)?.to_vec()).ok()
}

fn word(rest: &mut &[u8]) -> Option<u64> {
    let (word, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Entry, Mark, Part};
    use crate::kernel::symbols::{TEXT, Table};

    fn entry() -> Entry {
        let table = Table::new(b"_textlinux_banner".to_vec(), &[5, 17], &[TEXT, TEXT + 0x100], b"TD");
        Entry {
            banner: "Linux version 6.1.0 (x) #1".to_owned(),
            build_id: Some("3b43fad5".to_owned()),
            marks: vec![Mark { offset: 0x1000, length: 6, digest: [7; 32] }],
            parts: vec![Part { offset: 0x1000, length: 6 }, Part { offset: 0x2000, length: 4096 }],
            table: table.unwrap_or_default(),
        }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        assert_eq!(Entry::decode(entry().encode()), Some(entry()));
        let nameless = Entry { build_id: None, ..entry() };
        assert_eq!(Entry::decode(nameless.encode()), Some(nameless));
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_nothing(at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let mut bytes = entry().encode();
            let at = at.index(bytes.len());
            bytes.truncate(at);
            prop_assert_eq!(Entry::decode(bytes), None);
            let mut bytes = entry().encode();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= flip;
            }
            prop_assert_eq!(Entry::decode(bytes), None);
        }

        #[test]
        fn lies_under_a_right_checksum_never_panic(content in prop::collection::vec(any::<u8>(), 0..512)) {
            let mut bytes = [b"salvorS4".as_slice(), &content].concat();
            let digest = blake3::hash(&bytes);
            bytes.extend(digest.as_bytes());
            let _ = Entry::decode(bytes);
        }
    }
}
