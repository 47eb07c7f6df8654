//! Tables made by hand: every granule with every number of bits, pages and blocks at every level, entries that lie.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::arch::{self, Met, Unmapped};

/// Where the root lies; the tables below follow it, each a multiple of the largest size.
const ROOT: u64 = 0x1_0000;
const TABLE_ROOM: u64 = 0x1_0000;
/// What an entry of each kind has in its lowest bits.
const PAGE: u64 = 3;
const TABLE: u64 = 3;
const BLOCK: u64 = 1;
/// Attributes that valid entries have and that say nothing of where they lead: UXN, PXN, contiguous, dirty, AF, nG.
const ATTRIBUTES: u64 = 1 << 54 | 1 << 53 | 1 << 52 | 1 << 51 | 1 << 10 | 1 << 11;
const NOT_GLOBAL: u64 = 1 << 11;

/// The physical address as an entry of these tables holds it.
fn encoded(tables: Tables, physical: u64) -> u64 {
    match tables.granule {
        Granule::Large => physical & 0x0000_ffff_ffff_0000 | physical >> 48 << 12,
        _ if tables.bits > 48 => physical & 0x0003_ffff_ffff_ffff | physical >> 50 << 8,
        _ => physical,
    }
}

/// Bits of an address below the index of a level.
fn below(tables: Tables, level: u32) -> u32 {
    tables.granule.shift() + (tables.granule.shift() - 3) * level
}

/// Entries by place in memory, and the image that has them.
#[derive(Default)]
struct Memory(Vec<(u64, u64)>);

impl Memory {
    /// Tables down to a level at which an entry stands for an address.
    fn mapping(tables: Tables, address: u64, level: u32, entry: u64) -> Self {
        let translated = address & ((1 << tables.bits) - 1);
        let mut memory = Self::default();
        let mut table = ROOT;
        for above in (level..tables.levels()).rev() {
            let size = 1 << (tables.granule.shift() - 3);
            let at = table + (translated >> below(tables, above)) % size * 8;
            let next = table + TABLE_ROOM;
            memory.0.push((at, if above == level { entry } else { encoded(tables, next) | TABLE | 1 << 63 }));
            table = next;
        }
        memory
    }

