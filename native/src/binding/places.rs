//! What lies at addresses, and all that has a name.

use napi::bindgen_prelude::{BigUint64Array, Uint8Array, Uint32Array};
use napi_derive::napi;

use super::{Result, opened};
use crate::kernel::resolve::{Place, append_name};
use crate::scan::own;

/// What lies at addresses: the symbol that each belongs to, and the module.
#[napi(catch_unwind)]
pub fn resolve(id: u32, addresses: BigUint64Array) -> Result<NativeResolved> {
    let kernel = opened(id)?;
    let places: Vec<_> = addresses.iter().map(|address| kernel.resolve(*address).map(NativePlace::from)).collect();
    let needed = places.iter().any(Option::is_none);
    let problem = if needed { kernel.loaded().problem() } else { None };
    Ok(NativeResolved { places, problem: problem.map(str::to_owned) })
}

/// What lies at some addresses.
#[napi(object)]
pub struct NativeResolved {
    /// In the order of the addresses; null where nothing is known.
    pub places: Vec<Option<NativePlace>>,
    /// What is wrong with the list of modules, where something is null.
    pub problem: Option<String>,
}

/// What lies at one address.
#[napi(object)]
pub struct NativePlace {
    /// The module's name, `kernel` for the kernel proper.
    pub module: String,
    /// Symbols of the module could not be read: there may be a nearer one.
    pub lost: bool,
    /// The symbol at or below the address.
    pub symbol: Option<String>,
    /// Bytes from there to the address.
    pub offset: Option<f64>,
    /// The letter of the symbol's type.
    pub letter: Option<String>,
}

impl From<Place<'_>> for NativePlace {
    fn from(place: Place) -> Self {
        let text = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            String::from_utf8_lossy(&out).into_owned()
        };
        Self {
            module: text(&|out| place.append_module(out)),
            lost: place.lost,
            symbol: place.symbol.map(|symbol| text(&|out| append_name(symbol.name, out))),
            offset: place.symbol.map(|symbol| symbol.offset as f64),
            letter: place.symbol.map(|symbol| char::from(symbol.letter).to_string()),
        }
    }
}

/// Every symbol of the kernel's own and of its loaded modules, column by column: the kernel's first, then those of the newest
/// module.
#[napi(catch_unwind)]
pub fn symbols(id: u32) -> Result<NativeSymbols> {
    let kernel = opened(id)?;
    let loaded = kernel.loaded();
    let mut listed = Listed::default();
    listed.add(kernel.symbols.listing());
    let mut modules = Vec::new();
    for (name, symbols) in loaded.listing() {
        modules.push(String::from_utf8_lossy(name).into_owned());
        listed.owner = modules.len() as u32;
        listed.add(symbols);
    }
    Ok(NativeSymbols {
        addresses: listed.addresses.into(),
        names: listed.names.into(),
        ends: listed.ends.into(),
        letters: listed.letters.into(),
        owners: listed.owners.into(),
        modules,
        problem: loaded.problem().map(str::to_owned),
        lost: loaded.lost() as u32,
    })
}

/// Objects in modules' memory that have their own address at one of these distances from their starts, ascending.
#[napi(catch_unwind)]
pub fn find_own(id: u32, offsets: Uint32Array) -> Result<NativeOwn> {
    let kernel = opened(id)?;
    let found = kernel.memory.image().undisturbed(|| Ok(own::find(&kernel.memory, &offsets)))?;
    Ok(NativeOwn { addresses: found.addresses.into(), capped: found.capped })
}

/// Symbols on their way into columns.
#[derive(Default)]
struct Listed {
    addresses: Vec<u64>,
    names: Vec<u8>,
    ends: Vec<u32>,
    letters: Vec<u8>,
    owners: Vec<u32>,
    /// Whose are added.
    owner: u32,
}

impl Listed {
    fn add<'k>(&mut self, symbols: impl Iterator<Item = (u64, &'k [u8], u8)>) {
        for (address, name, letter) in symbols {
            self.addresses.push(address);
            self.names.extend_from_slice(name);
            self.ends.push(self.names.len() as u32);
            self.letters.push(letter);
            self.owners.push(self.owner);
        }
    }
}

/// Symbols, column by column.
#[napi(object)]
pub struct NativeSymbols {
    /// Addresses, or values of absolute ones.
    pub addresses: BigUint64Array,
    /// All names, joined, as the kernel has them.
    pub names: Uint8Array,
    /// Where each ends.
    pub ends: Uint32Array,
    /// The letter of each one's type, a byte.
    pub letters: Uint8Array,
    /// Whose each is: 0 the kernel's own, else one more than the place in `modules`.
    pub owners: Uint32Array,
    /// Names of modules.
    pub modules: Vec<String>,
    /// What is wrong with the list of modules.
    pub problem: Option<String>,
    /// How many modules have symbols that could not be read.
    pub lost: u32,
}

/// Objects that have their own address in themselves.
#[napi(object)]
pub struct NativeOwn {
    /// Virtual addresses.
    pub addresses: BigUint64Array,
    /// There are more than are kept.
    pub capped: bool,
}
