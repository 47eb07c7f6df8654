//! Files of memory in formats that do not pack it.

use std::io::Write;

use salvor_native::error::ErrorKind;
use salvor_native::image::Image;

/// A file of these bytes.
pub fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Why an image is refused, in one line.
pub fn refusal(bytes: &[u8]) -> String {
    let error = Image::open(file(bytes).path()).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Evidence);
    assert!(!error.message.contains('\n'), "{}", error.message);
    error.message
}

/// The header of a LiME range.
pub fn lime_header(start: u64, last: u64) -> Vec<u8> {
    let mut header = b"EMiL\x01\0\0\0".to_vec();
    header.extend(start.to_le_bytes());
    header.extend(last.to_le_bytes());
    header.extend([0; 8]);
    header
}

/// The headers of an ELF file, with segments of memory as (physical address, offset, bytes).
pub fn elf_core(kind: u16, machine: u16, segments: &[(u64, u64, u64)]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    for word in [kind, machine] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(1_u32.to_le_bytes());
    for word in [0_u64, 64, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(0_u32.to_le_bytes());
    for word in [64_u16, 56, segments.len() as u16, 0, 0, 0] {
        bytes.extend(word.to_le_bytes());
    }
    for (physical, offset, size) in segments {
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        for word in [*offset, 0, *physical, *size, *size, 0] {
            bytes.extend(word.to_le_bytes());
        }
    }
    bytes
}
