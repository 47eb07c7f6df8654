//! What stands in for symbols where a kernel has none that are found: its first task, by what that must look like, and what
//! it leads to by the kernel's own types. Nothing else is claimed: a table that needs more says which symbol it lacks.

use std::sync::Arc;

use memchr::memmem;

use super::banner::{self, Banner};
use super::kernel_range::{self, Guess};
use super::proof::Proof;
use super::symbol_files::Collected;
use super::symbols::{Symbols, Table};
use super::type_source;
use super::types::{TypeId, Types};
use super::window::Window;
use crate::arch::{AddressSpace, Architecture};
use crate::image::Image;

const COMMS: [&[u8]; 2] = [b"swapper/0\0", b"swapper\0"];
/// Bytes of a task's name (`TASK_COMM_LEN`).
const COMM: u64 = 16;
/// Places with the first task's name that are looked at.
const MOST_TASKS: usize = 256;
/// Objects that are passed on the way to a list's head.
const MOST_LINKS: usize = 4096;
/// What the first task leads to (init/init_task.c), each by a path of pointers, and by which symbol that is known.
const LEADS: [(&[&str], &str); 15] = [
    (&["nsproxy"], "init_nsproxy"),
    (&["nsproxy", "uts_ns"], "init_uts_ns"),
    (&["nsproxy", "ipc_ns"], "init_ipc_ns"),
    (&["nsproxy", "pid_ns_for_children"], "init_pid_ns"),
    (&["nsproxy", "net_ns"], "init_net"),
    (&["nsproxy", "time_ns"], "init_time_ns"),
    (&["nsproxy", "cgroup_ns"], "init_cgroup_ns"),
    (&["real_cred"], "init_cred"),
    (&["real_cred", "user_ns"], "init_user_ns"),
    (&["cgroups"], "init_css_set"),
    (&["cgroups", "dfl_cgrp", "root"], "cgrp_dfl_root"),
    (&["fs"], "init_fs"),
    (&["files"], "init_files"),
    (&["signal"], "init_signals"),
    (&["sched_class"], "idle_sched_class"),
];

/// Lists that objects are on to which the first task leads, by their links. All others on them were allocated.
const LISTS: [(&[&str], &str, &str); 3] = [
    (&["nsproxy", "net_ns"], "list", "net_namespace_list"),
    (&["cgroups", "dfl_cgrp", "root"], "root_list", "cgroup_roots"),
    (&["fs", "root.mnt", "mnt_sb"], "s_list", "super_blocks"),
];

/// A kernel that was found by its structures, with the symbols that these are.
pub fn find(image: &Arc<Image>, architectures: &[&'static dyn Architecture]) -> Option<(Proof, Symbols)> {
    architectures.iter().find_map(|architecture| {
        let guesses: Vec<Guess> = kernel_range::quick(image, *architecture).collect();
        architecture.roots(image).find_map(|(root, paging)| {
            let memory = AddressSpace::new(Arc::clone(image), root, paging);
            guesses.iter().find_map(|guess| within(image, &memory, *guess))
        })
    })
}

/// A kernel's image in memory, while its first task is looked for.
struct Place<'a> {
    memory: &'a AddressSpace,
    types: Types,
    task: TypeId,
    /// Where the image begins and ends in virtual memory.
    text: u64,
    end: u64,
}

fn within(image: &Arc<Image>, memory: &AddressSpace, guess: Guess) -> Option<(Proof, Symbols)> {
    let text = memory.mapped_image().find(|mapped| mapped.physical == guess.text)?.address;
    let window = Window::of(image, guess.text, guess.length).filter(|window| window.physical == guess.text)?;
    let types = type_source::within(image, &window)?;
    let task = types.find_own("struct task_struct")?;
    let place = Place { memory, types, task, text, end: text.checked_add(guess.length)? };
    let comm = place.offset(task, "comm")?;
    let named = COMMS.iter().flat_map(|name| memmem::find_iter(&window.bytes, name)).take(MOST_TASKS);
    let mut tasks = named.filter_map(|at| text.checked_add(at as u64)?.checked_sub(comm));
    let (first, root) = tasks.find_map(|first| Some((first, place.root_by(first)?)))?;
    let banner_at = memmem::find_iter(&window.bytes, banner::START)
        .find(|at| Banner::parse(window.bytes.get(*at..).unwrap_or_default()).is_some())? as u64;
    let banner = Banner::read(image, guess.text.checked_add(banner_at)?)?;
    let table = place.table(first, banner_at)?;
    let own = AddressSpace::new(Arc::clone(image), root, *memory.paging());
    // The tables of the first process map the kernel as those do by which it was found.
    (own.translate(text) == Some(guess.text) && own.translate(first) == memory.translate(first)).then_some(())?;
    let (physical, banner_at) = (guess.text, guess.text + banner_at);
    // What the search goes by without reading it through page tables: an image that is distilled from this one needs it too.
    image.touch(physical, 1);
    image.touch(own.translate(first.checked_add(comm)?)?, COMM);
    let proof = Proof { memory: own, physical, text, banner, names: None, is_overwritten: false, banner_at };
    Some((proof, Symbols::at(table, text)))
}

