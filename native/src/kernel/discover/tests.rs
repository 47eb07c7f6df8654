//! Small machines made by hand: every form of symbol tables under four and five levels of page tables.

mod arm64;
mod functions;
mod other;

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::arch;
use crate::error::ErrorKind;
use crate::image::{Image, PAGE_SIZE};
use crate::kernel::Kernel;
use crate::kernel::kallsyms::tests::{BASE, FORMS, Form, encode, symbols};
use crate::kernel::kernel_range::{self, Guess};

const MIB: u64 = 1 << 20;
const PAGE: usize = PAGE_SIZE as usize;
/// Where the kernel lies in physical memory, and what it has at which distance.
const TEXT: u64 = 24 * MIB;
const BANNER_AT: u64 = 4 * MIB + 0x20;
const ROOT_AT: u64 = 5 * MIB;
const BTF_AT: u64 = 6 * MIB + 8;
/// Where memory is mapped as a whole, with four levels and with five.
const DIRECT: [u64; 2] = [0xffff_8880_0000_0000, 0xff11_0000_0000_0000];
const BANNER: &[u8] = b"Linux version 9.9.9-hand (me@here) (gcc 15) #1 SMP\n\0";

#[derive(Debug, Clone, Copy)]
struct Machine {
    form: Form,
    /// How many symbols it has beside its own.
    symbols: u64,
    levels: u32,
    /// Where its trampoline's page table is, if it has one.
    trampoline: Option<u64>,
    /// Where a copy of the kernel lies that does not run.
    copy: Option<u64>,
    /// Whether symbols tell where BTF is.
    named_btf: bool,
    /// A bit that every page-table entry has.
    encrypted: u64,
    /// The file's size.
    size: u64,
}

const PLAIN: Machine = Machine {
    form: Form::AfterSigned,
    symbols: 1500,
    levels: 4,
    trampoline: Some(0x9000),
    copy: None,
    named_btf: true,
    encrypted: 0,
    size: 40 * MIB,
};

/// The smallest BTF that is a kernel's: one empty struct.
fn btf() -> Vec<u8> {
    let strings = b"\0task_struct\0";
    let words: [u32; 9] = [0x0001_eb9f, 24, 0, 12, 12, strings.len() as u32, 1, 4 << 24, 0];
    words.iter().flat_map(|word| word.to_le_bytes()).chain(*strings).collect()
}

fn kernel_symbols(machine: Machine) -> Vec<(u64, String)> {
    let mut symbols = symbols(machine.form, machine.symbols);
    let mut add = |distance: u64, name: &str| symbols.push((BASE + distance, name.to_owned()));
    add(BANNER_AT, "linux_banner");
    // So many that not all of its own are on one page.
    (1..machine.symbols / 8).for_each(|number| add(BANNER_AT + number * 16, &format!("datum_{number}")));
    add(ROOT_AT, "init_top_pgt");
    (1..machine.symbols / 8).for_each(|number| add(ROOT_AT + number * 2, &format!("entry_{number}")));
    for (name, below) in ["level4_kernel_pgt", "level3_kernel_pgt", "level2_kernel_pgt"]
        .iter()
        .skip(5 - machine.levels as usize)
        .zip(1..)
    {
        add(ROOT_AT + below * 0x1000, name);
    }
    if machine.named_btf {
        add(BTF_AT, "__start_BTF");
        add(BTF_AT + btf().len() as u64, "__stop_BTF");
    }
    add(7 * MIB, "_end");
    symbols
}

/// Writes the machine's memory as a raw image.
fn image(machine: Machine) -> Arc<Image> {
    Arc::new(Image::open(write(machine).path()).unwrap())
}

fn write(machine: Machine) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let memory = file.as_file();
    let word = |at: u64, word: u64| memory.write_all_at(&word.to_le_bytes(), at).unwrap();
    for text in [Some(TEXT), machine.copy].into_iter().flatten() {
        memory.write_all_at(&encode(machine.form, &kernel_symbols(machine)), text).unwrap();
        memory.write_all_at(BANNER, text + BANNER_AT).unwrap();
        memory.write_all_at(&btf(), text + BTF_AT).unwrap();
        page_tables(machine, text, &word);
    }
    if let Some(trampoline) = machine.trampoline {
        word(trampoline + 511 * 8, (TEXT + ROOT_AT + 0x1000 + 0x63) | machine.encrypted);
    }
    memory.set_len(machine.size).unwrap();
    file
}

