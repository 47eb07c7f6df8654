//! Struct layouts behind one interface, wherever they came from.

/// A type of one source: 0 is the kernel proper, above it modules with split BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TypeId {
    /// Which source.
    pub source: u16,
    /// The id within it.
    pub id: u32,
}

/// What a type is, with typedefs and qualifiers taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `void`, a function, a forward declaration: nothing that has bytes.
    Opaque,
    /// An integer, `bool` or `char`; an enum too.
    Integer {
        /// Size in memory.
        bytes: u32,
        /// Two's complement.
        signed: bool,
    },
    /// A pointer.
    Pointer(TypeId),
    /// An array.
    Array {
        /// Type of an element.
        element: TypeId,
        /// How many.
        count: u32,
    },
    /// A struct or union.
    Struct {
        /// Size in memory.
        bytes: u32,
    },
}

/// A member of a struct, found by name through anonymous members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Distance from the struct's start, in bits.
    pub bit_offset: u64,
    /// Its type.
    pub id: TypeId,
    /// Width, for a bit-field.
    pub bits: Option<u8>,
}

/// Every type of a kernel.
#[derive(Debug, Default)]
pub struct Types {}
