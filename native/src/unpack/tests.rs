//! Images in every kind of packing: whole, cut off, lying, and larger than they may be.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::prelude::*;

use super::qcow2_tests::disk;
use super::{FOLDER, Keep, SMALLEST, open};
use crate::error::Result;
use crate::image::Image;

const MIB: usize = 1 << 20;

/// A LiME image: a range of 3 MiB, of which the second is zeros.
fn image() -> Vec<u8> {
    let length = 3 * MIB;
    let mut out = b"EMiL\x01\0\0\0".to_vec();
    for word in [0x10_0000, 0x10_0000 + length as u64 - 1, 0] {
        out.extend(word.to_le_bytes());
    }
    // Nothing that packs well: what is cut off would be all of it.
    let mut state = 1_u32;
    out.extend((0..length).map(|at| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if (MIB..2 * MIB).contains(&at) { 0 } else { (state >> 24) as u8 }
    }));
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut out = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Two frames, with one between them that is stepped over.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let frame = |part: &[u8]| ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Fastest);
    let (first, second) = bytes.split_at(bytes.len() / 3);
    let skipped = [&0x184d_2a50_u32.to_le_bytes()[..], &5_u32.to_le_bytes(), b"hello"].concat();
    [frame(first), skipped, frame(second)].concat()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let small = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
    let mut out = lz4_flex::frame::FrameEncoder::with_frame_info(small, Vec::new());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        out.append_data(&mut header, name, *bytes).unwrap();
    }
    out.into_inner().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        out.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(bytes).unwrap();
    }
    out.finish().unwrap().into_inner()
}

/// A folder with a file in it, and a cache beside it.
struct Packed {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Packed {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        Self { folder, path }
    }

    fn open(&self, most: u64) -> Result<Image> {
        open(&self.path, Some(&self.folder.path().join("cache")), most, Keep::InCache, &mut |_, _| true)
    }

    /// What is in the cache.
    fn kept(&self) -> Vec<PathBuf> {
        let below = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        below(self.folder.path().join("cache/unpacked")).flat_map(below).collect()
    }
}

/// A name, and the file.
fn every_kind() -> Vec<(&'static str, Vec<u8>)> {
    static MADE: OnceLock<Vec<(&str, Vec<u8>)>> = OnceLock::new();
    MADE.get_or_init(make_every_kind).clone()
}

/// A guest that libvirt saved: a header, the guest's description, and a packed stream.
fn libvirt(format: u32, body: &[u8]) -> Vec<u8> {
    let description = vec![b' '; 700];
    let mut bytes = b"LibvirtQemudSave".to_vec();
    for word in [2, description.len() as u32, 1, format] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.resize(92, 0);
    [bytes, description, body.to_vec()].concat()
}

fn make_every_kind() -> Vec<(&'static str, Vec<u8>)> {
    let (plain, text) = (image(), vec![b'x'; 2 * MIB]);
    let members: [(&str, &[u8]); 3] = [("notes.txt", &text), ("small.lime", b"EMiL"), ("host/memory", &plain)];
    vec![
        ("memory.lime.gz", gzip(&plain)),
        ("memory.lime.xz", xz(&plain)),
        ("memory.lime.zst", zstd(&plain)),
        ("memory.lime.lz4", lz4(&plain)),
        ("memory.lime.tar", tar(&members)),
        ("memory.lime.zip", zip(&members)),
        ("memory.lime", libvirt(1, &gzip(&plain))),
        ("memory.lime", libvirt(3, &xz(&plain))),
        ("memory.lime", libvirt(5, &zstd(&plain))),
        ("memory.lime.tar.gz", gzip(&tar(&members))),
        ("memory.lime.gz.gz", gzip(&gzip(&plain))),
        ("memory.lime.tar", tar(&[("memory.zst", &zstd(&plain)), ("b.raw", &text)])),
        ("memory.lime.qcow2", disk(&[&plain])),
    ]
}

#[test]
fn an_image_is_what_was_packed_and_is_unpacked_once() {
    for (name, bytes) in every_kind() {
        let packed = Packed::new(name, &bytes);
        for _ in 0..2 {
            let image = packed.open(u64::MAX).unwrap();
            assert_eq!(
                (image.format(), image.warnings(), image.unpacked_from()),
                ("lime", &[][..], Some(&*packed.path))
            );
            let mut out = vec![1; 3 * MIB];
            assert_eq!(image.copy(0x10_0000, &mut out), out.len(), "{name}");
            assert!(out == self::image()[32..], "{name}");
            let kept = packed.kept();
            assert_eq!(kept.len(), 1, "{name}: {kept:?}");
            assert_eq!(kept[0].file_name().unwrap(), "memory.lime");
            // A mark that would be gone if it were unpacked again.
            fs::OpenOptions::new().append(true).open(&kept[0]).unwrap().set_len(3 * MIB as u64 + 32).unwrap();
        }
    }
}

#[test]
fn zeros_take_no_room() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let packed = Packed::new("memory.lime.gz", &gzip(&image()));
    packed.open(u64::MAX).unwrap();
    let facts = fs::metadata(&packed.kept()[0]).unwrap();
    assert!(facts.blocks() * 512 <= 2 * MIB as u64 + (256 << 10), "{} blocks", facts.blocks());
    assert_eq!(facts.permissions().mode() & 0o077, 0);
}

