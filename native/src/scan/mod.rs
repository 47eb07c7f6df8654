//! Chunk scans: byte ranges of physical memory searched for what no list needs to know.
//!
//! A kind of scan is a file here, a [`Scan`] and a line in `KINDS`. All that are asked for go over memory together: each
//! block is read once, and each looks at it while it is in the processor's cache.

pub mod bytes;
pub mod logical;
pub mod matcher;
pub mod own;
pub mod tasks;
pub mod user;
pub mod user_part;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::kernel::Kernel;

/// How much is read at a time: a block that stays in the processor's cache.
const BLOCK: u64 = 1 << 20;

/// Begins a scan of a chunk, by its parameters.
type Begin = for<'a> fn(&'a Kernel, &Value, Chunk) -> Result<Box<dyn Scan + 'a>>;

/// Every kind of scan by name.
const KINDS: &[(&str, Begin)] = &[("bytes", bytes::begin), ("tasks", tasks::begin)];

/// A part of physical memory.
#[derive(Debug, Clone, Copy)]
pub struct Chunk {
    /// The first address.
    pub start: u64,
    /// The first behind it.
    pub end: u64,
}

/// One scan on its way over a chunk.
pub trait Scan {
    /// How many bytes behind a block may be part of a hit that begins in it.
    fn reach(&self) -> usize {
        0
    }

    /// Looks for what begins in the first `own` bytes of what lies at a physical address. Blocks come in order.
    fn block(&mut self, physical: u64, bytes: &[u8], own: usize);

    /// Whether it has as many hits as are kept.
    fn is_full(&self) -> bool;

    /// What it has found.
    fn finish(self: Box<Self>) -> Hits;
}

/// What was found in one chunk.
#[derive(Debug, Default)]
pub struct Hits {
    /// Ascending; physical or virtual, as the kind of scan has it.
    pub addresses: Vec<u64>,
    /// Which of several things asked for lies at each; empty where a scan looks for one.
    pub which: Vec<u32>,
    /// Bytes of each; empty where those of a kind are all as long.
    pub lengths: Vec<u32>,
    /// There were more than are kept.
    pub capped: bool,
}

/// Runs scans over chunks, given by start and length, on so many threads; what each found in each chunk, as [`chunk`] has
/// it.
pub fn chunks(
    kernel: &Kernel,
    requests: &[Value],
    chunks: &[[u64; 2]],
    threads: usize,
) -> Result<Vec<Vec<Result<Hits>>>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some([start, length]) = chunks.get(number) else { return found };
            found.push((number, chunk(kernel, requests, *start, *length)));
        }
    };
    let mut found = thread::scope(|scope| {
        // Where the system has no thread left, there is one less.
        let others = (1..threads.min(chunks.len())).flat_map(|_| thread::Builder::new().spawn_scoped(scope, work));
        let others: Vec<_> = others.collect();
        let mut found = work();
        for other in others {
            found.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        found
    });
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, found)| found).collect()
}

/// Runs scans (JSON: `kind` and parameters) over `[start, start + length)`. What cannot be read the image remembers. One
/// that cannot be made fails by itself.
pub fn chunk(kernel: &Kernel, requests: &[Value], start: u64, length: u64) -> Result<Vec<Result<Hits>>> {
    let chunk = Chunk { start, end: start.saturating_add(length) };
    kernel.memory.image().undisturbed(|| {
        kernel.memory.image().bring(start, length);
        let mut scans: Vec<_> = requests.iter().map(|request| begin(kernel, request, chunk)).collect();
        let mut running: Vec<_> = scans.iter_mut().flatten().map(|scan| (scan, false)).collect();
        let rest = pass(kernel, &mut running, chunk);
        let cut: Vec<bool> = running.into_iter().map(|(_, cut)| cut || rest).collect();
        let mut cut = cut.into_iter();
        Ok(scans.into_iter().map(|scan| scan.map(|scan| finish(scan, cut.next().unwrap_or(rest)))).collect())
    })
}

fn begin<'a>(kernel: &'a Kernel, request: &Value, chunk: Chunk) -> Result<Box<dyn Scan + 'a>> {
    let name = request.get("kind").and_then(Value::as_str).unwrap_or_default();
    let kind = KINDS.iter().find(|(known, _)| *known == name);
    let (_, begin) = kind.ok_or_else(|| Error::usage(format!("there is no scan called '{name}'")))?;
    begin(kernel, request, chunk)
}

/// Reads each block once and shows it to all scans; tells whether it ended early because none looks for more.
fn pass<'a>(kernel: &Kernel, running: &mut [(&mut Box<dyn Scan + 'a>, bool)], chunk: Chunk) -> bool {
    let image = kernel.memory.image();
    let reach = running.iter().map(|(scan, _)| scan.reach()).max().unwrap_or(0);
    let mut buffer = Vec::new();
    let mut at = chunk.start;
    while at < chunk.end && running.iter().any(|(scan, _)| !scan.is_full()) {
        let want = (chunk.end - at).min(BLOCK) as usize;
        let block = image.block(at, want + reach, &mut buffer);
        let own = block.len().min(want);
        for (scan, cut) in running.iter_mut() {
            if scan.is_full() {
                *cut = true;
            } else {
                scan.block(at, block, own);
            }
        }
        at = if own < want { image.past_gap(at + own as u64) } else { at + want as u64 };
    }
    at < chunk.end
}

fn finish(scan: Box<dyn Scan + '_>, cut: bool) -> Hits {
    let mut hits = scan.finish();
    hits.capped |= cut;
    hits
}
