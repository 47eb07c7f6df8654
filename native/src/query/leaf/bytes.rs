//! Bytes as they are: addresses, keys, instructions, records.

use super::Leaf;
use crate::image::PAGE_SIZE;
use crate::kernel::types::{Shape, TypeId};
use crate::query::compile::access::{Access, Named, first};
use crate::query::compile::scope::{Compiled, Failure, Scope};
use crate::query::limits::CONTENTS;
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::Reader;
use crate::query::spec::Count;

/// An object in place, or so many bytes behind a pointer.
pub struct Bytes {
    program: Program,
    length: Length,
    limit: usize,
}

/// How many bytes there are.
pub enum Length {
    /// Known beforehand.
    Known(u64),
    /// Read from the row's object; one below zero is damage.
    Read {
        /// Ends at the number.
        program: Program,
        /// Two's complement.
        signed: bool,
    },
}

impl Length {
    /// For rows of type `start`.
    pub fn compile(scope: Scope, start: TypeId, count: &Count) -> Compiled<Self> {
        Ok(match count {
            Count::Number(number) => Length::Known(*number),
            Count::Path(paths) => {
                let number =
                    first(scope, paths, |scope, expr| Access::compile(scope, start, expr)?.into_number(scope))?;
                Length::Read { signed: number.is_signed(), program: number.program }
            }
        })
    }

    fn of(&self, reader: &Reader, object: u64) -> Read<u64> {
        match self {
            Length::Known(length) => Ok(*length),
            Length::Read { program, signed } => match program.run(reader, object)? {
                negative if *signed && (negative as i64) < 0 => Err(Gap::Contradiction(object)),
                length => Ok(length),
            },
        }
    }
}

impl Bytes {
    /// Where something lies in place, a length only shortens it, but for the first of so many characters; a pointer needs
    /// one.
    pub fn compile(scope: Scope, access: Access, length: Option<Length>, max: Option<usize>) -> Compiled<Self> {
        let pointed = match access.named {
            Named::Place { id, .. } => match scope.shape(id) {
                Shape::Pointer(_) => true,
                Shape::Integer { bytes: 1, .. } => length.is_some(),
                _ => false,
            },
            _ => true,
        };
        let (program, id) = access.into_object(scope)?;
        let size = scope.types.size(id).filter(|size| *size > 0 && !pointed);
        let limit = max.unwrap_or(CONTENTS);
        let limit = size.map_or(limit, |size| limit.min(size as usize));
        match (length, size) {
            (Some(length), _) => Ok(Self { program, length, limit }),
            (None, Some(size)) => Ok(Self { program, length: Length::Known(size), limit }),
            (None, None) => Err(Failure::OtherType("needs 'length': nothing says how many bytes there are".into())),
        }
    }
}

impl Leaf for Bytes {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let address = self.program.run(reader, object)?;
        let length = self.length.of(reader, object)?;
        let wanted = length.min(self.limit as u64) as usize;
        // Page by page: a length that was read from a damaged struct must not decide how much is allocated.
        while out.len() < wanted {
            let at = address.wrapping_add(out.len() as u64);
            let part = ((PAGE_SIZE - at % PAGE_SIZE) as usize).min(wanted - out.len());
            let read = reader.append(at, part, out);
            if read < part {
                return Err(Gap::Unreadable(at.wrapping_add(read as u64)));
            }
        }
        Ok(wanted as u64 == length)
    }
}