#[test]
fn without_a_cache_it_is_refused_with_what_to_do() {
    let packed = Packed::new("memory.lime.gz", &gzip(&image()));
    let error = open(&packed.path, None, u64::MAX, Keep::InCache, &mut |_, _| true).err().unwrap();
    assert!(error.message.contains("compressed with gzip"), "{}", error.message);
}

#[test]
fn what_is_cut_off_gives_what_is_left_and_says_so_each_time() {
    for (name, bytes) in every_kind().into_iter().filter(|(name, _)| !name.ends_with("zip")).take(5) {
        let packed = Packed::new(name, &bytes[..bytes.len() * 9 / 10]);
        for _ in 0..2 {
            let image = packed.open(u64::MAX).unwrap_or_else(|error| panic!("{name}: {}", error.message));
            let told = &image.warnings()[0];
            assert!(told.starts_with("truncated: ") && told.contains("damaged or cut off"), "{name}: {told}");
            assert!(image.size() > SMALLEST, "{name}");
            let mut out = vec![0; MIB];
            // Of a frame of Zstandard's that is cut off, nothing is left that a window holds.
            let read = image.copy(0x10_0000, &mut out);
            assert!(read > MIB - 100 && out[..read] == self::image()[32..32 + read], "{name}: {read}");
        }
        let early = Packed::new(name, &bytes[..700.min(bytes.len())]);
        let refused = early.open(u64::MAX).err().unwrap().message;
        assert!(!refused.contains('\n') && early.kept().is_empty(), "{name}: {refused}");
    }
}

#[test]
fn what_unpacks_to_more_than_it_may_leaves_nothing() {
    for (name, bytes) in every_kind() {
        let packed = Packed::new(name, &bytes);
        let refused = packed.open(2 * MIB as u64).err().unwrap().message;
        assert!(refused.contains("unpacks to more than 2097152 bytes"), "{name}: {refused}");
        assert!(packed.kept().is_empty(), "{name}");
    }
}

#[test]
fn what_is_not_to_be_kept_is_gone_and_can_be_read() {
    let plain = vec![7; 2 * MIB];
    let packed = Packed::new("memory.raw.gz", &gzip(&plain));
    let cache = packed.folder.path().join("cache");
    let image = open(&packed.path, Some(&cache), u64::MAX, Keep::Never, &mut |_, _| true).unwrap();
    let left = fs::read_dir(cache.join(FOLDER)).unwrap().count();
    assert_eq!((left, image.named("-").unpacked_from()), (0, Some(Path::new("-"))));
}

#[test]
fn who_waits_can_stop_it() {
    let packed = Packed::new("memory.raw.gz", &gzip(&vec![7; 20 * MIB]));
    let mut heard = Vec::new();
    let cache = packed.folder.path().join("cache");
    let stopped = open(&packed.path, Some(&cache), u64::MAX, Keep::InCache, &mut |read, size| {
        heard.push((read, size));
        false
    });
    assert!(stopped.err().unwrap().message.contains("interrupted"));
    assert_eq!((heard.len(), packed.kept().len()), (1, 0));
    assert!(heard[0].0 > 0 && heard[0].0 <= heard[0].1, "{heard:?}");
}

#[test]
fn archives_without_an_image_are_refused() {
    let text = vec![b'x'; 2 * MIB];
    let members: [(&str, &[u8]); 1] = [("notes.txt", &text)];
    for (bytes, words) in [
        (tar(&members), "no memory image is in the tar archive"),
        (zip(&members), "no memory image is in the ZIP archive"),
        (b"PK\x03\x04 and no more".to_vec(), "the ZIP archive is damaged"),
        (gzip(&zip(&[("memory.lime", &image())])), "a ZIP archive inside of another file"),
        (gzip(&gzip(&gzip(&gzip(&gzip(b"x"))))), "packed more than 4 times"),
    ] {
        let packed = Packed::new("memory", &bytes);
        let refused = packed.open(u64::MAX).err().unwrap().message;
        assert!(refused.contains(words) && packed.kept().is_empty(), "{refused}");
    }
}

#[test]
fn what_somebody_left_half_done_is_removed() {
    let packed = Packed::new("memory.lime.gz", &gzip(&image()));
    packed.open(u64::MAX).unwrap();
    let whole = packed.kept().remove(0);
    let partial = whole.with_file_name(".memory.lime.4194999");
    fs::rename(&whole, &partial).unwrap();
    packed.open(u64::MAX).unwrap();
    assert_eq!(packed.kept(), [whole]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever a byte becomes: no panic, an answer or one line, and never more than is allowed.
    #[test]
    fn damaged_files_do_not_panic(which in 0_usize..13, places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let (name, mut bytes) = every_kind().swap_remove(which);
        for (at, value) in places {
            let at = at.index(bytes.len().min(2000));
            bytes[at] = value;
        }
        let packed = Packed::new(name, &bytes);
        match packed.open(4 * MIB as u64) {
            Ok(image) => prop_assert!(image.size() <= 4 * MIB as u64),
            Err(error) => prop_assert!(!error.message.contains('\n'), "{}", error.message),
        }
    }
}
