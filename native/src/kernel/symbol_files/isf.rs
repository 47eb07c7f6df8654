//! Intermediate symbol files, version 6 of the JSON that Volatility 3 reads and dwarf2json writes: base types, structs and
//! unions, enumerations and symbols, each by name.
//!
//! Typedefs are not in it but where they name a struct that has no other name. Its objects have no order, so that of
//! constants of one value the first cannot be told.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::table::Collected;
use super::{Content, Form};
use crate::error::{Error, Result};
use crate::kernel::btf::Kind;
use crate::kernel::btf::writer::{Field, Writer};

/// How types without a name are called.
const UNNAMED: &str = "unnamed_";
/// Typedefs that every kernel has (include/linux/types.h, include/asm-generic/int-ll64.h), with what they name.
const TYPEDEFS: [(&str, &[&str]); 9] = [
    ("bool", &["_Bool"]),
    ("u8", &["unsigned char"]),
    ("u16", &["short unsigned int", "unsigned short"]),
    ("u32", &["unsigned int"]),
    ("u64", &["long long unsigned int", "unsigned long long"]),
    ("s8", &["signed char"]),
    ("s16", &["short int", "short"]),
    ("s32", &["int"]),
    ("s64", &["long long int", "long long"]),
];
/// Types in one another: pointers to arrays of pointers.
const MOST_NESTING: u32 = 32;

/// A whole file.
#[derive(Deserialize)]
struct Isf<'a> {
    #[serde(borrow, default)]
    base_types: Pairs<'a, Base<'a>>,
    #[serde(borrow, default)]
    user_types: Pairs<'a, User<'a>>,
    #[serde(borrow, default)]
    enums: Pairs<'a, Enumeration<'a>>,
    #[serde(borrow, default)]
    symbols: Pairs<'a, Symbol<'a>>,
}

#[derive(Deserialize)]
struct Base<'a> {
    size: u32,
    #[serde(default)]
    signed: bool,
    #[serde(borrow)]
    kind: Text<'a>,
}

#[derive(Deserialize)]
struct User<'a> {
    size: i64,
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    fields: Pairs<'a, Member<'a>>,
}

#[derive(Deserialize)]
struct Member<'a> {
    #[serde(borrow, rename = "type")]
    of: Option<Descriptor<'a>>,
    offset: i64,
    #[serde(default)]
    anonymous: bool,
}

#[derive(Deserialize)]
struct Descriptor<'a> {
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    subtype: Option<Box<Descriptor<'a>>>,
    #[serde(borrow, default, rename = "type")]
    of: Option<Box<Descriptor<'a>>>,
    #[serde(default)]
    count: u32,
    #[serde(default)]
    bit_position: u32,
    #[serde(default)]
    bit_length: u8,
}

#[derive(Deserialize)]
struct Enumeration<'a> {
    size: u32,
    #[serde(borrow, default)]
    constants: Pairs<'a, Value>,
}

#[derive(Deserialize)]
struct Symbol<'a> {
    #[serde(default)]
    address: u64,
    #[serde(borrow, default)]
    constant_data: Option<Text<'a>>,
}

/// Text that stays where it is in the file, unless it has escapes.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Borrowed;
        impl<'de> Visitor<'de> for Borrowed {
            type Value = Cow<'de, str>;
            fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
                out.write_str("text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> std::result::Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        from.deserialize_str(Borrowed).map(Self)
    }
}

/// The members of an object in the file's order.
struct Pairs<'a, V>(Vec<(Text<'a>, V)>);

impl<V> Default for Pairs<'_, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de: 'a, 'a, V: Deserialize<'de>> Deserialize<'de> for Pairs<'a, V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Members<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Members<V> {
            type Value = Vec<(Text<'de>, V)>;
            fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Self::Value, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
            fn visit_unit<E>(self) -> std::result::Result<Self::Value, E> {
                Ok(Vec::new())
            }
        }
        Ok(Self(from.deserialize_any(Members(PhantomData))?))
    }
}

