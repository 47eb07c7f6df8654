//! One type's record (include/uapi/linux/btf.h): three words, then what its kind adds.

use crate::words::u32_at;

/// What a record describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int = 1,
    Pointer,
    Array,
    Struct,
    Union,
    Enum,
    Forward,
    Typedef,
    Volatile,
    Const,
    Restrict,
    Function,
    Prototype,
    Variable,
    Section,
    Float,
    DeclTag,
    TypeTag,
    Enum64,
    /// One that came later, of which only the length is known.
    Later,
}

impl Kind {
    /// The kind that a number stands for: one that is not known is of `Later`, and 0 is none.
    pub fn from_number(number: u32) -> Option<Self> {
        use Kind::*;
        const ALL: [Kind; 19] = [
            Int, Pointer, Array, Struct, Union, Enum, Forward, Typedef, Volatile, Const, Restrict, Function, Prototype,
            Variable, Section, Float, DeclTag, TypeTag, Enum64,
        ];
        Some(ALL.get((number as usize).checked_sub(1)?).copied().unwrap_or(Later))
    }

    /// Words that follow the record's three: a fixed number, plus so many for each of its entries.
    pub fn words(self) -> (usize, usize) {
        match self {
            Kind::Int | Kind::Variable | Kind::DeclTag => (1, 0),
            Kind::Array => (3, 0),
            Kind::Struct | Kind::Union | Kind::Section | Kind::Enum64 => (0, 3),
            Kind::Enum | Kind::Prototype => (0, 2),
            _ => (0, 0),
        }
    }

    /// Whether it is another type under a name, with a qualifier, or as a variable.
    pub fn is_wrapper(self) -> bool {
        use Kind::*;
        matches!(self, Typedef | Const | Volatile | Restrict | TypeTag | Variable)
    }

    /// Whether its entries are constants.
    pub fn is_enum(self) -> bool {
        matches!(self, Kind::Enum | Kind::Enum64)
    }

    /// Whether the record's third word is a type id rather than a size.
    pub fn refers(self) -> bool {
        use Kind::*;
        matches!(
            self,
            Pointer | Typedef | Volatile | Const | Restrict | Function | Prototype | Variable | DeclTag | TypeTag
        )
    }
}

/// The second word of a record. Until 7.1 the upper 8 bits of the count and the upper 2 of the kind were unused and
/// zero, so that the wider reading is right for older sections too.
#[derive(Clone, Copy)]
pub(super) struct Info(pub u32);

impl Info {
    pub fn kind(self) -> u32 {
        self.0 >> 24 & 0x7f
    }

    pub fn count(self) -> u32 {
        self.0 & 0xff_ffff
    }

    pub fn flag(self) -> bool {
        self.0 >> 31 == 1
    }
}

/// One type's record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub kind: Kind,
    /// `kind_flag`: bit-field encoding of a struct, signedness of an enum, union-ness of a forward declaration.
    pub flag: bool,
    /// Whether the section tells an enum's sign by its flag, which came with 6.0.
    pub flagged_enums: bool,
    /// Offset of its name.
    pub name: u32,
    /// Size or type id, as the kind says.
    pub value: u32,
    /// How many entries follow.
    pub count: u32,
    pub(super) rest: &'a [u8],
}

impl Record<'_> {
    /// A word after the fixed three.
    pub fn word(&self, index: usize) -> Option<u32> {
        u32_at(self.rest, index * 4)
    }

    /// The first two words of each entry of `SIZE` bytes.
    #[inline]
    pub fn starts<const SIZE: usize>(&self) -> impl Iterator<Item = [u32; 2]> {
        let word = |bytes: &[u8; SIZE], at: usize| u32_at(bytes, at).unwrap_or(u32::MAX);
        self.rest.as_chunks::<SIZE>().0.iter().map(move |entry| [word(entry, 0), word(entry, 4)])
    }

    /// The three words of member (or ENUM64 entry) `index`.
    pub fn triple(&self, index: u32) -> Option<[u32; 3]> {
        let at = index as usize * 3;
        Some([self.word(at)?, self.word(at + 1)?, self.word(at + 2)?])
    }

    /// Name and value of entry `index` of an enum. Without flags a value is an `__s32`.
    pub fn enumerator(&self, index: u32) -> Option<(u32, i64)> {
        match self.kind {
            Kind::Enum => {
                let at = index as usize * 2;
                let (name, value) = (self.word(at)?, self.word(at + 1)?);
                let unsigned = self.flagged_enums && !self.flag;
                Some((name, if unsigned { i64::from(value) } else { i64::from(value as i32) }))
            }
            Kind::Enum64 => {
                let [name, low, high] = self.triple(index)?;
                Some((name, (u64::from(high) << 32 | u64::from(low)) as i64))
            }
            _ => None,
        }
    }

    /// Whether an enum's values are two's complement. Without flags its enumerators tell: the compiler gives an enum a
    /// signed type when one of them is negative.
    pub fn is_signed_enum(&self) -> bool {
        match self.flagged_enums {
            true => self.flag,
            false => (0..self.count).any(|index| self.enumerator(index).is_some_and(|(_, value)| value < 0)),
        }
    }
}
