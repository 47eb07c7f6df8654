//! The symbol table, wherever it came from.

use std::collections::HashMap;

/// Names and their virtual addresses, as they are in this image (KASLR applied).
#[derive(Debug, Default)]
pub struct Symbols {
    addresses: HashMap<Box<str>, u64>,
}

impl Symbols {
    /// A table of (name, address); of several symbols with one name the first counts.
    pub fn new(symbols: impl IntoIterator<Item = (Box<str>, u64)>) -> Self {
        let mut addresses = HashMap::new();
        for (name, address) in symbols {
            addresses.entry(name).or_insert(address);
        }
        Self { addresses }
    }

    /// The address of a symbol.
    pub fn address(&self, name: &str) -> Option<u64> {
        self.addresses.get(name).copied()
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Whether the table is empty.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }
}