/// A constant's value: of an enumeration without a sign it may need all 64 bits.
struct Value(i64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(from)?;
        let value = number.as_i64().or_else(|| number.as_u64().map(|number| number as i64));
        value.map(Self).ok_or_else(|| D::Error::custom("a constant that is no whole number"))
    }
}

/// Reads a file.
pub fn parse(text: &[u8]) -> Result<Content> {
    let isf: Isf = serde_json::from_slice(text)
        .map_err(|error| Error::no_symbols(format!("no intermediate symbol file: {error}")))?;
    let mut symbols = Collected::default();
    for (name, symbol) in &isf.symbols.0 {
        symbols.add(name.0.as_bytes(), symbol.address, None);
    }
    let (banner, types) = (isf.banner(), isf.types());
    Ok(Content { form: Form::Isf, types_from: "isf", banner, build_id: None, table: symbols.table(), types })
}

impl Isf<'_> {
    /// What the file's kernel calls itself.
    fn banner(&self) -> Option<String> {
        let (_, symbol) = self.symbols.0.iter().find(|(name, _)| name.0 == "linux_banner")?;
        let bytes = base64(symbol.constant_data.as_ref()?.0.as_bytes())?;
        let end = memchr::memchr(0, &bytes).unwrap_or(bytes.len());
        let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
        Some(text.trim_end_matches('\n').to_owned())
    }

    fn types(&self) -> Option<Vec<u8>> {
        let mut types = Types { out: Writer::new(), ids: HashMap::new(), bases: HashMap::new() };
        for (name, base) in &self.base_types.0 {
            types.base(&name.0, base);
        }
        for (name, named) in TYPEDEFS {
            if let Some(id) = named.iter().find_map(|named| types.bases.get(named)).copied() {
                let name = types.out.name(name.as_bytes());
                types.out.refer(Kind::Typedef, name, id);
            }
        }
        for (name, user) in &self.user_types.0 {
            let class = if user.kind.0 == "union" { Class::Union } else { Class::Struct };
            let id = types.out.reserve();
            types.ids.insert((class, &name.0), id);
        }
        for (name, enumeration) in &self.enums.0 {
            let id = types.out.reserve();
            types.ids.insert((Class::Enum, &name.0), id);
            types.enumeration(id, &name.0, enumeration);
        }
        for (name, user) in &self.user_types.0 {
            types.user(&name.0, user);
        }
        types.out.finish()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Struct,
    Union,
    Enum,
}

/// Types by what the file calls them.
struct Types<'a> {
    out: Writer,
    ids: HashMap<(Class, &'a str), u32>,
    bases: HashMap<&'a str, u32>,
}

impl<'a> Types<'a> {
    fn base(&mut self, name: &'a str, base: &Base) {
        if name == "void" || name == "pointer" {
            return;
        }
        let text = self.out.name(name.as_bytes());
        let id = match &*base.kind.0 {
            "float" => self.out.float(text, base.size),
            // BTF has characters without a sign (pahole knows DW_ATE_signed alone).
            kind => self.out.int(text, base.size, base.signed && kind == "int"),
        };
        self.bases.insert(name, id);
    }

    /// A name as C has it: that of a type without one is the file's own.
    fn name(&mut self, name: &str) -> u32 {
        if name.starts_with(UNNAMED) { 0 } else { self.out.name(name.as_bytes()) }
    }

    fn enumeration(&mut self, id: u32, name: &str, enumeration: &Enumeration) {
        let name = self.name(name);
        let mut constants: Vec<_> = enumeration.constants.0.iter().map(|(name, value)| (value.0, &*name.0)).collect();
        constants.sort_by_key(|(value, name)| (*value, is_end(name), Reverse(name.len()), *name));
        let constants: Vec<_> =
            constants.into_iter().map(|(value, name)| (self.out.name(name.as_bytes()), value)).collect();
        self.out.enumeration(id, name, enumeration.size, &constants);
    }

