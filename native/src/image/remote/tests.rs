use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{MOST, PIECE, Remote};
use crate::error::{Error, ErrorKind};
use crate::image::Image;
use crate::image::file::Evidence;

const PIECES: u64 = 80;
/// Ends in the middle of a piece.
const SIZE: u64 = PIECES * PIECE - 5000;

/// What is brought, where the words say nothing else: each word of 8 bytes is its own number.
fn contents(from: u64, to: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((to - from) as usize + 16);
    for word in from / 8..to.div_ceil(8) {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes[(from % 8) as usize..][..(to - from) as usize].to_vec()
}

fn brought(length: u64) -> Vec<u8> {
    [&[0][..], &length.to_le_bytes()].concat()
}

fn failed(kind: u8, text: &[u8]) -> Vec<u8> {
    [&[kind][..], &(text.len() as u64).to_le_bytes(), text].concat()
}

/// Somebody who brings parts of a file, and what was asked of them.
struct Bringer {
    _folder: tempfile::TempDir,
    file: PathBuf,
    door: PathBuf,
    asked: Arc<Mutex<Vec<(u64, u64)>>>,
}

/// Answers a request for so many bytes from somewhere; none closes the connection.
type Answer = fn(&File, u64, u64) -> Option<Vec<u8>>;

impl Bringer {
    fn new(answer: Answer) -> Self {
        Self::start(answer, false)
    }

    /// One that brings no more than is needed, if it is sparing.
    fn start(answer: Answer, sparing: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (file, door) = (folder.path().join("spool"), folder.path().join("door"));
        File::create(&file).unwrap().set_len(SIZE).unwrap();
        let listener = UnixListener::bind(&door).unwrap();
        let asked: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
        let (told, spool) = (Arc::clone(&asked), file.clone());
        thread::spawn(move || {
            for line in listener.incoming() {
                let (mut line, told) = (line.unwrap(), Arc::clone(&told));
                let spool = File::options().write(true).open(&spool).unwrap();
                thread::spawn(move || {
                    let mut request = [0; 24];
                    while line.read_exact(&mut request).is_ok() {
                        let [from, needed, length] = [0, 8, 16].map(|at| crate::words::u64_at(&request, at).unwrap());
                        assert!((1..=length).contains(&needed), "{needed} of {length}");
                        let length = if sparing { needed } else { length };
                        told.lock().unwrap().push((from, length));
                        match answer(&spool, from, length) {
                            Some(answer) => line.write_all(&answer).unwrap(),
                            None => break,
                        }
                    }
                });
            }
        });
        Self { _folder: folder, file, door, asked }
    }

    fn evidence(&self) -> Evidence {
        Evidence::open_remote(&self.file, &self.door).unwrap()
    }

    /// What was asked for so far, in pieces.
    fn asked(&self) -> Vec<(u64, u64)> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(from, length)| (from / PIECE, length.div_ceil(PIECE))).collect()
    }
}

fn honest(spool: &File, from: u64, length: u64) -> Option<Vec<u8>> {
    spool.write_all_at(&contents(from, from + length), from).unwrap();
    Some(brought(length))
}

#[test]
fn what_is_read_is_what_was_brought_and_is_brought_once() {
    let bringer = Bringer::new(honest);
    let file = bringer.evidence();
    for (from, to) in [(5 * PIECE + 16, 5 * PIECE + 48), (5 * PIECE, 6 * PIECE), (SIZE - 24, SIZE)] {
        assert_eq!(file.slice(from, to), Some(&contents(from, to)[..]));
    }
    let mut out = [0; 32];
    assert_eq!(file.source().read_at(20 * PIECE - 16, &mut out), 32);
    assert_eq!(out, contents(20 * PIECE - 16, 20 * PIECE + 16)[..]);
    assert_eq!(file.slice(SIZE - 8, SIZE + 8), Some(&contents(SIZE - 8, SIZE)[..]), "no more than there is");
    assert_eq!(bringer.asked(), [(5, 1), (79, 1), (19, 2)]);
    assert!(file.reachable().is_ok());
}

