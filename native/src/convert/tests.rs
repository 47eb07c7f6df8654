use std::path::Path;

use proptest::prelude::*;

use super::{Comparison, Phase, convert, gaps, runs};
use crate::error::ErrorKind;
use crate::image::Image;
use crate::image::write::{About, Format, write};
use crate::testing::packed::{Kdump, ZLIB, file, page};
use crate::unpack::Keep;

fn dump() -> tempfile::NamedTempFile {
    let held = |number: u64| (number, Some(page(number)));
    // Enough that a raw file of it is one.
    file(&Kdump::new(ZLIB, vec![held(1), held(2), (3, None), held(4), held(300)]).bytes())
}

#[test]
fn an_image_without_a_kernel_is_converted_as_it_is() {
    let (image, folder) = (dump(), tempfile::tempdir().unwrap());
    for format in Format::ALL {
        let path = folder.path().join(format.name());
        let mut phases = Vec::new();
        let converted = convert(image.path(), (None, 0, Keep::InCache), format, &path, &mut |phase, done, total| {
            assert!(done <= total);
            phases.push(phase);
            true
        });
        let converted = converted.unwrap();
        phases.dedup();
        assert_eq!(phases, [Phase::Write, Phase::Verify]);
        assert_eq!((converted.format, converted.machine.as_deref()), ("kdump", Some("x86_64")));
        assert_eq!((converted.copied.bytes(), converted.copied.missing.len()), (4 * 4096, 1));
        let back = Image::open(&path).unwrap();
        assert_eq!(back.read_u64(300 * 4096), Some(300));
        // And from there again.
        let again = folder.path().join(format!("{}-again", format.name()));
        convert(&path, (None, 0, Keep::InCache), Format::Lime, &again, &mut |_, _, _| true).unwrap();
        assert_eq!(Image::open(&again).unwrap().read_u64(4 * 4096), Some(4));
    }
}

#[test]
fn a_core_of_an_unknown_machine_is_refused() {
    let (image, folder) = (file(&vec![1; 2 << 20]), tempfile::tempdir().unwrap());
    let path = folder.path().join("core");
    let refused =
        convert(image.path(), (None, 0, Keep::InCache), Format::Elf, &path, &mut |_, _, _| true).err().unwrap();
    assert!(refused.kind == ErrorKind::Evidence && refused.message.contains("of what machine it is"), "{refused}");
    assert!(!path.exists());
}

#[test]
fn raw_memory_that_begins_as_another_format_is_not_left_behind() {
    let mut bytes = vec![1; 2 << 20];
    bytes[..8].copy_from_slice(b"KDUMP   ");
    let mut lime = b"EMiL\x01\0\0\0".to_vec();
    lime.extend([0_u64, (2 << 20) - 1, 0].map(u64::to_le_bytes).concat());
    let image = file(&[lime, bytes].concat());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.raw");
    let refused =
        convert(image.path(), (None, 0, Keep::InCache), Format::Raw, &path, &mut |_, _, _| true).err().unwrap();
    assert!(refused.message.contains("is not as it should be"), "{refused}");
    assert!(!path.exists());
}

#[test]
fn one_that_is_stopped_leaves_nothing() {
    let (image, folder) = (dump(), tempfile::tempdir().unwrap());
    for stop in [Phase::Write, Phase::Verify] {
        let path = folder.path().join("out");
        let stopped =
            convert(image.path(), (None, 0, Keep::InCache), Format::Lime, &path, &mut |phase, _, _| phase != stop);
        assert!(stopped.err().unwrap().message.contains("interrupted") && !path.exists());
    }
}

/// Writes an image, changes a byte of it, and answers what the comparison says.
fn compared(format: Format, change: impl Fn(&Path)) -> Result<(), String> {
    let image = Image::open(dump().path()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let about = About { machine: 62, vmcoreinfo: None, ranges: 3 };
    let copied = write(&image, &runs(&image), (format, &about), &path, &mut |_| true).unwrap();
    change(&path);
    let comparison = Comparison { image: &image, copied: &copied, format, about: &about };
    comparison.with(&path, &mut |_| true).map_err(|error| error.message)
}

fn set(path: &Path, at: u64, byte: u8) {
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[byte], at).unwrap();
}

#[test]
fn a_byte_that_is_another_is_found_wherever_it_is() {
    for format in Format::ALL {
        assert_eq!(compared(format, |_| ()), Ok(()));
    }
    let raw = |at: u64| compared(Format::Raw, move |path| set(path, at, 9)).unwrap_err();
    assert!(raw(0x2010).contains("memory at physical 0x2010 differs"));
    assert!(raw(0x3010).contains("from 0x3000 on there should be zeros"));
    assert!(raw(0x10).contains("there should be zeros"));
    let lime = |at: u64, byte: u8| compared(Format::Lime, move |path| set(path, at, byte)).unwrap_err();
    assert!(lime(32 + 5, 9).contains("memory at physical 0x1005 differs"));
    assert!(lime(9, 0x20).contains("is not as it should be"), "a range elsewhere");
    let longer = |path: &Path| std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(4 << 20).unwrap();
    assert!(compared(Format::Raw, longer).unwrap_err().contains("it does not end at"));
    let cut = |path: &Path| std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(5000).unwrap();
    for format in [Format::Lime, Format::Avml, Format::Elf] {
        assert!(compared(format, cut).is_err(), "{}", format.name());
    }
}

proptest! {
    #[test]
    fn gaps_are_what_no_run_has(
        stretches in prop::collection::btree_set(0_u64..200, 0..8),
        runs in prop::collection::btree_set(0_u64..200, 0..8),
    ) {
        let pairs = |set: std::collections::BTreeSet<u64>| {
            let ends: Vec<u64> = set.into_iter().collect();
            ends.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect::<Vec<_>>()
        };
        let (stretches, runs) = (pairs(stretches), pairs(runs));
        let found = gaps(&stretches, &runs);
        for at in 0..200 {
            let inside = |parts: &[std::ops::Range<u64>]| parts.iter().any(|part| part.contains(&at));
            prop_assert_eq!(inside(&found), inside(&stretches) && !inside(&runs), "{}", at);
        }
    }
}
