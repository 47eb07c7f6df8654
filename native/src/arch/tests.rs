//! What the rest of the core does with an architecture that it knows nothing of, and that nothing of one is said elsewhere.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::other::{HALF, IMAGE, PAGE};
use crate::query::{ColumnData, run};
use crate::testing::files::{Era, File};
use crate::testing::memory::{BASE, Memory, SIZE};
use crate::testing::world::{NEXT, btf, items};

#[test]
fn memory_is_read_by_the_tables_of_its_architecture_and_of_no_other() {
    let mut memory = Memory::new();
    memory.put(BASE + 0x12_3458, 77);
    let kernel = memory.other_kernel(btf(), &[]);
    assert_eq!(kernel.memory.read_u64(BASE + 0x12_3458), Some(77));
    assert_eq!(kernel.memory.contiguous(BASE, SIZE), Some(0));
    assert_eq!(kernel.memory.translate(BASE + SIZE), None);
    assert_eq!((kernel.memory.geometry().levels, kernel.memory.geometry().page_size), (3, PAGE));
}

#[test]
fn the_direct_map_is_where_the_architecture_says_by_what_the_kernel_says() {
    let mut memory = Memory::new();
    let variable = memory.take(8);
    memory.put(variable, 0x8000_0000);
    let kernel = |symbols: &[(&str, u64)]| memory.other_kernel(btf(), symbols);
    assert_eq!(kernel(&[("memory_start", variable)]).direct_map().unwrap(), HALF - 0x8000_0000);
    assert_eq!(kernel(&[]).direct_map().unwrap(), HALF);
    let lacking = kernel(&[("memory_start", BASE + SIZE)]).direct_map().err().unwrap();
    assert!(lacking.message.starts_with("memory_start cannot be read"), "{lacking}");
}

/// The page's size decides where a `struct page`'s memory is, how long a file is, and what is a huge page.
#[test]
fn a_files_pages_are_of_the_architectures_size() {
    for era in [Era::Radix, Era::Xarray, Era::Renamed] {
        let mut file = File::in_pages_of(PAGE, era, 4);
        let (first, third) = (file.page(0, b'a'), file.page(2, b'c'));
        let node = file.node(0, &[(0, first), (2, third)]);
        file.head(node);
        file.resize(3 * PAGE + 5);
        let inode = file.inode;
        let select = json!([{ "name": "text", "path": "", "as": "contents" }]);
        let spec = json!({ "from": { "addresses": true, "type": "struct inode" }, "select": select });
        let batch = run(&file.other_kernel(), &spec.to_string(), &[inode]).unwrap();
        let ColumnData::Text { bytes, .. } = &batch.columns[0] else { panic!("no text") };
        let page = |letter: u8| vec![letter; PAGE as usize];
        assert!(*bytes == [page(b'a'), page(0), page(b'c'), vec![0; 5]].concat(), "{era:?}: {:?}", batch.warnings);
    }
}

#[test]
fn pointers_images_and_stacks_are_where_the_architecture_has_them() {
    let cases = [
        ("pointer", vec![HALF, IMAGE], vec![0, HALF - 8, HALF + 4]),
        ("pointer_or_null", vec![0, HALF], vec![HALF - 8]),
        ("stack", vec![0, HALF + PAGE], vec![HALF + 4096, PAGE]),
        ("image", vec![IMAGE, IMAGE + 1], vec![0, IMAGE - 1]),
    ];
    for (is, right, wrong) in cases {
        for (value, expected) in right.iter().map(|value| (value, 1)).chain(wrong.iter().map(|value| (value, 0))) {
            let mut memory = Memory::new();
            let (_, items) = items(&mut memory, 1);
            memory.put(items[0] + NEXT, *value);
            let column = json!({ "name": "it", "path": "", "as": "obeys", "rules": [{ "path": "next", "is": is }] });
            let spec = json!({ "from": { "addresses": true, "type": "struct item" }, "select": [column] });
            let batch = run(&memory.other_kernel(btf(), &[]), &spec.to_string(), &items).unwrap();
            let ColumnData::U64 { values, .. } = &batch.columns[0] else { panic!("no number") };
            assert_eq!(values, &[expected], "{is} of {value:#x}");
        }
    }
}

/// Words that speak of one architecture: its name, an address of its kernel's, a page's size or the shift that stands for it.
const TELLING: [&str; 9] = ["x86", "0xffff", "0xff00_", "0xff1", "0xffd", "4096", "0x1000", "<< 12", ">> 12"];

/// Where such a word may stand, and why.
const ALLOWED: [(&str, &str, &str); 13] = [
    ("src/image/mod.rs", "pub const PAGE_SIZE: u64 = 4096;", "the unit of lookups, of which every page is a multiple"),
    ("src/image/source.rs", "const PAGE: u64 = 4096;", "of the machine that salvor runs on"),
    ("src/image/machine.rs", "(EM_X86_64, \"x86_64\"),", "names for messages"),
    ("src/image/crash_dump.rs", "0x8664 => Machine::Elf", "a machine's number in the format"),
    ("src/image/avml.rs", "const SMALLEST: u64 = 4096;", "a bound of the format's"),
    ("src/image/write/output.rs", "const HOLE: u64 = 4096;", "of the file systems that are written to"),
    ("src/image/kdump/bitmap.rs", "pub const GROUP: usize = 4096;", "bytes looked at together"),
    ("src/image/kdump/stored.rs", "const HEADER: u64 = 4096;", "of the format's"),
    (
        "src/kernel/symbols.rs",
        "pub const TEXT: u64 = 0xffff_ffff_8100_0000;",
        "an arbitrary place that cache files have",
    ),
    ("src/kernel/btf.rs", "if start & 0xffff !=", "half of a word"),
    ("src/", "const MOST_", "how many are looked at"),
    ("src/query/limits.rs", ": usize = 4096;", "bytes of text that are kept"),
    ("src/query/walk/", "const LAST_MARK: u64 = 4096;", "of every kernel's trees (include/linux/xarray.h)"),
];

#[test]
fn nothing_outside_this_folder_speaks_of_one_architecture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, mut needed) = (Vec::new(), [false; ALLOWED.len()]);
    for path in sources(&root.join("src")) {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let made_up = ["src/arch/", "src/testing/", "src/fuzz/"];
        if made_up.iter().any(|folder| name.starts_with(folder)) || name.contains("tests") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\n#[allow").next().unwrap_or_default();
        let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            if TELLING.iter().any(|word| line.contains(word)) {
                let allowed = |(file, words, _): &(&str, &str, &str)| name.starts_with(file) && line.contains(words);
                match ALLOWED.iter().position(allowed) {
                    Some(index) => needed[index] = true,
                    None => found.push(format!("{name}: {}", line.trim())),
                }
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
    let idle: Vec<_> = ALLOWED.iter().zip(needed).filter(|(_, needed)| !needed).map(|(entry, _)| entry).collect();
    assert!(idle.is_empty(), "no longer there: {idle:?}");
}

/// Every Rust source below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sources = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    sources.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
