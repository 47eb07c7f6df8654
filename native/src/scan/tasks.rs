//! Carves `task_struct` objects out of physical memory, whether or not any list knows them.
//!
//! A slab object lies in the direct map, so its virtual address follows from its physical one, and a member that points
//! into its own object can be recognised anywhere: the pointer, less the place where it lies, is a constant. Each such
//! member is an anchor. What an anchor hits is then held against rules that every `task_struct`, dead or alive, obeys.

use crate::error::{Error, Result};
use crate::image::PAGE_SIZE;
use crate::kernel::Kernel;
use crate::kernel::types::TypeId;

/// Members of `task_struct` that point into their own object: (pointer, what it points to).
/// `cpus_ptr` does so from 5.3 on unless migration is off for a moment; `ptraced` does for whoever traces nobody.
const ANCHORS: &[(&str, &str)] = &[("cpus_ptr", "cpus_mask"), ("ptraced", "ptraced")];
/// PID_MAX_LIMIT on 64-bit kernels (include/linux/threads.h).
const PID_MAX: u32 = 4 * 1024 * 1024;
/// MAX_PRIO (include/linux/sched/prio.h); the idle task has it.
const PRIO_MAX: u32 = 140;
/// First address of the upper half under 5-level paging, which holds that of 4-level paging too.
const KERNEL_HALF: u64 = 0xff00_0000_0000_0000;
/// Where the kernel's own text and data are mapped (Documentation/arch/x86/x86_64/mm.rst).
const KERNEL_IMAGE: u64 = 0xffff_ffff_8000_0000;
/// How much is read at a time: a block that stays in the processor's cache.
const BLOCK: u64 = 1 << 20;
const WORD: usize = 8;
/// Hits in a chunk beyond what fits into it side by side: the rest would lie within one another, and was made so.
const SPARE_HITS: u64 = 64;

/// The objects of one chunk.
pub struct Hits {
    /// Virtual addresses, ascending and unique.
    pub addresses: Vec<u64>,
    /// There were more than are kept.
    pub capped: bool,
}

/// Where the members lie that the scan looks at.
pub struct TaskScan<'a> {
    kernel: &'a Kernel,
    /// Virtual address of physical address 0 in the direct map.
    direct_map: u64,
    anchors: Vec<Anchor>,
    size: usize,
    pid: usize,
    tgid: usize,
    prio: usize,
    comm: usize,
    stack: usize,
    sched_class: usize,
    /// Members that hold a kernel pointer in every task, dead ones too.
    pointers: Vec<usize>,
    /// Members that hold a kernel pointer or, once the task is gone, nothing.
    pointers_or_null: Vec<usize>,
}

struct Anchor {
    offset: u64,
    delta: u64,
}

impl<'a> TaskScan<'a> {
    /// Looks the layout up in the kernel's types.
    pub fn new(kernel: &'a Kernel) -> Result<Self> {
        let types = &kernel.types;
        let task = types.find("struct task_struct").ok_or_else(|| missing(kernel, "task_struct"))?;
        let offset = |name: &str| offset_of(kernel, task, name);
        let need = |name: &str| offset(name).ok_or_else(|| missing(kernel, name));
        let anchors: Vec<Anchor> = ANCHORS
            .iter()
            .filter_map(|(pointer, target)| Some((offset(pointer)? as u64, offset(target)? as u64)))
            .map(|(from, to)| Anchor { offset: from, delta: to.wrapping_sub(from) })
            .collect();
        Ok(Self {
            kernel,
            direct_map: kernel.direct_map()?,
            anchors,
            size: types.size(task).unwrap_or_default() as usize,
            pid: need("pid")?,
            tgid: need("tgid")?,
            prio: need("prio")?,
            comm: need("comm")?,
            stack: need("stack")?,
            sched_class: need("sched_class")?,
            pointers: vec![need("real_parent")?, need("group_leader")?, need("tasks")?],
            pointers_or_null: ["mm", "cred", "real_cred", "signal", "sighand", "files", "nsproxy"]
                .iter()
                .filter_map(|name| offset(name))
                .collect(),
        })
    }

    /// The objects whose anchor lies in `[start, start + length)`.
    pub fn chunk(&self, start: u64, length: u64) -> Hits {
        let image = self.kernel.memory.image();
        let mut found = Vec::new();
        let mut buffer = Vec::new();
        let end = start.saturating_add(length);
        let most = (length / (self.size as u64).max(1)).saturating_mul(2).saturating_add(SPARE_HITS) as usize;
        let mut at = start;
        while at < end && found.len() < most {
            let want = (end - at).min(BLOCK) as usize;
            let block = image.read_block(at, want, &mut buffer);
            self.block(at, block, &mut found);
            at += want as u64;
        }
        found.extend(self.init_task(start, end));
        found.sort_unstable();
        found.dedup();
        let capped = at < end || found.len() > most;
        found.truncate(most);
        Hits { addresses: found, capped }
    }

