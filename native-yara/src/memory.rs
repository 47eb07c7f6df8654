//! Memory as rules see it: in a row, wherever it lies in physical memory.

use boreal::memory::{FragmentedMemory, MemoryParams, Region, RegionDescription};
use salvor_native::image::Image;

/// Bytes of a region at most: what a string is found in has to lie in one.
const REGION: u64 = 16 << 20;

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
                _ => stretches.push(Stretch { start: address, length, runs: vec![piece] }),
            }
            done += length;
        }
    }
    stretches
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
            rest.iter_mut().zip(read).for_each(|(to, from)| *to = *from);
            read.len()
        };
        let next =
            if got < want { image.past_gap(at.saturating_add(got as u64)) } else { at.saturating_add(want as u64) };
        done = usize::try_from(next.saturating_sub(physical)).unwrap_or(usize::MAX);
    }
}

impl FragmentedMemory for Space<'_> {
    fn next(&mut self, _: &MemoryParams) -> Option<RegionDescription> {
        let stretch = self.stretches.get(self.next)?;
        self.next += 1;
        Some(RegionDescription { start: usize::try_from(stretch.start).ok()?, length: stretch.length as usize })
    }

    fn fetch(&mut self, _: &MemoryParams) -> Option<Region<'_>> {
        let stretch = self.stretches.get(self.next.checked_sub(1)?)?;
        self.bytes.clear();
        for run in &stretch.runs {
            let from = self.bytes.len();
            self.bytes.resize(from + run.length as usize, 0);
            fill(self.image.0, run.physical, self.bytes.get_mut(from..)?, &mut self.block);
        }
        Some(Region { start: usize::try_from(stretch.start).ok()?, mem: &self.bytes })
    }

    fn reset(&mut self) {
        self.next = 0;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{REGION, Run, stretches};

    #[test]
    fn runs_side_by_side_are_one_region_up_to_its_size() {
        let run = |address, physical, length| Run { address, physical, length };
        let runs = [run(0, 0x5000, 4096), run(4096, 0x1000, 4096), run(0x10000, 0, REGION + 4096)];
        let cut = stretches(&runs);
        let shape: Vec<_> = cut.iter().map(|one| (one.start, one.length, one.runs.len())).collect();
        assert_eq!(shape, [(0, 8192, 2), (0x10000, REGION, 1), (0x10000 + REGION, 4096, 1)]);
        assert_eq!(cut.last().unwrap().runs, [run(0x10000 + REGION, REGION, 4096)]);
        assert_eq!(stretches(&[]), []);
    }
}
