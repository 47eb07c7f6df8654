//! The symbol table, wherever it came from.
//!
//! A kernel has up to 200,000 symbols, and a run needs a few dozen of them: names stay in one block, found through an
//! index of hashes in order. That form is also what the cache keeps, so that a cached table is ready when it is read.

/// Where `_text` lies in the stored values, whatever the image's own place: a table then is the same for every boot. Any
/// address of the kernel's half would do, of any architecture; cache files have this one.
pub const TEXT: u64 = 0xffff_ffff_8100_0000;
/// Values with the top bit set lie in the kernel's half of the address space and move with it; others are absolute.
const MOVES: u64 = 1 << 63;
/// The letter of a symbol of which no more is known than that there is one: its name is empty.
pub const LOST_LETTER: u8 = 0;
/// An index entry is a hash above this many bits of symbol number.
const NUMBER_BITS: u32 = 24;
/// Bytes of a symbol beside its name: its end, its value, its index entry, its type's letter.
const PER_SYMBOL: usize = 4 + 8 + 8 + 1;

/// Names and values of a kernel build, before they are tied to the place where an image has it. One block holds it all:
/// the names one after another; where each ends (u32); values as if `_text` were at [`TEXT`] (u64); hashes of the names
/// in order, each with the number of its symbol (u64); the letters of their types (u8).
#[derive(Debug, Default, Clone)]
pub struct Table {
    bytes: Vec<u8>,
    /// Where the table starts in `bytes`.
    start: usize,
    names: usize,
    count: usize,
}

impl Table {
    /// Indexes names and values. `None` where there are more symbols or text than a kernel can have.
    pub fn new(names: Vec<u8>, ends: &[u32], values: &[u64], letters: &[u8]) -> Option<Self> {
        let equal = ends.len() == values.len() && ends.len() == letters.len();
        if ends.len() >= 1 << NUMBER_BITS || !equal || u32::try_from(names.len()).is_err() {
            return None;
        }
        let mut index = Vec::with_capacity(ends.len());
        let mut start = 0;
        for (number, end) in ends.iter().enumerate() {
            let name = names.get(start as usize..*end as usize)?;
            index.push(hash(name) << NUMBER_BITS | number as u64);
            start = *end;
        }
        index.sort_unstable();
        let (names, mut bytes) = (names.len(), names);
        bytes.reserve_exact(ends.len() * PER_SYMBOL);
        bytes.extend(ends.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend(values.iter().chain(&index).flat_map(|word| word.to_le_bytes()));
        bytes.extend(letters);
        Some(Self { bytes, start: 0, names, count: ends.len() })
    }

    /// The table in `bytes` from `start` to `end`, of which so many bytes are names.
    pub fn within(bytes: Vec<u8>, start: usize, end: usize, names: usize) -> Option<Self> {
        let words = bytes.get(start..end)?.len().checked_sub(names)?;
        let count = words / PER_SYMBOL;
        (words % PER_SYMBOL == 0 && count < 1 << NUMBER_BITS).then_some(Self { bytes, start, names, count })
    }

    /// Stores values as if `_text`, which they have at `text`, were at [`TEXT`]. Per-CPU offsets stay as they are: only
    /// addresses of the kernel's half move with it.
    pub fn rebase(&mut self, text: u64) {
        let at = self.start + self.names + self.count * 4;
        let values = self.bytes.get_mut(at..at + self.count * 8).unwrap_or_default();
        for word in values.as_chunks_mut().0 {
            let value = u64::from_le_bytes(*word);
            if value & MOVES != 0 {
                *word = value.wrapping_sub(text).wrapping_add(TEXT).to_le_bytes();
            }
        }
    }

    /// How many symbols there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.count
    }

    /// How many bytes names take.
    pub fn names_length(&self) -> usize {
        self.names
    }

    /// The whole block.
    pub fn block(&self) -> &[u8] {
        self.part(0, self.names + self.count * PER_SYMBOL)
    }

    fn part(&self, at: usize, length: usize) -> &[u8] {
        self.bytes.get(self.start + at..self.start + at + length).unwrap_or_default()
    }

    fn end(&self, number: usize) -> Option<usize> {
        let ends = self.part(self.names, self.count * 4).as_chunks().0;
        Some(u32::from_le_bytes(*ends.get(number)?) as usize)
    }

    fn words(&self, at: usize) -> &[[u8; 8]] {
        self.part(self.names + self.count * at, self.count * 8).as_chunks().0
    }

    /// A symbol's value by number.
    pub fn value_of(&self, number: usize) -> Option<u64> {
        self.words(4).get(number).map(|word| u64::from_le_bytes(*word))
    }

