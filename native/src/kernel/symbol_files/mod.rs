//! Symbols and types from elsewhere: files that an analyst hands in, because the image's own are not there or not believed.
//!
//! Whatever form a file has, its types become a section of BTF and its symbols a table counted from `_text`, so that nothing
//! behind this module knows where they come from. A file is of a kernel if its build id or its banner is that kernel's; one
//! that has neither is held against the image: its addresses by the proof, its types by `fit.rs`.

mod dwarf;
mod elf;
pub mod fit;
mod isf;
mod kept;
pub mod packages;
mod system_map;
mod table;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub use table::Collected;

use super::symbols::Table;
use crate::error::{Error, Result};
use crate::image::open_regular;
use crate::unpack;

/// Plain bytes of what is read as a whole: symbol files of kernels have 30 to 60 MiB.
const LARGEST: u64 = 256 << 20;
/// Real banners stay below 400 bytes.
const LONGEST_BANNER: usize = 1024;
const HEAD: usize = 512;
/// Files of a folder that are looked at, and how deep.
const MOST_FILES: usize = 16384;
const DEEPEST: usize = 6;
/// The folder below the cache folder in which files are looked for where an image lacks its own.
const FOLDER: &str = "symbols";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An intermediate symbol file.
    Isf,
    /// `vmlinux` or what was split off from it.
    Elf,
    /// A copy of /sys/kernel/btf/vmlinux.
    Btf,
    /// `System.map`, or a copy of /proc/kallsyms.
    Map,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Form::Isf => "isf",
            Form::Elf => "elf",
            Form::Btf => "btf",
            Form::Map => "map",
        }
    }
}

/// What a file says of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What the file is.
    pub form: Form,
    /// What the types were told by: `isf`, `dwarf` or `btf`.
    pub types_from: &'static str,
    /// The kernel's banner, without its newline.
    pub banner: Option<String>,
    /// The kernel's build id in hex.
    pub build_id: Option<String>,
    /// Its symbols.
    pub table: Option<Table>,
    /// Its types: a section of BTF.
    pub types: Option<Vec<u8>>,
}

/// A file and what it says.
pub struct SymbolFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub content: Content,
}

impl SymbolFile {
    /// Where symbols come from, for people.
    pub fn symbols_from(&self) -> String {
        format!("{} {}", self.content.form.name(), self.name())
    }

    /// Where types come from, for people.
    pub fn types_from(&self) -> String {
        format!("{} {}", self.content.types_from, self.name())
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Which kernel an image holds, as far as that is known.
#[derive(Debug, Default, Clone, Copy)]
pub struct Identity<'a> {
    /// Its banner.
    pub banner: Option<&'a str>,
    /// Its build id.
    pub build_id: Option<&'a str>,
}

impl Identity<'_> {
    /// Whether a file with this identity may be of the kernel: none where nothing tells.
    fn fits(&self, banner: Option<&str>, build_id: Option<&str>) -> Option<bool> {
        let same = |own: Option<&str>, other: Option<&str>| Some(own?.trim_end() == other?.trim_end());
        same(self.build_id, build_id).or_else(|| same(self.banner, banner))
    }

    fn release(&self) -> Option<&str> {
        self.banner?.split(' ').nth(2)
    }

    fn shown(&self) -> String {
        shown(self.banner, self.build_id)
    }
}

fn shown(banner: Option<&str>, build_id: Option<&str>) -> String {
    match (banner, build_id) {
        (Some(banner), Some(id)) => format!("'{banner}' (build id {id})"),
        (Some(banner), None) => format!("'{banner}'"),
        (None, Some(id)) => format!("build id {id}"),
        (None, None) => "no kernel that it names".to_owned(),
    }
}

/// Which kernel a file says that it is of.
struct Look {
    banner: Option<String>,
    build_id: Option<String>,
    /// All of it, where less would not tell.
    content: Option<Content>,
}

/// Files and folders of symbols and types.
#[derive(Debug, Clone, Copy)]
pub struct SymbolFiles<'a> {
    named: &'a [PathBuf],
    cache: Option<&'a Path>,
}

/// The files of some kernel.
#[derive(Default)]
pub struct Fitting {
    /// Those that are its own, or may be.
    pub files: Vec<SymbolFile>,
    /// Why others that were named are not, a line each.
    pub refused: Vec<String>,
}

