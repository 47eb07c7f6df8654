use std::collections::BTreeMap;
use std::sync::Arc;

use salvor_native::arch::x86_64::{Levels, Paging as X86_64};
use salvor_native::arch::{AddressSpace, Paging};
use salvor_native::image::Image;
use salvor_native::kernel::symbols::Symbols;
use salvor_native::kernel::types::Types;
use salvor_native::kernel::{Facts, Kernel};
use serde_json::Value;

use super::Recorded;

/// An image's kernel with the truth that queries are held against.
pub struct Case<'a> {
    pub recorded: &'a Recorded,
    pub kernel: Kernel,
    /// What another tool read from the same memory.
    pub oracle: Option<Value>,
    pub processes: Value,
}

pub fn cases(images: &[Recorded]) -> impl Iterator<Item = Case<'_>> {
    images.iter().map(|recorded| {
        let oracle = recorded.json("oracle.json");
        let image = Arc::new(Image::open(recorded.image()).unwrap());
        let kernel = match (recorded.truth("btf-vmlinux.bin"), &oracle) {
            (Some(btf), Some(oracle)) => told(image, btf, oracle),
            _ => Kernel::discover(image, None).unwrap(),
        };
        let processes = recorded.json("processes.json").unwrap();
        Case { recorded, kernel, oracle, processes }
    })
}

/// The kernel by the truth's symbols and types, so that only queries are under test.
fn told(image: Arc<Image>, btf: Vec<u8>, oracle: &Value) -> Kernel {
    let symbols = oracle["symbols"].as_object().unwrap().iter();
    let mut symbols: BTreeMap<&str, u64> = symbols.map(|(name, at)| (name.as_str(), address(at))).collect();
    let note = oracle["vmcoreinfo"].as_str().unwrap();
    let line = |start: &str| note.lines().find_map(|line| line.strip_prefix(start)).unwrap();
    let base: u64 = line("NUMBER(phys_base)=").parse::<i64>().unwrap() as u64;
    let root = symbols["init_top_pgt"].wrapping_sub(0xffff_ffff_8000_0000).wrapping_add(base);
    let memory = AddressSpace::new(image, root, Paging::X86_64(X86_64::plain(Levels::Four)));
    // The truth does not say where `vmemmap_base` is: it is the word of the kernel's data with the base that the first
    // memory section's map leads to.
    let sections = u64::from_str_radix(line("SYMBOL(mem_section)="), 16).unwrap();
    let first = memory.read_u64(sections).and_then(|section| memory.read_u64(section)).unwrap();
    let vmemmap = first & !63;
    let data = (symbols["init_task"] - (16 << 20)..symbols["init_task"] + (4 << 20)).step_by(8);
    symbols.extend(data.filter(|at| memory.read_u64(*at) == Some(vmemmap)).map(|at| ("vmemmap_base", at)).next());
    let symbols = Symbols::new(symbols.iter().map(|(name, at)| (Box::from(*name), *at)));
    let facts = Facts { release: line("OSRELEASE=").to_owned(), ..Facts::default() };
    Kernel::new(memory, symbols, Types::from_btf(btf).unwrap(), facts)
}

/// An address of the truth: a number, or text where JavaScript's numbers could not hold it.
pub fn address(value: &Value) -> u64 {
    match value.as_str() {
        Some(hex) if hex.starts_with("0x") => u64::from_str_radix(hex.trim_start_matches("0x"), 16).unwrap(),
        Some(decimal) => decimal.parse().unwrap(),
        None => value.as_u64().unwrap(),
    }
}
