//! Names of one kernel: what a path's words mean in its types, and why one means nothing.

use std::cell::{Cell, RefCell};

use crate::arch::Geometry;
use crate::error::Error;
use crate::kernel::Kernel;
use crate::kernel::types::{Member, Shape, TypeId, Types};

/// Why something does not compile.
#[derive(Debug, Clone)]
pub enum Failure {
    /// This kernel has no such type, member or constant: an alternative may still do.
    Missing(String),
    /// What it names is of a type that it cannot be taken for. In another kernel the same name may be of the right one: an
    /// alternative may still do, and where none was given the query is wrong.
    OtherType(String),
    /// It makes no sense in any kernel.
    Wrong(String),
}

/// A compiled thing, or why not.
pub type Compiled<T> = Result<T, Failure>;

impl Failure {
    /// What is said about it, under a heading.
    pub fn within(self, place: &str) -> Self {
        match self {
            Failure::Missing(what) => Failure::Missing(format!("{place}: {what}")),
            Failure::OtherType(what) => Failure::OtherType(format!("{place}: {what}")),
            Failure::Wrong(what) => Failure::Wrong(format!("{place}: {what}")),
        }
    }

    /// For the caller, with the kernel's release where it matters.
    pub fn into_error(self, release: &str) -> Error {
        match self {
            Failure::Missing(what) => {
                Error::no_symbols(format!("kernel {release} lacks what the query asks for: {what}"))
            }
            Failure::OtherType(what) | Failure::Wrong(what) => Error::usage(format!("bad query: {what}")),
        }
    }
}

/// The types of the objects that walks come through on the way to some objects.
pub struct Lineage<'a> {
    id: TypeId,
    above: Option<&'a Lineage<'a>>,
}

impl Lineage<'_> {
    /// How many there are.
    fn depth(&self) -> usize {
        1 + self.above.map_or(0, Lineage::depth)
    }
}

/// What a query is compiled for: a kernel, or types without one.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Struct layouts.
    pub types: &'a Types,
    kernel: Option<&'a Kernel>,
    /// Who hears of what is done without.
    spared: Option<&'a RefCell<Vec<Failure>>>,
    /// What walks came through before the objects that paths start from.
    lineage: Option<&'a Lineage<'a>>,
    /// Set when a path starts from one of these.
    asked: Option<&'a Cell<bool>>,
    /// Whether modules' types are left out.
    own: bool,
}

impl<'a> Scope<'a> {
    /// An image's kernel.
    pub fn of(kernel: &'a Kernel) -> Self {
        Self { types: &kernel.types, kernel: Some(kernel), spared: None, lineage: None, asked: None, own: false }
    }

    /// Types alone, to which every symbol is there, at 0.
    pub fn of_types(types: &'a Types) -> Self {
        Self { types, kernel: None, spared: None, lineage: None, asked: None, own: false }
    }

    /// Whether something may be null where these types have nothing for it: it is optional, or their loss is told of anyway.
    pub fn may_lack(&self, optional: bool) -> bool {
        optional || self.types.is_damaged() || self.kernel.is_some_and(|kernel| kernel.facts.lost_symbols)
    }

    /// The same, where what is done without is told.
    pub fn telling(self, spared: &'a RefCell<Vec<Failure>>) -> Self {
        Self { spared: Some(spared), ..self }
    }

