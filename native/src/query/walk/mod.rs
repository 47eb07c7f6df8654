//! Walkers: from one object to the objects of a container, however torn it is.

mod array;
mod chain;
mod hlist;
mod list;
mod maple;
mod object;
mod percpu;
mod plan;
mod rbtree;
mod records;
mod rhashtable;
mod visited;
pub mod xarray;

use super::batch::{Code, Warnings};
use super::program::{Program, Read};
use super::reader::Reader;
use super::rules::Rules;
pub use plan::{WalkPlan, compile};
pub use visited::Visited;

/// What a query may still use; shared by all its walks.
#[derive(Debug)]
pub struct Budget {
    /// Objects in one walk.
    pub walk: usize,
    /// Rows left in the query.
    pub rows: usize,
    /// Links and slots left to look at in the query, whether or not they give a row.
    pub steps: usize,
}

/// What became of an object that a walk came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Emitted {
    /// It is a row.
    Row,
    /// It is no such object: what it links to is not to be followed.
    Stray,
    /// The walk may not give more.
    Cap,
}

impl Emitted {
    /// Whether the walk may go on, elsewhere at least.
    pub fn goes_on(self) -> bool {
        self != Emitted::Cap
    }
}

/// One walk while it goes on.
pub struct Walker<'w, 'a> {
    /// Kernel memory.
    pub reader: &'w Reader<'a>,
    /// What went wrong.
    pub warnings: &'w mut Warnings,
    /// Where it has been.
    pub visited: &'w mut Visited,
    /// What is left.
    pub budget: &'w mut Budget,
    /// Objects found.
    pub found: usize,
    /// What every object obeys.
    pub rules: &'w Rules,
    /// The object that the walk began at.
    pub origin: u64,
    /// Takes each object's address and index.
    pub sink: &'w mut dyn FnMut(u64, u64),
}

impl Walker<'_, '_> {
    /// Hands out an object, if it is one.
    pub fn emit(&mut self, address: u64, index: u64) -> Emitted {
        match self.admits(address) {
            false => Emitted::Stray,
            true if self.give(address, index) => Emitted::Row,
            true => Emitted::Cap,
        }
    }

    /// Whether what lies there is such an object; warns if not.
    pub fn admits(&mut self, address: u64) -> bool {
        let obeyed = self.rules.obeyed(self.reader, address, self.origin);
        if !obeyed {
            self.warn(Code::Stray, address);
        }
        obeyed
    }

    /// Hands out what was admitted; false when the walk must stop because it may not give more.
    pub fn give(&mut self, address: u64, index: u64) -> bool {
        if self.found >= self.budget.walk || self.budget.rows == 0 {
            self.warn(Code::Cap, address);
            return false;
        }
        self.found += 1;
        self.budget.rows -= 1;
        (self.sink)(address, index);
        !self.reader.is_spent()
    }

    /// Hands out an object under the next ordinal.
    pub fn emit_next(&mut self, address: u64) -> Emitted {
        self.emit(address, self.found as u64)
    }

    /// Counts a step; false when the query has made too many.
    pub fn step(&mut self, address: u64) -> bool {
        match self.budget.steps.checked_sub(1) {
            Some(left) => self.budget.steps = left,
            None => self.warn(Code::Cap, address),
        }
        self.budget.steps > 0
    }

    /// Steps to a node; false, with the warning, when the walk has been there or may not go on.
    pub fn visit(&mut self, node: u64) -> bool {
        if !self.visited.insert(node) {
            self.warn(Code::Cycle, node);
            return false;
        }
        self.step(node)
    }

    /// Reads a word; warns when it cannot be read.
    pub fn word(&mut self, address: u64) -> Option<u64> {
        let word = self.reader.u64(address);
        if word.is_none() {
            self.warn(Code::Unreadable, address);
        }
        word
    }

    /// Where a program leads; warns when it cannot be read, and is silent about NULL.
    pub fn run(&mut self, program: &Program, object: u64) -> Option<u64> {
        self.known(program.run(self.reader, object))
    }

    fn known(&mut self, read: Read<u64>) -> Option<u64> {
        if let Some((code, address)) = read.err().and_then(Code::of) {
            self.warn(code, address);
        }
        read.ok()
    }

    /// Notes what happened.
    pub fn warn(&mut self, code: Code, address: u64) {
        let code = if code == Code::Unreadable { self.reader.why(address) } else { code };
        self.warnings.add(code, None, Some(address));
    }
}

/// A compiled walk.
pub trait Walk: Send + Sync {
    /// Hands every object that is reached from `object` to the walker.
    fn run(&self, walker: &mut Walker, object: u64);
}
