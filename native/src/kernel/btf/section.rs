//! A section of BTF with what its names mean: types and enumeration constants, indexed when they are asked for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::Btf;
use super::names::{Class, Key, Names, described};

/// Constants that are indexed: kernels have about thirty thousand.
const MOST_CONSTANTS: usize = 1 << 18;

/// The kernel's own section, or a module's.
#[derive(Default)]
pub(crate) struct Section {
    /// The module; empty for the kernel.
    pub name: String,
    pub btf: Btf,
    names: OnceLock<Names>,
    constants: Mutex<Constants>,
}

impl Section {
    pub fn new(name: String, btf: Btf) -> Self {
        Self { name, btf, ..Self::default() }
    }

    /// The fullest type of a name. What is not among the section's own strings is one of `base`.
    pub fn find(&self, class: Class, name: &[u8], base: &Btf) -> Option<u32> {
        let names = self.names.get_or_init(|| Names::of(&self.btf, base));
        names.find(class, name, |id| {
            described(&self.btf, id, base).is_some_and(|(other, text, _)| (other, text) == (class, name))
        })
    }

    /// The value of a constant.
    pub fn constant(&self, name: &[u8], base: &Btf) -> Option<i64> {
        self.place(name, base).map(|(_, value)| value)
    }

    /// The enum that a constant is of.
    pub fn enumeration(&self, name: &[u8], base: &Btf) -> Option<u32> {
        self.place(name, base).map(|(id, _)| id)
    }

    fn place(&self, name: &[u8], base: &Btf) -> Option<(u32, i64)> {
        let mut constants = self.constants.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, index) = constants.find(name, &self.btf, base)?;
        let (text, value) = self.btf.record(id)?.enumerator(index)?;
        (text_of(&self.btf, base, text) == name).then_some((id, value))
    }

    /// Entries that the longest search for a type passes.
    #[cfg(test)]
    pub fn longest_search(&self) -> usize {
        self.names.get().map_or(0, Names::longest)
    }
}

/// Where each constant is: its enum, and which of it. Of several of one name the first counts. They are indexed as far as
/// was searched, for those that are asked for come early, and to index all takes milliseconds.
#[derive(Debug)]
struct Constants {
    key: Key,
    places: HashMap<u64, (u32, u32), BuildHasherDefault<Keyed>>,
    /// Types that were looked through.
    done: u32,
}

impl Default for Constants {
    fn default() -> Self {
        Self { key: Key::new(), places: HashMap::default(), done: 0 }
    }
}

impl Constants {
    fn find(&mut self, name: &[u8], btf: &Btf, base: &Btf) -> Option<(u32, u32)> {
        let hash = self.key.hash(Class::Enum, name);
        loop {
            if let Some(place) = self.places.get(&hash) {
                return Some(*place);
            }
            let mut left = (btf.first_id() + self.done)..btf.end_id();
            let is_enum = |id: &u32| btf.record(*id).is_some_and(|record| record.kind.is_enum());
            let id = left.find(is_enum).filter(|_| self.places.len() < MOST_CONSTANTS);
            self.done = id.map_or(btf.end_id(), |id| id + 1) - btf.first_id();
            self.add(id?, btf, base);
        }
    }

    /// Adds an enum's constants.
    fn add(&mut self, id: u32, btf: &Btf, base: &Btf) {
        let Some(record) = btf.record(id) else { return };
        for index in 0..record.count {
            let Some((text, _)) = record.enumerator(index).filter(|_| self.places.len() < MOST_CONSTANTS) else {
                return;
            };
            let hash = self.key.hash(Class::Enum, text_of(btf, base, text));
            if let Entry::Vacant(place) = self.places.entry(hash) {
                place.insert((id, index));
            }
        }
    }
}

fn text_of<'a>(btf: &'a Btf, base: &'a Btf, offset: u32) -> &'a [u8] {
    btf.string(offset).or_else(|| base.string(offset)).unwrap_or_default()
}

/// What is hashed already, by a key that is drawn anew by each process.
#[derive(Default)]
struct Keyed(u64);

impl Hasher for Keyed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