impl<'a> SymbolFiles<'a> {
    /// Those that were named; what is made of them is kept in the cache folder.
    pub fn new(named: &'a [PathBuf], cache: Option<&'a Path>) -> Self {
        Self { named, cache }
    }

    /// Whether any were named.
    pub fn are_named(&self) -> bool {
        !self.named.is_empty()
    }

    /// Those of the named files that are of a kernel. A file that cannot be read is an error.
    pub fn named(&self, kernel: Identity) -> Result<Fitting> {
        let mut fitting = Fitting::default();
        for path in self.named {
            if path.is_dir() {
                self.folder(path, kernel, &mut fitting);
            } else {
                self.file(path, kernel, &mut fitting)?;
            }
        }
        Ok(fitting)
    }

    /// Those in the cache folder that are of a kernel.
    pub fn kept(&self, kernel: Identity) -> Fitting {
        let mut fitting = Fitting::default();
        if let Some(folder) = self.cache.map(|cache| cache.join(FOLDER)).filter(|folder| folder.is_dir()) {
            self.folder(&folder, kernel, &mut fitting);
        }
        fitting
    }

    fn file(&self, path: &Path, kernel: Identity, out: &mut Fitting) -> Result<()> {
        let start = format!("{}: ", path.display());
        let about = |mut error: Error| {
            if !error.message.starts_with(&start) {
                error.message.insert_str(0, &start);
            }
            error
        };
        let Look { banner, build_id, content } = self.look(path).map_err(about)?;
        if kernel.fits(banner.as_deref(), build_id.as_deref()) != Some(false) {
            let content = content.map_or_else(|| self.read(path), Ok).map_err(about)?;
            // A file that names its kernel twice may have told it once so far.
            if kernel.fits(content.banner.as_deref(), content.build_id.as_deref()) != Some(false) {
                out.files.push(SymbolFile { path: path.to_owned(), content });
                return Ok(());
            }
        }
        let of = shown(banner.as_deref(), build_id.as_deref());
        out.refused.push(format!("{} is for {of}, and the image's kernel is {}", path.display(), kernel.shown()));
        Ok(())
    }

    /// Looks for a kernel's files in a folder: where debuggers look by build id, then wherever a file's name is one of such
    /// files and it says that it is of that kernel. One that says nothing has to have the release in its name.
    fn folder(&self, folder: &Path, kernel: Identity, out: &mut Fitting) {
        let mut paths: Vec<PathBuf> = Vec::new();
        if let Some((start, rest)) = kernel.build_id.and_then(|id| id.split_at_checked(2)) {
            let file = format!(".build-id/{start}/{rest}.debug");
            let places = ["", "debug", "lib/debug", "usr/lib/debug"].map(|below| folder.join(below).join(&file));
            paths.extend(places.into_iter().filter(|path| path.is_file()).take(1));
        }
        let before = paths.len();
        walk(folder, 0, &mut paths);
        paths.get_mut(before..).unwrap_or_default().sort_unstable();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Ok(Look { banner, build_id, content }) = self.look(&path) else { continue };
            let by_name = || kernel.release().is_some_and(|release| names_release(&name, release));
            let fits = kernel.fits(banner.as_deref(), build_id.as_deref()).unwrap_or_else(by_name);
            let known = out.files.iter().any(|file| file.path == path);
            if fits
                && !known
                && let Ok(content) = content.map_or_else(|| self.read(&path), Ok)
            {
                out.files.push(SymbolFile { path, content });
            }
            let has = |what: fn(&Content) -> bool| out.files.iter().any(|file| what(&file.content));
            if has(|content| content.table.is_some()) && has(|content| content.types.is_some()) {
                return;
            }
        }
    }

    /// What a file says that it is of, read with as little of it as will do.
    fn look(&self, path: &Path) -> Result<Look> {
        let (file, _) = open_regular(path)?;
        let mut head = [0; HEAD];
        let read = file.read_at(&mut head, 0).unwrap_or(0);
        let head = head.get(..read).unwrap_or_default();
        if head.starts_with(b"\x7fELF") {
            let (banner, build_id) = elf::identity(file)?;
            return Ok(Look { banner, build_id, content: None });
        }
        if unpack::is_packed(head) || is_json(head) {
            let content = self.read(path)?;
            let (banner, build_id) = (content.banner.clone(), content.build_id.clone());
            return Ok(Look { banner, build_id, content: Some(content) });
        }
        Ok(Look { banner: None, build_id: None, content: None })
    }

    /// Reads a file, unless what was made of it is kept.
    fn read(&self, path: &Path) -> Result<Content> {
        let kept = match self.cache {
            Some(cache) => Some(kept::path(cache, &unpack::identity(path)?)),
            None => None,
        };
        if let Some(content) = kept.as_deref().and_then(kept::load) {
            return Ok(content);
        }
        let content = parse(path)?;
        if let Some(kept) = kept.filter(|_| matches!(content.form, Form::Isf) || content.types_from == "dwarf") {
            // It is only slower without.
            let _ = kept::store(&kept, &content);
        }
        Ok(content)
    }
}

