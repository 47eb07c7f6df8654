//! kallsyms: the kernel's own symbol table, found by its content in a window of memory.
//!
//! The tables lie close together in read-only data, in one of two orders (`scripts/kallsyms.c`):
//! before 6.4 addresses, relative base, count, names, markers, (sequence numbers,) tokens, token index; from 6.4 on
//! count, names, markers, tokens, token index, addresses, relative base, sequence numbers. Nothing is believed for its
//! place alone: the token index must match the tokens, the markers the names, and addresses must ascend.

mod names;
pub mod salvage;
#[cfg(test)]
pub mod tests;
mod tokens;
mod values;

use std::cell::Cell;
use std::ops::Range;

use super::symbols::Table;
use names::{Expanded, Names};
use tokens::Tokens;
use values::Values;

/// Token tables that are tried in one window: a kernel has one, a page cache with other kernels' images a few.
const MOST_TABLES: usize = 8;

/// A symbol table, with places counted from the window's start.
#[derive(Debug, Clone)]
pub struct Kallsyms {
    /// Names, values and types.
    pub table: Table,
    /// The virtual address of `_text`, where the table tells it.
    pub text: Option<u64>,
    /// All parts that were read.
    pub parts: [Range<usize>; 3],
    /// All of it that every boot of the same build has: an image in which any of that is other was tampered with, and
    /// must neither be read by another image's table nor leave its own to others.
    pub marks: [Range<usize>; 3],
}

/// Steps that the search for tables may take in all of an image: what keeps one that is made to look like nothing but
/// symbol tables from costing hours. The shared images take fewer than half a million.
const MOST_STEPS: usize = 1 << 27;

/// What is left of a search's steps.
#[derive(Debug)]
pub struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(MOST_STEPS))
    }
}

impl Budget {
    /// Takes steps; `None` when there are not enough, and then for good.
    fn spend(&self, steps: usize) -> Option<()> {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.map(|_| ())
    }

    /// Whether the search ended early.
    pub fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// Every symbol table in a window of memory whose tokens do not lie before `from`, in order. No kernel has its image below
/// the address `lowest_image`.
pub fn find_all(window: &[u8], from: usize, lowest_image: u64, budget: &Budget) -> impl Iterator<Item = Kallsyms> {
    let tables = Tokens::find_all(window, from, budget).take(MOST_TABLES);
    tables.filter_map(move |tokens| decode(window, &tokens, lowest_image, budget))
}

fn decode(window: &[u8], tokens: &Tokens, lowest_image: u64, budget: &Budget) -> Option<Kallsyms> {
    let names = Names::before(window, tokens, budget)?;
    let values = Values::of(window, &names, tokens, lowest_image)?;
    let Expanded { text, ends, letters } = names.expand(window, tokens)?;
    let table = Table::new(text, &ends, &values.values, &letters)?;
    let text = text_of(&table)?;
    Some(Kallsyms::of(table, text, values, &names, tokens))
}

fn text_of(table: &Table) -> Option<u64> {
    table.value("_text").or_else(|| table.value("_stext"))
}

impl Kallsyms {
    /// Of its decoded parts, with `_text` at this address.
    fn of(mut table: Table, text: u64, values: Values, names: &Names, tokens: &Tokens) -> Self {
        table.rebase(text);
        let [own, spelled] = [names.count_at..names.markers.end, tokens.start..tokens.end];
        Self {
            table,
            text: values.placed.then_some(text),
            parts: [values.start..values.end, own.clone(), spelled.clone()],
            marks: [values.fixed, own, spelled],
        }
    }
}