    /// `init_task` lies in the kernel's own data and not in a slab, so no direct-map pointer leads to it.
    fn init_task(&self, start: u64, end: u64) -> Option<u64> {
        let address = self.kernel.symbols.address("init_task")?;
        let physical = self.kernel.memory.translate(address)?;
        (start..end).contains(&physical).then_some(address)
    }

    fn block(&self, start: u64, block: &[u8], found: &mut Vec<u64>) {
        let base = self.direct_map.wrapping_add(start);
        // Two anchors at most, and none is no reason to look slower at the other.
        let first = self.anchors.first().map_or(0, |anchor| anchor.delta);
        let second = self.anchors.get(1).map_or(first, |anchor| anchor.delta);
        for (group_index, group) in block.chunks_exact(8 * WORD).enumerate() {
            let group_base = base.wrapping_add((group_index * 8 * WORD) as u64);
            let mut any = false;
            for (index, word) in group.as_chunks::<WORD>().0.iter().enumerate() {
                let from_here = u64::from_le_bytes(*word).wrapping_sub(group_base.wrapping_add((index * WORD) as u64));
                any |= (from_here == first) | (from_here == second);
            }
            if any {
                self.group(start + (group_index * 8 * WORD) as u64, group, found);
            }
        }
    }

    /// Looks closely at eight words of which one is an anchor's.
    #[cold]
    fn group(&self, start: u64, group: &[u8], found: &mut Vec<u64>) {
        for (index, word) in group.as_chunks::<WORD>().0.iter().enumerate() {
            let physical = start + (index * WORD) as u64;
            let from_here = u64::from_le_bytes(*word).wrapping_sub(self.direct_map.wrapping_add(physical));
            for anchor in self.anchors.iter().filter(|anchor| anchor.delta == from_here) {
                if let Some(object) = physical.checked_sub(anchor.offset)
                    && self.is_plausible(object)
                {
                    self.kernel.memory.image().touch(physical, WORD as u64);
                    found.push(self.direct_map.wrapping_add(object));
                }
            }
        }
    }

    /// The rules every `task_struct` obeys. What state it is in is for the analyzer to say.
    fn is_plausible(&self, physical: u64) -> bool {
        let image = self.kernel.memory.image();
        // Without recording first: most hits are no tasks, and a distilled image need not hold them.
        let Some(object) = image.peek(physical, self.size) else { return false };
        let u32_at = |at: usize| object.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word));
        let u64_at = |at: usize| object.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word));
        let is_pointer = |at: &usize| u64_at(*at).is_some_and(|value| value >= KERNEL_HALF && value % 8 == 0);
        let is_null_or_pointer = |at: &usize| u64_at(*at) == Some(0) || is_pointer(at);
        // A task is scheduled by one of the classes in the kernel's own data, from its first moment to its last.
        let plausible = u64_at(self.sched_class).is_some_and(|class| class >= KERNEL_IMAGE)
            && u64_at(self.stack).is_some_and(|stack| stack % PAGE_SIZE == 0 && (stack == 0 || stack >= KERNEL_HALF))
            && u32_at(self.pid).is_some_and(|pid| pid <= PID_MAX)
            && u32_at(self.tgid).is_some_and(|tgid| tgid <= PID_MAX)
            && u32_at(self.prio).is_some_and(|prio| prio <= PRIO_MAX)
            && self.pointers.iter().all(is_pointer)
            && self.pointers_or_null.iter().all(is_null_or_pointer)
            && object.get(self.comm..self.comm + 16).is_some_and(is_comm);
        if plausible {
            image.touch(physical, self.size as u64);
        }
        plausible
    }
}

/// TASK_COMM_LEN bytes with a NUL among them and something before it.
fn is_comm(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_some_and(|end| end > 0)
}

fn offset_of(kernel: &Kernel, task: TypeId, name: &str) -> Option<usize> {
    kernel.types.member(task, name).map(|member| (member.bit_offset / 8) as usize)
}

fn missing(kernel: &Kernel, what: &str) -> Error {
    Error::no_symbols(format!("kernel {} has no task_struct member or type '{what}' to scan by", kernel.facts.release))
}
