//! Which parts of an evidence file can no longer be read, because it was cut off or its disk failed, and which are not
//! here yet.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::fstat;

use super::remote::Remote;

/// Unit in which a file is mapped and lost.
const PAGE: u64 = 4096;
/// Pages replaced one by one. A process has 65,530 mappings, and each page may cut one in three.
const MOST_REPLACED: u64 = 16_384;

/// A file that is mapped, and what of it is lost. A signal handler changes it, so it holds nothing but atomics.
pub struct Source {
    file: File,
    /// Bytes that were mapped.
    size: u64,
    /// Anything at all is lost, or need not be here: all that the usual read looks at.
    any: AtomicBool,
    /// The file's end, where it was found to be before `size`.
    end: AtomicU64,
    /// So much failed that nothing of the file is read any more.
    abandoned: AtomicBool,
    /// One bit for each page that cannot be read.
    pages: Box<[AtomicU64]>,
    /// How often mapped memory became other than it was.
    replaced: AtomicU64,
    /// Where the file stands for one that is elsewhere.
    remote: Option<Remote>,
}

/// Bytes that can no longer be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// How many.
    pub bytes: u64,
    /// Where the first was.
    pub first: u64,
}

impl Source {
    /// A file of which `size` bytes are mapped, and nothing is lost yet.
    pub fn new(file: File, size: u64) -> Self {
        Self {
            file,
            size,
            any: AtomicBool::new(false),
            end: AtomicU64::new(size),
            abandoned: AtomicBool::new(false),
            pages: untouched(size.div_ceil(PAGE * 64) as usize),
            replaced: AtomicU64::new(0),
            remote: None,
        }
    }

    /// The same of a file into which what is read is brought first.
    pub fn brought(file: File, size: u64, remote: Remote) -> Self {
        Self { any: AtomicBool::new(true), remote: Some(remote), ..Self::new(file, size) }
    }

    /// Where it stands for a file that is elsewhere.
    pub fn remote(&self) -> Option<&Remote> {
        self.remote.as_ref()
    }

    /// Bytes that the file had when it was opened.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file itself.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether anything is lost, or need not be here.
    #[inline]
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Grows whenever mapped memory was replaced by zeros.
    pub fn replaced(&self) -> u64 {
        self.replaced.load(Ordering::SeqCst)
    }

    /// Where `[from, to)` stops being readable: `to`, unless something of it is lost. What is not here is brought.
    #[inline]
    pub fn readable(&self, from: u64, to: u64) -> u64 {
        if self.any() { self.first_unreadable(from, to) } else { to }
    }

    #[cold]
    fn first_unreadable(&self, from: u64, to: u64) -> u64 {
        let here = self.remote.as_ref().map_or(to, |remote| remote.bring(from, to));
        self.first_lost(from, here)
    }

    /// Where the first byte of `[from, to)` is that is known to be lost, or `to`; nothing is brought for it.
    fn first_lost(&self, from: u64, to: u64) -> u64 {
        if self.abandoned.load(Ordering::Acquire) {
            return from;
        }
        let to = to.min(self.end.load(Ordering::Acquire)).max(from);
        self.lost_pages(from..to).next().map_or(to, |page| (page * PAGE).max(from))
    }

    /// Pages of a stretch that failed one by one.
    fn lost_pages(&self, bytes: Range<u64>) -> impl Iterator<Item = u64> {
        let (first, end) = (bytes.start / PAGE, bytes.end.div_ceil(PAGE));
        let words = (first / 64..end.div_ceil(64)).filter_map(|index| {
            let word = self.pages.get(index as usize)?.load(Ordering::Acquire);
            (word != 0).then_some((index, word))
        });
        words.flat_map(move |(index, word)| {
            let bits = (0..64).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| index * 64 + bit).filter(move |page| (first..end).contains(page))
        })
    }

    /// Whether nothing of `[from, to)` is known to be lost.
    pub fn is_whole(&self, from: u64, to: u64) -> bool {
        !self.any() || self.first_lost(from, to) == to
    }

    /// What of a stretch is lost.
    pub fn lost(&self, bytes: Range<u64>) -> Option<Lost> {
        if !self.any() || bytes.is_empty() {
            return None;
        }
        if self.abandoned.load(Ordering::Acquire) {
            return Some(Lost { bytes: bytes.end - bytes.start, first: bytes.start });
        }
        let end = self.end.load(Ordering::Acquire).clamp(bytes.start, bytes.end);
        let inside = |page: u64| (page * PAGE + PAGE).min(end) - (page * PAGE).max(bytes.start);
        let failed: u64 = self.lost_pages(bytes.start..end).map(inside).sum();
        let first = self.first_lost(bytes.start, bytes.end);
        (first < bytes.end).then_some(Lost { bytes: failed + (bytes.end - end), first })
    }

    /// Where the file ends now, if that is before what was mapped.
    pub fn cut_at(&self) -> Option<u64> {
        Some(self.end.load(Ordering::Acquire)).filter(|end| *end < self.size)
    }

    /// The page at an offset could not be read from the file.
    pub fn fail(&self, offset: u64) {
        if let Some(word) = self.pages.get((offset / PAGE / 64) as usize) {
            word.fetch_or(1 << (offset / PAGE % 64), Ordering::SeqCst);
        }
        self.any.store(true, Ordering::SeqCst);
    }

    /// The file ends at an offset.
    pub fn cut(&self, offset: u64) {
        if self.end.fetch_min(offset, Ordering::SeqCst) > offset {
            self.any.store(true, Ordering::SeqCst);
            self.replaced.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Looks whether the file has become shorter. The rest of its last page reads as zeros, and no signal tells of it.
    pub fn look(&self) {
        if let Ok(facts) = fstat(&self.file)
            && (facts.st_size as u64) < self.end.load(Ordering::Acquire)
        {
            self.cut(facts.st_size as u64);
        }
    }

    /// Takes down that the mapped page at an offset raised an error; answers which part of the map has to be replaced.
    /// Only system calls and atomics: it runs inside a signal handler.
    pub fn replace(&self, offset: u64) -> Range<u64> {
        self.look();
        let page = offset - offset % PAGE;
        let end = self.end.load(Ordering::Acquire);
        // Known before the map changes: whoever sees the zeros sees this as well.
        let earlier = self.replaced.fetch_add(1, Ordering::SeqCst);
        if end <= page {
            return end.next_multiple_of(PAGE)..self.size.next_multiple_of(PAGE);
        }
        if earlier >= MOST_REPLACED {
            self.abandoned.store(true, Ordering::SeqCst);
            self.any.store(true, Ordering::SeqCst);
            return 0..self.size.next_multiple_of(PAGE);
        }
        self.fail(page);
        page..page + PAGE
    }

    /// Fills `out` from an offset without going through the map; answers how many leading bytes could be read, and
    /// remembers what could not.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> usize {
        let readable = self.readable(offset, offset.saturating_add(out.len() as u64)) - offset;
        let out = out.get_mut(..readable as usize).unwrap_or_default();
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset + done as u64;
            match self.file.read_at(rest, at) {
                Ok(0) => {
                    self.cut(at);
                    break;
                }
                Ok(read) => done += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.fail(at);
                    break;
                }
            }
        }
        done
    }
}

