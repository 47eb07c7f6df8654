//! Kernels of which symbols are damaged, lost, or were never there but for functions.

use super::*;

impl Search<'_> {
    /// A kernel by what is left of its symbols around the banners that were met.
    pub(super) fn damaged_near_banners(&mut self) -> Option<Found> {
        // A whole one that lies elsewhere than it says is not damaged.
        if self.misplaced.is_some() || self.begins.is_some() {
            return None;
        }
        self.scans.doubt_tables();
        let image = self.image;
        self.kernels.clone().into_iter().take(MOST_SALVAGED).find_map(|(banner, _)| {
            let start = banner.saturating_sub(kernel_range::LONGEST / 2) & !(PAGE_SIZE - 1);
            let found = self.salvaged(Anchor::Banner(banner), &Window::of(image, start, kernel_range::LONGEST)?);
            image.trim();
            found
        })
    }

    /// A kernel by what is left of its symbols, where pages of them are damaged, and what was kept of them.
    pub(super) fn salvaged(&mut self, anchor: Anchor, window: &Window) -> Option<Found> {
        let budget = Rc::clone(&self.salvage);
        let mut tables = kallsyms::salvage::find_all(&window.bytes, self.lowest_image(), &budget);
        // A damaged one that names nothing else need not have been one of functions.
        let functions_only = self.functions_only;
        let salvaged = tables.find_map(|Salvaged { kallsyms, lost }| {
            let placed = Placed { physical: window.physical, kallsyms };
            let found = self.decoded(anchor, &placed).or_else(|| self.by_any_banner(anchor, window, &placed));
            let found = found.filter(|found| lost > 0 || found.proof.lacks_tables)?;
            // What is not whole is nothing to remember.
            Some((Found { source: Source::File, ..found }, lost))
        });
        self.functions_only = functions_only;
        let Some((mut found, lost)) = salvaged else { return self.kept(anchor) };
        if lost == 0 {
            return Some(found);
        }
        let kept = self.kept_table(&found);
        found.lost_symbols = kept.is_none();
        let instead = kept.as_ref().map_or(NOTHING, |_| KEPT);
        found.lacks.push(lost_symbols(lost, found.symbols.len(), instead));
        if let Some((table, banner)) = kept {
            found.symbols = Symbols::at(table, found.proof.text);
            found.proof.banner = banner;
        // Some of what is lost the first task leads to.
        } else if let Some(leads) = structures::leads(self.image, &found.proof)
            && let Some(symbols) = found.symbols.with(&leads)
        {
            found.symbols = symbols;
        }
        Some(found)
    }

    /// A kernel of which no symbols of data are found, by its first task and its own types.
    pub(super) fn by_structures(&self) -> Option<Found> {
        let (proof, symbols) = structures::find(self.image, &self.architectures)?;
        let known = symbols.len();
        let functions = self.functions(&proof);
        let (why, from) = match &functions {
            Some((.., None)) => {
                ("its table of symbols has functions only (CONFIG_KALLSYMS_ALL)", "kallsyms and structures")
            }
            Some((.., Some(lost))) => (lost.as_str(), "kallsyms and structures"),
            None => ("no table of symbols that the kernel's page tables bear out", "structures"),
        };
        let why = why.to_owned();
        let lost_symbols = matches!(functions, Some((.., Some(_))));
        let (symbols, parts) = match functions {
            Some((functions, parts, _)) => (symbols.with(&functions).unwrap_or(symbols), parts),
            None => (symbols, Vec::new()),
        };
        let mut found = self.found(proof, symbols, &parts, Source::File);
        found.symbols_from = from.to_owned();
        found.lost_symbols = lost_symbols;
        found.lacks.push(format!(
            "{why}: {known} symbols are known by the first task and what it leads to, and tables lack what others would show, \
             or fail; {}",
            packages::advice(found.proof.banner.text(), found.build_id.as_deref())
        ));
        Some(found)
    }

    /// What the own table of a kernel has whose place is proven by other means, where that lies, and what is lost of it.
    fn functions(&self, proof: &Proof) -> Option<(Symbols, Vec<Part>, Option<String>)> {
        let window = Window::of(self.image, proof.physical, kernel_range::LONGEST)?;
        let is_own = |kallsyms: &Kallsyms| kallsyms.text.is_none_or(|text| text == proof.text);
        let mut whole = kallsyms::find_all(&window.bytes, 0, self.lowest_image(), &self.budget);
        let (own, lost) = whole.find(is_own).map(|own| (own, None)).or_else(|| {
            let budget = Budget::default();
            let mut damaged = kallsyms::salvage::find_all(&window.bytes, self.lowest_image(), &budget);
            let Salvaged { kallsyms, lost } = damaged.find(|found| is_own(&found.kallsyms))?;
            let lost = lost_symbols(lost, kallsyms.table.len(), NOTHING);
            Some((kallsyms, Some(lost)))
        })?;
        let parts = own.parts.iter().map(|range| part(proof.physical, window.physical, range)).collect();
        Some((Symbols::at(own.table, proof.text), parts, lost))
    }
}

/// What there is instead of what damaged pages had.
const NOTHING: &str = "are not known, and tables lack what these would show, or fail";
pub(super) const KEPT: &str = "are those of another image of the same build, which were kept";

/// What to say of symbols that damaged pages had.
fn lost_symbols(lost: usize, all: usize, instead: &str) -> String {
    format!("pages of the kernel's own symbols are damaged: {lost} of {all} {instead}")
}
