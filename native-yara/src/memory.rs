//! Memory as rules see it: in a row, wherever it lies in physical memory.

use boreal::memory::{FragmentedMemory, MemoryParams, Region, RegionDescription};
use salvor_native::image::Image;

/// Bytes of a region at most, less what it has of the next.
const REGION: u64 = 16 << 20;

/// Bytes of the next region that are shown with one where memory goes on: what begins in one and ends in the next is found
/// if it is no longer than this.
const OVERLAP: u64 = 64 << 10;

/// Bytes that are read from the file at a time.
const BLOCK: usize = 1 << 20;

/// Memory that lies in a row both for whoever sees it and in physical memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where it begins for whoever sees it.
    pub address: u64,
    /// Where it begins in physical memory.
    pub physical: u64,
    /// Bytes.
    pub length: u64,
}

/// Runs without a gap between them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretch {
    start: u64,
    length: u64,
    runs: Vec<Run>,
    /// Where memory goes on, what comes next.
    more: Vec<Run>,
}

/// Memory that is held against rules.
#[derive(Debug)]
pub struct Space<'i> {
    image: ImageRef<'i>,
    stretches: Vec<Stretch>,
    /// Which is next, and which was given last is the one before.
    next: usize,
    bytes: Vec<u8>,
    block: Vec<u8>,
}

/// An image, which has no words for itself.
struct ImageRef<'i>(&'i Image);

impl std::fmt::Debug for ImageRef<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        out.write_str("Image")
    }
}

impl<'i> Space<'i> {
    /// Memory in runs, ascending by address.
    pub fn new(image: &'i Image, runs: &[Run]) -> Self {
        Self { image: ImageRef(image), stretches: stretches(runs), next: 0, bytes: Vec::new(), block: Vec::new() }
    }

    /// Where something lies in physical memory.
    pub fn physical(&self, address: u64) -> Option<u64> {
        let after = self.stretches.partition_point(|stretch| stretch.start <= address);
        let stretch = self.stretches.get(after.checked_sub(1)?)?;
        let after = stretch.runs.partition_point(|run| run.address <= address);
        let run = stretch.runs.get(after.checked_sub(1)?)?;
        let inside = address.checked_sub(run.address).filter(|inside| *inside < run.length)?;
        run.physical.checked_add(inside)
    }
}

/// Cuts runs where there is a gap between them and where a region would be too large.
fn stretches(runs: &[Run]) -> Vec<Stretch> {
    let mut stretches = apart(runs);
    for at in 1..stretches.len() {
        let (before, after) = stretches.split_at_mut(at);
        let (Some(one), Some(next)) = (before.last_mut(), after.first()) else { continue };
        if one.start.checked_add(one.length) == Some(next.start) {
            one.more = first_of(&next.runs, OVERLAP);
        }
    }
    stretches
}

/// The first bytes of runs.
fn first_of(runs: &[Run], mut left: u64) -> Vec<Run> {
    let mut first = Vec::new();
    for run in runs {
        let length = run.length.min(left);
        left -= length;
        if length > 0 {
            first.push(Run { length, ..*run });
        }
    }
    first
}

fn apart(runs: &[Run]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for run in runs {
        let mut done = 0;
        while done < run.length {
            let address = run.address.saturating_add(done);
            let last = stretches.last().filter(|last| last.start.checked_add(last.length) == Some(address));
            let room = last.map_or(REGION, |last| REGION.saturating_sub(last.length));
            let length = (run.length - done).min(if room == 0 { REGION } else { room });
            let piece = Run { address, physical: run.physical.saturating_add(done), length };
            match stretches.last_mut() {
                Some(last) if last.start.checked_add(last.length) == Some(address) && room > 0 => {
                    last.length += length;
                    last.runs.push(piece);
                }
                _ => stretches.push(Stretch { start: address, length, runs: vec![piece], more: Vec::new() }),
            }
            done += length;
        }
    }
    stretches
}

/// Where all of a stretch lies in physical memory, if it does so in a row.
fn in_a_row(stretch: &Stretch) -> Option<(u64, usize)> {
    let mut runs = stretch.runs.iter().chain(&stretch.more);
    let first = runs.next()?;
    let end = runs.try_fold(first.physical.checked_add(first.length)?, |end, run| {
        (run.physical == end).then(|| end.checked_add(run.length)).flatten()
    })?;
    Some((first.physical, usize::try_from(end - first.physical).ok()?))
}

