//! Finds an image's kernel: guesses where it may lie, reads its symbols there, has them proven, then reads its types.

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::banner::{self, Banner};
use super::cache::{Cache, Entry, Mark, Part};
use super::kallsyms::{self, Budget};
use super::kernel_range::{self, Anchor};
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
            None => match search.by_files()?.or_else(|| search.by_structures()) {
                Some(found) => found,
                None => {
                    begins.set(search.begins);
                    return Err(search.failure());
                }
            },
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
    lacks: Option<String>,
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

    /// A kernel that was found by its own symbols, with the files that are of it. Where their symbols say other than the
    /// kernel's own do, theirs count.
    fn held_to_files(&mut self, mut found: Found) -> Result<Found> {
        let banner = found.proof.banner.text().to_owned();
        let identity = Identity { banner: Some(&banner), build_id: found.build_id.as_deref() };
        let Fitting { files, mut refused } = self.files.named(identity)?;
        for file in files {
            let Some(table) = &file.content.table else {
                found.files.push(file);
                continue;
            };
            let proven = proof::prove(self.image, &self.architectures, table, None, found.proof.physical);
            // One that has the banner elsewhere takes the kernel's for overwritten.
            let fits = |proof: &Proof| {
                proof.text == found.proof.text && (!proof.is_overwritten || proof.banner_at == found.proof.banner_at)
            };
            let Some(proof) = proven.filter(fits) else {
                refused.push(format!(
                    "{}: its symbols lie elsewhere than those of the image's kernel '{banner}'",
                    file.path.display()
                ));
                continue;
            };
            if let Some(difference) = found.symbols.table().difference(table) {
                found.warnings.push(format!(
                    "the kernel's own table of symbols says other than {}, which is believed: {difference}",
                    file.path.display()
                ));
                found.symbols = Symbols::at(table.clone(), proof.text);
                found.symbols_from = file.symbols_from();
                found.source = Source::File;
            }
            found.files.push(file);
        }
        self.settle(&found.files, &mut found.warnings, refused)?;
        Ok(found)
    }

    /// A kernel that has its symbols from a file, where its banner is known and none of its own bore out.
    fn by_files(&mut self) -> Result<Option<Found>> {
        let mut refused = Vec::new();
        for (at, banner) in self.kernels.clone() {
            let identity = Identity { banner: Some(banner.text()), build_id: None };
            let named = self.files.named(identity)?;
            refused = named.refused;
            let mut files = named.files;
            if !files.iter().any(|file| file.content.table.is_some()) {
                files.extend(self.files.kept(identity).files);
            }
            let found = files.iter().find_map(|file| {
                let table = file.content.table.as_ref()?;
                let text = at.checked_sub(table.from_text("linux_banner")?)?;
                let proof = proof::prove(self.image, &self.architectures, table, None, text)?;
                let symbols = Symbols::at(table.clone(), proof.text);
                let mut found = self.found(proof, symbols, &[], Source::File);
                found.symbols_from = file.symbols_from();
                let same = [&found.build_id, &file.content.build_id].map(Option::as_deref);
                (same[0].is_none() || same[1].is_none() || same[0] == same[1]).then_some(found)
            });
            if let Some(mut found) = found {
                found.warnings.push(format!(
                    "the image's own table of symbols was not found or is not borne out: symbols are those of {}",
                    found.symbols_from
                ));
                found.files = files;
                self.settle(&found.files, &mut found.warnings, refused)?;
                return Ok(Some(found));
            }
            let unproven = files.iter().filter(|file| file.content.table.is_some());
            refused.extend(unproven.map(|file| {
                format!("{}: the page tables of '{}' do not bear its symbols out", file.path.display(), banner.text())
            }));
        }
        match refused.first() {
            Some(why) if self.files.are_named() => Err(Error::no_symbols(why.clone())),
            _ => Ok(None),
        }
    }

    /// A kernel of which no symbols of data are found, by its first task and its own types.
    fn by_structures(&self) -> Option<Found> {
        let (proof, symbols) = structures::find(self.image, &self.architectures)?;
        let known = symbols.len();
        let functions = self.functions(&proof);
        let (why, from) = match functions {
            Some(_) => ("its table of symbols has functions only (CONFIG_KALLSYMS_ALL)", "kallsyms and structures"),
            None => ("no table of symbols that the kernel's page tables bear out", "structures"),
        };
        let (functions, parts) = functions.unzip();
        let symbols = functions.and_then(|functions| symbols.with(&functions)).unwrap_or(symbols);
        let mut found = self.found(proof, symbols, &parts.unwrap_or_default(), Source::File);
        found.symbols_from = from.to_owned();
        found.lacks = Some(format!(
            "{why}: {known} symbols are known by the first task and what it leads to, and tables lack what others would show, \
             or fail; {}",
            packages::advice(found.proof.banner.text(), found.build_id.as_deref())
        ));
        Some(found)
    }

    /// The functions of a kernel whose place is proven and whose own table of symbols has nothing else, and where that lies.
    fn functions(&self, proof: &Proof) -> Option<(Symbols, Vec<Part>)> {
        let window = Window::of(self.image, proof.physical, kernel_range::LONGEST)?;
        let mut tables = kallsyms::find_all(&window.bytes, 0, self.lowest_image(), &self.budget);
        let own = tables.find(|kallsyms| kallsyms.text.is_none_or(|text| text == proof.text))?;
        let parts = own.parts.iter().map(|range| part(proof.physical, window.physical, range)).collect();
        Some((Symbols::at(own.table, proof.text), parts))
    }

    /// What is said of files that are not of the kernel: an error where none of those named is.
    fn settle(&self, files: &[SymbolFile], warnings: &mut Vec<String>, refused: Vec<String>) -> Result<()> {
        if files.is_empty() && self.files.are_named() {
            let none =
                "no file of symbols or types of the image's kernel is in the folders named by --symbols".to_owned();
            return Err(Error::no_symbols(refused.into_iter().next().unwrap_or(none)));
        }
        warnings.extend(refused);
        Ok(())
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
            Anchor::Names(names) => {
                // A kernel begins with a page.
                let at = names.checked_sub(kallsyms.table.from_text("init_uts_ns")?)?;
                (at % PAGE_SIZE < banner::BEFORE_NAMES as u64).then_some(at - at % PAGE_SIZE)?
            }
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
        Found {
            build_id: build_id::read(&proof.memory, &symbols),
            proof,
            symbols,
            source,
            symbols_from: "kallsyms".to_owned(),
            files: Vec::new(),
            lacks: None,
            warnings: warning.into_iter().collect(),
        }
    }

    fn failure(&self) -> Error {
        let image = format!("the image ({}, {} bytes)", self.image.format(), self.image.size());
        let cut = self.image.warnings().iter().find(|warning| warning.starts_with("truncated"));
        let cut = cut.map(|warning| format!(" ({warning})")).unwrap_or_default();
        let Some((_, banner)) = self.kernels.first() else {
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
            format!(
                "kernel {release} keeps symbols of functions only: it was built without CONFIG_KALLSYMS_ALL; {}",
                packages::advice(banner.text(), None)
            )
        } else if self.budget.is_spent() {
            format!("no kernel found in {image}: too much of its memory looks like symbol tables and is none")
        } else if self.banners >= MOST_BANNERS {
            format!("no kernel found in {image}: the first {MOST_BANNERS} banners, of {release} and others, are copies")
        } else if !cut.is_empty() {
            format!("kernel {release} was found, but pages of it are missing from {image}{cut}")
        } else {
            format!(
                "kernel {release} was found in {image}, but no symbols that its page tables bear out: \
                 pages of it are missing or it was built without CONFIG_KALLSYMS; {}",
                packages::advice(banner.text(), None)
            )
        })
    }
}

