//! Access paths against a kernel's types: which struct, at which offset, by which pointers.

use super::scope::{Compiled, Failure, Scope};
use crate::kernel::types::{Shape, TypeId};
use crate::query::path::{Expr, Index, Operator, parse};
use crate::query::program::{Element, Load, Program, Step};
use crate::query::spec::Paths;

/// What a path's program leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The address of an object, and for a bit-field its first bit there and its width.
    Place { id: TypeId, bits: Option<(u8, u8)> },
    /// The value of a pointer to an object.
    Pointer { target: TypeId },
    /// A number.
    Number { signed: bool },
}

/// A compiled path and what it names.
#[derive(Debug, Clone)]
pub struct Access {
    /// Steps to it.
    pub program: Program,
    /// What is there.
    pub named: Named,
}

/// The first alternative that exists in this kernel: in the kernel proper, or else with its modules. What is compiled is to
/// be so for the scope that is given.
pub fn first<'a, T>(
    scope: Scope<'a>,
    paths: &Paths,
    mut compile: impl FnMut(Scope<'a>, &Expr) -> Compiled<T>,
) -> Compiled<T> {
    scope.prefer_own(|scope| first_of(paths, |expr| compile(scope, expr)))
}

fn first_of<T>(paths: &Paths, mut compile: impl FnMut(&Expr) -> Compiled<T>) -> Compiled<T> {
    let alone = paths.all().len() == 1;
    let mut missing = Vec::new();
    for text in paths.all() {
        let attempt = parse(text).map_err(Failure::Wrong).and_then(|expr| compile(&expr));
        match attempt {
            Ok(compiled) => return Ok(compiled),
            Err(Failure::Wrong(what)) => return Err(Failure::Wrong(format!("path '{text}' {what}"))),
            Err(Failure::OtherType(what)) if alone => return Err(Failure::OtherType(format!("path '{text}' {what}"))),
            Err(Failure::Missing(what) | Failure::OtherType(what)) => missing.push(format!("'{text}' ({what})")),
        }
    }
    match missing.is_empty() {
        true => Err(Failure::Wrong("no path is given".into())),
        false => Err(Failure::Missing(format!("tried {}", missing.join(", ")))),
    }
}

impl Access {
    /// Compiles a path that starts at an object of type `start`.
    pub fn compile(scope: Scope, start: TypeId, expr: &Expr) -> Compiled<Self> {
        let inner = |of: &Expr| Access::compile(scope, start, of);
        match expr {
            Expr::Object => Ok(Self { program: Program::default(), named: Named::Place { id: start, bits: None } }),
            Expr::Ancestor(levels) => {
                let (place, id) = scope.ancestor(*levels)?;
                let program = Program { steps: vec![Step::Ancestor(place)], offset: 0 };
                Ok(Self { program, named: Named::Place { id, bits: None } })
            }
            Expr::Symbol { name, declared } => Self::symbol(scope, name, declared.as_ref()),
            Expr::Member { of, arrow, name } => inner(of)?.member(scope, *arrow, name),
            Expr::Index { of, index: Index::Path(path) } => {
                let index = inner(path)?.into_number(scope)?.program;
                inner(of)?.element(scope, index)
            }
            Expr::Index { of, index: Index::Number(number) } => inner(of)?.index(scope, *number),
            Expr::Index { of, index: Index::Constant(name) } => {
                let number = u64::try_from(scope.constant(name)?)
                    .map_err(|_| Failure::Wrong(format!("takes a negative index, '{name}'")))?;
                inner(of)?.index(scope, number)
            }
            Expr::ContainerOf { of, structure, member } => inner(of)?.container_of(scope, structure, member),
            Expr::Cast { of, target } => {
                let target = scope.find(target)?;
                Ok(Self { named: Named::Pointer { target }, ..inner(of)?.into_pointer(scope)? })
            }
            Expr::Arithmetic { of, operator, operand } => inner(of)?.arithmetic(scope, *operator, *operand),
        }
    }

