//! Access paths: what a C programmer would write, without most of the casts.
//!
//! ```text
//! path    = [unary] {("+" | "-" | "&" | "<<" | ">>") ["~"] integer}
//! unary   = "(" type "*" ")" unary | postfix
//! postfix = (name | "(" path ")" | "container_of(" path "," type "," name {"." name} ")") {"." name | "->" name | "[" index "]"}
//! ```

use std::fmt;

use super::limits::{PATH_NESTING, PATH_TEXT};

/// A parsed path. The empty path is the object itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// The object that the path starts from.
    Object,
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

/// Parses a path; the error says what is wrong at which character.
pub fn parse(text: &str) -> Result<Expr, String> {
    if text.len() > PATH_TEXT {
        return Err(format!("is longer than {PATH_TEXT} characters"));
    }
    let mut parser = Parser { text, at: 0, nesting: 0 };
    let expr = parser.path()?;
    match parser.rest().is_empty() {
        true => Ok(expr),
        false => Err(parser.expected("an operator or the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    nesting: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn expected(&self, what: &str) -> String {
        format!("expected {what} at character {}", self.at + 1)
    }

    fn blank(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\n']).len();
    }

    fn take(&mut self, token: &str) -> bool {
        self.blank();
        let taken = self.rest().starts_with(token);
        self.at += if taken { token.len() } else { 0 };
        taken
    }

    fn demand(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(self.expected(&format!("'{token}'"))) }
    }

    fn name(&mut self) -> Option<&'a str> {
        self.blank();
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest.get(..end).filter(|name| name.starts_with(|c: char| !c.is_ascii_digit()))?;
        self.at += end;
        Some(name)
    }

    fn integer(&mut self) -> Option<u64> {
        self.blank();
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let digits = rest.get(..end)?;
        let number = match digits.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok()?,
            None => digits.parse().ok()?,
        };
        self.at += end;
        Some(number)
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.nesting += 1;
        let result = if self.nesting > PATH_NESTING { Err("is nested too deeply".into()) } else { parse(self) };
        self.nesting -= 1;
        result
    }

    fn path(&mut self) -> Result<Expr, String> {
        self.blank();
        if self.rest().is_empty() || self.rest().starts_with(',') {
            return Ok(Expr::Object);
        }
        let mut expr = self.unary()?;
        while let Some(operator) = self.operator() {
            let inverted = self.take("~");
            let operand = self.integer().ok_or_else(|| self.expected("an integer"))?;
            let operand = if inverted { !operand } else { operand };
            expr = Expr::Arithmetic { of: Box::new(expr), operator, operand };
        }
        Ok(expr)
    }

    fn operator(&mut self) -> Option<Operator> {
        OPERATORS.iter().find(|(token, _)| self.take(token)).map(|(_, operator)| *operator)
    }

    fn unary(&mut self) -> Result<Expr, String> {
        let start = self.at;
        if self.take("(") {
            let target = self.type_name();
            if let Some(target) = target.filter(|_| self.take("*") && self.take(")")) {
                let of = Box::new(self.nested(Self::unary)?);
                return Ok(Expr::Cast { of, target });
            }
            self.at = start;
        }
        self.postfix()
    }

    fn type_name(&mut self) -> Option<String> {
        let first = self.name()?;
        match first {
            "struct" | "union" | "enum" => Some(format!("{first} {}", self.name()?)),
            _ => Some(first.to_owned()),
        }
    }

    fn postfix(&mut self) -> Result<Expr, String> {
        let mut expr = self.primary()?;
        loop {
            let of = Box::new(expr);
            expr = if self.take("[") {
                let number = self.integer().map(Index::Number);
                let index = number.or_else(|| self.name().map(|name| Index::Constant(name.to_owned())));
                let index = index.ok_or_else(|| self.expected("an index or an enumeration constant"))?;
                self.demand("]")?;
                Expr::Index { of, index }
            } else if self.take("->") {
                Expr::Member { of, arrow: true, name: self.member()? }
            } else if self.take(".") {
                Expr::Member { of, arrow: false, name: self.member()? }
            } else {
                return Ok(*of);
            };
        }
    }

    fn member(&mut self) -> Result<String, String> {
        self.name().map(str::to_owned).ok_or_else(|| self.expected("a member's name"))
    }

    fn primary(&mut self) -> Result<Expr, String> {
        if self.take("(") {
            let inner = self.nested(Self::path)?;
            self.demand(")")?;
            return Ok(inner);
        }
        let name = self.member()?;
        if name != "container_of" || !self.take("(") {
            return Ok(Expr::Member { of: Box::new(Expr::Object), arrow: false, name });
        }
        let of = Box::new(self.nested(Self::path)?);
        self.demand(",")?;
        let structure = self.type_name().ok_or_else(|| self.expected("a type"))?;
        self.demand(",")?;
        let mut member = vec![self.member()?];
        while self.take(".") {
            member.push(self.member()?);
        }
        self.demand(")")?;
        Ok(Expr::ContainerOf { of, structure, member })
    }
}
