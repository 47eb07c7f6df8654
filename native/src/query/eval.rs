//! Runs a compiled query: each row is read as soon as its walk reaches it, while its page is at hand.

use super::batch::{Batch, Builder, Code, Packing, Warnings};
use super::compile::column::{ColumnPlan, Source};
use super::compile::{Level, Plan, Start};
use super::limits::Limits;
use super::program::{Gap, Read};
use super::reader::Reader;
use super::walk::{Budget, Visited, Walker};
use crate::kernel::Kernel;

/// More processors than any kernel is built for.
const MOST_CPUS: u64 = 8192;

/// Runs a plan over the caller's addresses, if it starts there.
pub fn run(kernel: &Kernel, plan: &Plan, addresses: &[u64], limits: &Limits) -> Batch {
    let reader = Reader::of(kernel, limits.effort);
    let mut warnings = Warnings::default();
    let mut follow = |pointer: bool, at: u64| match pointer {
        false => Some(at),
        true => {
            let target = reader.u64(at);
            if target.is_none() {
                warnings.add(reader.why(at), None, Some(at));
            }
            target.filter(|target| *target != 0)
        }
    };
    let objects: Vec<u64> = match plan.start {
        Start::Symbol { address, per_cpu: false, pointer } => follow(pointer, address).into_iter().collect(),
        Start::Symbol { address, per_cpu: true, pointer } => {
            let places = per_cpu(kernel, address);
            if places.is_empty() {
                follow(true, address); // Nothing says which processors there are: unreadable, not empty.
            }
            places.into_iter().filter_map(|place| follow(pointer, place)).collect()
        }
        Start::Addresses { pointer } => addresses.iter().filter_map(|address| follow(pointer, *address)).collect(),
    };
    let budget = Budget { walk: limits.walk, rows: limits.rows, steps: limits.rows.saturating_mul(16) };
    let mut run = Run { reader: &reader, visited: Visited::default(), budget, text: limits.text, scratch: Vec::new() };
    run.level(&plan.level, &objects, warnings)
}

/// The addresses of a per-CPU variable, by the kernel's own table of distances.
fn per_cpu(kernel: &Kernel, address: u64) -> Vec<u64> {
    let symbol = |name: &str| kernel.symbols.address(name);
    let memory = &kernel.memory;
    let Some(offsets) = symbol("__per_cpu_offset") else {
        // A kernel for one processor has no table.
        return vec![address];
    };
    let Some(mask) = symbol("__cpu_possible_mask") else { return Vec::new() };
    let count = symbol("nr_cpu_ids").and_then(|at| memory.read_u32(at)).map_or(MOST_CPUS, u64::from);
    let possible = |cpu: &u64| memory.read_u64(mask + cpu / 64 * 8).is_some_and(|word| word >> (cpu % 64) & 1 == 1);
    let cpus = (0..count.min(MOST_CPUS)).filter(possible);
    cpus.filter_map(|cpu| memory.read_u64(offsets + cpu * 8)).map(|offset| address.wrapping_add(offset)).collect()
}

struct Run<'r, 'a> {
    reader: &'r Reader<'a>,
    visited: Visited,
    budget: Budget,
    /// Bytes of text left.
    text: usize,
    scratch: Vec<u8>,
}

/// A batch while it grows.
struct Rows<'p> {
    plans: &'p [ColumnPlan],
    columns: Vec<Builder>,
    addresses: Vec<u64>,
    parents: Vec<u32>,
    warnings: Warnings,
}

