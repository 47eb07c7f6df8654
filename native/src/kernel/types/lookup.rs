//! Types and constants by name, in the kernel proper or in its modules.

use super::{MAX_NESTING, TypeId, Types};
use crate::kernel::btf::Kind;
use crate::kernel::btf::names::Class;
use crate::kernel::btf::section::Section;

impl Types {
    /// A type by name: `struct task_struct`, `union …`, `enum …`, or a typedef's or integer's bare name. It is that of the
    /// kernel proper, or else of the first module that has it. `nf_tables:struct nft_rule` is first looked for among the
    /// types of that module, whose name for it others may have too.
    pub fn find(&self, name: &str) -> Option<TypeId> {
        match name.split_once(':') {
            None => self.find_own(name).or_else(|| self.find_among(self.loaded().iter().zip(1..), name)),
            Some((module, name)) => {
                let sections = self.loaded().iter().zip(1..).filter(|(section, _)| section.name == module.trim());
                self.find_among(sections, name).or_else(|| self.find_own(name))
            }
        }
    }

    /// The same among the types of the kernel proper.
    pub fn find_own(&self, name: &str) -> Option<TypeId> {
        self.find_among([(&self.kernel, 0)], name)
    }

    fn find_among<'a>(&self, sections: impl IntoIterator<Item = (&'a Section, u16)>, name: &str) -> Option<TypeId> {
        let name = name.trim();
        let (class, bare) = match name.split_once(' ') {
            Some(("struct", rest)) => (Class::Struct, rest.trim_start()),
            Some(("union", rest)) => (Class::Union, rest.trim_start()),
            Some(("enum", rest)) => (Class::Enum, rest.trim_start()),
            _ => (Class::Plain, name),
        };
        let names = if class == Class::Plain { spellings(bare) } else { vec![bare.to_owned()] };
        sections.into_iter().find_map(|(section, source)| {
            let id = names.iter().find_map(|name| self.find_in(section, class, name.as_bytes()))?;
            Some(TypeId { source, id })
        })
    }

    fn find_in(&self, section: &Section, class: Class, name: &[u8]) -> Option<u32> {
        if name.is_empty() { None } else { section.find(class, name, self.base()) }
    }

    /// The value of an enumeration constant: the kernel proper's, or else that of the first module that has it.
    pub fn enumerator(&self, name: &str) -> Option<i64> {
        let own = |section: &Section| section.constant(name.as_bytes(), self.base());
        self.own_enumerator(name).or_else(|| self.loaded().iter().find_map(own))
    }

    /// The same of the kernel proper.
    pub fn own_enumerator(&self, name: &str) -> Option<i64> {
        self.kernel.constant(name.as_bytes(), self.base())
    }

    /// The enum that a constant is of.
    pub fn enumeration(&self, constant: &str) -> Option<TypeId> {
        let modules = || {
            let mut modules = self.loaded().iter().zip(1..);
            modules.find_map(|(section, source)| self.enumeration_in(section, source, constant))
        };
        self.own_enumeration(constant).or_else(modules)
    }

    /// The same of the kernel proper.
    pub fn own_enumeration(&self, constant: &str) -> Option<TypeId> {
        self.enumeration_in(&self.kernel, 0, constant)
    }

    fn enumeration_in(&self, section: &Section, source: u16, constant: &str) -> Option<TypeId> {
        section.enumeration(constant.as_bytes(), self.base()).map(|id| TypeId { source, id })
    }

    /// Whether a type is one that the kernel proper declares and nothing but a module may define.
    pub fn is_foreign(&self, id: TypeId) -> bool {
        let mut id = id;
        for _ in 0..MAX_NESTING {
            let Some(record) = self.record(id).filter(|_| id.source == 0) else { return false };
            match record.kind {
                kind if kind.is_wrapper() => id.id = record.value,
                Kind::Forward => {
                    let class = if record.flag { Class::Union } else { Class::Struct };
                    return self.find_in(&self.kernel, class, self.string(0, record.name)).is_none();
                }
                _ => return false,
            }
        }
        false
    }

    /// What a source declares and another may define: its own section first, then the kernel proper's, then any module's.
    pub(super) fn defined(&self, source: u16, class: Class, name: &[u8]) -> Option<TypeId> {
        let found = |source: u16, section: &Section| self.find_in(section, class, name).map(|id| TypeId { source, id });
        let own = (source > 0).then(|| self.section(source)).flatten().and_then(|section| found(source, section));
        own.or_else(|| found(0, &self.kernel))
            .or_else(|| self.loaded().iter().zip(1..).find_map(|(section, source)| found(source, section)))
    }
}

/// How compilers spell an integer's name in C: gcc `long unsigned int` and clang `unsigned long`. Others have one.
fn spellings(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split_whitespace().collect();
    let has = |word: &str| words.contains(&word);
    let all_known = words.iter().all(|word| ["unsigned", "signed", "long", "short", "int", "char"].contains(word));
    if !all_known || has("char") {
        return vec![words.join(" ")];
    }
    let unsigned = if has("unsigned") { "unsigned " } else { "" };
    let size = if has("long") {
        "long"
    } else if has("short") {
        "short"
    } else {
        ""
    };
    match size {
        "" => vec![format!("{unsigned}int")],
        size => vec![format!("{size} {unsigned}int"), format!("{unsigned}{size}")],
    }
}