/// Whether a file's name says that it is of a release: `System.map-6.1.0`, and not `6.1.0-5`.
fn names_release(name: &str, release: &str) -> bool {
    let ends = |rest: &str| rest.is_empty() || rest.starts_with('.');
    name.match_indices(release).any(|(at, _)| {
        let (before, after) = (name.get(..at).unwrap_or_default(), name.get(at + release.len()..).unwrap_or_default());
        ends(after) && !before.ends_with(|c: char| c.is_ascii_digit() || c == '.')
    })
}

/// Files below a folder whose names are such as symbol files have.
fn walk(folder: &Path, depth: usize, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(std::result::Result::ok) {
        if out.len() >= MOST_FILES {
            return;
        }
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        // Links are not followed into folders, which may lead back.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth < DEEPEST && name != ".build-id" {
            walk(&path, depth + 1, out);
        } else if !is_folder && is_symbol_file(&name) && path.is_file() {
            out.push(path);
        }
    }
}

fn is_symbol_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let plain = [".xz", ".gz", ".zst", ".lz4"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let begins = ["vmlinux", "system.map", "kallsyms", "btf"].iter().any(|start| plain.starts_with(start));
    begins || plain.ends_with(".json") || plain.ends_with(".btf") || plain.ends_with(".map")
}

fn is_json(head: &[u8]) -> bool {
    head.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// Reads a file of any form.
pub fn parse(path: &Path) -> Result<Content> {
    let (file, _) = open_regular(path)?;
    let mut head = [0; HEAD];
    let read = file.read_at(&mut head, 0).unwrap_or(0);
    if head.starts_with(b"\x7fELF") {
        return elf::read(file);
    }
    let text = match unpack::is_packed(head.get(..read).unwrap_or_default()) {
        true => unpack::whole_file(path, LARGEST)?,
        false => whole(file)?,
    };
    of_bytes(text)
}

/// What bytes say that are a file's as a whole.
fn of_bytes(text: Vec<u8>) -> Result<Content> {
    let head = text.get(..HEAD.min(text.len())).unwrap_or_default();
    if head.starts_with(&[0x9f, 0xeb, 1]) {
        let nothing =
            Content { form: Form::Btf, types_from: "btf", banner: None, build_id: None, table: None, types: None };
        return Ok(Content { types: Some(text), ..nothing });
    }
    if is_json(head) {
        return isf::parse(&text);
    }
    if system_map::begins(head) {
        let table = system_map::parse(&text)
            .ok_or_else(|| Error::no_symbols("a table of symbols without _text, or damaged"))?;
        return Ok(Content {
            form: Form::Map,
            types_from: "",
            banner: None,
            build_id: None,
            table: Some(table),
            types: None,
        });
    }
    Err(Error::no_symbols(match head.starts_with(b"\x7fELF") {
        true => "an ELF file that is compressed as a whole: unpack it first",
        false => {
            "no file of symbols or types that is known: intermediate symbol files (.json, .json.xz), ELF files with \
                  DWARF or BTF (vmlinux), copies of /sys/kernel/btf/vmlinux and System.map are read"
        }
    }))
}

fn whole(file: File) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut text);
    read.map_err(|error| Error::evidence(format!("cannot be read: {error}")))?;
    match text.len() as u64 > LARGEST {
        true => Err(Error::evidence(format!("larger than {LARGEST} bytes, which no file of symbols is"))),
        false => Ok(text),
    }
}
