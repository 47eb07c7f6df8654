//! A dentry's path within its own file system: what /proc/PID/mountinfo shows as a mount's root.

use super::Leaf;
use super::name_hash::NameHash;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::{NAME, PATH, PATH_DEPTH};
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::Reader;

/// The path of a `struct dentry` from its file system's root.
pub struct Dentry {
    program: Program,
    parent: i64,
    name: i64,
    length: i64,
    hash: NameHash,
}

impl Dentry {
    /// `program` ends at the dentry.
    pub fn compile(scope: Scope, program: Program) -> Compiled<Self> {
        let at = |member: &str| scope.offset("struct dentry", &[member]);
        Ok(Self {
            program,
            parent: at("d_parent")?,
            name: at("d_name.name")?,
            length: at("d_name.len")?,
            hash: NameHash::compile(scope)?,
        })
    }
}

impl Leaf for Dentry {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let word = |at: u64| reader.u64(at).ok_or(Gap::Unreadable(at));
        let mut dentry = self.program.run(reader, object)?;
        let mut names = Vec::new();
        loop {
            reader.step(dentry)?;
            let parent = word(dentry.wrapping_add_signed(self.parent))?;
            if parent == dentry {
                break;
            }
            if !self.hash.fits(reader, dentry)? {
                return Err(Gap::Contradiction(dentry));
            }
            names.push(dentry);
            dentry = parent;
            if names.len() > PATH_DEPTH {
                return Err(Gap::Endless(dentry));
            }
        }
        let start = out.len();
        if names.is_empty() {
            out.push(b'/');
        }
        for dentry in names.iter().rev() {
            out.push(b'/');
            let at = dentry.wrapping_add_signed(self.length);
            let length = reader.integer(at, 4).ok_or(Gap::Unreadable(at))? as usize;
            let text = word(dentry.wrapping_add_signed(self.name))?;
            if length > NAME || reader.append(text, length, out) < length {
                return Err(Gap::Unreadable(*dentry));
            }
        }
        let whole = out.len() - start <= PATH;
        out.truncate(start + PATH);
        Ok(whole)
    }
}
