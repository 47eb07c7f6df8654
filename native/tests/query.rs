//! Queries over real images, against what /proc and another tool said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use std::collections::BTreeMap;

use common::{Recorded, address, cases, number, on_images, shared_images, text};
use salvor_native::kernel::Kernel;
use salvor_native::query::{Batch, run};
use serde_json::{Value, json};

/// Every process with its threads: what the analyzers read, so that the samples have it too.
fn tasks(kernel: &Kernel) -> Batch {
    let threads =
        json!({ "kind": "list", "head": "signal->thread_head", "type": "struct task_struct", "link": "thread_node" });
    let spec = json!({
        "from": { "symbol": "init_task", "type": "struct task_struct" },
        "walk": { "kind": "list", "head": "tasks", "type": "struct task_struct", "link": "tasks", "inclusive": true },
        "select": [
            { "name": "pid", "path": "pid" },
            { "name": "comm", "path": "comm", "as": "string" },
            { "name": "exe", "path": "mm->exe_file->f_path", "as": "d_path" },
            { "name": "args", "path": "mm", "as": "cmdline" },
            { "name": "cgroup", "path": "cgroups->dfl_cgrp->kn", "as": "kernfs_path" },
            { "name": "state", "path": ["__state", "state"] },
            { "name": "uid", "path": "cred->uid.val" },
            { "name": "net", "path": "nsproxy->net_ns->ns.inum" },
            { "name": "started", "path": ["start_boottime", "real_start_time"] },
            { "name": "ppid", "path": "real_parent->tgid" },
        ],
        "children": [
            { "name": "threads", "walk": threads, "select": [
                { "name": "tid", "path": "pid" },
                { "name": "comm", "path": "comm", "as": "string" },
            ] },
        ],
    });
    run(kernel, &spec.to_string(), &[]).unwrap()
}

/// What else belongs to every process, which no analyzer reads yet.
fn belongings(kernel: &Kernel) -> Batch {
    let spec = json!({
        "from": { "symbol": "init_task", "type": "struct task_struct" },
        "walk": { "kind": "list", "head": "tasks", "type": "struct task_struct", "link": "tasks", "inclusive": true },
        "select": [
            { "name": "environ", "path": "mm", "as": "user_strings" },
            { "name": "cwd", "path": "fs->pwd", "as": "d_path", "root": "fs->root" },
            { "name": "exe", "path": "mm->exe_file->f_path", "as": "d_path", "root": "fs->root" },
        ],
        "children": [
            {
                "name": "files",
                "walk": { "kind": "array", "of": "files->fdt->fd", "count": "files->fdt->max_fds", "pointers": true },
                "select": [
                    { "name": "fd", "path": "", "as": "index" },
                    { "name": "path", "path": "f_path", "as": "d_path" },
                ],
            },
            { "name": "maps", "walk": { "kind": "alternatives", "walks": [
                { "kind": "maple", "of": "mm->mm_mt", "type": "struct vm_area_struct" },
                { "kind": "chain", "first": "mm->mmap", "type": "struct vm_area_struct", "next": "vm_next" },
            ] }, "select": [{ "name": "start", "path": "vm_start" }] },
        ],
    });
    run(kernel, &spec.to_string(), &[]).unwrap()
}

/// Tasks that another tool read; a sample may have none of them.
fn told(oracle: Option<&Value>) -> impl Iterator<Item = &Value> {
    oracle.into_iter().flat_map(|oracle| oracle["tasks"].as_array().unwrap())
}

on_images!(tasks_and_threads_are_those_that_another_tool_read);
fn tasks_and_threads_are_those_that_another_tool_read(images: &[Recorded]) {
    for case in cases(images) {
        let batch = tasks(&case.kernel);
        assert_eq!(batch.warnings, []);
        let threads = &batch.children[0];
        assert_eq!(threads.warnings, []);
        if case.oracle.is_none() {
            continue;
        }
        let mut found: Vec<(u64, u64, &str)> = (0..threads.length)
            .map(|row| {
                let comm = text(&threads.columns[1], row).unwrap();
                (number(&threads.columns[0], row).unwrap(), threads.addresses[row], comm)
            })
            .filter(|(tid, ..)| *tid != 0)
            .collect();
        found.sort();
        let mut expected: Vec<(u64, u64, &str)> = told(case.oracle.as_ref())
            .map(|task| (task["pid"].as_u64().unwrap(), address(&task["addr"]), task["comm"].as_str().unwrap()))
            .collect();
        expected.sort();
        assert_eq!(found, expected);
    }
}

on_images!(columns_of_tasks_are_those_that_another_tool_read);
fn columns_of_tasks_are_those_that_another_tool_read(images: &[Recorded]) {
    for case in cases(images) {
        let batch = tasks(&case.kernel);
        for task in told(case.oracle.as_ref()) {
            let address = address(&task["addr"]);
            let Some(row) = batch.addresses.iter().position(|row| *row == address) else { continue };
            assert_eq!(text(&batch.columns[4], row), task["cgroup"].as_str(), "{task}");
            assert_eq!(number(&batch.columns[6], row), task["uid"].as_u64());
            assert_eq!(number(&batch.columns[7], row), task["ns"]["net"]["inum"].as_u64());
            assert_eq!(number(&batch.columns[8], row), task["start_boottime"].as_u64());
        }
    }
}

