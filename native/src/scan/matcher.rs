//! What is searched for: bytes, and regular expressions of bytes.

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};

/// What can be searched for at once, and how long each can be.
const MOST_PATTERNS: usize = 1 << 16;
const MOST_EXPRESSIONS: usize = 256;
const LONGEST: usize = 4 << 10;
/// Bytes of what an expression may find, seen from where it begins: a page.
const REACH: usize = 4 << 10;
/// What an expression may be compiled to.
const COMPILED: usize = 8 << 20;

#[derive(Deserialize)]
struct Parameters {
    /// In hexadecimal.
    patterns: Vec<String>,
    /// In the syntax of the crate `regex`, of bytes.
    #[serde(default)]
    expressions: Vec<String>,
}

enum Fixed {
    One(Box<Finder<'static>>),
    Several(AhoCorasick),
}

/// Finds patterns and expressions.
pub struct Matcher {
    fixed: Fixed,
    expressions: Vec<Regex>,
    longest: usize,
    /// Number of the first expression.
    patterns: u32,
}

/// Where something begins, how long it is, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Offset in what was searched.
    pub at: usize,
    /// Which of the patterns, and then of the expressions.
    pub which: u32,
    /// Bytes.
    pub length: usize,
}

/// From where on each expression goes on: behind what it found last.
#[derive(Debug, Default, Clone)]
pub struct Resume(Vec<u64>);

impl Matcher {
    /// Of a request's `patterns`, in hexadecimal, and `expressions`.
    pub fn new(parameters: &Value) -> Result<Self> {
        let Parameters { patterns, expressions } = Parameters::deserialize(parameters)
            .map_err(|error| Error::usage(format!("no patterns to search for: {error}")))?;
        let patterns = patterns.iter().map(|pattern| unhex(pattern)).collect::<Result<Vec<_>>>()?;
        if patterns.len() > MOST_PATTERNS || expressions.len() > MOST_EXPRESSIONS {
            let message = format!("more than {MOST_PATTERNS} patterns or {MOST_EXPRESSIONS} expressions to search for");
            return Err(Error::usage(message));
        }
        let fixed = match patterns.as_slice() {
            [one] => Fixed::One(Box::new(Finder::new(one).into_owned())),
            several => Fixed::Several(
                AhoCorasick::new(several).map_err(|error| Error::usage(format!("cannot be searched for: {error}")))?,
            ),
        };
        Ok(Self {
            fixed,
            expressions: expressions.iter().map(|text| expression(text)).collect::<Result<_>>()?,
            longest: patterns.iter().map(Vec::len).max().unwrap_or(1),
            patterns: patterns.len() as u32,
        })
    }

    /// How many bytes behind its first a hit may have.
    pub fn reach(&self) -> usize {
        (self.longest - 1).max(if self.expressions.is_empty() { 0 } else { REACH - 1 })
    }

    /// Shows what begins in the first `own` of some bytes, by where it begins, until `take` says no. Of patterns those
    /// within one another count too; what an expression finds begins behind what it found before. `start` is where the
    /// bytes begin; what is searched goes on from call to call.
    pub fn find(&self, start: u64, bytes: &[u8], own: usize, resume: &mut Resume, take: impl FnMut(Hit) -> bool) {
        match &self.fixed {
            Fixed::One(finder) if self.expressions.is_empty() => one(finder, bytes, own, take),
            _ => self.several(start, bytes, own, resume, take),
        }
    }

    fn several(&self, start: u64, bytes: &[u8], own: usize, resume: &mut Resume, mut take: impl FnMut(Hit) -> bool) {
        let mut hits = Vec::new();
        // What another scan wants to see behind the block is none of this one's.
        let seen = bytes.get(..bytes.len().min(own + self.longest - 1)).unwrap_or(bytes);
        let mut keep = |hit: Hit| {
            hits.push(hit);
            hits.len() <= MOST_AT_ONCE
        };
        match &self.fixed {
            Fixed::One(finder) => one(finder, seen, own, &mut keep),
            Fixed::Several(search) => {
                let found = search.find_overlapping_iter(seen).filter(|hit| hit.start() < own);
                let found = found.map(|hit| Hit { at: hit.start(), which: hit.pattern().as_u32(), length: hit.len() });
                let _ = found.into_iter().all(&mut keep);
            }
        }
        resume.0.resize(self.expressions.len(), 0);
        for ((number, expression), from) in (self.patterns..).zip(&self.expressions).zip(&mut resume.0) {
            expressed(expression, (number, start), (bytes, own), from, &mut keep);
        }
        hits.sort_unstable();
        let _ = hits.into_iter().all(&mut take);
    }
}

/// Hits of one call: more than one for each byte of a block were made to exhaust memory.
const MOST_AT_ONCE: usize = 1 << 20;

fn one(finder: &Finder, bytes: &[u8], own: usize, mut take: impl FnMut(Hit) -> bool) {
    let length = finder.needle().len();
    let bytes = bytes.get(..bytes.len().min(own + length - 1)).unwrap_or(bytes);
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|rest| finder.find(rest)).map(|at| from + at)
        && at < own
        && take(Hit { at, which: 0, length })
    {
        from = at + 1;
    }
}

fn expressed(
    expression: &Regex,
    (which, start): (u32, u64),
    (bytes, own): (&[u8], usize),
    resume: &mut u64,
    take: &mut impl FnMut(Hit) -> bool,
) {
    let mut from = usize::try_from(resume.saturating_sub(start)).unwrap_or(usize::MAX);
    while from < own
        && let Some(found) = expression.find_at(bytes, from)
        && found.start() < own
    {
        // One that is longer than may be is cut off, wherever the block ends.
        let length = found.len().min(REACH);
        from = found.start() + length.max(1);
        *resume = start.saturating_add(from as u64);
        if length > 0 && !take(Hit { at: found.start(), which, length }) {
            break;
        }
    }
}

fn expression(text: &str) -> Result<Regex> {
    if text.len() > LONGEST {
        return Err(Error::usage(format!("an expression has at most {LONGEST} bytes")));
    }
    let built = RegexBuilder::new(text).unicode(false).size_limit(COMPILED).dfa_size_limit(COMPILED).build();
    built.map_err(|error| Error::usage(format!("cannot be searched for: {}", one_line(&error.to_string()))))
}

/// An error points at the fault in lines of its own.
fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let bytes: Option<Vec<u8>> =
        text.as_bytes().chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect();
    match bytes {
        Some(bytes) if (1..=LONGEST).contains(&bytes.len()) => Ok(bytes),
        Some(_) => Err(Error::usage(format!("a pattern has from 1 to {LONGEST} bytes"))),
        None => Err(Error::usage("a pattern is not in hexadecimal")),
    }
}