    fn user(&mut self, name: &'a str, user: &User<'a>) {
        let class = if user.kind.0 == "union" { Class::Union } else { Class::Struct };
        let Some(id) = self.ids.get(&(class, name)).copied() else { return };
        let mut members: Vec<_> = user.fields.0.iter().collect();
        members.sort_by_key(|(_, member)| member.offset);
        let mut fields = Vec::with_capacity(members.len());
        for (name, member) in members {
            let (Some(of), Ok(offset)) = (&member.of, u64::try_from(member.offset)) else { continue };
            let (of, position, bits) = match (&*of.kind.0, &of.of) {
                ("bitfield", Some(inner)) => (&**inner, u64::from(of.bit_position), Some(of.bit_length)),
                _ => (of, 0, None),
            };
            let name = if member.anonymous { 0 } else { self.out.name(name.0.as_bytes()) };
            let id = self.of(of, 0);
            let bit_offset = offset.saturating_mul(8).saturating_add(position);
            fields.push(Field { name, id, bit_offset, bits });
        }
        let text = self.name(name);
        let bytes = u32::try_from(user.size).unwrap_or(0);
        self.out.structure(id, text, class == Class::Union, bytes, &fields);
        if text != 0 {
            // It may be a typedef that names a struct without a name.
            self.out.refer(Kind::Typedef, text, id);
        }
    }

    /// The type that a member or an element has.
    fn of(&mut self, of: &Descriptor<'a>, depth: u32) -> u32 {
        if depth > MOST_NESTING {
            return 0;
        }
        let name = of.name.as_ref().map_or("", |name| &*name.0);
        match &*of.kind.0 {
            "base" => self.bases.get(name).copied().unwrap_or(0),
            "pointer" => {
                let to = of.subtype.as_ref().map_or(0, |to| self.of(to, depth + 1));
                self.out.refer(Kind::Pointer, 0, to)
            }
            "array" => self.array(of, depth),
            "struct" | "class" => self.named(Class::Struct, name),
            "union" => self.named(Class::Union, name),
            "enum" => self.named(Class::Enum, name),
            "function" => self.out.function(),
            _ => 0,
        }
    }

    /// Dimensions are one in BTF.
    fn array(&mut self, of: &Descriptor<'a>, depth: u32) -> u32 {
        let (mut element, mut count) = (of.subtype.as_deref(), of.count);
        for _ in 0..MOST_NESTING {
            let Some(inner) = element.filter(|inner| inner.kind.0 == "array") else { break };
            count = count.saturating_mul(inner.count);
            element = inner.subtype.as_deref();
        }
        let element = element.map_or(0, |element| self.of(element, depth + 1));
        self.out.array(element, count)
    }

    /// A type by name, or that it is defined elsewhere.
    fn named(&mut self, class: Class, name: &str) -> u32 {
        if let Some(id) = self.ids.get(&(class, name)) {
            return *id;
        }
        let text = self.name(name);
        if text == 0 || class == Class::Enum { 0 } else { self.out.forward(text, class == Class::Union) }
    }
}

/// Whether a constant is one of those that only mark where others end, of which the same value has another name.
fn is_end(name: &str) -> bool {
    let words = ["MAX", "LAST", "NR", "NUM", "COUNT", "MIN", "FIRST", "END"];
    name.starts_with("__") || name.split('_').any(|word| words.contains(&word.to_ascii_uppercase().as_str()))
}

/// The bytes of base64 (RFC 4648) with or without padding.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        Some(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        })
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let digits = text.iter().copied().take_while(|byte| *byte != b'=');
    let (mut word, mut held) = (0_u32, 0);
    for byte in digits {
        word = word << 6 | u32::from(digit(byte)?);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((word >> held) as u8);
        }
    }
    Some(bytes)
}
