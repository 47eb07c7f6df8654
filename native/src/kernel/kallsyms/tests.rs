//! Tables written by a small encoder in every order and form, and tables that were damaged.

use proptest::prelude::*;

use super::{Budget, find_all};
use crate::kernel::symbols::TEXT;

/// Where `_text` is in virtual memory.
pub const BASE: u64 = 0xffff_ffff_9e00_0000;

/// No image of a kernel lies below.
const LOWEST: u64 = 0xffff_ffff_8000_0000;

/// Orders of the tables, and forms of the addresses in them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Form {
    BeforeSigned,
    BeforeAbsolute,
    BeforeWide,
    AfterSigned,
    AfterUnsigned,
    AfterPlaceRelative,
}

/// All of them.
impl Form {
    /// Whether marks have eight bytes each, as before 4.20.
    pub fn is_wide(self) -> bool {
        self == Form::BeforeWide
    }
}

pub const FORMS: [Form; 6] = [
    Form::BeforeSigned,
    Form::BeforeAbsolute,
    Form::BeforeWide,
    Form::AfterSigned,
    Form::AfterUnsigned,
    Form::AfterPlaceRelative,
];

/// Symbols as (address, name); per-CPU ones first where the form can hold them.
pub fn symbols(form: Form, count: u64) -> Vec<(u64, String)> {
    let per_cpu = if matches!(form, Form::AfterUnsigned | Form::AfterPlaceRelative) { 0 } else { 10 };
    let name = |number: u64| match number {
        0 => "_text".to_owned(),
        7 => format!("long_{}", "_ZN4core3fmt".repeat(16)),
        _ => format!("do_something_{number}"),
    };
    let cpu = (0..per_cpu).map(|number| (number * 0x1000, format!("cpu_thing_{number}")));
    cpu.chain((0..count).map(|number| (BASE + number * 0x140, name(number)))).collect()
}

/// The letter of a symbol's type.
fn letter(name: &str) -> u8 {
    if name.starts_with("cpu_") { b'A' } else { b'T' }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
}

/// Tokens: printable characters stand for themselves, and the free codes for frequent pieces.
fn tokens() -> Vec<Vec<u8>> {
    let used = |code: u8| code.is_ascii_alphanumeric() || code == b'_';
    let mut pieces = ["Tdo_", "something", "core", "T_", "fmt"].into_iter();
    (0..=255).map(|code: u8| if used(code) { vec![code] } else { pieces.next().unwrap_or_default().into() }).collect()
}

fn compress(name: &str, tokens: &[Vec<u8>]) -> Vec<u8> {
    let mut rest = name.as_bytes();
    let mut codes = Vec::new();
    while !rest.is_empty() {
        let best = (0..=255_u8)
            .filter(|code| {
                tokens.get(usize::from(*code)).is_some_and(|token| !token.is_empty() && rest.starts_with(token))
            })
            .max_by_key(|code| tokens.get(usize::from(*code)).map_or(0, Vec::len));
        let Some(code) = best else { break };
        codes.push(code);
        rest = tokens.get(usize::from(code)).and_then(|token| rest.get(token.len()..)).unwrap_or_default();
    }
    codes
}

fn addresses(form: Form, symbols: &[(u64, String)], at: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, (address, _)) in symbols.iter().enumerate() {
        match form {
            Form::BeforeAbsolute => bytes.extend(address.to_le_bytes()),
            Form::AfterUnsigned => bytes.extend(((address - BASE) as u32).to_le_bytes()),
            Form::AfterPlaceRelative => {
                let distance = (address - BASE) as i64 - (at + number * 4) as i64;
                bytes.extend((distance as i32).to_le_bytes());
            }
            _ if *address < BASE => bytes.extend((*address as u32).to_le_bytes()),
            _ => bytes.extend((-1 - (address - BASE) as i64).to_le_bytes().iter().take(4)),
        }
    }
    pad(&mut bytes);
    if !matches!(form, Form::BeforeAbsolute | Form::AfterPlaceRelative) {
        bytes.extend(BASE.to_le_bytes());
    }
    bytes
}

