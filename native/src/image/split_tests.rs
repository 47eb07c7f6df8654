//! Dumps that makedumpfile split: put together from what lies in one folder, whatever else does.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{Image, Missing, companions};
use crate::error::ErrorKind;
use crate::testing::packed::*;

/// Pages of the whole dump, as its headers have it.
const PAGES: u64 = 8 * PAGE as u64;

fn dump() -> Kdump {
    let held = |number: u64| (number, Some(page(number)));
    Kdump::new(ZLIB, vec![held(1), held(2), (3, None), held(4), held(5), (6, None), held(256), held(257), held(300)])
}

/// A folder with files.
fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, bytes)| fs::write(folder.path().join(name), bytes).unwrap());
    folder
}

fn three() -> tempfile::TempDir {
    let part = |claim| dump().part(claim);
    folder(&[("a", part(0..4)), ("b", part(257..PAGES)), ("c", part(4..257))])
}

fn open(folder: &tempfile::TempDir, name: &str) -> Image {
    Image::open(&folder.path().join(name)).unwrap()
}

/// Numbers of the pages that can be read. None may hold what another should.
fn readable(image: &Image) -> Vec<u64> {
    let read = |number: &u64| {
        let mut out = vec![0; PAGE];
        let read = image.copy(number * PAGE as u64, &mut out);
        assert!(read == 0 || out == page(*number), "page {number} holds something else");
        read > 0
    };
    (0..400).filter(read).collect()
}

fn names(paths: &[impl AsRef<Path>]) -> Vec<String> {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| name(path.as_ref())).collect()
}

#[test]
fn any_part_leads_to_the_whole() {
    let alone = folder(&[("whole", dump().bytes())]);
    let whole = open(&alone, "whole");
    let split = three();
    for (name, files) in [("a", ["a", "b", "c"]), ("b", ["b", "a", "c"]), ("c", ["c", "a", "b"])] {
        let image = open(&split, name);
        assert_eq!((image.warnings(), image.left_out()), (&[][..], whole.left_out()), "{name}");
        assert_eq!((image.ranges(), image.vmcoreinfo()), (whole.ranges(), whole.vmcoreinfo()));
        assert_eq!(readable(&image), [1, 2, 4, 5, 256, 257, 300]);
        assert_eq!(image.missing(3 * PAGE as u64), Some(Missing::LeftOut));
        assert_eq!(image.past_gap(3 * PAGE as u64), 4 * PAGE as u64);
        assert_eq!(names(&image.files()), files);
        assert_eq!(names(&companions(&split.path().join(name))), files[1..]);
        let sizes = files.iter().map(|file| fs::metadata(split.path().join(file)).unwrap().len());
        assert_eq!(image.size(), sizes.sum::<u64>());
    }
    assert_eq!(companions(&alone.path().join("whole")), Vec::<PathBuf>::new());
    assert_eq!(companions(Path::new("/nonexistent/image")), Vec::<PathBuf>::new());
}

#[test]
fn a_part_that_is_missing_is_told_and_its_pages_are_absent() {
    let split = three();
    fs::remove_file(split.path().join("c")).unwrap();
    let image = open(&split, "a");
    let message = "truncated: of this dump, which was split, the part with pages 4 to 256 is not beside the file: memory from \
                   physical 0x4000 up to 0x101000 is missing";
    assert_eq!(image.warnings(), [message]);
    assert_eq!((readable(&image), image.read_u64(0x4000)), (vec![1, 2, 257, 300], None));
    assert_eq!(image.missing(0x4000), Some(Missing::Absent));
    assert!(image.left_out().unwrap().starts_with("1 of 5 pages"), "{:?}", image.left_out());
    fs::remove_file(split.path().join("a")).unwrap();
    let image = open(&split, "b");
    assert!(image.warnings().len() == 1 && image.warnings()[0].contains("pages 0 to 256"), "{:?}", image.warnings());
    assert_eq!(readable(&image), [257, 300]);
}

