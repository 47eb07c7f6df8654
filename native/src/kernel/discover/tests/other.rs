//! A machine of another architecture, of which nothing outside `arch/` knows: found, proven and described like any.

use super::*;
use crate::arch::other::{self, PAGE, PRESENT, STEP};

const OTHER_ROOT: u64 = 5 * MIB;
/// How many steps above the lowest place of an image this one lies.
const SLIDE: u64 = 9;

fn other_symbols() -> Vec<(u64, String)> {
    let mut symbols = symbols(Form::AfterPlaceRelative, 1500);
    for (distance, name) in [
        (BANNER_AT, "linux_banner"),
        (OTHER_ROOT, "other_root"),
        (BTF_AT, "__start_BTF"),
        (BTF_AT + btf().len() as u64, "__stop_BTF"),
        (7 * MIB, "_end"),
    ] {
        symbols.push((BASE + distance, name.to_owned()));
    }
    symbols
}

/// The machine's memory as a raw image.
fn other_image() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let memory = file.as_file();
    let word = |at: u64, word: u64| memory.write_all_at(&word.to_le_bytes(), at).unwrap();
    memory.write_all_at(&encode(Form::AfterPlaceRelative, &other_symbols()), TEXT).unwrap();
    memory.write_all_at(BANNER, TEXT + BANNER_AT).unwrap();
    memory.write_all_at(&btf(), TEXT + BTF_AT).unwrap();
    let virtual_text = other::IMAGE + SLIDE * STEP;
    let index = |level: u32| virtual_text >> (PAGE.ilog2() + other::TABLE_BITS * level) & 2047;
    let root = TEXT + OTHER_ROOT;
    word(root + index(2) * 8, (root + PAGE) | PRESENT);
    word(root + PAGE + index(1) * 8, (root + 2 * PAGE) | PRESENT);
    for page in 0..8 * MIB / PAGE {
        word(root + 2 * PAGE + (index(0) + page) * 8, (TEXT + page * PAGE) | PRESENT);
    }
    memory.set_len(40 * MIB).unwrap();
    file
}

#[test]
fn a_kernel_of_another_architecture_is_found_by_what_that_one_says_alone() {
    let file = other_image();
    let kernel = Kernel::discover(Arc::new(Image::open(file.path()).unwrap()), None).unwrap();
    let virtual_text = other::IMAGE + SLIDE * STEP;
    assert_eq!((kernel.facts.physical, kernel.facts.virtual_address), (TEXT, virtual_text));
    for (address, name) in other_symbols() {
        assert_eq!(kernel.symbols.address(&name), Some(address - BASE + virtual_text), "{name}");
    }
    assert!(kernel.types.find("struct task_struct").is_some());
    let described = kernel.describe();
    assert_eq!((&described["architecture"], &described["page_levels"]), (&"other".into(), &3.into()));
    assert_eq!(described["page_size"], PAGE);
}

#[test]
fn a_note_is_read_as_the_machines_architecture_writes_it() {
    let file = elf(other::ELF_MACHINE, &format!("NUMBER(other_text)={TEXT}\n"));
    let image = Arc::new(Image::open(file.path()).unwrap());
    let [other] = arch::of(&image).unwrap().try_into().ok().unwrap();
    let guesses = kernel_range::quick(&image, other);
    assert_eq!(guesses.map(|guess| guess.text).collect::<Vec<_>>(), [TEXT]);
}

#[test]
fn an_image_of_a_machine_that_no_architecture_is_for_is_refused_by_name_before_any_search() {
    for (machine, words) in [(243, "riscv64"), (22, "s390x"), (4711, "number 4711 of ELF's")] {
        let file = elf(machine, "");
        let error = Kernel::discover(Arc::new(Image::open(file.path()).unwrap()), None).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Evidence);
        assert_eq!(error.message, format!("the machine of this image is {words}; salvor reads x86_64, aarch64, other"));
    }
}

/// A core of one megabyte, with a VMCOREINFO note.
fn elf(machine: u16, note: &str) -> tempfile::NamedTempFile {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend([4_u16, machine, 1, 0].iter().flat_map(|half| half.to_le_bytes()));
    bytes.extend([0_u64, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend([0_u16, 0, 64, 56, 2, 0, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
    let mut text = [11_u32, note.len() as u32, 0].iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    text.extend(b"VMCOREINFO\0\0");
    text.extend(note.as_bytes());
    text.resize(text.len().next_multiple_of(4), 0);
    for (kind, offset, physical, size) in [(4_u32, 176, 0, text.len() as u64), (1, 4096, MIB, MIB)] {
        bytes.extend([kind, 0].iter().flat_map(|half| half.to_le_bytes()));
        bytes.extend([offset, 0, physical, size, size, 4].iter().flat_map(|word: &u64| word.to_le_bytes()));
    }
    bytes.extend(text);
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all_at(&bytes, 0).unwrap();
    file.as_file().set_len(4096 + MIB).unwrap();
    file
}
