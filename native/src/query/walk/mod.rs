//! Walkers: from one object to the objects of a container, however torn it is.

mod array;
mod chain;
mod hlist;
mod list;
mod maple;
mod rbtree;
mod visited;
pub mod xarray;

use super::batch::{Code, Warnings};
use super::compile::access::{Access, first};
use super::compile::scope::{Compiled, Failure, Scope};
use super::program::{Program, Read};
use super::reader::Reader;
use super::rules::Rules;
use super::spec::{self, Paths};
use crate::kernel::types::TypeId;
pub use visited::Visited;

/// A ring's head, and its nodes.
const LIST: &str = "struct list_head";

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
pub trait Walk {
    /// Hands every object that is reached from `object` to the walker.
    fn run(&self, walker: &mut Walker, object: u64);
}

/// A walk with what it gives.
pub struct WalkPlan {
    /// How.
    pub walk: Box<dyn Walk>,
    /// What every row is.
    pub element: TypeId,
    /// For messages: `list of struct task_struct`.
    pub description: String,
}

impl WalkPlan {
    fn new(walk: impl Walk + 'static, element: TypeId, kind: &str, scope: Scope) -> Self {
        Self { walk: Box::new(walk), element, description: format!("{kind} of {}", scope.name(element)) }
    }
}

/// Compiles a walk that starts at objects of type `start`.
pub fn compile(scope: Scope, start: TypeId, walk: &spec::Walk) -> Compiled<WalkPlan> {
    use spec::Walk::*;
    match walk {
        Object { of } => {
            let (program, element) = object(scope, start, of)?;
            Ok(WalkPlan::new(One(program), element, "object", scope))
        }
        Array { of, count, type_name, pointers, most } => {
            let (walk, element) =
                array::Array::compile(scope, start, (of, count.as_ref(), *most), type_name.as_deref(), *pointers)?;
            Ok(WalkPlan::new(walk, element, "array", scope))
        }
        List { head, type_name, link, inclusive } => {
            let (head, _) = object_of(scope, start, head, &[LIST])?;
            let (element, link) = linked(scope, type_name, link, &[LIST])?;
            Ok(WalkPlan::new(list::List { head, link, inclusive: *inclusive }, element, "list", scope))
        }
        Hlist { head, type_name, link } => {
            let (head, id) = object_of(scope, start, head, &hlist::HEADS)?;
            let (element, link) = linked(scope, type_name, link, &hlist::NODES)?;
            Ok(WalkPlan::new(
                hlist::Hlist { head, flavour: hlist::Flavour::of(scope, id), link },
                element,
                "hlist",
                scope,
            ))
        }
        Hash { of, count, type_name, link } => {
            let (walk, element) = hlist::Hash::compile(scope, start, of, count.as_ref(), (type_name, link))?;
            Ok(WalkPlan::new(walk, element, "hash table", scope))
        }
        Rbtree { root, type_name, link } => {
            let (root, id) = object_of(scope, start, root, &["struct rb_root", "struct rb_root_cached"])?;
            let (element, link) = linked(scope, type_name, link, &["struct rb_node"])?;
            Ok(WalkPlan::new(rbtree::Rbtree::compile(scope, root, id, link)?, element, "rb-tree", scope))
        }
        Xarray { of, type_name } => {
            let (root, id) = object_of(scope, start, of, &["struct xarray", "struct radix_tree_root", "struct idr"])?;
            let element = scope.find(type_name)?;
            Ok(WalkPlan::new(xarray::Xarray::compile(scope, root, id)?, element, "XArray", scope))
        }
        Maple { of, type_name } => {
            let (root, _) = object_of(scope, start, of, &["struct maple_tree"])?;
            let element = scope.find(type_name)?;
            Ok(WalkPlan::new(maple::Maple::compile(scope, root)?, element, "maple tree", scope))
        }
        Chain { first: paths, type_name, next } => {
            let element = scope.find(type_name)?;
            let (first, next) = (pointer(scope, start, paths)?, pointer(scope, element, next)?);
            Ok(WalkPlan::new(chain::Chain { first, next }, element, "chain", scope))
        }
        Alternatives { walks } => alternatives(scope, start, walks),
    }
}

fn alternatives(scope: Scope, start: TypeId, walks: &[spec::Walk]) -> Compiled<WalkPlan> {
    let mut missing = Vec::new();
    for walk in walks {
        match compile(scope, start, walk) {
            Err(Failure::Missing(what) | Failure::OtherType(what)) => missing.push(what),
            compiled => return compiled,
        }
    }
    match missing.is_empty() {
        true => Err(Failure::Wrong("'alternatives' names no walks".into())),
        false => Err(Failure::Missing(missing.join("; "))),
    }
}

/// A path to an object, embedded or pointed to.
pub fn object(scope: Scope, start: TypeId, paths: &Paths) -> Compiled<(Program, TypeId)> {
    first(paths, |expr| Access::compile(scope, start, expr)?.into_object(scope))
}

/// A path to an object of one of some types. The same name may be of another one in another kernel, so that an alternative
/// may still do.
fn object_of(scope: Scope, start: TypeId, paths: &Paths, types: &[&str]) -> Compiled<(Program, TypeId)> {
    first(paths, |expr| {
        let (program, id) = Access::compile(scope, start, expr)?.into_object(scope)?;
        scope.expect(id, types)?;
        Ok((program, id))
    })
}

/// A path to a pointer; the program ends where it leads.
fn pointer(scope: Scope, start: TypeId, paths: &Paths) -> Compiled<Program> {
    first(paths, |expr| {
        let access = Access::compile(scope, start, expr)?;
        match access.is_pointer(scope) {
            true => access.into_object(scope).map(|(program, _)| program),
            false => Err(Failure::Missing("is no pointer".into())),
        }
    })
}

/// An element's type and the distance of its link, which must lie in the element itself.
fn linked(scope: Scope, type_name: &str, link: &Paths, types: &[&str]) -> Compiled<(TypeId, i64)> {
    let element = scope.find(type_name)?;
    let link = first(link, |expr| {
        let (program, id) = Access::compile(scope, element, expr)?.into_object(scope)?;
        // A pointer is none: the node must be there itself.
        let inside = program.steps.is_empty().then_some(program.offset);
        let link = inside.ok_or_else(|| Failure::OtherType(format!("is not inside of {type_name}")))?;
        scope.expect(id, types)?;
        Ok(link)
    });
    Ok((element, link.map_err(|failure| failure.within(&format!("the link of {type_name}")))?))
}

/// One struct, embedded or pointed to.
struct One(Program);

impl Walk for One {
    fn run(&self, walker: &mut Walker, object: u64) {
        if let Some(address) = walker.run(&self.0, object) {
            walker.emit_next(address);
        }
    }
}
