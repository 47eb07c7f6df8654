//! Queries over the real images, against what /proc and another tool said. Skipped, with a line that says so, where
//! `SALVOR_IMAGES` does not name the folder they were unpacked to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use std::collections::BTreeMap;

use common::{cases, number, text};
use salvor_native::kernel::Kernel;
use salvor_native::query::{Batch, run};
use serde_json::json;

fn tasks(kernel: &Kernel) -> Batch {
    let threads =
        json!({ "kind": "list", "head": "signal->thread_head", "type": "struct task_struct", "link": "thread_node" });
    let files = json!({
        "name": "files",
        "walk": { "kind": "array", "of": "files->fdt->fd", "count": "files->fdt->max_fds", "pointers": true },
        "select": [
            { "name": "fd", "path": "", "as": "index" },
            { "name": "path", "path": "f_path", "as": "d_path" },
        ],
    });
    let spec = json!({
        "from": { "symbol": "init_task", "type": "struct task_struct" },
        "walk": { "kind": "list", "head": "tasks", "type": "struct task_struct", "link": "tasks", "inclusive": true },
        "select": [
            { "name": "pid", "path": "pid" },
            { "name": "comm", "path": "comm", "as": "string" },
            { "name": "exe", "path": "mm->exe_file->f_path", "as": "d_path", "root": "fs->root" },
            { "name": "args", "path": "mm", "as": "cmdline" },
            { "name": "cgroup", "path": "cgroups->dfl_cgrp->kn", "as": "kernfs_path" },
            { "name": "state", "path": ["__state", "state"] },
            { "name": "uid", "path": "cred->uid.val" },
            { "name": "net", "path": "nsproxy->net_ns->ns.inum" },
            { "name": "environ", "path": "mm", "as": "user_strings" },
            { "name": "cwd", "path": "fs->pwd", "as": "d_path", "root": "fs->root" },
            { "name": "started", "path": ["start_boottime", "real_start_time"] },
            { "name": "ppid", "path": "real_parent->tgid" },
        ],
        "children": [
            { "name": "threads", "walk": threads, "select": [
                { "name": "tid", "path": "pid" },
                { "name": "comm", "path": "comm", "as": "string" },
            ] },
            files,
            { "name": "maps", "walk": { "kind": "alternatives", "walks": [
                { "kind": "maple", "of": "mm->mm_mt", "type": "struct vm_area_struct" },
                { "kind": "chain", "first": "mm->mmap", "type": "struct vm_area_struct", "next": "vm_next" },
            ] }, "select": [{ "name": "start", "path": "vm_start" }] },
        ],
    });
    run(kernel, &spec.to_string(), &[]).unwrap()
}

#[test]
fn tasks_and_threads_are_those_that_another_tool_read() {
    for case in cases() {
        let batch = tasks(&case.kernel);
        assert_eq!(batch.warnings, []);
        let threads = &batch.children[0];
        assert_eq!(threads.warnings, []);
        let mut found: Vec<(u64, u64, String)> = (0..threads.length)
            .map(|row| {
                let comm = text(&threads.columns[1], row).unwrap();
                (number(&threads.columns[0], row).unwrap(), threads.addresses[row], comm.to_owned())
            })
            .filter(|(tid, ..)| *tid != 0)
            .collect();
        found.sort();
        let mut expected: Vec<(u64, u64, String)> = case.oracle["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|task| {
                let comm = task["comm"].as_str().unwrap().to_owned();
                (task["pid"].as_u64().unwrap(), task["addr"].as_u64().unwrap(), comm)
            })
            .collect();
        expected.sort();
        assert_eq!(found, expected);
    }
}

#[test]
fn columns_of_tasks_are_those_that_another_tool_read() {
    for case in cases() {
        let batch = tasks(&case.kernel);
        let maps = &batch.children[2];
        assert_eq!(maps.warnings, []);
        for task in case.oracle["tasks"].as_array().unwrap() {
            let address = task["addr"].as_u64().unwrap();
            let Some(row) = batch.addresses.iter().position(|row| *row == address) else { continue };
            assert_eq!(text(&batch.columns[4], row), task["cgroup"].as_str(), "{task}");
            assert_eq!(number(&batch.columns[6], row), task["uid"].as_u64());
            assert_eq!(number(&batch.columns[7], row), task["ns"]["net"]["inum"].as_u64());
            assert_eq!(number(&batch.columns[10], row), task["start_boottime"].as_u64());
            if task["maps"].is_null() {
                continue;
            }
            let areas = maps.parents.iter().filter(|parent| **parent as usize == row).count() as u64;
            assert_eq!(Some(areas), task["maps"].as_u64().or(task["maps"].as_array().map(|maps| maps.len() as u64)));
        }
    }
}

#[test]
fn columns_of_processes_are_those_of_proc() {
    for case in cases() {
        let batch = tasks(&case.kernel);
        let files = &batch.children[1];
        let mut descriptors: BTreeMap<(u32, u64), &str> = BTreeMap::new();
        for row in 0..files.length {
            if let Some(path) = text(&files.columns[1], row) {
                descriptors.insert((files.parents[row], number(&files.columns[0], row).unwrap()), path);
            }
        }
        let rows: BTreeMap<u64, usize> =
            (0..batch.length).map(|row| (number(&batch.columns[0], row).unwrap(), row)).collect();
        // Descriptors were listed while the machine still ran; few were closed until it stopped.
        let (mut compared, mut differing, mut closed) = (0, Vec::new(), Vec::new());
        for process in case.processes.as_array().unwrap() {
            let pid = process["pid"].as_u64().unwrap();
            let Some(&row) = rows.get(&pid) else { continue };
            if process["collector"] == json!(true) {
                continue;
            }
            let mut compare = |what: &str, found: Option<String>, expected: Option<String>| {
                compared += 1;
                if found != expected {
                    differing.push(format!("{pid} {what}: found {found:?}, expected {expected:?}"));
                }
            };
            let owned = |column: usize| text(&batch.columns[column], row).map(str::to_owned);
            let listed = |name: &str| {
                let list = process[name].as_array().filter(|list| !list.is_empty());
                list.map(|list| list.iter().map(|part| part.as_str().unwrap().to_owned() + "\0").collect::<String>())
            };
            // /proc adds a worker's current work, and a kernel thread's whole name, to what the task itself holds.
            let comm = process["comm"].as_str().filter(|_| process["kthread"] != json!(true)).map(str::to_owned);
            compare("comm", owned(1).filter(|_| comm.is_some()), comm.clone());
            compare("exe", owned(2), process["exe"].as_str().map(str::to_owned));
            compare("cwd", owned(9), process["cwd"].as_str().map(str::to_owned));
            compare("args", owned(3).filter(|args| !args.is_empty()), listed("cmdline"));
            compare("environ", owned(8).filter(|text| !text.is_empty()), listed("environ"));
            compare("ppid", number(&batch.columns[11], row).map(|n| n.to_string()), Some(process["ppid"].to_string()));
            for file in process["fds"].as_array().into_iter().flatten() {
                let fd = file["fd"].as_u64().unwrap();
                let Some(path) = descriptors.get(&(row as u32, fd)) else {
                    closed.push(format!("{pid}/{fd}"));
                    continue;
                };
                let found = Some((*path).to_owned());
                compare(&format!("fd {fd}"), found, file["target"].as_str().map(str::to_owned));
            }
        }
        assert!(compared > 1000 && closed.len() < 20, "{compared} values compared, closed: {closed:?}");
        assert!(differing.is_empty(), "{}", differing.join("\n"));
    }
}
