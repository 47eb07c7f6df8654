//! What can be told of a file by how it begins.

use super::{avml, crash_dump, elf, foreign, kdump, lime, qemu, vmware};

/// How files of formats begin that are told by that.
const STARTS: &[&[u8]] = &[
    &lime::START,
    elf::MAGIC,
    &avml::START,
    kdump::SIGNATURES[0],
    kdump::SIGNATURES[1],
    kdump::FLATTENED,
    qemu::START,
    qemu::LIBVIRT,
    crash_dump::START,
];

/// Whether something begins as an image in a format that is told by its start.
pub fn is_known(head: &[u8]) -> bool {
    STARTS.iter().any(|start| head.starts_with(start))
}

/// Bytes from the start of a file that tell whether memory lies in it as it is.
pub const HEAD: u64 = 8192;

/// Whether what begins like this has memory in it as it is, so that no more of it need be here than what is read: the other
/// formats pack it, or say at their end what is where.
pub fn is_plain(head: &[u8]) -> bool {
    let other = || is_known(head) || vmware::is_state(head) || foreign::refuse(head).is_some();
    head.starts_with(&lime::START) || head.starts_with(elf::MAGIC) || !other()
}
