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

/// A column that is not simply a value.
fn leaf(path: &str, leaf: &str) -> Value {
    json!({ "path": path, "as": leaf, "max": 8 })
}

/// What a task's row is made of in `src/kernel/tasks.ts`.
fn of_tasks() -> Value {
    let values = [
        "pid",
        "tgid",
        "real_parent->tgid",
        "mm",
        "exit_state",
        "flags",
        "real_cred->uid.val",
        "signal->nr_threads",
        "group_leader->tgid",
        "thread_pid",
        "thread_pid->numbers[0].nr",
        "seccomp.mode",
        "cgroups",
        "nsproxy->mnt_ns->ns.inum",
        "nsproxy->net_ns->ns.inum",
        "nsproxy->cgroup_ns->ns.inum",
        "nsproxy->pid_ns_for_children->ns.inum",
        "real_cred->user_ns->ns.inum",
        "fs->root.mnt",
        "files->fdt->max_fds",
    ];
    let mut columns: Vec<Value> = values.iter().map(|path| json!(path)).collect();
    columns.extend([
        json!(["__state", "state"]),
        json!(["start_boottime", "real_start_time"]),
        json!(["usage.refs.counter", "usage.counter"]),
        leaf("comm", "string"),
        leaf("mm", "cmdline"),
        leaf("mm->exe_file->f_path", "d_path"),
        leaf("real_cred->cap_bset", "hex"),
        leaf("cgroups->dfl_cgrp->kn", "kernfs_path"),
        leaf("nsproxy->uts_ns->name.nodename", "string"),
    ]);
    json!(columns)
}

/// What the kernel layer asks for: (type, walk or null, columns).
fn queries() -> Vec<(&'static str, Value, Value)> {
    let task = "struct task_struct";
    let list = |head: &str, kind: &str, link: &str| json!({ "kind": "list", "head": head, "type": kind, "link": link });
    let some = |walks: Value| json!({ "kind": "alternatives", "walks": walks });
    let mounts = json!([
        { "kind": "rbtree", "root": "mounts", "type": "struct mount", "link": "mnt_node" },
        list("list", "struct mount", "mnt_list"),
    ]);
    let of_mounts = json!([
        "mnt_parent",
        "mnt_mountpoint",
        "mnt_devname",
        leaf("mnt.mnt_root", "dentry_path"),
        leaf("mnt", "d_path")
    ]);
    let children = json!([
        { "kind": "hlist", "head": "d_children", "type": "struct dentry", "link": "d_sib" },
        list("d_subdirs", "struct dentry", "d_child"),
    ]);
    let of_dentries = json!(["d_inode", "d_inode->i_mode", "d_hash.pprev", leaf("d_name.name", "string")]);
    let maps = json!([
        { "kind": "maple", "of": "mm->mm_mt", "type": "struct vm_area_struct" },
        { "kind": "chain", "first": "mm->mmap", "type": "struct vm_area_struct", "next": "vm_next" },
    ]);
    let pids = json!({ "kind": "xarray", "of": "idr", "type": "struct pid" });
    let by_pid = json!({ "kind": "hlist", "head": "tasks[0]", "type": task, "link": ["pid_links[0]", "pids[0].node"] });
    let numbers = json!({ "kind": "array", "of": "numbers", "count": "level + 1", "type": "struct upid" });
    let css = "struct cgroup_subsys_state";
    let controllers = json!({ "kind": "array", "of": "cgrp.subsys", "pointers": true, "type": css });
    let of_inodes = json!(["i_size", "i_ino", leaf("i_link", "string"), leaf("", "contents"), leaf("", "cached")]);
    let ipv4 = json!({ "kind": "chain", "first": "ip_ptr->ifa_list", "type": "struct in_ifaddr", "next": "ifa_next" });
    let monotonic = json!(["offs_real", "offs_boot", "wall_to_monotonic.tv_sec", "wall_to_monotonic.tv_nsec"]);
    vec![
        (task, list("tasks", task, "tasks"), of_tasks()),
        ("struct signal_struct", list("thread_head", task, "thread_node"), json!([])),
        ("struct pid_namespace", pids, json!(["level"])),
        ("struct pid", by_pid, json!([])),
        ("struct pid", numbers, json!(["nr", "ns->ns.inum"])),
        ("struct rq", Value::Null, json!(["idle"])),
        ("struct cpumask", json!({ "kind": "array", "of": "bits" }), json!([""])),
        (task, some(maps), json!(["vm_start", "vm_end"])),
        ("struct mnt_namespace", some(mounts), of_mounts),
        ("struct dentry", some(children), of_dentries),
        ("struct inode", Value::Null, of_inodes),
        ("struct super_block", Value::Null, json!(["s_dev", "s_type", "s_root", "s_magic"])),
        ("struct cgroup_root", controllers, json!([leaf("ss->legacy_name", "string")])),
        ("struct cgroup_root", Value::Null, json!(["hierarchy_id", leaf("name", "string"), leaf("cgrp", "address")])),
        ("struct cgroup", list("self.children", "struct cgroup", "self.sibling"), json!(["self.flags", "kn"])),
        ("struct css_set", list("cgrp_links", "struct cgrp_cset_link", "cgrp_link"), json!(["cgrp"])),
        ("struct net", list("dev_base_head", "struct net_device", "dev_list"), json!([leaf("name", "string")])),
        ("struct net_device", ipv4, json!(["ifa_local", "ifa_prefixlen"])),
        ("struct page", Value::Null, json!([["flags.f", "flags"], ["index", "__folio_index"]])),
        ("struct timekeeper", Value::Null, monotonic),
        ("struct uts_namespace", Value::Null, json!([leaf("name.nodename", "string")])),
    ]
}

#[test]
fn real_kernels_types_answer_what_the_kernel_layer_names() {
    let mut failures = Vec::new();
    for (name, btf) in blobs() {
        let kernel = Memory::new().kernel(btf, &[]);
        for (start, walk, paths) in queries() {
            let column = |column: &Value| {
                let mut column = if column.is_object() { column.clone() } else { json!({ "path": column }) };
                column["name"] = json!(column["path"].to_string());
                column
            };
            let select: Vec<_> = paths.as_array().unwrap().iter().map(column).collect();
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
