//! From the query's JSON to programs for one kernel.

pub mod access;
pub mod column;
pub mod scope;

use std::cell::Cell;

use super::rules::Rules;
use super::spec::{self, Column, Nested, Rule};
use super::walk::{self, WalkPlan};
use crate::kernel::types::TypeId;
use column::ColumnPlan;
use scope::{Compiled, Failure, Scope};

/// A compiled query.
pub struct Plan {
    /// Where it starts.
    pub start: Start,
    /// What it gives.
    pub level: Level,
}

/// The first objects.
pub enum Start {
    /// One, or with `per_cpu` one for each processor.
    Symbol {
        /// Where the symbol is.
        address: u64,
        /// Whether it names a per-CPU variable.
        per_cpu: bool,
        /// Whether the symbol is a pointer to the object.
        pointer: bool,
    },
    /// The caller's.
    Addresses {
        /// Whether they are addresses of pointers to the objects.
        pointer: bool,
    },
}

/// Rows of one walk.
pub struct Level {
    /// How to reach them; without it the objects are the rows.
    pub walk: Option<WalkPlan>,
    /// What each must obey.
    pub rules: Rules,
    /// Their columns.
    pub columns: Vec<ColumnPlan>,
    /// Walks below them.
    pub children: Vec<Level>,
    /// Whether a path here, not below, starts from an object of a walk further up.
    pub looks_up: bool,
    /// Why it has no rows, where that is so in this kernel.
    pub absent: Option<Absent>,
}

/// Rows that there cannot be.
pub enum Absent {
    /// The kernel has nothing like what is called this.
    Unknown(String),
    /// It had this, of which damaged pages lost what it is.
    Lost(String),
}

impl Level {
    /// The same columns and walks as `nested` has, without rows.
    fn absent(nested: &Nested) -> Self {
        Self {
            absent: Some(Absent::Unknown(format!("'{}'", nested.name))),
            ..Self::unread(&nested.select, &nested.children)
        }
    }

    /// What is left of a query of which it is lost where it begins, or what is there: objects that the caller names, of which
    /// nothing can be read. What would have to be found, or to obey rules, is not taken for any.
    fn lost(query: &spec::Query, what: String) -> Self {
        let is_named =
            query.from.addresses && !query.from.pointed().1 && query.walk.is_none() && query.rules.is_empty();
        let absent = (!is_named).then_some(Absent::Lost(what));
        Self { absent, ..Self::unread(&query.select, &query.children) }
    }

    fn unread(select: &[Column], children: &[Nested]) -> Self {
        Self {
            walk: None,
            rules: Rules::default(),
            columns: select.iter().map(ColumnPlan::absent).collect(),
            children: children.iter().map(Self::absent).collect(),
            looks_up: false,
            absent: None,
        }
    }
}

/// Compiles a query against a kernel's symbols and types.
pub fn compile(scope: Scope, query: &spec::Query) -> Compiled<Plan> {
    match whole(scope, query) {
        Err(Failure::Missing(what) | Failure::OtherType(what)) if scope.may_lack(false) => {
            Ok(Plan { start: Start::Addresses { pointer: false }, level: Level::lost(query, what) })
        }
        settled => settled,
    }
}

fn whole(scope: Scope, query: &spec::Query) -> Compiled<Plan> {
    let from = &query.from;
    let (type_name, pointer) = from.pointed();
    let start = match (&from.symbol, from.addresses) {
        (Some(symbol), false) => {
            let missing = || Failure::Missing(format!("no symbol '{symbol}'"));
            let address = scope.any_symbol(symbol).ok_or_else(missing)?;
            Start::Symbol { address, per_cpu: from.per_cpu, pointer }
        }
        (None, true) if !from.per_cpu => Start::Addresses { pointer },
        _ => return Err(Failure::Wrong("'from' needs either 'symbol' or 'addresses'".into())),
    };
    let id = scope.find(type_name)?;
    Ok(Plan { start, level: level(scope, id, query.walk.as_ref(), &query.rules, &query.select, &query.children)? })
}

fn level(
    scope: Scope,
    start: TypeId,
    walk: Option<&spec::Walk>,
    rules: &[Rule],
    select: &[Column],
    children: &[Nested],
) -> Compiled<Level> {
    let asked = Cell::new(false);
    let lineage = scope.lineage(start);
    let scope = scope.noting(&asked);
    // Without a walk the rows are the objects themselves.
    let rows = if walk.is_some() { scope.below(&lineage) } else { scope };
    let walk = walk.map(|walk| {
        walk::compile(scope, start, walk).map_err(|failure| failure.within(&format!("walk from {}", scope.name(start))))
    });
    let walk = walk.transpose()?;
    let id = walk.as_ref().map_or(start, |walk| walk.element);
    let rules = Rules::compile(rows, id, rules)?;
    let columns = select.iter().map(|column| column::compile(rows, id, column)).collect::<Compiled<_>>()?;
    let child =
        |nested: &Nested| match level(rows, id, Some(&nested.walk), &nested.rules, &nested.select, &nested.children) {
            Err(Failure::Missing(_) | Failure::OtherType(_)) if rows.may_lack(nested.optional) => {
                Ok(Level::absent(nested))
            }
            compiled => compiled.map_err(|failure| failure.within(&format!("'{}'", nested.name))),
        };
    let children = children.iter().map(child).collect::<Compiled<_>>()?;
    Ok(Level { walk, rules, columns, children, looks_up: asked.get(), absent: None })
}