impl Run<'_, '_> {
    fn level(&mut self, level: &Level, objects: &[u64], mut walk_warnings: Warnings) -> Batch {
        let columns = level.columns.iter().map(|_| Builder::default()).collect();
        let mut rows = Rows {
            plans: &level.columns,
            columns,
            addresses: Vec::new(),
            parents: Vec::new(),
            warnings: Warnings::default(),
        };
        for (index, column) in level.columns.iter().enumerate() {
            if matches!(column.source, Source::Absent(_)) {
                rows.warnings.add(Code::Absent, Some(index), None);
            }
        }
        for (parent, object) in objects.iter().enumerate() {
            if self.reader.is_spent() {
                break; // The column that was too much has told.
            }
            let (reader, scratch, text) = (self.reader, &mut self.scratch, &mut self.text);
            let mut sink = |address: u64, index: u64| rows.push(reader, scratch, text, (address, index, parent as u32));
            let Some(plan) = &level.walk else {
                let rows = self.budget.rows.checked_sub(1);
                match rows {
                    Some(left) => self.budget.rows = left,
                    None => {
                        walk_warnings.add(Code::Cap, None, Some(*object));
                        break;
                    }
                }
                sink(*object, parent as u64);
                continue;
            };
            self.visited.clear();
            plan.walk.run(
                &mut Walker {
                    reader,
                    warnings: &mut walk_warnings,
                    visited: &mut self.visited,
                    budget: &mut self.budget,
                    found: 0,
                    rules: &level.rules,
                    origin: *object,
                    sink: &mut sink,
                },
                *object,
            );
        }
        let description = level.walk.as_ref().map_or("start", |walk| &walk.description);
        let children =
            level.children.iter().map(|child| self.level(child, &rows.addresses, Warnings::default())).collect();
        rows.finish(description, walk_warnings, children)
    }
}

impl Rows<'_> {
    fn push(
        &mut self,
        reader: &Reader,
        scratch: &mut Vec<u8>,
        left: &mut usize,
        (address, index, parent): (u64, u64, u32),
    ) {
        self.addresses.push(address);
        self.parents.push(parent);
        for (at, (plan, column)) in self.plans.iter().zip(&mut self.columns).enumerate() {
            let outcome = match &plan.source {
                Source::Number { program, .. } => program.run(reader, address).map(|value| column.number(value)),
                Source::Index => {
                    column.number(index);
                    Ok(())
                }
                Source::Obeys(rules) => {
                    column.number(u64::from(rules.obeyed(reader, address, 0)));
                    Ok(())
                }
                Source::Absent(_) => Err(Gap::Null),
                Source::Text(_) | Source::Bytes(_) if reader.is_spent() => Err(Gap::Null), // An earlier column has told.
                Source::Text(leaf) | Source::Bytes(leaf) => {
                    scratch.clear();
                    let read: Read<bool> = leaf.read(reader, address, scratch);
                    // However it took it, a leaf that was cut short is no reading of what is there.
                    let read = if reader.is_spent() { Err(Gap::Spent(address)) } else { read };
                    read.map(|whole| {
                        if !whole {
                            self.warnings.add(Code::Truncated, Some(at), Some(address));
                        }
                        let packing = plan.source.packing();
                        let added = match packing {
                            Packing::Bytes => column.bytes(scratch, *left),
                            _ => column.text(scratch, *left),
                        };
                        match added {
                            Some(added) => *left -= added,
                            None => {
                                column.null(packing);
                                self.warnings.add(Code::Cap, Some(at), Some(address));
                            }
                        }
                    })
                }
            };
            if let Err(gap) = outcome {
                column.null(plan.source.packing());
                if let Some((code, place)) = Code::of(gap) {
                    let code = if code == Code::Unreadable { reader.why(place) } else { code };
                    self.warnings.add(code, Some(at), Some(place));
                }
            }
        }
    }

    fn finish(self, walk: &str, walk_warnings: Warnings, children: Vec<Batch>) -> Batch {
        let names: Vec<&str> = self.plans.iter().map(|plan| plan.name.as_str()).collect();
        let mut warnings = walk_warnings.finish(walk, &names);
        warnings.extend(self.warnings.finish(walk, &names));
        let columns = self.plans.iter().zip(self.columns).map(|(plan, column)| column.finish(plan.source.packing()));
        Batch {
            length: self.addresses.len(),
            columns: columns.collect(),
            addresses: self.addresses,
            parents: self.parents,
            children,
            warnings,
        }
    }
}
