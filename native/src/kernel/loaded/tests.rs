//! Modules as every kind of kernel keeps them, and modules that lie.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::kernel::Kernel;
use crate::testing::memory::NOWHERE;
use crate::testing::modules::{AREA, ERAS, Era, Modules};

const ONE: u64 = 0xffff_ffff_c080_0000;
const TWO: u64 = 0xffff_ffff_c090_0000;

/// Two modules.
fn two(era: Era) -> Modules {
    let mut modules = Modules::new(era);
    modules.load(
        b"one",
        ONE,
        &[
            ("__this_module", ONE + 2 * AREA, 'd'),
            ("data_and_code", ONE + 0x100, 'd'),
            ("hook", ONE + 0x100, 't'),
            ("hook_too", ONE + 0x100, 't'),
            (".LC0", ONE + 0x180, 'r'),
            ("", ONE + 0x188, 't'),
            ("shared", ONE + 0x300, 't'),
            ("table", ONE + AREA + 0x10, 'r'),
        ],
    );
    modules.load(b"two", TWO, &[("shared", TWO + 8, 't'), ("own", TWO + 0x20, 't')]);
    modules
}

/// Name, offset and letter.
type Symbol = (String, u64, char);

/// Module and symbol.
fn at(kernel: &Kernel, address: u64) -> Option<(String, Option<Symbol>)> {
    let place = kernel.resolve(address)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let symbol = place.symbol.map(|near| (text(near.name), near.offset, char::from(near.letter)));
    assert!(!place.lost);
    Some((text(place.module.unwrap()), symbol))
}

#[test]
fn an_address_belongs_to_a_modules_nearest_symbol_in_the_same_area() {
    for era in ERAS {
        let kernel = two(era).kernel();
        let expect = |address: u64, module: &str, symbol: Option<(&str, u64, char)>| {
            let symbol = symbol.map(|(name, offset, letter)| (name.to_owned(), offset, letter));
            assert_eq!(at(&kernel, address), Some((module.to_owned(), symbol)), "{era:?} {address:#x}");
        };
        expect(ONE, "one", None);
        expect(ONE + 0x100, "one", Some(("hook", 0, 't')));
        expect(ONE + 0x190, "one", Some(("hook", 0x90, 't')));
        expect(ONE + AREA - 1, "one", Some(("shared", 0xcff, 't')));
        expect(ONE + AREA, "one", None);
        expect(ONE + AREA + 0x18, "one", Some(("table", 8, 'r')));
        expect(ONE + 2 * AREA + 1, "one", Some(("__this_module", 1, 'd')));
        expect(TWO + 0x21, "two", Some(("own", 1, 't')));
        for nothing in [0, ONE - 1, ONE + 3 * AREA, TWO - 1, TWO + 3 * AREA, u64::MAX] {
            assert_eq!(at(&kernel, nothing), None, "{era:?} {nothing:#x}");
        }
        assert_eq!(kernel.loaded().problem(), None, "{era:?}");
    }
}

#[test]
fn names_are_looked_for_in_the_kernel_then_in_modules_by_age() {
    for era in ERAS {
        let kernel = two(era).own("own", 0xffff_ffff_8100_0000).kernel();
        assert_eq!(kernel.symbol_address("own"), Some(0xffff_ffff_8100_0000), "{era:?}");
        assert_eq!(kernel.symbol_address("two:own"), Some(TWO + 0x20));
        assert_eq!(kernel.symbol_address("shared"), Some(ONE + 0x300));
        assert_eq!(kernel.symbol_address("two:shared"), Some(TWO + 8));
        assert_eq!(kernel.symbol_address("one:own"), None);
        assert_eq!(kernel.symbol_address(""), None);
        assert_eq!(kernel.symbols.address("shared"), None, "rules mean the kernel's own");
    }
}

#[test]
fn a_list_that_is_torn_is_told_and_gives_what_lies_before() {
    for era in ERAS {
        for (next, problem) in [(NOWHERE, "cannot be read to its end"), (0, "cannot be read to its end")] {
            let mut modules = two(era);
            let first = u64::from_le_bytes(modules.memory.bytes_at(modules.head, 8).try_into().unwrap());
            modules.memory.put(first, next);
            let kernel = modules.kernel();
            assert_eq!(at(&kernel, TWO + 8).map(|found| found.0).as_deref(), Some("two"), "{era:?}");
            assert_eq!(at(&kernel, ONE + 0x100), None);
            assert!(kernel.loaded().problem().is_some(), "{era:?} {problem}");
        }
        let mut modules = two(era);
        let first = u64::from_le_bytes(modules.memory.bytes_at(modules.head, 8).try_into().unwrap());
        modules.memory.put(first, first);
        assert_eq!(modules.kernel().loaded().problem(), Some("does not come back to its head"));
    }
}

#[test]
fn modules_that_lie_take_no_memory_of_others() {
    for era in ERAS {
        let mut modules = two(era);
        let thief = modules.load(b"thief", TWO + AREA, &[("stolen", ONE, 't')]);
        let kernel = modules.kernel();
        assert_eq!(at(&kernel, TWO + 8).map(|found| found.0).as_deref(), Some("two"), "{era:?}");
        assert_eq!(at(&kernel, TWO + AREA).map(|found| found.0).as_deref(), Some("two"), "{era:?}");
        assert_eq!(kernel.loaded().problem(), Some("has modules that say they lie in the same memory"));
        for (base, size) in [(0x40_0000, 0x1000), (u64::MAX - 0xfff, 0x2000)] {
            modules.area(thief, 0, base, size);
            let kernel = modules.kernel();
            assert_eq!(at(&kernel, base), None, "{era:?}");
            assert!(kernel.loaded().problem().is_some(), "{era:?}");
        }
    }
}

#[test]
fn symbols_that_cannot_be_read_are_told_and_never_guessed() {
    for era in ERAS {
        for (offset, value) in [(0, NOWHERE), (16, NOWHERE), (8, u64::from(u32::MAX))] {
            let mut modules = two(era);
            let third = modules.load(b"three", TWO + 0x10_0000, &[("gone", TWO + 0x10_0010, 't')]);
            let kallsyms = modules.kallsyms(third);
            modules.memory.put(kallsyms + offset, value);
            let kernel = modules.kernel();
            let place = kernel.resolve(TWO + 0x10_0020).unwrap();
            assert_eq!((place.module, place.lost), (Some(&b"three"[..]), true), "{era:?} {offset}");
            assert_eq!(at(&kernel, TWO + 8).map(|found| found.0).as_deref(), Some("two"), "{era:?}");
        }
    }
}
