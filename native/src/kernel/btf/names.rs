//! Types by name. Of each name only the fullest type is kept, so that a look-up stays short however often hostile types
//! use one name.

use std::hash::{BuildHasher, RandomState};

use super::{Btf, Kind};

/// What a name can be asked for as; the same name may stand for one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    Struct,
    Union,
    Enum,
    /// A typedef or an integer, which C writes without a word before it.
    Plain,
}

impl Class {
    fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Struct => Some(Class::Struct),
            Kind::Union => Some(Class::Union),
            Kind::Enum | Kind::Enum64 => Some(Class::Enum),
            Kind::Typedef | Kind::Int => Some(Class::Plain),
            _ => None,
        }
    }
}

/// The best type of one name.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    id: u32,
    /// Position plus one of the next entry with the same head.
    next: u32,
}

/// A chained hash. Its key is drawn anew by each process, so that no BTF can be made whose names all collide.
#[derive(Debug)]
pub(crate) struct Names {
    key: Key,
    heads: Vec<u32>,
    entries: Vec<Entry>,
}

impl Names {
    /// The names of a section. What is not among its own strings is one of `base`.
    pub fn of(btf: &Btf, base: &Btf) -> Self {
        let most = btf.offsets.len();
        let heads = vec![0; most.next_power_of_two()];
        let mut names = Self { key: Key::new(), heads, entries: Vec::with_capacity(most / 2) };
        for id in btf.first_id()..btf.end_id() {
            names.add(btf, base, id);
        }
        names
    }

    fn add(&mut self, btf: &Btf, base: &Btf, id: u32) {
        let Some((class, name, fullness)) = described(btf, id, base) else { return };
        let hash = self.key.hash(class, name);
        let same = |entry: &Entry| {
            let (other, text, _) = described(btf, entry.id, base)?;
            Some((other, text) == (class, name))
        };
        let known = self.position(hash, |entry| same(entry) == Some(true));
        let head = slot(hash, self.heads.len());
        if let Some(entry) = known.and_then(|position| self.entries.get_mut(position)) {
            if described(btf, entry.id, base).is_none_or(|(.., other)| other < fullness) {
                entry.id = id;
            }
        } else if let Some(head) = self.heads.get_mut(head) {
            let next = std::mem::replace(head, self.entries.len() as u32 + 1);
            self.entries.push(Entry { hash: (hash >> 32) as u32, id, next });
        }
    }

    /// The type of this name; `same` tells whether that of an entry is.
    pub fn find(&self, class: Class, name: &[u8], same: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.key.hash(class, name);
        Some(self.entries.get(self.position(hash, |entry| same(entry.id))?)?.id)
    }

    fn position(&self, hash: u64, same: impl Fn(&Entry) -> bool) -> Option<usize> {
        let mut at = self.heads.get(slot(hash, self.heads.len())).copied().unwrap_or(0);
        while let Some(position) = at.checked_sub(1) {
            let entry = self.entries.get(position as usize)?;
            if entry.hash == (hash >> 32) as u32 && same(entry) {
                return Some(position as usize);
            }
            at = entry.next;
        }
        None
    }

    /// Entries that the longest look-up passes.
    #[cfg(test)]
    pub fn longest(&self) -> usize {
        let length = |head: &u32| {
            std::iter::successors(head.checked_sub(1), |at| self.entries[*at as usize].next.checked_sub(1)).count()
        };
        self.heads.iter().map(length).max().unwrap_or(0)
    }
}

/// Two secrets that words are folded with. SipHash, which is sure for more than a process's lifetime, takes a twentieth of
/// the time that an image is opened in.
#[derive(Debug)]
pub(super) struct Key(u64, u64);

impl Key {
    pub fn new() -> Self {
        let random = RandomState::new();
        Self(random.hash_one(0), random.hash_one(1) | 1)
    }

    pub fn hash(&self, class: Class, name: &[u8]) -> u64 {
        let (words, rest) = name.as_chunks::<8>();
        let start = self.fold(self.0 ^ (class as u64) ^ (name.len() as u64) << 8);
        let hash = words.iter().fold(start, |hash, word| self.fold(hash ^ u64::from_le_bytes(*word)));
        self.fold(hash ^ rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)))
    }

    fn fold(&self, word: u64) -> u64 {
        let product = u128::from(word) * u128::from(self.1);
        product as u64 ^ (product >> 64) as u64
    }
}

/// Which of a power of two of heads.
fn slot(hash: u64, heads: usize) -> usize {
    hash as usize & (heads - 1)
}

/// Class and name of a type, and how much it says: others of its name are what a driver made of it for itself.
pub(crate) fn described<'a>(btf: &'a Btf, id: u32, base: &'a Btf) -> Option<(Class, &'a [u8], (bool, u32))> {
    let record = btf.record(id)?;
    let class = Class::of(record.kind)?;
    let name = btf.string(record.name).or_else(|| base.string(record.name)).filter(|name| !name.is_empty())?;
    Some((class, name, (record.count > 0, record.value)))
}
