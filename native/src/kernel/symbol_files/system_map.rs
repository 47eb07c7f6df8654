//! `System.map`, as the kernel's build leaves it, and copies of `/proc/kallsyms`: an address, a letter and a name a line.

use super::table::Collected;
use crate::kernel::symbols::Table;

/// The table of a file; none where its lines are no symbols.
pub fn parse(text: &[u8]) -> Option<Table> {
    let mut symbols = Collected::default();
    for line in text.split(|byte| *byte == b'\n') {
        let Some((value, letter, name)) = fields(line) else {
            // A cut-off last line is no reason to believe none; rubbish before is.
            if line.is_empty() { continue } else { return None }
        };
        // The kernel's own come first in /proc/kallsyms; those of modules and of BPF programs have their name behind.
        if !name.contains(&b'\t') && !name.contains(&b' ') {
            symbols.add(name, value, Some(letter));
        }
    }
    symbols.table()
}

/// Whether a file begins like one.
pub fn begins(head: &[u8]) -> bool {
    head.split(|byte| *byte == b'\n').next().is_some_and(|line| fields(line).is_some())
}

fn fields(line: &[u8]) -> Option<(u64, u8, &[u8])> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (digits, rest) = line.split_first_chunk::<16>()?;
    let value = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    match rest {
        [b' ', letter, b' ', name @ ..] if letter.is_ascii_graphic() && !name.is_empty() => {
            Some((value, *letter, name))
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{begins, parse};

    const MAP: &[u8] = b"0000000000000000 A fixed_percpu_data\n0000000000001000 D cpu_info\nffffffff81000000 T _text\n\
        ffffffff81000000 T startup_64\nffffffff82000100 D linux_banner\n";

    #[test]
    fn lines_are_symbols_counted_from_the_text() {
        let table = parse(MAP).unwrap();
        assert_eq!(table.len(), 5);
        assert_eq!(table.from_text("linux_banner"), Some(0x100_0100));
        assert_eq!(table.value("cpu_info"), Some(0x1000));
        assert_eq!(table.value("fixed_percpu_data"), Some(0));
        assert_eq!((0..5).filter_map(|at| table.letter(at)).collect::<Vec<u8>>(), b"ADTTD");
    }

    #[test]
    fn symbols_of_modules_are_left_out() {
        let map = [MAP, b"ffffffffc0200000 t helper\t[overlay]\n"].concat();
        assert_eq!(parse(&map), parse(MAP));
    }

    #[test]
    fn what_has_no_such_lines_is_none() {
        for text in [b"".as_slice(), b"hello", b"ffffffff81000000 T", b"ffffffff8100000g T _text\n", &[0; 64]] {
            assert_eq!(parse(text), None);
            assert!(!begins(text));
        }
        assert!(parse(b"ffffffff82000100 D linux_banner\n").is_none(), "nothing to count from");
        assert!(begins(MAP));
    }
}
