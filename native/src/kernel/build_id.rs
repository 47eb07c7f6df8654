//! The GNU build id: a note that the linker leaves among the kernel's own (`__start_notes` to `__stop_notes`). From 5.9 on
//! VMCOREINFO has it too.

use crate::arch::AddressSpace;
use crate::image::VmcoreInfo;
use crate::words::u32_at;

use super::symbols::Symbols;

/// The kernel's notes are a few hundred bytes; a claim of more is not believed.
const MOST_NOTES: u64 = 1 << 16;
const GNU_BUILD_ID: u32 = 3;

/// The build id in hex, out of kernel memory: from the notes, or else from VMCOREINFO, which a dump may carry.
pub fn read(memory: &AddressSpace, symbols: &Symbols) -> Option<String> {
    noted(memory, symbols).or_else(|| match memory.image().vmcoreinfo() {
        Some(info) => info.build_id(),
        None => VmcoreInfo::new(&vmcoreinfo(memory, symbols)?).build_id(),
    })
}

/// The kernel's own copy of VMCOREINFO, for which it has one page.
fn vmcoreinfo(memory: &AddressSpace, symbols: &Symbols) -> Option<String> {
    let page = memory.read_u64(symbols.address("vmcoreinfo_data")?)?;
    let mut text = vec![0; memory.geometry().page_size as usize];
    let length = memory.read(page, &mut text);
    text.truncate(length);
    text.truncate(memchr::memchr(0, &text).unwrap_or(length));
    String::from_utf8(text).ok().filter(|text| text.contains("OSRELEASE="))
}

fn noted(memory: &AddressSpace, symbols: &Symbols) -> Option<String> {
    let start = symbols.address("__start_notes")?;
    let length = symbols.address("__stop_notes")?.checked_sub(start).filter(|length| *length <= MOST_NOTES)?;
    let mut notes = vec![0; usize::try_from(length).ok()?];
    memory.read_exact(start, &mut notes).then_some(())?;
    parse(&notes)
}

/// The build id in hex, out of ELF notes.
pub(super) fn parse(mut notes: &[u8]) -> Option<String> {
    loop {
        let (header, rest) = notes.split_first_chunk::<12>()?;
        let (name_length, text_length) = (u32_at(header, 0)? as usize, u32_at(header, 4)? as usize);
        let kind = u32_at(header, 8)?;
        let name = rest.get(..name_length)?;
        let rest = rest.get(name_length.checked_next_multiple_of(4)?..)?;
        let text = rest.get(..text_length)?;
        if kind == GNU_BUILD_ID && name == b"GNU\0" && (8..=64).contains(&text_length) {
            return Some(text.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        notes = rest.get(text_length.checked_next_multiple_of(4)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn note(name: &[u8], kind: u32, text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [name.len() as u32, text.len() as u32, kind] {
            bytes.extend(word.to_le_bytes());
        }
        for part in [name, text] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn the_build_id_is_found_behind_other_notes() {
        let mut notes = note(b"Linux\0", 0x100, b"6.1.0-56-cloud-amd64\0");
        notes.extend(note(b"GNU\0", 3, &[0xab; 20]));
        assert_eq!(parse(&notes), Some("ab".repeat(20)));
    }

    #[test]
    fn lying_lengths_end_the_search() {
        let mut notes = note(b"Linux\0", 3, b"x");
        notes.extend([0xff; 12]);
        assert_eq!(parse(&notes), None);
        assert_eq!(parse(&[]), None);
    }
}
