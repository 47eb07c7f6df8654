//! A dentry's path within its own file system: what /proc/PID/mountinfo shows as a mount's root.

use super::Leaf;
use super::climb::{climb, cut, path};
use super::name_hash::NameHash;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::NAME;
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::Reader;

/// The path of a `struct dentry` from its file system's root.
pub struct Dentry {
    program: Program,
    parent: i64,
    name: Name,
    hash: NameHash,
}

impl Dentry {
    /// `program` ends at the dentry.
    pub fn compile(scope: Scope, program: Program) -> Compiled<Self> {
        let parent = scope.offset("struct dentry", &["d_parent"])?;
        Ok(Self { program, parent, name: Name::compile(scope)?, hash: NameHash::compile(scope)? })
    }
}

impl Leaf for Dentry {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let mut passed = Vec::new();
        climb(reader, self.program.run(reader, object)?, |dentry| {
            let parent = reader.word(dentry.wrapping_add_signed(self.parent))?;
            if parent == dentry {
                return Ok(None);
            }
            if !self.hash.fits(reader, dentry)? {
                return Err(Gap::Contradiction(dentry));
            }
            passed.push(dentry);
            Ok(Some(parent))
        })?;
        let start = out.len();
        path(&passed, out, |dentry, out| self.name.append(reader, dentry, out))?;
        Ok(cut(out, start))
    }
}

/// Where a dentry keeps its name.
pub struct Name {
    text: i64,
    length: i64,
}

impl Name {
    /// Looks the members of `struct dentry` up.
    pub fn compile(scope: Scope) -> Compiled<Self> {
        let at = |member: &str| scope.offset("struct dentry", &[member]);
        Ok(Self { text: at("d_name.name")?, length: at("d_name.len")? })
    }

    /// Appends the name of a dentry.
    pub fn append(&self, reader: &Reader, dentry: u64, out: &mut Vec<u8>) -> Read<()> {
        let length = reader.half(dentry.wrapping_add_signed(self.length))? as usize;
        let text = reader.word(dentry.wrapping_add_signed(self.text))?;
        if length > NAME || reader.append(text, length, out) < length {
            return Err(Gap::Unreadable(dentry));
        }
        Ok(())
    }
}
