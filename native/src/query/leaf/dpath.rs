//! `d_path` (fs/d_path.c): the name of a `struct path` across mounts, up to a root.

use super::Leaf;
use super::name_hash::NameHash;
use crate::kernel::types::Shape;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::{NAME, PATH, PATH_DEPTH};
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::Reader;

/// What the program of a [`DPath`] ends at.
#[derive(Clone, Copy)]
pub enum Start {
    /// A `struct path`.
    Path,
    /// A `struct vfsmount`, which stands for its own root.
    Mount,
    /// A `struct file`, whose inode must be that of its path.
    File,
}

/// The path of a `struct path`, relative to another one where that is on the way.
pub struct DPath {
    program: Program,
    start: Start,
    root: Option<Program>,
    layout: Layout,
    hash: NameHash,
}

/// Where the structs concerned keep what is needed.
struct Layout {
    file_path: i64,
    file_inode: i64,
    path_mnt: i64,
    path_dentry: i64,
    mount_mnt: i64,
    mount_parent: i64,
    mount_mountpoint: i64,
    mnt_root: i64,
    parent: i64,
    name: i64,
    name_length: i64,
    hashed: i64,
    operations: i64,
    dname: i64,
    inode: i64,
    fsdata: i64,
    number: i64,
    private: i64,
    dentry_superblock: i64,
    superblock: i64,
    filesystem: i64,
    filesystem_name: i64,
    namespace_name: i64,
    /// `ns_common.ops`, where the inode leads to the namespace (from 6.9); before, the dentry led to the operations.
    namespace_ops: Option<i64>,
}

impl Layout {
    fn compile(scope: Scope) -> Compiled<Self> {
        let at = |structure: &str, member: &str| scope.offset(structure, &[member]);
        let types = scope.types;
        let stashed = types.find("struct ns_common").and_then(|common| types.member(common, "stashed"));
        let by_inode = stashed.is_some_and(|member| matches!(scope.shape(member.id), Shape::Pointer(_)));
        Ok(Self {
            file_path: scope.offset("struct file", &["f_path", "__f_path"])?,
            file_inode: at("struct file", "f_inode")?,
            path_mnt: at("struct path", "mnt")?,
            path_dentry: at("struct path", "dentry")?,
            mount_mnt: at("struct mount", "mnt")?,
            mount_parent: at("struct mount", "mnt_parent")?,
            mount_mountpoint: at("struct mount", "mnt_mountpoint")?,
            mnt_root: at("struct vfsmount", "mnt_root")?,
            parent: at("struct dentry", "d_parent")?,
            name: at("struct dentry", "d_name.name")?,
            name_length: at("struct dentry", "d_name.len")?,
            hashed: at("struct dentry", "d_hash.pprev")?,
            operations: at("struct dentry", "d_op")?,
            dname: at("struct dentry_operations", "d_dname")?,
            inode: at("struct dentry", "d_inode")?,
            fsdata: at("struct dentry", "d_fsdata")?,
            number: at("struct inode", "i_ino")?,
            private: at("struct inode", "i_private")?,
            dentry_superblock: at("struct dentry", "d_sb")?,
            superblock: at("struct inode", "i_sb")?,
            filesystem: at("struct super_block", "s_type")?,
            filesystem_name: at("struct file_system_type", "name")?,
            namespace_name: at("struct proc_ns_operations", "name")?,
            namespace_ops: if by_inode { Some(at("struct ns_common", "ops")?) } else { None },
        })
    }
}

impl DPath {
    /// `program` ends at what `start` says, `root` at a `struct path`.
    pub fn compile(scope: Scope, program: Program, start: Start, root: Option<Program>) -> Compiled<Self> {
        Ok(Self { program, start, root, layout: Layout::compile(scope)?, hash: NameHash::compile(scope)? })
    }
}

impl Leaf for DPath {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let at = self.program.run(reader, object)?;
        let names = Names { reader, layout: &self.layout, hash: &self.hash };
        let (mnt, dentry) = match self.start {
            Start::Path => names.path(at)?,
            Start::File => names.file(at)?,
            Start::Mount => (at, names.word(at, self.layout.mnt_root)?),
        };
        if mnt == 0 || dentry == 0 {
            return Err(Gap::Null);
        }
        // A process without a root is shown against the top of its mounts.
        let root = match self.root.as_ref().map(|root| root.run(reader, object).and_then(|root| names.path(root))) {
            None | Some(Err(Gap::Null)) => (0, 0),
            Some(root) => root?,
        };
        if names.own_name(mnt, dentry, out)? {
            return Ok(true);
        }
        let start = out.len();
        names.climb((mnt, dentry), root, out)?;
        if names.unlinked(dentry)? {
            out.extend_from_slice(b" (deleted)");
        }
        let whole = out.len() - start <= PATH;
        out.truncate(start + PATH);
        Ok(whole)
    }
}

struct Names<'r, 'a> {
    reader: &'r Reader<'a>,
    layout: &'r Layout,
    hash: &'r NameHash,
}

impl Names<'_, '_> {
    fn word(&self, base: u64, offset: i64) -> Read<u64> {
        let at = base.wrapping_add_signed(offset);
        self.reader.u64(at).ok_or(Gap::Unreadable(at))
    }

    fn path(&self, path: u64) -> Read<(u64, u64)> {
        Ok((self.word(path, self.layout.path_mnt)?, self.word(path, self.layout.path_dentry)?))
    }

