//! Arrays: of structs in place, or of pointers to them, as long as their type or a path says.

use super::plan::object;
use super::{Walk, Walker};
use crate::kernel::types::{Shape, TypeId};
use crate::query::batch::Code;
use crate::query::compile::access::{Access, first};
use crate::query::compile::scope::{Compiled, Failure, Scope};
use crate::query::program::Program;
use crate::query::spec::{Count, Paths};

/// Where elements lie and how many they are.
pub struct Elements {
    of: Program,
    count: Length,
    /// A greater count is damage.
    most: u64,
    /// Distance from one to the next.
    pub stride: u64,
}

/// A number that a query knows, or reads.
pub enum Length {
    Known(u64),
    Read { program: Program, signed: bool },
}

impl Length {
    /// `Known` or by a path from objects of type `start`.
    pub fn compile(scope: Scope, start: TypeId, count: &Count) -> Compiled<Self> {
        match count {
            Count::Number(number) => Ok(Length::Known(*number)),
            Count::Path(paths) => {
                let access =
                    first(scope, paths, |scope, expr| Access::compile(scope, start, expr)?.into_number(scope))?;
                Ok(Length::Read { signed: access.is_signed(), program: access.program })
            }
        }
    }

    /// What it is for an object; a negative one is none.
    pub fn read(&self, walker: &mut Walker, object: u64) -> Option<u64> {
        match self {
            Length::Known(count) => Some(*count),
            Length::Read { program, signed } => match walker.run(program, object)? {
                count if *signed && (count as i64) < 0 => Some(0),
                count => Some(count),
            },
        }
    }
}

impl Elements {
    /// Compiles to elements and their type.
    pub fn compile(scope: Scope, start: TypeId, of: &Paths, count: Option<&Count>) -> Compiled<(Self, TypeId)> {
        let (program, id) = object(scope, start, of)?;
        let (element, known) = match scope.shape(id) {
            Shape::Array { element, count } => (element, Some(u64::from(count)).filter(|count| *count > 0)),
            _ => (id, None),
        };
        let count = match (count, known) {
            (Some(count), _) => Length::compile(scope, start, count)?,
            (None, Some(known)) => Length::Known(known),
            (None, None) => return Err(Failure::OtherType("an array whose type has no length needs 'count'".into())),
        };
        let stride = scope.size(element)?;
        Ok((Self { of: program, count, most: u64::MAX, stride }, element))
    }

    /// The first element's address and how many there are, at most `most`.
    pub fn locate(&self, walker: &mut Walker, object: u64, most: usize) -> Option<(u64, u64)> {
        let start = walker.run(&self.of, object)?;
        let count = self.count.read(walker, object)?;
        if count > self.most {
            walker.warn(Code::Torn, start);
            return None;
        }
        let most = most as u64;
        if count > most {
            walker.warn(Code::Cap, start);
        }
        Some((start, count.min(most)))
    }
}

/// An array whose elements, or what they point to, are the rows.
pub struct Array {
    elements: Elements,
    pointers: bool,
}

impl Array {
    pub fn compile(
        scope: Scope,
        start: TypeId,
        (of, count, most): (&Paths, Option<&Count>, Option<u64>),
        type_name: Option<&str>,
        pointers: bool,
    ) -> Compiled<(Self, TypeId)> {
        let (mut elements, found) = Elements::compile(scope, start, of, count)?;
        elements.most = most.unwrap_or(u64::MAX);
        let named = type_name.map(|name| scope.find(name)).transpose()?;
        let element = match (scope.shape(found), named) {
            (Shape::Pointer(target), None) if pointers => target,
            (Shape::Pointer(_) | Shape::Integer { bytes: 8, .. }, Some(named)) if pointers => named,
            (_, _) if pointers => {
                return Err(Failure::Missing(format!("elements are {}, no pointers", scope.name(found))));
            }
            (Shape::Pointer(_), _) => {
                return Err(Failure::OtherType("elements are pointers: say so with 'pointers'".into()));
            }
            (_, Some(named)) => {
                elements.stride = scope.size(named)?;
                named
            }
            (_, None) => found,
        };
        Ok((Self { elements, pointers }, element))
    }
}

impl Walk for Array {
    fn run(&self, walker: &mut Walker, object: u64) {
        let Some((start, count)) = self.elements.locate(walker, object, walker.budget.walk) else { return };
        for index in 0..count {
            let place = start.wrapping_add(index.wrapping_mul(self.elements.stride));
            if !walker.step(place) {
                return;
            }
            let element = if self.pointers { walker.word(place).unwrap_or(0) } else { place };
            if element != 0 && !walker.emit(element, index).goes_on() {
                return;
            }
        }
    }
}
