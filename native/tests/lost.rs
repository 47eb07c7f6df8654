//! Files that are cut off while they are mapped, and signals that are none of salvor's business.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;

use memmap2::MmapOptions;
use salvor_native::image::Image;

const PAGE: u64 = 4096;

fn file(pages: u64) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let words: Vec<u8> = (1..=pages * PAGE / 8).flat_map(u64::to_le_bytes).collect();
    std::fs::write(file.path(), words).unwrap();
    file
}

#[test]
fn a_file_that_is_cut_off_after_opening_gives_what_it_still_has() {
    let file = file(1024);
    let image = Image::open(file.path()).unwrap();
    assert_eq!((image.read_u64(1000 * PAGE), image.loss()), (Some(1000 * 512 + 1), None));
    file.as_file().set_len(10 * PAGE).unwrap();
    let read = image.undisturbed(|| Ok([9, 10, 1000].map(|page| image.read_u64(page * PAGE)))).unwrap();
    assert_eq!(read, [Some(9 * 512 + 1), None, None]);
    let loss = image.loss().unwrap();
    assert_eq!(loss.bytes, 1014 * PAGE);
    let message = "the file was cut off at offset 0xa000 while it was read; 4153344 bytes of memory, from physical 0xa000, are lost";
    assert_eq!(loss.message, message);
}

#[test]
fn several_images_are_lost_each_for_itself() {
    let files: Vec<_> = (0..8).map(|_| file(300)).collect();
    let images: Vec<_> = files.iter().map(|file| Image::open(file.path()).unwrap()).collect();
    for file in files.iter().step_by(2) {
        file.as_file().set_len(PAGE).unwrap();
    }
    thread::scope(|scope| {
        for image in &images {
            for start in 0..4 {
                scope.spawn(move || {
                    for page in (start..300).step_by(4) {
                        let _ = image.undisturbed(|| Ok(image.read_u64(page * PAGE)));
                    }
                });
            }
        }
    });
    let lost: Vec<bool> = images.iter().map(|image| image.loss().is_some()).collect();
    assert_eq!(lost, [true, false].repeat(4));
    assert!(images[1..].iter().step_by(2).all(|image| image.read_u64(299 * PAGE) == Some(299 * 512 + 1)));
}

#[test]
fn images_may_come_and_go_without_end() {
    let file = file(256);
    for _ in 0..1000 {
        Image::open(file.path()).unwrap();
    }
}

/// Set for the process that is to end by a signal.
const DIES: &str = "SALVOR_TEST_DIES";

#[test]
fn a_fault_that_is_not_in_evidence_ends_the_process_as_before() {
    if std::env::var_os(DIES).is_some() {
        die_of_a_map_that_is_not_evidence();
    }
    let this = std::env::current_exe().unwrap();
    let name = "a_fault_that_is_not_in_evidence_ends_the_process_as_before";
    let ended = Command::new(this).args(["--exact", name]).env(DIES, "1").output().unwrap();
    assert_eq!(ended.status.signal(), Some(libc::SIGBUS), "{ended:?}");
}

fn die_of_a_map_that_is_not_evidence() -> ! {
    let (evidence, other) = (file(300), file(300));
    let _image = Image::open(evidence.path()).unwrap();
    // SAFETY: nothing is read but the byte that raises the signal this is about.
    #[allow(unsafe_code)]
    let map = unsafe { MmapOptions::new().map_copy_read_only(other.as_file()) }.unwrap();
    other.as_file().set_len(0).unwrap();
    std::process::exit(i32::from(map[200 * PAGE as usize]));
}
