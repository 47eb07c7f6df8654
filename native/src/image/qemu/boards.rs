//! Where a machine's RAM lies in its physical address space: the stream tells the machine's name and how large each of its
//! blocks of RAM is, and its source the rest (qemu `hw/i386/pc_piix.c`, `pc_q35.c`, `microvm.c`, `hw/arm/virt.c`).

use object::elf::{EM_AARCH64, EM_X86_64};

const GIB: u64 = 1 << 30;

/// A kind of machine.
#[derive(Debug)]
pub struct Board {
    /// What its name holds, the first that fits.
    name: &'static str,
    /// Its processor, by ELF's number.
    pub machine: u16,
    /// Where RAM begins.
    base: u64,
    /// RAM of so many bytes or more goes on at 4 GiB, with what of it is at the second number or above.
    split: Option<(u64, u64)>,
}

/// `max-ram-below-4g` moves the split, and nothing in the stream tells of it. So does a guest on an AMD host with a
/// tebibyte of memory.
const BOARDS: &[Board] = &[
    Board { name: "q35", machine: EM_X86_64, base: 0, split: Some((0xb000_0000, 0x8000_0000)) },
    Board { name: "microvm", machine: EM_X86_64, base: 0, split: Some((0xc000_0000, 0xc000_0000)) },
    Board { name: "xenfv", machine: EM_X86_64, base: 0, split: Some((0xf000_0000, 0xf000_0000)) },
    Board { name: "pc-i440fx-1.", machine: EM_X86_64, base: 0, split: Some((0xe000_0000, 0xe000_0000)) },
    Board { name: "pc-1.", machine: EM_X86_64, base: 0, split: Some((0xe000_0000, 0xe000_0000)) },
    Board { name: "pc-0.", machine: EM_X86_64, base: 0, split: Some((0xe000_0000, 0xe000_0000)) },
    Board { name: "pc", machine: EM_X86_64, base: 0, split: Some((0xe000_0000, 0xc000_0000)) },
    Board { name: "virt", machine: EM_AARCH64, base: GIB, split: None },
];

/// Names of the block that is a machine's RAM.
const RAM: [&str; 3] = ["pc.ram", "mach-virt.ram", "microvm.ram"];
/// RAM that libvirt takes apart by NUMA nodes: the node's number follows.
const NODE: &str = "ram-node";
/// What QEMU puts before the name of a block that was made by itself.
const OBJECTS: &str = "/objects/";

impl Board {
    /// The machine of a name.
    pub fn named(machine: &str) -> Option<&'static Board> {
        BOARDS.iter().find(|board| machine.contains(board.name))
    }

    /// Where a byte of RAM lies, out of so many.
    fn physical(&self, at: u64, of: u64) -> Option<u64> {
        match self.split {
            Some((least, split)) if of >= least && at >= split => (at - split).checked_add(4 * GIB),
            _ => at.checked_add(self.base),
        }
    }

    /// The parts of a block of RAM that lie in one piece: where each begins in memory and in the block, and its length.
    pub fn parts(&self, begins: u64, length: u64, of: u64) -> Vec<(u64, u64, u64)> {
        let seam = self.split.filter(|(least, _)| of >= *least).map_or(u64::MAX, |(_, split)| split);
        let below = seam.saturating_sub(begins).min(length);
        let part = |at: u64, length: u64| Some((self.physical(begins.checked_add(at)?, of)?, at, length));
        let parts = [part(0, below), part(below, length - below)];
        parts.into_iter().flatten().filter(|(_, _, length)| *length > 0).collect()
    }
}

/// A block of memory that the stream names.
#[derive(Debug, Clone)]
pub struct Block {
    /// What it is called.
    pub name: String,
    /// Bytes.
    pub length: u64,
    /// Where it begins in the machine's RAM; none where it is no RAM.
    begins: Option<u64>,
}

/// The blocks of a machine.
#[derive(Debug, Default)]
pub struct Blocks {
    blocks: Vec<Block>,
    /// Bytes of RAM.
    ram: u64,
}

impl Blocks {
    /// Tells RAM from devices' memory and firmware by the blocks' names.
    pub fn new(named: Vec<(String, u64)>) -> Self {
        let mut blocks: Vec<Block> =
            named.into_iter().map(|(name, length)| Block { name, length, begins: None }).collect();
        let of = |block: &Block| {
            let name = block.name.strip_prefix(OBJECTS).unwrap_or(&block.name);
            let node = name.strip_prefix(NODE).and_then(|number| number.parse::<u32>().ok());
            node.or_else(|| RAM.contains(&name).then_some(0))
        };
        let mut ram: Vec<(u32, usize)> =
            blocks.iter().enumerate().filter_map(|(at, block)| Some((of(block)?, at))).collect();
        ram.sort_unstable();
        let mut total = 0_u64;
        for (_, at) in ram {
            if let Some(block) = blocks.get_mut(at) {
                block.begins = Some(total);
                total = total.saturating_add(block.length);
            }
        }
        Self { blocks, ram: total }
    }

    /// The number of a block.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.blocks.iter().position(|block| block.name == name)
    }

    /// A block of RAM: where it begins in the machine's, and its length.
    pub fn ram(&self, block: usize) -> Option<(u64, u64)> {
        let block = self.blocks.get(block)?;
        Some((block.begins?, block.length))
    }

    /// Bytes of RAM.
    pub fn all_ram(&self) -> u64 {
        self.ram
    }

    /// Whether the machine's RAM is one block, so that what other blocks there are changes nothing.
    pub fn is_one(&self) -> bool {
        let is_whole = |block: &Block| RAM.contains(&block.name.strip_prefix(OBJECTS).unwrap_or(&block.name));
        self.blocks.iter().any(is_whole)
    }

    /// Whether none of them is RAM.
    pub fn has_ram(&self) -> bool {
        self.ram > 0
    }

    /// The physical address of a byte of a block; none outside of it, and where it is no RAM.
    pub fn physical(&self, board: &Board, block: usize, at: u64) -> Option<u64> {
        let block = self.blocks.get(block).filter(|block| at < block.length)?;
        board.physical(block.begins?.checked_add(at)?, self.ram)
    }

    /// Blocks larger than any firmware that are not known to be RAM: memory that was plugged in, or a screen's.
    pub fn others(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.begins.is_none() && block.length >= 64 << 20)
    }
}