/// Tables at `text + ROOT_AT`, which map `BASE` to where the running kernel lies, whoever's copy they are.
fn page_tables(machine: Machine, text: u64, word: &impl Fn(u64, u64)) {
    let mut table = text + ROOT_AT;
    for level in (2..machine.levels).rev() {
        let index = BASE >> (12 + 9 * level) & 511;
        let next = table + 0x1000;
        word(table + index * 8, (next - text + TEXT) | 0x63 | machine.encrypted);
        table = next;
    }
    for page in 0..4 {
        word(table + ((BASE >> 21 & 511) + page) * 8, (TEXT + page * 2 * MIB) | 0xe3 | machine.encrypted);
    }
}

fn check(kernel: &Kernel, machine: Machine) {
    assert_eq!(kernel.facts.release, "9.9.9-hand", "{machine:?}");
    assert_eq!((kernel.facts.physical, kernel.facts.virtual_address), (TEXT, BASE), "{machine:?}");
    assert_eq!(kernel.memory.geometry().levels, machine.levels, "{machine:?}");
    for (address, name) in kernel_symbols(machine) {
        assert_eq!(kernel.symbols.address(&name), Some(address), "{machine:?} {name}");
    }
    assert!(kernel.types.find("struct task_struct").is_some(), "{machine:?}");
}

fn failure(machine: Machine) -> (ErrorKind, String) {
    let error = Kernel::discover(image(machine), None).err().unwrap();
    (error.kind, error.message)
}

fn guesses(machine: Machine) -> Vec<Guess> {
    let image = image(machine);
    let architectures = arch::of(&image).unwrap();
    architectures.iter().flat_map(|architecture| kernel_range::quick(&image, *architecture)).collect()
}

#[test]
fn every_form_is_found_under_four_and_five_levels() {
    for form in FORMS {
        for levels in [4, 5] {
            let machine = Machine { form, levels, ..PLAIN };
            let guesses = guesses(machine);
            assert_eq!(guesses.first().map(|guess| guess.text), Some(TEXT), "{machine:?}");
            check(&Kernel::discover(image(machine), None).unwrap(), machine);
            check(&Kernel::discover_by_scan(image(machine), None).unwrap(), machine);
        }
    }
}

/// SME and SEV: the bit lies among those of the frame, which without it would be beyond any memory.
#[test]
fn the_encryption_bit_is_found_out_while_a_kernel_is_proven() {
    for (levels, encrypted) in [(4, 1 << 47), (5, 1 << 47), (4, 1 << 51), (5, 1 << 51)] {
        let machine = Machine { levels, encrypted, ..PLAIN };
        assert_eq!(guesses(machine).first().map(|guess| guess.text), Some(TEXT), "{machine:?}");
        let kernel = Kernel::discover(image(machine), None).unwrap();
        check(&kernel, machine);
        // Another root of the same machine has the bit too.
        let root = kernel.memory.with_root((TEXT + ROOT_AT) | encrypted);
        assert_eq!(root.translate(BASE), Some(TEXT), "{machine:?}");
        check(&Kernel::discover_by_scan(image(machine), None).unwrap(), machine);
    }
}

#[test]
fn a_copy_of_the_kernel_that_does_not_run_is_passed_over() {
    for form in FORMS {
        for copy in [8 * MIB, 32 * MIB] {
            let machine = Machine { form, copy: Some(copy), trampoline: None, ..PLAIN };
            check(&Kernel::discover(image(machine), None).unwrap(), machine);
        }
    }
}

#[test]
fn btf_is_found_where_no_symbol_names_it() {
    let machine = Machine { named_btf: false, ..PLAIN };
    check(&Kernel::discover(image(machine), None).unwrap(), machine);
}

#[test]
fn a_cached_table_serves_the_same_build_and_no_other() {
    let cache = tempfile::tempdir().unwrap();
    for (round, cached) in [false, true].into_iter().enumerate() {
        let machine = Machine { trampoline: [Some(0x9000), None].get(round).copied().flatten(), ..PLAIN };
        let kernel = Kernel::discover(image(machine), Some(cache.path())).unwrap();
        assert_eq!(kernel.facts.symbols_cached, cached);
        check(&kernel, machine);
    }
    // Same banner, other tables: the entry does not fit and is replaced.
    let machine = Machine { form: Form::BeforeSigned, ..PLAIN };
    for cached in [false, true] {
        let kernel = Kernel::discover(image(machine), Some(cache.path())).unwrap();
        assert_eq!(kernel.facts.symbols_cached, cached);
        check(&kernel, machine);
    }
}

