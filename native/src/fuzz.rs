//! What the fuzz targets run (`native/fuzz/`), and `cargo test` over their seeds: one function for each parser. It answers
//! whether the bytes were taken for what they should be, and holds what was read of them to what is true of any input.

mod pages;
mod search;
mod symbols;

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::image::{Image, PAGE_SIZE, blocks};
use crate::kernel::kallsyms::{self, Budget};
use crate::kernel::types::Types;
use crate::query::scope::Scope;
use crate::query::{path as query_path, survey};

/// The types that modules' BTF and queries are read over.
const KERNEL: &[u8] = include_bytes!("../fuzz/seeds/btf/sound-kernel");
/// What is looked at of each input, so that one does not take long.
const MOST: usize = 16;

/// A parser's name and the function that runs it.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All of them; each has a file in `native/fuzz/targets/` and a folder in `native/fuzz/seeds/`.
pub const TARGETS: [Target; 19] = [
    ("elf", elf),
    ("lime", lime),
    ("avml", avml),
    ("kdump", kdump),
    ("qemu", qemu),
    ("vmware", vmware),
    ("crash-dump", crash_dump),
    ("packed", symbols::packed),
    ("isf", symbols::isf),
    ("vmlinux", symbols::vmlinux),
    ("system-map", symbols::system_map),
    ("btf", btf),
    ("kallsyms", kallsyms),
    ("modules", modules),
    ("path", path),
    ("query", query),
    ("lzo", lzo),
    ("pages", pages::pages),
    ("search", search::search),
];

pub use pages::pages;
pub use search::search;
pub use symbols::{isf, packed, system_map, vmlinux};

/// An ELF core.
pub fn elf(bytes: &[u8]) -> bool {
    image("elf", b"\x7fELF\x02\x01\x01", bytes)
}

/// A LiME file.
pub fn lime(bytes: &[u8]) -> bool {
    image("lime", b"EMiL\x01\0\0\0", bytes)
}

/// A compressed AVML file.
pub fn avml(bytes: &[u8]) -> bool {
    image("avml", b"AVML\x02\0\0\0", bytes)
}

/// A kdump-compressed file, flattened or not.
pub fn kdump(bytes: &[u8]) -> bool {
    let flattened = b"makedumpfile\0\0\0\0";
    image("kdump", if bytes.starts_with(flattened) { flattened } else { b"KDUMP   " }, bytes)
}

/// A stream of QEMU's, behind libvirt's header or not.
pub fn qemu(bytes: &[u8]) -> bool {
    let libvirt = b"LibvirtQemudSave";
    image("qemu", if bytes.starts_with(libvirt) { libvirt } else { b"QEVM\0\0\0\x03" }, bytes)
}

/// A state of VMware's that holds memory.
pub fn vmware(bytes: &[u8]) -> bool {
    let old = b"\xd0\xbe\xd2\xbe";
    image("vmware", if bytes.starts_with(old) { old } else { b"\xd2\xbe\xd2\xbe" }, bytes)
}

/// A complete crash dump.
pub fn crash_dump(bytes: &[u8]) -> bool {
    image("crash-dump", b"PAGEDU64", bytes)
}

/// A file that begins as its format does, whatever came of its start.
fn image(format: &str, start: &[u8], bytes: &[u8]) -> bool {
    let rest = bytes.get(start.len()..).unwrap_or_default();
    let Some(file) = in_memory(&[start, rest].concat()) else { return false };
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let Ok(image) = Image::open(Path::new(&path)) else { return false };
    assert_eq!(image.format(), format);
    check_ranges(&image);
    check_reads(&image);
    true
}

fn in_memory(bytes: &[u8]) -> Option<File> {
    let mut file = File::from(memfd_create("image", MemfdFlags::CLOEXEC).ok()?);
    file.write_all(bytes).ok()?;
    Some(file)
}

fn check_ranges(image: &Image) {
    let mut end = 0;
    for range in image.ranges() {
        assert!(range.start >= end && range.length > 0, "{range:?}");
        assert!(!image.is_mapped() || range.offset + range.length <= image.size(), "{range:?}");
        end = range.end();
    }
    assert!(image.warnings().iter().all(|warning| !warning.contains('\n')));
}

