/** What a place in physical memory is, whose it is, and which container pays for it. */

import { address, integer, list, text } from '../api/columns.js'
import { containerFinder } from '../containers/membership.js'
import type { Kernel } from '../kernel/kernel.js'
import { TASK_STRUCT } from '../kernel/objects.js'
import { type Claim, type ClaimKind, readClaims } from '../kernel/pages/claims.js'
import { isUntold, type PageFacts, type PageKind, readPageFacts, readPageMappings } from '../kernel/pages/page-facts.js'
import { type PageFile, readPageFiles } from '../kernel/pages/page-files.js'
import { isBelieved } from '../kernel/pages/page-summary.js'
import { type Payer, readPayers } from '../kernel/pages/payers.js'
import { readSlabCaches } from '../kernel/pages/slab-caches.js'
import { stretchAt } from '../kernel/pages/stretch.js'
import { placeText } from '../kernel/places.js'
import { array, type Nested } from '../kernel/query.js'
import { idleTasks } from '../kernel/task-views.js'
import { isLeader } from '../kernel/tasks.js'
import { containerColumns, containerNames, type Member, type Owner, ownerOf, readMembers } from './members.js'
import { listedTasks } from './task.js'

/** Columns of the container that pays for memory. */
export const payerColumns = {
  cgroup: text('Cgroup that pays for it', { meaning: 'cgroup', detail: true }),
  ...containerColumns,
  container: text('Id of the container that pays for it: whose process brought it into memory', {
    meaning: 'container',
  }),
}

/** Columns that say what a place is and who pays for it. */
export const pageColumns = {
  kind: text(
    'free, slab, page cache, anonymous, ksm, page table, kernel stack, kernel image, module, pipe, reserved, other …',
  ),
  what: text('Slab cache, file, symbol or thread that it is of'),
  address: address('Virtual address: of the slab object, in the kernel, or in the first process that maps it'),
  offset: integer('Offset of the place in its file, or in its slab object'),
  pid: integer('Process whose memory, stack or page table it is', { meaning: 'pid' }),
  comm: text('Name of that process'),
  processes: list('Where processes map it, as PID@ADDRESS', { detail: true }),
  inode: integer('Inode of the file', { meaning: 'inode', detail: true }),
  device: text('Device of its file system, as major:minor', { detail: true }),
  ...payerColumns,
}

/** A container that pays, and the cgroup by which it does. */
export interface PaidBy extends Owner {
  cgroup: string | null
}

/** What a place in physical memory is. */
export interface PageOwner extends PaidBy {
  physical: bigint
  kind: PageKind | ClaimKind
  what: string | null
  address: bigint | null
  offset: number | null
  pid: number | null
  comm: string | null
  processes: string[]
  inode: number | bigint | null
  device: string | null
}

const NOBODY: Omit<PageOwner, 'physical' | 'kind' | keyof PaidBy> = {
  what: null,
  address: null,
  offset: null,
  pid: null,
  comm: null,
  processes: [],
  inode: null,
  device: null,
}

/** Processes by their `mm_struct`s, which those of one memory share: the first of them. */
export function membersByMemory(kernel: Kernel): ReadonlyMap<bigint, Member> {
  return kernel.once(readMembersByMemory)
}

function readMembersByMemory(kernel: Kernel): Map<bigint, Member> {
  const members = readMembers(kernel)
  const tasks = kernel.at(members.keys(), TASK_STRUCT).select({ mm: 'mm' })
  const byMemory = new Map<bigint, Member>()
  for (let row = 0; row < tasks.length; row++) {
    const [mm, member] = [tasks.column('mm').bigint(row), members.get(tasks.address(row))]
    if (mm && member !== undefined && !byMemory.has(mm)) byMemory.set(mm, member)
  }
  return byMemory
}

const OPEN_FILES = {
  walk: array('files->fdt->fd', { count: 'files->fdt->max_fds', pointers: true, type: 'struct file' }),
  select: { operations: 'f_op' },
} satisfies Nested