/// A machine in which zeros lie at a distance from `_text`.
fn zeroed(machine: Machine, at: u64, length: usize) -> Arc<Image> {
    let file = write(machine);
    file.as_file().write_all_at(&vec![0; length], TEXT + at).unwrap();
    Arc::new(Image::open(file.path()).unwrap())
}

#[test]
fn symbols_that_a_damaged_kernel_lacks_are_those_of_another_image_of_its_build() {
    let cache = tempfile::tempdir().unwrap();
    check(&Kernel::discover(image(PLAIN), Some(cache.path())).unwrap(), PLAIN);
    let table = encode(PLAIN.form, &kernel_symbols(PLAIN)).len();
    // Of its first names, and of its last addresses.
    for at in [PAGE, table - PAGE] {
        let kernel = Kernel::discover(zeroed(PLAIN, at as u64, PAGE), Some(cache.path())).unwrap();
        check(&kernel, PLAIN);
        assert!(kernel.facts.lacks.iter().any(|lack| lack.contains("another image of the same build")), "{at:#x}");
        assert!(Kernel::discover(zeroed(PLAIN, at as u64, PAGE), None).is_err(), "{at:#x}");
    }
    // Nothing tells that they are of this build where none of its tables is left, nor types of which none are.
    assert!(Kernel::discover(zeroed(PLAIN, 0, table), Some(cache.path())).is_err());
    let error = Kernel::discover(zeroed(PLAIN, BTF_AT, btf().len()), Some(cache.path())).err().unwrap();
    assert!(error.message.contains("describes no types"), "{error}");
}

/// A machine whose memory is in the direct map too, and with another root that a process has.
fn with_direct_map(machine: Machine) -> tempfile::NamedTempFile {
    let levels = machine.levels;
    let file = write(machine);
    let put = |at: u64, word: u64| file.as_file().write_all_at(&word.to_le_bytes(), at).unwrap();
    let root = TEXT + ROOT_AT;
    // Of 1 GiB at once, and where there are five levels by a table more.
    let direct = 0x3_1000;
    let index = (DIRECT[levels as usize - 4] >> (12 + 9 * (levels - 1))) & 511;
    if levels == 5 {
        put(direct, 0x3_2000 | 0x63);
    }
    put(if levels == 5 { 0x3_2000 } else { direct }, 0xe3);
    for table in [root, 0x3_3000] {
        let mut bytes = [0; PAGE];
        file.as_file().read_exact_at(&mut bytes, root).unwrap();
        file.as_file().write_all_at(&bytes, table).unwrap();
        put(table + index * 8, direct | 0x63);
    }
    file
}

/// The same, of which these of its own tables have something else in them.
fn without_tables(machine: Machine, lost: &[u64], instead: &[u8; PAGE]) -> Kernel {
    let levels = machine.levels;
    let file = with_direct_map(machine);
    for table in lost {
        file.as_file().write_all_at(instead, TEXT + ROOT_AT + table * PAGE_SIZE).unwrap();
    }
    let kernel = Kernel::discover(Arc::new(Image::open(file.path()).unwrap()), None);
    let kernel = kernel.unwrap_or_else(|error| panic!("{levels} levels, {lost:?}: {error}"));
    check(&kernel, machine);
    kernel
}

#[test]
fn a_kernel_is_found_whose_tables_for_its_own_image_are_lost() {
    for levels in [4, 5] {
        let machine = Machine { levels, ..PLAIN };
        assert!(without_tables(machine, &[], EMPTY).facts.lacks.is_empty());
        let tables = u64::from(levels) - 1;
        for lost in (0..tables).map(|table| vec![table]).chain([(0..tables).skip(1).collect()]) {
            let kernel = without_tables(machine, &lost, EMPTY);
            assert_eq!(kernel.memory.translate(BASE + 3 * MIB), Some(TEXT + 3 * MIB), "{lost:?}");
            // What is none of the image's is not mapped by that.
            assert_eq!(kernel.memory.translate(BASE + 7 * MIB), (lost == [0]).then_some(TEXT + 7 * MIB), "{lost:?}");
            assert!(kernel.facts.lacks.iter().any(|lack| lack.contains("a table of pages")), "{lost:?}");
        }
    }
}

