//! Finds an image's kernel: guesses where it may lie, reads its symbols there, has them proven, then reads its types.

mod any_banner;
mod damaged;
mod failure;
mod files;
mod found;
mod kept;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::banner::{self, Banner};
use super::cache::{Cache, Entry, Mark, Part};
use super::kallsyms::{self, Budget, Kallsyms, salvage::Salvaged};
use super::kernel_range::{self, Anchor};
use super::lost_tables::{self, Scans};
use super::near::{Near, Placed};
use super::proof::{self, Proof};
use super::symbol_files::{Fitting, Identity, SymbolFile, SymbolFiles, fit, packages};
use super::symbols::Symbols;
use super::types::Types;
use super::window::Window;
use super::{Facts, Kernel, build_id, structures, type_source};
use crate::arch::{self, Architecture};
use crate::error::{Error, Result};
use crate::image::{Image, PAGE_SIZE};

/// Banners that are followed up before an image is taken for hostile.
const MOST_BANNERS: usize = 4096;
/// Those around which is looked for what is left of symbols.
const MOST_SALVAGED: usize = 4;
/// Those for which files of symbols are looked for.
const MOST_KERNELS: usize = 64;

impl Kernel {
    /// Finds the kernel that an image holds. `cache` is a folder for symbol tables; without it nothing is kept.
    pub fn discover(image: Arc<Image>, cache: Option<&Path>) -> Result<Self> {
        Self::discover_with(image, cache, &[])
    }

    /// The same with files and folders of symbols and types, which count before the image's own.
    pub fn discover_with(image: Arc<Image>, cache: Option<&Path>, files: &[PathBuf]) -> Result<Self> {
        let find = |search: &mut Search| search.quick().or_else(|| search.whole());
        let files = SymbolFiles::new(files, cache);
        let found = search(&image, cache, files, find);
        match found {
            Err(Failed { begins: Some(start), error }) => {
                let moved = Arc::into_inner(image).and_then(|image| image.beginning_at(start));
                let moved = moved.map(Arc::new).ok_or(error)?;
                search(&moved, cache, files, find)
            }
            found => found,
        }
        .map_err(|failed| failed.error)
    }

    /// Finds the kernel by reading all memory for its banner: what [`Kernel::discover`] falls back on.
    pub fn discover_by_scan(image: Arc<Image>, cache: Option<&Path>) -> Result<Self> {
        search(&image, cache, SymbolFiles::new(&[], cache), |search| search.whole()).map_err(|failed| failed.error)
    }
}

/// A scan of all memory that hands over places until it is told to stop.
type Scan = fn(&Image, &mut dyn FnMut(u64) -> ControlFlow<Option<Found>>) -> Option<Option<Found>>;

/// Why no kernel was found.
struct Failed {
    error: Error,
    /// Where the image's memory must begin for the kernel to lie where it says.
    begins: Option<u64>,
}

/// Searches an image; where none of it is found and some of it was lost, that is why.
fn search(
    image: &Arc<Image>,
    cache: Option<&Path>,
    files: SymbolFiles,
    find: impl Fn(&mut Search) -> Option<Found>,
) -> std::result::Result<Kernel, Failed> {
    let begins = Cell::new(None);
    let found = image.undisturbed(|| {
        let mut search = Search::new(image, arch::of(image)?, cache.map(Cache), files);
        let found = match find(&mut search) {
            Some(found) => search.held_to_files(found)?,
            None => {
                match search.by_files()?.or_else(|| search.damaged_near_banners()).or_else(|| search.by_structures()) {
                    Some(found) => found,
                    None => {
                        begins.set(search.begins);
                        return Err(search.failure());
                    }
                }
            }
        };
        found.into_kernel(search)
    });
    let lost = |error| image.loss().map_or(error, |loss| Error::evidence(loss.message));
    found.map_err(|error| Failed { error: lost(error), begins: begins.get() })
}

