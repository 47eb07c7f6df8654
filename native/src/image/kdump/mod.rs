//! kdump-compressed dumps, as makedumpfile and QEMU's `dump-guest-memory -z` write them (makedumpfile's `diskdump_mod.h`,
//! and its `IMPLEMENTATION`): a header, a sub-header, two bitmaps of pages, then a descriptor for each page that is held.
//!
//! A page of the first bitmap that is not in the second was left out on purpose, and nobody knows what it held.

pub mod bitmap;
mod header;
mod pages;
mod parts;
mod runs;
mod stored;

use std::ops::Range;

pub use header::SIGNATURES;
use header::{Header, is_dump};
use pages::{Dump, Pages};
pub use parts::companions;
use parts::{Others, Part};
pub use stored::FLATTENED;
use stored::Stored;

use super::file::Evidence;
use super::{Companion, Layout, Machine, PAGE_SIZE, Range as Memory};
use crate::error::{Error, Result};

/// Bits of a descriptor's flags, and of the header's status.
const ZLIB: u32 = 1;
const LZO: u32 = 2;
const SNAPPY: u32 = 4;
const INCOMPLETE: u32 = 8;
const ZSTD: u32 = 0x20;
/// More ranges than any machine's memory map has: past this the bitmap lies.
const MOST_RANGES: usize = 65_536;
/// VMCOREINFO is one page; a note that claims more is not believed.
const LONGEST_VMCOREINFO: u64 = 1 << 16;

/// Reads headers and bitmaps of a dump, flattened or not.
pub fn parse(file: &Evidence) -> Option<Result<Layout>> {
    let bytes = file.bytes();
    if bytes.starts_with(FLATTENED) {
        return Some(flattened(file));
    }
    is_dump(bytes).then(|| {
        let stored = Stored::plain(file.shared_source());
        let own = Part { path: file.path().to_owned(), header: Header::read(&stored)?, stored };
        let others = own.header.split.as_ref().map(|_| Others::find(&own.path, &own.header));
        read(own, others.unwrap_or_default(), Layout::default())
    })
}

fn flattened(file: &Evidence) -> Result<Layout> {
    let (stored, problem) = Stored::flattened(file.shared_source())?;
    let start = stored.read(0, 8).unwrap_or_default();
    if start.starts_with(b"\x7fELF") {
        return Err(Error::evidence(
            "an ELF core in makedumpfile's flattened stream: put it together with 'makedumpfile -R CORE < FILE'",
        ));
    }
    if !is_dump(&start) {
        return Err(Error::evidence("a flattened stream of makedumpfile that holds no dump: its start is damaged"));
    }
    let own = Part { path: file.path().to_owned(), header: Header::read(&stored)?, stored };
    if own.header.split.is_some() {
        return Err(Error::evidence("one part of a dump in a flattened stream, which makedumpfile never writes"));
    }
    read(own, Others::default(), Layout { warnings: problem.into_iter().collect(), ..Layout::default() })
}

/// Puts a dump together from the file that was given and the others beside it.
fn read(own: Part, others: Others, mut layout: Layout) -> Result<Layout> {
    let (pages, level) = (own.header.pages, own.header.dump_level);
    let given = own.path.clone();
    layout.machine = Some(own.header.machine.clone()).filter(|name| !name.is_empty()).map(Machine::Name);
    let alone = own.header.split.is_none();
    let mut parts = vec![own];
    parts.extend(others.parts);
    layout.vmcoreinfo = parts.iter().find_map(vmcoreinfo);
    let beside = parts.iter().filter(|part| part.path != given);
    layout.companions =
        beside.map(|part| Companion { path: part.path.clone(), source: part.stored.source() }).collect();
    parts.sort_by_key(|part| part.header.claim().start);
    let (mut files, mut taken) = (Vec::new(), 0);
    for part in parts {
        let (is_given, claim) = (part.path == given, part.header.claim());
        let name = if alone { String::new() } else { format!("{}: ", part.name()) };
        if part.header.status & INCOMPLETE != 0 {
            layout.warnings.push(format!("truncated: {name}makedumpfile says that it could not write this to its end"));
        }
        if claim.start > claim.end {
            layout.warnings.push(format!("damaged: {name}pages from {} to {}", claim.start, claim.end));
        } else if claim.start < taken.min(claim.end) {
            layout.warnings.push(format!(
                "overlapping parts: {name}physical {} up to {} is in another file, too, and read from that",
                place(claim.start),
                place(taken.min(claim.end))
            ));
        }
        let span = claim.start.max(taken)..claim.end;
        if span.is_empty() && !alone {
            continue;
        }
        match Pages::read(part, span) {
            Ok((file, ranges)) => {
                layout.warnings.extend(missing(taken..file.span.start, others.problem.as_deref()));
                layout.warnings.extend(file.shortness().map(|what| format!("truncated: {name}{what}")));
                ranges.into_iter().for_each(|range| append(&mut layout.ranges, range));
                taken = file.span.end;
                files.push(file);
            }
            Err(error) if is_given => return Err(error),
            Err(error) => layout.warnings.push(format!("damaged: {name}{}", error.message)),
        }
    }
    layout.warnings.extend(missing(taken..pages, others.problem.as_deref()));
    if layout.ranges.len() > MOST_RANGES {
        return Err(Error::evidence(format!("memory in more than {MOST_RANGES} ranges: the bitmaps are damaged")));
    }
    let memory = layout.ranges.iter().map(|range| range.length / PAGE_SIZE).sum::<u64>();
    let held: u64 = files.iter().map(Pages::count).sum();
    if held < memory {
        layout.left_out = Some(format!(
            "{} of {memory} pages were left out by whoever made the dump{}: what they held cannot be read",
            memory - held,
            filtered(level)
        ));
    }
    layout.packed = Some(Box::new(Dump { files }));
    Ok(layout)
}

/// Appends memory that may go on where another file's ends.
fn append(ranges: &mut Vec<Memory>, range: Memory) {
    match ranges.last_mut().filter(|last| last.end() == range.start) {
        Some(last) => last.length += range.length,
        None => ranges.push(range),
    }
}

fn vmcoreinfo(part: &Part) -> Option<String> {
    let (at, length) = part.header.vmcoreinfo;
    (length > 0 && length <= LONGEST_VMCOREINFO).then_some(())?;
    Some(String::from_utf8_lossy(&part.stored.read(at, length as usize)?).into_owned())
}

/// Tells of pages for which no file stands.
fn missing(pages: Range<u64>, problem: Option<&str>) -> Option<String> {
    let why = problem.map_or_else(String::new, |problem| format!(" ({problem})"));
    (!pages.is_empty()).then(|| {
        format!(
            "truncated: of this dump, which was split, the part with pages {} to {} is not beside the file{why}: memory from \
             physical {} up to {} is missing",
            pages.start,
            pages.end - 1,
            place(pages.start),
            place(pages.end)
        )
    })
}

/// A page's physical address.
fn place(page: u64) -> String {
    format!("{:#x}", page.saturating_mul(PAGE_SIZE))
}

/// What makedumpfile's dump level says of the pages that it leaves out.
fn filtered(level: u32) -> String {
    // Pages of zeros (1) it does not leave out of this format.
    let kinds = [(2 | 4, "page cache"), (8, "processes' memory"), (16, "free memory")];
    let named: Vec<&str> = kinds.iter().filter(|(bits, _)| level & bits != 0).map(|(_, kind)| *kind).collect();
    if named.is_empty() { String::new() } else { format!(" (dump level {level}: {})", named.join(", ")) }
}
