//! What every object of a type obeys: an address on a torn list is an object only when it passes.

use super::compile::access::{Access, Named, first};
use super::compile::scope::{Compiled, Failure, Scope};
use super::leaf::name_hash::NameHash;
use super::path::Expr;
use super::program::{Gap, Program, Read, Step};
use super::reader::Reader;
use super::spec::{Bound, Rule, Test};
use crate::arch::Geometry;
use crate::kernel::types::{Shape, TypeId};

/// Objects that hold pointers, and so their addresses, are aligned to these.
const ALIGNED: u64 = 8;

/// The rules of one type, settled for one kernel.
#[derive(Default)]
pub struct Rules {
    checks: Vec<Check>,
    geometry: Geometry,
}

enum Check {
    /// What is read there lies within a bound.
    Value(Program, Bound),
    /// Two paths lead to the same value.
    Equal(Program, Program),
    /// Something, then a NUL, within so many bytes.
    Text(Program, usize),
    /// A dentry's name has the hash that is kept beside it.
    NameHash(NameHash),
}

impl Rules {
    /// Settles rules for objects of type `id`. A rule whose members this kernel lacks says nothing.
    pub fn compile(scope: Scope, id: TypeId, rules: &[Rule]) -> Compiled<Self> {
        let mut checks = Vec::new();
        for rule in rules {
            match check(scope, id, rule) {
                Ok(check) => checks.push(check),
                Err(Failure::Missing(_) | Failure::OtherType(_)) => {}
                Err(wrong) => return Err(wrong.within("rule")),
            }
        }
        Ok(Self { checks, geometry: scope.geometry() })
    }

    /// Why a rule would say nothing of objects of type `id`.
    pub fn silence(scope: Scope, id: TypeId, rule: &Rule) -> Option<Failure> {
        check(scope, id, rule).err()
    }

    /// Whether the object's own bytes are enough to tell that it is none: what can be said without following a pointer.
    pub fn refuse(&self, object: &[u8]) -> bool {
        self.checks.iter().any(|check| match check {
            Check::Value(Program { steps, offset: 0 }, bound) => match steps.as_slice() {
                [Step::Load(load)] => load.of(object).is_some_and(|value| !bound.may_hold(value, &self.geometry)),
                _ => false,
            },
            _ => false,
        })
    }

    /// Whether an object obeys them all. `origin` is the object that the walk to it began at; 0 where there was none.
    pub fn obeyed(&self, reader: &Reader, object: u64, origin: u64) -> bool {
        self.checks.iter().all(|check| check.passes(reader, object, origin, &self.geometry))
    }
}

impl Check {
    fn passes(&self, reader: &Reader, object: u64, origin: u64, geometry: &Geometry) -> bool {
        match self {
            Check::Value(program, bound) => {
                known(program.run(reader, object), |value| bound.holds(value, object, origin, geometry))
            }
            Check::Equal(left, right) => {
                known(left.run(reader, object), |left| known(right.run(reader, object), |right| left == right))
            }
            Check::Text(program, length) => known(program.run(reader, object), |at| is_text(reader, at, *length)),
            Check::NameHash(hash) => known(hash.fits(reader, object), |fits| fits),
        }
    }
}

/// A NULL on the way leaves nothing to be wrong; what cannot be read does not speak for the object.
fn known<T>(read: Read<T>, holds: impl FnOnce(T) -> bool) -> bool {
    match read {
        Ok(value) => holds(value),
        Err(gap) => gap == Gap::Null,
    }
}

impl Bound {
    /// The same where nothing is known of the object but the value.
    fn may_hold(&self, value: u64, geometry: &Geometry) -> bool {
        matches!(self, Bound::Own | Bound::Origin | Bound::OriginOrNull) || self.holds(value, 0, 0, geometry)
    }

    fn holds(&self, value: u64, object: u64, origin: u64, geometry: &Geometry) -> bool {
        let is_pointer = value >= geometry.kernel_half && value.is_multiple_of(ALIGNED);
        match *self {
            Bound::Own => value == object,
            Bound::Origin => origin == 0 || value == origin,
            Bound::OriginOrNull => value == 0 || origin == 0 || value == origin,
            Bound::Image => value >= geometry.image,
            Bound::Pointer => is_pointer,
            Bound::PointerOrNull => value == 0 || is_pointer,
            Bound::Stack => value & geometry.page_size.wrapping_sub(1) == 0 && (value == 0 || is_pointer),
            Bound::AtMost(most) => value <= most,
            Bound::AtLeast(least) => value >= least,
        }
    }
}

fn check(scope: Scope, id: TypeId, rule: &Rule) -> Compiled<Check> {
    let number = |paths: &_| {
        first(scope, paths, |scope, expr| {
            let access = Access::compile(scope, id, expr)?;
            // An object itself is compared by where it lies.
            let is_object = matches!(expr, Expr::Object | Expr::Ancestor(_));
            Ok(if is_object { access.program } else { access.into_number(scope)?.program })
        })
    };
    match &rule.is {
        Test::Value(bound) => Ok(Check::Value(number(&rule.path)?, *bound)),
        Test::Symbol(name) => {
            let address = scope.symbol(name);
            let address = address.ok_or_else(|| Failure::Missing(format!("no symbol '{name}'")))?;
            Ok(Check::Equal(number(&rule.path)?, Program { steps: vec![Step::Constant(address)], offset: 0 }))
        }
        Test::Equals(other) => Ok(Check::Equal(number(&rule.path)?, number(other)?)),
        Test::Text => first(scope, &rule.path, |scope, expr| {
            let access = Access::compile(scope, id, expr)?;
            let length = match access.named {
                Named::Place { id, .. } => match scope.shape(id) {
                    Shape::Array { count, .. } => count as usize,
                    _ => return Err(Failure::Wrong("names no array of characters".into())),
                },
                _ => return Err(Failure::Wrong("names no array of characters".into())),
            };
            Ok(Check::Text(access.into_object(scope)?.0, length))
        }),
        Test::NameHash => Ok(Check::NameHash(NameHash::compile(scope)?)),
    }
}

fn is_text(reader: &Reader, at: u64, length: usize) -> bool {
    let mut bytes = Vec::new();
    reader.append(at, length, &mut bytes) == length && memchr::memchr(0, &bytes).is_some_and(|end| end > 0)
}