/** What all pages are of which no `struct page` tells; read once per image. */
export function pageClaims(kernel: Kernel): readonly Claim[] {
  return kernel.once(readAllClaims)
}

function readAllClaims(kernel: Kernel): Claim[] {
  return claimsOn(kernel, null)
}

/** The same of some pages, ascending. */
export function claimsOn(kernel: Kernel, pages: readonly number[] | null): Claim[] {
  const tasks = listedTasks(kernel)
  const pipe = kernel.address('pipefifo_fops')
  const leaders = tasks.filter(isLeader).map(({ address }) => address)
  const files = kernel.at(leaders, TASK_STRUCT).select({}, { files: OPEN_FILES }).child('files')
  const pipes = new Set<bigint>()
  for (let row = 0; row < files.length; row++) {
    if (pipe !== null && files.column('operations').bigint(row) === pipe) pipes.add(files.address(row))
  }
  const claimants = {
    tasks: [...tasks.map(({ address }) => address), ...idleTasks(kernel)],
    mms: [...membersByMemory(kernel).keys()],
    pipes: [...pipes],
  }
  return readClaims(kernel, claimants, pages)
}

/** The containers that memory cgroups are of, by the addresses of these. */
export function containersOfPayers(kernel: Kernel, payers: ReadonlyMap<bigint, Payer>): Map<bigint, PaidBy> {
  const containerOf = containerFinder(kernel, listedTasks(kernel))
  const names = containerNames(kernel)
  return new Map([...payers].map(([payer, { cgroup }]) => [payer, { cgroup, ...ownerOf(containerOf(cgroup), names) }]))
}

/** Files by their `address_space`s, with the paths that the host's first process sees. */
export function pageFiles(kernel: Kernel, mappings: Iterable<bigint>): Map<bigint, PageFile> {
  const first = listedTasks(kernel).find(({ pid }) => pid === 1)
  return readPageFiles(kernel, mappings, first?.address ?? null)
}

/** What lies at physical addresses, in their order. */
export function describePages(kernel: Kernel, physical: readonly bigint[]): PageOwner[] {
  const facts = readPageFacts(kernel, BigUint64Array.from(physical))
  const of = (...kinds: PageKind[]) => facts.filter(({ kind }) => kinds.includes(kind))
  const known: Known = {
    kernel,
    claims: claimsFor(kernel, physical, facts),
    caches: readSlabCaches(kernel),
    files: pageFiles(kernel, new Set(of('page cache').map(({ owner }) => owner))),
    members: membersByMemory(kernel),
    threads: new Map(listedTasks(kernel).map((task) => [task.address, task])),
    mappings: mappingsOf(kernel, physical, facts),
    payers: containersOfPayers(kernel, readPayers(kernel, new Set(facts.map(({ payer }) => payer).filter(Boolean)))),
  }
  return facts.map((fact, row) => {
    const at = physical[row] ?? 0n
    const paid = known.payers.get(fact.payer) ?? { cgroup: null, ...ownerOf(null, new Map()) }
    return { physical: at, ...NOBODY, ...described(known, fact, at), ...paid }
  })
}

interface Known {
  kernel: Kernel
  claims: readonly Claim[]
  caches: ReturnType<typeof readSlabCaches>
  files: ReadonlyMap<bigint, PageFile>
  members: ReadonlyMap<bigint, Member>
  threads: ReadonlyMap<bigint, { pid: number | null; comm: string | null }>
  mappings: ReadonlyMap<bigint, { mm: bigint; address: bigint }[]>
  payers: ReadonlyMap<bigint, PaidBy>
}

type Described = Pick<PageOwner, 'kind'> & Partial<PageOwner>

function pageOf(kernel: Kernel, physical: bigint): bigint {
  return physical - (physical % BigInt(kernel.info.page_size))
}

