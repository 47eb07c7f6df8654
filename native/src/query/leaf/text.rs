//! C strings and plain bytes.

use super::Leaf;
use crate::kernel::types::{Shape, TypeId};
use crate::query::compile::access::{Access, Named};
use crate::query::compile::scope::{Compiled, Failure, Scope};
use crate::query::limits::STRING;
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::Reader;

/// A string up to its NUL.
pub struct CString {
    program: Program,
    limit: usize,
    /// Reaching the limit is as was asked for: the array's end, or the column's `max`.
    bounded: bool,
}

impl CString {
    /// A `char` array in place, a pointer to characters, or with `max` the first of them.
    pub fn compile(scope: Scope, access: Access, max: Option<usize>) -> Compiled<Self> {
        let wrong = |id| Failure::OtherType(format!("names a {}, which is no string", scope.name(id)));
        let size_of = |id: TypeId| scope.types.size(id);
        let array = match access.named {
            Named::Place { id, .. } => match scope.shape(id) {
                Shape::Array { element, count } if size_of(element) == Some(1) => Some(count as usize),
                Shape::Pointer(target) if size_of(target).is_none_or(|size| size == 1) => None,
                Shape::Integer { bytes: 1, .. } if max.is_some() => None,
                _ => return Err(wrong(id)),
            },
            _ => None,
        };
        let array = array.filter(|count| *count > 0);
        let limit = array.unwrap_or(usize::MAX).min(max.unwrap_or(array.unwrap_or(STRING)));
        Ok(Self { program: access.into_object(scope)?.0, limit, bounded: array.is_some() || max.is_some() })
    }
}

impl Leaf for CString {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let address = self.program.run(reader, object)?;
        let ended = reader.append_string(address, self.limit, out).map_err(Gap::Unreadable)?;
        Ok(ended || self.bounded)
    }
}

/// Bytes, two lower-case digits each.
pub struct Hex {
    program: Program,
    length: usize,
}

impl Hex {
    /// An object in place, or `max` bytes behind a pointer.
    pub fn compile(scope: Scope, access: Access, max: Option<usize>) -> Compiled<Self> {
        let pointed = match access.named {
            Named::Place { id, .. } => matches!(scope.shape(id), Shape::Pointer(_)),
            _ => true,
        };
        let (program, id) = access.into_object(scope)?;
        let size = scope.types.size(id).map(|size| size as usize).filter(|size| *size > 0 && !pointed);
        let length = match (size, max) {
            (Some(size), max) => size.min(max.unwrap_or(size)),
            (None, Some(max)) => max,
            (None, None) => {
                return Err(Failure::OtherType("needs 'max': nothing says how many bytes there are".into()));
            }
        };
        Ok(Self { program, length })
    }
}

impl Leaf for Hex {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let address = self.program.run(reader, object)?;
        let mut bytes = Vec::new();
        let read = reader.append(address, self.length, &mut bytes);
        if read < self.length {
            return Err(Gap::Unreadable(address.wrapping_add(read as u64)));
        }
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'?', |digit| digit as u8);
        out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        Ok(true)
    }
}
