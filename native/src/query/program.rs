//! A compiled access path: a few steps over one 64-bit accumulator that starts as the object's address.

use super::path::Operator;
use super::reader::Reader;
use crate::words::{u32_at, u64_at};

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// A NULL pointer on the way: nothing there, which is an answer.
    Null,
    /// Memory that is not in the image, or was not mapped.
    Unreadable(u64),
    /// Memory that whoever made the dump left out of it.
    LeftOut(u64),
    /// Objects that should name each other and do not: memory of two moments.
    Contradiction(u64),
    /// Parents of parents that do not end.
    Endless(u64),
    /// The query has read as much text as it may.
    Spent(u64),
}

/// A value, or why there is none.
pub type Read<T> = Result<T, Gap>;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Reads the pointer at this distance; NULL ends the path.
    Follow(i64),
    /// Reads an integer.
    Load(Load),
    /// Moves on.
    Add(i64),
    /// What is known beforehand.
    Constant(u64),
    /// A NULL here ends the path.
    NonNull,
    /// Arithmetic on a value.
    Arithmetic(Operator, u64),
    /// Starts again at the object that a walk further up came to, counted from the outermost.
    Ancestor(usize),
    /// Moves on to an element of an array.
    Element(Box<Element>),
}

/// An element whose index is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// From the object that the path starts from; ends at the index.
    pub index: Program,
    /// Distance from one element to the next.
    pub stride: u64,
    /// How many there are, where that is known.
    pub count: Option<u64>,
}

impl Element {
    /// Out of the way of steps that are in every program.
    #[inline(never)]
    fn locate(&self, reader: &Reader, object: u64, array: u64) -> Read<u64> {
        let index = self.index.run(reader, object)?;
        match self.count {
            Some(count) if index >= count => Err(Gap::Contradiction(array)),
            _ => Ok(array.wrapping_add(index.wrapping_mul(self.stride))),
        }
    }
}

/// How an integer lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Distance from the accumulator.
    pub offset: i64,
    /// Bytes to read.
    pub bytes: u8,
    /// Bits below the value.
    pub shift: u8,
    /// Bits of the value.
    pub bits: u8,
    /// Two's complement.
    pub signed: bool,
}

impl Load {
    /// A whole integer.
    pub fn whole(offset: i64, bytes: u8, signed: bool) -> Self {
        Self { offset, bytes, shift: 0, bits: bytes * 8, signed }
    }

    #[inline]
    fn run(self, reader: &Reader, at: u64) -> Read<u64> {
        let address = at.wrapping_add_signed(self.offset);
        let value = match self.bytes {
            8 => u128::from(reader.u64(address).ok_or(Gap::Unreadable(address))?),
            bytes => reader.integer(address, usize::from(bytes)).ok_or(Gap::Unreadable(address))?,
        };
        Ok(self.cut(value))
    }

    /// The value of an object that is at hand as bytes.
    pub fn of(self, object: &[u8]) -> Option<u64> {
        let at = usize::try_from(self.offset).ok()?;
        let value = match self.bytes {
            8 => u128::from(u64_at(object, at)?),
            4 => u128::from(u32_at(object, at)?),
            bytes => object
                .get(at..)?
                .get(..usize::from(bytes))?
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u128::from(*byte)),
        };
        Some(self.cut(value))
    }

    #[inline]
    fn cut(self, value: u128) -> u64 {
        let unused = 64 - u32::from(self.bits.clamp(1, 64));
        let value = ((value >> self.shift) as u64) << unused;
        if self.signed { ((value as i64) >> unused) as u64 } else { value >> unused }
    }
}

/// Steps in order, then a last distance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// What to do.
    pub steps: Vec<Step>,
    /// Distance from where the steps end to what the path names.
    pub offset: i64,
}

impl Program {
    /// Where what the path names lies (or, after a load, its value).
    #[inline]
    pub fn run(&self, reader: &Reader, object: u64) -> Read<u64> {
        let mut at = object;
        let mut signed = false;
        for step in &self.steps {
            at = match step {
                Step::Follow(offset) => {
                    let address = at.wrapping_add_signed(*offset);
                    match reader.u64(address) {
                        Some(0) => return Err(Gap::Null),
                        Some(pointer) => pointer,
                        None => return Err(Gap::Unreadable(address)),
                    }
                }
                Step::Load(load) => {
                    signed = load.signed;
                    load.run(reader, at)?
                }
                Step::Add(offset) => at.wrapping_add_signed(*offset),
                Step::Constant(value) => *value,
                Step::NonNull if at == 0 => return Err(Gap::Null),
                Step::NonNull => at,
                Step::Arithmetic(operator, operand) => match operator {
                    Operator::Add => at.wrapping_add(*operand),
                    Operator::Subtract => at.wrapping_sub(*operand),
                    Operator::And => at & operand,
                    Operator::Left => at.checked_shl((*operand).min(64) as u32).unwrap_or(0),
                    Operator::Right if signed => ((at as i64) >> (*operand).min(63)) as u64,
                    Operator::Right => at.checked_shr((*operand).min(64) as u32).unwrap_or(0),
                },
                Step::Ancestor(level) => reader.ancestor(*level),
                Step::Element(element) => element.locate(reader, object, at)?,
            };
        }
        Ok(at.wrapping_add_signed(self.offset))
    }
}
