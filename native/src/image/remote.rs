//! A file that is elsewhere. A sparse file of its size stands for it here, and what is read of it is first brought there by
//! whoever listens at a socket, in pieces, each once.
//!
//! A request is three words of 64 bits, least significant byte first: where, how many bytes are needed, and how many are
//! welcome, of which the needed are the first. The answer to it is a byte 0 and, as a word, how many bytes are there now,
//! at least the needed, in whole pieces; or the kind of a failure, the length of a text, and the text.

use std::io::{self, ErrorKind as IoErrorKind, Read, Write};
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::source::untouched;
use crate::error::{Error, Result};

/// What is brought at once at least. Less costs more in requests than it saves in bytes.
pub const PIECE: u64 = 1 << 20;
/// What is asked for at once at most, in pieces: who reads from front to back has twice as much brought each time, up to this.
const MOST: u64 = 32;
/// Requests that may be under way.
const LINES: usize = 4;
/// Bytes of a reason.
const LONGEST_TEXT: u64 = 2000;
/// How long an answer may take. Whoever brings pieces gives up sooner and says why.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// What the first byte of an answer means.
const BROUGHT: u8 = 0;
const LIMIT: u8 = 2;
const USAGE: u8 = 3;

/// What of a file is here, and the way to the rest.
pub struct Remote {
    size: u64,
    /// One bit for each piece that is here.
    here: Box<[AtomicU64]>,
    state: Mutex<State>,
    changed: Condvar,
    /// Why a piece could not be had. Nothing is asked for afterwards: whatever was read without it is no result.
    failure: OnceLock<Error>,
}

struct State {
    /// Connections on which nothing is asked.
    lines: Vec<UnixStream>,
    /// Pieces that were asked for.
    coming: Vec<Range<u64>>,
    /// What was asked for last.
    last: Range<u64>,
}

impl State {
    fn is_coming(&self, piece: u64) -> bool {
        self.coming.iter().any(|run| run.contains(&piece))
    }
}

impl Remote {
    /// A file of so many bytes, of which nothing is here yet.
    pub fn connect(door: &Path, size: u64) -> Result<Self> {
        Self::connect_with(door, size, PATIENCE)
    }

    fn connect_with(door: &Path, size: u64, patience: Duration) -> Result<Self> {
        let connect = || -> io::Result<UnixStream> {
            let line = UnixStream::connect(door)?;
            line.set_read_timeout(Some(patience))?;
            line.set_write_timeout(Some(patience))?;
            Ok(line)
        };
        let lines: io::Result<Vec<_>> = (0..LINES).map(|_| connect()).collect();
        let lines = lines.map_err(|error| Error::internal(format!("nobody brings the image here: {error}")))?;
        Ok(Self {
            size,
            here: untouched(size.div_ceil(PIECE * 64) as usize),
            state: Mutex::new(State { lines, coming: Vec::new(), last: 0..0 }),
            changed: Condvar::new(),
            failure: OnceLock::new(),
        })
    }

    /// Why something could not be brought.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.get()
    }

    /// Brings what of `[from, to)` is not here; answers where it stops being here: `to`, unless something could not be had.
    pub fn bring(&self, from: u64, to: u64) -> u64 {
        let end = to.min(self.size).div_ceil(PIECE);
        let Some(absent) = self.first_absent(from / PIECE..end) else { return to };
        self.ask_for(absent..end);
        self.first_absent(absent..end).map_or(to, |piece| (piece * PIECE).max(from))
    }

    fn is_here(&self, piece: u64) -> bool {
        let word = self.here.get((piece / 64) as usize).map_or(0, |word| word.load(Ordering::Acquire));
        word >> (piece % 64) & 1 == 1
    }

    fn first_absent(&self, mut pieces: Range<u64>) -> Option<u64> {
        pieces.find(|piece| !self.is_here(*piece))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for pieces that nobody has asked for, and waits for those that others have.
    #[cold]
    fn ask_for(&self, mut wanted: Range<u64>) {
        let mut state = self.state();
        while self.failure.get().is_none()
            && let Some(piece) = self.first_absent(wanted.clone())
        {
            wanted.start = piece;
            let line = if state.is_coming(piece) { None } else { state.lines.pop() };
            let Some(line) = line else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let run = self.run(&state, wanted.clone());
            state.coming.push(run.clone());
            state.last = run.clone();
            drop(state);
            let answer = self.ask(&line, &run, wanted.end.min(run.end));
            state = self.state();
            state.coming.retain(|other| *other != run);
            match answer {
                Ok(end) => {
                    self.mark(run.start..end);
                    state.lines.push(line);
                }
                Err(error) => {
                    self.failure.get_or_init(|| error);
                }
            }
            self.changed.notify_all();
        }
    }

    /// What is asked for where the first of some pieces is absent: as many as are wanted, more where what was asked for
    /// last led up to it, none that is here or on its way.
    fn run(&self, state: &State, wanted: Range<u64>) -> Range<u64> {
        let first = wanted.start;
        let ahead = if first == state.last.end { 2 * (state.last.end - state.last.start) } else { 1 };
        let pieces = (wanted.end - first).max(ahead).min(MOST);
        let end = (first + pieces).min(self.size.div_ceil(PIECE));
        let ends = |piece: &u64| self.is_here(*piece) || state.is_coming(*piece);
        first..(first + 1..end).find(ends).unwrap_or(end)
    }

    fn mark(&self, run: Range<u64>) {
        for piece in run {
            if let Some(word) = self.here.get((piece / 64) as usize) {
                word.fetch_or(1 << (piece % 64), Ordering::Release);
            }
        }
    }

    /// Has one run brought, of which the pieces before one are needed; answers the piece before which all are here now.
    fn ask(&self, mut line: &UnixStream, run: &Range<u64>, needed: u64) -> Result<u64> {
        let (from, to) = (run.start * PIECE, (run.end * PIECE).min(self.size));
        let broken = |error: io::Error| {
            let what = match error.kind() {
                IoErrorKind::WouldBlock | IoErrorKind::TimedOut => "does not answer",
                _ => "is gone",
            };
            Error::evidence(format!("bytes {from} to {} were not read: what brings the image here {what}", to - 1))
        };
        let wrong = |what: String| Error::internal(format!("bytes {from} to {} were asked for: {what}", to - 1));
        let (length, least) = (to - from, (needed * PIECE).min(to) - from);
        line.write_all(&[from, least, length].map(u64::to_le_bytes).concat()).map_err(broken)?;
        let (mut kind, mut word) = ([0], [0; 8]);
        line.read_exact(&mut kind).map_err(broken)?;
        line.read_exact(&mut word).map_err(broken)?;
        let [kind] = kind;
        match (kind, u64::from_le_bytes(word)) {
            (BROUGHT, brought) if brought == length => Ok(run.end),
            (BROUGHT, brought) if (least..length).contains(&brought) && brought % PIECE == 0 => {
                Ok(run.start + brought / PIECE)
            }
            (BROUGHT, brought) => Err(wrong(format!("{brought} of {length} came"))),
            (_, text) if text > LONGEST_TEXT => Err(wrong("the answer is none".to_owned())),
            (_, text) => {
                let mut reason = vec![0; text as usize];
                line.read_exact(&mut reason).map_err(broken)?;
                let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
                let reason: String = String::from_utf8_lossy(&reason).chars().map(plain).collect();
                Err(match kind {
                    LIMIT => Error::limit(reason),
                    USAGE => Error::usage(reason),
                    _ => Error::evidence(reason),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