/// A search and what it has met so far, which is what a failure is explained by.
struct Search<'a> {
    image: &'a Arc<Image>,
    /// Those that its memory may be of.
    architectures: Vec<&'static dyn Architecture>,
    cache: Option<Cache<'a>>,
    files: SymbolFiles<'a>,
    banners: usize,
    /// The first ones, with their physical addresses.
    kernels: Vec<(u64, Banner)>,
    functions_only: bool,
    /// A kernel that does not lie where its page tables say.
    misplaced: Option<Misplaced>,
    /// Where the image's memory must begin for a kernel to lie where it says itself.
    begins: Option<u64>,
    budget: Rc<Budget>,
    /// The same for what is left of damaged ones.
    salvage: Rc<Budget>,
    scans: Scans,
}

/// Physical addresses of one kernel's `_text`.
#[derive(Clone, Copy)]
struct Misplaced {
    /// Where it was found.
    found: u64,
    /// Where its page tables say that it lies.
    said: u64,
}

/// A proven kernel, and what its symbols came from.
struct Found {
    proof: Proof,
    symbols: Symbols,
    build_id: Option<String>,
    source: Source,
    /// Where the symbols are from, for people.
    symbols_from: String,
    /// Files of this kernel.
    files: Vec<SymbolFile>,
    /// Why tables lack rows.
    lacks: Vec<String>,
    /// Whether symbols are among what they lack that the kernel had.
    lost_symbols: bool,
    warnings: Vec<String>,
}

enum Source {
    Tables { marks: Vec<Mark>, parts: Vec<Part> },
    Cache,
    File,
}

impl<'a> Search<'a> {
    fn new(
        image: &'a Arc<Image>,
        architectures: Vec<&'static dyn Architecture>,
        cache: Option<Cache<'a>>,
        files: SymbolFiles<'a>,
    ) -> Self {
        Self {
            image,
            architectures,
            cache,
            files,
            banners: 0,
            kernels: Vec::new(),
            functions_only: false,
            misplaced: None,
            begins: None,
            budget: Rc::default(),
            salvage: Rc::default(),
            scans: Scans::default(),
        }
    }

    /// No address of a kernel's image is below this one.
    fn lowest_image(&self) -> u64 {
        self.architectures.iter().map(|architecture| architecture.lowest_image()).min().unwrap_or(u64::MAX)
    }

    fn quick(&mut self) -> Option<Found> {
        let budget = Rc::clone(&self.budget);
        let lowest = self.lowest_image();
        let architectures = self.architectures.clone();
        let image = self.image;
        // What the next one has to look for is not looked for where one is found.
        let mut guesses = architectures.iter().flat_map(|architecture| kernel_range::quick(image, *architecture));
        guesses.find_map(|guess| {
            let anchor = Anchor::Text(guess.text);
            self.cached(anchor).or_else(|| {
                let window = Window::of(image, guess.text, guess.length)?;
                let mut tables = 0;
                let found = kallsyms::find_all(&window.bytes, 0, lowest, &budget).find_map(|kallsyms| {
                    tables += 1;
                    self.decoded(anchor, &Placed { physical: window.physical, kallsyms })
                });
                // One that is damaged costs less to look into than all of memory; one that is whole is not damaged.
                found.or_else(|| if tables == 0 { self.salvaged(anchor, &window) } else { None })
            })
        })
    }

    fn whole(&mut self) -> Option<Found> {
        self.by_anchors(|image, each| kernel_range::scan_banners(image, each), Anchor::Banner)
            // Whoever overwrites the banner leaves the names that `uname` gives.
            .or_else(|| self.by_anchors(|image, each| kernel_range::scan_names(image, each), Anchor::Names))
    }

    /// The kernel around one of the places that a scan of all memory hands over.
    fn by_anchors(&mut self, scan: Scan, anchor: fn(u64) -> Anchor) -> Option<Found> {
        let budget = Rc::clone(&self.budget);
        let mut near = Near::new(self.image, self.lowest_image());
        let mut places = 0;
        let image = self.image;
        let found = scan(image, &mut |physical| {
            self.met(physical);
            places += 1;
            let anchor = anchor(physical);
            let found = self.cached(anchor);
            match found
                .or_else(|| near.around(physical, &budget).iter().find_map(|placed| self.decoded(anchor, placed)))
            {
                None if places < MOST_BANNERS => ControlFlow::Continue(()),
                found => ControlFlow::Break(found),
            }
        });
        self.banners = self.banners.max(places);
        found.flatten()
    }

