//! What lies at addresses.

use napi::bindgen_prelude::BigUint64Array;
use napi_derive::napi;

use super::{Result, opened};
use crate::kernel::resolve::{Place, append_name};

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
