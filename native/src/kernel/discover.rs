//! Finds an image's kernel: guesses where it may lie, reads its symbols there, has them proven, then reads its types.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::banner::Banner;
use super::cache::{Cache, Entry, Mark};
use super::kallsyms::{self, Kallsyms};
use super::kernel_range::{self, Anchor, Guess};
use super::proof::{self, Proof};
use super::symbols::Symbols;
use super::vmcoreinfo::{self, VmcoreInfo};
use super::window::Window;
use super::{Facts, Kernel, build_id, type_source};
use crate::error::{Error, Result};
use crate::image::Image;

/// Banners that are followed up. Real memory holds one or two; a search around each costs tens of milliseconds.
const MOST_BANNERS: usize = 64;

impl Kernel {
    /// Finds the kernel that an image holds. `cache` is a folder for symbol tables; without it nothing is kept.
    pub fn discover(image: Arc<Image>, cache: Option<&Path>) -> Result<Self> {
        let mut search = Search::new(&image, cache.map(Cache));
        match search.quick().or_else(|| search.whole()) {
            Some(found) => found.into_kernel(search),
            None => Err(search.failure()),
        }
    }

    /// Finds the kernel by reading all memory for its banner: what [`Kernel::discover`] falls back on.
    pub fn discover_by_scan(image: Arc<Image>, cache: Option<&Path>) -> Result<Self> {
        let mut search = Search::new(&image, cache.map(Cache));
        match search.whole() {
            Some(found) => found.into_kernel(search),
            None => Err(search.failure()),
        }
    }
}

/// A search and what it has met so far, which is what a failure is explained by.
struct Search<'a> {
    image: &'a Arc<Image>,
    cache: Option<Cache<'a>>,
    banner: Option<Banner>,
    functions_only: bool,
}

/// A proven kernel, and what its symbols came from.
struct Found {
    proof: Proof,
    symbols: Symbols,
    build_id: Option<String>,
    source: Source,
}

enum Source {
    Tables { marks: Vec<Mark>, parts: Vec<(u64, u64)> },
    Cache,
}

impl<'a> Search<'a> {
    fn new(image: &'a Arc<Image>, cache: Option<Cache<'a>>) -> Self {
        Self { image, cache, banner: None, functions_only: false }
    }

    fn quick(&mut self) -> Option<Found> {
        kernel_range::quick(self.image).into_iter().find_map(|guess| self.follow(guess))
    }

    fn whole(&mut self) -> Option<Found> {
        let mut left = MOST_BANNERS;
        let found = kernel_range::scan_banners(self.image, |physical| {
            self.banner = self.banner.take().or_else(|| Banner::read(self.image, physical));
            left -= 1;
            match self.follow(Guess::around_banner(physical)) {
                Some(found) => ControlFlow::Break(Some(found)),
                None if left == 0 => ControlFlow::Break(None),
                None => ControlFlow::Continue(()),
            }
        });
        found.flatten()
    }

    fn follow(&mut self, guess: Guess) -> Option<Found> {
        self.cached(guess.anchor).or_else(|| self.decoded(guess))
    }

    fn cached(&self, anchor: Anchor) -> Option<Found> {
        let (entry, text) = self.cache?.find(self.image, anchor)?;
        let proof = proof::prove(self.image, &entry.table, None, text)?;
        let symbols = Symbols::at(entry.table, proof.text);
        let build_id = self.build_id(&proof, &symbols);
        if build_id != entry.build_id {
            return None;
        }
        // The kernel's own tables count as read, so that what is distilled from this image stands by itself.
        for (offset, length) in &entry.parts {
            self.image.touch(text.wrapping_add(*offset), *length);
        }
        Some(Found { proof, symbols, build_id, source: Source::Cache })
    }

    fn decoded(&mut self, guess: Guess) -> Option<Found> {
        let window = Window::of(self.image, guess.physical, guess.length)?;
        kallsyms::find_all(&window.bytes).find_map(|kallsyms| {
            self.functions_only |= !proof::has_data_symbols(&kallsyms.table);
            let text = match guess.anchor {
                Anchor::Text(text) => text,
                Anchor::Banner(banner) => banner.checked_sub(kallsyms.table.from_text("linux_banner")?)?,
            };
            let proof = proof::prove(self.image, &kallsyms.table, kallsyms.text, text)?;
            Some(self.take(&window, kallsyms, proof))
        })
    }

    fn take(&self, window: &Window, kallsyms: Kallsyms, proof: Proof) -> Found {
        let from_text = |at: usize| (window.physical + at as u64).wrapping_sub(proof.physical);
        for part in &kallsyms.parts {
            self.image.touch(window.physical + part.start as u64, part.len() as u64);
        }
        let marks =
            kallsyms.marks.iter().filter_map(|mark| Mark::of(from_text(mark.start), window.bytes.get(mark.clone())?));
        let source = Source::Tables {
            marks: marks.collect(),
            parts: kallsyms.parts.iter().map(|part| (from_text(part.start), part.len() as u64)).collect(),
        };
        let symbols = Symbols::at(kallsyms.table, proof.text);
        Found { build_id: self.build_id(&proof, &symbols), proof, symbols, source }
    }

    fn build_id(&self, proof: &Proof, symbols: &Symbols) -> Option<String> {
        build_id::read(&proof.memory, symbols).or_else(|| {
            let note = self.image.vmcoreinfo().map(str::to_owned);
            let text = note.or_else(|| vmcoreinfo::read(&proof.memory, symbols))?;
            VmcoreInfo::new(&text).build_id()
        })
    }

    fn failure(&self) -> Error {
        let image = format!("the image ({}, {} bytes)", self.image.format(), self.image.size());
        let Some(banner) = &self.banner else {
            return Error::no_symbols(format!(
                "no Linux kernel found in {image}: no kernel banner anywhere in its memory"
            ));
        };
        let release = banner.release();
        if self.functions_only {
            return Error::no_symbols(format!(
                "kernel {release} keeps symbols of functions only: it was built without CONFIG_KALLSYMS_ALL"
            ));
        }
        let cut = self.image.warnings().iter().find(|warning| warning.starts_with("truncated"));
        Error::no_symbols(match cut {
            Some(cut) => format!("kernel {release} was found, but pages of it are missing from {image}: {cut}"),
            None => format!(
                "kernel {release} was found in {image}, but no symbol table that its page tables bear out: \
                 pages of it are missing or it was built without CONFIG_KALLSYMS"
            ),
        })
    }
}

impl Found {
    fn into_kernel(self, search: Search) -> Result<Kernel> {
        let Self { proof, symbols, build_id, source } = self;
        let mut warnings = Vec::new();
        let symbols_from = match source {
            Source::Cache => "kallsyms (cached)",
            Source::Tables { marks, parts } => {
                if let Some(cache) = search.cache {
                    let (banner, build_id) = (proof.banner.text().to_owned(), build_id.clone());
                    let entry = Entry { banner, build_id, marks, parts, table: symbols.table().clone() };
                    if let Err(error) = cache.store(&proof.banner, &entry) {
                        warnings.push(format!("symbols could not be kept for the next run: {error}"));
                    }
                }
                "kallsyms"
            }
        };
        let types = type_source::read(search.image, &proof, &symbols)?;
        Ok(Kernel {
            facts: Facts {
                banner: proof.banner.text().to_owned(),
                release: proof.banner.release().to_owned(),
                build_id,
                physical: proof.physical,
                virtual_address: proof.text,
                symbols_from: symbols_from.to_owned(),
                types_from: "btf".to_owned(),
                warnings,
            },
            memory: proof.memory,
            symbols,
            types,
        })
    }
}
