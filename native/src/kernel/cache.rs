//! Symbol tables kept from run to run, one file for each kernel build.
//!
//! A file is named after its kernel's banner and where that banner lies from `_text`, so that a look at a few hundred
//! bytes of the image tells which file fits. It is believed only if its checksum holds and what it remembers of the
//! kernel's own tables is what the image has; then it must prove itself like a table that was just decoded.

mod entry;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::banner::Banner;
use super::kernel_range::Anchor;
use crate::image::Image;
pub use entry::{Entry, Mark, Part};

/// Files looked at; more than anyone has kernels for.
const MOST_FILES: usize = 4096;
const LARGEST_FILE: u64 = 64 << 20;
const SUFFIX: &str = ".symbols";

/// A folder of symbol tables.
#[derive(Debug, Clone, Copy)]
pub struct Cache<'a>(pub &'a Path);

impl Cache<'_> {
    /// The table of the kernel that an anchor points into, with the physical address of its `_text`.
    pub fn find(self, image: &Image, anchor: Anchor) -> Option<(Entry, u64)> {
        let mut files: Vec<(u64, String)> = fs::read_dir(self.0)
            .ok()?
            .take(MOST_FILES)
            .filter_map(|file| file.ok()?.file_name().into_string().ok())
            .filter_map(|name| Some((banner_offset(&name)?, name)))
            .collect();
        files.sort_unstable();
        files.into_iter().find_map(|(offset, name)| {
            let (banner_at, text) = match anchor {
                Anchor::Text(text) => (text.checked_add(offset)?, text),
                Anchor::Banner(banner) => (banner, banner.checked_sub(offset)?),
                // An entry is known by the banner.
                Anchor::Names(_) => return None,
            };
            let banner = Banner::read(image, banner_at)?;
            if file_name(&banner, offset) != name {
                return None;
            }
            let entry = Entry::decode(read(&self.0.join(name))?)?;
            let fits = entry.banner == banner.text() && entry.marks.iter().all(|mark| mark.agrees(image, text));
            fits.then_some((entry, text))
        })
    }

    /// Keeps a table. The file appears whole or not at all.
    pub fn store(self, banner: &Banner, entry: &Entry) -> std::io::Result<()> {
        fs::create_dir_all(self.0)?;
        let offset = entry.table.from_text("linux_banner").unwrap_or_default();
        let path = self.0.join(file_name(banner, offset));
        let partial = path.with_extension(format!("{}.part", std::process::id()));
        let written = write(&partial, &entry.encode()).and_then(|()| fs::rename(&partial, &path));
        if written.is_err() {
            // Best effort: the error that matters is the one being reported.
            let _ = fs::remove_file(&partial);
        }
        written
    }
}

fn read(path: &PathBuf) -> Option<Vec<u8>> {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    (size <= LARGEST_FILE).then(|| fs::read(path).ok())?
}

fn write(path: &PathBuf, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn file_name(banner: &Banner, offset: u64) -> String {
    let digest = blake3::hash(banner.text().as_bytes()).to_hex();
    format!("{offset:x}-{}{SUFFIX}", digest.get(..32).unwrap_or_default())
}

fn banner_offset(name: &str) -> Option<u64> {
    let (offset, _) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    u64::from_str_radix(offset, 16).ok()
}
