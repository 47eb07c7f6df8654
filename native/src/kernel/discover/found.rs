//! What becomes of a kernel that was found: its symbols are kept, its types read.

use super::*;

impl Found {
    pub(super) fn into_kernel(mut self, mut search: Search) -> Result<Kernel> {
        let symbols_cached = matches!(self.source, Source::Cache);
        if let Source::Tables { marks, parts } = &self.source
            && let Some(cache) = self.cache(&search)
        {
            let (banner, build_id) = (self.proof.banner.text().to_owned(), self.build_id.clone());
            let (marks, parts, table) = (marks.clone(), parts.clone(), self.symbols.table().clone());
            let entry = Entry { banner, build_id, marks, parts, table };
            if let Err(error) = cache.store(&self.proof.banner, &entry) {
                self.warnings.push(not_kept("symbols", &error));
                search.cache = None;
            }
        }
        // Symbols were searched for in all of the kernel's image.
        search.image.trim();
        let (memory, lost) = lost_tables::with_direct_map(self.proof.memory, self.symbols.table(), self.proof.physical);
        self.proof.memory = memory;
        if lost > 0 {
            let (tables, are) = if lost == 1 { ("table", "is") } else { ("tables", "are") };
            // Where all of memory is mapped in one piece, nothing is lost with them.
            self.warnings.push(format!(
                "{lost} {tables} of pages {are} lost that map all of memory for the kernel: it is read as lying in one piece there"
            ));
        }
        let (types, types_from) = self.types(&search)?;
        let Self { proof, symbols, build_id, symbols_from, lacks, lost_symbols, warnings, .. } = self;
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
            lost_symbols,
            warnings,
        };
        Ok(Kernel::new(proof.memory, symbols, types, facts))
    }

    /// Where to remember what is known of the kernel: nowhere what was read as memory was being lost; and an entry is found
    /// again by the banner.
    fn cache<'a>(&self, search: &Search<'a>) -> Option<Cache<'a>> {
        search.cache.filter(|_| search.image.loss().is_none() && !self.proof.is_overwritten)
    }

    /// Remembers types for an image of the same build in which pages of them are damaged.
    fn keep_types(&mut self, search: &Search, types: &Types) {
        let (Some(cache), Some(offset)) = (self.cache(search), self.proof.banner_from_text()) else { return };
        let stored = cache.store_types(&self.proof.banner, offset, types.btf());
        self.warnings.extend(stored.err().map(|error| not_kept("types", &error)));
    }

    /// The types that the image has, or what of them is left with what was kept of the rest.
    fn own_types(&mut self, search: &Search) -> Option<Types> {
        if let Some(own) = type_source::named(&self.proof.memory, &self.symbols) {
            self.keep_types(search, &own);
            return Some(own);
        }
        if let Some((kept, lost)) = search.kept_types(&self.proof, &self.symbols) {
            self.lacks.push(lost);
            return Some(kept);
        }
        type_source::searched(search.image, &self.proof, &self.symbols)
    }

    /// The kernel's types, and where they are from: a file that was named, the image itself, or a file in the cache folder.
    fn types(&mut self, search: &Search) -> Result<(Types, String)> {
        let mut own = self.own_types(search);
        let mut files = std::mem::take(&mut self.files);
        let banner = self.proof.banner.text();
        let is_whole = own.as_ref().is_some_and(|own| own.lost().is_none());
        if !is_whole && !files.iter().any(|file| file.content.types.is_some()) {
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
        self.lacks.extend(types.lost());
        type_source::with_modules(&types, &self.proof.memory, &self.symbols);
        Ok((types, "btf".to_owned()))
    }
}

fn not_kept(what: &str, error: &std::io::Error) -> String {
    format!("{what} could not be kept for the next run: {error}")
}
