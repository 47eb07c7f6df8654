//! Holds YARA rules against memory: of processes and of files, whose runs salvor's core tells, or all of it.

mod memory;

use std::path::Path;
use std::time::Duration;

use boreal::compiler::CompilerParams;
use boreal::scanner::{EvaluatedRule, ScanParams, Scanner};
use boreal::{Compiler, scanner::FragmentedScanMode};
use memory::{Run, Space};
use napi::bindgen_prelude::{BigUint64Array, Uint32Array};
use napi_derive::napi;
use salvor_native::image::Image;

/// Matches of one string of a rule that are told.
const MOST_MATCHES: u32 = 10_000;
/// Matches of one call.
const MOST_HITS: usize = 1 << 18;
/// How long one call may take: rules may be made to take forever.
const LONGEST_SCAN: Duration = Duration::from_secs(3600);
/// Bytes that are looked at beyond as many as the image holds: many addresses may share one page, but tables that lie lead
/// to any number.
const MORE: u64 = 4 << 30;
/// The largest file that is put together to be held against rules as one.
const LARGEST_FILE: u64 = 256 << 20;

/// An error whose `code` JavaScript can tell apart, as the core's.
type Result<T> = std::result::Result<T, napi::Error<&'static str>>;

fn wrong(message: String) -> napi::Error<&'static str> {
    napi::Error::new("OPTION", message)
}

/// Rules, and the image that they are held against.
#[napi]
pub struct Rules {
    scanner: Scanner,
    image: Image,
}

#[napi]
impl Rules {
    /// Compiles the text of a file with rules, for an image that the core has opened.
    #[napi(constructor, catch_unwind)]
    pub fn new(image: String, name: String, text: String) -> Result<Self> {
        let mut compiler = Compiler::new();
        // What a rule file includes would be read from wherever it says.
        compiler.set_params(CompilerParams::default().disable_includes(true));
        if let Err(error) = compiler.add_rules_str(&text) {
            let why = error.to_string();
            let lines: Vec<_> = why.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            return Err(wrong(format!("{name}: {}", lines.join(" "))));
        }
        let mut scanner = compiler.finalize();
        let params = ScanParams::default()
            .compute_full_matches(true)
            .string_max_nb_matches(MOST_MATCHES)
            .match_max_length(0)
            .timeout_duration(Some(LONGEST_SCAN))
            .fragmented_scan_mode(FragmentedScanMode::legacy());
        scanner.set_scan_params(params);
        let image = Image::open(Path::new(&image)).map_err(|error| napi::Error::new("EVIDENCE", error.message))?;
        Ok(Self { scanner, image })
    }

    /// How many rules there are.
    #[napi(getter)]
    pub fn count(&self) -> u32 {
        self.scanner.rules().count() as u32
    }

    /// Holds them against memory in runs: address, physical address and bytes of each, ascending by address. Of a file
    /// `size` is how long it is; what of it is not in memory are zeros.
    #[napi(catch_unwind)]
    pub fn scan(&self, runs: BigUint64Array, size: Option<f64>) -> Result<Matches> {
        let runs: Vec<_> = runs
            .as_chunks::<3>()
            .0
            .iter()
            .map(|[address, physical, length]| Run { address: *address, physical: *physical, length: *length })
            .collect();
        let held: u64 = self.image.ranges().iter().map(|range| range.length).sum();
        let (runs, cut) = at_most(runs, held.saturating_add(MORE));
        let space = Space::new(&self.image, &runs);
        let places = Space::new(&self.image, &runs);
        let found = match size.map(|size| size as u64).filter(|size| *size <= LARGEST_FILE) {
            Some(size) => self.scanner.scan_mem(&whole(&self.image, &runs, size)),
            None => self.scanner.scan_fragmented(space),
        };
        let (found, timed_out) = match found {
            Ok(found) => (found, false),
            Err((_, found)) => (found, true),
        };
        let mut matches = Gathered { capped: cut || timed_out, ..Gathered::default() };
        for rule in &found.rules {
            matches.add(rule, &places);
        }
        Ok(matches.into())
    }
}

