//! Symbol tables around banners. Copies of a banner come in crowds (each read of `/proc/version` leaves one), so memory
//! between them is searched once, not once for each.

use crate::image::Image;

use super::kallsyms::{self, Budget, Kallsyms};
use super::window::Window;

/// How far symbol tables may lie from the banner: both are in the kernel's read-only data.
const REACH: u64 = 64 << 20;
/// Room before and behind a token table for the tables that belong to it.
const SEAM: u64 = 32 << 20;
/// Tables kept at a time; all other memory near a banner holds none.
const MOST_TABLES: usize = 8;

/// A symbol table and the physical address that its ranges count from.
pub struct Placed {
    /// Where the window started.
    pub physical: u64,
    /// The table.
    pub kallsyms: Kallsyms,
}

impl Placed {
    fn tokens(&self) -> u64 {
        let [_, _, tokens] = &self.kallsyms.parts;
        self.physical + tokens.start as u64
    }
}

/// The tables near the banner that was last asked for.
pub struct Near<'a> {
    image: &'a Image,
    /// No address of a kernel's image is below this one.
    lowest_image: u64,
    tables: Vec<Placed>,
    searched: u64,
}

impl<'a> Near<'a> {
    /// Nothing searched yet.
    pub fn new(image: &'a Image, lowest_image: u64) -> Self {
        Self { image, lowest_image, tables: Vec::new(), searched: 0 }
    }

    /// The tables around a banner. Banners must come in ascending order.
    pub fn around(&mut self, banner: u64, budget: &Budget) -> &[Placed] {
        let end = banner.saturating_add(REACH);
        let from = banner.saturating_sub(REACH).max(self.searched);
        self.tables.retain(|table| table.tokens().saturating_add(REACH) >= banner);
        let start = from.saturating_sub(SEAM);
        if let Some(window) = Window::of(self.image, start, end.saturating_sub(start)) {
            let skip = from.saturating_sub(window.physical) as usize;
            for kallsyms in kallsyms::find_all(&window.bytes, skip, self.lowest_image, budget) {
                let placed = Placed { physical: window.physical, kallsyms };
                let known = self.tables.iter().any(|table| table.tokens() == placed.tokens());
                if !known && self.tables.len() < MOST_TABLES {
                    self.tables.push(placed);
                }
            }
        }
        // What was searched was mapped.
        self.image.trim();
        self.searched = end.saturating_sub(SEAM);
        &self.tables
    }
}
