//! Every reader on files that end at each of their bytes, and on files of which each word lies: an error in one line, or memory
//! that is the same as in the whole file, with a warning where some of it is gone. Files are the fuzz targets' sound seeds.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

#[allow(dead_code)] // Each test binary uses its share.
#[path = "common/files.rs"]
mod files;

use std::path::Path;

use files::file;
use salvor_native::image::Image;

const PAGE: usize = 4096;
/// Pages of an image that are looked at: a header that lies may claim any number.
const MOST_PAGES: usize = 64;
const FOLDERS: [&str; 7] = ["avml", "crash-dump", "elf", "kdump", "lime", "qemu", "vmware"];

/// Whole files of a reader by their names.
fn sound(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(folder);
    let seeds = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named =
        seeds.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()));
    // Parts of a dump that was split want others beside them, and what is cut off already is no whole.
    let mut whole: Vec<_> = named
        .filter(|(name, _)| name.starts_with("sound") && !name.contains("cut-off") && !name.contains("part"))
        .collect();
    whole.sort();
    whole
}

/// What an image says of each page of its first ranges: where it is, and the bytes that could be read from its start on.
fn memory(image: &Image) -> Vec<(u64, Vec<u8>)> {
    let pages = image.ranges().iter().flat_map(|range| (range.start..range.end()).step_by(PAGE));
    let read = pages.take(MOST_PAGES).map(|at| {
        let mut bytes = vec![0; PAGE];
        let length = image.copy(at, &mut bytes);
        bytes.truncate(length);
        (at, bytes)
    });
    read.filter(|(_, bytes)| !bytes.is_empty()).collect()
}

fn bytes_of(memory: &[(u64, Vec<u8>)]) -> usize {
    memory.iter().map(|(_, bytes)| bytes.len()).sum()
}

/// Holds that nothing is said that is not in one line, and that ranges neither overlap nor are empty.
fn check(image: &Image, what: &str) {
    let mut end = 0;
    for range in image.ranges() {
        assert!(range.start >= end && range.length > 0, "{what}: {range:?}");
        end = range.end();
    }
    assert!(image.warnings().iter().all(|warning| !warning.contains('\n')), "{what}: {:?}", image.warnings());
}

#[test]
fn a_file_that_ends_at_any_byte_shows_no_other_memory_and_says_what_is_gone() {
    for folder in FOLDERS {
        let files = sound(folder);
        assert!(!files.is_empty(), "{folder}");
        for (name, whole) in files {
            let what = format!("{folder}/{name}");
            let image = Image::open(file(&whole).path()).unwrap();
            let format = image.format();
            let all = memory(&image);
            // Of large files every byte of the headers, and of the rest each some bytes before and behind a page's end.
            let is_near_page = |at: usize| at % PAGE < 2 || at % PAGE > PAGE - 2 || at.is_multiple_of(61);
            for length in (1..whole.len()).filter(|at| *at < 600 || whole.len() - at < 64 || is_near_page(*at)) {
                let cut = file(&whole[..length]);
                match Image::open(cut.path()) {
                    Err(error) => assert!(!error.message.contains('\n'), "{what}: {length}: {}", error.message),
                    // What is not told apart by its content is taken for raw memory: then it is another file.
                    Ok(image) if image.format() != format => assert_eq!(image.format(), "raw", "{what}: {length}"),
                    Ok(image) => {
                        check(&image, &what);
                        let left = memory(&image);
                        for (at, bytes) in &left {
                            let (_, known) = all.iter().find(|(place, _)| place == at).unwrap();
                            assert!(known.starts_with(bytes), "{what}: {length}: {at:#x} holds something else");
                        }
                        let is_told = !image.warnings().is_empty() || image.loss().is_some();
                        let is_less = bytes_of(&left) < bytes_of(&all);
                        // What a chain of ranges lacks that ends between two of them, nothing in it tells.
                        let is_chain = ["lime", "avml"].contains(&format) && left == all[..left.len()];
                        assert!(is_told || !is_less || is_chain, "{what}: {length}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_file_of_which_any_word_lies_is_refused_or_read_within_bounds() {
    for folder in FOLDERS {
        for (name, whole) in sound(folder) {
            let words = (0..whole.len().min(4096 + 512).saturating_sub(8)).step_by(4);
            for at in words.filter(|at| *at < 600 || at % 64 == 0) {
                for lie in [0, 1, u64::MAX, 1 << 63, u64::from(u32::MAX), 1 << 40] {
                    let mut bytes = whole.clone();
                    bytes[at..at + 8].copy_from_slice(&lie.to_le_bytes());
                    match Image::open(file(&bytes).path()) {
                        Err(error) => assert!(!error.message.contains('\n'), "{folder}/{name}: {}", error.message),
                        Ok(image) => {
                            check(&image, &name);
                            memory(&image);
                        }
                    }
                }
            }
        }
    }
}