/// Words of zeros that the system does not hand out before they are touched: an image may have very many pages.
#[allow(unsafe_code)]
pub fn untouched(words: usize) -> Box<[AtomicU64]> {
    const { assert!(align_of::<AtomicU64>() == align_of::<u64>()) };
    let zeros = Box::into_raw(vec![0_u64; words].into_boxed_slice());
    // SAFETY: an `AtomicU64` has the size and the valid bits of a `u64`, and on this target its alignment.
    unsafe { Box::from_raw(zeros as *mut [AtomicU64]) }
}

#[cfg(test)]
mod tests {
    use super::{Lost, MOST_REPLACED, PAGE, Source};

    fn source(pages: u64) -> Source {
        let file = tempfile::tempfile().unwrap();
        file.set_len(pages * PAGE).unwrap();
        Source::new(file, pages * PAGE)
    }

    #[test]
    fn pages_that_failed_end_what_is_readable_and_are_counted() {
        let source = source(300);
        assert_eq!((source.readable(0, 300 * PAGE), source.lost(0..300 * PAGE)), (300 * PAGE, None));
        for page in [70, 71, 200] {
            source.fail(page * PAGE + 17);
        }
        assert_eq!(source.readable(5, 300 * PAGE), 70 * PAGE);
        assert_eq!(source.readable(70 * PAGE + 9, 300 * PAGE), 70 * PAGE + 9);
        assert_eq!(source.readable(72 * PAGE, 200 * PAGE), 200 * PAGE);
        assert_eq!(source.lost(0..300 * PAGE), Some(Lost { bytes: 3 * PAGE, first: 70 * PAGE }));
        assert_eq!(source.lost(71 * PAGE + 96..72 * PAGE), Some(Lost { bytes: PAGE - 96, first: 71 * PAGE + 96 }));
        assert_eq!(source.replaced(), 0, "nothing that was mapped has changed");
    }

    #[test]
    fn a_file_that_became_shorter_ends_in_the_middle_of_a_page() {
        let source = source(10);
        source.file().set_len(3 * PAGE + 100).unwrap();
        source.look();
        assert_eq!((source.cut_at(), source.replaced()), (Some(3 * PAGE + 100), 1));
        assert_eq!(source.readable(0, 10 * PAGE), 3 * PAGE + 100);
        assert_eq!(source.readable(3 * PAGE + 104, 4 * PAGE), 3 * PAGE + 104);
        assert_eq!(source.lost(3 * PAGE..5 * PAGE), Some(Lost { bytes: 2 * PAGE - 100, first: 3 * PAGE + 100 }));
        assert_eq!(source.replace(7 * PAGE), 4 * PAGE..10 * PAGE);
        let mut out = [1; 200];
        assert_eq!(source.read_at(3 * PAGE, &mut out), 100);
    }

    #[test]
    fn a_disk_that_fails_everywhere_is_given_up() {
        let source = source(2 * MOST_REPLACED);
        for page in 0..MOST_REPLACED {
            assert_eq!(source.replace(page * 2 * PAGE).end, page * 2 * PAGE + PAGE);
        }
        assert_eq!(source.replace(PAGE), 0..2 * MOST_REPLACED * PAGE);
        assert_eq!(source.readable(0, PAGE), 0);
        assert_eq!(source.lost(0..5 * PAGE), Some(Lost { bytes: 5 * PAGE, first: 0 }));
    }
}
