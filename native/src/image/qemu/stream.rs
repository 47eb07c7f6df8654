//! The stream: sections, of which only that of RAM is read; devices' come behind it (qemu `migration/savevm.c`,
//! `migration/ram.c`, `docs/devel/migration/main.rst`).

use std::sync::Arc;

use super::super::file::Evidence;
use super::super::{END_OF_ADDRESSES, PAGE_SIZE};
use super::boards::{Blocks, Board};
use super::mapped::{self, Mapped};
use super::pages::{Pages, Place};
use super::reader::Reader;
use crate::error::{Error, Result};

/// Kinds of sections.
const START: u8 = 0x01;
const PART: u8 = 0x02;
const END: u8 = 0x03;
const SUBSECTION: u8 = 0x05;
const CONFIGURATION: u8 = 0x07;
/// Not of memory: since QEMU 10, one says that the guest was stopped, before what it wrote last is sent.
const COMMAND: u8 = 0x08;
const FOOTER: u8 = 0x7e;

/// What a record of RAM is, in the low bits of its address.
mod flag {
    pub const ZERO: u64 = 0x02;
    pub const MEM_SIZE: u64 = 0x04;
    pub const PAGE: u64 = 0x08;
    pub const EOS: u64 = 0x10;
    pub const CONTINUE: u64 = 0x20;
    pub const COMPRESS_PAGE: u64 = 0x100;
    pub const MULTIFD_FLUSH: u64 = 0x200;
    /// What no file can be read with: differences to earlier pages, and pages in streams of their own.
    pub const OTHERS: [(u64, &str); 3] =
        [(0x40, "differences between pages (xbzrle)"), (0x80, "RDMA"), (MULTIFD_FLUSH, "several channels (multifd)")];
}

/// The longest name of a machine that is believed.
const LONGEST_NAME: u32 = 256;
/// Blocks of memory that a machine has: past this the stream lies.
const MOST_BLOCKS: usize = 4096;
/// Pages between two looks at how much of the file is mapped in: all of it is touched.
const STRETCH: usize = 1 << 14;
/// A capability that leaves out RAM.
const UNREAD_CAPABILITY: &str = "x-ignore-shared";
/// One by which each page has its place in the file.
const MAPPED_RAM: &str = "mapped-ram";
/// Bytes of a block of memory, with mapped-ram: past this the stream lies.
const LARGEST_MAPPED: u64 = 1 << 46;

/// What was read of a stream.
#[derive(Default)]
pub struct Saved {
    /// The machine, where it is one that is known.
    pub board: Option<&'static Board>,
    /// Pages of RAM.
    pub pages: Pages,
    /// RAM with each page in its place, which is then all there is.
    pub mapped: Option<Mapped>,
    /// What is not as it should be.
    pub warnings: Vec<String>,
}

/// Why reading ended early.
enum Stop {
    /// The stream ends here.
    Cut,
    /// No more of it can be understood.
    Unknown(String),
    /// None of it may be used.
    Refused(Error),
}

type Step<T> = std::result::Result<T, Stop>;

/// The stream's state.
struct Walk<'a> {
    reader: Reader<'a>,
    blocks: Blocks,
    /// The section that RAM is in.
    ram: Option<u32>,
    /// The block of the last page: the next may be of the same.
    block: Option<usize>,
    saved: Saved,
    /// Pages have their places in the file.
    is_mapped: bool,
    /// Where those of each block are, in the order of the blocks.
    places: Vec<mapped::Place>,
    file: &'a Evidence,
}

/// Reads the stream that begins, behind its magic, at an offset.
pub fn read(file: &Evidence, at: usize) -> Result<Saved> {
    let mut walk = Walk {
        reader: Reader::new(file.bytes(), at),
        blocks: Blocks::default(),
        ram: None,
        block: None,
        saved: Saved::default(),
        is_mapped: false,
        places: Vec::new(),
        file,
    };
    match walk.sections() {
        Ok(()) => {}
        Err(Stop::Refused(error)) => return Err(error),
        Err(Stop::Cut) => walk.saved.warnings.push(format!(
            "truncated: the stream ends at file offset {:#x}, before the end of the guest's RAM",
            walk.reader.at
        )),
        Err(Stop::Unknown(what)) => walk
            .saved
            .warnings
            .push(format!("damaged: {what} at file offset {:#x}; the rest of the stream is not read", walk.reader.at)),
    }
    walk.map();
    let others: Vec<String> = walk
        .blocks
        .others()
        .map(|block| format!("left out: where the {} bytes of {:?} lay is not in the stream", block.length, block.name))
        .collect();
    walk.saved.warnings.extend(others);
    Ok(walk.saved)
}

