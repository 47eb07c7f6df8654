//! Access paths: what a C programmer would write, without most of the casts.
//!
//! ```text
//! path    = [unary] {("+" | "-" | "&" | "<<" | ">>") ["~"] integer}
//! unary   = "(" type "*" ")" unary | postfix
//! postfix = start {"." name | "->" name | "[" index "]"}
//! start   = name | "^" {"^"} | "(" path ")" | symbol | "container_of(" path "," type "," name {"." name} ")"
//! symbol  = "symbol(" [type ["*"]] name ")"
//! index   = integer | name | path
//! type    = [name ":"] (("struct" | "union" | "enum") name | name {name})
//! ```
//!
//! A lone name in brackets is an enumeration constant; an index that is read is any other path, a member of the object
//! itself in parentheses: `ptr[(id)]`. What is before the colon of a type is a module.

mod parser;

use std::fmt;

pub use parser::parse;

/// A parsed path. The empty path is the object itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// The object that the path starts from.
    Object,
    /// The object that the walk to it began at, or one further up: 1 is the nearest.
    Ancestor(usize),
    /// `symbol(type name)`: what lies at a symbol; without a type, its address.
    Symbol {
        /// The symbol.
        name: String,
        /// What is there: a type, and whether there is a pointer to one.
        declared: Option<(String, bool)>,
    },
    /// `of.name`, or `of->name`.
    Member {
        /// The struct or the pointer to it.
        of: Box<Expr>,
        /// Whether it is a pointer.
        arrow: bool,
        /// The member.
        name: String,
    },
    /// `of[index]`.
    Index {
        /// The array, or a pointer to its first element.
        of: Box<Expr>,
        /// Which element.
        index: Index,
    },
    /// `container_of(of, structure, member)`.
    ContainerOf {
        /// A pointer to the member, or the member in place.
        of: Box<Expr>,
        /// The struct around it.
        structure: String,
        /// The member, maybe of a member.
        member: Vec<String>,
    },
    /// `(target *)of`.
    Cast {
        /// What is said to be a pointer.
        of: Box<Expr>,
        /// What it is said to point to.
        target: String,
    },
    /// `of + 1` and the like.
    Arithmetic {
        /// The number.
        of: Box<Expr>,
        /// What to do.
        operator: Operator,
        /// With what.
        operand: u64,
    },
}

/// Which element of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Index {
    /// A number.
    Number(u64),
    /// An enumeration constant.
    Constant(String),
    /// Read by a path, from where the path around it starts.
    Path(Box<Expr>),
}

/// Integer arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operator {
    Add,
    Subtract,
    And,
    Left,
    Right,
}

const OPERATORS: [(&str, Operator); 5] = [
    ("+", Operator::Add),
    ("-", Operator::Subtract),
    ("&", Operator::And),
    ("<<", Operator::Left),
    (">>", Operator::Right),
];

impl fmt::Display for Operator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::And => "&",
            Operator::Left => "<<",
            Operator::Right => ">>",
        })
    }
}

impl Expr {
    /// As the left side of `.`, `->` and `[`.
    fn write_inner(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Cast { .. } | Expr::Arithmetic { .. } => write!(out, "({self})"),
            _ => write!(out, "{self}"),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Object => Ok(()),
            Expr::Ancestor(levels) => out.write_str(&"^".repeat(*levels)),
            Expr::Symbol { name, declared: None } => write!(out, "symbol({name})"),
            Expr::Symbol { name, declared: Some((declared, pointer)) } => {
                write!(out, "symbol({declared} {}{name})", if *pointer { "*" } else { "" })
            }
            Expr::Member { of, arrow, name } => {
                of.write_inner(out)?;
                match (**of == Expr::Object, arrow) {
                    (true, _) => out.write_str(name),
                    (_, true) => write!(out, "->{name}"),
                    (_, false) => write!(out, ".{name}"),
                }
            }
            Expr::Index { of, index } => {
                of.write_inner(out)?;
                match index {
                    Index::Number(number) => write!(out, "[{number}]"),
                    Index::Constant(name) => write!(out, "[{name}]"),
                    Index::Path(path) => write!(out, "[({path})]"),
                }
            }
            Expr::ContainerOf { of, structure, member } => {
                write!(out, "container_of({of}, {structure}, {})", member.join("."))
            }
            Expr::Cast { of, target } => {
                write!(out, "({target} *)")?;
                if matches!(**of, Expr::Arithmetic { .. }) { write!(out, "({of})") } else { write!(out, "{of}") }
            }
            Expr::Arithmetic { of, operator, operand } => write!(out, "{of} {operator} {operand}"),
        }
    }
}
