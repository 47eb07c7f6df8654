//! What an image is packed in, told by how it begins: streams one in the other, and archives, of which one member is the image.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::SMALLEST;
use super::qcow2::{self, SavedState};
use super::zstandard::Zstandard;
use crate::error::{Error, Result};
use crate::image::{open_regular, packed_stream};

/// Bytes that tell what something is.
pub const HEAD: usize = 512;
/// Layers within each other: a tool makes two.
const MOST: usize = 4;
/// Members of an archive that are looked at.
const MOST_MEMBERS: usize = 4096;
/// Names are of the image; what no file needs in its name becomes `_`.
const LONGEST_NAME: usize = 100;
/// What images are called, where their content does not tell.
const ENDINGS: [&str; 12] = ["raw", "mem", "lime", "avml", "elf", "core", "dmp", "vmem", "img", "bin", "dd", "vmcore"];
/// Endings of packed files, which the image loses.
const PACKED_ENDINGS: [&str; 9] = ["gz", "tgz", "xz", "zst", "lz4", "tar", "zip", "gzip", "qcow2"];

type Stream<'a> = Box<dyn Read + 'a>;

/// A way of packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A guest that libvirt saved, packed behind a header.
    Libvirt,
    /// A disk in which a guest's memory was saved.
    Qcow2,
    Gzip,
    Xz,
    Zstandard,
    Lz4,
    Tar,
    Zip,
}

const KINDS: [(Kind, usize, &[u8], &str); 6] = [
    (Kind::Gzip, 0, b"\x1f\x8b\x08", "compressed with gzip"),
    (Kind::Xz, 0, b"\xfd7zXZ\0", "compressed with xz"),
    (Kind::Zstandard, 0, b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (Kind::Lz4, 0, b"\x04\x22\x4d\x18", "compressed with lz4"),
    (Kind::Tar, 257, b"ustar", "in a tar archive"),
    (Kind::Zip, 0, b"PK\x03\x04", "in a ZIP archive"),
];

/// How something that begins like this is packed.
pub fn kind(head: &[u8]) -> Option<Kind> {
    if packed_stream(head).is_some() {
        return Some(Kind::Libvirt);
    }
    if qcow2::has_snapshots(head) {
        return Some(Kind::Qcow2);
    }
    let begins = |at: usize, start: &[u8]| head.get(at..).is_some_and(|head| head.starts_with(start));
    KINDS.iter().find(|(_, at, start, _)| begins(*at, start)).map(|(kind, ..)| *kind)
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Libvirt => "saved by libvirt and compressed",
        Kind::Qcow2 => "saved in a disk of QEMU (qcow2)",
        _ => KINDS.iter().find(|(known, ..)| *known == kind).map_or("", |(_, _, _, words)| words),
    }
}

/// Takes a stream of plain bytes, and what tells how many were read of how many in the file.
type Taker<'a> = &'a mut dyn FnMut(&mut dyn Read, &dyn Fn() -> u64, u64) -> Result<(u64, Option<String>)>;

/// A packed file.
pub struct Layers {
    file: File,
    size: u64,
    kind: Kind,
    /// A name for the image.
    pub name: String,
    /// How it is packed, in words.
    pub what: &'static str,
}

impl Layers {
    /// Opens a file; none where it is not packed.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let (file, facts) = open_regular(path)?;
        let mut head = vec![0; HEAD];
        let read = file.read_at(&mut head, 0).unwrap_or(0);
        let name = plain_name(&path.file_name().unwrap_or_default().to_string_lossy());
        let kind = kind(head.get(..read).unwrap_or_default());
        Ok(kind.map(|kind| Self { file, size: facts.len(), kind, name, what: words(kind) }))
    }

    /// Hands over the image's bytes.
    pub fn read(self, take: Taker) -> Result<(u64, Option<String>)> {
        let count = Arc::new(AtomicU64::new(0));
        let counted = Counted { file: self.file, count: Arc::clone(&count) };
        let read = || count.load(Ordering::Relaxed);
        let mut take = |plain: &mut dyn Read| take(plain, &read, self.size);
        if self.kind == Kind::Zip {
            return zip_member(counted, &mut |member| peel(Box::new(member), 1, &mut take));
        }
        if self.kind == Kind::Qcow2 {
            return take(&mut SavedState::open(counted)?);
        }
        peel(Box::new(BufReader::new(counted)), 0, &mut take)
    }
}

type Plain<'a> = &'a mut dyn FnMut(&mut dyn Read) -> Result<(u64, Option<String>)>;

