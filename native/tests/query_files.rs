//! Page-cache contents and modules' types on real images.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use std::collections::BTreeSet;

use common::{Recorded, cases, number, on_images, shared_images, text};
use memchr::memmem;
use salvor_native::image::Image;
use salvor_native::kernel::Kernel;
use salvor_native::kernel::types::Shape;
use salvor_native::query::{Batch, run};
use serde_json::{Value, json};

fn query(kernel: &Kernel, spec: &Value, addresses: &[u64]) -> Batch {
    run(kernel, &spec.to_string(), addresses).unwrap()
}

/// Inodes of the files of this name on every tmpfs, by the lists of inodes that super blocks have.
fn by_inode_lists(kernel: &Kernel, wanted: &str) -> BTreeSet<u64> {
    let spec = json!({
        "from": { "symbol": "super_blocks", "type": "struct list_head" },
        "walk": { "kind": "list", "head": "", "type": "struct super_block", "link": "s_list" },
        "select": [{ "name": "type", "path": "s_type->name", "as": "string" }],
        "children": [{
            "name": "inodes",
            "walk": { "kind": "list", "head": "s_inodes", "type": "struct inode", "link": "i_sb_list" },
            "select": [],
            "children": [{
                "name": "names",
                "walk": { "kind": "hlist", "head": "i_dentry", "type": "struct dentry", "link": "d_u.d_alias" },
                "select": [{ "name": "name", "path": "d_name.name", "as": "string" }],
            }],
        }],
    });
    let batch = query(kernel, &spec, &[]);
    let (inodes, names) = (&batch.children[0], &batch.children[0].children[0]);
    let tmpfs = |row: usize| text(&batch.columns[0], inodes.parents[row] as usize) == Some("tmpfs");
    let named = (0..names.length).filter(|row| text(&names.columns[0], *row) == Some(wanted));
    let rows = named.map(|row| names.parents[row] as usize).filter(|row| tmpfs(*row));
    rows.map(|row| inodes.addresses[row]).collect()
}

/// The same by names from the roots of the host's mounts down, which is the way that an analyzer goes.
fn by_names(kernel: &Kernel, wanted: &str) -> BTreeSet<u64> {
    let mounts = json!({ "kind": "alternatives", "walks": [
        { "kind": "rbtree", "root": "mounts", "type": "struct mount", "link": "mnt_node" },
        { "kind": "list", "head": "list", "type": "struct mount", "link": "mnt_list" },
    ] });
    let names = json!({ "kind": "alternatives", "walks": [
        { "kind": "hlist", "head": "d_children", "type": "struct dentry", "link": "d_sib" },
        { "kind": "list", "head": "d_subdirs", "type": "struct dentry", "link": "d_child" },
    ] });
    let roots = json!({
        "from": { "symbol": "init_task", "type": "struct task_struct" },
        "walk": { "kind": "object", "of": "nsproxy->mnt_ns" },
        "select": [],
        "children": [{ "name": "mounts", "walk": mounts, "select": [
            { "name": "type", "path": "mnt.mnt_sb->s_type->name", "as": "string" },
            { "name": "root", "path": "mnt.mnt_root" },
        ] }],
    });
    let below = json!({
        "from": { "addresses": true, "type": "struct dentry" },
        "walk": names,
        "select": [
            { "name": "name", "path": "d_name.name", "as": "string" },
            { "name": "inode", "path": "d_inode" },
        ],
    });
    let batch = query(kernel, &roots, &[]);
    let mounts = &batch.children[0];
    let tmpfs = (0..mounts.length).filter(|row| text(&mounts.columns[0], *row) == Some("tmpfs"));
    let mut directories: Vec<u64> = tmpfs.map(|row| number(&mounts.columns[1], row).unwrap()).collect();
    let mut found = BTreeSet::new();
    while !directories.is_empty() {
        let batch = query(kernel, &below, &directories);
        let files = (0..batch.length).filter(|row| text(&batch.columns[0], *row) == Some(wanted));
        found.extend(files.filter_map(|row| number(&batch.columns[1], row)));
        directories = batch.addresses;
    }
    found
}

on_images!(declarations_of_containers_come_whole_from_the_page_cache);
fn declarations_of_containers_come_whole_from_the_page_cache(images: &[Recorded]) {
    let contents = json!({
        "from": { "addresses": true, "type": "struct inode" },
        "select": [{ "name": "text", "path": "", "as": "contents" }],
    });
    for case in cases(images) {
        let chosen = by_names(&case.kernel, "config.json");
        // A sample holds what an analyzer reads: no lists of inodes.
        assert!(case.recorded.sample || by_inode_lists(&case.kernel, "config.json") == chosen);
        let chosen: Vec<u64> = chosen.into_iter().collect();
        let batch = query(&case.kernel, &contents, &chosen);
        assert_eq!(batch.warnings, []);
        let declared: Vec<Value> =
            (0..batch.length).map(|row| serde_json::from_str(text(&batch.columns[0], row).unwrap()).unwrap()).collect();
        let containers = declared.iter().filter(|config| config["ociVersion"].is_string()).count();
        assert_eq!(containers, live_containers(case.recorded), "{}", case.recorded.name);
    }
}

/// Containers, and sandboxes of pods, that had a process at the stop.
fn live_containers(image: &Recorded) -> usize {
    let inspected = ["raw/docker-inspect.json", "raw/podman-inspect.json"].iter().find_map(|file| image.json(file));
    let count = |list: &Value| list.as_array().unwrap().iter().filter(|told| told["State"]["Pid"] != 0).count();
    let others = match image.name.as_str() {
        // Bare containerd's.
        "ctr-debian13-arm64" => 5,
        // Eight sandboxes that were ready, and nine containers that ran.
        _ => 8 + 9,
    };
    inspected.as_ref().map_or(others, count)
}

#[test]
#[ignore = "needs the shared images (SALVOR_IMAGES): samples hold no module's types"]
fn types_of_modules_are_found_when_asked_for() {
    for case in cases(&shared_images()) {
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
    for std::ops::Range { start, end } in image.chunks(64 << 20) {
        let length = end - start;
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
