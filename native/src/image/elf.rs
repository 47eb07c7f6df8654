//! ELF cores as QEMU, virsh, VirtualBox and kdump's /proc/vmcore write them, copies of /proc/kcore, and Xen's. Only physical
//! addresses count: `p_vaddr` may be all zero.

use object::LittleEndian;
use object::ReadRef;
use object::elf::{ET_CORE, FileHeader64, PT_LOAD, PT_NOTE};
use object::read::elf::{FileHeader, ProgramHeader};

use super::file::Evidence;
use super::{Layout, Machine, Range, xen};
use crate::error::{Error, Result};

type Elf = FileHeader64<LittleEndian>;

/// How such a file begins.
pub const MAGIC: &[u8] = b"\x7fELF";
/// Bytes that say of what kind it is.
const IDENT: u64 = 16;
/// VMCOREINFO is one page; a note that claims more is not believed.
const LONGEST_VMCOREINFO: usize = 1 << 16;
/// What /proc/kcore gives as the physical address of what has only virtual ones (fs/proc/kcore.c).
const NO_ADDRESS: u64 = u64::MAX;
/// More parts than /proc/kcore has of any machine.
const MOST_PARTS: usize = 4096;

/// Reads the program headers of a 64-bit little-endian core.
pub fn parse(file: &Evidence) -> Option<Result<Layout>> {
    let ident = file.part(0, IDENT.min(file.size()));
    ident.starts_with(MAGIC).then(|| core(file, ident))
}

fn core(bytes: &Evidence, ident: &[u8]) -> Result<Layout> {
    let damaged = |error: object::Error| Error::evidence(format!("the ELF header is damaged: {error}"));
    if ident.get(4) != Some(&2) || ident.get(5) != Some(&1) {
        return Err(Error::evidence(
            "an ELF file, but not a 64-bit little-endian one: not a memory image salvor reads",
        ));
    }
    // Not by the library's own look, which refuses what VirtualBox writes: its ident has no version.
    let cut = || Error::evidence("the ELF header is damaged: it is cut off");
    let header: &Elf = bytes.read_at(0).map_err(|()| cut())?;
    let endian = LittleEndian;
    if header.e_type.get(endian) != ET_CORE {
        return Err(Error::evidence("an ELF program or library, not a memory core"));
    }
    let segments = header.program_headers(endian, bytes).map_err(damaged)?;
    let machine = Some(Machine::Elf(header.e_machine.get(endian)));
    let mut layout = Layout { machine, ..Layout::default() };
    if let Some(ranges) = xen::ranges(header, bytes) {
        return Ok(Layout { ranges: ranges?, ..layout });
    }
    for segment in segments {
        match segment.p_type(endian) {
            PT_LOAD => layout.ranges.push(Range {
                start: segment.p_paddr(endian),
                length: segment.p_filesz(endian),
                offset: segment.p_offset(endian),
            }),
            PT_NOTE if layout.vmcoreinfo.is_none() => layout.vmcoreinfo = vmcoreinfo(segment, bytes),
            _ => {}
        }
    }
    if is_process_core(&layout.ranges) {
        return Err(Error::evidence(
            "a core of one process, not of a machine: its segments have no physical addresses",
        ));
    }
    without_virtual(&mut layout);
    Ok(layout)
}

/// A copy of /proc/kcore has what is only mapped, such as vmalloc's areas, and shows the kernel's own text where it lies in
/// RAM once more.
fn without_virtual(layout: &mut Layout) {
    let all = layout.ranges.len();
    layout.ranges.retain(|range| range.start != NO_ADDRESS);
    let virtual_only = all - layout.ranges.len();
    if virtual_only == 0 || all > MOST_PARTS {
        return;
    }
    layout.left_out = Some(format!(
        "{virtual_only} parts of this copy of /proc/kcore have no physical address and are not read: they show memory that is \
         in the others"
    ));
    let whole = layout.ranges.clone();
    let within = |range: &Range, other: &Range| {
        let end = |range: &Range| range.start.saturating_add(range.length);
        other.length > range.length && other.start <= range.start && end(range) <= end(other)
    };
    layout.ranges.retain(|range| !whole.iter().any(|other| within(range, other)));
}

/// A process's core leaves every `p_paddr` zero; a machine's has at most one segment at zero.
fn is_process_core(ranges: &[Range]) -> bool {
    ranges.iter().filter(|range| range.length > 0).count() > 1 && ranges.iter().all(|range| range.start == 0)
}

fn vmcoreinfo(segment: &object::elf::ProgramHeader64<LittleEndian>, bytes: &Evidence) -> Option<String> {
    let mut notes = segment.notes(LittleEndian, bytes).ok()??;
    while let Ok(Some(note)) = notes.next() {
        let text = note.desc();
        if note.name() == b"VMCOREINFO" && text.len() <= LONGEST_VMCOREINFO {
            return Some(String::from_utf8_lossy(text).into_owned());
        }
    }
    None
}
