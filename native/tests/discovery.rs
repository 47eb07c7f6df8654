//! Discovery against real images and what their machines said of themselves. Set `SALVOR_IMAGES` to a folder of images;
//! without it nothing is tested.

#![allow(clippy::panic, reason = "a helper that cannot go on fails its test")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use salvor_native::error::ErrorKind;
use salvor_native::image::Image;
use salvor_native::kernel::Kernel;

const FORMATS: [&str; 3] = ["elf", "raw", "lime"];

/// Folders below `SALVOR_IMAGES` that hold a memory image and its truth.
fn images() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("SALVOR_IMAGES") else {
        eprintln!("skipped: SALVOR_IMAGES names no folder of images");
        return Vec::new();
    };
    let entries = fs::read_dir(&folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut images: Vec<PathBuf> = entries.unwrap_or_default();
    images.retain(|image| image.join("memory.elf").exists() && image.join("truth/raw/proc-kallsyms.txt").exists());
    images.sort();
    if images.is_empty() {
        eprintln!("skipped: no images in {}", folder.display());
    }
    images
}

fn open(path: &Path) -> Arc<Image> {
    Arc::new(Image::open(path).unwrap_or_else(|error| panic!("{error}")))
}

fn files(image: &Path) -> impl Iterator<Item = PathBuf> {
    FORMATS.into_iter().map(|format| image.join(format!("memory.{format}"))).filter(|path| path.exists())
}

/// The kernel's own symbols by /proc/kallsyms, those left out whose name occurs twice.
fn truth(image: &Path) -> HashMap<String, u64> {
    let text = fs::read_to_string(image.join("truth/raw/proc-kallsyms.txt")).unwrap_or_default();
    let mut symbols: HashMap<String, Option<u64>> = HashMap::new();
    for line in text.lines().filter(|line| !line.contains('[')) {
        let mut words = line.split(' ');
        let address = words.next().and_then(|word| u64::from_str_radix(word, 16).ok());
        if let Some(name) = words.nth(1) {
            symbols.entry(name.to_owned()).and_modify(|known| *known = None).or_insert(address);
        }
    }
    symbols.into_iter().filter_map(|(name, address)| Some((name, address?))).collect()
}

/// The build id by the truth: the note in sysfs where it was kept, else what VMCOREINFO said.
fn build_id(image: &Path) -> Option<String> {
    let oracle = fs::read_to_string(image.join("truth/oracle.json")).ok()?;
    let from = oracle.find("BUILD-ID=")? + "BUILD-ID=".len();
    Some(oracle.get(from..)?.chars().take_while(char::is_ascii_hexdigit).collect())
}

