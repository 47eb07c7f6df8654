//! Disks with snapshots: as QEMU writes them, and with each of their words a lie.

use std::io::{Cursor, Read, Write};

use proptest::prelude::*;

use super::qcow2::{SavedState, has_snapshots};

const CLUSTER_BITS: u32 = 9;
const CLUSTER: usize = 1 << CLUSTER_BITS;
/// Second tables have so many entries.
const ENTRIES: usize = CLUSTER / 8;
/// The disk has so many bytes, and its state lies at the next multiple of what a first table's entry covers.
const DISK: usize = 100 << 10;
const STATE: usize = DISK.next_multiple_of(CLUSTER * ENTRIES);

/// How a cluster of a state is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Deflate,
}

fn put(bytes: &mut [u8], at: usize, word: &[u8]) {
    bytes[at..at + word.len()].copy_from_slice(word);
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// A disk with a snapshot that has no memory, and one for each state. Clusters of zeros are not there, others packed where that
/// is less.
pub fn disk(states: &[&[u8]]) -> Vec<u8> {
    disk_of(states, Form::Deflate)
}

fn disk_of(states: &[&[u8]], form: Form) -> Vec<u8> {
    let mut file = vec![0; CLUSTER];
    let mut snapshots = snapshot("off", 0, 0, 0);
    for (number, state) in states.iter().enumerate() {
        let mut seconds = Vec::new();
        for part in state.chunks(CLUSTER * ENTRIES) {
            let entries: Vec<u64> = part.chunks(CLUSTER).map(|cluster| append(&mut file, cluster, form)).collect();
            let mut table: Vec<u8> = entries.iter().flat_map(|entry| entry.to_be_bytes()).collect();
            table.resize(CLUSTER, 0);
            seconds.push(1_u64 << 63 | place(&mut file, &table));
        }
        let first = [vec![0; STATE / (CLUSTER * ENTRIES)], seconds].concat();
        let table: Vec<u8> = first.iter().flat_map(|entry| entry.to_be_bytes()).collect();
        let at = place(&mut file, &table);
        snapshots.extend(snapshot(&format!("state-{number}"), at, first.len(), state.len()));
    }
    let at = place(&mut file, &snapshots);
    put(&mut file, 0, b"QFI\xfb\0\0\0\x03");
    put(&mut file, 20, &CLUSTER_BITS.to_be_bytes());
    put(&mut file, 24, &(DISK as u64).to_be_bytes());
    put(&mut file, 60, &(states.len() as u32 + 1).to_be_bytes());
    put(&mut file, 64, &at.to_be_bytes());
    file
}

/// Puts bytes at the next cluster; answers where that is.
fn place(file: &mut Vec<u8>, bytes: &[u8]) -> u64 {
    file.resize(file.len().next_multiple_of(CLUSTER), 0);
    let at = file.len() as u64;
    file.extend(bytes);
    at
}

/// Puts a cluster of a state into the file; answers its entry.
fn append(file: &mut Vec<u8>, cluster: &[u8], form: Form) -> u64 {
    let mut whole = cluster.to_vec();
    whole.resize(CLUSTER, 0);
    let small = packed(&whole);
    if whole.iter().all(|byte| *byte == 0) {
        0
    } else if form == Form::Deflate && small.len() < CLUSTER {
        let at = file.len() as u64;
        file.extend(&small);
        let sectors = (at % 512 + small.len() as u64 - 1) / 512;
        1 << 62 | sectors << (62 - (CLUSTER_BITS - 8)) | at
    } else {
        1 << 63 | place(file, &whole)
    }
}

fn snapshot(name: &str, table: u64, entries: usize, state: usize) -> Vec<u8> {
    let mut bytes = vec![0; 40];
    put(&mut bytes, 0, &table.to_be_bytes());
    put(&mut bytes, 8, &(entries as u32).to_be_bytes());
    put(&mut bytes, 12, &1_u16.to_be_bytes());
    put(&mut bytes, 14, &(name.len() as u16).to_be_bytes());
    put(&mut bytes, 36, &16_u32.to_be_bytes());
    bytes.extend((state as u64).to_be_bytes());
    bytes.extend((DISK as u64).to_be_bytes());
    bytes.extend(b"1");
    bytes.extend(name.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// What pages hold: nothing, what packs, and what does not.
fn state() -> Vec<u8> {
    let mut word = 1_u32;
    let noise = (0..5000).map(move |_| {
        word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (word >> 24) as u8
    });
    [vec![7; 70_000], vec![0; 70_000], noise.collect()].concat()
}

fn read(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut state = SavedState::open(Cursor::new(bytes)).map_err(|error| error.message)?;
    let mut out = Vec::new();
    (&mut state).take(1 << 20).read_to_end(&mut out).map_err(|error| error.to_string())?;
    Ok(out)
}

#[test]
fn a_state_is_what_was_saved() {
    for form in [Form::Plain, Form::Deflate] {
        let bytes = disk_of(&[&state()], form);
        assert!(has_snapshots(&bytes) && read(&bytes).unwrap() == state(), "{form:?}");
    }
}

#[test]
fn of_several_states_none_is_chosen() {
    let refused = read(&disk(&[&state(), &state()])).unwrap_err();
    assert_eq!(
        refused,
        "'state-0', 'state-1' have memory: leave one of them in a copy of the disk ('qemu-img snapshot -d')"
    );
    assert_eq!(read(&disk(&[])).unwrap_err(), "none of its snapshots has memory");
}

#[test]
fn a_disk_that_is_encrypted_or_in_parts_is_refused() {
    for (at, value) in [(35, 1), (79, 1 << 2), (79, 1 << 4)] {
        let mut bytes = disk(&[&state()]);
        bytes[at] = value;
        assert!(read(&bytes).unwrap_err().contains("encrypted, damaged or in parts"), "{at}");
    }
}

#[test]
fn a_disk_that_is_cut_off_anywhere_is_an_error() {
    let bytes = disk(&[&state()]);
    for length in (0..bytes.len() - 16).step_by(97) {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
}

proptest! {
    /// Whatever its words become: an error or at most what may be read, and no more memory than a few clusters.
    #[test]
    fn a_disk_that_lies_does_no_harm(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5), header in any::<bool>()) {
        let mut bytes = disk(&[&state()]);
        for (at, value) in places {
            let length = if header { 112 } else { bytes.len() };
            bytes[at.index(length)] = value;
        }
        if let Ok(plain) = read(&bytes) {
            prop_assert!(plain.len() <= 1 << 20);
        }
    }
}
