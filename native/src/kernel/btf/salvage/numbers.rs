//! The number of each type behind a gap: what refers to types tells which they are.

use std::collections::VecDeque;
use std::ops::Range;

use super::super::{Btf, Info, Kind};
use super::records::Piece;
use super::{NONE, PAGE, SHORTEST_RECORD};
use crate::image::Bytes;
use crate::words::u32_at;

/// Types that are held against what is asked of them, before a section is taken for hostile.
const MOST_STEPS: usize = 1 << 30;
/// By how many references one number of lost types must be better than all others.
const CLEAR: usize = 8;
/// Types behind a gap by which it is told how many are lost in it: the fewer, the less else is wrong with them.
const LOOKED_AT: [usize; 3] = [512, 4_000, 32_000];
/// Types of a page that may be other than what is asked of them, for what asks may be damaged itself.
const MOST_WRONG: usize = 3;

/// What is asked of a type by what refers to it.
const PROTOTYPE: u8 = 1;
const OF_BYTES: u8 = 2;
const TYPE: u8 = 4;
const NAMED_PLACE: u8 = 8;

fn contradicts(asked: u8, kind: u8) -> bool {
    let is = |other: Kind| kind == other as u8;
    let is_place = is(Kind::Function) || is(Kind::Variable);
    let is_no_type = is_place || is(Kind::Section) || is(Kind::DeclTag);
    asked & PROTOTYPE != 0 && !is(Kind::Prototype)
        || asked & OF_BYTES != 0 && (is_no_type || is(Kind::Prototype))
        || asked & TYPE != 0 && is_no_type
        || asked & NAMED_PLACE != 0 && !is_place
}

/// The offset of each type's record, by its number: how many are lost in each gap is told by what refers to those behind it.
/// Where that is not clear, those behind are lost too; of the last of all it is told how many there are at most.
pub(super) fn numbered(btf: &Btf, pieces: Vec<Piece>) -> (Vec<u32>, usize) {
    let asked = asked(btf, &pieces);
    let kind = |offset: &u32| u32_at(&btf.bytes, *offset as usize + 4).map_or(0, |info| Info(info).kind() as u8);
    let mut numbered: Vec<u32> = Vec::new();
    let mut left = VecDeque::from(pieces);
    let (mut passed, mut gap, mut steps) = (0, 0, MOST_STEPS);
    let mut is_first = true;
    while let Some(piece) = left.pop_front() {
        let kinds: Vec<u8> = piece.offsets.iter().map(kind).collect();
        gap += piece.gap;
        let behind = asked.get(numbered.len() + passed + 1..).unwrap_or_default();
        let lost = if std::mem::take(&mut is_first) {
            Some(0)
        } else {
            lost_types(&kinds, behind, gap / SHORTEST_RECORD, &mut steps)
        };
        let Some(lost) = lost else {
            passed += kinds.len();
            continue;
        };
        let behind = behind.get(lost..).unwrap_or_default();
        numbered.resize(numbered.len() + passed + lost, NONE);
        (passed, gap) = (0, 0);
        let Some(wrong) = disagreeing(&piece.offsets, &kinds, behind) else {
            numbered.extend(piece.offsets);
            continue;
        };
        let part = |range: Range<usize>| piece.offsets.get(range).unwrap_or_default();
        numbered.extend(part(0..wrong.start));
        let rest = part(wrong.end.min(piece.offsets.len())..piece.offsets.len());
        let at = |index: usize| piece.offsets.get(index).map_or(piece.end, |offset| *offset as usize);
        left.push_front(Piece { offsets: rest.to_vec(), end: piece.end, gap: at(wrong.end) - at(wrong.start) });
    }
    let left = if passed > 0 { passed + gap / SHORTEST_RECORD } else { 0 };
    (numbered, left)
}

/// The first page of records that are not what is asked of them, from the one that may reach into it on.
fn disagreeing(offsets: &[u32], kinds: &[u8], asked: &[u8]) -> Option<Range<usize>> {
    let page = |index: usize| offsets.get(index).map(|offset| *offset as usize / PAGE);
    let mut at = 0;
    while at < offsets.len() {
        let end = (at..offsets.len()).find(|index| page(*index) != page(at)).unwrap_or(offsets.len());
        let both = kinds.iter().zip(asked).take(end).skip(at);
        let wrong = both.filter(|(kind, asked)| contradicts(**asked, **kind)).count();
        if wrong > MOST_WRONG {
            // The one before may reach into the page, and what comes behind it begin there.
            return Some(at.saturating_sub(1)..end + 1);
        }
        at = end;
    }
    None
}

/// How many types are missing before those of these kinds, so that what is asked of each, by its number, is what it is.
fn lost_types(kinds: &[u8], asked: &[u8], most: usize, steps: &mut usize) -> Option<usize> {
    LOOKED_AT.into_iter().find_map(|types| {
        let kinds = kinds.get(..types.min(kinds.len())).unwrap_or_default();
        *steps = steps.checked_sub(kinds.len() * (most + 1))?;
        let contradictions = |lost: usize| {
            let asked = asked.get(lost..).unwrap_or_default();
            kinds.iter().zip(asked).filter(|(kind, asked)| contradicts(**asked, **kind)).count()
        };
        let mut by: Vec<(usize, usize)> = (0..=most).map(|lost| (contradictions(lost), lost)).collect();
        by.sort_unstable();
        let (least, lost) = *by.first()?;
        let is_clear = by.get(1).is_none_or(|(next, _)| *next >= least * 4 + CLEAR);
        is_clear.then_some(lost)
    })
}

/// What is asked of each number by all records.
fn asked(btf: &Btf, pieces: &[Piece]) -> Vec<u8> {
    let mut asked = Vec::new();
    let mut ask = |id: u32, what: u8| {
        let id = id as usize;
        if id >= asked.len() {
            asked.resize(id + 1, 0);
        }
        if let Some(of) = asked.get_mut(id) {
            *of |= what;
        }
    };
    let all = Btf {
        bytes: Bytes::default(),
        offsets: pieces.iter().flat_map(|piece| piece.offsets.clone()).collect(),
        ..Btf::default()
    };
    for number in 0..all.offsets.len() as u32 {
        let Some(record) = all.record_of(&btf.bytes, number) else { continue };
        match record.kind {
            Kind::Function => ask(record.value, PROTOTYPE),
            Kind::Struct | Kind::Union => record.starts::<12>().for_each(|[_, of]| ask(of, OF_BYTES)),
            Kind::Array => record.starts::<12>().for_each(|[of, _]| ask(of, OF_BYTES)),
            Kind::Section => record.starts::<12>().for_each(|[of, _]| ask(of, NAMED_PLACE)),
            Kind::Prototype => {
                record.starts::<8>().for_each(|[_, of]| ask(of, TYPE));
                ask(record.value, TYPE);
            }
            Kind::DeclTag => {}
            kind if kind.refers() => ask(record.value, TYPE),
            _ => {}
        }
    }
    asked
}
