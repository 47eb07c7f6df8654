//! Types by which pages are told: laid out as in Linux 6.1, with the types of pages of 6.11.

use super::btf::Encoder;

pub fn btf() -> Vec<u8> {
    of_size(64)
}

/// The same with a `struct page` of so many bytes.
pub fn of_size(size: u32) -> Vec<u8> {
    let mut out = Encoder::new();
    let u32 = out.int("unsigned int", 4, false);
    let u64 = out.int("unsigned long", 8, false);
    let pointer = out.pointer(0);
    let words = [("flags", u64, 0), ("compound_head", u64, 8), ("mapping", pointer, 24), ("index", u64, 32)];
    out.structure("page", size, &[&words[..], &[("page_type", u32, 48), ("memcg_data", u64, 56)]].concat());
    let slab = [("slab_cache", pointer, 64, 0), ("objects", u32, 40 * 8 + 16, 15), ("memcg_data", u64, 56 * 8, 0)];
    out.aggregate("slab", 4, true, 64, &slab);
    out.structure("kmem_cache", 256, &[("size", u32, 0)]);
    let state = out.structure("cgroup_subsys_state", 8, &[("ss", pointer, 0)]);
    let group = out.structure("mem_cgroup", 64, &[("css", state, 0)]);
    let to_group = out.pointer(group);
    out.structure("obj_cgroup", 64, &[("memcg", to_group, 0)]);
    let mapping = out.structure("address_space", 64, &[("host", pointer, 0)]);
    out.structure("inode", 128, &[("i_mapping", pointer, 0), ("i_data", mapping, 8)]);
    out.structure("mm_struct", 64, &[("pgd", pointer, 8)]);
    out.enumeration("pageflags", false, &[("PG_slab", 9), ("PG_reserved", 12)]);
    let types = [("PG_buddy", 1 << 30), ("PG_offline", 1 << 29), ("PG_table", 1 << 28), ("PAGE_TYPE_BASE", i32::MIN)];
    out.enumeration("pagetype", false, &types);
    // One with a sign tells that the others have none.
    out.enumeration("signed", true, &[("MINUS", -1)]);
    out.finish()
}