    /// Remembers a banner.
    fn met(&mut self, physical: u64) {
        if self.kernels.len() < MOST_KERNELS {
            self.kernels.extend(Banner::read(self.image, physical).map(|banner| (physical, banner)));
        }
    }

    fn cached(&self, anchor: Anchor) -> Option<Found> {
        let (entry, text) = self.cache?.find(self.image, anchor)?;
        let proof = proof::prove(self.image, &self.architectures, &entry.table, None, text, &self.scans)?;
        let symbols = Symbols::at(entry.table, proof.text);
        let found = self.found(proof, symbols, &entry.parts, Source::Cache);
        (found.build_id == entry.build_id).then_some(found)
    }

    fn decoded(&mut self, anchor: Anchor, placed: &Placed) -> Option<Found> {
        let Placed { physical, kallsyms } = placed;
        self.functions_only |= !proof::has_data_symbols(&self.architectures, &kallsyms.table);
        let text = match anchor {
            Anchor::Text(text) => text,
            Anchor::Banner(banner) => banner.checked_sub(kallsyms.table.from_text("linux_banner")?)?,
            Anchor::Names(names) => {
                // A kernel begins with a page.
                let at = names.checked_sub(kallsyms.table.from_text("init_uts_ns")?)?;
                (at % PAGE_SIZE < banner::BEFORE_NAMES as u64).then_some(at - at % PAGE_SIZE)?
            }
        };
        let Some(proof) =
            proof::prove(self.image, &self.architectures, &kallsyms.table, kallsyms.text, text, &self.scans)
        else {
            let said = proof::said_to_lie(self.image, &self.architectures, &kallsyms.table, text);
            self.misplaced = self.misplaced.or(said.map(|said| Misplaced { found: text, said }));
            let claimed =
                |claimed| proof::claimed_to_lie(self.image, &self.architectures, &kallsyms.table, text, claimed);
            let claimed = kallsyms.text.and_then(claimed).and_then(|claimed| claimed.checked_sub(text));
            self.begins = self.begins.or(claimed.filter(|begins| *begins > 0));
            return None;
        };
        let places = |range: &Range<usize>| part(proof.physical, *physical, range);
        let parts: Vec<_> = kallsyms.parts.iter().map(places).collect();
        let marks = kallsyms.marks.iter().map(places).map(|part| Mark::of(self.image, proof.physical, part));
        let source = Source::Tables { marks: marks.collect(), parts: parts.clone() };
        let symbols = Symbols::at(kallsyms.table.clone(), proof.text);
        Some(self.found(proof, symbols, &parts, source))
    }

    /// Counts the kernel's own tables as read, so that what is distilled from this image stands by itself.
    fn found(&self, proof: Proof, symbols: Symbols, parts: &[Part], source: Source) -> Found {
        for Part { offset, length } in parts {
            self.image.touch(proof.physical.wrapping_add(*offset), *length);
        }
        self.image.touch(proof.banner_at, proof.banner.text().len() as u64 + 2);
        let contradicts = proof.names.as_ref().filter(|names| names.release() != proof.banner.release());
        let warning = if proof.is_overwritten {
            Some("the kernel's banner was overwritten: its release and version are what init_uts_ns says".to_owned())
        } else {
            contradicts.map(|names| {
                format!("the banner says release {}, and init_uts_ns {}", proof.banner.release(), names.release())
            })
        };
        let lost = "a table of pages of the kernel's own is lost that maps its image: it is read as lying in one piece, and what other \
                    tables below that one map cannot be read";
        Found {
            build_id: build_id::read(&proof.memory, &symbols),
            lacks: proof.lacks_tables.then(|| lost.to_owned()).into_iter().collect(),
            proof,
            symbols,
            source,
            symbols_from: "kallsyms".to_owned(),
            files: Vec::new(),
            lost_symbols: false,
            warnings: warning.into_iter().collect(),
        }
    }
}

/// A part of a window that begins at `physical`, counted from `_text`.
fn part(text: u64, physical: u64, range: &Range<usize>) -> Part {
    Part { offset: (physical + range.start as u64).wrapping_sub(text), length: range.len() as u64 }
}