/// Runs up to so many bytes, and whether there are more.
fn at_most(mut runs: Vec<Run>, mut left: u64) -> (Vec<Run>, bool) {
    let fits =
        runs.iter().take_while(|run| left.checked_sub(run.length).inspect(|rest| left = *rest).is_some()).count();
    let cut = fits < runs.len();
    runs.truncate(fits);
    (runs, cut)
}

/// A file from its first byte to its last.
fn whole(image: &Image, runs: &[Run], size: u64) -> Vec<u8> {
    let mut bytes = vec![0; size as usize];
    for run in runs {
        let end = run.address.saturating_add(run.length).min(size);
        if let Some(part) = bytes.get_mut(run.address as usize..end as usize) {
            image.copy(run.physical, part);
        }
    }
    bytes
}

#[derive(Default)]
struct Gathered {
    rules: Vec<String>,
    patterns: Vec<String>,
    addresses: Vec<u64>,
    physical: Vec<u64>,
    lengths: Vec<u32>,
    capped: bool,
}

impl Gathered {
    fn add(&mut self, rule: &EvaluatedRule, space: &Space) {
        let before = self.rules.len();
        for string in &rule.matches {
            self.capped |= string.matches.len() >= MOST_MATCHES as usize;
            let places = string.matches.iter().map(|found| (found.base as u64).saturating_add(found.offset as u64));
            let mut seen: Vec<_> = places.zip(&string.matches).collect();
            // Regions overlap, and what an expression without a fixed text finds is told of both.
            seen.sort_by_key(|(address, _)| *address);
            seen.dedup_by_key(|(address, _)| *address);
            for (address, found) in seen {
                if let Some(physical) = space.physical(address) {
                    self.push(rule, format!("${}", string.name), (address, physical, found.length as u32));
                }
            }
        }
        // A condition may ask for no string.
        if self.rules.len() == before {
            self.push(rule, String::new(), (0, 0, 0));
        }
    }

    fn push(&mut self, rule: &EvaluatedRule, pattern: String, (address, physical, length): (u64, u64, u32)) {
        if self.rules.len() >= MOST_HITS {
            self.capped = true;
            return;
        }
        self.rules.push(rule.name.to_owned());
        self.patterns.push(pattern);
        self.addresses.push(address);
        self.physical.push(physical);
        self.lengths.push(length);
    }
}

/// Places at which rules hold; a row with an empty pattern is a rule whose condition asks for none.
#[napi(object)]
pub struct Matches {
    /// Names of rules.
    pub rules: Vec<String>,
    /// Names of their strings.
    pub patterns: Vec<String>,
    /// Where each is for whoever sees the memory.
    pub addresses: BigUint64Array,
    /// And in physical memory.
    pub physical: BigUint64Array,
    /// Bytes of each.
    pub lengths: Uint32Array,
    /// There may be more than are told: too many, or too much to look at.
    pub capped: bool,
}

impl From<Gathered> for Matches {
    fn from(found: Gathered) -> Self {
        Self {
            rules: found.rules,
            patterns: found.patterns,
            addresses: found.addresses.into(),
            physical: found.physical.into(),
            lengths: found.lengths.into(),
            capped: found.capped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Run, at_most};

    #[test]
    fn no_more_is_looked_at_than_may_be() {
        let run = |length| Run { address: 0, physical: 0, length };
        let runs = vec![run(4096), run(u64::MAX), run(1)];
        assert_eq!(at_most(runs.clone(), 8192), (vec![run(4096)], true));
        assert_eq!(at_most(vec![run(4096); 2], 8192), (vec![run(4096); 2], false));
        assert_eq!(at_most(runs, 0), (vec![], true));
    }
}
