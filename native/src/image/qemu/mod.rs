//! Saved guests of QEMU: the stream that `migrate "exec:…"` writes, and libvirt's `virsh save` behind a header of its own
//! (libvirt `src/qemu/qemu_saveimage.h`). Each page lies in it with a header before it, or as a single byte where it holds
//! nothing else; with mapped-ram, each has its place in the file.

mod boards;
mod mapped;
mod pages;
mod reader;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::blocks::Packed;
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
const LIBVIRT_FORMATS: [&str; 7] = ["raw", "gzip", "bzip2", "xz", "lzop", "zstd", "sparse"];
/// Those of a stream that is not packed: as it is, and with mapped-ram.
const PLAIN: [u32; 2] = [0, 6];
/// Those that are unpacked as a whole file is: gzip, xz and zstd.
const UNPACKED: [u32; 3] = [1, 3, 5];

/// Where the packed stream begins in a guest saved by libvirt that begins like this, if it is packed in a way that is
/// unpacked.
pub fn packed_stream(head: &[u8]) -> Option<u64> {
    let format = u32_at(head, 28).filter(|format| head.starts_with(LIBVIRT) && UNPACKED.contains(format));
    format.and_then(|_| Some(LIBVIRT_HEADER as u64 + u64::from(u32_at(head, 20)?)))
}

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
    if UNPACKED.contains(&format) {
        let packed = LIBVIRT_FORMATS.get(format as usize).copied().unwrap_or_default();
        return Err(Error::evidence(format!(
            "a guest saved by libvirt and packed with {packed}: it can only be read unpacked, which needs the cache folder"
        )));
    }
    if !PLAIN.contains(&format) {
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
    let (ranges, packed): (_, Box<dyn Packed>) = match saved.mapped {
        Some(mapped) => (mapped.ranges(), Box::new(mapped)),
        None => {
            let (ranges, index) = saved.pages.index(Arc::clone(file.shared_source()));
            (ranges, Box::new(index))
        }
    };
    Ok(Layout {
        ranges,
        machine: saved.board.map(|board| Machine::Elf(board.machine)),
        warnings: saved.warnings,
        packed: Some(packed),
        ..Layout::default()
    })
}
