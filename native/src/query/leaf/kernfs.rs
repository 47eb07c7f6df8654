//! A kernfs node's path: what a cgroup is called.

use super::Leaf;
use super::climb::{climb, cut, path};
use super::name_hash::GOLDEN_RATIO;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::NAME;
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::Reader;

/// The path of a `struct kernfs_node` from its root.
pub struct Kernfs {
    program: Program,
    parent: i64,
    name: i64,
    hash: i64,
    space: i64,
}

/// INT_MAX: hashes stay below, and leave 0 and 1 to directories themselves.
const MOST: u32 = i32::MAX as u32;

impl Kernfs {
    /// `program` ends at the node.
    pub fn compile(scope: Scope, program: Program) -> Compiled<Self> {
        let structure = "struct kernfs_node";
        Ok(Self {
            program,
            parent: scope.offset(structure, &["__parent", "parent"])?,
            name: scope.offset(structure, &["name"])?,
            hash: scope.offset(structure, &["hash"])?,
            space: scope.offset(structure, &["ns"])?,
        })
    }

    /// Writes a node's name, which must be the one that its hash was made of: a node that was freed leads to a name that is
    /// something else by now.
    fn name(&self, reader: &Reader, node: u64, out: &mut Vec<u8>) -> Read<()> {
        let place = |offset: i64| node.wrapping_add_signed(offset);
        let (name, start) = (reader.word(place(self.name))?, out.len());
        // The NUL of a name of the greatest length is one byte further.
        match reader.append_string(name, NAME + 1, out) {
            Ok(true) => {}
            Ok(false) => return Err(Gap::Unreadable(name)),
            Err(place) => return Err(Gap::Unreadable(place)),
        }
        // What belongs to a namespace has that in its hash, in one way or another.
        if reader.word(place(self.space))? != 0 {
            return Ok(());
        }
        let (hash, text) = (reader.half(place(self.hash))?, out.get(start..).unwrap_or_default());
        // Before 6.2 a `char` was signed, on some processors.
        let fits =
            name_hash(text, |byte| byte.into()) == hash || name_hash(text, |byte| i64::from(byte as i8) as u64) == hash;
        if fits { Ok(()) } else { Err(Gap::Contradiction(node)) }
    }
}

/// `kernfs_name_hash(name, NULL)` (fs/kernfs/dir.c).
fn name_hash(name: &[u8], widen: impl Fn(u8) -> u64) -> u32 {
    let sum = name.iter().fold(0_u64, |sum, &byte| {
        let byte = widen(byte);
        sum.wrapping_add(byte << 4).wrapping_add(byte >> 4).wrapping_mul(11)
    });
    let hash = (sum.wrapping_mul(GOLDEN_RATIO) >> 32) as u32 & MOST;
    if hash < 2 { hash + 2 } else { hash.min(MOST - 1) }
}

impl Leaf for Kernfs {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let mut nodes = Vec::new();
        climb(reader, self.program.run(reader, object)?, |node| {
            let parent = reader.word(node.wrapping_add_signed(self.parent))?;
            if parent == 0 {
                return Ok(None);
            }
            nodes.push(node);
            Ok(Some(parent))
        })?;
        let start = out.len();
        path(&nodes, out, |node, out| self.name(reader, node, out))?;
        Ok(cut(out, start))
    }
}

#[cfg(test)]
mod tests {
    use super::name_hash;

    #[test]
    fn hashes_are_those_that_a_kernel_made() {
        // The directories of a 6.1 guest's cgroups.
        for (name, hash) in [
            ("init.scope", 0x598a_beea),
            ("system.slice", 0x5dd3_b93c),
            ("docker-aeab0dd682f917631e552656668da6bff9f3434bb4ba92fd6671379259dcc281.scope", 0x030c_86dd),
        ] {
            assert_eq!(name_hash(name.as_bytes(), |byte| byte.into()), hash, "{name}");
        }
    }
}
