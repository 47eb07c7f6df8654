//! `d_path` (fs/d_path.c): the name of a `struct path` across mounts, up to a root.

use super::Leaf;
use super::climb::{climb, cut, path};
use super::dentry::Name;
use super::name_hash::NameHash;
use crate::kernel::types::Shape;
use crate::query::compile::scope::{Compiled, Scope};
use crate::query::limits::NAME;
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
    name: Name,
    hash: NameHash,
}

/// A place in the tree of mounts: a `struct path`, or the two words of one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Path {
    mnt: u64,
    dentry: u64,
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
        let (layout, name, hash) = (Layout::compile(scope)?, Name::compile(scope)?, NameHash::compile(scope)?);
        Ok(Self { program, start, root, layout, name, hash })
    }
}

impl Leaf for DPath {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let at = self.program.run(reader, object)?;
        let names = Names { reader, of: self, layout: &self.layout };
        let place = match self.start {
            Start::Path => names.path(at)?,
            Start::File => names.file(at)?,
            Start::Mount => Path { mnt: at, dentry: names.word(at, self.layout.mnt_root)? },
        };
        if place.mnt == 0 || place.dentry == 0 {
            return Err(Gap::Null);
        }
        // A process without a root is shown against the top of its mounts.
        let root = match self.root.as_ref().map(|root| root.run(reader, object).and_then(|root| names.path(root))) {
            None | Some(Err(Gap::Null)) => Path { mnt: 0, dentry: 0 },
            Some(root) => root?,
        };
        // Where a mount is does not depend on whether what it shows was unlinked (`seq_path_root`).
        let is_mount = matches!(self.start, Start::Mount);
        if !is_mount && names.own_name(place, out)? {
            return Ok(true);
        }
        let start = out.len();
        names.climb(place, root, out)?;
        if !is_mount && names.unlinked(place.dentry)? {
            out.extend_from_slice(b" (deleted)");
        }
        Ok(cut(out, start))
    }
}

struct Names<'r, 'a> {
    reader: &'r Reader<'a>,
    of: &'r DPath,
    layout: &'r Layout,
}

impl Names<'_, '_> {
    fn word(&self, base: u64, offset: i64) -> Read<u64> {
        self.reader.word(base.wrapping_add_signed(offset))
    }

    fn path(&self, path: u64) -> Read<Path> {
        let (mnt, dentry) = (self.word(path, self.layout.path_mnt)?, self.word(path, self.layout.path_dentry)?);
        Ok(Path { mnt, dentry })
    }

    /// The path of an open file. A dentry that was freed and used again has another inode than the file that holds it.
    fn file(&self, file: u64) -> Read<Path> {
        let path = self.path(file.wrapping_add_signed(self.layout.file_path))?;
        let dentry = path.dentry;
        if dentry != 0 && self.word(file, self.layout.file_inode)? != self.word(dentry, self.layout.inode)? {
            // Before 4.19 a file on overlayfs had the inode of the layer that it lies on.
            if self.filesystem(dentry)? != *b"overlay" {
                return Err(Gap::Contradiction(file));
            }
        }
        Ok(path)
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
    fn climb(&self, from: Path, root: Path, out: &mut Vec<u8>) -> Read<()> {
        let layout = self.layout;
        let mut passed = Vec::new();
        let mut mnt = from.mnt;
        climb(self.reader, from.dentry, |dentry| {
            if (Path { mnt, dentry }) == root {
                return Ok(None);
            }
            let parent = self.word(dentry, layout.parent)?;
            if dentry == self.word(mnt, layout.mnt_root)? {
                let mount = mnt.wrapping_add_signed(-layout.mount_mnt);
                let above = self.word(mount, layout.mount_parent)?;
                if above == mount {
                    return Ok(None);
                }
                mnt = above.wrapping_add_signed(layout.mount_mnt);
                return self.word(mount, layout.mount_mountpoint).map(Some);
            }
            if parent == dentry {
                // Outside of its mount: the kernel shows nothing of such a name.
                passed.clear();
                return Ok(None);
            }
            if !self.of.hash.fits(self.reader, dentry)? {
                return Err(Gap::Contradiction(dentry));
            }
            passed.push(dentry);
            Ok(Some(parent))
        })?;
        path(&passed, out, |dentry, out| self.name(dentry, out))
    }

    fn name(&self, dentry: u64, out: &mut Vec<u8>) -> Read<()> {
        self.of.name.append(self.reader, dentry, out)
    }

    fn unlinked(&self, dentry: u64) -> Read<bool> {
        Ok(self.word(dentry, self.layout.hashed)? == 0 && self.word(dentry, self.layout.parent)? != dentry)
    }

    fn string(&self, pointer: u64, out: &mut Vec<u8>) -> Read<()> {
        self.reader.append_string(pointer, NAME, out).map(|_| ()).map_err(Gap::Unreadable)
    }

    /// File systems that are never mounted name their files themselves (`d_dname`): sockets, pipes, memory files.
    fn own_name(&self, Path { mnt, dentry }: Path, out: &mut Vec<u8>) -> Read<bool> {
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
