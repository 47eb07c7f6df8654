//! Symbols and types from files, held against the kernel that is in the image.

use super::*;

impl Search<'_> {
    /// A kernel that was found by its own symbols, with the files that are of it. Where their symbols say other than the
    /// kernel's own do, theirs count.
    pub(super) fn held_to_files(&mut self, mut found: Found) -> Result<Found> {
        let banner = found.proof.banner.text().to_owned();
        let identity = Identity { banner: Some(&banner), build_id: found.build_id.as_deref() };
        let Fitting { files, mut refused } = self.files.named(identity)?;
        for file in files {
            let Some(table) = &file.content.table else {
                found.files.push(file);
                continue;
            };
            let proven = proof::prove(self.image, &self.architectures, table, None, found.proof.physical, &self.scans);
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
    pub(super) fn by_files(&mut self) -> Result<Option<Found>> {
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
                let proof = proof::prove(self.image, &self.architectures, table, None, text, &self.scans)?;
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
}
