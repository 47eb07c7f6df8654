//! Per-CPU variables: each possible processor has a copy, as far from the variable's own address as the kernel's table says
//! (`mm/percpu.c`, `arch/x86/kernel/setup_percpu.c`).

use super::compile::scope::Scope;
use super::reader::Reader;

/// More processors than any kernel is built for.
const MOST_CPUS: u64 = 8192;

/// Where a kernel keeps which processors there may be, and how far their copies lie.
#[derive(Clone, Copy)]
pub struct Cpus {
    offsets: Option<u64>,
    mask: Option<u64>,
    count: Option<u64>,
}

impl Cpus {
    /// By the kernel's symbols.
    pub fn of(scope: Scope) -> Self {
        Self {
            offsets: scope.symbol("__per_cpu_offset"),
            mask: scope.symbol("__cpu_possible_mask"),
            count: scope.symbol("nr_cpu_ids"),
        }
    }

    /// Processor and address of each copy of what lies at a per-CPU address; none where nothing says which processors there
    /// are.
    pub fn copies<'r>(self, reader: &'r Reader, address: u64) -> impl Iterator<Item = (u64, u64)> + use<'r> {
        let distances = reader.cpus(|| self.distances(reader));
        distances.iter().map(move |(cpu, distance)| (*cpu, address.wrapping_add(*distance)))
    }

    /// Processor, and how far its copies lie.
    fn distances(self, reader: &Reader) -> Vec<(u64, u64)> {
        let Some(offsets) = self.offsets else {
            // A kernel for one processor has no table.
            return vec![(0, 0)];
        };
        let Some(mask) = self.mask else { return Vec::new() };
        let count = self.count.and_then(|at| reader.integer(at, 4)).map_or(MOST_CPUS, |count| count as u64);
        let word = |table: u64, index: u64| reader.u64(table.wrapping_add(index * 8));
        let possible = |cpu: &u64| word(mask, cpu / 64).is_some_and(|word| word >> (cpu % 64) & 1 == 1);
        let cpus = (0..count.min(MOST_CPUS)).filter(possible);
        cpus.filter_map(|cpu| word(offsets, cpu).map(|distance| (cpu, distance))).collect()
    }
}
