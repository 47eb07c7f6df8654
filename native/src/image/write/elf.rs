//! A core: a segment for each range, and the VMCOREINFO note. Segments begin at a page of the file. Their table stands behind
//! the header, where tools look for it that do not read where it is; if memory turns out to be in more pieces than it has
//! room for, at the end.

use std::io;

use object::elf::{ET_CORE, PN_XNUM, PT_LOAD, PT_NOTE};

use super::super::PAGE_SIZE;
use super::{About, Output, Writer};

const HEADER: u64 = 64;
const ENTRY: u64 = 56;
const SECTION: u64 = 64;
/// Entries that there is room for beside those of the ranges: the note's, and pieces that damage makes.
const SPARE: u64 = 64;
const NOTE_NAME: &[u8; 12] = b"VMCOREINFO\0\0";
/// Of the name, with its end.
const NOTE_NAME_LENGTH: u32 = 11;

/// A core while it is written.
pub struct Elf {
    out: Output,
    machine: u16,
    /// Entries that there is room for behind the header.
    room: u64,
    /// Offset and bytes of the note.
    note: Option<(u64, u64)>,
    segments: Vec<Segment>,
}

struct Segment {
    physical: u64,
    offset: u64,
    length: u64,
}

impl Elf {
    /// In a new file.
    pub fn new(mut out: Output, about: &About) -> io::Result<Self> {
        let room = about.ranges as u64 + SPARE;
        out.skip_to(HEADER + room * ENTRY)?;
        let note = match about.vmcoreinfo {
            Some(text) => {
                let note = note(text)?;
                let at = out.length();
                out.append(&note)?;
                Some((at, note.len() as u64))
            }
            None => None,
        };
        Ok(Self { out, machine: about.machine, room, note, segments: Vec::new() })
    }

    /// Where the table goes, and what it needs beside it where the header cannot count so many.
    fn finish(mut self) -> io::Result<()> {
        let table = self.table();
        let entries = table.len() as u64 / ENTRY;
        let at = if entries <= self.room { HEADER } else { self.at_page()? };
        if at == HEADER {
            self.out.patch(at, &table)?
        } else {
            self.out.append(&table)?
        }
        let counted = u16::try_from(entries).ok().filter(|count| *count < PN_XNUM);
        let sections = match counted {
            Some(_) => None,
            None => Some(self.at_page()?),
        };
        if sections.is_some() {
            let count = u32::try_from(entries).map_err(|_| io::Error::other("memory in too many pieces for ELF"))?;
            self.out.append(&first_section(count))?;
        }
        let header = header(self.machine, at, counted.unwrap_or(PN_XNUM), sections.unwrap_or(0));
        self.out.patch(0, &header)?;
        self.out.finish()
    }

    fn at_page(&mut self) -> io::Result<u64> {
        let at = self.out.length().next_multiple_of(PAGE_SIZE);
        self.out.skip_to(at)?;
        Ok(at)
    }

    fn table(&self) -> Vec<u8> {
        let note = self.note.iter().flat_map(|(offset, length)| entry(PT_NOTE, 0, *offset, *length, 4));
        let loads = self
            .segments
            .iter()
            .flat_map(|Segment { physical, offset, length }| entry(PT_LOAD, *physical, *offset, *length, PAGE_SIZE));
        note.chain(loads).collect()
    }
}

impl Writer for Elf {
    fn append(&mut self, physical: u64, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        match self.segments.last_mut().filter(|last| last.physical + last.length == physical) {
            Some(last) => last.length += length,
            None => {
                let offset = self.at_page()?;
                self.segments.push(Segment { physical, offset, length });
            }
        }
        self.out.append(bytes)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        (*self).finish()
    }
}

fn note(text: &str) -> io::Result<Vec<u8>> {
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    let mut note: Vec<u8> = [NOTE_NAME_LENGTH, length, 0].into_iter().flat_map(u32::to_le_bytes).collect();
    note.extend(NOTE_NAME);
    note.extend(text.as_bytes());
    note.resize(note.len().next_multiple_of(4), 0);
    Ok(note)
}

/// An `Elf64_Phdr`; virtual addresses are none.
fn entry(kind: u32, physical: u64, offset: u64, length: u64, align: u64) -> Vec<u8> {
    // Memory of a machine can be written and run; a note cannot.
    let flags: u32 = if kind == PT_LOAD { 7 } else { 0 };
    let mut bytes: Vec<u8> = [kind, flags].into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend([offset, 0, physical, length, length, align].into_iter().flat_map(u64::to_le_bytes));
    bytes
}

/// An `Elf64_Shdr` that stands first and tells how many entries the table of segments has.
fn first_section(entries: u32) -> Vec<u8> {
    let mut bytes = vec![0; SECTION as usize];
    if let Some(info) = bytes.get_mut(44..48) {
        info.copy_from_slice(&entries.to_le_bytes());
    }
    bytes
}

/// An `Elf64_Ehdr`.
fn header(machine: u16, table: u64, entries: u16, sections: u64) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend([ET_CORE, machine].into_iter().flat_map(u16::to_le_bytes));
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend([0, table, sections].into_iter().flat_map(u64::to_le_bytes));
    bytes.extend(0_u32.to_le_bytes());
    let has_sections = u16::from(sections != 0);
    let sizes = [HEADER as u16, ENTRY as u16, entries, SECTION as u16 * has_sections, has_sections, 0];
    bytes.extend(sizes.into_iter().flat_map(u16::to_le_bytes));
    bytes
}
