//! What of an image was lost while it was read, and work that must not be built on zeros in its place.

use std::sync::PoisonError;

use super::Image;
use super::blocks::Blocks;
use super::source::{Lost, Source};
use crate::error::{Error, Result};

/// Memory that the file no longer gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// One line for the user, with the offset in the file.
    pub message: String,
    /// How much memory, in bytes.
    pub bytes: u64,
}

impl Loss {
    fn of_memory(what: &str, bytes: u64, physical: u64) -> Self {
        Self { message: format!("{what}; {bytes} bytes of memory, from physical {physical:#x}, are lost"), bytes }
    }
}

impl Image {
    /// What could not be read since the image was opened, because the file was cut off or failed.
    pub fn loss(&self) -> Option<Loss> {
        self.sources().for_each(Source::look);
        let source = self.file.source();
        if let Some(blocks) = &self.blocks {
            return self.damage(blocks);
        }
        let lost = |range: &super::Range| {
            let lost = source.lost(range.offset..range.offset + range.length)?;
            Some((lost, range.start + (lost.first - range.offset)))
        };
        let parts: Vec<_> = self.ranges.iter().filter_map(lost).collect();
        let (Lost { first: offset, .. }, physical) = parts.iter().min_by_key(|(lost, _)| lost.first)?;
        let bytes = parts.iter().map(|(lost, _)| lost.bytes).sum();
        let what = self
            .cut_off()
            .unwrap_or_else(|| format!("the file cannot be read at offset {offset:#x}: its disk or connection fails"));
        Some(Loss::of_memory(&what, bytes, *physical))
    }

    /// Fails where something of a file that is elsewhere could not be brought.
    pub fn reachable(&self) -> Result<()> {
        self.file.reachable()
    }

    /// What of packed memory could not be unpacked so far.
    fn damage(&self, blocks: &Blocks) -> Option<Loss> {
        let Some(Lost { bytes, first: plain }) = blocks.damaged() else {
            // What its headers said may have been read from what is gone.
            return self.cut_off().map(|message| Loss { message, bytes: 0 });
        };
        let inside = |range: &&super::Range| (range.offset..range.offset + range.length).contains(&plain);
        let physical = self.ranges.iter().find(inside).map_or(plain, |range| range.start + (plain - range.offset));
        let what = self
            .cut_off()
            .unwrap_or_else(|| "packed memory is damaged: it does not unpack to what it should".to_owned());
        Some(Loss::of_memory(&what, bytes, physical))
    }

    /// Where the file was found to end before it did.
    fn cut_off(&self) -> Option<String> {
        let (source, path) = self.sources().zip(self.files()).find(|(source, _)| source.cut_at().is_some())?;
        let end = source.cut_at()?;
        let of = if self.companions.is_empty() { String::new() } else { format!(" {}", path.display()) };
        Some(format!("the file{of} was cut off at offset {end:#x} while it was read"))
    }

    /// Does work whose result holds nothing that was read in the place of lost memory: where mapped memory was replaced
    /// by zeros meanwhile, it is done again, and finds that memory unreadable. That ends, for the same memory is not
    /// lost twice. Fails when the kernel's own types are among what was lost, and where something could not be brought.
    pub fn undisturbed<T>(&self, mut work: impl FnMut() -> Result<T>) -> Result<T> {
        let source = self.file.source();
        loop {
            let before = source.replaced();
            if source.any() {
                self.check_kept()?;
            }
            let result = work();
            self.trim();
            source.look();
            self.reachable()?;
            if source.replaced() == before {
                return result;
            }
        }
    }

    /// What is kept of the map would now be zeros.
    fn check_kept(&self) -> Result<()> {
        let source = self.file.source();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.iter().all(|part| source.readable(part.start, part.end) == part.end) {
            return Ok(());
        }
        let loss = self.loss().map_or_else(String::new, |loss| loss.message);
        Err(Error::evidence(format!("{loss}, and the kernel's types with them")))
    }
}

#[cfg(test)]
mod tests {
    use crate::image::{Image, PAGE_SIZE};

