//! What lies at an address: the nearest symbol at or below it, and the module whose memory it is in.

use super::Kernel;
use super::loaded::LoadedModules;
use super::symbols::{LOST_LETTER, Symbols, TEXT};

/// What the kernel proper is called among modules. No module can be loaded by that name: /sys/module/kernel is there
/// already, for the parameters of the kernel's own code (`core_param`, `mod_sysfs_init`).
pub const KERNEL: &[u8] = b"kernel";
/// Ends of sections (arch/x86/kernel/vmlinux.lds.S, arch/arm64/kernel/vmlinux.lds.S): what lies behind one belongs to nothing that has a name.
const ENDS: [&[u8]; 11] = [
    b"_etext",
    b"__indirect_thunk_end",
    b"__end_rodata",
    b"_edata",
    b"_einittext",
    b"__inittext_end",
    b"__initdata_end",
    b"__init_end",
    b"__bss_stop",
    b"__brk_limit",
    b"_end",
];
/// How linkers name the bounds of a table.
const MARKERS: [&[u8]; 2] = [b"__start_", b"__stop_"];
/// Symbols of one address among which the best is looked for.
const MOST_ALIASES: usize = 64;
/// Letters of functions' types (nm(1)), weak ones included.
const FUNCTIONS: [u8; 4] = *b"tTwW";

/// What is known of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'k> {
    /// The module whose memory it is in; `None` is the kernel proper.
    pub module: Option<&'k [u8]>,
    /// The symbol at or below it, where one reaches so far.
    pub symbol: Option<Near<'k>>,
    /// Symbols of the module could not be read, so that there may be a nearer one.
    pub lost: bool,
}

/// A symbol and how far behind it an address lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near<'k> {
    /// Its name, as the kernel or a module has it.
    pub name: &'k [u8],
    /// Bytes from the symbol to the address.
    pub offset: u64,
    /// The letter of its type, as /proc/kallsyms has it; modules' are small.
    pub letter: u8,
}

impl Kernel {
    /// What lies at an address; `None` where neither the kernel nor a loaded module has anything.
    pub fn resolve(&self, address: u64) -> Option<Place<'_>> {
        match self.symbols.within(address) {
            true => {
                Some(Place { module: None, symbol: self.symbols.near(address), lost: self.symbols.is_lost(address) })
            }
            false => self.loaded().resolve(address),
        }
    }

    /// The address of a symbol: the kernel's own, else one of a loaded module, which `module:symbol` asks for.
    pub fn symbol_address(&self, name: &str) -> Option<u64> {
        self.symbols.address(name).or_else(|| self.loaded().address(name))
    }

    /// Loaded modules, read when they are first asked for.
    pub fn loaded(&self) -> &LoadedModules {
        self.loaded.get_or_init(|| {
            let load = || Ok(LoadedModules::load(&self.memory, &self.symbols, &self.types));
            self.memory.image().undisturbed(load).unwrap_or_else(|_| LoadedModules::unreadable())
        })
    }
}

impl Symbols {
    /// Whether an address is in the kernel's own image.
    fn within(&self, address: u64) -> bool {
        let table = self.table();
        let last = || table.len().checked_sub(1).and_then(|last| table.value_of(last));
        let end = table.value("_end").or_else(last).unwrap_or(0);
        self.stored(address).is_some_and(|value| (table.value("_text").unwrap_or(TEXT)..end).contains(&value))
    }

    /// The kernel's own symbol that an address belongs to: the nearest at or below it, unless that is a section's end.
    fn near(&self, address: u64) -> Option<Near<'_>> {
        let (table, value) = (self.table(), self.stored(address)?);
        let nearest = table.value_of(table.below(value.checked_add(1)?).checked_sub(1)?)?;
        let first = table.below(nearest);
        let alias = |number: usize| {
            let same = table.value_of(number)? == nearest;
            same.then_some((table.name(number)?, table.letter(number)?))
        };
        let known = (first..).map_while(alias).filter(|(_, letter)| *letter != LOST_LETTER);
        let aliases = known.filter(|(name, _)| !ENDS.contains(name));
        let (name, letter) = preferred(aliases)?;
        Some(Near { name, offset: value - nearest, letter })
    }

    /// Whether nothing more is known of the symbol that an address belongs to.
    fn is_lost(&self, address: u64) -> bool {
        let table = self.table();
        let number = self.stored(address).and_then(|value| table.below(value.checked_add(1)?).checked_sub(1));
        number.and_then(|number| table.letter(number)) == Some(LOST_LETTER)
    }
}

