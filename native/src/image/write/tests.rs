//! What is written is read back by the readers as it was.

use std::ops::Range;
use std::path::Path;

use proptest::prelude::*;

use super::super::{Image, Missing};
use super::{About, BLOCK, Copied, Format, write};
use crate::testing::packed::{Kdump, ZLIB, file, page};

const X86_64: u16 = 62;
const NOTE: &str = "OSRELEASE=6.0-test\nKERNELOFFSET=0\n";

/// A LiME file of runs, each filled from a seed; every third page is zeros.
fn source(runs: &[Range<u64>]) -> Image {
    let mut bytes = Vec::new();
    for Range { start, end } in runs {
        bytes.extend(b"EMiL\x01\0\0\0");
        for word in [*start, end - 1, 0] {
            bytes.extend(word.to_le_bytes());
        }
        let filled = |at: u64| if at / 4096 % 3 == 1 { 0 } else { (at.wrapping_mul(0x9e37_79b9) >> 7) as u8 | 1 };
        bytes.extend((*start..*end).map(filled));
    }
    Image::open(file(&bytes).path()).unwrap()
}

fn ranges(image: &Image) -> Vec<Range<u64>> {
    let mut joined = Copied::default();
    image.ranges().iter().for_each(|range| joined.hold(range.start..range.end()));
    joined.held
}

fn written(image: &Image, format: Format, path: &Path) -> Copied {
    let about = About { machine: X86_64, vmcoreinfo: Some(NOTE), ranges: image.ranges().len() };
    write(image, &ranges(image), (format, &about), path, &mut |_| true).unwrap()
}

fn read(image: &Image, run: &Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0; (run.end - run.start) as usize];
    assert_eq!(image.copy(run.start, &mut bytes), bytes.len(), "{run:x?}");
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Ranges of any bounds come back from every format as they were, and nothing else does.
    #[test]
    fn what_is_written_is_read_back(
        parts in prop::collection::vec((1_u64..40_000, 1_u64..30_000), 1..6),
        format in prop::sample::select(Format::ALL.to_vec()),
    ) {
        // Across a seam of blocks, and long enough for a raw file.
        let mut at = BLOCK - 50_000;
        let runs: Vec<Range<u64>> = parts.into_iter().map(|(gap, length)| {
            let start = at + gap;
            at = start + length;
            start..at
        }).collect();
        let image = source(&runs);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let copied = written(&image, format, &path);
        prop_assert_eq!((&copied.held, copied.missing.len()), (&runs, 0));
        let back = Image::open(&path).unwrap();
        prop_assert_eq!((back.format(), back.warnings().len()), (format.name(), 0));
        for run in &runs {
            prop_assert_eq!(read(&back, run), read(&image, run));
        }
        if format == Format::Raw {
            prop_assert_eq!(ranges(&back), vec![0..at]);
            let mut whole = read(&back, &(0..at));
            runs.iter().for_each(|run| whole[run.start as usize..run.end as usize].fill(0));
            prop_assert!(whole.iter().all(|byte| *byte == 0), "what is not there is zeros");
        } else {
            prop_assert_eq!(ranges(&back), runs);
        }
    }
}

#[test]
fn a_core_says_what_the_image_said() {
    let image = source(&[0x1000..0x2000, 0x5000..0x6000]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("core");
    written(&image, Format::Elf, &path);
    let back = Image::open(&path).unwrap();
    assert_eq!(back.vmcoreinfo().unwrap().get("OSRELEASE"), Some("6.0-test"));
    assert_eq!(back.machine().unwrap().to_string(), "x86_64");
}

#[test]
fn a_core_in_more_pieces_than_foreseen_has_its_table_at_the_end() {
    for pieces in [100_u64, 70_000] {
        let runs: Vec<Range<u64>> = (0..pieces).map(|number| number * 64..number * 64 + 8).collect();
        let mut bytes = vec![0; 1 << 23];
        bytes.iter_mut().step_by(8).enumerate().for_each(|(number, byte)| *byte = number as u8);
        let image = Image::open(file(&bytes).path()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("core");
        let about = About { machine: X86_64, vmcoreinfo: None, ranges: 1 };
        write(&image, &runs, (Format::Elf, &about), &path, &mut |_| true).unwrap();
        let back = Image::open(&path).unwrap();
        assert_eq!((back.ranges().len() as u64, back.warnings().len()), (pieces, 0));
        let last = runs.last().unwrap();
        assert_eq!(read(&back, last), read(&image, last));
    }
}

#[test]
fn what_a_dump_left_out_or_lost_is_in_no_copy_and_is_told() {
    let held = |number: u64| (number, Some(page(number)));
    let mut bytes = Kdump::new(ZLIB, vec![held(1), held(2), (3, None), held(4), held(5)]).bytes();
    // The last page's packed bytes stand last.
    let end = bytes.len();
    bytes[end - 12..].fill(0xff);
    let image = Image::open(file(&bytes).path()).unwrap();
    for format in [Format::Lime, Format::Avml, Format::Elf] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let copied = written(&image, format, &path);
        assert_eq!(copied.held, [0x1000..0x3000, 0x4000..0x5000]);
        assert_eq!(copied.missing, [(0x3000..0x4000, Missing::LeftOut), (0x5000..0x6000, Missing::Unreadable)]);
        let back = Image::open(&path).unwrap();
        assert_eq!(ranges(&back), copied.held);
        assert_eq!(read(&back, &(0x4000..0x5000)), page(4));
    }
}

#[test]
fn zeros_are_holes_and_what_is_there_is_not_replaced() {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = vec![0; 8 << 20];
    bytes[5 << 20] = 7;
    let image = Image::open(file(&bytes).path()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Raw, Format::Lime, Format::Elf] {
        let path = folder.path().join(format.name());
        written(&image, format, &path);
        let facts = std::fs::metadata(&path).unwrap();
        assert!(
            facts.size() >= 8 << 20 && facts.blocks() * 512 < 1 << 20,
            "{}: {} blocks",
            format.name(),
            facts.blocks()
        );
        let about = About::default();
        let again = write(&image, &ranges(&image), (format, &about), &path, &mut |_| true).err().unwrap();
        assert!(again.message.contains("is there already"), "{}", again.message);
        assert_eq!(std::fs::metadata(&path).unwrap().size(), facts.size());
    }
}

#[test]
fn one_that_is_interrupted_leaves_nothing() {
    let image = source(&[0x1000..0x3000, 0x8000..0x9000]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let stopped = write(&image, &ranges(&image), (Format::Lime, &About::default()), &path, &mut |_| false);
    assert!(stopped.err().unwrap().message.contains("interrupted"));
    assert!(!path.exists());
}
