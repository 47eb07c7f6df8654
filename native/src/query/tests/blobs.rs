//! Types of real kernels, where they are at hand. `npm run layouts` holds all that analyzers ask against them.

use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::kernel::types::Types;
use crate::query::file_part;
use crate::testing::memory::NOWHERE;

/// Every section in `SALVOR_BTF` (`../shared/btf` beside the repository), unpacked: (name, bytes). Says so where there is
/// none.
fn blobs() -> Vec<(String, Vec<u8>)> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/btf");
    let folder = std::env::var_os("SALVOR_BTF").map_or_else(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no kernels' types in {}", folder.display());
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "zst"));
    paths.sort();
    let unpack = |path: PathBuf| {
        let output = Command::new("zstd").arg("-dcq").arg(&path).output().ok()?;
        let name = path.file_name()?.to_str()?.strip_suffix(".btf.zst")?.to_owned();
        output.status.success().then_some((name, output.stdout))
    };
    let found: Vec<_> = paths.into_iter().filter_map(unpack).collect();
    if found.is_empty() {
        eprintln!("skipped: nothing in {} that 'zstd' unpacks", folder.display());
    }
    found
}

/// `mnt_namespace.mounts` is a count before 6.8 and a tree from then on; `super_block.s_mounts` is a list before 6.18.
#[test]
fn names_that_changed_their_type_compile_as_what_they_are() {
    for (name, btf) in blobs() {
        let kernel = Memory::new().kernel(btf, &[]);
        let takes = |start: &str, walk: Value| {
            let spec = json!({ "from": { "addresses": true, "type": start }, "walk": walk, "select": [] });
            run(&kernel, &spec.to_string(), &[]).is_ok()
        };
        let mounts = json!({ "kind": "rbtree", "root": "mounts", "type": "struct mount", "link": "mnt_node" });
        let list = json!({ "kind": "list", "head": "list", "type": "struct mount", "link": "mnt_list" });
        let tree = ["6.8-", "6.11-", "6.18-", "7.1-"].iter().any(|release| name.starts_with(release));
        assert_eq!(takes("struct mnt_namespace", mounts), tree, "{name}");
        assert_eq!(takes("struct mnt_namespace", list), !tree, "{name}");
        let of_superblock =
            json!({ "kind": "list", "head": "s_mounts", "type": "struct mount", "link": "mnt_instance" });
        let pointer = ["6.18-", "7.1-"].iter().any(|release| name.starts_with(release));
        assert_eq!(takes("struct super_block", of_superblock), !pointer, "{name}");
    }
}

/// A list that leads nowhere is told only where it is known what a module is.
#[test]
fn modules_and_pages_of_files_are_where_each_kernel_has_them() {
    for (name, btf) in blobs() {
        let kernel = Memory::new().kernel(btf, &[("modules", NOWHERE)]);
        assert_eq!(kernel.loaded().problem(), Some("cannot be read to its end"), "{name}");
        assert_eq!(file_part::read(&kernel, NOWHERE, 0, None).map_err(|error| error.message), Ok(None), "{name}");
    }
}

#[test]
fn real_kernels_names_are_found_in_a_few_steps() {
    for (name, btf) in blobs() {
        let types = Types::from_btf(btf).unwrap();
        assert!(types.longest_search() < 32, "{name}: {}", types.longest_search());
        assert!(types.size(types.find("struct task_struct").unwrap()).is_some_and(|size| size > 2048), "{name}");
    }
}
