//! Makes a symbol table of names and addresses that come in any order.

use std::ops::Range;

use crate::kernel::symbols::Table;

/// Names of all symbols: those of a large kernel have 6 MiB.
const MOST_TEXT: usize = 64 << 20;
/// `KSYM_NAME_LEN`.
const LONGEST_NAME: usize = 512;
/// More than any kernel has.
const MOST_SYMBOLS: usize = 1 << 22;
/// What lies at 0 among the data that each CPU has: other symbols there are ones whose address nobody knew.
const AT_ZERO: [&[u8]; 3] = [b"__per_cpu_start", b"fixed_percpu_data", b"irq_stack_union"];

/// Symbols as they are met.
#[derive(Debug, Default)]
pub struct Collected {
    text: Vec<u8>,
    symbols: Vec<Symbol>,
}

#[derive(Debug)]
struct Symbol {
    value: u64,
    name: Range<u32>,
    letter: Option<u8>,
}

impl Collected {
    /// Adds a symbol; `letter` is that of its type (nm(1)), where it is known.
    pub fn add(&mut self, name: &[u8], value: u64, letter: Option<u8>) {
        let room = self.symbols.len() < MOST_SYMBOLS && self.text.len() + name.len() < MOST_TEXT;
        let known = value != 0 || AT_ZERO.contains(&name);
        if !room || !known || name.is_empty() || name.len() > LONGEST_NAME {
            return;
        }
        let start = self.text.len() as u32;
        self.text.extend_from_slice(name);
        self.symbols.push(Symbol { value, name: start..self.text.len() as u32, letter });
    }

    fn name(&self, symbol: &Symbol) -> &[u8] {
        self.text.get(symbol.name.start as usize..symbol.name.end as usize).unwrap_or_default()
    }

    /// The table, counted from `_text`; none where that is not among the symbols.
    pub fn table(mut self) -> Option<Table> {
        let mut symbols = std::mem::take(&mut self.symbols);
        // What has no order of its own gets one, so that every run has the same. Others keep theirs.
        symbols.sort_by_key(|symbol| symbol.value);
        let value = |wanted: &[u8]| {
            let found = symbols.iter().find(|symbol| self.name(symbol) == wanted);
            found.map(|symbol| symbol.value)
        };
        let text = value(b"_text").or_else(|| value(b"_stext"))?;
        let code = text..value(b"_etext").unwrap_or(text);
        let (mut names, mut ends) = (Vec::with_capacity(self.text.len()), Vec::with_capacity(symbols.len()));
        for symbol in &symbols {
            names.extend_from_slice(self.name(symbol));
            ends.push(names.len() as u32);
        }
        let values: Vec<u64> = symbols.iter().map(|symbol| symbol.value).collect();
        let letter = |symbol: &Symbol| symbol.letter.unwrap_or(if code.contains(&symbol.value) { b't' } else { b'd' });
        let letters: Vec<u8> = symbols.iter().map(letter).collect();
        let mut table = Table::new(names, &ends, &values, &letters)?;
        table.rebase(text);
        Some(table)
    }
}
