//! Machines of arm64 made by hand: every granule and number of bits, found by a header, a banner, or where memory begins.

use super::*;
use crate::arch::arm64::{Arm64, Granule, Paging, Tables};

/// Where the tables lie, less the kernel's text.
const TABLES_AT: u64 = 5 * MIB;
const TABLE_ROOM: u64 = 64 << 10;
const VOFFSET_AT: u64 = 7 * MIB - 64;
/// Another root of the kernel's, which maps nothing but a page of its text.
const TRAMPOLINE_AT: u64 = TABLES_AT - TABLE_ROOM;

#[derive(Debug, Clone, Copy)]
struct ArmMachine {
    tables: Tables,
    form: Form,
    /// Whether the image has its boot header.
    header: bool,
    /// Where the machine's memory begins; the file has no padding for what is below.
    begins: u64,
}

/// All ways of today's kernels.
fn machines() -> Vec<ArmMachine> {
    let machine = |tables| ArmMachine { tables, form: Form::AfterSigned, header: true, begins: 0 };
    Paging::ways().into_iter().map(|paging| machine(paging.tables())).collect()
}

fn arm_symbols(form: Form) -> Vec<(u64, String)> {
    let mut symbols = symbols(form, 1500);
    for (distance, name) in [
        (BANNER_AT, "linux_banner"),
        (TRAMPOLINE_AT, "tramp_pg_dir"),
        (TABLES_AT, "swapper_pg_dir"),
        (BTF_AT, "__start_BTF"),
        (BTF_AT + btf().len() as u64, "__stop_BTF"),
        (VOFFSET_AT, "kimage_voffset"),
        (7 * MIB, "_end"),
    ] {
        symbols.push((BASE + distance, name.to_owned()));
    }
    symbols
}

fn arm_file(machine: ArmMachine) -> tempfile::NamedTempFile {
    let ArmMachine { tables, form, header, begins } = machine;
    let file = tempfile::NamedTempFile::new().unwrap();
    let memory = file.as_file();
    let word = |at: u64, word: u64| memory.write_all_at(&word.to_le_bytes(), at).unwrap();
    memory.write_all_at(&encode(form, &arm_symbols(form)), TEXT).unwrap();
    memory.write_all_at(BANNER, TEXT + BANNER_AT).unwrap();
    memory.write_all_at(&btf(), TEXT + BTF_AT).unwrap();
    word(TEXT + VOFFSET_AT, BASE.wrapping_sub(begins + TEXT));
    if header {
        word(TEXT + 16, 8 * MIB);
        memory.write_all_at(b"ARM\x64", TEXT + 56).unwrap();
    }
    let shift = tables.granule.shift();
    let index = |address: u64, level: u32| {
        let below = shift + (shift - 3) * level;
        (address & ((1 << tables.bits) - 1)) >> below & ((1 << (shift - 3)) - 1)
    };
    let mut table = TEXT + TABLES_AT;
    // 4 KiB pages would take several tables: blocks of 2 MiB.
    let lowest = u32::from(tables.granule == Granule::Small);
    for level in (lowest + 1..tables.levels()).rev() {
        let next = table + TABLE_ROOM;
        word(table + index(BASE, level) * 8, (begins + next) | 3);
        table = next;
    }
    let (size, kind) = if lowest == 1 { (2 * MIB, 1) } else { (1 << shift, 3) };
    for page in 0..8 * MIB / size {
        word(table + (index(BASE, lowest) + page) * 8, (begins + TEXT + page * size) | kind | 1 << 10);
    }
    // The trampoline's root leads to the same tables for one page alone, and elsewhere for all others.
    word(TEXT + TRAMPOLINE_AT + index(BASE, tables.levels() - 1) * 8, (begins + TEXT) | 3);
    memory.set_len(40 * MIB).unwrap();
    file
}

fn check_arm(kernel: &Kernel, machine: ArmMachine) {
    let ArmMachine { tables, form, begins, .. } = machine;
    assert_eq!((kernel.facts.physical, kernel.facts.virtual_address), (begins + TEXT, BASE), "{machine:?}");
    let geometry = kernel.memory.geometry();
    assert_eq!((geometry.page_size.ilog2(), geometry.levels), (tables.granule.shift(), tables.levels()), "{machine:?}");
    for (address, name) in arm_symbols(form) {
        assert_eq!(kernel.symbols.address(&name), Some(address), "{machine:?} {name}");
    }
    assert_eq!(kernel.describe()["architecture"], "aarch64", "{machine:?}");
}

fn opened(machine: ArmMachine) -> Arc<Image> {
    Arc::new(Image::open(arm_file(machine).path()).unwrap())
}

#[test]
fn every_granule_and_number_of_bits_is_found_by_header_and_by_banner() {
    let machines = machines();
    assert_eq!(machines.len(), 10);
    for machine in machines {
        let image = opened(machine);
        let guess = kernel_range::quick(&image, &Arm64).next();
        assert_eq!(guess, Some(Guess { text: TEXT, length: 8 * MIB }), "{machine:?}");
        check_arm(&Kernel::discover(image, None).unwrap(), machine);
        let plain = ArmMachine { header: false, ..machine };
        assert_eq!(kernel_range::quick(&opened(plain), &Arm64).next(), None);
        check_arm(&Kernel::discover(opened(plain), None).unwrap(), plain);
    }
}

#[test]
fn a_kernel_whose_symbols_do_not_say_where_it_is_says_so_itself() {
    for machine in machines() {
        let machine = ArmMachine { form: Form::AfterPlaceRelative, ..machine };
        check_arm(&Kernel::discover(opened(machine), None).unwrap(), machine);
    }
}

#[test]
fn a_raw_image_of_memory_that_begins_elsewhere_is_read_from_there_and_says_so() {
    for begins in [0x4000_0000, 0x8000_0000, 0x80_0000_0000] {
        for machine in machines().into_iter().map(|machine| ArmMachine { begins, ..machine }) {
            let kernel = Kernel::discover(opened(machine), None).unwrap();
            check_arm(&kernel, machine);
            let ranges = kernel.memory.image().ranges();
            assert_eq!(ranges.iter().map(|range| range.start).collect::<Vec<_>>(), [begins], "{machine:?}");
            let told = kernel.describe()["warnings"].to_string();
            assert!(told.contains(&format!("from physical {begins:#x} on")), "{told}");
        }
    }
}

/// What a variable claims counts for nothing where the tables do not bear it out.
#[test]
fn where_memory_begins_is_proven_too() {
    for begins in [4096, 0x4000_0001, u64::MAX - 40 * MIB, 1 << 51] {
        for machine in machines() {
            let file = arm_file(machine);
            let memory = file.as_file();
            memory.write_all_at(&BASE.wrapping_sub(begins + TEXT).to_le_bytes(), TEXT + VOFFSET_AT).unwrap();
            // The tables are of a machine whose memory begins at 0, and are gone.
            memory.write_all_at(&[0; TABLE_ROOM as usize], TEXT + TABLES_AT).unwrap();
            let error = Kernel::discover(Arc::new(Image::open(file.path()).unwrap()), None).err().unwrap();
            assert_eq!(error.kind, ErrorKind::NoSymbols, "{begins:#x} {machine:?}");
        }
    }
}
