//! Carves `task_struct` objects out of physical memory, whether or not any list knows them.
//!
//! A slab object lies in the direct map, so its virtual address follows from its physical one, and a member that points
//! into its own object can be recognised anywhere: the pointer, less the place where it lies, is a constant. Each such
//! member is an anchor. What an anchor hits is then held against rules that every `task_struct`, dead or alive, obeys.

use serde::Deserialize;
use serde_json::Value;

use super::{Chunk, Hits, Scan};
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::kernel::types::{TypeId, Types};
use crate::query::reader::Reader;
use crate::query::rules::Rules;
use crate::query::scope::Scope;
use crate::query::spec::Rule;

/// Members of `task_struct` that point into their own object: (pointer, what it points to).
/// `cpus_ptr` does so from 5.3 on unless migration is off for a moment; `ptraced` does for whoever traces nobody.
const ANCHORS: &[(&str, &str)] = &[("cpus_ptr", "cpus_mask"), ("ptraced", "ptraced")];
/// What is carved.
pub const TASK: &str = "struct task_struct";
const WORD: usize = 8;
/// Hits in a chunk beyond what fits into it side by side: the rest would lie within one another, and was made so.
const SPARE_HITS: u64 = 64;

#[derive(Deserialize)]
struct Parameters {
    /// What every `task_struct` obeys, as a query has it.
    rules: Vec<Rule>,
}

/// A scan of one chunk, by anchors and rules.
struct TaskScan<'a> {
    kernel: &'a Kernel,
    chunk: Chunk,
    /// Virtual addresses.
    found: Vec<u64>,
    /// How many are kept.
    most: usize,
    /// Virtual address of physical address 0 in the direct map.
    direct_map: u64,
    anchors: Vec<Anchor>,
    size: usize,
    rules: Rules,
    /// Leaves no trace in what is recorded: most hits are no tasks, and a distilled image need not hold them.
    reader: Reader<'a>,
}

struct Anchor {
    offset: u64,
    delta: u64,
}

/// Takes `rules`; finds the virtual addresses of the objects whose anchor lies in the chunk.
pub fn begin<'a>(kernel: &'a Kernel, parameters: &Value, chunk: Chunk) -> Result<Box<dyn Scan + 'a>> {
    let Parameters { rules } =
        Parameters::deserialize(parameters).map_err(|error| Error::usage(format!("no rules: {error}")))?;
    Ok(Box::new(TaskScan::new(kernel, &rules, chunk)?))
}

impl Scan for TaskScan<'_> {
    fn block(&mut self, physical: u64, bytes: &[u8], own: usize) {
        let mut found = std::mem::take(&mut self.found);
        self.anchored(physical, bytes.get(..own).unwrap_or(bytes), &mut found);
        self.found = found;
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.most
    }

    fn finish(mut self: Box<Self>) -> Hits {
        let init_task = self.init_task();
        let mut addresses = std::mem::take(&mut self.found);
        addresses.extend(init_task);
        addresses.sort_unstable();
        addresses.dedup();
        let capped = addresses.len() > self.most;
        addresses.truncate(self.most);
        Hits { addresses, capped, ..Hits::default() }
    }
}

impl<'a> TaskScan<'a> {
    /// Looks the layout up in the kernel's types.
    fn new(kernel: &'a Kernel, rules: &[Rule], chunk: Chunk) -> Result<Self> {
        let types = &kernel.types;
        let task = types.find(TASK).ok_or_else(|| missing(kernel, "task_struct"))?;
        let anchors = ANCHORS.iter().filter_map(|names| anchor(types, task, names));
        let compiled = Rules::compile(Scope::of(kernel), task, rules);
        let size = types.size(task).unwrap_or_default();
        let side_by_side = (chunk.end - chunk.start) / size.max(1);
        Ok(Self {
            kernel,
            chunk,
            found: Vec::new(),
            most: side_by_side.saturating_mul(2).saturating_add(SPARE_HITS) as usize,
            direct_map: kernel.direct_map()?,
            anchors: anchors.collect(),
            size: size as usize,
            rules: compiled.map_err(|failure| failure.into_error(&kernel.facts.release))?,
            reader: Reader::quiet(&kernel.memory),
        })
    }

    /// `init_task` lies in the kernel's own data and not in a slab, so no direct-map pointer leads to it.
    fn init_task(&self) -> Option<u64> {
        let address = self.kernel.symbols.address("init_task")?;
        let physical = self.kernel.memory.translate(address)?;
        (self.chunk.start..self.chunk.end).contains(&physical).then_some(address)
    }

    fn anchored(&self, start: u64, block: &[u8], found: &mut Vec<u64>) {
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
                self.group(start, block, group_index * 8 * WORD, found);
            }
        }
    }

    /// Looks closely at eight words, `at` in the block, of which one is an anchor's.
    #[cold]
    fn group(&self, start: u64, block: &[u8], at: usize, found: &mut Vec<u64>) {
        let group = block.get(at..).unwrap_or_default().as_chunks::<WORD>().0;
        for (index, word) in group.iter().take(8).enumerate() {
            let physical = start + (at + index * WORD) as u64;
            let from_here = u64::from_le_bytes(*word).wrapping_sub(self.direct_map.wrapping_add(physical));
            for anchor in self.anchors.iter().filter(|anchor| anchor.delta == from_here) {
                if let Some(object) = physical.checked_sub(anchor.offset)
                    && self.is_task(object, self.of_block(start, block, object))
                {
                    self.kernel.memory.image().touch(physical, WORD as u64);
                    found.push(self.direct_map.wrapping_add(object));
                }
            }
        }
    }

    /// The bytes of an object that lies in the block that is being looked at.
    fn of_block<'b>(&self, start: u64, block: &'b [u8], object: u64) -> Option<&'b [u8]> {
        let from = usize::try_from(object.checked_sub(start)?).ok()?;
        block.get(from..from.checked_add(self.size)?)
    }

    /// Whether a `task_struct` lies there. What state it is in is for the analyzer to say. Its rules' steps would take the
    /// registers of the loop that looks for anchors.
    #[inline(never)]
    fn is_task(&self, physical: u64, at_hand: Option<&[u8]>) -> bool {
        let image = self.kernel.memory.image();
        // Most hits are no tasks, and their own bytes tell: those of the block, which cost neither a look-up nor a fault.
        let object = at_hand.or_else(|| image.peek(physical, self.size));
        let refused = object.is_some_and(|object| self.rules.refuse(object));
        let is_task = !refused
            && image.holds(physical, self.size as u64)
            && self.rules.obeyed(&self.reader, self.direct_map.wrapping_add(physical), 0);
        if is_task {
            image.touch(physical, self.size as u64);
        }
        is_task
    }
}

fn anchor(types: &Types, task: TypeId, (pointer, target): &(&str, &str)) -> Option<Anchor> {
    let place = |name: &str| Some(types.member(task, name)?.bit_offset / 8);
    let (from, to) = (place(pointer)?, place(target)?);
    Some(Anchor { offset: from, delta: to.wrapping_sub(from) })
}

/// The anchors that a kernel's types do not have, out of how many.
pub fn lacking_anchors(types: &Types) -> (Vec<&'static str>, usize) {
    let task = types.find(TASK);
    let lacks = |names: &&(&str, &str)| task.and_then(|task| anchor(types, task, names)).is_none();
    (ANCHORS.iter().filter(lacks).map(|(pointer, _)| *pointer).collect(), ANCHORS.len())
}

fn missing(kernel: &Kernel, what: &str) -> Error {
    Error::no_symbols(format!("kernel {} has no task_struct member or type '{what}' to scan by", kernel.facts.release))
}
