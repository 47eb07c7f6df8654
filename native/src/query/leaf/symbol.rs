//! What a pointer of the kernel's points into: the symbol and the module that an address belongs to.

use super::Leaf;
use crate::kernel::resolve::append_name;
use crate::query::compile::access::Access;
use crate::query::compile::scope::{Compiled, Failure, Scope};
use crate::query::program::{Gap, Program, Read};
use crate::query::reader::Reader;

/// Which of both is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// `name+0x1a [module]`, without what is nothing.
    Symbol,
    /// The module's name.
    Module,
}

/// What lies at an address.
pub struct Symbol {
    program: Program,
    asked: Asked,
}

impl Symbol {
    /// Of a pointer or number, which is the address; of anything else, where it lies.
    pub fn compile(scope: Scope, access: Access, asked: Asked) -> Compiled<Self> {
        let program = match access.clone().into_number(scope) {
            Ok(number) => number.program,
            Err(Failure::OtherType(_)) => access.program,
            Err(failure) => return Err(failure),
        };
        Ok(Self { program, asked })
    }
}

impl Leaf for Symbol {
    fn read(&self, reader: &Reader, object: u64, out: &mut Vec<u8>) -> Read<bool> {
        let address = self.program.run(reader, object)?;
        let kernel = reader.kernel().filter(|_| address != 0).ok_or(Gap::Null)?;
        reader.step(address)?;
        let Some(place) = kernel.resolve(address) else {
            // Where modules are missing from the list, it may be in one of them.
            return Err(if kernel.loaded().problem().is_some() { Gap::Contradiction(address) } else { Gap::Null });
        };
        if self.asked == Asked::Module {
            place.append_module(out);
            return Ok(true);
        }
        let gap = if place.lost { Gap::Unreadable(address) } else { Gap::Null };
        let symbol = place.symbol.filter(|_| !place.lost).ok_or(gap)?;
        append_name(symbol.name, out);
        if symbol.offset > 0 {
            out.extend(format!("+{:#x}", symbol.offset).into_bytes());
        }
        if place.module.is_some() {
            out.extend_from_slice(b" [");
            place.append_module(out);
            out.push(b']');
        }
        Ok(true)
    }
}