/// A part of a window that begins at `physical`, counted from `_text`.
fn part(text: u64, physical: u64, range: &Range<usize>) -> Part {
    Part { offset: (physical + range.start as u64).wrapping_sub(text), length: range.len() as u64 }
}

impl Found {
    fn into_kernel(mut self, search: Search) -> Result<Kernel> {
        let symbols_cached = matches!(self.source, Source::Cache);
        if let Source::Tables { marks, parts } = &self.source {
            // What was read as memory was being lost is nothing to remember, and an entry is found again by the banner.
            let may_keep = search.image.loss().is_none() && !self.proof.is_overwritten;
            if let Some(cache) = search.cache.filter(|_| may_keep) {
                let (banner, build_id) = (self.proof.banner.text().to_owned(), self.build_id.clone());
                let (marks, parts, table) = (marks.clone(), parts.clone(), self.symbols.table().clone());
                let entry = Entry { banner, build_id, marks, parts, table };
                if let Err(error) = cache.store(&self.proof.banner, &entry) {
                    self.warnings.push(format!("symbols could not be kept for the next run: {error}"));
                }
            }
        }
        // Symbols were searched for in all of the kernel's image.
        search.image.trim();
        let (types, types_from) = self.types(&search)?;
        let Self { proof, symbols, build_id, symbols_from, lacks, warnings, .. } = self;
        let facts = Facts {
            banner: proof.banner.text().to_owned(),
            release: proof.banner.release().to_owned(),
            build_id,
            physical: proof.physical,
            virtual_address: proof.text,
            symbols_from,
            symbols_cached,
            types_from,
            lacks,
            warnings,
        };
        Ok(Kernel::new(proof.memory, symbols, types, facts))
    }

