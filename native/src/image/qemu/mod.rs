//! Saved guests of QEMU: the stream that `migrate "exec:…"` writes, and libvirt's `virsh save` behind a header of its own
//! (libvirt `src/qemu/qemu_saveimage.h`). Each page lies in it with a header before it, or as a single byte where it holds
//! nothing else.

mod boards;
mod pages;
mod reader;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::file::Evidence;
use super::{Layout, Machine};
use crate::error::{Error, Result};
use crate::words::u32_at;

/// QEMU's magic and the only version of the stream since 2009, big-endian (qemu `migration/savevm.h`).
pub const START: &[u8; 8] = b"QEVM\0\0\0\x03";
/// How a guest saved by libvirt begins.
pub const LIBVIRT: &[u8; 16] = b"LibvirtQemudSave";
/// Bytes of libvirt's header; the guest's description of a length that it names comes before the stream.
const LIBVIRT_HEADER: usize = 92;
/// How libvirt packs the stream, by number (`virQEMUSaveFormat`).
const LIBVIRT_FORMATS: [&str; 6] = ["raw", "gzip", "bzip2", "xz", "lzop", "zstd"];

/// Reads a stream, or one that libvirt wrote.
pub fn parse(file: &Evidence) -> Option<Result<Layout>> {
    let bytes = file.bytes();
    if bytes.starts_with(LIBVIRT) {
        return Some(libvirt_stream(bytes).and_then(|at| read(file, at)));
    }
    bytes.starts_with(START).then(|| read(file, 0))
}

/// Where the stream begins in a file of libvirt's.
fn libvirt_stream(bytes: &[u8]) -> Result<usize> {
    let cut = || Error::evidence("a guest saved by libvirt, cut off in its header");
    let word = |at| u32_at(bytes, at).ok_or_else(cut);
    let (length, format) = (word(20)?, word(28)?);
    if format != 0 {
        let packed = LIBVIRT_FORMATS.get(format as usize).copied().unwrap_or("a method that salvor does not know");
        return Err(Error::evidence(format!(
            "a guest saved by libvirt and packed with {packed}: set save_image_format = \"raw\" in qemu.conf and save it \
             again, or use 'virsh dump --memory-only'"
        )));
    }
    let at = LIBVIRT_HEADER + length as usize;
    if !bytes.get(at..).is_some_and(|rest| rest.starts_with(START)) {
        return Err(Error::evidence(format!(
            "a guest saved by libvirt, but there is no stream of QEMU's at file offset {at:#x}, where its header says"
        )));
    }
    Ok(at)
}

fn read(file: &Evidence, at: usize) -> Result<Layout> {
    let saved = stream::read(file, at + START.len())?;
    let (ranges, packed) = saved.pages.index(Arc::clone(file.shared_source()));
    Ok(Layout {
        ranges,
        machine: saved.board.map(|board| Machine::Elf(board.machine)),
        warnings: saved.warnings,
        packed: Some(Box::new(packed)),
        ..Layout::default()
    })
}
