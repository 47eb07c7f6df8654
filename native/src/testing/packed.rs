//! AVML files and kdump-compressed dumps of a few pages.

use std::io::Write;
use std::ops::Range;

/// How pages are packed: the flag of a descriptor.
pub const PLAIN: u32 = 0;
pub const ZLIB: u32 = 1;
pub const SNAPPY: u32 = 4;
pub const ZSTD: u32 = 0x20;

pub const PAGE: usize = 4096;

pub fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// A page whose content tells its number, and packs.
pub fn page(number: u64) -> Vec<u8> {
    let mut page = vec![number as u8; PAGE];
    page[..8].copy_from_slice(&number.to_le_bytes());
    page
}

/// An AVML file of ranges, each (first address, bytes).
pub fn avml(ranges: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (start, bytes) in ranges {
        let mut frames = snap::write::FrameEncoder::new(Vec::new());
        frames.write_all(bytes).unwrap();
        avml_range(&mut out, *start, bytes.len() as u64, &frames.into_inner().unwrap());
    }
    out
}

/// One range of an AVML file, with frames that the caller made.
pub fn avml_range(out: &mut Vec<u8>, start: u64, length: u64, frames: &[u8]) {
    out.extend(b"AVML\x02\0\0\0".map(|byte| byte));
    for word in [start, start + length - 1, 0] {
        out.extend(word.to_le_bytes());
    }
    out.extend(frames);
    out.extend((frames.len() as u64).to_le_bytes());
}

/// A dump.
pub struct Kdump {
    pub method: u32,
    /// What each page holds; none where it is left out.
    pub pages: Vec<(u64, Option<Vec<u8>>)>,
    pub vmcoreinfo: &'static str,
    /// The pages that the file is to hold, where it is one of several.
    pub claim: Option<Range<u64>>,
}

impl Kdump {
    pub fn new(method: u32, pages: Vec<(u64, Option<Vec<u8>>)>) -> Self {
        Self { method, pages, vmcoreinfo: "OSRELEASE=6.0-test\n", claim: None }
    }

    /// The part of it that holds some pages.
    pub fn part(&self, claim: Range<u64>) -> Vec<u8> {
        Self { pages: self.pages.clone(), claim: Some(claim), ..*self }.bytes()
    }

    /// The file: header, sub-header with the note behind it, a page for each bitmap, descriptors, pages.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![0; 5 * PAGE];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"KDUMP   ");
        put(8, &6_u32.to_le_bytes());
        put(272, b"x86_64");
        for (at, word) in [(424, self.method), (428, PAGE as u32), (432, 1), (436, 2), (440, 8 * PAGE as u32)] {
            put(at, &word.to_le_bytes());
        }
        put(PAGE + 8, &31_u32.to_le_bytes());
        put(PAGE + 32, &(PAGE as u64 + 512).to_le_bytes());
        put(PAGE + 40, &(self.vmcoreinfo.len() as u64).to_le_bytes());
        put(PAGE + 96, &(8 * PAGE as u64).to_le_bytes());
        if let Some(claim) = &self.claim {
            put(PAGE + 12, &[1]);
            for (at, page) in [(16, claim.start), (24, claim.end), (80, claim.start), (88, claim.end)] {
                put(PAGE + at, &page.to_le_bytes());
            }
        }
        put(PAGE + 512, self.vmcoreinfo.as_bytes());
        for (number, held) in &self.pages {
            out[2 * PAGE + *number as usize / 8] |= 1 << (number % 8);
            out[3 * PAGE + *number as usize / 8] |= u8::from(held.is_some()) << (number % 8);
        }
        out.truncate(4 * PAGE);
        let is_here = |page: &u64| self.claim.as_ref().is_none_or(|claim| claim.contains(page));
        let here = self.pages.iter().filter(|(number, _)| is_here(number));
        let packed: Vec<Vec<u8>> = here.filter_map(|(_, held)| Some(pack(self.method, held.as_ref()?))).collect();
        let mut at = out.len() + 24 * packed.len();
        for page in &packed {
            let flags = if page.len() == PAGE { PLAIN } else { self.method };
            out.extend((at as u64).to_le_bytes());
            out.extend((page.len() as u32).to_le_bytes());
            out.extend(flags.to_le_bytes());
            out.extend([0; 8]);
            at += page.len();
        }
        out.extend(packed.concat());
        out
    }
}

fn pack(method: u32, page: &[u8]) -> Vec<u8> {
    match method {
        ZLIB => {
            let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(page).unwrap();
            out.finish().unwrap()
        }
        SNAPPY => snap::raw::Encoder::new().compress_vec(page).unwrap(),
        ZSTD => ruzstd::encoding::compress_to_vec(page, ruzstd::encoding::CompressionLevel::Fastest),
        _ => page.to_vec(),
    }
}

/// The same dump in makedumpfile's flattened stream, its first piece written last and over zeros, as the tool does.
pub fn flattened(dump: &[u8]) -> Vec<u8> {
    const PIECE: usize = 1000;
    let mut out = b"makedumpfile".to_vec();
    out.resize(PAGE, 0);
    let mut piece = |offset: usize, bytes: &[u8]| {
        out.extend((offset as u64).to_be_bytes());
        out.extend((bytes.len() as u64).to_be_bytes());
        out.extend(bytes);
    };
    piece(0, &[0; PIECE]);
    // Pieces of nothing but zeros are stepped over.
    let parts = dump.chunks(PIECE).enumerate().skip(1).filter(|(_, part)| part.iter().any(|byte| *byte != 0));
    parts.for_each(|(index, part)| piece(index * PIECE, part));
    piece(0, &dump[..PIECE]);
    out.extend([0xff; 16]);
    out
}
