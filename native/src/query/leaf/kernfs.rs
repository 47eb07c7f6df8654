//! A kernfs node's path: what a cgroup is called.

use super::Leaf;
use super::climb::{climb, cut, path};
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::NAME;
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
        let mut names = Vec::new();
        climb(reader, self.program.run(reader, object)?, |node| {
            let parent = reader.word(node.wrapping_add_signed(self.parent))?;
            if parent == 0 {
                return Ok(None);
            }
            names.push(reader.word(node.wrapping_add_signed(self.name))?);
            Ok(Some(parent))
        })?;
        let start = out.len();
        // The NUL of a name of the greatest length is one byte further.
        path(&names, out, |name, out| match reader.append_string(name, NAME + 1, out) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Gap::Unreadable(name)),
            Err(place) => Err(Gap::Unreadable(place)),
        })?;
        Ok(cut(out, start))
    }
}
