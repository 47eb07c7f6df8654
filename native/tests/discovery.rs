//! Discovery against real images and what their machines said of themselves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Recorded, on_images, samples};
use salvor_native::error::ErrorKind;
use salvor_native::image::Image;
use salvor_native::kernel::Kernel;

fn open(path: &Path) -> Arc<Image> {
    Arc::new(Image::open(path).unwrap())
}

/// What a machine said of its kernel.
struct Truth {
    /// A sample holds the types of few modules, and its truth few symbols.
    sample: bool,
    banner: String,
    levels: u32,
    /// The note in sysfs where it was kept, else what VMCOREINFO said; a sample may have neither.
    build_id: Option<String>,
    /// The kernel's own symbols by /proc/kallsyms, those left out whose name occurs twice.
    symbols: HashMap<String, u64>,
}

fn truth(image: &Recorded) -> Truth {
    let host = image.json("host.json").unwrap();
    let build_id = image.json("oracle.json").and_then(|oracle| {
        let (_, id) = oracle["vmcoreinfo"].as_str()?.split_once("BUILD-ID=")?;
        Some(id.chars().take_while(char::is_ascii_hexdigit).collect())
    });
    let text = String::from_utf8(image.truth("raw/proc-kallsyms.txt").unwrap()).unwrap();
    let mut symbols: HashMap<String, Option<u64>> = HashMap::new();
    for line in text.lines().filter(|line| !line.contains('[')) {
        let mut words = line.split(' ');
        let address = words.next().and_then(|word| u64::from_str_radix(word, 16).ok());
        if let Some(name) = words.nth(1) {
            symbols.entry(name.to_owned()).and_modify(|known| *known = None).or_insert(address);
        }
    }
    let symbols: HashMap<_, _> = symbols.into_iter().filter_map(|(name, address)| Some((name, address?))).collect();
    assert!(image.sample || symbols.len() > 50_000);
    Truth {
        sample: image.sample,
        banner: host["version"].as_str().unwrap().to_owned(),
        levels: if host["la57"] == true { 5 } else { 4 },
        build_id,
        symbols,
    }
}

