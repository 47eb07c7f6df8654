//! What the cache has of a kernel that is damaged in this image: symbols and types of another image of the same build.
//!
//! That one may have been forged. So what this one still has must be the same, and it is told how much is not its own.

use super::damaged::KEPT;
use super::*;
use crate::kernel::symbols::Table;

impl Search<'_> {
    /// All symbols of a kernel of which these are left, and its banner.
    pub(super) fn kept_table(&self, found: &Found) -> Option<(Table, Banner)> {
        let (proof, offset) = (&found.proof, found.proof.banner_from_text()?);
        let cache = self.cache?;
        let fits = |entry: Entry| {
            let is_same = agree(&found.build_id, &entry.build_id) && found.symbols.table().is_part_of(&entry.table);
            let banner = Banner::of_text(&entry.banner).filter(|_| is_same)?;
            Some((entry.table, banner))
        };
        if proof.is_overwritten {
            let says_so = |banner: &Banner| proof.names.as_ref().is_some_and(|names| banner.agrees(names));
            return cache.at(offset).filter_map(fits).find(|(_, banner)| says_so(banner));
        }
        cache.of(&proof.banner, offset).and_then(fits)
    }

    /// A kernel of which a table is lost that nothing is left without, by what one of the same build had: it says so by its
    /// build id, or one of its tables does.
    pub(super) fn kept(&self, anchor: Anchor) -> Option<Found> {
        self.cache?.named(self.image, anchor).find_map(|(entry, text)| {
            let proof = proof::prove(self.image, &self.architectures, &entry.table, None, text, &self.scans)?;
            let is_same = || entry.marks.iter().any(|mark| mark.agrees(self.image, text));
            let symbols = Symbols::at(entry.table.clone(), proof.text);
            let mut found = self.found(proof, symbols, &entry.parts, Source::File);
            found.lacks.push(format!("pages of the kernel's own symbols are damaged: all {KEPT}"));
            let says_so = found.build_id.is_some() && found.build_id == entry.build_id;
            (says_so || agree(&found.build_id, &entry.build_id) && is_same()).then_some(found)
        })
    }

    /// The types of a kernel of which some are lost in this image, and how much is not its own.
    pub(super) fn kept_types(&self, proof: &Proof, symbols: &Symbols) -> Option<(Types, String)> {
        let kept = self.cache?.types(&proof.banner, proof.banner_from_text()?)?;
        let start = symbols.address("__start_BTF")?;
        if type_source::length(symbols)? != kept.len() as u64 {
            return None;
        }
        let mut own = vec![0; PAGE_SIZE as usize];
        let mut at = 0;
        let (mut pages, mut same) = (0, 0);
        while let Some(rest) = kept.get(at..).filter(|rest| !rest.is_empty()) {
            let address = start.checked_add(at as u64)?;
            let length = rest.len().min((PAGE_SIZE - address % PAGE_SIZE) as usize);
            let (own, theirs) = (own.get_mut(..length)?, rest.get(..length)?);
            pages += 1;
            same += usize::from(proof.memory.read_exact(address, own) && own == theirs);
            at += length;
        }
        let types = Types::from_btf(kept).ok().filter(|_| same * 2 > pages)?;
        let lost =
            format!("pages of the kernel's own types (BTF) are damaged: those on {} of {pages} {KEPT}", pages - same);
        // That they fit the first task is not asked: it may be damaged too.
        Some((types, lost))
    }
}

/// Whether two may be the same build.
fn agree(one: &Option<String>, other: &Option<String>) -> bool {
    one.is_none() || other.is_none() || one == other
}