    /// The path of an open file. A dentry that was freed and used again has another inode than the file that holds it.
    fn file(&self, file: u64) -> Read<(u64, u64)> {
        let (mnt, dentry) = self.path(file.wrapping_add_signed(self.layout.file_path))?;
        if dentry != 0 && self.word(file, self.layout.file_inode)? != self.word(dentry, self.layout.inode)? {
            // Before 4.19 a file on overlayfs had the inode of the layer that it lies on.
            if self.filesystem(dentry)? != *b"overlay" {
                return Err(Gap::Contradiction(file));
            }
        }
        Ok((mnt, dentry))
    }

    /// The name of a dentry's file system.
    fn filesystem(&self, dentry: u64) -> Read<Vec<u8>> {
        let layout = self.layout;
        let filesystem = self.word(self.word(dentry, layout.dentry_superblock)?, layout.filesystem)?;
        let mut name = Vec::new();
        self.string(self.word(filesystem, layout.filesystem_name)?, &mut name)?;
        Ok(name)
    }

    /// `__prepend_path`: up to the root, or to the top where the root is not on the way.
    fn climb(&self, (mut mnt, mut dentry): (u64, u64), root: (u64, u64), out: &mut Vec<u8>) -> Read<()> {
        let layout = self.layout;
        let mut names = Vec::new();
        let mut steps = 0;
        while (mnt, dentry) != root {
            steps += 1;
            self.reader.step(dentry)?;
            if steps > PATH_DEPTH {
                return Err(Gap::Endless(dentry));
            }
            let parent = self.word(dentry, layout.parent)?;
            if dentry == self.word(mnt, layout.mnt_root)? {
                let mount = mnt.wrapping_add_signed(-layout.mount_mnt);
                let above = self.word(mount, layout.mount_parent)?;
                if above == mount {
                    break;
                }
                dentry = self.word(mount, layout.mount_mountpoint)?;
                mnt = above.wrapping_add_signed(layout.mount_mnt);
            } else if parent == dentry {
                // Outside of its mount: the kernel shows nothing of such a name.
                names.clear();
                break;
            } else {
                if !self.hash.fits(self.reader, dentry)? {
                    return Err(Gap::Contradiction(dentry));
                }
                names.push(dentry);
                dentry = parent;
            }
        }
        if names.is_empty() {
            out.push(b'/');
        }
        for dentry in names.iter().rev() {
            out.push(b'/');
            self.name(*dentry, out)?;
        }
        Ok(())
    }

    fn name(&self, dentry: u64, out: &mut Vec<u8>) -> Read<()> {
        let at = dentry.wrapping_add_signed(self.layout.name_length);
        let length = self.reader.integer(at, 4).ok_or(Gap::Unreadable(at))? as usize;
        let text = self.word(dentry, self.layout.name)?;
        if length > NAME || self.reader.append(text, length, out) < length {
            return Err(Gap::Unreadable(dentry));
        }
        Ok(())
    }

    fn unlinked(&self, dentry: u64) -> Read<bool> {
        Ok(self.word(dentry, self.layout.hashed)? == 0 && self.word(dentry, self.layout.parent)? != dentry)
    }

    fn string(&self, pointer: u64, out: &mut Vec<u8>) -> Read<()> {
        self.reader.append_string(pointer, NAME, out).map(|_| ()).map_err(Gap::Unreadable)
    }

    /// File systems that are never mounted name their files themselves (`d_dname`): sockets, pipes, memory files.
    fn own_name(&self, mnt: u64, dentry: u64, out: &mut Vec<u8>) -> Read<bool> {
        let layout = self.layout;
        let operations = self.word(dentry, layout.operations)?;
        if operations == 0 || self.word(operations, layout.dname)? == 0 {
            return Ok(false);
        }
        if self.word(dentry, layout.parent)? == dentry && self.word(mnt, layout.mnt_root)? == dentry {
            return Ok(false);
        }
        let inode = self.word(dentry, layout.inode)?;
        if inode == 0 {
            return Ok(false);
        }
        let filesystem = self.word(self.word(inode, layout.superblock)?, layout.filesystem)?;
        let mut kind = Vec::new();
        self.string(self.word(filesystem, layout.filesystem_name)?, &mut kind)?;
        let numbered = |out: &mut Vec<u8>| -> Read<()> {
            out.extend_from_slice(format!(":[{}]", self.word(inode, layout.number)?).as_bytes());
            Ok(())
        };
        match kind.as_slice() {
            b"sockfs" => {
                out.extend_from_slice(b"socket");
                numbered(out)?;
            }
            b"pipefs" => {
                out.extend_from_slice(b"pipe");
                numbered(out)?;
            }
            b"nsfs" => {
                let operations = match layout.namespace_ops {
                    Some(offset) => self.word(self.word(inode, layout.private)?, offset)?,
                    None => self.word(dentry, layout.fsdata)?,
                };
                self.string(self.word(operations, layout.namespace_name)?, out)?;
                numbered(out)?;
            }
            b"anon_inodefs" => {
                out.extend_from_slice(b"anon_inode:");
                self.name(dentry, out)?;
            }
            b"pidfs" => out.extend_from_slice(b"anon_inode:[pidfd]"),
            b"dmabuf" => out.extend_from_slice(b"/dmabuf:"),
            _ => {
                out.push(b'/');
                self.name(dentry, out)?;
                out.extend_from_slice(b" (deleted)");
            }
        }
        Ok(true)
    }
}
