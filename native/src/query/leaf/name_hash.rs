//! The hash that a dentry keeps of its name, salted with its parent: `full_name_hash` (fs/namei.c), as kernels with
//! `CONFIG_DCACHE_WORD_ACCESS` (x86-64, arm64) make it since 4.8.

use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::NAME;
use crate::query::program::{Gap, Read};
use crate::query::reader::Reader;

/// GOLDEN_RATIO_64 (include/linux/hash.h).
pub const GOLDEN_RATIO: u64 = 0x61c8_8646_80b5_83eb;
/// DCACHE_OP_HASH (include/linux/dcache.h): the file system hashes names its own way.
const OWN_HASH: u32 = 1;

/// Where a dentry keeps name, hash and parent.
pub struct NameHash {
    parent: i64,
    flags: i64,
    name: i64,
    length: i64,
    hash: i64,
    hashed: i64,
    inode: i64,
    number: i64,
}

impl NameHash {
    /// Looks the members of `struct dentry` up.
    pub fn compile(scope: Scope) -> Compiled<Self> {
        let at = |member: &str| scope.offset("struct dentry", &[member]);
        Ok(Self {
            parent: at("d_parent")?,
            flags: at("d_flags")?,
            name: at("d_name.name")?,
            length: at("d_name.len")?,
            hash: at("d_name.hash")?,
            hashed: at("d_hash.pprev")?,
            inode: at("d_inode")?,
            number: scope.offset("struct inode", &["i_ino"])?,
        })
    }

    /// Whether the name of a dentry and its parent are those that its hash was made of.
    pub fn fits(&self, reader: &Reader, dentry: u64) -> Read<bool> {
        let place = |offset: i64| dentry.wrapping_add_signed(offset);
        // Whoever reads a directory leaves a cursor among its children (fs/libfs.c): no name, no inode, in no table.
        if reader.word(place(self.hashed))? == 0 && reader.word(place(self.inode))? == 0 {
            return Ok(true);
        }
        let parent = reader.word(place(self.parent))?;
        // A root's name is hashed without a parent.
        if parent == dentry || reader.half(parent.wrapping_add_signed(self.flags))? & OWN_HASH != 0 {
            return Ok(true);
        }
        let (length, hash) = (reader.half(place(self.length))? as usize, reader.half(place(self.hash))?);
        let mut name = Vec::new();
        let text = reader.word(place(self.name))?;
        if length > NAME {
            return Ok(false);
        }
        if reader.append(text, length, &mut name) < length {
            return Err(Gap::Unreadable(text));
        }
        Ok(name_hash(parent, &name) == hash || (hash == 0 && self.is_unnamed(reader, dentry, &name)?))
    }

    /// Whether a dentry is of a file that was opened without a name (`O_TMPFILE`, and what overlayfs copies up): then it is
    /// in no table and called by its inode's number, which nothing was hashed of (`d_mark_tmpfile`, fs/dcache.c).
    fn is_unnamed(&self, reader: &Reader, dentry: u64, name: &[u8]) -> Read<bool> {
        let Some(digits) = name.strip_prefix(b"#") else { return Ok(false) };
        let word = |offset: i64| reader.word(dentry.wrapping_add_signed(offset));
        let (hashed, inode) = (word(self.hashed)?, word(self.inode)?);
        if hashed != 0 || inode == 0 {
            return Ok(false);
        }
        let number = reader.word(inode.wrapping_add_signed(self.number))?;
        Ok(number.to_string().as_bytes() == digits)
    }
}

/// `full_name_hash(salt, name, len)`.
pub fn name_hash(salt: u64, name: &[u8]) -> u32 {
    let (mut x, mut y) = (0u64, salt);
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        x ^= u64::from_le_bytes(*word);
        y ^= x;
        x = x.rotate_left(12).wrapping_add(y);
        y = y.rotate_left(45).wrapping_mul(9);
    }
    x ^= rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    y ^= x.wrapping_mul(GOLDEN_RATIO);
    (y.wrapping_mul(GOLDEN_RATIO) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::name_hash;

    #[test]
    fn hashes_are_those_that_a_kernel_made() {
        // The root directory and /var of a 6.1 guest, as its dentries have them.
        let (root, var) = (0xffff_8c05_4267_d540, 0xffff_8c05_4267_9b40);
        let made = [
            (root, "ctr", 0x0660_3e4e),
            (root, "selinux", 0x2c3e_d8ec),
            (root, ".dockerenv", 0xc2af_32e0),
            (root, "containerd-shim-runc-v2", 0xce85_9ba4),
            (root, "tmp", 0x3cd7_1f19),
            (var, "tmp", 0x55c0_9a51),
        ];
        for (parent, name, hash) in made {
            assert_eq!(name_hash(parent, name.as_bytes()), hash, "{name}");
        }
    }
}