    fn member(self, scope: Scope, arrow: bool, name: &str) -> Compiled<Self> {
        let pointee = match self.named {
            Named::Pointer { target } => Some(target),
            Named::Place { id, .. } => match scope.shape(id) {
                Shape::Pointer(target) => Some(target),
                _ => None,
            },
            Named::Number { .. } => return Err(Failure::OtherType(format!("takes '{name}' of a number"))),
        };
        let (mut access, structure) = match (pointee, self.named) {
            (Some(target), _) if arrow => (self.into_pointer(scope)?, target),
            (Some(_), _) => {
                return Err(Failure::OtherType(format!("needs '->' before '{name}', what is before it is a pointer")));
            }
            (None, Named::Place { .. }) if arrow => {
                return Err(Failure::OtherType(format!(
                    "needs '.' before '{name}', what is before it is not a pointer"
                )));
            }
            (None, Named::Place { id, .. }) => (self, id),
            (None, _) => return Err(Failure::OtherType(format!("takes '{name}' of a number"))),
        };
        if !matches!(scope.shape(structure), Shape::Struct { .. }) {
            return Err(Failure::Missing(format!("{} has no members", scope.name(structure))));
        }
        let member = scope.member(structure, name)?;
        access.program.offset = advance(access.program.offset, member.bit_offset / 8)?;
        let bits = member.bits.map(|width| ((member.bit_offset % 8) as u8, width));
        access.named = Named::Place { id: member.id, bits };
        Ok(access)
    }

    /// What lies at a symbol.
    fn symbol(scope: Scope, name: &str, declared: Option<&(String, bool)>) -> Compiled<Self> {
        let address = scope.symbol(name).ok_or_else(|| Failure::Missing(format!("no symbol '{name}'")))?;
        let mut steps = vec![Step::Constant(address)];
        let named = match declared {
            None => Named::Number { signed: false },
            Some((target, true)) => {
                steps.push(Step::Follow(0));
                Named::Pointer { target: scope.find(target)? }
            }
            Some((declared, false)) => Named::Place { id: scope.find(declared)?, bits: None },
        };
        Ok(Self { program: Program { steps, offset: 0 }, named })
    }

    /// At the first element of an array, or of what a pointer leads to: the elements' type, and how many there are where
    /// the type says so. An array of no elements is a flexible one, whose length only the object knows.
    fn elements(self, scope: Scope) -> Compiled<(Self, TypeId, Option<u64>)> {
        let shape = match self.named {
            Named::Place { id, .. } => scope.shape(id),
            Named::Pointer { target } => Shape::Pointer(target),
            Named::Number { .. } => Shape::Opaque,
        };
        match shape {
            Shape::Array { element, count } => Ok((self, element, Some(u64::from(count)).filter(|count| *count > 0))),
            Shape::Pointer(target) => Ok((self.into_pointer(scope)?, target, None)),
            _ => Err(Failure::OtherType("takes an element of what is no array".into())),
        }
    }

    fn index(self, scope: Scope, number: u64) -> Compiled<Self> {
        let (mut access, element, count) = self.elements(scope)?;
        if let Some(count) = count.filter(|count| number >= *count) {
            return Err(Failure::Missing(format!("element {number} of an array of {count}")));
        }
        let distance = scope.size(element)?.saturating_mul(number);
        access.program.offset = advance(access.program.offset, distance)?;
        access.named = Named::Place { id: element, bits: None };
        Ok(access)
    }

    /// An element whose index is read.
    fn element(self, scope: Scope, index: Program) -> Compiled<Self> {
        let (mut access, element, count) = self.elements(scope)?;
        let stride = scope.size(element)?;
        access.program.steps.push(Step::Element(Box::new(Element { index, stride, count })));
        access.named = Named::Place { id: element, bits: None };
        Ok(access)
    }

    fn container_of(self, scope: Scope, structure: &str, member: &[String]) -> Compiled<Self> {
        let target = scope.find(structure)?;
        let mut inner = (0, target);
        for name in member {
            let found = scope.member(inner.1, name)?;
            inner = (advance(inner.0, found.bit_offset / 8)?, found.id);
        }
        // The member itself, in place, will do for C's pointer to it.
        let in_place = matches!(self.named, Named::Place { id, .. } if matches!(scope.shape(id), Shape::Struct { .. }));
        let mut access = if in_place { self } else { self.into_pointer(scope)? };
        access.program.offset = access.program.offset.checked_sub(inner.0).ok_or_else(far)?;
        Ok(Self { named: Named::Pointer { target }, ..access })
    }