impl Place<'_> {
    fn offset(&self, structure: TypeId, member: &str) -> Option<u64> {
        Some(self.types.member(structure, member)?.bit_offset / 8)
    }

    /// What a member of a struct, or of one that is embedded in it, points to, and its type.
    fn follow(&self, address: u64, structure: TypeId, path: &str) -> Option<(u64, TypeId)> {
        let (mut at, mut of) = (address, structure);
        for name in path.split('.') {
            let member = self.types.member(of, name)?;
            (at, of) = (at.checked_add(member.bit_offset / 8)?, member.id);
        }
        Some((self.memory.read_u64(at)?, self.types.pointed(of)?))
    }

    fn is_inside(&self, address: u64) -> bool {
        (self.text..self.end).contains(&address)
    }

    /// The physical address of the page tables of the process that is next to the first task on the list; none where that is
    /// not what it should be.
    fn root_by(&self, first: u64) -> Option<u64> {
        let word = |address: u64| self.memory.read_u64(address);
        let member = |name: &str| first.checked_add(self.offset(self.task, name)?);
        let leads_back = |name: &str| member(name).and_then(word) == Some(first);
        let inside = |name: &str| member(name).and_then(word).is_some_and(|target| self.is_inside(target));
        let is_first = ["group_leader", "real_parent", "parent"].iter().all(|name| leads_back(name))
            && ["nsproxy", "real_cred", "signal", "files", "fs"].iter().all(|name| inside(name));
        (is_first && self.memory.read_u32(member("pid")?)? == 0).then_some(())?;
        let head = member("tasks")?;
        let next = word(head)?;
        (next != head && word(next.checked_add(8)?)? == head).then_some(())?;
        let process = next.checked_sub(self.offset(self.task, "tasks")?)?;
        (self.memory.read_u32(process.checked_add(self.offset(self.task, "pid")?)?)? == 1).then_some(())?;
        let (mm, structure) = self.follow(process, self.task, "mm")?;
        let (pgd, _) = self.follow(mm, structure, "pgd")?;
        self.memory.translate(pgd)
    }

    fn table(&self, first: u64, banner_from_text: u64) -> Option<Table> {
        let mut found = Collected::default();
        found.add(b"_text", self.text, Some(b'T'));
        found.add(b"linux_banner", self.text + banner_from_text, Some(b'D'));
        found.add(b"init_task", first, Some(b'D'));
        found.add(b"_end", self.end, Some(b'B'));
        for (path, symbol) in LEADS {
            let target = self.walk(first, path).filter(|(address, _)| self.is_inside(*address));
            if let Some((address, _)) = target {
                found.add(symbol.as_bytes(), address, Some(b'd'));
            }
        }
        for (path, links, symbol) in LISTS {
            let head = self.walk(first, path).and_then(|(address, structure)| self.head(address, structure, links));
            if let Some(head) = head {
                found.add(symbol.as_bytes(), head, Some(b'd'));
            }
        }
        found.table()
    }

    fn walk(&self, first: u64, path: &[&str]) -> Option<(u64, TypeId)> {
        path.iter().try_fold((first, self.task), |(address, structure), member| self.follow(address, structure, member))
    }

    /// The head of a list that an object is on: what else of it is in the kernel's image.
    fn head(&self, object: u64, structure: TypeId, links: &str) -> Option<u64> {
        let own = object.checked_add(self.offset(structure, links)?)?;
        let mut at = own;
        for _ in 0..MOST_LINKS {
            at = self.memory.read_u64(at)?;
            if at == own {
                return None;
            }
            if self.is_inside(at) {
                return Some(at);
            }
        }
        None
    }
}