    /// The kernel's types, and where they are from: a file that was named, the image itself, or a file in the cache folder.
    fn types(&mut self, search: &Search) -> Result<(Types, String)> {
        let mut own = type_source::own(search.image, &self.proof, &self.symbols);
        let mut files = std::mem::take(&mut self.files);
        let banner = self.proof.banner.text();
        if own.is_none() && !files.iter().any(|file| file.content.types.is_some()) {
            let identity = Identity { banner: Some(banner), build_id: self.build_id.as_deref() };
            files.extend(search.files.kept(identity).files);
        }
        let mut refused = None;
        for file in &mut files {
            let Some(section) = file.content.types.take() else { continue };
            let shown = file.path.display();
            let bytes = section.len() as u64;
            let types =
                Types::from_btf(section).map_err(|error| Error::no_symbols(format!("{shown}: {}", error.message)))?;
            let is_btf = file.content.types_from == "btf";
            let length = is_btf.then(|| type_source::length(&self.symbols)).flatten();
            let contradiction = match length.filter(|length| *length != bytes) {
                Some(length) => Some(format!("its BTF has {bytes} bytes and the kernel's own {length}")),
                None => fit::contradiction(&self.proof.memory, &self.symbols, &types),
            };
            if let Some(why) = contradiction {
                refused = Some(format!("{shown}: its types are not those of the image's kernel '{banner}': {why}"));
                continue;
            }
            self.warnings.extend(refused);
            let memory = &self.proof.memory;
            let types = match own.take() {
                Some(own) if !is_btf => types.over(own),
                None if !is_btf => {
                    self.warnings.push(
                        "types of modules are not known: they build on the kernel's own BTF, which the image lacks"
                            .to_owned(),
                    );
                    return Ok((types, file.types_from()));
                }
                _ => types,
            };
            type_source::with_modules(&types, memory, &self.symbols);
            return Ok((types, file.types_from()));
        }
        if let Some(why) = refused {
            return Err(Error::no_symbols(why));
        }
        let types = own.ok_or_else(|| {
            Error::no_symbols(format!(
                "kernel {} describes no types: no BTF (CONFIG_DEBUG_INFO_BTF) that is whole in the image; {}",
                self.proof.banner.release(),
                packages::advice(self.proof.banner.text(), self.build_id.as_deref())
            ))
        })?;
        type_source::with_modules(&types, &self.proof.memory, &self.symbols);
        Ok((types, "btf".to_owned()))
    }
}
