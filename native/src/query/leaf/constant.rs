//! The name that a number has among the constants of an enumeration.

use std::collections::HashMap;

use super::Leaf;
use crate::kernel::types::TypeId;
use crate::query::compile::access::{Access, Named};
use crate::query::compile::scope::{Compiled, Failure, Scope};
use crate::query::program::{Program, Read};
use crate::query::reader::Reader;
use crate::query::spec::Paths;

/// A number, and what its values are called. One that has no name is given in digits.
pub struct ConstantName {
    program: Program,
    signed: bool,
    names: HashMap<u64, String>,
}

impl ConstantName {
    /// `of` says which enumeration: `enum tcp_conntrack`, or a constant of one that has no name. Without it, it is the type
    /// of what is named.
    pub fn compile(scope: Scope, access: Access, of: Option<&Paths>) -> Compiled<Self> {
        let id = match (of, access.named) {
            (Some(of), _) => named(scope, of)?,
            (None, Named::Place { id, .. }) => id,
            (None, _) => return Err(Failure::OtherType("names no enumeration".into())),
        };
        let mut names = HashMap::new();
        for (value, name) in scope.types.constants(id) {
            // Of several constants of one value the first is meant; later ones mark ends and ranges.
            names.entry(value as u64).or_insert(name);
        }
        if names.is_empty() {
            return Err(Failure::OtherType(format!("names a {}, which has no constants", scope.name(id))));
        }
        let access = access.into_number(scope)?;
        Ok(Self { signed: access.is_signed(), program: access.program, names })
    }
}

/// The first of some enumerations that there is.
fn named(scope: Scope, of: &Paths) -> Compiled<TypeId> {
    let found = of.all().iter().find_map(|name| match name.contains("enum ") {
        true => scope.find(name).ok(),
        false => scope.enumeration(name),
    });
    found.ok_or_else(|| Failure::Missing(format!("no enumeration '{}'", of.all().join("' or '"))))
}

impl Leaf for ConstantName {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let value = self.program.run(reader, object)?;
        let start = out.len();
        match self.names.get(&value) {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            None if self.signed => out.extend_from_slice((value as i64).to_string().as_bytes()),
            None => out.extend_from_slice(value.to_string().as_bytes()),
        }
        reader.spend((out.len() - start) as u64, object)?;
        Ok(true)
    }
}
