use proptest::prelude::*;

use super::super::tests::{BASE, FORMS, encode, symbols};
use super::{Budget, PAGE, Salvaged, find_all};
use crate::kernel::symbols::{Symbols, TEXT};

const LOWEST: u64 = 0xffff_ffff_8000_0000;
const COUNT: u64 = 16_000;

fn salvage(bytes: &[u8]) -> Option<Salvaged> {
    find_all(bytes, LOWEST, &Budget::default()).next()
}

#[test]
fn of_what_is_whole_nothing_is_lost() {
    for form in FORMS.into_iter().filter(|form| !form.is_wide()) {
        let symbols = symbols(form, COUNT);
        let found = salvage(&encode(form, &symbols));
        assert_eq!(found.map(|found| (found.lost, found.kallsyms.table.len())), Some((0, symbols.len())), "{form:?}");
    }
}

/// Every symbol that is known has the address that it had; says how many are not.
fn holds(bytes: &[u8], symbols: &[(u64, String)]) -> usize {
    let Some(Salvaged { kallsyms, lost }) = salvage(bytes) else { return symbols.len() };
    let found = Symbols::at(kallsyms.table, TEXT);
    let mut known = 0;
    for (address, name) in symbols {
        let placed = if *address < BASE { *address } else { address - BASE + TEXT };
        if let Some(own) = found.address(name) {
            assert_eq!(own, placed, "{name}");
            known += 1;
        }
    }
    assert_eq!(known + lost, symbols.len());
    assert_eq!(found.listing().count(), known);
    lost
}

/// Of which a page is of zeros, or of noise.
fn damaged(whole: &[u8], page: usize, noise: Option<u8>) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let own = bytes.iter_mut().skip(page * PAGE).take(PAGE);
    for (index, byte) in own.enumerate() {
        *byte = noise.map_or(0, |noise| noise.wrapping_mul(index as u8).wrapping_add((index >> 3) as u8));
    }
    bytes
}

/// Each page of each form, with one noise or another: what a table has once, its tokens and marks, is lost with all of it, and
/// of names those beside the page.
#[test]
fn what_is_salvaged_is_what_was_there() {
    for form in FORMS.into_iter().filter(|form| !form.is_wide()) {
        let symbols = symbols(form, COUNT);
        let whole = encode(form, &symbols);
        for page in 0..whole.len() / PAGE {
            for noise in [None, Some(page as u8)] {
                let lost = holds(&damaged(&whole, page, noise), &symbols);
                let is_little = lost < symbols.len() / 7 || lost == symbols.len();
                assert!(is_little, "{form:?}, page {page}, {noise:?}: {lost} are lost");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn hostile_tables_do_not_panic(form in 0..FORMS.len(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        let form = FORMS[form];
        let mut bytes = encode(form, &symbols(form, 9000));
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        find_all(&bytes, LOWEST, &Budget::default()).for_each(drop);
    }
}
