//! Records as far as compilers write such ones: a word that none writes betrays a damaged page.

use std::ops::Range;

use super::super::{Btf, Info, Kind, bad, triple};
use super::PAGE;
use crate::error::Result;

/// Records in a row that are sound by no accident.
const SOUND: usize = 64;
/// Bytes behind a damaged page in which the last record must end that begins in it.
const LONGEST_RECORD: usize = 1 << 18;
/// Gaps of a section that is worth it.
const MOST_GAPS: usize = 256;
/// Words that are looked at before a section is taken for hostile.
const MOST_WORDS: usize = 1 << 28;

/// Records that lie one after another, by their offsets.
pub(super) struct Piece {
    pub offsets: Vec<u32>,
    /// Where the last ends.
    pub end: usize,
    /// Bytes between it and the piece before.
    pub gap: usize,
}

/// Reads records as far as they are sound.
pub(super) struct Reader<'a> {
    btf: &'a Btf,
    bytes: &'a [u8],
    types: Range<usize>,
    strings: u32,
    /// No type has this number.
    end_id: u32,
    words: usize,
}

/// Records from somewhere on, and where the first word is that no compiler writes there.
struct Run {
    offsets: Vec<u32>,
    end: usize,
    fault: Option<usize>,
}

impl<'a> Reader<'a> {
    /// Of a section whose records lie there.
    pub fn new(btf: &'a Btf, types: Range<usize>) -> Self {
        let end_id = (types.len() / 12 + 1) as u32;
        let strings = btf.strings.len() as u32;
        Self { btf, bytes: &btf.bytes, types, strings, end_id, words: MOST_WORDS }
    }

    /// All of them, and how many bytes behind the last are damaged.
    pub fn pieces(mut self, phase: usize) -> Result<(Vec<Piece>, usize)> {
        let mut pieces: Vec<Piece> = Vec::new();
        let (mut at, mut gap) = (self.types.start, 0);
        while pieces.len() < MOST_GAPS && self.words > 0 {
            let Run { mut offsets, mut end, fault } = self.run(at, usize::MAX);
            let Some(fault) = fault else {
                pieces.push(Piece { offsets, end, gap });
                return Ok((pieces, 0));
            };
            let page = ((fault + phase) / PAGE * PAGE).saturating_sub(phase);
            while end > page
                && let Some(last) = offsets.pop()
            {
                end = last as usize;
            }
            pieces.push(Piece { offsets, end, gap });
            let from = (page + PAGE).next_multiple_of(4).max(self.types.start);
            match self.resume(from) {
                Some(next) => (at, gap) = (next, next - end),
                None if self.types.end - end <= LONGEST_RECORD => return Ok((pieces, self.types.end - end)),
                None => return Err(bad("no more of its types are sound")),
            }
        }
        Err(bad("too much of it is damaged"))
    }

    /// Where records are sound again.
    fn resume(&mut self, from: usize) -> Option<usize> {
        let to = self.types.end.min(from + LONGEST_RECORD);
        (from..to).step_by(4).find(|at| {
            let run = self.run(*at, SOUND);
            run.fault.is_none() && (run.offsets.len() == SOUND || run.end == self.types.end)
        })
    }

    fn run(&mut self, from: usize, most: usize) -> Run {
        let mut run = Run { offsets: Vec::new(), end: from, fault: None };
        while run.end < self.types.end && run.offsets.len() < most && run.fault.is_none() {
            match self.length(run.end) {
                Ok(length) => {
                    run.offsets.push(run.end as u32);
                    run.end += length;
                }
                Err(fault) => run.fault = Some(fault),
            }
        }
        run
    }

    /// Bytes of a record, or where the first word of it lies that is wrong (`btf_check_meta` and others in
    /// kernel/bpf/btf.c).
    fn length(&mut self, at: usize) -> std::result::Result<usize, usize> {
        let [name, info, value] = triple(self.bytes, at).ok_or(at)?;
        let info = Info(info);
        let kind = Kind::from_number(info.kind()).ok_or(at + 4)?;
        let length = 12 + self.btf.extra(info).map_err(|_| at + 4)?;
        if length > self.types.end - at {
            return Err(at + 4);
        }
        self.words = self.words.checked_sub(length / 4).ok_or(at)?;
        if name >= self.strings || !is_named(kind, name) {
            return Err(at);
        }
        if !counts(kind, info.count()) {
            return Err(at + 4);
        }
        if kind.refers() && value >= self.end_id || !is_sized(kind, value) {
            return Err(at + 8);
        }
        let rest = self.bytes.get(at + 12..at + length).unwrap_or_default().as_chunks::<4>().0;
        let (once, each) = kind.words();
        let each = once.max(each).max(1);
        let wrong = rest.iter().enumerate().position(|(index, word)| !self.is_word(kind, index % each, *word));
        let misplaced = matches!(kind, Kind::Struct | Kind::Union).then(|| misplaced(info, value, rest)).flatten();
        match wrong.into_iter().chain(misplaced).min() {
            Some(word) => Err(at + 12 + word * 4),
            None => Ok(length),
        }
    }

    /// Whether a word of an entry, or of the fixed ones after the first three, is one that a compiler writes.
    fn is_word(&self, kind: Kind, index: usize, word: [u8; 4]) -> bool {
        let word = u32::from_le_bytes(word);
        let (is_name, is_type) = (word < self.strings, (1..self.end_id).contains(&word));
        match (kind, index) {
            (Kind::Struct | Kind::Union | Kind::Prototype, 0) => is_name,
            (Kind::Enum | Kind::Enum64, 0) => is_name && word != 0,
            (Kind::Struct | Kind::Union, 1) | (Kind::Section | Kind::Array, 0) | (Kind::Array, 1) => is_type,
            // The last parameter of a function that takes any number of them has none.
            (Kind::Prototype, 1) => is_type || word == 0,
            (Kind::Int, _) => word & 0xf000_ff00 == 0 && word & 0xff <= 128,
            (Kind::Variable, _) => word <= 2,
            _ => true,
        }
    }
}

/// The word of the first member that lies before another or behind the end of its struct, or not at the start of its union.
fn misplaced(info: Info, size: u32, members: &[[u8; 4]]) -> Option<usize> {
    let most = if info.kind() == Kind::Union as u32 { 0 } else { u64::from(size) * 8 };
    let places = members.iter().skip(2).step_by(3).map(|word| u32::from_le_bytes(*word));
    let mut last = 0;
    let wrong = places.map(|place| if info.flag() { place & 0xff_ffff } else { place }).position(|place| {
        let before = std::mem::replace(&mut last, place);
        place < before || u64::from(place) > most
    })?;
    Some(wrong * 3 + 2)
}

fn is_named(kind: Kind, name: u32) -> bool {
    use Kind::*;
    match kind {
        Pointer | Const | Volatile | Restrict | Array | Prototype => name == 0,
        Int | Typedef | Forward | Function | Variable | Section | Float | DeclTag | TypeTag => name != 0,
        Struct | Union | Enum | Enum64 | Later => true,
    }
}

fn counts(kind: Kind, count: u32) -> bool {
    count == 0 || kind.words().1 > 0 || kind == Kind::Later || kind == Kind::Function && count <= 2
}

fn is_sized(kind: Kind, value: u32) -> bool {
    match kind {
        Kind::Int | Kind::Float | Kind::Enum | Kind::Enum64 => (1..=16).contains(&value),
        Kind::Array | Kind::Forward => value == 0,
        Kind::Function | Kind::Variable => value != 0,
        _ => true,
    }
}