/// Of the symbols of one address the first function, else the first that does not only say where a table begins or ends.
pub fn preferred<'n>(aliases: impl Iterator<Item = (&'n [u8], u8)>) -> Option<(&'n [u8], u8)> {
    let is_marker = |name: &[u8]| MARKERS.iter().any(|start| name.starts_with(start));
    let rank = |(name, letter): &(&[u8], u8)| (!FUNCTIONS.contains(letter), is_marker(name));
    aliases.take(MOST_ALIASES).min_by_key(rank)
}

/// Writes a name of the kernel's or a module's so that it can be told from what stands around it: what no compiler puts
/// into one is written as `\xNN`.
pub fn append_name(name: &[u8], out: &mut Vec<u8>) {
    for byte in name {
        match byte {
            b'+' | b'[' | b']' | b'\\' => out.extend(format!("\\x{byte:02x}").into_bytes()),
            byte if byte.is_ascii_graphic() => out.push(*byte),
            byte => out.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
}

impl Place<'_> {
    /// The module's name; one that took the kernel's has its first letter written as `\xNN`.
    pub fn append_module(&self, out: &mut Vec<u8>) {
        match self.module {
            None => out.extend_from_slice(KERNEL),
            Some([first, rest @ ..]) if self.module == Some(KERNEL) => {
                out.extend(format!("\\x{first:02x}").into_bytes());
                append_name(rest, out);
            }
            Some(name) => append_name(name, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::symbols::Table;

    const BASE: u64 = 0xffff_ffff_9e00_0000;

    /// A kernel of these symbols, at these distances from its text.
    fn symbols(list: &[(u64, &str, char)]) -> Symbols {
        let (mut names, mut ends) = (Vec::new(), Vec::new());
        for (_, name, _) in list {
            names.extend_from_slice(name.as_bytes());
            ends.push(names.len() as u32);
        }
        let values: Vec<u64> = list.iter().map(|(distance, ..)| TEXT + distance).collect();
        let letters: Vec<u8> = list.iter().map(|(.., letter)| *letter as u8).collect();
        Symbols::at(Table::new(names, &ends, &values, &letters).unwrap_or_default(), BASE)
    }

    fn near(symbols: &Symbols, distance: u64) -> Option<(String, u64, char)> {
        let near = symbols.within(BASE + distance).then(|| symbols.near(BASE + distance))??;
        Some((String::from_utf8_lossy(near.name).into_owned(), near.offset, char::from(near.letter)))
    }

    #[test]
    fn an_address_belongs_to_the_nearest_symbol_below_it_up_to_a_sections_end() {
        let symbols = symbols(&[
            (0, "_text", 'T'),
            (0, "startup_64", 'T'),
            (0x100, "__start_table", 'D'),
            (0x100, "do_it", 't'),
            (0x100, "do_it_too", 'T'),
            (0x200, "_etext", 'T'),
            (0x400, "__end_rodata", 'R'),
            (0x400, "__stop_other", 'd'),
            (0x400, "table", 'd'),
            (0x400, "table_too", 'd'),
            (0x500, "weak", 'W'),
            (0x600, "_end", 'B'),
            (0x700, "beyond", 'b'),
        ]);
        let expect = |distance: u64, name: &str, offset: u64, letter: char| {
            assert_eq!(near(&symbols, distance), Some((name.to_owned(), offset, letter)), "{distance:#x}");
        };
        expect(0, "_text", 0, 'T');
        expect(0xff, "_text", 0xff, 'T');
        expect(0x100, "do_it", 0, 't');
        expect(0x1ff, "do_it", 0xff, 't');
        expect(0x4ff, "table", 0xff, 'd');
        expect(0x5ff, "weak", 0xff, 'W');
        for nothing in [0x200, 0x3ff, 0x600, 0x700, 0x7ff_ffff] {
            assert_eq!(near(&symbols, nothing), None, "{nothing:#x}");
        }
        assert!(!symbols.within(0x1000), "no address of the kernel's half");
        assert_eq!(near(&Symbols::default(), 0), None);
    }

    #[test]
    fn names_are_written_so_that_they_end_where_they_end() {
        let mut out = Vec::new();
        append_name(b"tcp_v4_rcv.isra.0$x", &mut out);
        append_name(b" +0x10 [a]\\\xff\n", &mut out);
        assert_eq!(out, b"tcp_v4_rcv.isra.0$x\\x20\\x2b0x10\\x20\\x5ba\\x5d\\x5c\\xff\\x0a");
    }
}
