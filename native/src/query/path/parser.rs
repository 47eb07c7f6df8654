//! From text to a path.

use super::{Expr, Index, OPERATORS, Operator};
use crate::query::limits::{PATH_NESTING, PATH_TEXT};

/// Words that an integer's name in C is made of, without a word before it.
const INTEGERS: [&str; 6] = ["unsigned", "signed", "long", "short", "int", "char"];

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
        let mut first = self.name()?;
        let mut text = first.to_owned();
        if self.take(":") {
            first = self.name()?;
            text = format!("{text}:{first}");
        }
        if ["struct", "union", "enum"].contains(&first) {
            return Some(format!("{text} {}", self.name()?));
        }
        let mut before = self.at;
        while INTEGERS.contains(&first)
            && let Some(word) = self.name().filter(|word| INTEGERS.contains(word))
        {
            text = format!("{text} {word}");
            before = self.at;
        }
        self.at = before;
        Some(text)
    }

    /// After `symbol(`.
    fn symbol(&mut self) -> Result<Expr, String> {
        let what = "a symbol, maybe with its type before it";
        let declared = self.type_name().ok_or_else(|| self.expected(what))?;
        let pointer = self.take("*");
        let name = self.name().map(str::to_owned);
        self.demand(")")?;
        match name {
            Some(name) => Ok(Expr::Symbol { name, declared: Some((declared, pointer)) }),
            None if !pointer && !declared.contains([' ', ':']) => Ok(Expr::Symbol { name: declared, declared: None }),
            None => Err(self.expected(what)),
        }
    }

    fn index(&mut self) -> Result<Index, String> {
        let start = self.at;
        let simple = match self.integer() {
            Some(number) => Some(Index::Number(number)),
            None => self.name().map(|name| Index::Constant(name.to_owned())),
        };
        if let Some(simple) = simple.filter(|_| self.take("]")) {
            return Ok(simple);
        }
        self.at = start;
        if self.take("]") {
            return Err(self.expected("an index, an enumeration constant or a path to an index"));
        }
        let path = self.nested(Self::path)?;
        self.demand("]")?;
        Ok(Index::Path(Box::new(path)))
    }

    fn postfix(&mut self) -> Result<Expr, String> {
        let mut expr = self.primary()?;
        loop {
            let of = Box::new(expr);
            expr = if self.take("[") {
                Expr::Index { of, index: self.index()? }
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
        let mut levels = 0;
        while self.take("^") {
            levels += 1;
        }
        if levels > 0 {
            return Ok(Expr::Ancestor(levels));
        }
        let name = self.member()?;
        match name.as_str() {
            "container_of" if self.take("(") => self.container_of(),
            "symbol" if self.take("(") => self.symbol(),
            _ => Ok(Expr::Member { of: Box::new(Expr::Object), arrow: false, name }),
        }
    }

    /// After `container_of(`.
    fn container_of(&mut self) -> Result<Expr, String> {
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
