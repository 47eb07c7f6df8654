//! Files that are compressed or in an archive, and files of symbols and types.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use super::{in_memory, look_at_types};
use crate::kernel::symbol_files::{self, Content, Form};
use crate::kernel::types::Types;
use crate::unpack;

/// Plain bytes of a packed file.
const MOST: u64 = 4 << 20;

/// A packed file, by how it begins.
pub fn packed(bytes: &[u8]) -> bool {
    let Some((_file, path)) = named(bytes) else { return false };
    unpack::whole_file(&path, MOST).is_ok_and(|plain| {
        assert!(plain.len() as u64 <= MOST);
        true
    })
}

/// An intermediate symbol file.
pub fn isf(bytes: &[u8]) -> bool {
    read(b"{", bytes).is_some_and(|content| content.form == Form::Isf && says_something(&content, bytes))
}

/// `vmlinux`, with DWARF or BTF, or what was split off from it.
pub fn vmlinux(bytes: &[u8]) -> bool {
    read(b"\x7fELF\x02\x01\x01", bytes).is_some_and(|content| says_something(&content, bytes))
}

/// A table of symbols, a line each.
pub fn system_map(bytes: &[u8]) -> bool {
    read(b"", bytes).is_some_and(|content| content.form == Form::Map && says_something(&content, bytes))
}

/// What a file says that begins as its form does.
fn read(start: &[u8], bytes: &[u8]) -> Option<Content> {
    let (_file, path) = named(&[start, bytes.get(start.len()..)?].concat())?;
    symbol_files::parse(&path).ok()
}

fn named(bytes: &[u8]) -> Option<(File, PathBuf)> {
    let file = in_memory(bytes)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Some((file, path))
}

/// Types must be such as are read.
fn says_something(content: &Content, bytes: &[u8]) -> bool {
    let types = content.types.as_ref().filter(|_| content.types_from != "btf").map(|types| {
        let types = Types::from_btf(types.clone());
        assert!(types.is_ok(), "what was written of types is not read: {:?}", types.err());
        types
    });
    if let Some(Ok(types)) = &types {
        look_at_types(types, bytes);
    }
    types.is_some() || content.table.is_some()
}
