//! What was made of a symbol file, kept from run to run: a file with the debug information of a kernel takes seconds.
//!
//! It is found by what the symbol file is now (device, inode, size, times, both ends), and believed if its checksum holds.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Content, Form};
use crate::kernel::symbols::Table;

/// Changes whenever the layout of a file, or what is made of a symbol file, changes.
const MAGIC: &[u8; 8] = b"salvorT3";
const DIGEST: usize = blake3::OUT_LEN;
/// Below the cache folder.
const FOLDER: &str = "converted";
const LARGEST: u64 = 256 << 20;
const FORMS: [Form; 4] = [Form::Isf, Form::Elf, Form::Btf, Form::Map];
const TYPES_FROM: [&str; 4] = ["", "isf", "dwarf", "btf"];

/// Where what was made of the file of this identity is kept.
pub fn path(cache: &Path, identity: &str) -> PathBuf {
    cache.join(FOLDER).join(format!("{identity}.types"))
}

/// What was kept.
pub fn load(path: &Path) -> Option<Content> {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    decode((size <= LARGEST).then(|| fs::read(path).ok())??)
}

/// Keeps it; the file appears whole or not at all. That it cannot be kept costs only time.
pub fn store(path: &Path, content: &Content) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let partial = path.with_extension(format!("{}.part", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = File::create_new(&partial)?;
        file.write_all(&encode(content))?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

fn encode(content: &Content) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    let form = FORMS.iter().position(|form| *form == content.form).unwrap_or(0);
    let types_from = TYPES_FROM.iter().position(|from| *from == content.types_from).unwrap_or(0);
    bytes.extend([form as u8, types_from as u8]);
    let table = content.table.as_ref();
    let names = table.map_or(0, Table::names_length);
    bytes.extend((names as u64).to_le_bytes());
    for part in [
        content.banner.as_deref().unwrap_or_default().as_bytes(),
        content.build_id.as_deref().unwrap_or_default().as_bytes(),
        content.types.as_deref().unwrap_or_default(),
        table.map_or(&[], Table::block),
    ] {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part);
    }
    let digest = blake3::hash(&bytes);
    bytes.extend(digest.as_bytes());
    bytes
}

fn decode(bytes: Vec<u8>) -> Option<Content> {
    let (content, digest) = bytes.split_last_chunk::<DIGEST>()?;
    (blake3::hash(content) == *digest).then_some(())?;
    let [form, types_from, rest @ ..] = content.strip_prefix(MAGIC)? else { return None };
    let (form, types_from) = (*FORMS.get(usize::from(*form))?, *TYPES_FROM.get(usize::from(*types_from))?);
    let mut rest = rest;
    let names = usize::try_from(word(&mut rest)?).ok()?;
    let mut part = || {
        let length = usize::try_from(word(&mut rest)?).ok()?;
        let (part, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(part.to_vec())
    };
    let text = |part: Vec<u8>| String::from_utf8(part).ok().filter(|text| !text.is_empty());
    let (banner, build_id) = (text(part()?), text(part()?));
    let types = Some(part()?).filter(|types| !types.is_empty());
    let block = part()?;
    let length = block.len();
    let table = Table::within(block, 0, length, names).filter(|table| table.len() > 0);
    Some(Content { form, types_from, banner, build_id, table, types })
}

fn word(rest: &mut &[u8]) -> Option<u64> {
    let (word, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::{Content, Form, decode, encode};
    use crate::kernel::symbols::{TEXT, Table};

    #[test]
    fn what_is_kept_is_read_as_it_was_written_and_damage_is_nothing() {
        let table = Table::new(b"_textlinux_banner".to_vec(), &[5, 17], &[TEXT, TEXT + 0x100], b"TD");
        let content = Content {
            form: Form::Elf,
            types_from: "dwarf",
            banner: Some("Linux version 5.4.0 (x) #1".to_owned()),
            build_id: None,
            table,
            types: Some(vec![1, 2, 3]),
        };
        assert_eq!(decode(encode(&content)).as_ref(), Some(&content));
        let nothing =
            Content { form: Form::Map, types_from: "", banner: None, build_id: None, table: None, types: None };
        assert_eq!(decode(encode(&nothing)), Some(nothing));
        let whole = encode(&content);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1;
            }
            assert_eq!(decode(bytes), None);
            assert_eq!(decode(whole.get(..at).unwrap_or_default().to_vec()), None);
        }
    }
}
