//! A few MiB of kernel memory: raw image, page tables with 2 MiB pages, a bump allocator.

use std::io::Write;
use std::sync::Arc;

use crate::arch::x86_64::{Levels, Paging as X86_64};
use crate::arch::{AddressSpace, Paging, other};
use crate::image::Image;
use crate::kernel::symbols::Symbols;
use crate::kernel::types::Types;
use crate::kernel::{Facts, Kernel};

/// Where physical 0 is mapped for the kernel; user space sees the same memory from 0 on.
pub const BASE: u64 = 0xffff_8880_0000_0000;
/// Physical memory; past it nothing is mapped.
pub const SIZE: u64 = 4 << 20;
/// A kernel address that is not mapped.
pub const NOWHERE: u64 = BASE + (1 << 30);
/// Physical address of the top table.
pub const ROOT: u64 = 0x1000;

#[derive(Clone)]
pub struct Memory {
    pub bytes: Vec<u8>,
    next: u64,
}

impl Memory {
    pub fn new() -> Self {
        let mut memory = Self { bytes: vec![0; SIZE as usize], next: BASE + 0x10000 };
        for index in [0, BASE >> 39 & 511] {
            memory.put(BASE + ROOT + index * 8, 0x2000 | 3);
        }
        memory.put(BASE + 0x2000, 0x3000 | 3);
        for page in 0..SIZE >> 21 {
            memory.put(BASE + 0x3000 + page * 8, page << 21 | 0x83);
        }
        memory
    }

    /// Zeroed memory, aligned to 256 bytes as maple nodes want it.
    pub fn take(&mut self, bytes: u64) -> u64 {
        self.next = (self.next + bytes).next_multiple_of(256);
        assert!(self.next < BASE + SIZE, "out of memory");
        (self.next - bytes) & !255
    }

    pub fn put(&mut self, address: u64, value: u64) {
        self.write(address, &value.to_le_bytes());
    }

    pub fn write(&mut self, address: u64, bytes: &[u8]) {
        let at = (address - BASE) as usize;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub fn bytes_at(&self, address: u64, length: usize) -> &[u8] {
        let at = (address - BASE) as usize;
        &self.bytes[at..at + length]
    }

    pub fn kernel(&self, btf: Vec<u8>, symbols: &[(&str, u64)]) -> Kernel {
        self.kernel_in(&self.file(), btf, symbols)
    }

    /// The memory as a raw image.
    pub fn file(&self) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&self.bytes).unwrap();
        file
    }

    /// The kernel of an image that the caller holds.
    pub fn kernel_in(&self, file: &tempfile::NamedTempFile, btf: Vec<u8>, symbols: &[(&str, u64)]) -> Kernel {
        let paging = Paging::X86_64(X86_64::plain(Levels::Four));
        of(AddressSpace::new(Arc::new(Image::open(file.path()).unwrap()), ROOT, paging), btf, symbols)
    }

    /// The same memory, as a machine of the other architecture maps it.
    pub fn other_kernel(&self, btf: Vec<u8>, symbols: &[(&str, u64)]) -> Kernel {
        let table = |level: u64| SIZE - (level + 1) * other::PAGE;
        let index = |level: u32| BASE >> (other::PAGE.ilog2() + other::TABLE_BITS * level) & 2047;
        let mut memory = self.clone();
        for level in [2, 1] {
            let entry = BASE + table(level) + index(level as u32) * 8;
            memory.put(entry, table(level - 1) | other::PRESENT);
        }
        for page in 0..SIZE / other::PAGE {
            memory.put(BASE + table(0) + (index(0) + page) * 8, (page * other::PAGE) | other::PRESENT);
        }
        let image = Arc::new(Image::open(memory.file().path()).unwrap());
        of(AddressSpace::new(image, table(2), Paging::Other(other::Paging)), btf, symbols)
    }
}

/// A kernel with these types and symbols.
fn of(memory: AddressSpace, btf: Vec<u8>, symbols: &[(&str, u64)]) -> Kernel {
    Kernel::new(
        memory,
        Symbols::new(symbols.iter().map(|(name, at)| (Box::from(*name), *at))),
        Types::from_btf(btf).unwrap(),
        Facts { release: "6.0-test".into(), ..Facts::default() },
    )
}
