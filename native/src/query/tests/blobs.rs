//! Types of real kernels, where they are at hand: what the kernel layer's queries name compiles against each.

use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::kernel::types::Types;

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

/// What a walk or column of the kernel layer asks for: (type, walk or null, paths of columns).
fn queries() -> Vec<(&'static str, Value, Value)> {
    let task = "struct task_struct";
    let list = |head: &str, kind: &str, link: &str| json!({ "kind": "list", "head": head, "type": kind, "link": link });
    let some = |walks: Value| json!({ "kind": "alternatives", "walks": walks });
    let mounts = json!([
        { "kind": "rbtree", "root": "mounts", "type": "struct mount", "link": "mnt_node" },
        list("list", "struct mount", "mnt_list"),
    ]);
    let children = json!([
        { "kind": "hlist", "head": "d_children", "type": "struct dentry", "link": "d_sib" },
        list("d_subdirs", "struct dentry", "d_child"),
    ]);
    let maps = json!([
        { "kind": "maple", "of": "mm->mm_mt", "type": "struct vm_area_struct" },
        { "kind": "chain", "first": "mm->mmap", "type": "struct vm_area_struct", "next": "vm_next" },
    ]);
    let pids = json!({ "kind": "xarray", "of": "idr", "type": "struct pid" });
    let by_pid = json!({ "kind": "hlist", "head": "tasks[0]", "type": task, "link": ["pid_links[0]", "pids[0].node"] });
    vec![
        (
            task,
            list("tasks", task, "tasks"),
            json!(["pid", "tgid", "flags", "real_cred->uid.val", "signal->nr_threads"]),
        ),
        (
            task,
            Value::Null,
            json!([
                ["__state", "state"],
                ["start_boottime", "real_start_time"],
                ["usage.refs.counter", "usage.counter"],
                "nsproxy->mnt_ns->ns.inum",
                "real_cred->user_ns->ns.inum",
                "mm->exe_file->f_path.dentry",
                "cgroups",
                "fs->root.mnt",
                "files->fdt->max_fds",
            ]),
        ),
        ("struct signal_struct", list("thread_head", task, "thread_node"), json!([])),
        ("struct pid_namespace", pids, json!(["level"])),
        ("struct pid", by_pid, json!([])),
        (task, some(maps), json!(["vm_start", "vm_end"])),
        ("struct mnt_namespace", some(mounts), json!(["mnt_parent", "mnt_mountpoint", "mnt.mnt_root", "mnt_devname"])),
        ("struct dentry", some(children), json!(["d_inode", "d_inode->i_mode", "d_hash.pprev", "d_name.len"])),
        ("struct inode", Value::Null, json!(["i_size", "i_sb->s_magic", "i_ino", "i_mapping"])),
        ("struct super_block", Value::Null, json!(["s_dev", "s_type", "s_root"])),
        ("struct cgroup_root", Value::Null, json!(["hierarchy_id", "cgrp.kn"])),
        ("struct cgroup", list("self.children", "struct cgroup", "self.sibling"), json!(["self.flags", "kn"])),
        ("struct css_set", list("cgrp_links", "struct cgrp_cset_link", "cgrp_link"), json!(["cgrp"])),
        ("struct net", list("dev_base_head", "struct net_device", "dev_list"), json!(["flags"])),
        (
            "struct net_device",
            json!({ "kind": "chain", "first": "ip_ptr->ifa_list", "type": "struct in_ifaddr", "next": "ifa_next" }),
            json!(["ifa_local", "ifa_prefixlen"]),
        ),
        ("struct page", Value::Null, json!([["flags.f", "flags"], ["index", "__folio_index"]])),
        ("struct timekeeper", Value::Null, json!(["offs_real", "offs_boot", "wall_to_monotonic.tv_sec"])),
    ]
}

#[test]
fn real_kernels_types_answer_what_the_kernel_layer_names() {
    let mut failures = Vec::new();
    for (name, btf) in blobs() {
        let kernel = Memory::new().kernel(btf, &[]);
        for (start, walk, paths) in queries() {
            let select: Vec<_> = paths
                .as_array()
                .unwrap()
                .iter()
                .map(|path| json!({ "name": path.to_string(), "path": path }))
                .collect();
            let mut spec = json!({ "from": { "addresses": true, "type": start }, "select": select });
            if !walk.is_null() {
                spec["walk"] = walk;
            }
            let failed = run(&kernel, &spec.to_string(), &[]).err();
            failures.extend(failed.map(|error| format!("{name}: {}", error.message)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
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

#[test]
fn real_kernels_names_are_found_in_a_few_steps() {
    for (name, btf) in blobs() {
        let types = Types::from_btf(btf).unwrap();
        assert!(types.longest_search() < 32, "{name}: {}", types.longest_search());
        assert!(types.size(types.find("struct task_struct").unwrap()).is_some_and(|size| size > 2048), "{name}");
    }
}
