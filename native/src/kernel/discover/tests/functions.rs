//! Embedded samples with a table of functions alone in the place of their own, as kernels without `CONFIG_KALLSYMS_ALL` have, or
//! with none.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use super::*;
use crate::image::PAGE_SIZE;
use crate::kernel::kallsyms::{Budget, find_all};
use crate::kernel::symbols::Symbols;
use crate::kernel::window::Window;
use crate::words::u64_at;

const LIME_HEADER: usize = 32;
/// What the encoder has before its tables.
const HEAD: usize = 4096;
/// No image of a kernel lies below.
const LOWEST: u64 = 0xffff_ffff_8000_0000;

/// A sample, unpacked.
fn unpacked(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../test/samples/{name}/memory.lime.gz"));
    let mut lime = Vec::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_end(&mut lime).unwrap();
    lime
}

/// The sample as raw memory with holes.
fn sample() -> tempfile::NamedTempFile {
    let lime = unpacked("docker-debian12");
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut rest = &lime[..];
    while let (Some(start), Some(last)) = (u64_at(rest, 8), u64_at(rest, 16)) {
        let (range, others) = rest[LIME_HEADER..].split_at((last + 1 - start) as usize);
        file.as_file().write_all_at(range, start).unwrap();
        rest = others;
    }
    file
}

/// Functions whose names the encoder can write, by their distance from `_text`; of several with one name the first.
fn functions(symbols: &Symbols, text: u64) -> Vec<(u64, String)> {
    let is_code = |letter: u8| letter.eq_ignore_ascii_case(&b't');
    let named = symbols.listing().filter(|(address, name, letter)| {
        let is_first = str::from_utf8(name).is_ok_and(|name| symbols.address(name) == Some(*address));
        *address >= text && is_code(*letter) && is_first
    });
    let named = named.filter_map(|(address, name, _)| Some((address - text, str::from_utf8(name).ok()?.to_owned())));
    named.filter(|(_, name)| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).collect()
}

/// The sample with nothing but functions in its table, the kernel as it was before, and the functions by their distance
/// from `_text`.
fn with_functions_only() -> (tempfile::NamedTempFile, Kernel, Vec<(u64, String)>) {
    let file = sample();
    let image = Arc::new(Image::open(file.path()).unwrap());
    let whole = Kernel::discover(Arc::clone(&image), None).unwrap();
    let (physical, text) = (whole.facts.physical, whole.facts.virtual_address);
    let functions = functions(&whole.symbols, text);
    assert!(functions.len() > 20_000 && functions.contains(&(0, "_text".to_owned())), "{}", functions.len());

    let window = Window::of(&image, physical, kernel_range::LONGEST).unwrap();
    let own = find_all(&window.bytes, 0, LOWEST, &Budget::default()).next().unwrap();
    let place =
        own.parts.iter().map(|part| part.start).min().unwrap()..own.parts.iter().map(|part| part.end).max().unwrap();
    let placed: Vec<_> = functions.iter().map(|(distance, name)| (BASE + distance, name.clone())).collect();
    let mut table = encode(Form::BeforeSigned, &placed).split_off(HEAD);
    let base = memchr::memmem::find(&table, &BASE.to_le_bytes()).unwrap();
    table[base..base + 8].copy_from_slice(&text.to_le_bytes());
    assert!(table.len() < place.len(), "{} {}", table.len(), place.len());
    table.resize(place.len(), 0);
    file.as_file().write_all_at(&table, window.physical + place.start as u64).unwrap();
    (file, whole, functions)
}

/// What is known of the kernel beside its functions.
fn check(kernel: &Kernel, whole: &Kernel, functions: &[(u64, String)]) {
    assert_eq!(kernel.facts.symbols_from, "kallsyms and structures");
    let lacks = kernel.facts.lacks.first().unwrap();
    assert!(lacks.starts_with("its table of symbols has functions only (CONFIG_KALLSYMS_ALL)"), "{lacks}");
    let addresses = |of: &Kernel| functions.iter().map(|(_, name)| of.symbols.address(name)).collect::<Vec<_>>();
    assert!(addresses(kernel) == addresses(whole));
    for name in ["init_task", "init_pid_ns", "init_net", "cgroup_roots"] {
        assert_eq!(kernel.symbols.address(name), whole.symbols.address(name), "{name}");
    }
}

#[test]
fn functions_are_known_beside_what_structures_tell() {
    let (file, whole, functions) = with_functions_only();
    let kernel = Kernel::discover(Arc::new(Image::open(file.path()).unwrap()), None).unwrap();
    check(&kernel, &whole, &functions);
}

