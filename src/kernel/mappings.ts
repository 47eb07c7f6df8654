/** `vm_area_struct`: the mappings of processes, as a line of /proc/PID/maps shows them (fs/proc/task_mmu.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { backedFiles, MAPPED_FILE, ownFile, rowsWhere, tornFiles } from './mapped-files.js'
import { TASK_STRUCT } from './objects.js'
import { chain, dPath, firstOf, type Nested, obeys, optional, text, type Walk } from './query.js'
import type { Rule } from './rule.js'

export const VMA = 'struct vm_area_struct'

/** Mappings: a maple tree from 6.1 on, a list before. */
export const MAPPINGS: Walk = firstOf({ kind: 'maple', of: 'mm->mm_mt', type: VMA }, chain('mm->mmap', VMA, 'vm_next'))

/** Each names the memory that it is of. */
export const OF_MEMORY: Rule = { path: 'vm_mm', is: { equals: '^.mm' } }

/** VM_READ, VM_WRITE, VM_EXEC and VM_MAYSHARE (include/linux/mm.h). */
const PERMISSIONS = [
  [0x01, 'r', '-'],
  [0x02, 'w', '-'],
  [0x04, 'x', '-'],
  [0x80, 's', 'p'],
] as const
const PERMISSION_BITS = 0xffn
/** By those bits. */
const PERMISSION_TEXTS = Array.from({ length: 256 }, (_, flags) =>
  PERMISSIONS.map(([bit, set, clear]) => ((flags & bit) !== 0 ? set : clear)).join(''),
)
/** MM_CONTEXT_HAS_VSYSCALL (arch/x86/include/asm/mmu.h). */
const HAS_VSYSCALL = 1n << 1n
/** NONE (arch/x86/entry/vsyscall/vsyscall_64.c). */
const VSYSCALL_NONE = 2
/** ANON_VMA_NAME_MAX_LEN (kernel/sys.c). */
const LONGEST_NAME = 80

/** A mapping of a process. */
export interface Mapping {
  /** Of its `vm_area_struct`. */
  address: bigint
  /** Of the task that it was read from. */
  task: bigint
  start: bigint | null
  /** Of the first byte behind it. */
  end: bigint | null
  /** As `r-xp`. */
  permissions: string | null
  /** In bytes; null where no file is behind it. */
  offset: bigint | null
  /** `major:minor`; null where no file is behind it. */
  device: string | null
  inode: number | bigint | null
  /** The file's path as its process sees it, or the name that /proc gives: `[heap]`, `[anon:…]`. */
  path: string | null
}

const VALUES = {
  start: 'vm_start',
  end: 'vm_end',
  flags: 'vm_flags',
  page: 'vm_pgoff',
  operations: 'vm_ops',
  private: 'vm_private_data',
  file: 'vm_file',
  mode: 'vm_file->f_mode',
  path: dPath('vm_file'),
  inode: 'vm_file->f_inode->i_ino',
  device: 'vm_file->f_inode->i_sb->s_dev',
  whole: obeys(MAPPED_FILE),
} as const

const MEMORY = {
  start_heap: 'mm->start_brk',
  end_heap: 'mm->brk',
  stack: 'mm->start_stack',
  vdso: optional('mm->context.vdso'),
} as const

/** What says that a process has 32 bits: a kernel has one of these. */
const WIDTH = { context: optional('mm->context.flags'), compat: optional('mm->context.ia32_compat') } as const

/** The mapping that an address lies in; they come by ascending addresses. */
export function mappingAt(mappings: readonly Mapping[], address: bigint): Mapping | undefined {
  let [low, high] = [0, mappings.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((mappings[middle]?.start ?? 0n) <= address) low = middle + 1
    else high = middle
  }
  const found = mappings[low - 1]
  return found?.end != null && address < found.end ? found : undefined
}

/** F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_WRITE (include/uapi/linux/fcntl.h). */
const SEALED = 0xf

/** Whether nobody can change a memfd any more (mm/memfd.c), by the mappings of such files; null where that is not known. */
export function readSealed(kernel: Kernel, mappings: readonly bigint[]): ReadonlyMap<bigint, boolean | null> {
  const seals = kernel
    .at(mappings, VMA)
    .select({ seals: 'container_of(vm_file->f_inode, struct shmem_inode_info, vfs_inode)->seals' })
    .column('seals')
  return new Map(mappings.map((mapping, row) => [mapping, sealedBy(seals.number(row))]))
}

/** Whether seals leave nobody anything to change. */
export function sealedBy(seals: number | null): boolean | null {
  return seals === null ? null : (seals & SEALED) === SEALED
}

