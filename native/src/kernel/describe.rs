//! The facts of an opened image as one JSON object: the native half of the `info` table.

use serde_json::{Value, json};

use super::Kernel;

impl Kernel {
    /// Facts about the image and its kernel; addresses are `0x…` strings.
    pub fn describe(&self) -> Value {
        let image = self.memory.image();
        let ranges: Vec<Value> = image
            .ranges()
            .iter()
            .map(|range| json!({ "start": hex(range.start), "end": hex(range.end() - 1), "bytes": range.length }))
            .collect();
        let geometry = self.memory.geometry();
        let (modules, torn) = self.module_types();
        let torn =
            torn.map(|end| json!({ "code": "torn", "message": format!("the list of modules with types {end}") }));
        let warnings: Vec<Value> = image
            .warnings()
            .iter()
            .map(|message| json!({ "code": "truncated", "message": message }))
            .chain(image.assumed().map(|message| json!({ "code": "note", "message": message })))
            .chain(image.left_out().map(|message| json!({ "code": "note", "message": message })))
            .chain(self.facts.warnings.iter().map(|message| json!({ "code": "note", "message": message })))
            .chain(self.facts.lacks.iter().map(|message| json!({ "code": "unreadable", "message": message })))
            .chain(torn)
            .collect();
        json!({
            "format": image.format(),
            "size": image.size(),
            "files": image.files().iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
            "unpacked_from": image.unpacked_from().map(|path| path.to_string_lossy()),
            "ranges": ranges,
            "architecture": self.memory.paging().regions().architecture().name(),
            "page_levels": geometry.levels,
            "page_size": geometry.page_size,
            "address_bits": geometry.bits,
            "release": self.facts.release,
            "banner": self.facts.banner,
            "build_id": self.facts.build_id,
            "kernel_physical": hex(self.facts.physical),
            "kernel_virtual": hex(self.facts.virtual_address),
            "symbols": self.symbols.len(),
            "symbols_from": self.facts.symbols_from,
            "types_from": self.facts.types_from,
            "modules_with_types": modules,
            "warnings": warnings,
        })
    }
}

fn hex(address: u64) -> String {
    format!("{address:#x}")
}
