//! Cores of Xen's guests, as `xl dump-core` writes them: an ELF file whose sections hold the pages and their numbers
//! (xen `docs/misc/dump-core-format.txt`).

use object::LittleEndian;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader, SectionHeader};

use super::file::Evidence;
use super::settle::join;
use super::{PAGE_SIZE, Range};
use crate::error::{Error, Result};
use crate::words::u64_at;

const PAGES: &[u8] = b".xen_pages";
/// Number of each page, of a guest whose page tables are its own.
const NUMBERS: &[u8] = b".xen_pfn";
/// Number of each page and of the host's page that it is, of a paravirtualised guest.
const HOST_NUMBERS: &[u8] = b".xen_p2m";
/// What stands for no page.
const NONE: u64 = u64::MAX;

/// Ranges of the pages; none where the file has no section of Xen's.
pub fn ranges(header: &FileHeader64<LittleEndian>, bytes: &Evidence) -> Option<Result<Vec<Range>>> {
    let endian = LittleEndian;
    let sections = header.sections(endian, bytes).ok()?;
    let named = |name| sections.section_by_name(endian, name).map(|(_, section)| section);
    let pages = named(PAGES)?;
    let Some(numbers) = named(NUMBERS).and_then(|section| section.data(endian, bytes).ok()) else {
        return Some(Err(Error::evidence(match named(HOST_NUMBERS) {
            Some(_) => "a core of a paravirtualised guest of Xen, whose page tables name the host's pages: not read",
            None => "a core of Xen's, damaged or cut off: there are no numbers of its pages",
        })));
    };
    Some(Ok(runs(numbers, pages.sh_offset(endian))))
}

/// Numbers that follow each other are one range.
fn runs(numbers: &[u8], mut offset: u64) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for number in numbers.chunks_exact(size_of::<u64>()).filter_map(|word| u64_at(word, 0)) {
        let start = number.checked_mul(PAGE_SIZE).filter(|_| number != NONE);
        if let Some(start) = start {
            join(&mut ranges, Range { start, length: PAGE_SIZE, offset });
        }
        offset = offset.saturating_add(PAGE_SIZE);
    }
    ranges
}