/** All mappings of the memory of some tasks, in the order of the tasks, lowest first. */
export function readMappings(kernel: Kernel, tasks: readonly bigint[]): Mapping[] {
  const nested: Nested = { walk: MAPPINGS, rules: [OF_MEMORY], select: VALUES }
  const owners = kernel.at(tasks, TASK_STRUCT).select(MEMORY, { mappings: nested })
  const found = owners.child('mappings')
  const [special, anonymous] = [specialNames(kernel, found), anonymousNames(kernel, found)]
  const backed = backedFiles(kernel, found)
  const isTorn = tornFiles(kernel, found)
  const gate = gateArea(kernel)
  const withGate = tasksWithGate(kernel, gate === null ? [] : tasks)
  // What `vm_pgoff` counts in.
  const pageSize = BigInt(kernel.info.page_size)
  // There are thousands: columns are looked up once.
  const column = (name: keyof typeof VALUES) => found.column(name)
  const [starts, ends, flags] = [column('start'), column('end'), column('flags')]
  const [files, pages] = [column('file'), column('page')]
  const mappings: Mapping[] = []
  let next = 0
  for (let owner = 0; owner < owners.length; owner++) {
    const task = owners.address(owner)
    const own = placesOf(owners, owner)
    for (; next < found.length && found.parents[next] === owner; next++) {
      const [start, end, page] = [starts.bigint(next), ends.bigint(next), pages.bigint(next)]
      const isFile = files.bigint(next) !== 0n
      const seen = isFile && !isTorn.has(next) ? (backed.get(next) ?? ownFile(found, next)) : null
      const name = () => special.get(next) ?? areaName(own, start, end) ?? anonymous.get(next) ?? null
      mappings.push({
        address: found.address(next),
        task,
        start,
        end,
        permissions: permissionsOf(flags.bigint(next)),
        offset: isFile && page !== null ? page * pageSize : null,
        device: seen?.device ?? null,
        inode: seen?.inode ?? null,
        path: isFile ? (seen?.path ?? null) : name(),
      })
    }
    if (gate !== null && withGate.has(task)) mappings.push({ ...gate, task })
  }
  return mappings
}

function permissionsOf(flags: bigint | null): string | null {
  return flags === null ? null : (PERMISSION_TEXTS[Number(flags & PERMISSION_BITS)] ?? null)
}

/** Where a process has what its `mm_struct` knows. */
interface Places {
  heap: bigint | null
  top: bigint | null
  stack: bigint | null
  vdso: bigint | null
}

function placesOf(owners: Batch, owner: number): Places {
  const value = (name: keyof typeof MEMORY) => owners.column(name).bigint(owner)
  return { heap: value('start_heap'), top: value('end_heap'), stack: value('stack'), vdso: value('vdso') }
}

/** What /proc calls an area by where it lies. */
function areaName({ heap, top, stack, vdso }: Places, start: bigint | null, end: bigint | null): string | null {
  if (start === null || end === null) return null
  if (start === vdso) return '[vdso]'
  if (heap !== null && top !== null && start < top && end > heap) return '[heap]'
  return stack !== null && start <= stack && end >= stack ? '[stack]' : null
}

/** Rows that lie in pages of the kernel's own, with the name that it gives these: `[vvar]`, `[vdso]`, `[uprobes]`. */
function specialNames(kernel: Kernel, found: Batch): Map<number, string | null> {
  const operations = kernel.address('special_mapping_vmops')
  if (operations === null) return new Map()
  const rows = rowsWhere(found, (row) => found.column('operations').bigint(row) === operations)
  const mappings = rows.map((row) => found.column('private').bigint(row) ?? 0n)
  const names = kernel.at(mappings, 'struct vm_special_mapping').select({ name: text('name', 64) })
  return new Map(rows.map((row, index) => [row, names.column('name').text(index)]))
}

/** Names that processes gave to their memory (PR_SET_VMA_ANON_NAME). A file's mapping has other things in that place. */
function anonymousNames(kernel: Kernel, found: Batch): Map<number, string> {
  const rows = rowsWhere(found, (row) => found.column('file').bigint(row) === 0n)
  const areas = rows.map((row) => found.address(row))
  // A kernel that keeps no names has no memory that is named.
  const names = kernel
    .unheard()
    .at(areas, VMA)
    .select({ name: optional(text('anon_name->name', LONGEST_NAME)) })
  const named = rows.flatMap((row, index): [number, string][] => {
    const name = names.column('name').text(index)
    return name === null ? [] : [[row, `[anon:${name}]`]]
  })
  return new Map(named)
}

/** Tasks that have the page of old system calls: those of 32 bits have not (get_gate_vma()). */
function tasksWithGate(kernel: Kernel, tasks: readonly bigint[]): ReadonlySet<bigint> {
  const owners = kernel.unheard().at(tasks, TASK_STRUCT).select(WIDTH)
  const [contexts, compats] = [owners.column('context'), owners.column('compat')]
  return new Set(
    tasks.filter((_, row) => {
      const context = contexts.bigint(row)
      return context === null ? compats.number(row) === 0 : (context & HAS_VSYSCALL) !== 0n
    }),
  )
}

/** The page of old system calls, which is in no process's tree and in all of their maps; null where the kernel has none. */
function gateArea(kernel: Kernel): Omit<Mapping, 'task'> | null {
  if (kernel.address('vsyscall_mode') === null || kernel.address('gate_vma') === null) return null
  const mode = kernel.symbol('vsyscall_mode', 'unsigned int').select({ value: '' }).column('value').number(0)
  const area = kernel.symbol('gate_vma', VMA).select({ start: 'vm_start', end: 'vm_end', flags: 'vm_flags' })
  if (mode === null || mode === VSYSCALL_NONE) return null
  const [start, end, flags] = [area.column('start'), area.column('end'), area.column('flags')]
  return {
    address: area.address(0),
    start: start.bigint(0),
    end: end.bigint(0),
    permissions: permissionsOf(flags.bigint(0)),
    offset: null,
    device: null,
    inode: null,
    path: '[vsyscall]',
  }
}