fn check(kernel: &Kernel, image: &Path, truth: &HashMap<String, u64>) {
    let version = fs::read_to_string(image.join("truth/raw/proc-version.txt")).unwrap_or_default();
    assert_eq!(kernel.facts.banner, version.trim_end());
    assert_eq!(Some(kernel.facts.release.as_str()), version.split(' ').nth(2));
    assert_eq!(kernel.facts.build_id, build_id(image));
    assert_eq!(kernel.memory.levels().count(), 4);
    assert_eq!(Some(&kernel.facts.virtual_address), truth.get("_text"));
    assert_eq!(kernel.memory.translate(kernel.facts.virtual_address), Some(kernel.facts.physical));
    assert_eq!(kernel.facts.warnings, Vec::<String>::new());
    let wrong: Vec<_> =
        truth.iter().filter(|(name, address)| kernel.symbols.address(name) != Some(**address)).take(5).collect();
    assert!(wrong.is_empty(), "wrong or missing: {wrong:x?}");
    assert!(truth.len() > 50_000 && kernel.symbols.len() >= truth.len());
    assert!(kernel.types.find("struct task_struct").is_some());
    assert!(kernel.module_types().0 > 50);
    assert_eq!(kernel.types.modules().count(), kernel.module_types().0);
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn every_symbol_is_where_the_machine_says_in_every_format() {
    for image in images() {
        let truth = truth(&image);
        for path in files(&image) {
            let (clock, before) = (Instant::now(), cpu());
            let kernel = Kernel::discover(open(&path), None).unwrap_or_else(|error| panic!("{error}"));
            eprintln!("{}: cold {:?} CPU, {:?}", path.display(), cpu() - before, clock.elapsed());
            assert_eq!(kernel.facts.symbols_from, "kallsyms");
            check(&kernel, &image, &truth);
        }
    }
}

#[test]
fn a_scan_of_all_memory_finds_the_same_kernel() {
    for image in images() {
        let truth = truth(&image);
        for path in files(&image) {
            let (clock, before) = (Instant::now(), cpu());
            let kernel = Kernel::discover_by_scan(open(&path), None).unwrap_or_else(|error| panic!("{error}"));
            eprintln!("{}: by scan {:?} CPU, {:?}", path.display(), cpu() - before, clock.elapsed());
            check(&kernel, &image, &truth);
        }
    }
}

#[test]
fn cached_symbols_are_the_same_and_damaged_ones_are_rebuilt() {
    for image in images() {
        let truth = truth(&image);
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let cache = folder.path().join("symbols");
        let path = image.join("memory.elf");
        let discover = || Kernel::discover(open(&path), Some(&cache)).unwrap_or_else(|error| panic!("{error}"));
        assert!(!discover().facts.symbols_cached);
        for path in files(&image) {
            let (clock, before) = (Instant::now(), cpu());
            let kernel = Kernel::discover(open(&path), Some(&cache)).unwrap_or_else(|error| panic!("{error}"));
            eprintln!("{}: cached {:?} CPU, {:?}", path.display(), cpu() - before, clock.elapsed());
            assert!(kernel.facts.symbols_cached);
            check(&kernel, &image, &truth);
        }
        let scanned = Kernel::discover_by_scan(open(&path), Some(&cache)).unwrap_or_else(|error| panic!("{error}"));
        assert!(scanned.facts.symbols_cached);
        let entries: Vec<_> = fs::read_dir(&cache).map(|files| files.flatten().collect()).unwrap_or_default();
        assert_eq!(entries.len(), 1);
        for entry in entries {
            let whole = fs::read(entry.path()).unwrap_or_default();
            let mut damaged = whole.clone();
            let middle = damaged.len() / 2;
            damaged[middle] ^= 1;
            fs::write(entry.path(), damaged).unwrap_or_else(|error| panic!("{error}"));
            let kernel = discover();
            assert!(!kernel.facts.symbols_cached);
            check(&kernel, &image, &truth);
            assert!(fs::read(entry.path()).unwrap_or_default() == whole, "the entry was not rewritten");
        }
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_a_warning() {
    let Some(image) = images().into_iter().next() else { return };
    let file = tempfile::NamedTempFile::new().unwrap_or_else(|error| panic!("{error}"));
    let cache = file.path().join("below-a-file");
    let kernel = Kernel::discover(open(&image.join("memory.elf")), Some(&cache));
    let kernel = kernel.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(kernel.facts.symbols_from, "kallsyms");
    assert_eq!(kernel.facts.warnings.len(), 1);
}

#[test]
fn what_discovery_reads_is_enough_to_discover_it_again() {
    for image in images() {
        let truth = truth(&image);
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let cache = folder.path().join("symbols");
        for cached in [false, true] {
            let distilled = folder.path().join(format!("distilled-{cached}.lime"));
            let whole = open(&image.join("memory.elf"));
            whole.record_touched();
            let kernel = Kernel::discover(Arc::clone(&whole), Some(&cache)).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(kernel.facts.symbols_cached, cached);
            assert!(kernel.types.modules().count() > 50 && kernel.module_types().0 > 50);
            whole.write_touched(&distilled).unwrap_or_else(|error| panic!("{error}"));
            let size = fs::metadata(&distilled).map_or(0, |file| file.len());
            assert!(size < 40 << 20, "{size} bytes of {} for discovery alone", whole.size());
            for discover in [Kernel::discover, Kernel::discover_by_scan] {
                let kernel = discover(open(&distilled), None).unwrap_or_else(|error| panic!("{error}"));
                check(&kernel, &image, &truth);
            }
        }
    }
}

#[test]
fn an_image_without_a_kernel_says_so() {
    let file = tempfile::NamedTempFile::new().unwrap_or_else(|error| panic!("{error}"));
    fs::write(file.path(), vec![0x5a; 4 << 20]).unwrap_or_else(|error| panic!("{error}"));
    let error = Kernel::discover(open(file.path()), None).err().map(|error| (error.kind, error.message));
    let message = "no Linux kernel found in the image (raw, 4194304 bytes): no kernel banner anywhere in its memory";
    assert_eq!(error, Some((ErrorKind::NoSymbols, message.to_owned())));
}