/// Takes layers off a stream until there are none.
fn peel(stream: Stream, depth: usize, take: Plain) -> Result<(u64, Option<String>)> {
    let (head, rest) = beginning(stream);
    let packed = kind(&head);
    let behind = packed_stream(&head).unwrap_or_default();
    let mut stream: Stream = Box::new(Cursor::new(head).chain(rest));
    match packed {
        None => take(&mut stream),
        Some(_) if depth == MOST => Err(Error::evidence(format!("packed more than {MOST} times"))),
        Some(Kind::Libvirt) => {
            let skipped = io::copy(&mut (&mut stream).take(behind), &mut io::sink());
            skipped.map_err(|error| Error::evidence(format!("its header cannot be read: {error}")))?;
            peel(stream, depth + 1, take)
        }
        Some(Kind::Gzip) => peel(Box::new(flate2::read::MultiGzDecoder::new(stream)), depth + 1, take),
        Some(Kind::Xz) => peel(Box::new(lzma_rust2::XzReader::new(stream, true)), depth + 1, take),
        Some(Kind::Zstandard) => peel(Box::new(Zstandard::new(stream)), depth + 1, take),
        Some(Kind::Lz4) => peel(Box::new(lz4_flex::frame::FrameDecoder::new(stream)), depth + 1, take),
        Some(Kind::Tar) => tar_member(stream, &mut |member| peel(Box::new(member), depth + 1, take)),
        Some(Kind::Zip) => Err(Error::evidence("a ZIP archive inside of another file: unpack the outer one first")),
        Some(Kind::Qcow2) => Err(Error::evidence("a disk inside of another file: unpack the outer one first")),
    }
}

/// How a stream begins, and its rest. A decoder that failed is not asked again.
fn beginning(mut stream: Stream) -> (Vec<u8>, Stream) {
    let mut head = Vec::new();
    match (&mut stream).take(HEAD as u64).read_to_end(&mut head) {
        Ok(_) => (head, stream),
        Err(error) => (head, Box::new(Failed(Some(error)))),
    }
}

/// A stream that ends with an error.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// A stream that has to have so many bytes more.
struct Exactly<R>(R, u64);

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(out)?;
        self.1 = self.1.saturating_sub(read as u64);
        if read == 0 && !out.is_empty() && self.1 > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends inside of it"));
        }
        Ok(read)
    }
}

/// The first member of a tar archive that is an image.
fn tar_member(stream: Stream, take: Plain) -> Result<(u64, Option<String>)> {
    let mut archive = tar::Archive::new(stream);
    // The library quotes the field that it cannot read, whatever stands in it.
    let damaged = |error: io::Error| {
        let why = error.to_string().escape_debug().to_string();
        Error::evidence(format!("the tar archive is damaged: {why}"))
    };
    for entry in archive.entries().map_err(damaged)?.take(MOST_MEMBERS) {
        let entry = entry.map_err(damaged)?;
        let name = entry.path_bytes().into_owned();
        let size = entry.size();
        if entry.header().entry_type().is_file() {
            let (head, rest) = beginning(Box::new(Exactly(entry, size)));
            if is_image(&String::from_utf8_lossy(&name), &head, size) {
                return take(&mut Cursor::new(head).chain(rest));
            }
        }
    }
    Err(Error::evidence("no memory image is in the tar archive"))
}

/// The same of a ZIP archive, which can only be read from its end.
fn zip_member(file: Counted, take: Plain) -> Result<(u64, Option<String>)> {
    let damaged = |error: zip::result::ZipError| Error::evidence(format!("the ZIP archive is damaged: {error}"));
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    for index in 0..archive.len().min(MOST_MEMBERS) {
        let member = match archive.by_index(index) {
            Ok(member) => member,
            Err(zip::result::ZipError::UnsupportedArchive(why)) => {
                return Err(Error::evidence(format!("in a ZIP archive that is not unpacked here: {why}")));
            }
            Err(error) => return Err(damaged(error)),
        };
        let (name, size) = (member.name().to_owned(), member.size());
        if member.is_file() {
            let (head, rest) = beginning(Box::new(member));
            if is_image(&name, &head, size) {
                return take(&mut Cursor::new(head).chain(rest));
            }
        }
    }
    Err(Error::evidence("no memory image is in the ZIP archive"))
}

/// Whether a member of an archive is the image: by how it begins, or by its name.
fn is_image(name: &str, head: &[u8], size: u64) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let named = crate::image::is_known(head) || ENDINGS.contains(&ending.as_str());
    size >= SMALLEST && (kind(head).is_some() || named)
}

/// The name of what is in a packed file.
fn plain_name(name: &str) -> String {
    let mut plain = name;
    while let Some((rest, ending)) = plain.rsplit_once('.') {
        if rest.is_empty() || !PACKED_ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) {
            break;
        }
        plain = rest;
    }
    let fine = |letter: char| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' };
    let name: String = plain.trim_start_matches('.').chars().take(LONGEST_NAME).map(fine).collect();
    if name.is_empty() { "image".to_owned() } else { name }
}

/// A file of which is counted how far it was read.
struct Counted {
    file: File,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