    /// The letter of its type, as /proc/kallsyms has it.
    pub fn letter(&self, number: usize) -> Option<u8> {
        self.part(self.names + self.count * 20, self.count).get(number).copied()
    }

    /// How many symbols have values below this one, where they are in the order of values, as a kernel's are.
    pub fn below(&self, value: u64) -> usize {
        self.words(4).partition_point(|word| u64::from_le_bytes(*word) < value)
    }

    /// A symbol's name by number.
    pub fn name(&self, number: usize) -> Option<&[u8]> {
        let start = number.checked_sub(1).map_or(Some(0), |before| self.end(before))?;
        self.part(0, self.names).get(start..self.end(number)?)
    }

    /// The value of the first symbol with this name.
    pub fn value(&self, name: &str) -> Option<u64> {
        self.named(name.as_bytes()).next().and_then(|number| self.value_of(number))
    }

    /// Numbers of the symbols with this name, the first of them first.
    fn named(&self, name: &[u8]) -> impl Iterator<Item = usize> {
        let wanted = hash(name) << NUMBER_BITS;
        let index = self.words(12);
        let from = index.partition_point(|entry| u64::from_le_bytes(*entry) < wanted);
        let entries = index.get(from..).unwrap_or_default().iter().map(|entry| u64::from_le_bytes(*entry));
        let numbers = entries
            .take_while(move |entry| entry >> NUMBER_BITS == wanted >> NUMBER_BITS)
            .map(|entry| (entry & ((1 << NUMBER_BITS) - 1)) as usize);
        numbers.filter(move |number| self.name(*number) == Some(name))
    }

    /// What another table of the same build says otherwise, in words: of names that each has once, and that are not only the
    /// bounds of something.
    pub fn difference(&self, other: &Table) -> Option<String> {
        let only = |table: &Table, name: &[u8]| {
            let mut numbers = table.named(name);
            let number = numbers.next()?;
            numbers.next().is_none().then(|| table.value_of(number)).flatten()
        };
        let (mut known, mut different, mut first) = (0_usize, 0_usize, None);
        for number in 0..self.len() {
            let Some(name) = self.name(number) else { continue };
            let (Some(own), Some(value)) = (only(self, name), only(other, name)) else { continue };
            known += 1;
            if own != value {
                different += 1;
                first.get_or_insert((name, own, value));
            }
        }
        let (name, own, value) = first?;
        let name = String::from_utf8_lossy(name);
        let distance = i128::from(own) - i128::from(value);
        Some(format!("{different} of {known} symbols, {name} by {distance} bytes"))
    }

    /// Whether another table has every symbol of this one of which the name is known, each under its number.
    pub fn is_part_of(&self, other: &Table) -> bool {
        let is_there = |number: usize| {
            self.letter(number) == Some(LOST_LETTER)
                || (self.name(number), self.value_of(number)) == (other.name(number), other.value_of(number))
        };
        self.len() == other.len() && (0..self.len()).all(is_there)
    }

    /// How far a symbol lies from `_text`; `None` for absolute ones.
    pub fn from_text(&self, name: &str) -> Option<u64> {
        self.value(name).filter(|value| value & MOVES != 0).map(|value| value.wrapping_sub(TEXT))
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names && self.block() == other.block()
    }
}

impl Eq for Table {}

