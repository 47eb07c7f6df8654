use proptest::prelude::*;

use super::super::{Btf, LOST};
use super::{Lost, PAGE, parse};

/// Groups of types: a struct, a pointer to it, a function with its prototype, a typedef, and to some a qualifier or an array.
const GROUPS: u32 = 4000;

/// A section as compilers write them. Its kinds have no period, as those of a kernel have none.
fn section() -> Vec<u8> {
    let (mut types, mut text) = (Vec::<u32>::new(), vec![0_u8]);
    let mut name = |of: &str| {
        let at = text.len() as u32;
        text.extend(of.as_bytes());
        text.push(0);
        at
    };
    types.extend([name("int"), 1 << 24, 4, 0x0100_0020]);
    let (mut first, mut structs) = (2, vec![1]);
    for group in 0..GROUPS {
        let other = structs.get(group as usize / 2).copied().unwrap_or(1);
        structs.push(first);
        types.extend([name(&format!("thing_{group}")), 4 << 24 | 3, 24]);
        types.extend([name("number"), 1, 0, name("whose"), first + 1, 64, name("inner"), other, 128]);
        types.extend([0, 2 << 24, first]);
        let parameters = group % 7;
        types.extend([0, 13 << 24 | parameters, 1]);
        (0..parameters).for_each(|number| types.extend([name(&format!("parameter_{number}")), first + 1]));
        types.extend([name(&format!("do_{group}")), 12 << 24 | 1, first + 2]);
        types.extend([name(&format!("thing_{group}_t")), 8 << 24, first]);
        first += 5;
        let odd = group.wrapping_mul(group).wrapping_mul(0x9e37_79b9) >> 28;
        if odd & 1 == 1 {
            types.extend([0, 10 << 24, other]);
            first += 1;
        }
        if odd & 6 == 6 {
            types.extend([0, 3 << 24, 0, other, 1, 8]);
            first += 1;
        }
    }
    let lengths = [types.len() as u32 * 4, text.len() as u32];
    let header = [0x0001_eb9f, 24, 0, lengths[0], lengths[0], lengths[1]];
    let words = header.iter().chain(&types).flat_map(|word| word.to_le_bytes());
    words.chain(text).collect()
}

/// Nothing that is said of a section is other than what was there; says how much is.
fn holds(bytes: Vec<u8>, phase: usize) -> Result<Lost, TestCaseError> {
    let truth = Btf::parse(section().into()).map_err(|error| TestCaseError::fail(error.message))?;
    let (btf, lost) = parse(bytes.into(), phase).map_err(|error| TestCaseError::fail(error.message))?;
    prop_assert!(lost.is_open || btf.end_id() == truth.end_id());
    for id in 1..truth.end_id() {
        let (Some(own), Some(whole)) = (btf.record(id), truth.record(id)) else { continue };
        prop_assert_eq!(format!("{:?}", own), format!("{:?}", whole), "type {}", id);
        prop_assert!(btf.string(own.name) == Some(LOST) || btf.string(own.name) == truth.string(own.name));
    }
    Ok(lost)
}

#[test]
fn of_what_is_whole_nothing_is_lost() {
    assert_eq!(holds(section(), 0).ok(), Some(Lost::default()));
}

#[test]
fn a_page_of_zeros_costs_what_was_on_it() {
    let mut bytes = section();
    bytes.get_mut(5 * PAGE..6 * PAGE).unwrap_or_default().fill(0);
    let lost = holds(bytes, 0).unwrap_or_default();
    assert!((100..260).contains(&lost.types) && lost.name_pages == 0, "{lost:?}");
}

#[test]
fn names_of_another_page_are_none() {
    let mut bytes = section();
    let last = bytes.len() / PAGE;
    let from = (last - 12) * PAGE;
    bytes.copy_within(from..from + PAGE, (last - 4) * PAGE);
    let lost = holds(bytes, 0).unwrap_or_default();
    assert_eq!(lost, Lost { types: 0, name_pages: 1, is_open: false });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_salvaged_is_what_was_there(
        pages in prop::collection::btree_set(1_usize..150, 1..4),
        phase in (0_usize..1024).prop_map(|words| words * 4),
        noise in prop::option::of(any::<u64>()),
    ) {
        let mut bytes = section();
        for page in pages {
            let from = page * PAGE - phase;
            let mut state = noise.unwrap_or(0) | 1;
            for byte in bytes.get_mut(from..from + PAGE).unwrap_or_default() {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                *byte = if noise.is_some() { (state >> 56) as u8 } else { 0 };
            }
        }
        holds(bytes, phase)?;
    }

    #[test]
    fn hostile_sections_neither_panic_nor_last(
        words in prop::collection::vec(any::<u32>(), 0..400),
        lengths in any::<[u16; 4]>(),
    ) {
        let [types, strings, at, phase] = lengths.map(u32::from);
        let header = [0x0001_eb9f, 24, 0, types, at, strings];
        let bytes: Vec<u8> = header.iter().chain(&words).flat_map(|word| word.to_le_bytes()).collect();
        let _ = parse(bytes.into(), phase as usize % PAGE);
    }
}
