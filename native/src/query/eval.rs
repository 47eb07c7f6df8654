//! Runs a compiled query: each row is read as soon as its walk reaches it, while its page is at hand.

use super::batch::{Batch, Builder, Code, Packing, Warnings};
use super::compile::column::{ColumnPlan, Source};
use super::compile::scope::Scope;
use super::compile::{Absent, Level, Plan, Start};
use super::cpus::Cpus;
use super::limits::Limits;
use super::program::{Gap, Read};
use super::reader::Reader;
use super::walk::{Budget, Visited, Walker};
use crate::kernel::Kernel;

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
    let mut numbers = Vec::new();
    let objects: Vec<u64> = match plan.start {
        Start::Symbol { address, per_cpu: false, pointer } => follow(pointer, address).into_iter().collect(),
        Start::Symbol { address, per_cpu: true, pointer } => {
            let mut copies = Cpus::of(Scope::of(kernel)).copies(&reader, address).peekable();
            if copies.peek().is_none() {
                follow(true, address); // Nothing says which processors there are: unreadable, not empty.
            }
            let found = copies.filter_map(|(cpu, place)| Some((cpu, follow(pointer, place)?)));
            let objects;
            (numbers, objects) = found.unzip();
            objects
        }
        Start::Addresses { pointer } => addresses.iter().filter_map(|address| follow(pointer, *address)).collect(),
    };
    let budget = Budget { walk: limits.walk, rows: limits.rows, steps: limits.rows.saturating_mul(16) };
    let mut run = Run { reader: &reader, visited: Visited::default(), budget, text: limits.text, scratch: Vec::new() };
    run.level(&plan.level, &Objects { addresses: &objects, numbers: &numbers, from: None }, warnings)
}

struct Run<'r, 'a> {
    reader: &'r Reader<'a>,
    visited: Visited,
    budget: Budget,
    /// Bytes of text left.
    text: usize,
    scratch: Vec<u8>,
}

/// Objects that walks begin at.
struct Objects<'o> {
    addresses: &'o [u64],
    /// Their processors, where they are per-CPU.
    numbers: &'o [u64],
    /// Where a walk led to them: for each the object it began at, among those it began at.
    from: Option<(&'o [u32], &'o Objects<'o>)>,
}

impl Objects<'_> {
    /// Adds the objects that led to one of them, outermost first, and the object itself.
    fn lineage(&self, at: usize, out: &mut Vec<u64>) {
        if let Some((parents, above)) = self.from {
            above.lineage(parents.get(at).map_or(usize::MAX, |parent| *parent as usize), out);
        }
        out.extend(self.addresses.get(at));
    }
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
    fn level(&mut self, level: &Level, objects: &Objects, mut walk_warnings: Warnings) -> Batch {
        let columns = level.columns.iter().map(|_| Builder::default()).collect();
        let mut rows = Rows {
            plans: &level.columns,
            columns,
            addresses: Vec::new(),
            parents: Vec::new(),
            warnings: Warnings::default(),
        };
        if let Some(absent) = &level.absent {
            let (code, name) = match absent {
                Absent::Unknown(name) => (Code::Absent, name),
                Absent::Lost(what) => (Code::Unreadable, what),
            };
            // Where nothing is asked nothing is missed.
            if code == Code::Unreadable || !objects.addresses.is_empty() {
                walk_warnings.add(code, None, None);
            }
            return self.finish(level, rows, name, walk_warnings, None);
        }
        for (index, column) in level.columns.iter().enumerate() {
            if matches!(column.source, Source::Absent(_)) {
                rows.warnings.add(Code::Absent, Some(index), None);
            }
        }
        for (parent, object) in objects.addresses.iter().enumerate() {
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
                sink(*object, objects.numbers.get(parent).map_or(parent as u64, |number| *number));
                continue;
            };
            if level.looks_up {
                reader.set_ancestors(|ancestors| objects.lineage(parent, ancestors));
            }
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
        let above = level.walk.as_ref().map(|_| objects);
        self.finish(level, rows, description, walk_warnings, above)
    }

    /// The walks below rows that are all there, and what it comes to. `above` are the objects that a walk began at.
    fn finish(
        &mut self,
        level: &Level,
        rows: Rows,
        description: &str,
        walk_warnings: Warnings,
        above: Option<&Objects>,
    ) -> Batch {
        let from = above.map(|objects| (rows.parents.as_slice(), objects));
        let found = Objects { addresses: &rows.addresses, numbers: &[], from };
        let children = level.children.iter().map(|child| self.level(child, &found, Warnings::default())).collect();
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