/// Values that were compared, and those of them that differ.
#[derive(Default)]
struct Comparison {
    values: usize,
    differing: Vec<String>,
}

impl Comparison {
    fn add(&mut self, what: &str, found: Option<String>, expected: Option<String>) {
        self.values += 1;
        if found != expected {
            self.differing.push(format!("{what}: found {found:?}, expected {expected:?}"));
        }
    }

    fn finish(self, least: usize) {
        assert!(self.differing.is_empty(), "{}", self.differing.join("\n"));
        assert!(self.values > least, "only {} values compared", self.values);
    }
}

/// Processes of the truth that are still there, each with its row.
fn processes<'a>(truth: &'a Value, tasks: &Batch) -> Vec<(&'a Value, usize)> {
    let pid = |row: usize| number(&tasks.columns[0], row).unwrap();
    let rows: BTreeMap<u64, usize> = (0..tasks.length).map(|row| (pid(row), row)).collect();
    let recorded = truth.as_array().unwrap().iter().filter(|process| process["collector"] != json!(true));
    recorded.filter_map(|process| Some((process, *rows.get(&process["pid"].as_u64()?)?))).collect()
}

/// A list of texts as it lies in a process's memory.
fn strings(list: &Value) -> Option<String> {
    let list = list.as_array().filter(|list| !list.is_empty());
    list.map(|list| list.iter().map(|part| part.as_str().unwrap().to_owned() + "\0").collect())
}

fn filled(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

on_images!(columns_of_processes_are_those_of_proc);
fn columns_of_processes_are_those_of_proc(images: &[Recorded]) {
    for case in cases(images) {
        let batch = tasks(&case.kernel);
        let mut comparison = Comparison::default();
        for (process, row) in processes(&case.processes, &batch) {
            let mut compare = |what: &str, found, expected| {
                comparison.add(&format!("{} {what}", process["pid"]), found, expected);
            };
            let owned = |column: usize| text(&batch.columns[column], row).map(str::to_owned);
            // /proc adds a worker's current work, and a kernel thread's whole name, to what the task itself holds.
            if process["kthread"] != json!(true) {
                compare("comm", owned(1), process["comm"].as_str().map(str::to_owned));
            }
            compare("exe", owned(2), process["exe"].as_str().map(str::to_owned));
            compare("args", filled(text(&batch.columns[3], row)), strings(&process["cmdline"]));
            compare("ppid", number(&batch.columns[9], row).map(|n| n.to_string()), Some(process["ppid"].to_string()));
        }
        comparison.finish(250);
    }
}

#[test]
#[ignore = "needs the shared images (SALVOR_IMAGES): samples hold no descriptors, environments, working directories"]
fn belongings_of_processes_are_those_of_proc() {
    for case in cases(&shared_images()) {
        let batch = belongings(&case.kernel);
        let files = &batch.children[0];
        let mut descriptors: BTreeMap<(u32, u64), &str> = BTreeMap::new();
        for row in 0..files.length {
            if let Some(path) = text(&files.columns[1], row) {
                descriptors.insert((files.parents[row], number(&files.columns[0], row).unwrap()), path);
            }
        }
        // Descriptors were listed while the machine still ran; few were closed until it stopped.
        let (mut comparison, mut closed) = (Comparison::default(), Vec::new());
        for (process, row) in processes(&case.processes, &tasks(&case.kernel)) {
            let pid = &process["pid"];
            for (column, what) in [(1, "cwd"), (2, "exe")] {
                let path = text(&batch.columns[column], row).map(str::to_owned);
                comparison.add(&format!("{pid} {what}"), path, process[what].as_str().map(str::to_owned));
            }
            let environ = filled(text(&batch.columns[0], row));
            comparison.add(&format!("{pid} environ"), environ, strings(&process["environ"]));
            for file in process["fds"].as_array().into_iter().flatten() {
                let fd = file["fd"].as_u64().unwrap();
                let Some(path) = descriptors.get(&(row as u32, fd)) else {
                    closed.push(format!("{pid}/{fd}"));
                    continue;
                };
                let target = file["target"].as_str().map(str::to_owned);
                comparison.add(&format!("{pid} fd {fd}"), Some((*path).to_owned()), target);
            }
        }
        comparison.finish(600);
        assert!(closed.len() < 20, "closed: {closed:?}");
    }
}

#[test]
#[ignore = "needs the shared images (SALVOR_IMAGES): samples hold no mappings"]
fn mappings_are_as_many_as_another_tool_read() {
    for case in cases(&shared_images()) {
        let batch = belongings(&case.kernel);
        let maps = &batch.children[1];
        assert_eq!(maps.warnings, []);
        for task in told(case.oracle.as_ref()).filter(|task| !task["maps"].is_null()) {
            let address = address(&task["addr"]);
            let Some(row) = batch.addresses.iter().position(|row| *row == address) else { continue };
            let areas = maps.parents.iter().filter(|parent| **parent as usize == row).count() as u64;
            assert_eq!(Some(areas), task["maps"].as_u64().or(task["maps"].as_array().map(|maps| maps.len() as u64)));
        }
    }
}