fn check(kernel: &Kernel, truth: &Truth) {
    assert_eq!(kernel.facts.banner, truth.banner);
    assert_eq!(Some(kernel.facts.release.as_str()), truth.banner.split(' ').nth(2));
    assert!(truth.build_id.is_none() || kernel.facts.build_id == truth.build_id, "{:?}", kernel.facts.build_id);
    assert_eq!(kernel.memory.geometry().levels, truth.levels);
    assert_eq!(Some(&kernel.facts.virtual_address), truth.symbols.get("_text"));
    assert_eq!(kernel.memory.translate(kernel.facts.virtual_address), Some(kernel.facts.physical));
    assert_eq!(kernel.facts.warnings, Vec::<String>::new());
    let symbols = truth.symbols.iter();
    let wrong: Vec<_> =
        symbols.filter(|(name, address)| kernel.symbols.address(name) != Some(**address)).take(5).collect();
    assert!(wrong.is_empty(), "wrong or missing: {wrong:x?}");
    assert!(kernel.symbols.len() >= truth.symbols.len().max(50_000));
    assert!(kernel.types.find("struct task_struct").is_some());
    let (listed, read) = (kernel.module_types().0, kernel.types.modules().count());
    assert!(if truth.sample { read <= listed } else { listed > 50 && read == listed }, "{read} of {listed}");
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

on_images!(every_symbol_is_where_the_machine_says_in_every_format);
fn every_symbol_is_where_the_machine_says_in_every_format(images: &[Recorded]) {
    for image in images {
        let truth = truth(image);
        for path in &image.files {
            let (clock, before) = (Instant::now(), cpu());
            let kernel = Kernel::discover(open(path), None).unwrap();
            eprintln!("{}: cold {:?} CPU, {:?}", path.display(), cpu() - before, clock.elapsed());
            assert_eq!(kernel.facts.symbols_from, "kallsyms");
            check(&kernel, &truth);
        }
    }
}

on_images!(a_scan_of_all_memory_finds_the_same_kernel);
fn a_scan_of_all_memory_finds_the_same_kernel(images: &[Recorded]) {
    for image in images {
        let truth = truth(image);
        for path in &image.files {
            let (clock, before) = (Instant::now(), cpu());
            let kernel = Kernel::discover_by_scan(open(path), None).unwrap();
            eprintln!("{}: by scan {:?} CPU, {:?}", path.display(), cpu() - before, clock.elapsed());
            check(&kernel, &truth);
        }
    }
}

on_images!(cached_symbols_are_the_same_and_damaged_ones_are_rebuilt);
fn cached_symbols_are_the_same_and_damaged_ones_are_rebuilt(images: &[Recorded]) {
    for image in images {
        let truth = truth(image);
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("symbols");
        let path = image.image();
        let discover = || Kernel::discover(open(path), Some(&cache)).unwrap();
        assert!(!discover().facts.symbols_cached);
        for path in &image.files {
            let (clock, before) = (Instant::now(), cpu());
            let kernel = Kernel::discover(open(path), Some(&cache)).unwrap();
            eprintln!("{}: cached {:?} CPU, {:?}", path.display(), cpu() - before, clock.elapsed());
            assert!(kernel.facts.symbols_cached);
            check(&kernel, &truth);
        }
        let scanned = Kernel::discover_by_scan(open(path), Some(&cache)).unwrap();
        assert!(scanned.facts.symbols_cached);
        let files: Vec<PathBuf> = fs::read_dir(&cache).unwrap().map(|file| file.unwrap().path()).collect();
        let named = |suffix: &str| files.iter().find(|file| file.extension().is_some_and(|own| own == suffix));
        let (symbols, types) = (named("symbols").unwrap(), named("types"));
        assert_eq!(files.len(), 1 + usize::from(types.is_some()));
        let whole = fs::read(symbols).unwrap_or_default();
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(symbols, damaged).unwrap();
        let kernel = discover();
        assert!(!kernel.facts.symbols_cached);
        check(&kernel, &truth);
        assert!(fs::read(symbols).unwrap_or_default() == whole, "the entry was not rewritten");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_a_warning() {
    let image = &samples()[0];
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache = file.path().join("below-a-file");
    let kernel = Kernel::discover(open(image.image()), Some(&cache)).unwrap();
    assert_eq!(kernel.facts.symbols_from, "kallsyms");
    assert_eq!(kernel.facts.warnings.len(), 1);
}

on_images!(what_discovery_reads_is_enough_to_discover_it_again);
fn what_discovery_reads_is_enough_to_discover_it_again(images: &[Recorded]) {
    for image in images {
        let truth = truth(image);
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("symbols");
        for cached in [false, true] {
            let distilled = folder.path().join(format!("distilled-{cached}.lime"));
            let whole = open(image.image());
            whole.record_touched();
            let kernel = Kernel::discover(Arc::clone(&whole), Some(&cache)).unwrap();
            assert_eq!(kernel.facts.symbols_cached, cached);
            check(&kernel, &truth);
            whole.write_touched(&distilled).unwrap();
            let size = fs::metadata(&distilled).map_or(0, |file| file.len());
            assert!(size < 40 << 20, "{size} bytes of {} for discovery alone", whole.size());
            for discover in [Kernel::discover, Kernel::discover_by_scan] {
                let kernel = discover(open(&distilled), None).unwrap();
                check(&kernel, &truth);
            }
        }
    }
}

#[test]
fn an_image_without_a_kernel_says_so() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), vec![0x5a; 4 << 20]).unwrap();
    let error = Kernel::discover(open(file.path()), None).err().map(|error| (error.kind, error.message));
    let message = "no Linux kernel found in the image (raw, 4194304 bytes): no kernel banner anywhere in its memory";
    assert_eq!(error, Some((ErrorKind::NoSymbols, message.to_owned())));
}
