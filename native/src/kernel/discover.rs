//! Finds an image's kernel: guesses where it may lie, reads its symbols there, has them proven, then reads its types.

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use super::banner::Banner;
use super::cache::{Cache, Entry, Mark, Part};
use super::kallsyms::{self, Budget};
use super::kernel_range::{self, Anchor};
use super::near::{Near, Placed};
use super::proof::{self, Proof};
use super::symbols::Symbols;
use super::window::Window;
use super::{Facts, Kernel, build_id, type_source};
use crate::arch::{self, Architecture};
use crate::error::{Error, Result};
use crate::image::Image;

/// Banners that are followed up before an image is taken for hostile.
const MOST_BANNERS: usize = 4096;

impl Kernel {
    /// Finds the kernel that an image holds. `cache` is a folder for symbol tables; without it nothing is kept.
    pub fn discover(image: Arc<Image>, cache: Option<&Path>) -> Result<Self> {
        let found = search(&image, cache, |search| search.quick().or_else(|| search.whole()));
        match found {
            Err(Failed { begins: Some(start), error }) => {
                let moved = Arc::into_inner(image).and_then(|image| image.beginning_at(start));
                let moved = moved.map(Arc::new).ok_or(error)?;
                search(&moved, cache, |search| search.quick().or_else(|| search.whole()))
            }
            found => found,
        }
        .map_err(|failed| failed.error)
    }