/// Reads in several ways, which must agree.
fn check_reads(image: &Image) {
    let mut buffer = Vec::new();
    for range in image.ranges().iter().take(MOST) {
        for at in [range.start, range.start + range.length / 2, range.end() - 1] {
            let mut out = [0; 4 << 10];
            let read = image.copy(at, &mut out);
            assert!(read == 0 || image.missing(at).is_none(), "{at:#x} is missing, and was read");
            let block = image.read_block(at, out.len(), &mut buffer);
            assert_eq!(block, out.get(..read).unwrap_or_default(), "at {at:#x}");
            assert!(image.past_gap(at) > at);
        }
    }
    for chunk in image.chunks(64 << 20).into_iter().take(MOST) {
        image.read_block(chunk.start, (chunk.end - chunk.start) as usize, &mut buffer);
    }
    image.loss();
}

/// The kernel's own types, whole or what is left of them.
pub fn btf(bytes: &[u8]) -> bool {
    if let Ok(types) = Types::salvaged(bytes.to_vec(), (bytes.len() % PAGE_SIZE as usize) & !3) {
        look_at_types(&types, bytes);
    }
    let Ok(types) = Types::from_btf(bytes.to_vec()) else { return false };
    look_at_types(&types, bytes);
    true
}

/// A module's types.
pub fn modules(bytes: &[u8]) -> bool {
    let Ok(types) = Types::from_btf(KERNEL.to_vec()) else { return false };
    let section = bytes.to_vec();
    types.set_modules(Box::new(move || vec![("module".to_owned(), section.clone())]));
    look_at_types(&types, bytes);
    types.modules().count() == 1
}

/// Asks for whatever has a name in these bytes.
fn look_at_types(types: &Types, bytes: &[u8]) {
    let texts = bytes.split(|byte| *byte == 0).rev().filter_map(|text| std::str::from_utf8(text).ok());
    let names: Vec<&str> = texts.filter(|text| !text.is_empty()).take(MOST).collect();
    for name in &names {
        types.enumerator(name);
        for class in ["struct ", "union ", "enum ", ""] {
            let Some(id) = types.find(&format!("{class}{name}")) else { continue };
            let _ = (types.shape(id), types.size(id), types.name(id));
            names.iter().filter_map(|name| types.member(id, name)).for_each(|member| {
                types.size(member.id);
            });
        }
    }
}

/// Kernels' images are in the last gigabytes of what there is to address.
const TOP: u64 = u64::MAX << 31;

/// A window of memory with a symbol table.
pub fn kallsyms(bytes: &[u8]) -> bool {
    kallsyms::salvage::find_all(bytes, TOP, &Budget::default()).for_each(drop);
    let budget = Budget::default();
    let tables = kallsyms::find_all(bytes, 0, TOP, &budget);
    tables.filter(|found| ["_text", "_stext"].iter().any(|name| found.table.from_text(name) == Some(0))).count() > 0
}

/// An access path.
pub fn path(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| query_path::parse(text).is_ok())
}

/// A query, as `survey` takes it: read as JSON, and settled against types.
pub fn query(bytes: &[u8]) -> bool {
    static TYPES: OnceLock<Option<Types>> = OnceLock::new();
    let types = TYPES.get_or_init(|| Types::from_btf(KERNEL.to_vec()).ok()).as_ref();
    let text = std::str::from_utf8(bytes).ok();
    types.zip(text).is_some_and(|(types, text)| survey::survey(Scope::of_types(types), text).is_ok())
}

/// Two bytes that say how long it is unpacked, and an LZO block.
pub fn lzo(bytes: &[u8]) -> bool {
    let Some((length, packed)) = bytes.split_first_chunk() else { return false };
    blocks::unpack::lzo(packed, &mut vec![0; usize::from(u16::from_le_bytes(*length))])
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::TARGETS;

    /// Seeds whose name begins with `sound` are taken, others are not, and none ends in a panic.
    #[test]
    fn seeds_are_taken_for_what_they_are() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        for (name, run) in TARGETS {
            let seeds = fs::read_dir(folder.join("seeds").join(name)).unwrap();
            let seeds: Vec<PathBuf> = seeds.map(|entry| entry.unwrap().path()).collect();
            let is_sound = |seed: &PathBuf| seed.file_name().unwrap().to_str().unwrap().starts_with("sound");
            assert!(seeds.iter().any(is_sound), "{name} has no sound seed");
            for seed in seeds {
                assert_eq!(run(&fs::read(&seed).unwrap()), is_sound(&seed), "{}", seed.display());
            }
            assert!(folder.join("targets").join(format!("{name}.rs")).exists(), "{name} is no target");
        }
    }
}