    /// Objects of type `id`, as those that a walk begins at.
    pub fn lineage(&self, id: TypeId) -> Lineage<'a> {
        Lineage { id, above: self.lineage }
    }

    /// For what such a walk gives.
    pub fn below<'b>(self, lineage: &'b Lineage<'b>) -> Scope<'b>
    where
        'a: 'b,
    {
        Scope { lineage: Some(lineage), ..self }
    }

    /// The same, where `asked` is set when a path starts from an object further up.
    pub fn noting(self, asked: &'a Cell<bool>) -> Self {
        Self { asked: Some(asked), ..self }
    }

    /// The object that is `levels` walks further up: its place in the line from the outermost on, and its type.
    pub fn ancestor(&self, levels: usize) -> Compiled<(usize, TypeId)> {
        let mut found = self.lineage;
        for _ in 1..levels {
            found = found.and_then(|lineage| lineage.above);
        }
        let depth = self.lineage.map_or(0, Lineage::depth);
        let found =
            found.ok_or_else(|| Failure::Wrong(format!("starts {levels} walks up, where there are {depth}")))?;
        if let Some(asked) = self.asked {
            asked.set(true);
        }
        Ok((depth - levels, found.id))
    }

    /// What is done without where this kernel has nothing of the kind.
    pub fn spare<T>(&self, found: Compiled<T>) -> Option<T> {
        let tell = |failure| {
            if let Some(spared) = self.spared {
                spared.borrow_mut().push(failure);
            }
        };
        found.map_err(tell).ok()
    }

    /// Compiles with the types of the kernel proper, and only if that does not do with those of modules too: to read these
    /// takes longer than all else of a query.
    pub fn prefer_own<T>(self, mut compile: impl FnMut(Self) -> Compiled<T>) -> Compiled<T> {
        if self.own {
            return compile(self);
        }
        match compile(Self { own: true, ..self }) {
            Err(Failure::Missing(_) | Failure::OtherType(_)) => compile(self),
            settled => settled,
        }
    }

    /// The value of an enumeration constant.
    pub fn constant(&self, name: &str) -> Compiled<i64> {
        let found = if self.own { self.types.own_enumerator(name) } else { self.types.enumerator(name) };
        found.ok_or_else(|| Failure::Missing(format!("no constant '{name}'")))
    }

    /// The enumeration that a constant is of.
    pub fn enumeration(&self, constant: &str) -> Option<TypeId> {
        if self.own { self.types.own_enumeration(constant) } else { self.types.enumeration(constant) }
    }

    /// Where a symbol lies, if the kernel has it.
    pub fn symbol(&self, name: &str) -> Option<u64> {
        self.kernel.map_or(Some(0), |kernel| kernel.symbols.address(name))
    }

    /// Where a symbol of the kernel or of one of its modules lies.
    pub fn any_symbol(&self, name: &str) -> Option<u64> {
        self.kernel.map_or(Some(0), |kernel| kernel.symbol_address(name))
    }

    /// The numbers of the kernel's memory; of types alone all are 0, for nothing is read.
    pub fn geometry(&self) -> Geometry {
        self.kernel.map(|kernel| *kernel.memory.geometry()).unwrap_or_default()
    }

    /// Where the first `struct page` lies.
    pub fn page_structs(&self) -> Option<u64> {
        self.kernel?.page_structs()
    }

    /// A type that must be there.
    pub fn find(&self, name: &str) -> Compiled<TypeId> {
        let found = match self.own {
            // A module's type, wherever else there is one of its name.
            true if name.contains(':') => None,
            true => self.types.find_own(name),
            false => self.types.find(name),
        };
        found.ok_or_else(|| Failure::Missing(format!("no type '{name}'")))
    }

    /// What a type is.
    pub fn shape(&self, id: TypeId) -> Shape {
        if self.leaves_out(id) { Shape::Opaque } else { self.types.shape(id) }
    }

    /// Whether to look into a type would be to read modules'.
    fn leaves_out(&self, id: TypeId) -> bool {
        self.own && self.types.is_foreign(id)
    }

    /// Its size, if it has one.
    pub fn size(&self, id: TypeId) -> Compiled<u64> {
        let what = || Failure::Missing(format!("{} is opaque: its size is not known", self.name(id)));
        let size = if self.leaves_out(id) { None } else { self.types.size(id) };
        size.filter(|size| *size > 0).ok_or_else(what)
    }

    /// Its name, for messages.
    pub fn name(&self, id: TypeId) -> String {
        self.types.name(id)
    }

    /// Whether a type is one of these, by C name.
    pub fn expect(&self, id: TypeId, names: &[&str]) -> Compiled<()> {
        let found = self.name(if self.leaves_out(id) { id } else { self.types.strip(id) });
        let other = || Failure::Missing(format!("is a {found}, where a {} is needed", names.join(" or ")));
        names.contains(&found.as_str()).then_some(()).ok_or_else(other)
    }

    /// A member that must be there.
    pub fn member(&self, structure: TypeId, name: &str) -> Compiled<Member> {
        let missing = || Failure::Missing(format!("{} has no member '{name}'", self.name(structure)));
        self.types.member(structure, name).ok_or_else(missing)
    }

    /// Where a member of a named struct lies, by any of its names. For what the kernel's own functions know by heart.
    pub fn offset(&self, structure: &str, names: &[&str]) -> Compiled<i64> {
        let id = self.find(structure)?;
        let found = names.iter().find_map(|name| self.chained(id, name));
        found.ok_or_else(|| Failure::Missing(format!("{structure} has no member '{}'", names.join("' or '"))))
    }

    /// The offset of `a.b` in a struct.
    fn chained(&self, structure: TypeId, path: &str) -> Option<i64> {
        path.split('.')
            .try_fold((0, structure), |(offset, id), name| {
                let member = self.types.member(id, name)?;
                Some((offset + (member.bit_offset / 8) as i64, member.id))
            })
            .map(|(offset, _)| offset)
    }
}