/// A window that starts with `_text` and holds the tables of these symbols.
pub fn encode(form: Form, symbols: &[(u64, String)]) -> Vec<u8> {
    let tokens = tokens();
    let mut bytes = vec![0xcc; 4096];
    let before = matches!(form, Form::BeforeSigned | Form::BeforeAbsolute | Form::BeforeWide);
    if before {
        bytes.extend(addresses(form, symbols, 0));
    }
    bytes.extend((symbols.len() as u64).to_le_bytes());
    let (mut names, mut markers) = (Vec::new(), Vec::new());
    for (number, (_, name)) in symbols.iter().enumerate() {
        if number % 256 == 0 {
            markers.extend((names.len() as u64).to_le_bytes().iter().take(if form == Form::BeforeWide {
                8
            } else {
                4
            }));
        }
        let codes = compress(&format!("{}{name}", char::from(letter(name))), &tokens);
        if codes.len() > 127 {
            names.push(codes.len() as u8 | 0x80);
            names.push((codes.len() >> 7) as u8);
        } else {
            names.push(codes.len() as u8);
        }
        names.extend(codes);
    }
    for part in [names, markers] {
        bytes.extend(part);
        pad(&mut bytes);
    }
    if form == Form::BeforeSigned {
        bytes.extend(std::iter::repeat_n(7, symbols.len() * 3));
        pad(&mut bytes);
    }
    let start = bytes.len();
    let mut index = Vec::new();
    for token in tokens {
        index.extend(((bytes.len() - start) as u16).to_le_bytes());
        bytes.extend(token);
        bytes.push(0);
    }
    pad(&mut bytes);
    bytes.extend(index);
    if !before {
        bytes.extend(addresses(form, symbols, bytes.len()));
    }
    bytes.extend([0x11; 512]);
    bytes
}

#[test]
fn every_order_and_form_gives_the_symbols_back() {
    for form in FORMS {
        let symbols = symbols(form, 1500);
        let found: Vec<_> = find_all(&encode(form, &symbols), 0, LOWEST, &Budget::default()).collect();
        assert_eq!(found.len(), 1, "{form:?}");
        for kallsyms in found {
            assert_eq!(kallsyms.table.len(), symbols.len(), "{form:?}");
            assert_eq!(kallsyms.text, (form != Form::AfterPlaceRelative).then_some(BASE), "{form:?}");
            for (address, name) in &symbols {
                let expected = if *address < BASE { *address } else { address - BASE + TEXT };
                assert_eq!(kallsyms.table.value(name), Some(expected), "{form:?} {name}");
            }
            let letters: Vec<_> = (0..symbols.len()).filter_map(|number| kallsyms.table.letter(number)).collect();
            let given: Vec<_> = symbols.iter().map(|(_, name)| letter(name)).collect();
            assert_eq!(letters, given, "{form:?}");
        }
    }
}

#[test]
fn a_marker_that_disagrees_rejects_the_names() {
    let symbols = symbols(Form::AfterSigned, 600);
    let mut bytes = encode(Form::AfterSigned, &symbols);
    let marks = find_all(&bytes, 0, LOWEST, &Budget::default()).next().map(|kallsyms| kallsyms.marks.clone());
    // The second of the three markers that the names end with.
    let at = marks.and_then(|[_, names, _]| names.end.checked_sub(8)).unwrap_or_default();
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
    assert_eq!(find_all(&bytes, 0, LOWEST, &Budget::default()).count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn damaged_tables_never_panic(
        form in 0..FORMS.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24),
        cut in any::<prop::sample::Index>(),
    ) {
        let form = FORMS.get(form).copied().unwrap_or(Form::AfterSigned);
        let mut bytes = encode(form, &symbols(form, 400));
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        find_all(&bytes, 0, LOWEST, &Budget::default()).for_each(drop);
        bytes.truncate(cut.index(bytes.len()) + 1);
        find_all(&bytes, 0, LOWEST, &Budget::default()).for_each(drop);
    }
}
