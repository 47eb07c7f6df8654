//! Files that are no memory in a form that salvor reads, told apart by how they begin, each with what to do about it.

use super::Layout;
use crate::error::{Error, Result};

/// A kind of file: bytes at an offset, what it is, and what to do.
type Kind = (usize, &'static [u8], &'static str, &'static str);

const KINDS: &[Kind] = &[
    (0, b"\x1f\x8b\x08", "compressed with gzip", "unpack it with 'gunzip -k'"),
    (0, b"\xfd7zXZ\0", "compressed with xz", "unpack it with 'xz -dk'"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with 'zstd -d'"),
    (4, b"1AY&SY", "compressed with bzip2", "unpack it with 'bunzip2 -k'"),
    (0, b"\x04\x22\x4d\x18", "compressed with lz4", "unpack it with 'lz4 -d'"),
    (0, b"PK\x03\x04", "a ZIP archive", "unpack it with 'unzip'"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it with '7z x'"),
    (257, b"ustar", "a tar archive", "unpack it with 'tar -xf'"),
    (0, b"\x14\x20\x28\x01", HYPER_V, HYPER_V_ADVICE),
    (0, b"\x7fVirtualBox SavedState", VIRTUALBOX, "write an ELF core with 'VBoxManage debugvm VM dumpvmcore'"),
    (0, b"QEVM", "a saved state of QEMU of another version", "restore it and write a core with 'dump-guest-memory'"),
    (0, b"LibvirtQemudPart", "a guest that libvirt did not finish to save", "use 'virsh dump --memory-only'"),
    (0, b"QFI\xfb", "a disk of QEMU (qcow2)", QCOW2_ADVICE),
    (0, b"KDMV", "a virtual disk of VMware", "give a memory image instead"),
    (0, b"conectix", "a virtual disk of Hyper-V", "give a memory image instead"),
    (0, b"vhdxfile", "a virtual disk of Hyper-V", "give a memory image instead"),
    (0, b"PAGEDUMP", "a crash dump of Windows", "salvor reads Linux memory only"),
    (0, b"hibr", "a hibernation file of Windows", "salvor reads Linux memory only"),
    (0, b"HIBR", "a hibernation file of Windows", "salvor reads Linux memory only"),
    (4086, b"S1SUSPEND", "a hibernated system's swap", "salvor reads memory that was taken while the system ran"),
    (0, b"S390 dump", "a dump of IBM Z", "no memory of such a machine is read"),
];

const HYPER_V: &str = "a saved state of Hyper-V (.vmrs)";
const HYPER_V_ADVICE: &str = "convert it with 'vm2dmp', or take memory inside the guest with AVML";
const QCOW2_ADVICE: &str = "only memory that 'savevm' kept in it is read, and that needs a cache folder";
const VIRTUALBOX: &str = "a saved state of VirtualBox";

/// Refuses a file that is known by how it begins.
pub fn refuse(bytes: &[u8]) -> Option<Result<Layout>> {
    let begins = |(at, start, _, _): &&Kind| bytes.get(*at..).is_some_and(|bytes| bytes.starts_with(start));
    let (_, _, what, advice) = KINDS.iter().find(begins)?;
    Some(Err(Error::evidence(format!("{what}, not a memory image that salvor reads: {advice}"))))
}