/** Claims on those pages that do not say themselves what they are: to look for all costs more than most searches. */
function claimsFor(kernel: Kernel, physical: readonly bigint[], facts: readonly PageFacts[]): readonly Claim[] {
  const asks = ({ kind }: PageFacts) => kind === 'page table' || isUntold(kind)
  const pages = physical.flatMap((address, row) => {
    const fact = facts[row]
    return fact !== undefined && asks(fact) ? [Number(pageOf(kernel, address))] : []
  })
  const ascending = [...new Set(pages)].sort((left, right) => left - right)
  return ascending.length === 0 ? [] : claimsOn(kernel, ascending)
}

function mappingsOf(kernel: Kernel, physical: readonly bigint[], facts: readonly PageFacts[]) {
  const mapped = physical.filter((_, row) => ['anonymous', 'ksm', 'page cache'].includes(facts[row]?.kind ?? ''))
  const pages = new Set(mapped.map((address) => pageOf(kernel, address)))
  return readPageMappings(kernel, [...membersByMemory(kernel).keys()], pages)
}

function described(known: Known, fact: PageFacts, physical: bigint): Described {
  const { kind } = fact
  const page = pageOf(known.kernel, physical)
  const inside = physical - page
  if (kind === 'slab') return slabObject(known, fact, page + inside)
  if (kind === 'page cache') {
    const file = known.files.get(fact.owner)
    const offset = Number(fact.index) * known.kernel.info.page_size + Number(inside)
    const { processes } = mappedBy(known, page, inside)
    return {
      kind,
      what: file?.path ?? null,
      inode: file?.inode ?? null,
      device: file?.device ?? null,
      offset,
      processes,
    }
  }
  if (kind === 'anonymous' || kind === 'ksm') return { kind, ...mappedBy(known, page, inside) }
  const claim = stretchAt(known.claims, Number(page))
  if (kind === 'page table') return { kind, ...(claim?.kind === kind ? ownerOfClaim(known, claim) : {}) }
  return claim !== null && isUntold(kind) && isBelieved(kind, claim.kind) ? claimed(known, claim, physical) : { kind }
}

/** The slab lies in the direct map, where what is in a row in one memory is so in the other. */
function slabObject({ kernel, caches }: Known, { owner, object }: PageFacts, physical: bigint): Described {
  const what = caches.get(owner)?.name ?? null
  if (object === 0n) return { kind: 'slab', what }
  const start = kernel.physical(object)
  return { kind: 'slab', what, address: object, offset: start === null ? null : Number(physical - start) }
}

function mappedBy({ mappings, members }: Known, page: bigint, inside: bigint) {
  const all = mappings.get(page) ?? []
  const processes = all.map(({ mm, address }) => `${members.get(mm)?.pid ?? '?'}@0x${(address + inside).toString(16)}`)
  const [first] = all
  const member = first === undefined ? undefined : members.get(first.mm)
  return {
    address: first === undefined ? null : first.address + inside,
    pid: member?.pid ?? null,
    comm: member?.comm ?? null,
    processes,
  }
}

function ownerOfClaim({ members, threads }: Known, { kind, owner }: Claim): Partial<PageOwner> {
  const whose = owner === null ? undefined : kind === 'kernel stack' ? threads.get(owner) : members.get(owner)
  return { pid: whose?.pid ?? null, comm: whose?.comm ?? null }
}

function claimed(known: Known, claim: Claim, physical: bigint): Described {
  const { kind } = claim
  const address = claim.shift === null ? null : physical + claim.shift
  if (kind === 'kernel image' || kind === 'module') {
    const [place] = address === null ? [] : known.kernel.unheard().resolve([address])
    const symbol = placeText(place ?? null)
    const within = kind === 'module' && place != null ? ` [${place.module}]` : ''
    return { kind, address, what: symbol === null ? (place?.module ?? null) : `${symbol}${within}` }
  }
  return { kind, address, ...ownerOfClaim(known, claim) }
}
