/** Words that bpftool has for the kernel's constants: `cgroup_device` for BPF_PROG_TYPE_CGROUP_DEVICE. */

const BEFORE = /^(BPF_(PROG_TYPE|MAP_TYPE|LINK_TYPE)_|BPF_)/
/** Types whose number got a second name when the kernel advised against them. */
const ADVISED_AGAINST = /_DEPRECATED$/

/** A constant's word; null where there is none. */
export function wordOf(constant: string | null): string | null {
  return constant === null ? null : constant.replace(BEFORE, '').replace(ADVISED_AGAINST, '').toLowerCase()
}