#[test]
fn an_image_that_is_distilled_from_such_a_one_stands_by_itself() {
    let (file, whole, functions) = with_functions_only();
    let image = Image::open(file.path()).unwrap();
    image.record_touched();
    let image = Arc::new(image);
    let kernel = Kernel::discover(Arc::clone(&image), None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small.lime");
    image.write_touched(&small).unwrap();
    let again = Kernel::discover(Arc::new(Image::open(&small).unwrap()), None).unwrap();
    check(&again, &whole, &functions);
    assert_eq!(again.symbols.len(), kernel.symbols.len());
}

/// Digits among the tokens of kallsyms, without which no table of symbols is found.
const DIGITS: &[u8] = b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00";

/// The sample of an arm64 machine without a table of symbols; `change` does more to it.
fn arm64_without_symbols(change: impl FnOnce(&Kernel, &mut [u8])) -> (Kernel, crate::error::Result<Kernel>) {
    let open = |lime: &[u8]| {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all_at(lime, 0).unwrap();
        Arc::new(Image::open(file.path()).unwrap())
    };
    let mut lime = unpacked("ctr-debian13-arm64");
    let whole = Kernel::discover(open(&lime), None).unwrap();
    let places: Vec<_> = memchr::memmem::find_iter(&lime, DIGITS).collect();
    assert!(!places.is_empty());
    for at in places {
        lime[at..at + DIGITS.len()].fill(0);
    }
    change(&whole, &mut lime);
    // The page with the image's header, which the sample does not hold: nothing was read of it.
    let physical = whole.facts.physical;
    let mut range = lime[..LIME_HEADER].to_vec();
    range[8..16].copy_from_slice(&physical.to_le_bytes());
    range[16..24].copy_from_slice(&(physical + PAGE_SIZE - 1).to_le_bytes());
    range.resize(LIME_HEADER + PAGE_SIZE as usize, 0);
    let length = whole.symbols.address("_end").unwrap() - whole.facts.virtual_address;
    range[LIME_HEADER + 16..][..8].copy_from_slice(&length.to_le_bytes());
    range[LIME_HEADER + 56..][..4].copy_from_slice(b"ARM\x64");
    lime.extend(range);
    let kernel = Kernel::discover(open(&lime), None);
    (whole, kernel)
}

#[test]
fn an_arm64_kernel_without_symbols_is_found_by_its_first_task_and_the_root_in_its_image() {
    let (whole, kernel) = arm64_without_symbols(|_, _| {});
    let kernel = kernel.unwrap();
    assert_eq!(kernel.facts.symbols_from, "structures");
    assert_eq!(kernel.facts.banner, whole.facts.banner);
    assert_eq!(
        (kernel.facts.physical, kernel.facts.virtual_address),
        (whole.facts.physical, whole.facts.virtual_address)
    );
    let root = whole.memory.translate(whole.symbols.address("swapper_pg_dir").unwrap()).unwrap();
    assert!(kernel.memory.is_root(root));
    assert_eq!(kernel.memory.paging(), whole.memory.paging());
    for name in ["init_task", "linux_banner", "init_pid_ns", "init_net", "init_uts_ns", "cgroup_roots", "super_blocks"]
    {
        assert_eq!(kernel.symbols.address(name), whole.symbols.address(name), "{name}");
    }
}

/// Where a physical address lies in a LiME file.
fn place(lime: &[u8], physical: u64) -> usize {
    let mut at = 0;
    while let (Some(start), Some(last)) = (u64_at(lime, at + 8), u64_at(lime, at + 16)) {
        if (start..=last).contains(&physical) {
            return at + LIME_HEADER + (physical - start) as usize;
        }
        at += LIME_HEADER + (last + 1 - start) as usize;
    }
    panic!("{physical:#x} is not in the image");
}

#[test]
fn a_first_task_of_which_no_page_tables_tell_is_none() {
    for symbol in ["swapper_pg_dir", "init_task"] {
        let (_, kernel) = arm64_without_symbols(|whole, lime| {
            let physical = whole.memory.translate(whole.symbols.address(symbol).unwrap()).unwrap();
            let at = place(lime, physical);
            lime[at..at + 4096].fill(0);
        });
        let message = kernel.map(|_| ()).unwrap_err().message;
        assert!(message.contains("but no symbols that its page tables bear out"), "{message}");
    }
}
