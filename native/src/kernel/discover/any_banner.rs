//! The banner of a kernel of whose symbols that of the banner itself is lost, as damaged pages have it.

use memchr::memmem;

use super::*;
use crate::kernel::symbol_files::Collected;
use crate::kernel::symbols::TEXT;
use crate::kernel::type_source;

/// Banners of an image that are looked at.
const MOST: usize = 16;

impl Search<'_> {
    /// A kernel that is proven with one of the banners in its image in place of the symbol's. Where it begins the anchor
    /// says, or else its own types do.
    pub(super) fn by_any_banner(&mut self, anchor: Anchor, window: &Window, placed: &Placed) -> Option<Found> {
        let table = &placed.kallsyms.table;
        if table.from_text("linux_banner").is_some() {
            return None;
        }
        let text = match anchor {
            Anchor::Text(text) => text,
            _ => type_source::begins(window)
                .filter_map(|types| types.checked_sub(table.from_text("__start_BTF")?))
                .find(|text| text % PAGE_SIZE == 0)?,
        };
        let names =
            table.from_text("init_uts_ns").and_then(|names| Banner::of_names(self.image, text.checked_add(names)?));
        // An image may have one of another build of a file beside it (init/version.c).
        let is_own = |banner: &Banner| names.as_ref().is_none_or(|names| banner.agrees(names));
        let banners = memmem::find_iter(&window.bytes, banner::START).take(MOST);
        let own =
            banners.filter(|at| window.bytes.get(*at..).and_then(Banner::parse).is_some_and(|banner| is_own(&banner)));
        let distances: Vec<u64> = own.filter_map(|at| (window.physical + at as u64).checked_sub(text)).collect();
        distances.into_iter().find_map(|distance| {
            let mut known = Collected::default();
            known.add(b"_text", TEXT, Some(b'T'));
            known.add(b"linux_banner", TEXT.checked_add(distance)?, Some(b'R'));
            let symbols = Symbols::at(table.clone(), TEXT).with(&Symbols::at(known.table()?, TEXT))?;
            let kallsyms = Kallsyms { table: symbols.table().clone(), ..placed.kallsyms.clone() };
            self.decoded(Anchor::Text(text), &Placed { physical: placed.physical, kallsyms })
        })
    }
}