const EMPTY: &[u8; PAGE] = &[0; PAGE];
/// One of which something can be left.
const LARGE: Machine = Machine { symbols: 9000, ..PLAIN };

#[test]
fn a_kernel_is_found_whose_tables_have_what_was_another_pages() {
    // Entries that lead astray, and none at all.
    let entries: Vec<u8> = (0..512_u64).flat_map(|entry| (entry << 21 | 0xe3).to_le_bytes()).collect();
    let text = [b'x'; PAGE];
    for instead in [entries.first_chunk().unwrap(), &text] {
        for lost in 0..3 {
            let kernel = without_tables(LARGE, &[lost], instead);
            assert_eq!(kernel.memory.translate(BASE + 3 * MIB), Some(TEXT + 3 * MIB), "{lost}");
            assert_eq!(kernel.memory.translate(DIRECT[0] + 3 * MIB), Some(3 * MIB), "{lost}");
            assert!(kernel.facts.lacks.iter().any(|lack| lack.contains("a table of pages")), "{lost}");
        }
    }
}

#[test]
fn a_kernel_is_found_of_whose_symbols_that_of_the_banner_is_lost() {
    let symbols = kernel_symbols(LARGE);
    let number = symbols.iter().position(|(_, name)| name == "linux_banner").unwrap();
    let bytes = encode(LARGE.form, &symbols);
    // The page of its name: blocks of 256 names are lost with it.
    let is_lost = |page: usize| {
        let Ok(found) = Kernel::discover(zeroed(LARGE, (page * PAGE) as u64, PAGE), None) else { return false };
        assert_eq!((found.facts.physical, found.facts.virtual_address), (TEXT, BASE), "{page}");
        assert_eq!(found.symbols.address("linux_banner"), Some(BASE + BANNER_AT), "{page}");
        found.symbols.address(&symbols[number - 1].1).is_none()
    };
    let pages = bytes.len() / PAGE;
    assert!((pages / 3..pages).any(is_lost));
}

#[test]
fn a_kernel_is_found_of_whose_symbols_that_of_its_root_is_lost() {
    let bytes = encode(LARGE.form, &kernel_symbols(LARGE));
    let is_lost = |page: &usize| {
        let file = with_direct_map(LARGE);
        file.as_file().write_all_at(EMPTY, TEXT + (page * PAGE) as u64).unwrap();
        let found = Kernel::discover(Arc::new(Image::open(file.path()).unwrap()), None);
        let Some(found) = found.ok().filter(|found| found.symbols.address("init_top_pgt").is_none()) else {
            return false;
        };
        assert_eq!(found.memory.translate(BASE + 3 * MIB), Some(TEXT + 3 * MIB), "{page}");
        assert_eq!(found.memory.translate(DIRECT[0] + 3 * MIB), Some(3 * MIB), "{page}");
        true
    };
    let pages = bytes.len() / PAGE;
    assert!((pages / 3..pages).any(|page| is_lost(&page)));
}

#[test]
fn memory_is_read_whose_tables_in_the_direct_map_are_lost() {
    let direct = DIRECT[0];
    let file = write(PLAIN);
    let put = |at: u64, word: u64| file.as_file().write_all_at(&word.to_le_bytes(), at).unwrap();
    let [upper, middle, lower] = [0x3_1000, 0x3_2000, 0x3_3000];
    put(TEXT + ROOT_AT + (direct >> 39 & 511) * 8, upper | 0x63);
    put(upper, middle | 0x63);
    // Pages of 2 MiB, and from 2 to 4 MiB of 4 KiB, of which one is not mapped.
    (0..PLAIN.size / (2 * MIB)).for_each(|number| put(middle + number * 8, (number * 2 * MIB) | 0xe3));
    put(middle + 8, lower | 0x63);
    (0..512).filter(|page| *page != 7).for_each(|page| put(lower + page * 8, (2 * MIB + page * PAGE_SIZE) | 0x63));
    let hole = direct + 2 * MIB + 7 * PAGE_SIZE;
    let whole = Kernel::discover(Arc::new(Image::open(file.path()).unwrap()), None).unwrap();
    assert!(whole.facts.lacks.is_empty());
    assert_eq!(whole.memory.translate(hole), None);
    file.as_file().write_all_at(&[0; PAGE], lower).unwrap();
    let damaged = Kernel::discover(Arc::new(Image::open(file.path()).unwrap()), None).unwrap();
    check(&damaged, PLAIN);
    for address in [2 * MIB, 4 * MIB - 8, 0, PLAIN.size - 8] {
        assert_eq!(damaged.memory.translate(direct + address), Some(address));
    }
    assert_eq!(damaged.memory.translate(direct + PLAIN.size), None);
    let (warnings, lacks) = (&damaged.facts.warnings, &damaged.facts.lacks);
    assert!(lacks.is_empty() && warnings.len() == 1, "{lacks:?} {warnings:?}");
    assert!(warnings[0].starts_with("1 table of pages is lost"), "{warnings:?}");
}

