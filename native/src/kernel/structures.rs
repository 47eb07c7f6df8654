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
use crate::image::{Image, PAGE_SIZE};
use crate::words::u64_at;

const COMMS: [&[u8]; 2] = [b"swapper/0\0", b"swapper\0"];
/// Bytes of a task's name (`TASK_COMM_LEN`).
const COMM: u64 = 16;
/// Places with the first task's name that are looked at.
const MOST_TASKS: usize = 256;
/// Those of which the page tables are looked for.
const MOST_FIRST: usize = 2;
/// Objects that are passed on the way to a list's head.
const MOST_LINKS: usize = 4096;
/// Banners in a kernel's image that are looked at.
const MOST_BANNERS: usize = 16;
const UTS_NAMESPACE: &[&str] = &["nsproxy", "uts_ns"];
/// What the first task leads to (init/init_task.c), each by a path of pointers, and by which symbol that is known.
const LEADS: [(&[&str], &str); 15] = [
    (&["nsproxy"], "init_nsproxy"),
    (UTS_NAMESPACE, "init_uts_ns"),
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
        let by_root = architecture.roots(image).find_map(|(root, paging)| {
            let memory = AddressSpace::new(Arc::clone(image), root, paging);
            guesses.iter().find_map(|guess| by_tables(image, &memory, *guess))
        });
        by_root.or_else(|| guesses.iter().find_map(|guess| by_first_task(image, *architecture, *guess)))
    })
}

/// A kernel's image in physical memory, and its own types.
struct Own<'a> {
    guess: Guess,
    window: Window<'a>,
    types: Types,
    task: TypeId,
}

/// A kernel's image in memory, while its first task is looked for.
struct Place<'a> {
    memory: AddressSpace,
    own: &'a Own<'a>,
    /// Where the image begins and ends in virtual memory.
    text: u64,
    end: u64,
}

/// What the first task leads to in a kernel that is proven by other means.
pub fn leads(image: &Arc<Image>, proof: &Proof) -> Option<Symbols> {
    let own = Own::of(image, Guess { text: proof.physical, length: kernel_range::LONGEST })?;
    let place = own.at(proof.memory.again(), proof.text)?;
    let first = own.named()?.filter_map(|from_text| proof.text.checked_add(from_text)).find(|first| {
        // Its tables need not be those of the proof.
        place.root_by(*first).is_some()
    })?;
    Some(place.proven(image, first)?.1)
}

/// By page tables that map the image: the first task is what they bear out.
fn by_tables(image: &Arc<Image>, memory: &AddressSpace, guess: Guess) -> Option<(Proof, Symbols)> {
    let text = memory.mapped_image().find(|mapped| mapped.physical == guess.text)?.address;
    let own = Own::of(image, guess)?;
    let place = own.at(memory.again(), text)?;
    let firsts = own.named()?.filter_map(|from_text| text.checked_add(from_text));
    let (first, root) = firsts.filter_map(|first| Some((first, place.root_by(first)?))).next()?;
    // The tables of the first process map the kernel as those do by which it was found.
    let tables = AddressSpace::new(Arc::clone(image), root, *memory.paging());
    let is_same = tables.translate(text) == Some(guess.text) && tables.translate(first) == memory.translate(first);
    is_same.then_some(())?;
    own.at(tables, text)?.proven(image, first)
}

/// By what may be the first task: it says itself where it is in virtual memory, and with it the image in which the tables lie.
fn by_first_task(image: &Arc<Image>, architecture: &dyn Architecture, guess: Guess) -> Option<(Proof, Symbols)> {
    let own = Own::of(image, guess)?;
    let firsts = own.named()?.filter_map(|from_text| Some((from_text, own.first_at(from_text)?)));
    let mut firsts = firsts.filter(|(_, first)| *first >= architecture.lowest_image()).take(MOST_FIRST);
    firsts.find_map(|(from_text, first)| {
        let text = first.checked_sub(from_text).filter(|text| text % PAGE_SIZE == 0)?;
        let place = guess.text..guess.text.checked_add(own.window.bytes.len() as u64)?;
        architecture.roots_within(image, place, text).find_map(|(root, paging)| {
            let memory = AddressSpace::new(Arc::clone(image), root, paging);
            let is_mapped = memory.translate(first) == guess.text.checked_add(from_text);
            let place = own.at(memory, text).filter(|_| is_mapped)?;
            // What is allocated, the first process and its tables, is mapped by the kernel's root too.
            place.root_by(first)?;
            place.proven(image, first)
        })
    })
}

impl<'a> Own<'a> {
    fn of(image: &'a Image, guess: Guess) -> Option<Self> {
        let window = Window::of(image, guess.text, guess.length).filter(|window| window.physical == guess.text)?;
        let types = type_source::within(image, &window)?;
        let task = types.find_own("struct task_struct")?;
        Some(Self { guess, window, types, task })
    }