/// A hash that takes eight bytes a step; its low bits fit above a symbol's number. Names that collide by design only
/// cost a longer look: entries are sorted, never chained.
fn hash(name: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: u64| (state.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = name.as_chunks::<8>();
    let state = words.iter().fold(name.len() as u64, |state, word| mix(state, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    mix(mix(state, last), 0) >> NUMBER_BITS
}

/// Names and their virtual addresses, as they are in this image (KASLR applied).
#[derive(Debug, Default)]
pub struct Symbols {
    table: Table,
    slide: u64,
}

impl Symbols {
    /// A table of functions by (name, address), in that order; of several symbols with one name the first counts.
    pub fn new<Name: AsRef<str>>(symbols: impl IntoIterator<Item = (Name, u64)>) -> Self {
        let (mut names, mut ends, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (name, address) in symbols {
            names.extend_from_slice(name.as_ref().as_bytes());
            ends.push(names.len() as u32);
            values.push(address);
        }
        let letters = vec![b't'; ends.len()];
        Self { table: Table::new(names, &ends, &values, &letters).unwrap_or_default(), slide: 0 }
    }

    /// A build's table in a kernel whose `_text` is at this virtual address.
    pub fn at(table: Table, text: u64) -> Self {
        Self { table, slide: text.wrapping_sub(TEXT) }
    }

    /// These symbols and those of another table of the same kernel that have other names, in the order of their addresses.
    pub fn with(&self, other: &Symbols) -> Option<Self> {
        let new = other.listing().filter(|(_, name, _)| self.table.named(name).next().is_none());
        let mut all: Vec<_> = self.all().chain(new).collect();
        all.sort_by_key(|(address, ..)| *address);
        let (mut names, mut ends) = (Vec::new(), Vec::new());
        for (_, name, _) in &all {
            names.extend_from_slice(name);
            ends.push(names.len() as u32);
        }
        let values: Vec<u64> = all.iter().map(|(address, ..)| self.stored(*address).unwrap_or(*address)).collect();
        let letters: Vec<u8> = all.iter().map(|(.., letter)| *letter).collect();
        Some(Self { table: Table::new(names, &ends, &values, &letters)?, slide: self.slide })
    }

    /// The build's table, for the cache.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The address of a symbol.
    pub fn address(&self, name: &str) -> Option<u64> {
        self.table.value(name).map(|value| self.placed(value))
    }

    /// A stored value in this image.
    fn placed(&self, value: u64) -> u64 {
        if value & MOVES == 0 { value } else { value.wrapping_add(self.slide) }
    }

    /// An address as values are stored; `None` where none can be that of the kernel's own.
    pub fn stored(&self, address: u64) -> Option<u64> {
        (address & MOVES != 0).then(|| address.wrapping_sub(self.slide)).filter(|value| value & MOVES != 0)
    }

    /// Every symbol that is known in the order of the kernel's table: address, name and the letter of its type.
    pub fn listing(&self) -> impl Iterator<Item = (u64, &[u8], u8)> {
        self.all().filter(|(.., letter)| *letter != LOST_LETTER)
    }

    fn all(&self) -> impl Iterator<Item = (u64, &[u8], u8)> {
        let symbol =
            |number| Some((self.table.value_of(number)?, self.table.name(number)?, self.table.letter(number)?));
        (0..self.len()).map_while(symbol).map(|(value, name, letter)| (self.placed(value), name, letter))
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether the table is empty.
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{Symbols, TEXT, Table};

    #[test]
    fn the_first_of_equal_names_counts() {
        let symbols = Symbols::new([("a", 1), ("b", 2), ("a", 3), ("", 4)]);
        assert_eq!(symbols.address("a"), Some(1));
        assert_eq!(symbols.address("b"), Some(2));
        assert_eq!(symbols.address(""), Some(4));
        assert_eq!(symbols.address("c"), None);
        assert_eq!(symbols.len(), 4);
    }

    #[test]
    fn kernel_addresses_move_and_absolute_ones_stay() {
        let table = Table::new(b"percputext".to_vec(), &[6, 10], &[0x2000, TEXT], b"At");
        let symbols = Symbols::at(table.unwrap_or_default(), 0xffff_ffff_9e00_0000);
        assert_eq!(symbols.address("percpu"), Some(0x2000));
        assert_eq!(symbols.address("text"), Some(0xffff_ffff_9e00_0000));
    }

    #[test]
    fn what_two_tables_have_is_one_table_and_the_first_counts() {
        let text = 0xffff_ffff_9e00_0000;
        let own = Table::new(b"_textfirst".to_vec(), &[5, 10], &[TEXT, TEXT + 0x500], b"Td").unwrap_or_default();
        let other = Table::new(b"_textfnfirst".to_vec(), &[5, 7, 12], &[TEXT, TEXT + 0x100, TEXT + 0x900], b"Ttt");
        let (own, other) = (Symbols::at(own, text), Symbols::at(other.unwrap_or_default(), text));
        let both = own.with(&other).unwrap_or_default();
        let listed: Vec<_> = both.listing().collect();
        assert_eq!(listed, [(text, &b"_text"[..], b'T'), (text + 0x100, b"fn", b't'), (text + 0x500, b"first", b'd')]);
        assert_eq!((both.address("fn"), both.address("first")), (Some(text + 0x100), Some(text + 0x500)));
    }

    #[test]
    fn many_names_are_all_found() {
        let name = |number: u64| format!("symbol_{}_{number}", "x".repeat((number % 40) as usize));
        let symbols = Symbols::new((0..20_000).map(|number| (name(number), number)));
        assert!((0..20_000).all(|number| symbols.address(&name(number)) == Some(number)));
    }

    #[test]
    fn ends_past_the_names_make_no_table() {
        assert_eq!(Table::new(b"abc".to_vec(), &[2, 9], &[0, 0], b"tt"), None);
        assert_eq!(Table::new(b"abc".to_vec(), &[2, 1], &[0, 0], b"tt"), None);
    }
}
