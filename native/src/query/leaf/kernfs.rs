//! A kernfs node's path: what a cgroup is called.

use super::Leaf;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::{NAME, PATH, PATH_DEPTH};
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::Reader;

/// The path of a `struct kernfs_node` from its root.
pub struct Kernfs {
    program: Program,
    parent: i64,
    name: i64,
}

impl Kernfs {
    /// `program` ends at the node.
    pub fn compile(scope: Scope, program: Program) -> Compiled<Self> {
        let structure = "struct kernfs_node";
        Ok(Self {
            program,
            parent: scope.offset(structure, &["__parent", "parent"])?,
            name: scope.offset(structure, &["name"])?,
        })
    }
}

impl Leaf for Kernfs {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let word = |at: u64| reader.u64(at).ok_or(Gap::Unreadable(at));
        let mut node = self.program.run(reader, object)?;
        let mut names = Vec::new();
        loop {
            reader.step(node)?;
            let parent = word(node.wrapping_add_signed(self.parent))?;
            if parent == 0 {
                break;
            }
            names.push(word(node.wrapping_add_signed(self.name))?);
            node = parent;
            if names.len() > PATH_DEPTH {
                return Err(Gap::Endless(node));
            }
        }
        let start = out.len();
        if names.is_empty() {
            out.push(b'/');
        }
        for name in names.iter().rev() {
            out.push(b'/');
            // The NUL of a name of the greatest length is one byte further.
            if !reader.append_string(*name, NAME + 1, out).map_err(Gap::Unreadable)? {
                return Err(Gap::Unreadable(*name));
            }
        }
        let whole = out.len() - start <= PATH;
        out.truncate(start + PATH);
        Ok(whole)
    }
}
