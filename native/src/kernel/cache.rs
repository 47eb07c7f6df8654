//! Symbol tables kept from run to run, one file for each kernel build, and its types in another, which only images need of which
//! pages of the kernel itself are damaged.
//!
//! A file is named after its kernel's banner and where that banner lies from `_text`, so that a look at a few hundred
//! bytes of the image tells which file fits. It is believed only if its checksum holds and what it remembers of the
//! kernel's own tables is what the image has; then it must prove itself like a table that was just decoded.

mod entry;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::banner::Banner;
use super::kernel_range::Anchor;
use crate::image::Image;
pub use entry::{Entry, Mark, Part};

/// Files looked at; more than anyone has kernels for.
const MOST_FILES: usize = 4096;
const LARGEST_FILE: u64 = 64 << 20;
const SYMBOLS: &str = ".symbols";
const TYPES: &str = ".types";

/// A folder of symbol tables.
#[derive(Debug, Clone, Copy)]
pub struct Cache<'a>(pub &'a Path);

impl Cache<'_> {
    /// The table of the kernel that an anchor points into, with the physical address of its `_text`.
    pub fn find(self, image: &Image, anchor: Anchor) -> Option<(Entry, u64)> {
        self.named(image, anchor).find(|(entry, text)| entry.marks.iter().all(|mark| mark.agrees(image, *text)))
    }

    /// Tables of kernels that have the banner which an anchor points to, where the banner lies there.
    pub fn named(self, image: &Image, anchor: Anchor) -> impl Iterator<Item = (Entry, u64)> {
        self.files().into_iter().filter_map(move |(offset, name)| {
            let (banner_at, text) = match anchor {
                Anchor::Text(text) => (text.checked_add(offset)?, text),
                Anchor::Banner(banner) => (banner, banner.checked_sub(offset)?),
                // An entry is known by the banner.
                Anchor::Names(_) => return None,
            };
            let banner = Banner::read(image, banner_at)?;
            (file_name(&banner, offset, SYMBOLS) == name).then(|| Some((self.of(&banner, offset)?, text)))?
        })
    }

    /// The files of tables, each with how far from `_text` its kernel has its banner.
    fn files(self) -> Vec<(u64, String)> {
        let listed = fs::read_dir(self.0).into_iter().flatten().take(MOST_FILES);
        let names = listed.filter_map(|file| file.ok()?.file_name().into_string().ok());
        let mut files: Vec<_> = names.filter_map(|name| Some((banner_offset(&name)?, name))).collect();
        files.sort_unstable();
        files
    }

    /// What was kept of kernels that have their banner so far from `_text`, where it is not known what it says.
    pub fn at(self, offset: u64) -> impl Iterator<Item = Entry> {
        let files = self.files().into_iter().filter(move |(own, _)| *own == offset);
        files.filter_map(move |(_, name)| Entry::decode(read(&self.0.join(name))?))
    }

    /// What was kept of the kernel that has a banner so far from its `_text`, whatever its image has of it.
    pub fn of(self, banner: &Banner, offset: u64) -> Option<Entry> {
        let entry = Entry::decode(read(&self.0.join(file_name(banner, offset, SYMBOLS)))?)?;
        (entry.banner == banner.text()).then_some(entry)
    }

    /// The types (BTF) that were kept of such a kernel. A damaged file is removed, so that the next image makes it anew.
    pub fn types(self, banner: &Banner, offset: u64) -> Option<Vec<u8>> {
        let path = self.0.join(file_name(banner, offset, TYPES));
        let mut bytes = read(&path)?;
        let whole = bytes.split_last_chunk().filter(|(types, digest)| blake3::hash(types) == **digest);
        let Some(length) = whole.map(|(types, _)| types.len()) else {
            // Best effort: what is wrong is nothing all the same.
            let _ = fs::remove_file(&path);
            return None;
        };
        bytes.truncate(length);
        Some(bytes)
    }

    /// Keeps a kernel's types, unless they are kept already.
    pub fn store_types(self, banner: &Banner, offset: u64, types: &[u8]) -> std::io::Result<()> {
        let path = self.0.join(file_name(banner, offset, TYPES));
        let length = types.len() + blake3::OUT_LEN;
        if fs::metadata(&path).is_ok_and(|file| file.len() == length as u64) {
            return Ok(());
        }
        self.keep(&path, &[types, blake3::hash(types).as_bytes()].concat())
    }

    /// Keeps a table.
    pub fn store(self, banner: &Banner, entry: &Entry) -> std::io::Result<()> {
        let offset = entry.table.from_text("linux_banner").unwrap_or_default();
        self.keep(&self.0.join(file_name(banner, offset, SYMBOLS)), &entry.encode())
    }

    /// The file appears whole or not at all.
    fn keep(self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(self.0)?;
        let mut partial = path.as_os_str().to_owned();
        partial.push(format!(".{}.part", std::process::id()));
        let written = write(Path::new(&partial), bytes).and_then(|()| fs::rename(&partial, path));
        if written.is_err() {
            // Best effort: the error that matters is the one being reported.
            let _ = fs::remove_file(&partial);
        }
        written
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    (size <= LARGEST_FILE).then(|| fs::read(path).ok())?
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn file_name(banner: &Banner, offset: u64, suffix: &str) -> String {
    let digest = blake3::hash(banner.text().as_bytes()).to_hex();
    format!("{offset:x}-{}{suffix}", digest.get(..32).unwrap_or_default())
}

fn banner_offset(name: &str) -> Option<u64> {
    let (offset, _) = name.strip_suffix(SYMBOLS)?.split_once('-')?;
    u64::from_str_radix(offset, 16).ok()
}