#[test]
fn nothing_is_brought_to_say_whether_something_can_be_read() {
    let bringer = Bringer::new(honest);
    let file = bringer.evidence();
    assert!(file.holds(0, SIZE) && !file.holds(0, SIZE + 1));
    assert_eq!(file.source().lost(0..SIZE), None);
    let whole = 17..SIZE;
    assert_eq!(file.data_extents(whole.clone()), vec![whole], "holes are no zeros here");
    assert_eq!(bringer.asked(), []);
}

#[test]
fn who_reads_on_has_more_brought_each_time() {
    let bringer = Bringer::new(honest);
    let file = bringer.evidence();
    for piece in 0..PIECES - 1 {
        assert_eq!(file.part(piece * PIECE, piece * PIECE + 8).len(), 8);
    }
    assert_eq!(bringer.asked(), [(0, 1), (1, 2), (3, 4), (7, 8), (15, 16), (31, MOST), (63, PIECES - 63)]);
}

#[test]
fn who_brings_only_what_is_needed_is_asked_for_the_rest_when_that_is_needed() {
    let bringer = Bringer::start(honest, true);
    let file = bringer.evidence();
    for piece in 0..6 {
        assert_eq!(file.part(piece * PIECE, piece * PIECE + 8), contents(piece * PIECE, piece * PIECE + 8));
    }
    assert!(file.part(4 * PIECE, 9 * PIECE) == contents(4 * PIECE, 9 * PIECE));
    assert_eq!(file.part(SIZE - 8, SIZE), contents(SIZE - 8, SIZE));
    assert_eq!(bringer.asked(), [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 3), (79, 1)]);
    assert!(file.reachable().is_ok());
}

#[test]
fn a_part_of_which_some_is_here_is_asked_for_around_that() {
    let bringer = Bringer::new(honest);
    let file = bringer.evidence();
    file.part(40 * PIECE, 41 * PIECE);
    let all = file.part(2 * PIECE, 60 * PIECE);
    assert!(all == contents(2 * PIECE, 60 * PIECE));
    assert_eq!(bringer.asked(), [(40, 1), (2, MOST), (34, 6), (41, 19)]);
}

#[test]
fn threads_that_want_the_same_wait_for_one_request() {
    let bringer = Bringer::new(|spool, from, length| {
        thread::sleep(Duration::from_millis(30));
        honest(spool, from, length)
    });
    let file = bringer.evidence();
    thread::scope(|scope| {
        for thread in 0..12 {
            let file = &file;
            scope.spawn(move || {
                for step in 0..8 {
                    let at = (thread % 3 + step) * 3 * PIECE;
                    assert_eq!(file.slice(at, at + 64), Some(&contents(at, at + 64)[..]));
                }
            });
        }
    });
    let mut asked: Vec<_> = bringer.asked().iter().flat_map(|(from, pieces)| *from..from + pieces).collect();
    asked.sort_unstable();
    assert!(asked.windows(2).all(|pair| pair[0] < pair[1]), "{asked:?}");
}

/// What comes of a bringer that fails from the eighth piece on.
fn failure(answer: Answer) -> Error {
    let bringer = Bringer::new(answer);
    let file = bringer.evidence();
    assert_eq!(file.part(0, 8).len(), 8);
    assert!(file.part(9 * PIECE, 9 * PIECE + 8).is_empty(), "no zeros");
    assert_eq!(file.slice(9 * PIECE, 9 * PIECE + 8).map(<[u8]>::len), Some(0));
    assert_eq!(file.source().read_at(9 * PIECE, &mut [0; 8]), 0);
    let asked = bringer.asked().len();
    assert!(file.part(50 * PIECE, 51 * PIECE).is_empty());
    assert_eq!(bringer.asked().len(), asked, "after a failure nothing is asked for");
    assert_eq!(file.part(0, 8), contents(0, 8), "what was brought before is there");
    file.reachable().unwrap_err()
}

fn late(from: u64) -> bool {
    from >= 8 * PIECE
}

#[test]
fn a_reason_is_told_as_it_was_given_in_one_line() {
    let gone =
        failure(
            |spool, from, length| {
                if late(from) { Some(failed(1, b"s3://b/k:\nit \x1bchanged")) } else { honest(spool, from, length) }
            },
        );
    assert_eq!((gone.kind, gone.message.as_str()), (ErrorKind::Evidence, "s3://b/k: it  changed"));
    let limit = failure(
        |spool, from, length| {
            if late(from) { Some(failed(2, b"too much")) } else { honest(spool, from, length) }
        },
    );
    assert_eq!((limit.kind, limit.message.as_str()), (ErrorKind::Limit, "too much"));
}

