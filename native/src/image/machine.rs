//! What a file's header says of the machine whose memory it holds.

use std::fmt;

use object::elf::{EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64};

/// Numbers that ELF has for machines of which there may be images, and what they are called.
const NAMES: [(u16, &str); 8] = [
    (EM_X86_64, "x86_64"),
    (EM_AARCH64, "arm64"),
    (EM_386, "i386"),
    (EM_ARM, "arm"),
    (EM_PPC64, "ppc64"),
    (EM_S390, "s390x"),
    (EM_RISCV, "riscv64"),
    (EM_LOONGARCH, "loongarch64"),
];

/// A machine, as a format names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Machine {
    /// ELF's number (`e_machine`).
    Elf(u16),
    /// The name that `uname -m` has.
    Name(String),
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Machine::Elf(number) => match NAMES.iter().find(|(known, _)| known == number) {
                Some((_, name)) => out.write_str(name),
                None => write!(out, "number {number} of ELF's"),
            },
            Machine::Name(name) => write!(out, "{name:?}"),
        }
    }
}