    fn space(&self, paging: Paging) -> AddressSpace {
        let mut bytes = vec![0_u8; 1 << 20];
        for (at, word) in &self.0 {
            let at = *at as usize;
            bytes.splice(at..at + 8, word.to_le_bytes());
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let image = Arc::new(Image::open(file.path()).unwrap());
        AddressSpace::new(image, ROOT, arch::Paging::Arm64(paging))
    }
}

/// An address of the kernel's half with all indexes different.
fn some_address(tables: Tables) -> u64 {
    u64::MAX << tables.bits | 0x000a_5b6c_7d8e_9f53 & ((1 << tables.bits) - 1)
}

/// A physical address with its highest bits set, as far as entries hold these, and aligned to a level's blocks.
fn some_physical(tables: Tables, level: u32) -> u64 {
    let bits = if tables.bits > 48 || tables.granule == Granule::Large { 52 } else { 48 };
    0x000d_cba9_8765_4321 & ((1 << bits) - 1) & !((1 << below(tables, level)) - 1)
}

#[test]
fn levels_are_as_many_as_bits_need() {
    let levels: Vec<_> = Paging::ways().iter().map(|paging| (paging.tables.bits, paging.tables.levels())).collect();
    assert_eq!(levels, [(48, 4), (52, 5), (39, 3), (48, 3), (52, 3), (42, 2), (48, 4), (47, 3), (52, 4), (36, 2)]);
}

#[test]
fn pages_and_blocks_are_found_at_each_level_that_may_have_them() {
    for paging in Paging::ways() {
        let tables = paging.tables;
        let address = some_address(tables);
        let mut legal = Vec::new();
        for level in 0..tables.levels() {
            let physical = some_physical(tables, level);
            let kind = if level == 0 { PAGE } else { BLOCK };
            let space =
                Memory::mapping(tables, address, level, encoded(tables, physical) | kind | ATTRIBUTES).space(paging);
            let inside = address & ((1 << below(tables, level)) - 1);
            match space.translate(address) {
                Some(found) => {
                    assert_eq!(found, physical | inside, "{tables:?} level {level}");
                    legal.push(level);
                }
                None => assert_eq!(space.gap(address).why, Unmapped::Absent, "{tables:?} level {level}"),
            }
        }
        // Arm ARM, D8.2: the lowest level always, then blocks of 2 MiB and 1 GiB, 32 MiB, 512 MiB; with 52 bits one more.
        let highest = match (tables.granule, tables.bits) {
            (Granule::Small, 52) => 3,
            (Granule::Small, _) | (Granule::Medium, 52) => 2,
            (Granule::Large, bits) => u32::from(bits > 42) + 1,
            (Granule::Medium, _) => 1,
        };
        assert_eq!(legal, (0..=highest).collect::<Vec<_>>(), "{tables:?}");
    }
}

#[test]
fn a_walk_of_all_tables_meets_what_a_look_at_one_address_finds() {
    for paging in Paging::ways() {
        let tables = paging.tables;
        let address = some_address(tables) & !((1 << tables.granule.shift()) - 1);
        let physical = some_physical(tables, 0);
        let space = Memory::mapping(tables, address, 0, encoded(tables, physical) | PAGE).space(paging);
        let mut pages = Vec::new();
        space.visit(space.geometry().kernel_half..u64::MAX, |met| {
            match met {
                Met::Page { address, physical, length } => pages.push((address, physical, length)),
                Met::Table(_) => {}
                Met::Lost(table) => panic!("{tables:?} lost {table:#x}"),
            }
            ControlFlow::Continue(())
        });
        assert_eq!(pages, [(address, physical, 1 << tables.granule.shift())], "{tables:?}");
    }
}

/// The bits that a granule keeps for other things make no other page.
#[test]
fn attributes_are_no_part_of_an_address() {
    for paging in Paging::ways() {
        let tables = paging.tables;
        let (address, physical) = (some_address(tables), some_physical(tables, 0));
        let inside = address & ((1 << tables.granule.shift()) - 1);
        let shared = if tables.bits > 48 || tables.granule == Granule::Large { 0 } else { 3 << 8 };
        for attributes in [0x7f << 52, 0xff << 2 & !(3 << 8) | 3 << 10, 1 << 63 | 1 << 50, shared] {
            let entry = encoded(tables, physical) | PAGE | attributes;
            let space = Memory::mapping(tables, address, 0, entry).space(paging);
            assert_eq!(space.translate(address), Some(physical | inside), "{tables:?} {attributes:#x}");
        }
    }
}

#[test]
fn each_half_has_tables_of_its_own_and_tags_are_none_of_its_addresses() {
    for paging in Paging::ways() {
        let tables = paging.tables;
        let kernel = some_address(tables);
        let user = kernel & ((1 << tables.bits) - 1);
        let physical = some_physical(tables, 0);
        let inside = kernel & ((1 << tables.granule.shift()) - 1);
        let space = Memory::mapping(tables, kernel, 0, encoded(tables, physical) | PAGE).space(paging);
        let process = space.with_root(ROOT);
        assert_eq!(space.translate(kernel), Some(physical | inside), "{tables:?}");
        assert_eq!((space.translate(user), process.translate(kernel)), (None, None), "{tables:?}");
        for tag in [0, 0xab, 0xff] {
            let tagged = |address: u64| address & (u64::MAX >> 8) | tag << 56;
            assert_eq!(process.translate(tagged(user)), Some(physical | inside), "{tables:?} {tag:#x}");
            assert_eq!(space.translate(tagged(kernel)), Some(physical | inside), "{tables:?} {tag:#x}");
        }
        // Between a tag and what is translated all bits are the same.
        if tables.bits < 55 {
            assert_eq!(process.translate(user | 1 << 54), None, "{tables:?}");
            assert_eq!(space.translate(kernel & !(1 << 54)), None, "{tables:?}");
        }
    }
}

#[test]
fn memory_that_may_not_be_touched_is_there_and_swapped_memory_is_not() {
    let paging = Paging::of(Granule::Small, 48);
    let (tables, address) = (paging.tables, 0x7f12_3456_7000);
    let read = |level: u32, entry: u64| {
        let space = Memory::mapping(tables, address, level, entry).space(paging.of_process());
        (space.translate(address), space.gap(address).why)
    };
    let (page, huge) = (some_physical(tables, 0), some_physical(tables, 1));
    // PROT_NONE until 6.10, and since.
    for entry in [page | 2 | PROT_NONE_BEFORE | NOT_GLOBAL | 1 << 10, page | 2 | NOT_GLOBAL | 3 << 53] {
        assert_eq!(read(0, entry).0, Some(page), "{entry:#x}");
    }
    let inside = address & 0x1f_ffff;
    for entry in [huge | PROT_NONE_BEFORE | NOT_GLOBAL, huge | NOT_GLOBAL | 1 << 10, huge | PROT_NONE_BEFORE] {
        assert_eq!(read(1, entry).0, Some(huge | inside), "{entry:#x}");
    }
    // Swap entries of both times, with any type and offset; a huge page on its way elsewhere.
    for entry in [0x1f << 3 | 0x12_3456 << 8, 0x1f << 6 | 0x12_3456 << 12, 4 | 1 << 8, 1 << 11 | 1 << 8] {
        assert_eq!(read(0, entry), (None, Unmapped::Elsewhere), "{entry:#x}");
    }
    for entry in [0x1f << 3 | 0x2_0000 << 8, 0x1f << 6 | 0x2_0000 << 12] {
        assert_eq!(read(1, entry), (None, Unmapped::Elsewhere), "{entry:#x}");
    }
    assert_eq!(read(0, 0), (None, Unmapped::Absent));
}

/// `PTE_PROT_NONE` before 6.11.
const PROT_NONE_BEFORE: u64 = 1 << 58;

#[test]
fn where_regions_are_depends_on_what_a_kernel_was_built_for() {
    let image = |granule, bits| Paging::of(granule, bits).geometry().image;
    assert_eq!(image(Granule::Small, 48), 0xffff_8000_0000_0000);
    assert_eq!(image(Granule::Small, 52), 0xffff_8000_0000_0000);
    assert_eq!(image(Granule::Large, 52), 0xffff_8000_0000_0000);
    assert_eq!(image(Granule::Medium, 52), 0xffff_c000_0000_0000);
    assert_eq!(image(Granule::Medium, 47), 0xffff_c000_0000_0000);
    assert_eq!(image(Granule::Small, 39), 0xffff_ffc0_0000_0000);
    let before = Paging { plan: Plan::ImageFirst, ..Paging::of(Granule::Small, 48) };
    assert_eq!(before.geometry().image, 0xffff_0000_0000_0000);
    let half = |granule, bits| Paging::of(granule, bits).geometry().kernel_half;
    assert_eq!(half(Granule::Small, 52), 0xfff0_0000_0000_0000);
    assert_eq!(Paging::of(Granule::Small, 39).geometry().user_end(), 1 << 39);
}

/// A kernel that says of itself what it is asked.
struct Says(u64, u64);

impl Known for Says {
    fn variable(&self, name: &'static str) -> Result<Option<u64>, Unreadable> {
        Ok((name == "memstart_addr").then_some(self.0))
    }

