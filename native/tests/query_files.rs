//! Page-cache contents and modules' types on the real images; skipped as `query.rs` is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::{cases, number, text};
use memchr::memmem;
use salvor_native::image::Image;
use salvor_native::kernel::types::Shape;
use salvor_native::query::run;
use serde_json::{Value, json};

#[test]
fn declarations_of_containers_come_whole_from_the_page_cache() {
    for case in cases() {
        let spec = json!({
            "from": { "symbol": "super_blocks", "type": "struct list_head" },
            "walk": { "kind": "list", "head": "", "type": "struct super_block", "link": "s_list" },
            "select": [{ "name": "type", "path": "s_type->name", "as": "string" }],
            "children": [{
                "name": "inodes",
                "walk": { "kind": "list", "head": "s_inodes", "type": "struct inode", "link": "i_sb_list" },
                "select": [{ "name": "size", "path": "i_size" }],
                "children": [{
                    "name": "names",
                    "walk": { "kind": "hlist", "head": "i_dentry", "type": "struct dentry", "link": "d_u.d_alias" },
                    "select": [
                        { "name": "name", "path": "d_name.name", "as": "string" },
                        { "name": "inode", "path": "d_inode" },
                    ],
                }],
            }],
        });
        let batch = run(&case.kernel, &spec.to_string(), &[]).unwrap();
        let (inodes, names) = (&batch.children[0], &batch.children[0].children[0]);
        let tmpfs = |row: usize| text(&batch.columns[0], inodes.parents[row] as usize) == Some("tmpfs");
        let named = (0..names.length).filter(|row| text(&names.columns[0], *row) == Some("config.json"));
        let chosen: Vec<u64> = named
            .filter(|row| tmpfs(names.parents[*row] as usize))
            .map(|row| number(&names.columns[1], row).unwrap())
            .collect();
        let contents = json!({
            "from": { "addresses": true, "type": "struct inode" },
            "select": [{ "name": "text", "path": "", "as": "contents" }],
        });
        let batch = run(&case.kernel, &contents.to_string(), &chosen).unwrap();
        assert_eq!(batch.warnings, []);
        let declared: Vec<Value> =
            (0..batch.length).map(|row| serde_json::from_str(text(&batch.columns[0], row).unwrap()).unwrap()).collect();
        let containers = declared.iter().filter(|config| config["ociVersion"].is_string()).count();
        let live = if case.kernel.facts.release.starts_with("6.1.") { 9 } else { 17 };
        assert_eq!(containers, live);
    }
}

#[test]
fn types_of_modules_are_found_when_asked_for() {
    for case in cases() {
        // Where the kernel keeps its copies is for discovery to find out; the files' own, in the page cache, will do.
        // Whatever is not a whole section is left out by its validation.
        let sections = split_sections(case.kernel.memory.image());
        let types = &case.kernel.types;
        types.set_modules(Box::new(move || sections.clone()));
        assert!(types.find("struct task_struct").unwrap().source == 0);
        let layers = types.find("struct ovl_entry").unwrap();
        assert!(layers.source > 0 && types.size(layers).unwrap() > 0);
        let stack = types.member(layers, "__lowerstack").or_else(|| types.member(layers, "lowerstack")).unwrap();
        assert_eq!(types.name(stack.id), "struct ovl_path[0]");
        // A module's struct leads back to the kernel's own.
        let path = types.find("struct ovl_path").unwrap();
        let dentry = types.member(path, "dentry").unwrap();
        assert_eq!(types.shape(dentry.id), Shape::Pointer(types.find("struct dentry").unwrap()));
    }
}

fn split_sections(image: &Image) -> Vec<(String, Vec<u8>)> {
    let header = memmem::Finder::new(b"\x9f\xeb\x01\x00\x18\x00\x00\x00\x00\x00\x00\x00");
    let mut sections = Vec::new();
    for (start, length) in image.chunks(64 << 20) {
        let chunk = image.borrow(start, length as usize).unwrap();
        for at in header.find_iter(chunk) {
            let word = |from: usize| Some(u32::from_le_bytes(*chunk.get(at + from..)?.first_chunk()?) as usize);
            let size = word(12).zip(word(16)).zip(word(20)).filter(|((types, strings), _)| types == strings);
            let Some(size) = size.map(|((types, _), strings)| 24 + types + strings).filter(|size| *size < 1 << 20)
            else {
                continue;
            };
            sections.extend(image.borrow(start + at as u64, size).map(|bytes| (format!("{at:x}"), bytes.to_vec())));
        }
    }
    sections
}
