//! Why no kernel was found, for people.

use super::*;

impl Search<'_> {
    pub(super) fn failure(&self) -> Error {
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