    fn size(&self, name: &str) -> Option<u64> {
        (name == "struct page").then_some(self.1)
    }
}

#[test]
fn the_direct_map_and_page_structs_are_where_each_kernel_has_had_them() {
    let start = 0x4000_0000;
    let four = Paging::of(Granule::Small, 48);
    let direct = four.direct_map(&Says(start, 64)).unwrap();
    assert!(direct.contains(&(0xffff_0000_0000_0000 - start)), "{direct:x?}");
    // Built for 52 bits, with 48: the start is moved so that memory begins at the same place.
    let moved = start.wrapping_sub(0xffff_0000_0000_0000 - 0xfff0_0000_0000_0000);
    let direct = four.direct_map(&Says(moved, 64)).unwrap();
    assert!(direct.contains(&(0xffff_0000_0000_0000 - start)), "{direct:x?}");
    let before = Paging { plan: Plan::ImageFirst, ..four };
    assert_eq!(before.direct_map(&Says(start, 64)).unwrap(), [0xffff_8000_0000_0000 - start]);

    let pages = four.page_structs(&Says(0, 64)).unwrap();
    for place in [0xffff_fdff_c000_0000, 0xffff_fc00_0000_0000, 0xffff_fdff_ffe0_0000] {
        assert!(pages.contains(&place), "{place:#x} is none of {pages:x?}");
    }
    assert_eq!(before.page_structs(&Says(0, 64)).unwrap(), [0xffff_7e00_0000_0000]);
    let first = start / 4096 * 64;
    assert!(four.page_structs(&Says(start, 64)).unwrap().contains(&(0xffff_fdff_c000_0000 - first)));
    for size in [0, 1, u64::MAX, 1 << 63] {
        let _ = four.page_structs(&Says(start, size));
    }
}

#[test]
fn a_note_and_the_mark_of_an_image_tell_where_text_is() {
    let mut memory = vec![0_u8; 4 << 20];
    let mut put = |at: usize, bytes: &[u8]| {
        memory.splice(at..at + bytes.len(), bytes.iter().copied());
    };
    for text in [0x20_0000, 0x31_0000] {
        put(text + IMAGE_SIZE, &0x12_0000_u64.to_le_bytes());
        put(text + MARK.0, MARK.1);
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&memory).unwrap();
    let image = Image::open(file.path()).unwrap();
    assert_eq!(Arm64.images(&image).collect::<Vec<_>>(), [(0x20_0000, 0x12_0000), (0x31_0000, 0x12_0000)]);
    let noted = |text: &str| Arm64.noted_text(&image, &VmcoreInfo::new(text));
    let note = "SYMBOL(_stext)=ffff800080010000\nNUMBER(kimage_voffset)=0xffff80007fe00000\n";
    assert_eq!(noted(note), Some(0x20_0000));
    assert_eq!(noted("SYMBOL(_stext)=ffff800080010000\nNUMBER(kimage_voffset)=0xffff800080010000\n"), None);
    assert_eq!(noted("SYMBOL(_stext)=1000\nNUMBER(kimage_voffset)=0xffff80007fe00000\n"), None);
}

proptest! {
    /// Entries may say anything: an address leads to one place or to none, and both ways of looking agree.
    #[test]
    fn tables_that_lie_give_an_answer_and_no_panic(
        way in 0..10_usize,
        words in prop::collection::vec((0..0x2_0000_u64, any::<u64>()), 0..64),
        low in any::<u64>(),
        kind in 0..4_u64,
    ) {
        let paging = Paging::ways()[way];
        let tables = paging.tables;
        let address = u64::MAX << tables.bits | low & ((1 << tables.bits) - 1);
        let mut memory = Memory::mapping(tables, address, 0, low & !3 | kind);
        memory.0.extend(words.iter().map(|(at, word)| (at * 8 % (1 << 20), *word)));
        let space = memory.space(paging);
        match space.translate(address) {
            Some(physical) => prop_assert!(physical < 1 << 52),
            None => prop_assert!(space.gap(address).end > address || space.gap(address).end == u64::MAX),
        }
        let mut left = 4096;
        space.visit(space.geometry().kernel_half..u64::MAX, |met| {
            if let Met::Page { address: first, physical, length } = met
                && (first..=first.wrapping_add(length - 1)).contains(&address)
            {
                // What is met is what a look finds, unless a table that was met before leads there too.
                assert_eq!(space.translate(address), Some(physical | (address - first)));
            }
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
}