#[test]
fn who_brings_less_or_answers_nonsense_is_not_believed() {
    let short = failure(|spool, from, length| {
        let brings = if late(from) { length - 1 } else { length };
        honest(spool, from, length).map(|_| brought(brings))
    });
    assert!(short.message.contains("bytes 9437184 to 10485759 were asked for: 1048575 of 1048576 came"), "{short}");
    let endless = failure(
        |spool, from, length| {
            if late(from) { Some(failed(7, &[b'x'; 5000])) } else { honest(spool, from, length) }
        },
    );
    assert!(endless.message.contains("the answer is none"), "{endless}");
}

#[test]
fn who_goes_away_or_never_answers_ends_the_wait() {
    let closed = failure(|spool, from, length| if late(from) { None } else { honest(spool, from, length) });
    assert!(closed.message.contains("were not read: what brings the image here is gone"), "{closed}");
    let bringer = Bringer::new(|_, _, _| {
        thread::sleep(Duration::from_secs(60));
        None
    });
    let remote = Remote::connect_with(&bringer.door, SIZE, Duration::from_millis(50)).unwrap();
    assert_eq!(remote.bring(PIECE + 7, 2 * PIECE), PIECE + 7);
    let silent = remote.failure().unwrap();
    assert!(silent.message.contains("does not answer"), "{silent}");
    assert!(Remote::connect(&bringer.file, SIZE).is_err(), "nobody listens there");
}

#[test]
fn an_image_is_read_as_its_file_is_and_work_fails_with_what_could_not_be_had() {
    let bringer = Bringer::new(|spool, from, length| {
        if from >= 70 * PIECE { Some(failed(1, b"it changed while it was read")) } else { honest(spool, from, length) }
    });
    let image = Image::open_remote(&bringer.file, &bringer.door).unwrap();
    assert_eq!((image.format(), image.size()), ("raw", SIZE));
    assert_eq!(image.undisturbed(|| Ok(image.read_u64(30 * PIECE))).unwrap(), Some(30 * PIECE / 8));
    assert_eq!(bringer.asked(), [(0, 1), (30, 1)]);
    let work = image.undisturbed(|| Ok(image.read_u64(75 * PIECE)));
    assert_eq!(work.unwrap_err().message, "it changed while it was read");
    assert!(image.undisturbed(|| Ok(image.read_u64(30 * PIECE))).is_err(), "nothing after it is a result");
    assert!(image.loss().is_none(), "nothing is lost of the object");
}

#[test]
fn a_lime_file_that_was_cut_off_is_not_brought_here_to_look_for_where_it_goes_on() {
    let bringer = Bringer::new(|spool, from, length| {
        spool.write_all_at(&contents(from, from + length), from).unwrap();
        let header = [&b"EMiL\x01\0\0\0"[..], &0_u64.to_le_bytes(), &(1_u64 << 40).to_le_bytes(), &[0; 8]].concat();
        if from == 0 {
            spool.write_all_at(&header, 0).unwrap();
        }
        Some(brought(length))
    });
    let image = Image::open_remote(&bringer.file, &bringer.door).unwrap();
    let warnings = image.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("not all behind its header was searched"), "{warnings:?}");
    assert!(warnings[1].starts_with("truncated: physical 0x0-"), "{warnings:?}");
    let pieces: u64 = bringer.asked().iter().map(|(_, pieces)| pieces).sum();
    assert!((33..=2 * MOST).contains(&pieces), "{:?}", bringer.asked());
    assert_eq!(image.undisturbed(|| Ok(image.read_u64((75 << 20) - 32))).unwrap(), Some((75 << 20) / 8));
}

#[test]
fn what_packs_memory_is_refused_before_it_is_read() {
    let bringer = Bringer::new(|spool, from, length| {
        spool.write_all_at(b"AVML\x02\0\0\0", 0).unwrap();
        (from < PIECE).then(|| brought(length))
    });
    let error = Image::open_remote(&bringer.file, &bringer.door).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Usage, "{error}");
    assert_eq!(bringer.asked(), [(0, 1)]);
}