/// Reads into zeros what the image holds from a physical address on. What it lacks stays zero: nothing is found there, and
/// what lies behind it has its place.
fn fill(image: &Image, physical: u64, out: &mut [u8], block: &mut Vec<u8>) {
    let mut done = 0;
    while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = physical.saturating_add(done as u64);
        let want = rest.len().min(BLOCK);
        // Pages come from the mapped file; larger parts are read, so that all of memory does not fill this process.
        let got = if want < BLOCK {
            image.copy(at, rest)
        } else {
            let read = image.read_block(at, want, block);
            if let Some(to) = rest.get_mut(..read.len()) {
                to.copy_from_slice(read);
            }
            read.len()
        };
        let next =
            if got < want { image.past_gap(at.saturating_add(got as u64)) } else { at.saturating_add(want as u64) };
        done = usize::try_from(next.saturating_sub(physical)).unwrap_or(usize::MAX);
    }
}

impl FragmentedMemory for Space<'_> {
    // What a region has of the next is no part of it for whoever asks for a place.
    fn next(&mut self, _: &MemoryParams) -> Option<RegionDescription> {
        self.image.0.trim();
        let stretch = self.stretches.get(self.next)?;
        self.next += 1;
        Some(RegionDescription { start: usize::try_from(stretch.start).ok()?, length: stretch.length as usize })
    }

    fn fetch(&mut self, _: &MemoryParams) -> Option<Region<'_>> {
        let stretch = self.stretches.get(self.next.checked_sub(1)?)?;
        let start = usize::try_from(stretch.start).ok()?;
        if let Some((physical, length)) = in_a_row(stretch)
            && let Some(mem) = self.image.0.at_hand(physical, length)
        {
            return Some(Region { start, mem });
        }
        self.bytes.clear();
        for run in stretch.runs.iter().chain(&stretch.more) {
            let from = self.bytes.len();
            self.bytes.resize(from + run.length as usize, 0);
            fill(self.image.0, run.physical, self.bytes.get_mut(from..)?, &mut self.block);
        }
        Some(Region { start, mem: &self.bytes })
    }

    fn reset(&mut self) {
        self.next = 0;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::io::Write;

    use boreal::Compiler;
    use boreal::scanner::ScanParams;
    use salvor_native::image::Image;

    use super::{OVERLAP, REGION, Run, Space, in_a_row, stretches};

    fn run(address: u64, physical: u64, length: u64) -> Run {
        Run { address, physical, length }
    }

    #[test]
    fn runs_side_by_side_are_one_region_up_to_its_size() {
        let runs = [run(0, 0x5000, 4096), run(4096, 0x1000, 4096), run(0x10000, 0, REGION + 4096)];
        let cut = stretches(&runs);
        let shape: Vec<_> = cut.iter().map(|one| (one.start, one.length, one.runs.len())).collect();
        assert_eq!(shape, [(0, 8192, 2), (0x10000, REGION, 1), (0x10000 + REGION, 4096, 1)]);
        let [_, large, rest] = &cut[..] else { panic!("{cut:?}") };
        assert_eq!(rest.runs, [run(0x10000 + REGION, REGION, 4096)]);
        assert_eq!((&large.more, &rest.more), (&rest.runs, &vec![]));
        assert_eq!(in_a_row(large), Some((0, REGION as usize + 4096)));
        assert_eq!(in_a_row(&cut[0]), None);
        assert_eq!(stretches(&[]), []);
    }

    #[test]
    fn what_goes_over_the_edge_of_a_region_is_found_once() {
        let mut bytes = vec![b'.'; 2 * REGION as usize + 4096];
        let edge = REGION as usize;
        let places = [edge - 3, edge + 100, edge + OVERLAP as usize - 3, 2 * edge - 1, 2 * edge + 50];
        for at in places {
            bytes[at..at + 6].copy_from_slice(b"needle");
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let image = Image::open(file.path()).unwrap();
        let mut compiler = Compiler::new();
        compiler.add_rules_str(r#"rule edge { strings: $a = "needle" condition: #a == 5 }"#).unwrap();
        let mut scanner = compiler.finalize();
        scanner.set_scan_params(ScanParams::default().compute_full_matches(true));
        let length = bytes.len() as u64;
        let half = REGION + 0x1000;
        // In a row, and in two parts that change places.
        let turned = [run(0, half, length - half), run(length - half, 0, half)];
        for runs in [&[run(0, 0, length)][..], &turned] {
            let found = scanner.scan_fragmented(Space::new(&image, runs)).unwrap();
            let space = Space::new(&image, runs);
            let matches = found.rules.iter().flat_map(|rule| &rule.matches).flat_map(|string| &string.matches);
            let mut seen: Vec<_> =
                matches.map(|one| space.physical((one.base + one.offset) as u64).unwrap() as usize).collect();
            seen.sort_unstable();
            assert_eq!(seen, places);
        }
    }
}