    fn arithmetic(self, scope: Scope, operator: Operator, operand: u64) -> Compiled<Self> {
        let signed = self.signed(scope);
        let mut access = self.into_number(scope)?;
        access.program.steps.push(Step::Arithmetic(operator, operand));
        Ok(Self { named: Named::Number { signed }, ..access })
    }

    fn signed(&self, scope: Scope) -> bool {
        match self.named {
            Named::Place { id, .. } => matches!(scope.shape(id), Shape::Integer { signed: true, .. }),
            Named::Number { signed } => signed,
            Named::Pointer { .. } => false,
        }
    }

    /// Whether what is named is a two's complement number.
    pub fn is_signed(&self) -> bool {
        matches!(self.named, Named::Number { signed: true })
    }

    /// The value of what is named: an integer or a pointer.
    pub fn into_number(mut self, scope: Scope) -> Compiled<Self> {
        let signed = self.signed(scope);
        let offset = self.program.offset;
        let Named::Place { id, bits } = self.named else {
            self.program.steps.push(Step::Add(offset));
            self.program.offset = 0;
            return Ok(Self { named: Named::Number { signed }, ..self });
        };
        let bytes = match scope.shape(id) {
            Shape::Integer { bytes, .. } if (1..=8).contains(&bytes) => bytes as u8,
            Shape::Pointer(_) => 8,
            _ => return Err(Failure::OtherType(format!("names a {}, which has no single value", scope.name(id)))),
        };
        let load = match bits {
            Some((shift, width)) if width <= 64 => {
                Load { offset, bytes: (shift + width).div_ceil(8), shift, bits: width, signed }
            }
            Some(_) => return Err(Failure::Wrong("names a bit-field of more than 64 bits".into())),
            None => Load::whole(offset, bytes, signed),
        };
        self.program.steps.push(Step::Load(load));
        self.program.offset = 0;
        Ok(Self { named: Named::Number { signed }, ..self })
    }

    /// A program that ends at the object which is pointed to; NULL ends it.
    fn into_pointer(mut self, scope: Scope) -> Compiled<Self> {
        let offset = std::mem::take(&mut self.program.offset);
        match self.named {
            Named::Place { id, bits: None } => match scope.shape(id) {
                Shape::Pointer(_) | Shape::Integer { bytes: 8, .. } => self.program.steps.push(Step::Follow(offset)),
                Shape::Array { .. } | Shape::Struct { .. } => self.program.offset = offset,
                _ => return Err(Failure::OtherType(format!("takes {} for a pointer", scope.name(id)))),
            },
            Named::Place { .. } => return Err(Failure::OtherType("takes a bit-field for a pointer".into())),
            Named::Pointer { .. } => self.program.offset = offset,
            Named::Number { .. } => self.program.steps.push(Step::NonNull),
        }
        Ok(self)
    }

    /// Whether it is a pointer that is named, and not what one leads to.
    pub fn is_pointer(&self, scope: Scope) -> bool {
        match self.named {
            Named::Place { id, bits } => bits.is_none() && matches!(scope.shape(id), Shape::Pointer(_)),
            Named::Pointer { .. } => true,
            Named::Number { .. } => false,
        }
    }

    /// A program that ends at an object, embedded or pointed to, and the object's type.
    pub fn into_object(self, scope: Scope) -> Compiled<(Program, TypeId)> {
        match self.named {
            Named::Place { id, .. } => match scope.shape(id) {
                Shape::Pointer(target) => Ok((self.into_pointer(scope)?.program, target)),
                _ => Ok((self.program, id)),
            },
            Named::Pointer { target } => Ok((self.program, target)),
            Named::Number { .. } => Err(Failure::OtherType("names a number where an object is needed".into())),
        }
    }
}

fn advance(offset: i64, distance: u64) -> Compiled<i64> {
    i64::try_from(distance).ok().and_then(|distance| offset.checked_add(distance)).ok_or_else(far)
}

fn far() -> Failure {
    Failure::Wrong("leads farther than memory does".into())
}
