#![allow(dead_code)] // Each test binary uses its share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use salvor_native::arch::AddressSpace;
use salvor_native::arch::x86_64::Levels;
use salvor_native::image::Image;
use salvor_native::kernel::symbols::Symbols;
use salvor_native::kernel::types::Types;
use salvor_native::kernel::{Facts, Kernel};
use salvor_native::query::ColumnData;
use serde_json::Value;

/// A shared image with its truth; symbols and types come from the truth, so that only queries are under test.
pub struct Case {
    pub kernel: Kernel,
    pub oracle: Value,
    pub processes: Value,
}

pub fn cases() -> Vec<Case> {
    let Some(folder) = std::env::var_os("SALVOR_IMAGES").map(PathBuf::from) else {
        eprintln!("skipped: SALVOR_IMAGES is not set");
        return Vec::new();
    };
    ["docker-debian12", "k8s-debian13"].iter().map(|name| case(&folder.join(name))).collect()
}

pub fn case(folder: &std::path::Path) -> Case {
    let truth = |name: &str| std::fs::read(folder.join("truth").join(name)).unwrap();
    let oracle: Value = serde_json::from_slice(&truth("oracle.json")).unwrap();
    let address = |value: &Value| match value.as_str() {
        Some(hex) => u64::from_str_radix(hex.trim_start_matches("0x"), 16).unwrap(),
        None => value.as_u64().unwrap(),
    };
    let symbols: BTreeMap<&str, u64> =
        oracle["symbols"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), address(value))).collect();
    let note = oracle["vmcoreinfo"].as_str().unwrap();
    let line = |start: &str| note.lines().find_map(|line| line.strip_prefix(start)).unwrap();
    let base: u64 = line("NUMBER(phys_base)=").parse::<i64>().unwrap() as u64;
    let root = symbols["init_top_pgt"].wrapping_sub(0xffff_ffff_8000_0000).wrapping_add(base);
    let image = Arc::new(Image::open(&folder.join("memory.elf")).unwrap());
    let memory = AddressSpace::new(image, root, Levels::Four);
    let mut symbols = symbols;
    // The truth does not say where `vmemmap_base` is: it is the word of the kernel's data with the base that the first
    // memory section's map leads to.
    let sections = u64::from_str_radix(line("SYMBOL(mem_section)="), 16).unwrap();
    let first = memory.read_u64(sections).and_then(|section| memory.read_u64(section)).unwrap();
    let vmemmap = first & !63;
    let data = (symbols["init_task"] - (16 << 20)..symbols["init_task"] + (4 << 20)).step_by(8);
    symbols.extend(data.filter(|at| memory.read_u64(*at) == Some(vmemmap)).map(|at| ("vmemmap_base", at)).next());
    let kernel = Kernel {
        memory,
        symbols: Symbols::new(symbols.iter().map(|(name, at)| (Box::from(*name), *at))),
        types: Types::from_btf(truth("btf-vmlinux.bin")).unwrap(),
        facts: Facts { release: line("OSRELEASE=").to_owned(), ..Facts::default() },
    };
    let processes = serde_json::from_slice(&truth("processes.json")).unwrap();
    Case { kernel, oracle, processes }
}

pub fn text(column: &ColumnData, row: usize) -> Option<&str> {
    let ColumnData::Text { bytes, offsets, nulls } = column else { panic!("not text") };
    let bytes = &bytes[offsets[row] as usize..offsets[row + 1] as usize];
    (nulls[row / 8] >> (row % 8) & 1 == 0).then(|| std::str::from_utf8(bytes).unwrap())
}

pub fn number(column: &ColumnData, row: usize) -> Option<u64> {
    let (value, nulls) = match column {
        ColumnData::U64 { values, nulls } => (values[row], nulls),
        ColumnData::I64 { values, nulls } => (values[row] as u64, nulls),
        ColumnData::Text { .. } => panic!("not a number"),
    };
    (nulls[row / 8] >> (row % 8) & 1 == 0).then_some(value)
}
