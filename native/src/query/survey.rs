//! What kernels' types lack of what is asked of them: every part by itself, where a query ends at the first. No memory is
//! read, so it answers for kernels that nobody has an image of.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use super::compile::column;
use super::compile::scope::{Failure, Scope};
use super::rules::Rules;
use super::spec::{Column, Leaf, Nested, Query, Rule, Walk};
use super::walk;
use crate::error::{Error, Result};
use crate::kernel::types::TypeId;
use crate::pages::layout::Layout;
use crate::scan::tasks::{TASK, lacking_anchors};
use crate::scan::user::page_tables;

/// Something that is asked of a kernel.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A query.
    Query(Box<Query>),
    /// A scan for `task_struct`s that obey these.
    TaskScan(Vec<Rule>),
    /// A process's own memory.
    UserMemory,
    /// What pages are.
    Pages,
}

/// What a kernel's types have nothing for.
#[derive(Debug, Serialize)]
pub struct Lack {
    /// Where it was asked for, and what there is instead.
    pub what: String,
    /// Nothing is answered without it. Else a column is null, or a rule says nothing.
    pub needed: bool,
}

/// What there is nothing for of a request, given as JSON.
pub fn survey(scope: Scope, request: &str) -> Result<Vec<Lack>> {
    let request = serde_json::from_str(request).map_err(|error| Error::usage(format!("not a request: {error}")))?;
    let mut survey = Survey { scope, lacks: Vec::new() };
    match request {
        Request::Query(query) => survey.query(&query),
        Request::TaskScan(rules) => survey.task_scan(&rules),
        Request::UserMemory if page_tables(scope.types).is_none() => {
            survey.add("struct mm_struct has no member 'pgd'", true)
        }
        Request::UserMemory => {}
        Request::Pages => survey.pages(),
    }
    Ok(survey.lacks)
}

struct Survey<'a> {
    scope: Scope<'a>,
    lacks: Vec<Lack>,
}

impl Survey<'_> {
    fn add(&mut self, what: impl Into<String>, needed: bool) {
        self.lacks.push(Lack { what: what.into(), needed });
    }

    fn fail(&mut self, failure: Failure, needed: bool) {
        let (Failure::Missing(what) | Failure::OtherType(what) | Failure::Wrong(what)) = failure;
        self.add(what, needed);
    }

    fn query(&mut self, query: &Query) {
        let from = &query.from;
        if let Some(symbol) = from.symbol.as_ref().filter(|symbol| self.scope.any_symbol(symbol).is_none()) {
            self.add(format!("no symbol '{symbol}'"), true);
        }
        match self.scope.find(from.pointed().0) {
            Ok(id) => self.level(id, query.walk.as_ref(), &query.rules, &query.select, &query.children),
            Err(failure) => self.fail(failure, true),
        }
    }

    /// One walk, with what is below it.
    fn level(&mut self, start: TypeId, walk: Option<&Walk>, rules: &[Rule], select: &[Column], children: &[Nested]) {
        let lineage = self.scope.lineage(start);
        let scope = if walk.is_some() { self.scope.below(&lineage) } else { self.scope };
        let mut below = Survey { scope, lacks: Vec::new() };
        let walk = walk.map(|walk| walk::compile(self.scope, start, walk));
        let id = match walk {
            None => start,
            Some(Ok(walk)) => walk.element,
            Some(Err(failure)) => {
                // What lies below a walk that is not there nobody can ask for.
                return self.fail(failure.within(&format!("walk from {}", self.scope.name(start))), true);
            }
        };
        below.rules(id, rules);
        for column in select {
            below.column(id, column);
        }
        for nested in children {
            let told = below.lacks.len();
            below.level(id, Some(&nested.walk), &nested.rules, &nested.select, &nested.children);
            // It has no rows then, and all else is answered.
            for lack in below.lacks.iter_mut().skip(told).filter(|_| nested.optional) {
                lack.needed = false;
            }
        }
        self.lacks.append(&mut below.lacks);
    }

    fn column(&mut self, id: TypeId, column: &Column) {
        let spared = RefCell::new(Vec::new());
        match column::settle(self.scope.telling(&spared), id, column) {
            Err(failure) => self.fail(failure, !column.optional),
            Ok(_) if column.leaf == Leaf::Obeys => self.rules(id, &column.rules),
            Ok(_) => {
                for failure in spared.take() {
                    self.fail(failure.within(&format!("column '{}' of {}", column.name, self.scope.name(id))), false);
                }
            }
        }
    }

    fn rules(&mut self, id: TypeId, rules: &[Rule]) {
        for rule in rules {
            if let Some(failure) = Rules::silence(self.scope, id, rule) {
                let wrong = matches!(failure, Failure::Wrong(_));
                self.fail(failure.within(&format!("rule of {}", self.scope.name(id))), wrong);
            }
        }
    }

    fn pages(&mut self) {
        let spared = RefCell::new(Vec::new());
        let layout = Layout::compile(self.scope.telling(&spared));
        for failure in spared.take() {
            self.fail(failure.within("a page"), false);
        }
        if let Err(failure) = layout {
            self.fail(failure.within("a page"), true);
        }
    }

    fn task_scan(&mut self, rules: &[Rule]) {
        match self.scope.find(TASK) {
            Ok(task) => self.rules(task, rules),
            Err(failure) => self.fail(failure, true),
        }
        let (lacking, all) = lacking_anchors(self.scope.types);
        for anchor in &lacking {
            self.add(format!("anchor '{anchor}' of {TASK}"), lacking.len() == all);
        }
    }
}
