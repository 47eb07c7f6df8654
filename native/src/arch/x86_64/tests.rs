use std::io::Write;
use std::sync::Arc;

use super::*;
use crate::arch;

const MIB: u64 = 1 << 20;
const USER: u64 = 0x40_0000;
/// Frames that a small page and a huge page may have.
const SMALL: u64 = 5 * MIB;
const HUGE: u64 = 4 * MIB;

/// Four levels, with entries that have this bit beside their frame's.
fn four(encryption: u64) -> arch::Paging {
    let [four, _] = ways(encryption);
    four
}

/// 8 MiB of memory whose tables at 0x1000, 0x2000, 0x3000 map `USER` by `entry`: the 2 MiB entry, or with `small`
/// the first 4 KiB one of a table at 0x4000.
fn space(entry: u64, small: bool, flags: u64) -> AddressSpace {
    encrypted(entry, small, flags, 0)
}

/// The same, where entries have a bit that says "encrypted", and the image holds plain memory.
fn encrypted(entry: u64, small: bool, flags: u64, bit: u64) -> AddressSpace {
    let mut memory = vec![0; 8 * MIB as usize];
    let mut put = |at: u64, word: u64| {
        memory.splice(at as usize..at as usize + 8, word.to_le_bytes());
    };
    put(0x1000, 0x2003 | flags);
    put(0x2000, 0x3003 | flags);
    put(0x3000 + (USER >> 21) * 8, if small { 0x4003 | flags } else { entry });
    put(0x4000, entry);
    AddressSpace::new(Arc::new(image_of(&memory)), 0x1000, four(bit))
}

/// A raw image of this memory.
fn image_of(memory: &[u8]) -> Image {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(memory).unwrap();
    Image::open(file.path()).unwrap()
}

#[test]
fn prot_none_entries_hold_the_inverted_frame() {
    let inverted = |frame: u64, inside: u64| !frame & FRAME & !inside;
    let small = space(inverted(SMALL, 0xfff) | PROT_NONE, true, 0);
    assert_eq!(small.translate(USER + 0x123), Some(SMALL + 0x123));
    let huge = space(inverted(HUGE, 2 * MIB - 1) | PROT_NONE | LARGE, false, 0);
    assert_eq!(huge.translate(USER + MIB + 7), Some(HUGE + MIB + 7));
    let beyond = space(inverted(16 * MIB, 0xfff) | PROT_NONE, true, 0);
    assert_eq!(beyond.translate(USER), Some(16 * MIB), "memory that the image lacks, not another page");
}

#[test]
fn prot_none_entries_of_kernels_before_l1tf_hold_the_frame_itself() {
    assert_eq!(space(SMALL | PROT_NONE, true, 0).translate(USER + 1), Some(SMALL + 1));
    assert_eq!(space(HUGE | PROT_NONE | LARGE, false, 0).translate(USER + 1), Some(HUGE + 1));
}

#[test]
fn swap_entries_and_absent_tables_are_no_prot_none_mappings() {
    // A swap entry has bits from 9 on, and may have 1 to 7, but never that of PROT_NONE.
    for entry in [!SMALL & FRAME | 0x2e00, SMALL | 0xfe, 0] {
        assert_eq!(space(entry, true, 0).translate(USER), None, "{entry:#x}");
        assert_eq!(space(entry, false, 0).translate(USER), None, "{entry:#x}");
    }
    assert_eq!(space(HUGE | PROT_NONE, false, 0).translate(USER), None, "a table that is not present");
}

#[test]
fn the_bit_that_says_encrypted_is_no_part_of_a_frame() {
    for bit in [1 << 47, 1 << 51] {
        let present = encrypted(SMALL | bit | PRESENT, true, bit, bit);
        assert_eq!(present.translate(USER), Some(SMALL));
        assert_eq!(present.with_root(0x1000 | bit).translate(USER), Some(SMALL));
        let none = (!SMALL & FRAME & !bit) | bit | PROT_NONE;
        assert_eq!(encrypted(none, true, bit, bit).translate(USER), Some(SMALL));
        assert_eq!(space(SMALL | bit | PRESENT, true, bit).translate(USER), None);
    }
}

#[test]
fn a_note_tells_where_text_is() {
    let image = image_of(&[0; MIB as usize]);
    let text = "SYMBOL(_stext)=ffffffff8ec00000\nNUMBER(phys_base)=413138944\n";
    assert_eq!(X86_64.noted_text(&image, &VmcoreInfo::new(text)), Some(0x2760_0000));
}

#[test]
fn a_note_that_lies_gives_nothing_or_a_place_that_is_nowhere() {
    let image = image_of(&[0; MIB as usize]);
    for (text, base) in [(0, 0), (u64::MAX, i64::MAX), (KERNEL_MAP, i64::MIN), (KERNEL_MAP, -1)] {
        let note = format!("SYMBOL(_stext)={text:x}\nNUMBER(phys_base)={base}\n");
        let noted = X86_64.noted_text(&image, &VmcoreInfo::new(&note));
        assert!(noted.is_none_or(|text| text > i64::MAX as u64), "{note}");
    }
}

#[test]
fn the_kernels_half_is_what_the_hardware_lets_it_have() {
    let half = |levels| Paging::plain(levels).geometry().kernel_half;
    assert_eq!(half(Levels::Four), 0xffff_8000_0000_0000);
    assert_eq!(half(Levels::Five), 0xff00_0000_0000_0000);
    for levels in [Levels::Four, Levels::Five] {
        assert!(levels.is_canonical(half(levels)) && !levels.is_canonical(half(levels) - 1));
    }
}
