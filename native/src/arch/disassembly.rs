//! Machine code as text, instruction by instruction.

use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};

use crate::error::{Error, Result};

/// Bytes of one piece of code.
const MOST: usize = 1 << 16;

/// One instruction.
#[derive(Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Where it lies.
    pub address: u64,
    /// Its bytes.
    pub length: usize,
    /// As Intel writes it; `(bad)` where the bytes are none.
    pub text: String,
}

/// The instructions of x86 that lie at an address, for a processor of so many bits: 16, 32 or 64. Bytes that are no
/// instruction are `(bad)`.
pub fn disassemble(bytes: &[u8], address: u64, bits: u32) -> Result<Vec<Instruction>> {
    let bytes = bytes.get(..MOST).unwrap_or(bytes);
    let mut decoder = Decoder::try_with_ip(bits, bytes, address, DecoderOptions::NONE)
        .map_err(|_| Error::usage("code has 16, 32 or 64 bits"))?;
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_branch_leading_zeros(false);
    options.set_space_after_operand_separator(true);
    let mut instructions = Vec::new();
    while decoder.can_decode() {
        let decoded = decoder.decode();
        let mut text = String::new();
        formatter.format(&decoded, &mut text);
        instructions.push(Instruction { address: decoded.ip(), length: decoded.len(), text });
    }
    Ok(instructions)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(bytes: &[u8], bits: u32) -> Vec<String> {
        disassemble(bytes, 0x1000, bits).unwrap_or_default().into_iter().map(|one| one.text).collect()
    }

    #[test]
    fn says_what_code_does() {
        assert_eq!(
            texts(b"\x55\x48\x89\xe5\xe8\xf7\x0f\0\0\x48\x8d\x05\x10\0\0\0\x0f\x05\xc3", 64),
            ["push rbp", "mov rbp, rsp", "call 0x2000", "lea rax, [0x1020]", "syscall", "ret"],
        );
        assert_eq!(texts(b"\xcd\x80", 32), ["int 0x80"]);
        assert_eq!(texts(b"\x06", 64), ["(bad)"]);
        assert!(disassemble(b"\x90", 0, 8).is_err());
    }

    proptest! {
        #[test]
        fn gives_all_bytes_to_one_instruction(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            address in any::<u64>(),
            bits in prop::sample::select(vec![16, 32, 64]),
        ) {
            let instructions = disassemble(&bytes, address, bits).unwrap_or_default();
            prop_assert_eq!(instructions.iter().map(|one| one.length).sum::<usize>(), bytes.len());
        }
    }
}