fn cut<T>(read: Option<T>) -> Step<T> {
    read.ok_or(Stop::Cut)
}

impl Walk<'_> {
    /// All sections up to the one that ends RAM.
    fn sections(&mut self) -> Step<()> {
        if self.reader.accept(CONFIGURATION) {
            self.configuration()?;
        }
        loop {
            let kind = cut(self.reader.u8())?;
            if kind == COMMAND {
                // Its number, and how long it is.
                cut(self.reader.u16())?;
                let length = cut(self.reader.u16())?;
                cut(self.reader.take(length.into()))?;
                continue;
            }
            let id = cut(self.reader.u32())?;
            match kind {
                START => {
                    let name = cut(self.reader.text())?;
                    // Number of the instance and version of the format.
                    cut(self.reader.take(8))?;
                    if name != "ram" {
                        return Err(Stop::Unknown(format!("a section {name:?} that is no RAM")));
                    }
                    self.ram = Some(id);
                }
                PART | END if self.ram == Some(id) => {}
                kind => return Err(Stop::Unknown(format!("a section of kind {kind:#04x} instead of RAM"))),
            }
            self.records()?;
            if self.reader.accept(FOOTER) && cut(self.reader.u32())? != id {
                return Err(Stop::Unknown("a section's footer that is of another".to_owned()));
            }
            if kind == END {
                return Ok(());
            }
        }
    }

    /// The machine's name and what else must be known of it.
    fn configuration(&mut self) -> Step<()> {
        let length = cut(self.reader.u32())?;
        if length > LONGEST_NAME {
            return Err(Stop::Unknown("a machine's name that is too long".to_owned()));
        }
        let name = String::from_utf8_lossy(cut(self.reader.take(length as usize))?).into_owned();
        self.saved.board = Board::named(&name);
        if self.saved.board.is_none() {
            return Err(Stop::Refused(Error::evidence(format!(
                "a saved state of QEMU's machine {name:?}: where its memory lies is not known; restore it and write a core \
                 with 'dump-guest-memory'"
            ))));
        }
        while self.reader.accept(SUBSECTION) {
            let name = cut(self.reader.text())?;
            cut(self.reader.u32())?;
            match name.as_str() {
                "configuration/target-page-bits" => self.page_bits()?,
                "configuration/capabilities" => self.capabilities()?,
                "configuration/uuid" => drop(cut(self.reader.take(16))?),
                _ => return Err(Stop::Unknown(format!("a part {name:?} of the configuration"))),
            }
        }
        Ok(())
    }

    fn page_bits(&mut self) -> Step<()> {
        let bits = cut(self.reader.u32())?;
        if 1_u64.checked_shl(bits) == Some(PAGE_SIZE) {
            return Ok(());
        }
        Err(Stop::Refused(Error::evidence(format!(
            "a saved state of QEMU with pages of 2^{bits} bytes, which is not read"
        ))))
    }

    fn capabilities(&mut self) -> Step<()> {
        for _ in 0..cut(self.reader.u32())? {
            let name = cut(self.reader.text())?;
            self.is_mapped |= name == MAPPED_RAM;
            if name == UNREAD_CAPABILITY {
                return Err(Stop::Refused(Error::evidence(format!(
                    "a saved state of QEMU with the capability {name}, which is not read: restore it and write a core with \
                     'dump-guest-memory'"
                ))));
            }
        }
        Ok(())
    }

    /// Records of RAM, up to the end of a section.
    fn records(&mut self) -> Step<()> {
        loop {
            let word = cut(self.reader.u64())?;
            let (address, flags) = (word & !(PAGE_SIZE - 1), word & (PAGE_SIZE - 1));
            if self.is_mapped && flags == flag::MULTIFD_FLUSH {
                continue;
            }
            if let Some((_, what)) = flag::OTHERS.iter().find(|(bit, _)| flags & bit != 0) {
                return Err(Stop::Unknown(format!("pages by {what}, which are not read,")));
            }
            if flags & flag::MEM_SIZE != 0 {
                self.sizes(address)?;
            } else if flags & (flag::ZERO | flag::PAGE | flag::COMPRESS_PAGE) != 0 {
                self.page(address, flags)?;
            } else if flags & flag::EOS == 0 {
                return Err(Stop::Unknown(format!("a record of RAM of kind {flags:#x}")));
            }
            if flags & flag::EOS != 0 {
                return Ok(());
            }
        }
    }

    /// Names and sizes of all blocks of memory.
    fn sizes(&mut self, total: u64) -> Step<()> {
        let mut named = Vec::new();
        let read = self.named(total, &mut named);
        let names = named.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let blocks = Blocks::new(named);
        // Of RAM in several blocks, those that are not named yet would decide where the others lie.
        if read.is_ok() || self.is_mapped && blocks.is_one() {
            self.blocks = blocks;
        }
        read?;
        if self.blocks.has_ram() {
            return Ok(());
        }
        Err(Stop::Refused(Error::evidence(format!(
            "a saved state of QEMU, none of whose memory is known as RAM: {names}"
        ))))
    }

    fn named(&mut self, total: u64, named: &mut Vec<(String, u64)>) -> Step<()> {
        let mut sum = 0_u64;
        while sum < total {
            let (name, length) = (cut(self.reader.text())?, cut(self.reader.u64())?);
            sum = sum.saturating_add(length);
            if length == 0 || sum > END_OF_ADDRESSES || named.len() == MOST_BLOCKS {
                return Err(Stop::Unknown("sizes of memory that cannot be".to_owned()));
            }
            if self.is_mapped {
                let place = self.mapped_place()?;
                named.push((name, length));
                self.places.push(place);
                let next = place.pages.checked_add(length).and_then(|next| usize::try_from(next).ok());
                self.reader.at = next
                    .filter(|next| *next >= self.reader.at && length <= LARGEST_MAPPED)
                    .ok_or_else(|| Stop::Unknown("a place of pages that cannot be".to_owned()))?;
            } else {
                named.push((name, length));
            }
        }
        Ok(())
    }

    /// What tells where a block's bitmap and pages are: it stands behind the block's name and size.
    fn mapped_place(&mut self) -> Step<mapped::Place> {
        let (version, page_size) = (cut(self.reader.u32())?, cut(self.reader.u64())?);
        let place = mapped::Place { bitmap: cut(self.reader.u64())?, pages: cut(self.reader.u64())? };
        if version == mapped::VERSION && page_size == PAGE_SIZE {
            return Ok(place);
        }
        Err(Stop::Refused(Error::evidence(format!(
            "a saved state of QEMU with mapped-ram of version {version} and pages of {page_size} bytes, which is not read"
        ))))
    }

    /// Takes in RAM whose pages have their places.
    fn map(&mut self) {
        let Some(board) = self.saved.board.filter(|_| self.is_mapped) else { return };
        let mut mapped = Mapped::new(Arc::clone(self.file.shared_source()));
        for (block, place) in self.places.iter().enumerate() {
            let Some(ram) = self.blocks.ram(block) else { continue };
            self.saved.warnings.extend(mapped.add(board, *place, ram, self.blocks.all_ram()));
        }
        self.saved.mapped = Some(mapped);
    }

    fn page(&mut self, address: u64, flags: u64) -> Step<()> {
        if flags & flag::CONTINUE == 0 {
            let name = cut(self.reader.text())?;
            self.block = self.blocks.find(&name);
            if self.block.is_none() {
                return Err(Stop::Unknown(format!("a page of memory {name:?}, which was not named before,")));
            }
        }
        let place = self.place(flags)?;
        // A stream without a configuration is of a machine older than 2.3: there were no others then.
        let board = self.saved.board.or_else(|| Board::named("pc-1."));
        if let (Some(board), Some(block)) = (board, self.block)
            && let Some(physical) = self.blocks.physical(board, block, address)
        {
            self.saved.pages.push(physical, place);
            if self.saved.pages.count().is_multiple_of(STRETCH) {
                self.file.trim();
            }
        }
        Ok(())
    }

    /// Steps over a page's bytes.
    fn place(&mut self, flags: u64) -> Step<Place> {
        if flags & flag::ZERO != 0 {
            return cut(self.reader.u8()).map(Place::Filled);
        }
        let at = self.reader.at as u64;
        if flags & flag::PAGE != 0 {
            cut(self.reader.take(PAGE_SIZE as usize))?;
            return Ok(Place::Stored(at));
        }
        let length = cut(self.reader.u32())?;
        cut(self.reader.take(length as usize))?;
        Ok(Place::Packed(at))
    }
}