    /// A raw image whose words are numbered, and of which two pages cannot be read.
    fn failing() -> Image {
        let bytes: Vec<u8> = (0_u64..1 << 18).flat_map(u64::to_le_bytes).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let image = Image::open(file.path()).unwrap();
        image.file.source().fail(5 * PAGE_SIZE);
        image.file.source().fail(9 * PAGE_SIZE + 1);
        image
    }

    #[test]
    fn a_scan_goes_on_behind_pages_that_cannot_be_read() {
        let image = failing();
        let mut buffer = Vec::new();
        let (mut at, mut seen) = (0, Vec::new());
        while at < image.size() {
            let block = image.read_block(at, (image.size() - at) as usize, &mut buffer);
            seen.push((at / PAGE_SIZE, block.len() as u64 / PAGE_SIZE));
            assert!(block.is_empty() || block[..8] == (at / 8).to_le_bytes());
            at = image.past_gap(at + block.len() as u64);
        }
        assert_eq!(seen, [(0, 5), (6, 3), (10, 502)]);
    }

    #[test]
    fn what_a_scan_looks_at_in_place_is_what_it_would_read() {
        let image = failing();
        let (mut copied, mut buffer) = (Vec::new(), Vec::new());
        for (at, length) in
            [(0, 4096), (17, 5 * 4096 - 17), (4 * 4096, 4 * 4096), (10 * 4096, 500 * 4096), (1 << 21, 1)]
        {
            let read = image.read_block(at, length, &mut copied);
            assert_eq!(image.block(at, length, &mut buffer), read);
            assert!(image.at_hand(at, length).is_none_or(|bytes| bytes == read && bytes.len() == length));
        }
        assert!(image.at_hand(0, 4096).is_some(), "what was just written is in memory");
        assert_eq!(image.at_hand(4 * 4096, 2 * 4096), None, "not what is lost");
    }

    #[test]
    fn pages_that_are_given_back_are_read_again_and_lost_ones_stay_lost() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0_u64..1 << 18).flat_map(u64::to_le_bytes).collect();
        std::fs::write(file.path(), bytes).unwrap();
        let image = Image::open(file.path()).unwrap();
        let borrowed = image.borrow(0x3000, 8).unwrap();
        file.as_file().set_len(0x8000).unwrap();
        let read =
            || image.undisturbed(|| Ok([0x3000, 0x7ff8, 0x8000, 0x10_0000].map(|at| image.read_u64(at)))).unwrap();
        let before = read();
        assert_eq!(before, [Some(0x600), Some(0xfff), None, None]);
        image.file.release();
        assert_eq!((read(), borrowed), (before, &0x600_u64.to_le_bytes()[..]));
    }

    #[test]
    fn pages_that_cannot_be_read_are_counted_and_told_with_both_addresses() {
        let message = "the file cannot be read at offset 0x5000: its disk or connection fails; \
            8192 bytes of memory, from physical 0x5000, are lost";
        assert_eq!(failing().loss().map(|loss| (loss.message, loss.bytes)), Some((message.to_owned(), 8192)));
    }

    #[test]
    fn pages_that_cannot_be_read_are_never_values() {
        let image = failing();
        assert_eq!(
            (image.read_u64(0x4ff8), image.read_u64(0x5000), image.read_u64(0x6000)),
            (Some(0x9ff), None, Some(0xc00))
        );
        let mut out = [0; 16];
        assert_eq!((image.read(0x4ff8, &mut out), image.peek(0x4ff8, 16)), (8, None));
    }

    #[test]
    fn a_distilled_image_has_no_zeros_where_pages_could_not_be_read() {
        let image = failing();
        image.record_touched();
        image.touch(4 * PAGE_SIZE, 3 * PAGE_SIZE);
        let folder = tempfile::tempdir().unwrap();
        let small = folder.path().join("small.lime");
        assert_eq!(image.write_touched(&small).unwrap(), 2);
        let small = Image::open(&small).unwrap();
        assert_eq!(
            (small.read_u64(0x4000), small.read_u64(0x5000), small.read_u64(0x6000)),
            (Some(0x800), None, Some(0xc00))
        );
    }
}
