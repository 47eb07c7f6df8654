//! The query as it crosses the boundary: JSON, checked for shape here and against the kernel's types in `compile`.

use serde::Deserialize;

/// A whole query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Where objects come from.
    pub from: From,
    /// How to get from these to the rows; without it they are the rows.
    pub walk: Option<Walk>,
    /// One column each.
    pub select: Vec<Column>,
    /// Walks that start at every row.
    #[serde(default)]
    pub children: Vec<Nested>,
    /// What every row obeys, where a walk leads to it.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Objects in one walk, where that is less than any query may have.
    pub most: Option<usize>,
}

/// Where objects come from: a symbol, or addresses that the caller gives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct From {
    /// A symbol's name.
    pub symbol: Option<String>,
    /// The caller's addresses.
    #[serde(default)]
    pub addresses: bool,
    /// What lies there: `struct task_struct`; with `*` behind it, a pointer to it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// One object for each possible processor.
    #[serde(default)]
    pub per_cpu: bool,
}

impl From {
    /// The objects' type, and whether what lies there is a pointer to one.
    pub fn pointed(&self) -> (&str, bool) {
        match self.type_name.trim_end().strip_suffix('*') {
            Some(pointed) => (pointed.trim_end(), true),
            None => (self.type_name.as_str(), false),
        }
    }
}

/// A walk below each row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nested {
    /// What the caller calls it.
    pub name: String,
    /// From the parent's row.
    pub walk: Walk,
    /// No rows, rather than an error, where the kernel lacks something that it needs.
    #[serde(default)]
    pub optional: bool,
    /// What every row obeys.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// One column each.
    pub select: Vec<Column>,
    /// Walks that start at every row.
    #[serde(default)]
    pub children: Vec<Nested>,
}

/// One access path, or alternatives of which the first that the kernel's types have counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Paths {
    /// Just one.
    One(String),
    /// In order of preference.
    Many(Vec<String>),
}

impl Paths {
    /// The alternatives in order.
    pub fn all(&self) -> &[String] {
        match self {
            Paths::One(path) => std::slice::from_ref(path),
            Paths::Many(paths) => paths,
        }
    }
}

/// How many elements: a number, or a path to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Count {
    /// Known to the caller.
    Number(u64),
    /// Read from the object.
    Path(Paths),
}

/// A way from one object to others. `head`, `of`, `root`, `first`, `count` and `bytes` are paths from the object, `link`,
/// `next` and `size` from each element.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs)] // The fields are those of the kinds above, and the kinds are the kernel's own words.
pub enum Walk {
    Object {
        of: Paths,
    },
    Array {
        of: Paths,
        count: Option<Count>,
        #[serde(rename = "type")]
        type_name: Option<String>,
        #[serde(default)]
        pointers: bool,
        /// More elements than this are no count but damage.
        most: Option<u64>,
    },
    List {
        head: Paths,
        #[serde(rename = "type")]
        type_name: String,
        link: Paths,
        #[serde(default)]
        inclusive: bool,
    },
    Hlist {
        head: Paths,
        #[serde(rename = "type")]
        type_name: String,
        link: Paths,
    },
    Hash {
        of: Paths,
        count: Option<Count>,
        /// From each bucket to the head of its chain, where the bucket is more than that.
        head: Option<Paths>,
        #[serde(rename = "type")]
        type_name: String,
        link: Paths,
    },
    Rbtree {
        root: Paths,
        #[serde(rename = "type")]
        type_name: String,
        link: Paths,
    },
    Xarray {
        of: Paths,
        #[serde(rename = "type")]
        type_name: String,
    },
    Maple {
        of: Paths,
        #[serde(rename = "type")]
        type_name: String,
    },
    Chain {
        first: Paths,
        #[serde(rename = "type")]
        type_name: String,
        next: Paths,
    },
    Alternatives {
        walks: Vec<Walk>,
    },
    /// Also of an rhltable.
    Rhashtable {
        of: Paths,
        #[serde(rename = "type")]
        type_name: String,
        link: Paths,
    },
    /// One after another in a buffer of so many bytes, each as long as it says.
    Records {
        of: Paths,
        bytes: Count,
        #[serde(rename = "type")]
        type_name: String,
        size: Paths,
    },
    /// Each possible processor's copy of what a per-CPU pointer stands for.
    PerCpu {
        of: Paths,
        #[serde(rename = "type")]
        type_name: Option<String>,
    },
}

/// A column of the rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// What the caller calls it.
    pub name: String,
    /// From the row's object.
    pub path: Paths,
    /// What to make of what the path names.
    #[serde(rename = "as", default)]
    pub leaf: Leaf,
    /// Most bytes of text.
    pub max: Option<u64>,
    /// Null, rather than an error, where the kernel has none of the alternatives.
    #[serde(default)]
    pub optional: bool,
    /// For `d_path`: the `struct path` it is relative to.
    pub root: Option<Paths>,
    /// For `obeys`: what the row's object is held against.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// For `enum`: which enumeration, by its name or by one of its constants.
    pub constants: Option<Paths>,
    /// For `bytes`: how many there are.
    pub length: Option<Count>,
}

/// Something that every object of a type obeys. In a kernel without the members it names, it says nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// From the object.
    pub path: Paths,
    /// What the value there is.
    pub is: Test,
}

/// What a rule asks of a value. A NULL on the way to it passes.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// The address of this symbol.
    Symbol(String),
    /// What this other path leads to.
    Equals(Paths),
    /// A `char` array with a NUL in it, and something before.
    Text,
    /// Of a `struct dentry`: its name is the one that its hash was made of. The path is not looked at.
    NameHash,
    /// A value within a bound.
    #[serde(untagged)]
    Value(Bound),
}

/// What a value may be, whatever else there is.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The object's own address.
    Own,
    /// The address of the object that the walk began at.
    Origin,
    /// The same, or NULL.
    OriginOrNull,
    /// An address in the kernel's own text and data.
    Image,
    /// The address of something in the kernel's half of memory.
    Pointer,
    /// The same, or NULL.
    PointerOrNull,
    /// The address of whole pages there, or NULL.
    Stack,
    /// A number up to this one.
    AtMost(u64),
    /// A number from this one on.
    AtLeast(u64),
}

/// What to make of what a path names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaf {
    /// The integer, enum or pointer.
    #[default]
    Value,
    /// Where it lies.
    Address,
    /// The row's position in its walk: array index, XArray index, processor, or ordinal.
    Index,
    /// A C string, in place or pointed to.
    String,
    /// Its bytes, two digits each.
    Hex,
    /// A `struct path` as the kernel prints it; of a `struct file`, its path; of a `struct vfsmount`, where it is mounted.
    DPath,
    /// A `struct dentry` from its file system's root.
    DentryPath,
    /// A `struct kernfs_node` from its root.
    KernfsPath,
    /// A `struct mm_struct`'s arguments.
    Cmdline,
    /// An inode's page cache, where it is whole.
    Contents,
    /// An inode's page cache, with zeros for what is not there.
    Cached,
    /// A `struct mm_struct`'s environment.
    UserStrings,
    /// 1 if the row's object obeys the column's rules, else 0.
    Obeys,
    /// What an enumeration calls the number.
    Enum,
    /// The symbol that an address belongs to: `name`, `name+0x1a`, in a module `name+0x1a [module]`.
    Symbol,
    /// The module whose memory an address is in, `kernel` for the kernel proper.
    Module,
    /// Bytes as they are: of an object in place, or `length` of them behind a pointer.
    Bytes,
}