#[test]
fn a_kernel_whose_pages_are_missing_is_named() {
    let machine = Machine { trampoline: None, size: TEXT + 5 * MIB, ..PLAIN };
    let (kind, message) = failure(machine);
    assert_eq!(kind, ErrorKind::NoSymbols);
    assert!(message.starts_with("kernel 9.9.9-hand was found in the image (raw, "), "{message}");
    assert!(message.contains("pages of it are missing"), "{message}");
}

#[test]
fn a_file_of_ranges_without_padding_is_told_by_where_its_kernel_lies() {
    for levels in [4, 5] {
        let machine = Machine { levels, ..PLAIN };
        let mut bytes = std::fs::read(write(machine).path()).unwrap();
        // The hole below 1 MiB, which no machine's memory fills, and whose end is not that of a page.
        bytes.drain(0x9_fc00..0x10_0000);
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all_at(&bytes, 0).unwrap();
        let error = Kernel::discover(Arc::new(Image::open(file.path()).unwrap()), None).err().unwrap();
        assert_eq!(error.kind, ErrorKind::NoSymbols);
        let place = format!("was found at {:#x} of the image (raw, ", TEXT - 0x6_0400);
        assert!(error.message.contains(&place) && error.message.contains("format=raw"), "{error}");
        assert!(error.message.contains(&format!("lies at physical {TEXT:#x}:")), "{error}");
    }
    // A copy that does not run is no such file, for where it says that it lies there is a kernel.
    let copied = Machine { copy: Some(2 * MIB), trampoline: None, ..PLAIN };
    check(&Kernel::discover(image(copied), None).unwrap(), copied);
}

#[test]
fn memory_made_to_look_like_symbol_tables_ends_the_search() {
    let hostile = Machine { trampoline: None, size: 160 * MIB, ..PLAIN };
    let file = write(hostile);
    // Each word counts a million symbols, and is the name of one: every step back is a walk to the end.
    let words: Vec<u8> = [3, 0xff, 0x0f, 0].repeat(4 << 20);
    let tokens = encode(PLAIN.form, &kernel_symbols(PLAIN));
    for at in 1..8 {
        file.as_file().write_all_at(&words, at * 16 * MIB).unwrap();
        file.as_file().write_all_at(&tokens, at * 16 * MIB + 15 * MIB).unwrap();
    }
    file.as_file().write_all_at(BANNER, 2 * MIB).unwrap();
    let error = Kernel::discover(Arc::new(Image::open(file.path()).unwrap()), None).err().unwrap();
    assert_eq!(error.kind, ErrorKind::NoSymbols);
}

#[test]
fn a_file_that_was_cut_off_since_it_was_opened_is_the_reason_for_finding_nothing() {
    for trampoline in [Some(0x9000), None] {
        let file = write(Machine { trampoline, ..PLAIN });
        let image = Arc::new(Image::open(file.path()).unwrap());
        file.as_file().set_len(TEXT + MIB + 5).unwrap();
        let error = Kernel::discover(image, None).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Evidence);
        assert!(error.message.starts_with("the file was cut off at offset 0x1900005 while it was read"), "{error}");
    }
}

#[test]
fn a_kernel_is_found_in_what_is_left_of_a_file() {
    let cache = tempfile::tempdir().unwrap();
    let file = write(PLAIN);
    let image = Arc::new(Image::open(file.path()).unwrap());
    file.as_file().set_len(TEXT + 8 * MIB).unwrap();
    check(&Kernel::discover(Arc::clone(&image), Some(cache.path())).unwrap(), PLAIN);
    assert!(image.loss().is_some_and(|loss| loss.bytes == 8 * MIB));
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0, "a table from a lost image was kept");
}
