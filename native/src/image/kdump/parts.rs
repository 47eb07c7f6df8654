//! The files of one dump: `makedumpfile --split` writes several, each of which has the headers and bitmaps of the whole
//! and the pages between two numbers.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::header::{Header, is_dump};
use super::stored::Stored;
use crate::image::file::open_regular;
use crate::image::source::Source;

/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 4096;
/// Parts of one dump, each of which is kept open.
const MOST_PARTS: usize = 256;

/// One file of a dump.
pub struct Part {
    pub path: PathBuf,
    pub stored: Stored,
    pub header: Header,
}

impl Part {
    /// A file that is a dump, or one of its parts.
    fn open(path: &Path, file: File, size: u64) -> Option<Self> {
        let stored = Stored::plain(&Arc::new(Source::new(file, size)));
        is_dump(&stored.read(0, 8)?).then_some(())?;
        let header = Header::read(&stored).ok()?;
        Some(Self { path: path.to_owned(), stored, header })
    }

    /// The file's name, for a warning.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The other parts of a dump, by name, and why there may be more of them.
#[derive(Default)]
pub struct Others {
    pub parts: Vec<Part>,
    pub problem: Option<String>,
}

impl Others {
    /// Looks in the folder of a part for the others. A copy is a part, another name for the same file is not; a name that
    /// is no text is passed over, for an output could not be held against it.
    pub fn find(path: &Path, header: &Header) -> Self {
        let mut others = Self::default();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Ok(entries) = fs::read_dir(folder) else {
            others.problem = Some("the folder cannot be listed".to_owned());
            return others;
        };
        let entries = entries.take(MOST_ENTRIES + 1).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = entries.collect();
        if names.len() > MOST_ENTRIES {
            names.truncate(MOST_ENTRIES);
            others.problem = Some(format!("only {MOST_ENTRIES} files of the folder were looked at"));
        }
        names.sort();
        let mut known: BTreeSet<(u64, u64)> = identity(path).into_iter().collect();
        for path in names.into_iter().map(|name| path.with_file_name(name)) {
            let Ok((file, facts)) = open_regular(&path) else { continue };
            if known.contains(&(facts.dev(), facts.ino())) {
                continue;
            }
            let part = Part::open(&path, file, facts.len()).filter(|part| part.header.is_of_same(header));
            let Some(part) = part else { continue };
            if others.parts.len() == MOST_PARTS {
                others.problem = Some(format!("only {MOST_PARTS} parts are read"));
                break;
            }
            known.insert((facts.dev(), facts.ino()));
            others.parts.push(part);
        }
        others
    }
}

/// What a file is known by, whatever its name.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|facts| (facts.dev(), facts.ino()))
}

/// The files that are read with a dump: the other parts of one that was split. None where there is no such dump.
pub fn companions(path: &Path) -> Vec<PathBuf> {
    let own = open_regular(path).ok().and_then(|(file, facts)| Part::open(path, file, facts.len()));
    let Some(own) = own.filter(|own| own.header.split.is_some()) else { return Vec::new() };
    Others::find(path, &own.header).parts.into_iter().map(|part| part.path).collect()
}
