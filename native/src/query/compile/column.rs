//! Columns: a path and what to make of what it names.

use super::access::{Access, Named, first};
use super::scope::{Compiled, Failure, Scope};
use crate::kernel::types::TypeId;
use crate::query::batch::Packing;
use crate::query::leaf::bytes::{Bytes, Length};
use crate::query::leaf::constant::ConstantName;
use crate::query::leaf::contents::{Contents, Missing};
use crate::query::leaf::dentry::Dentry;
use crate::query::leaf::dpath::{DPath, Start};
use crate::query::leaf::kernfs::Kernfs;
use crate::query::leaf::symbol::{Asked, Symbol};
use crate::query::leaf::text::{CString, Hex};
use crate::query::leaf::user::UserText;
use crate::query::leaf::{self};
use crate::query::limits::LARGEST;
use crate::query::program::Program;
use crate::query::rules::Rules;
use crate::query::spec::{Column, Leaf};

/// A compiled column.
pub struct ColumnPlan {
    /// What the caller calls it.
    pub name: String,
    /// How to read it.
    pub source: Source,
}

/// How to read a column's value from a row's object.
pub enum Source {
    /// A number.
    Number {
        /// Ends at the value.
        program: Program,
        /// Two's complement.
        signed: bool,
    },
    /// The row's index in its walk.
    Index,
    /// Whether the object obeys rules.
    Obeys(Rules),
    /// Text.
    Text(Box<dyn leaf::Leaf>),
    /// Bytes.
    Bytes(Box<dyn leaf::Leaf>),
    /// This kernel has nothing like it.
    Absent(Packing),
}

impl Source {
    /// What the column's values are packed as.
    pub fn packing(&self) -> Packing {
        match self {
            Source::Number { signed: true, .. } => Packing::I64,
            Source::Number { .. } | Source::Index | Source::Obeys(_) => Packing::U64,
            Source::Text(_) => Packing::Text,
            Source::Bytes(_) => Packing::Bytes,
            Source::Absent(packing) => *packing,
        }
    }
}

/// Compiles a column of rows that are objects of type `start`.
pub fn compile(scope: Scope, start: TypeId, column: &Column) -> Compiled<ColumnPlan> {
    let source = match settle(scope, start, column) {
        Err(Failure::Missing(_) | Failure::OtherType(_)) if scope.may_lack(column.optional) => {
            return Ok(ColumnPlan::absent(column));
        }
        source => source?,
    };
    Ok(ColumnPlan { name: column.name.clone(), source })
}

impl ColumnPlan {
    /// The column in a kernel that has nothing like it.
    pub fn absent(column: &Column) -> Self {
        let packing = match column.leaf {
            Leaf::Value | Leaf::Address | Leaf::Index | Leaf::Obeys => Packing::U64,
            Leaf::Bytes => Packing::Bytes,
            _ => Packing::Text,
        };
        Self { name: column.name.clone(), source: Source::Absent(packing) }
    }
}

/// How a column is read in this kernel, whether or not it may be absent.
pub fn settle(scope: Scope, start: TypeId, column: &Column) -> Compiled<Source> {
    let max = match column.max {
        Some(max) if max > LARGEST as u64 => {
            return Err(Failure::Wrong(format!("column '{}': 'max' may be {LARGEST} at most", column.name)));
        }
        max => max.map(|max| max as usize),
    };
    first(scope, &column.path, |scope, expr| source(scope, start, column, Access::compile(scope, start, expr)?, max))
        .map_err(|failure| failure.within(&format!("column '{}' of {}", column.name, scope.name(start))))
}

fn source(scope: Scope, start: TypeId, column: &Column, access: Access, max: Option<usize>) -> Compiled<Source> {
    let text: Box<dyn leaf::Leaf> = match column.leaf {
        Leaf::Value => {
            let access = access.into_number(scope)?;
            return Ok(Source::Number { signed: access.is_signed(), program: access.program });
        }
        Leaf::Address => {
            return match access.named {
                Named::Number { .. } => Err(Failure::OtherType("names a number, which has no address".into())),
                _ => Ok(Source::Number { program: access.program, signed: false }),
            };
        }
        Leaf::Index => return Ok(Source::Index),
        Leaf::Obeys => return Ok(Source::Obeys(Rules::compile(scope, start, &column.rules)?)),
        Leaf::String => Box::new(CString::compile(scope, access, max)?),
        Leaf::Hex => Box::new(Hex::compile(scope, access, max)?),
        Leaf::DPath => {
            let root = column.root.as_ref().map(|paths| {
                let root = |scope, expr: &_| expected(scope, Access::compile(scope, start, expr)?, "struct path");
                first::<Program>(scope, paths, root)
            });
            let (program, id) = access.into_object(scope)?;
            let begin = match scope.name(scope.types.strip(id)).as_str() {
                "struct path" => Start::Path,
                "struct vfsmount" => Start::Mount,
                "struct file" => Start::File,
                found => {
                    return Err(Failure::OtherType(format!(
                        "names a {found}, where a struct path, file or vfsmount is needed"
                    )));
                }
            };
            Box::new(DPath::compile(scope, program, begin, root.transpose()?)?)
        }
        Leaf::DentryPath => Box::new(Dentry::compile(scope, expected(scope, access, "struct dentry")?)?),
        Leaf::KernfsPath => Box::new(Kernfs::compile(scope, expected(scope, access, "struct kernfs_node")?)?),
        Leaf::Cmdline | Leaf::UserStrings => {
            let program = expected(scope, access, "struct mm_struct")?;
            Box::new(UserText::compile(scope, program, column.leaf == Leaf::UserStrings, max)?)
        }
        Leaf::Enum => Box::new(ConstantName::compile(scope, access, column.constants.as_ref())?),
        Leaf::Contents | Leaf::Cached => {
            let missing = if column.leaf == Leaf::Cached { Missing::Zeros } else { Missing::Unreadable };
            Box::new(Contents::compile(scope, expected(scope, access, "struct inode")?, max, missing)?)
        }
        Leaf::Bytes => {
            let length = column.length.as_ref().map(|length| Length::compile(scope, start, length)).transpose()?;
            return Ok(Source::Bytes(Box::new(Bytes::compile(scope, access, length, max)?)));
        }
        Leaf::Symbol => Box::new(Symbol::compile(scope, access, Asked::Symbol)?),
        Leaf::Module => Box::new(Symbol::compile(scope, access, Asked::Module)?),
    };
    Ok(Source::Text(text))
}

/// A program to an object of the struct that a leaf is for.
fn expected(scope: Scope, access: Access, structure: &str) -> Compiled<Program> {
    let (program, id) = access.into_object(scope)?;
    let found = scope.name(scope.types.strip(id));
    match found == structure {
        true => Ok(program),
        false => Err(Failure::OtherType(format!("names a {found}, where a {structure} is needed"))),
    }
}