#[test]
fn only_parts_of_the_same_dump_count_and_nothing_else_is_waited_for() {
    let split = three();
    let at = |name: &str| split.path().join(name);
    fs::hard_link(at("b"), at("0 hard link")).unwrap();
    std::os::unix::fs::symlink(at("a"), at("1 symbolic link")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    let fifo = std::ffi::CString::new(at("fifo").as_os_str().as_encoded_bytes()).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    // Another dump's part, a dump that was not split, one that ends within its headers, and what is no dump.
    let changed = |place: usize| {
        let mut other = dump().part(4..257);
        other[place] ^= 1;
        other
    };
    // Host name, time, size, and `max_mapnr` in both headers.
    for place in [73, 408, 416, 440, PAGE + 96] {
        fs::write(at(&format!("other {place}")), changed(place)).unwrap();
    }
    fs::write(at("whole"), dump().bytes()).unwrap();
    fs::write(at("cut"), &dump().part(4..257)[..PAGE + 50]).unwrap();
    fs::write(at("text"), "KDUMP").unwrap();
    fs::write(at("empty"), "").unwrap();
    let image = open(&split, "a");
    assert_eq!(image.warnings(), &[] as &[String]);
    assert_eq!(
        (names(&image.files()), readable(&image).len()),
        (vec!["a".into(), "0 hard link".into(), "c".into()], 7)
    );
}

#[test]
fn parts_that_overlap_are_told_and_the_first_counts() {
    let split = three();
    fs::copy(split.path().join("c"), split.path().join("copy")).unwrap();
    fs::write(split.path().join("wide"), dump().part(2..260)).unwrap();
    let image = open(&split, "a");
    let told = |name: &str, from: &str, to: &str| {
        format!("overlapping parts: {name}: physical {from} up to {to} is in another file, too, and read from that")
    };
    let expected = [
        told("wide", "0x2000", "0x4000"),
        told("c", "0x4000", "0x101000"),
        told("copy", "0x4000", "0x101000"),
        told("b", "0x101000", "0x104000"),
    ];
    assert_eq!(image.warnings(), expected);
    assert_eq!(readable(&image), [1, 2, 4, 5, 256, 257, 300]);
}

#[test]
fn a_damaged_part_costs_its_pages() {
    let cut = |length: usize| {
        let split = three();
        let bytes = dump().part(4..257);
        fs::write(split.path().join("c"), &bytes[..length]).unwrap();
        let image = open(&split, "a");
        assert_eq!(names(&image.files()), ["a", "b", "c"]);
        (readable(&image), image.warnings().to_vec())
    };
    let (pages, warnings) = cut(3 * PAGE);
    assert_eq!(pages, [1, 2, 257, 300]);
    assert!(warnings[0].starts_with("damaged: c: a kdump-compressed file that was cut off"), "{warnings:?}");
    assert!(warnings[1].contains("pages 4 to 256"), "{warnings:?}");
    let (pages, warnings) = cut(4 * PAGE + 24);
    assert_eq!(pages, [1, 2, 257, 300]);
    assert!(warnings[0].starts_with("truncated: c: the file ends before the descriptors of 2"), "{warnings:?}");
    // A part that ends before it begins, as a companion and by itself.
    let split = three();
    let mut lies = dump().part(4..257);
    lies[PAGE + 88..PAGE + 96].copy_from_slice(&3_u64.to_le_bytes());
    fs::write(split.path().join("c"), &lies).unwrap();
    let image = open(&split, "a");
    assert_eq!(
        (readable(&image), image.warnings()[0].as_str()),
        (vec![1, 2, 257, 300], "damaged: c: pages from 4 to 3")
    );
    let error = Image::open(folder(&[("c", lies)]).path().join("c").as_path()).err().unwrap();
    assert!(error.kind == ErrorKind::Evidence && error.message.contains("holds no memory"), "{}", error.message);
}

#[test]
fn a_part_that_is_cut_off_while_the_image_is_open_is_named() {
    let split = three();
    let image = open(&split, "a");
    let length = 4 * PAGE as u64 + 10;
    fs::File::options().write(true).open(split.path().join("c")).unwrap().set_len(length).unwrap();
    assert_eq!(readable(&image), [1, 2, 257, 300]);
    let loss = image.loss().unwrap();
    let what = format!("the file {} was cut off at offset 0x400a", split.path().join("c").display());
    assert!(loss.message.starts_with(&what) && loss.bytes == 3 * PAGE as u64, "{loss:?}");
}

proptest! {
    /// Whatever parts claim, and however they overlap: what any of them holds is read, and nothing else, and right.
    #[test]
    fn what_any_part_holds_is_read(claims in prop::collection::vec((0_u64..400, 0_u64..400), 1..6), given in any::<prop::sample::Index>()) {
        let claims: Vec<Range<u64>> = claims.into_iter().map(|(start, length)| start..start + length).collect();
        let files = claims.iter().enumerate();
        let files: Vec<_> = files.map(|(index, claim)| (index.to_string(), dump().part(claim.clone()))).collect();
        let split = folder(&files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect::<Vec<_>>());
        let expected: Vec<u64> = [1, 2, 4, 5, 256, 257, 300].into_iter().filter(|page| claims.iter().any(|claim| claim.contains(page))).collect();
        match Image::open(&split.path().join(given.index(claims.len()).to_string())) {
            Ok(image) => {
                prop_assert_eq!(readable(&image), expected);
                prop_assert_eq!(image.loss(), None);
                prop_assert!(image.warnings().iter().any(|warning| warning.starts_with("truncated: of this dump")));
            }
            Err(error) => prop_assert!(expected.is_empty() && error.message.contains("holds no memory"), "{}", error.message),
        }
    }
}
