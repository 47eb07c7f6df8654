//! Walks against a kernel's types.

use super::Walk;
use super::array::{Array, Elements};
use super::chain::Chain;
use super::hlist::{Flavour, HEADS, Hash, Hlist, NODES};
use super::list::List;
use super::maple::Maple;
use super::object::One;
use super::percpu::PerCpu;
use super::rbtree::Rbtree;
use super::records::Records;
use super::rhashtable::Rhashtable;
use super::xarray::Xarray;
use crate::kernel::types::TypeId;
use crate::query::compile::access::{Access, first};
use crate::query::compile::scope::{Compiled, Failure, Scope};
use crate::query::program::Program;
use crate::query::spec::{self, Paths};

/// A ring's head, and its nodes.
pub const LIST: &str = "struct list_head";

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
    let lineage = scope.lineage(start);
    // What elements' own paths are compiled for.
    let rows = scope.below(&lineage);
    let plan = match walk {
        Object { of } => {
            let (program, element) = object(scope, start, of)?;
            WalkPlan::new(One(program), element, "object", scope)
        }
        Array { of, count, type_name, pointers, most } => {
            let (walk, element) =
                self::Array::compile(scope, start, (of, count.as_ref(), *most), type_name.as_deref(), *pointers)?;
            WalkPlan::new(walk, element, "array", scope)
        }
        List { head, type_name, link, inclusive } => {
            let (head, _) = object_of(scope, start, head, &[LIST])?;
            let (element, link) = linked(rows, type_name, link, &[LIST])?;
            WalkPlan::new(self::List { head, link, inclusive: *inclusive }, element, "list", scope)
        }
        Hlist { head, type_name, link } => {
            let (head, id) = object_of(scope, start, head, &HEADS)?;
            let (element, link) = linked(rows, type_name, link, &NODES)?;
            WalkPlan::new(self::Hlist { head, flavour: Flavour::of(scope, id), link }, element, "hlist", scope)
        }
        Hash { of, count, head, type_name, link } => {
            let buckets = Elements::compile(scope, start, of, count.as_ref())?;
            let (walk, element) = self::Hash::compile(rows, buckets, head.as_ref(), (type_name, link))?;
            WalkPlan::new(walk, element, "hash table", scope)
        }
        Rhashtable { of, type_name, link } => {
            let (table, id) = object_of(scope, start, of, &["struct rhashtable", "struct rhltable"])?;
            let (walk, element) = self::Rhashtable::compile(rows, (table, id), type_name, link)?;
            WalkPlan::new(walk, element, "rhashtable", scope)
        }
        Rbtree { root, type_name, link } => {
            let (root, id) = object_of(scope, start, root, &["struct rb_root", "struct rb_root_cached"])?;
            let (element, link) = linked(rows, type_name, link, &["struct rb_node"])?;
            WalkPlan::new(self::Rbtree::compile(scope, root, id, link)?, element, "rb-tree", scope)
        }
        Xarray { of, type_name } => {
            let (root, id) = object_of(scope, start, of, &["struct xarray", "struct radix_tree_root", "struct idr"])?;
            let element = scope.find(type_name)?;
            WalkPlan::new(self::Xarray::compile(scope, root, id)?, element, "XArray", scope)
        }
        Maple { of, type_name } => {
            let (root, _) = object_of(scope, start, of, &["struct maple_tree"])?;
            let element = scope.find(type_name)?;
            WalkPlan::new(self::Maple::compile(scope, root)?, element, "maple tree", scope)
        }
        Chain { first: paths, type_name, next } => {
            let element = scope.find(type_name)?;
            let (first, next) = (pointer(scope, start, paths)?, pointer(rows, element, next)?);
            WalkPlan::new(self::Chain { first, next }, element, "chain", scope)
        }
        Records { of, bytes, type_name, size } => {
            let element = scope.find(type_name)?;
            let walk = self::Records::compile(scope, start, (of, bytes), (rows, element, size))?;
            WalkPlan::new(walk, element, "records", scope)
        }
        PerCpu { of, type_name } => {
            let (walk, element) = self::PerCpu::compile(scope, start, of, type_name.as_deref())?;
            WalkPlan::new(walk, element, "per-CPU copies", scope)
        }
        Alternatives { walks } => return scope.prefer_own(|scope| alternatives(scope, start, walks)),
    };
    Ok(plan)
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
    first(scope, paths, |scope, expr| Access::compile(scope, start, expr)?.into_object(scope))
}

/// A path to an object of one of some types. The same name may be of another one in another kernel, so that an alternative
/// may still do.
fn object_of(scope: Scope, start: TypeId, paths: &Paths, types: &[&str]) -> Compiled<(Program, TypeId)> {
    first(scope, paths, |scope, expr| {
        let (program, id) = Access::compile(scope, start, expr)?.into_object(scope)?;
        scope.expect(id, types)?;
        Ok((program, id))
    })
}

/// A path to a pointer; the program ends where it leads.
pub fn pointer(scope: Scope, start: TypeId, paths: &Paths) -> Compiled<Program> {
    first(scope, paths, |scope, expr| {
        let access = Access::compile(scope, start, expr)?;
        match access.is_pointer(scope) {
            true => access.into_object(scope).map(|(program, _)| program),
            false => Err(Failure::Missing("is no pointer".into())),
        }
    })
}

/// An element's type and the distance of its link, which must lie in the element itself.
pub fn linked(scope: Scope, type_name: &str, link: &Paths, types: &[&str]) -> Compiled<(TypeId, i64)> {
    let element = scope.find(type_name)?;
    let link = first(scope, link, |scope, expr| {
        let (program, id) = Access::compile(scope, element, expr)?.into_object(scope)?;
        // A pointer is none: the node must be there itself.
        let inside = program.steps.is_empty().then_some(program.offset);
        let link = inside.ok_or_else(|| Failure::OtherType(format!("is not inside of {type_name}")))?;
        scope.expect(id, types)?;
        Ok(link)
    });
    Ok((element, link.map_err(|failure| failure.within(&format!("the link of {type_name}")))?))
}
