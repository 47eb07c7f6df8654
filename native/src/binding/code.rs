//! Machine code.

use napi::bindgen_prelude::{BigInt, Uint8Array};
use napi_derive::napi;

use super::Result;
use crate::arch::disassembly::{self, Instruction};

/// The instructions of x86 in bytes that lie at an address; `bits` are 16, 32 or 64.
#[napi(catch_unwind)]
pub fn disassemble(bytes: Uint8Array, address: BigInt, bits: u32) -> Result<Vec<NativeInstruction>> {
    let instructions = disassembly::disassemble(&bytes, address.get_u64().1, bits)?;
    Ok(instructions.into_iter().map(NativeInstruction::from).collect())
}

/// An instruction.
#[napi(object)]
pub struct NativeInstruction {
    /// Where it lies.
    pub address: BigInt,
    /// Its bytes.
    pub length: u32,
    /// As Intel writes it.
    pub text: String,
}

impl From<Instruction> for NativeInstruction {
    fn from(Instruction { address, length, text }: Instruction) -> Self {
        Self { address: address.into(), length: length as u32, text }
    }
}