    fn at(&self, memory: AddressSpace, text: u64) -> Option<Place<'_>> {
        Some(Place { memory, own: self, text, end: text.checked_add(self.guess.length)? })
    }

    fn offset(&self, structure: TypeId, member: &str) -> Option<u64> {
        Some(self.types.member(structure, member)?.bit_offset / 8)
    }

    /// How far from the text there are places with the first task's name, where the task would be.
    fn named(&self) -> Option<impl Iterator<Item = u64>> {
        let comm = self.offset(self.task, "comm")?;
        let named = COMMS.iter().flat_map(|name| memmem::find_iter(&self.window.bytes, name)).take(MOST_TASKS);
        Some(named.filter_map(move |at| (at as u64).checked_sub(comm)))
    }

    /// Where a task would be in virtual memory that leads to itself wherever the first one does.
    fn first_at(&self, from_text: u64) -> Option<u64> {
        let member = |name: &str| {
            let at = from_text.checked_add(self.offset(self.task, name)?)?;
            u64_at(&self.window.bytes, usize::try_from(at).ok()?)
        };
        let first = member("group_leader")?;
        ["real_parent", "parent"].iter().all(|name| member(name) == Some(first)).then_some(first)
    }
}

impl Place<'_> {
    fn proven(self, image: &Image, first: u64) -> Option<(Proof, Symbols)> {
        let guess = self.own.guess;
        let (banner_at, banner) = self.banner(first)?;
        let table = self.table(first, banner_at)?;
        let (physical, text, banner_at) = (guess.text, self.text, guess.text + banner_at);
        // What the search goes by without reading it through page tables: an image that is distilled from this one needs it too.
        image.touch(physical, 1);
        let comm = first.checked_add(self.offset(self.own.task, "comm")?)?;
        image.touch(self.memory.translate(comm)?, COMM);
        let (names, is_overwritten, lacks_tables) = (None, false, false);
        let memory = self.memory;
        let proof = Proof { memory, physical, text, banner, names, is_overwritten, banner_at, lacks_tables };
        Some((proof, Symbols::at(table, text)))
    }

    /// How far from the text the kernel's banner is, and what it says. An image may have one of another build of a file beside
    /// it (init/version.c): its own says the version that the first namespace has too.
    fn banner(&self, first: u64) -> Option<(u64, Banner)> {
        let bytes = &self.own.window.bytes;
        let banners = memmem::find_iter(bytes, banner::START)
            .filter_map(|at| Some((at as u64, Banner::parse(bytes.get(at..)?)?)))
            .take(MOST_BANNERS);
        let banners: Vec<_> = banners.collect();
        let names = self.walk(first, UTS_NAMESPACE).and_then(|(names, _)| self.memory.translate(names));
        let names = names.and_then(|names| Banner::of_names(self.memory.image(), names));
        let agrees = |banner: &Banner| names.as_ref().is_some_and(|names| banner.agrees(names));
        banners.iter().find(|(_, banner)| agrees(banner)).or(banners.first()).cloned()
    }

    fn offset(&self, structure: TypeId, member: &str) -> Option<u64> {
        self.own.offset(structure, member)
    }

    /// What a member of a struct, or of one that is embedded in it, points to, and its type.
    fn follow(&self, address: u64, structure: TypeId, path: &str) -> Option<(u64, TypeId)> {
        let (mut at, mut of) = (address, structure);
        for name in path.split('.') {
            let member = self.own.types.member(of, name)?;
            (at, of) = (at.checked_add(member.bit_offset / 8)?, member.id);
        }
        Some((self.memory.read_u64(at)?, self.own.types.pointed(of)?))
    }

    fn is_inside(&self, address: u64) -> bool {
        (self.text..self.end).contains(&address)
    }

    /// The physical address of the page tables of the process that is next to the first task on the list; none where that is
    /// not what it should be.
    fn root_by(&self, first: u64) -> Option<u64> {
        let word = |address: u64| self.memory.read_u64(address);
        let member = |name: &str| first.checked_add(self.offset(self.own.task, name)?);
        let leads_back = |name: &str| member(name).and_then(word) == Some(first);
        let inside = |name: &str| member(name).and_then(word).is_some_and(|target| self.is_inside(target));
        let is_first = ["group_leader", "real_parent", "parent"].iter().all(|name| leads_back(name))
            && ["nsproxy", "real_cred", "signal", "files", "fs"].iter().all(|name| inside(name));
        (is_first && self.memory.read_u32(member("pid")?)? == 0).then_some(())?;
        let head = member("tasks")?;
        let next = word(head)?;
        (next != head && word(next.checked_add(8)?)? == head).then_some(())?;
        let process = next.checked_sub(self.offset(self.own.task, "tasks")?)?;
        (self.memory.read_u32(process.checked_add(self.offset(self.own.task, "pid")?)?)? == 1).then_some(())?;
        let (mm, structure) = self.follow(process, self.own.task, "mm")?;
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
        path.iter()
            .try_fold((first, self.own.task), |(address, structure), member| self.follow(address, structure, member))
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
