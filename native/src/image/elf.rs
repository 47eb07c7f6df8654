//! ELF cores as QEMU, virsh and kdump's /proc/vmcore write them. Only physical addresses count: `p_vaddr` may be all zero.

use object::LittleEndian;
use object::elf::{ET_CORE, FileHeader64, PT_LOAD, PT_NOTE};
use object::read::elf::{FileHeader, ProgramHeader};

use super::{Layout, Machine, Range};
use crate::error::{Error, Result};

type Elf = FileHeader64<LittleEndian>;

/// VMCOREINFO is one page; a note that claims more is not believed.
const LONGEST_VMCOREINFO: usize = 1 << 16;

/// Reads the program headers of a 64-bit little-endian core.
pub fn parse(bytes: &[u8]) -> Option<Result<Layout>> {
    bytes.starts_with(b"\x7fELF").then(|| core(bytes))
}

fn core(bytes: &[u8]) -> Result<Layout> {
    let damaged = |error: object::Error| Error::evidence(format!("the ELF header is damaged: {error}"));
    if bytes.get(4) != Some(&2) || bytes.get(5) != Some(&1) {
        return Err(Error::evidence(
            "an ELF file, but not a 64-bit little-endian one: not a memory image salvor reads",
        ));
    }
    let header = Elf::parse(bytes).map_err(damaged)?;
    let endian = LittleEndian;
    if header.e_type.get(endian) != ET_CORE {
        return Err(Error::evidence("an ELF program or library, not a memory core"));
    }
    let segments = header.program_headers(endian, bytes).map_err(damaged)?;
    let machine = Some(Machine::Elf(header.e_machine.get(endian)));
    let mut layout = Layout { machine, ..Layout::default() };
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
    Ok(layout)
}

/// A process's core leaves every `p_paddr` zero; a machine's has at most one segment at zero.
fn is_process_core(ranges: &[Range]) -> bool {
    ranges.iter().filter(|range| range.length > 0).count() > 1 && ranges.iter().all(|range| range.start == 0)
}

fn vmcoreinfo(segment: &object::elf::ProgramHeader64<LittleEndian>, bytes: &[u8]) -> Option<String> {
    let mut notes = segment.notes(LittleEndian, bytes).ok()??;
    while let Ok(Some(note)) = notes.next() {
        let text = note.desc();
        if note.name() == b"VMCOREINFO" && text.len() <= LONGEST_VMCOREINFO {
            return Some(String::from_utf8_lossy(text).into_owned());
        }
    }
    None
}