    /// Finds the kernel by reading all memory for its banner: what [`Kernel::discover`] falls back on.
    pub fn discover_by_scan(image: Arc<Image>, cache: Option<&Path>) -> Result<Self> {
        search(&image, cache, |search| search.whole()).map_err(|failed| failed.error)
    }
}

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
    find: impl Fn(&mut Search) -> Option<Found>,
) -> std::result::Result<Kernel, Failed> {
    let begins = Cell::new(None);
    let found = image.undisturbed(|| {
        let mut search = Search::new(image, arch::of(image)?, cache.map(Cache));
        match find(&mut search) {
            Some(found) => found.into_kernel(search),
            None => {
                begins.set(search.begins);
                Err(search.failure())
            }
        }
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
    banner: Option<Banner>,
    banners: usize,
    functions_only: bool,
    /// A kernel that does not lie where its page tables say.
    misplaced: Option<Misplaced>,
    /// Where the image's memory must begin for a kernel to lie where it says itself.
    begins: Option<u64>,
    budget: Rc<Budget>,
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
}

enum Source {
    Tables { marks: Vec<Mark>, parts: Vec<Part> },
    Cache,
}

impl<'a> Search<'a> {
    fn new(image: &'a Arc<Image>, architectures: Vec<&'static dyn Architecture>, cache: Option<Cache<'a>>) -> Self {
        Self {
            image,
            architectures,
            cache,
            banner: None,
            banners: 0,
            functions_only: false,
            misplaced: None,
            begins: None,
            budget: Rc::default(),
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
            self.cached(Anchor::Text(guess.text)).or_else(|| {
                let window = Window::of(self.image, guess.text, guess.length)?;
                kallsyms::find_all(&window.bytes, 0, lowest, &budget).find_map(|kallsyms| {
                    self.decoded(Anchor::Text(guess.text), &Placed { physical: window.physical, kallsyms })
                })
            })
        })
    }

    fn whole(&mut self) -> Option<Found> {
        let budget = Rc::clone(&self.budget);
        let mut near = Near::new(self.image, self.lowest_image());
        let found = kernel_range::scan_banners(self.image, |physical| {
            self.banner = self.banner.take().or_else(|| Banner::read(self.image, physical));
            self.banners += 1;
            let anchor = Anchor::Banner(physical);
            let found = self.cached(anchor);
            match found
                .or_else(|| near.around(physical, &budget).iter().find_map(|placed| self.decoded(anchor, placed)))
            {
                None if self.banners < MOST_BANNERS => ControlFlow::Continue(()),
                found => ControlFlow::Break(found),
            }
        });
        found.flatten()
    }

    fn cached(&self, anchor: Anchor) -> Option<Found> {
        let (entry, text) = self.cache?.find(self.image, anchor)?;
        let proof = proof::prove(self.image, &self.architectures, &entry.table, None, text)?;
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
        };
        let Some(proof) = proof::prove(self.image, &self.architectures, &kallsyms.table, kallsyms.text, text) else {
            let said = proof::said_to_lie(self.image, &self.architectures, &kallsyms.table, text);
            self.misplaced = self.misplaced.or(said.map(|said| Misplaced { found: text, said }));
            let claimed =
                |claimed| proof::claimed_to_lie(self.image, &self.architectures, &kallsyms.table, text, claimed);
            let claimed = kallsyms.text.and_then(claimed).and_then(|claimed| claimed.checked_sub(text));
            self.begins = self.begins.or(claimed.filter(|begins| *begins > 0));
            return None;
        };
        let places = |range: &Range<usize>| Part {
            offset: (physical + range.start as u64).wrapping_sub(proof.physical),
            length: range.len() as u64,
        };
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
        Found { build_id: build_id::read(&proof.memory, &symbols), proof, symbols, source }
    }

    fn failure(&self) -> Error {
        let image = format!("the image ({}, {} bytes)", self.image.format(), self.image.size());
        let cut = self.image.warnings().iter().find(|warning| warning.starts_with("truncated"));
        let cut = cut.map(|warning| format!(" ({warning})")).unwrap_or_default();
        let Some(banner) = &self.banner else {
            return Error::no_symbols(format!(
                "no Linux kernel found in {image}: no kernel banner anywhere in its memory{cut}"
            ));
        };
        let release = banner.release();
        if let Some(Misplaced { found, said }) = self.misplaced {
            return Error::no_symbols(format!(
                "kernel {release} was found at {found:#x} of {image}, and its page tables say that it lies at physical {said:#x}: \
                 ranges of memory one after another without padding (LiME's format=raw) are not read; take memory with \
                 format=lime or format=padded"
            ));
        }
        Error::no_symbols(if self.functions_only {
            format!("kernel {release} keeps symbols of functions only: it was built without CONFIG_KALLSYMS_ALL")
        } else if self.budget.is_spent() {
            format!("no kernel found in {image}: too much of its memory looks like symbol tables and is none")
        } else if self.banners >= MOST_BANNERS {
            format!("no kernel found in {image}: the first {MOST_BANNERS} banners, of {release} and others, are copies")
        } else if !cut.is_empty() {
            format!("kernel {release} was found, but pages of it are missing from {image}{cut}")
        } else {
            format!(
                "kernel {release} was found in {image}, but no symbols that its page tables bear out: \
                 pages of it are missing or it was built without CONFIG_KALLSYMS"
            )
        })
    }
}

impl Found {
    fn into_kernel(self, search: Search) -> Result<Kernel> {
        let Self { proof, symbols, build_id, source } = self;
        let mut warnings = Vec::new();
        let symbols_cached = match source {
            Source::Cache => true,
            Source::Tables { marks, parts } => {
                // What was read as memory was being lost is nothing to remember.
                if let Some(cache) = search.cache.filter(|_| search.image.loss().is_none()) {
                    let (banner, build_id) = (proof.banner.text().to_owned(), build_id.clone());
                    let entry = Entry { banner, build_id, marks, parts, table: symbols.table().clone() };
                    if let Err(error) = cache.store(&proof.banner, &entry) {
                        warnings.push(format!("symbols could not be kept for the next run: {error}"));
                    }
                }
                false
            }
        };
        // Symbols were searched for in all of the kernel's image.
        search.image.trim();
        let types = type_source::read(search.image, &proof, &symbols)?;
        let facts = Facts {
            banner: proof.banner.text().to_owned(),
            release: proof.banner.release().to_owned(),
            build_id,
            physical: proof.physical,
            virtual_address: proof.text,
            symbols_from: "kallsyms".to_owned(),
            symbols_cached,
            types_from: "btf".to_owned(),
            warnings,
        };
        Ok(Kernel::new(proof.memory, symbols, types, facts))
    }
}
