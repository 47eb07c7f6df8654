/** `struct bpf_link`: what attaches a program, as `bpftool link show` has it (kernel/bpf/syscall.c). */

import type { Batch } from '../batch.js'
import type { Kernel } from '../kernel.js'
import { rulesOf } from '../objects.js'
import { perfEventWords } from '../perf-events.js'
import { bytes, constantName, dPath, kernfsPath, optional, type Selects, text } from '../query.js'
import { readHolders } from './holders.js'
import { readIdTable } from './id-table.js'
import { readPins } from './pins.js'
import { wordOf } from './words.js'

const LINK = 'struct bpf_link'
/** Links that are read; each becomes a row. */
const MOST_LINKS = 1 << 17
/** Functions of a link of many kprobes that are read, and those that its description names. */
const MOST_FUNCTIONS = 1 << 16
const NAMED = 16

/** A link. */
export interface Link {
  address: bigint
  id: number | null
  /** `raw_tracepoint`, `cgroup`, `tracing` and so on. */
  type: string | null
  /** Address of the program. */
  program: bigint | null
  program_id: number | null
  /** What the program is attached to, in words. */
  attached_to: string | null
  /** Where it was found: `id table`, `descriptor`, `pin`. */
  found_by: string[]
  /** Whether the id table lacks it; null where that is torn or was not found. */
  hidden: boolean | null
}

const MEMBERS = {
  id: 'id',
  type: constantName('type'),
  program: 'prog',
  program_id: 'prog->aux->id',
  attach_type: constantName('prog->expected_attach_type'),
  function: optional(text('prog->aux->attach_func_name', 256)),
} as const

/** A link's own struct, of which `struct bpf_link` is a member. */
const own = (structure: string, path: string, member = 'link') =>
  `container_of(, struct ${structure}, ${member})->${path}`

/** What each type of link has beside. A kernel that has no such type has no such link. */
const DETAILS: Readonly<Record<string, Selects>> = {
  raw_tracepoint: { tracepoint: optional(text(own('bpf_raw_tp_link', 'btp->tp->name'), 256)) },
  tracing: {
    into: optional([
      own('bpf_tracing_link', 'tgt_prog->aux->id', 'link.link'),
      own('bpf_tracing_link', 'tgt_prog->aux->id'),
    ]),
  },
  cgroup: { cgroup: optional(kernfsPath(own('bpf_cgroup_link', 'cgroup->kn'))) },
  netns: {
    net: optional(own('bpf_netns_link', 'net->ns.inum')),
    kind: optional(constantName(own('bpf_netns_link', 'netns_type'))),
  },
  xdp: { device: optional(text(own('bpf_xdp_link', 'dev->name'))) },
  tcx: { device: optional(text(own('tcx_link', 'dev->name'))) },
  netkit: { device: optional(text(own('netkit_link', 'dev->name'))) },
  perf_event: { event: optional(own('bpf_perf_link', 'perf_file->private_data')) },
  iter: { target: optional(text(own('bpf_iter_link', 'tinfo->reg_info->target'), 256)) },
  struct_ops: { map: optional(own('bpf_struct_ops_link', 'map->id')) },
  sockmap: { map: optional(own('sockmap_link', 'map->id')) },
  netfilter: {
    hook: optional(own('bpf_nf_link', 'hook_ops.hooknum')),
    family: optional(own('bpf_nf_link', 'hook_ops.pf')),
    priority: optional(own('bpf_nf_link', 'hook_ops.priority')),
  },
  uprobe_multi: {
    path: optional(dPath(own('bpf_uprobe_multi_link', 'path'))),
    count: optional(own('bpf_uprobe_multi_link', 'cnt')),
  },
  kprobe_multi: {
    functions: optional(
      bytes(own('bpf_kprobe_multi_link', 'addrs'), {
        length: `${own('bpf_kprobe_multi_link', 'cnt')} << 3`,
        max: MOST_FUNCTIONS * 8,
      }),
    ),
  },
}

/** Every link that the id table, a descriptor or a pin knows, by id; read once per image. */
export function readLinks(kernel: Kernel): readonly Readonly<Link>[] {
  return kernel.once(readEveryLink)
}

function readEveryLink(kernel: Kernel): Link[] {
  const table = readIdTable(kernel, 'link_idr', LINK)
  // Links came with 5.7: without them there is no such type either.
  if (kernel.address('link_idr') === null) return []
  const views = new Map<bigint, string[]>()
  const see = (addresses: Iterable<bigint>, view: string) => {
    for (const address of addresses) views.set(address, [...(views.get(address) ?? []), view])
  }
  see(table.addresses, 'id table')
  see(readHolders(kernel).link.keys(), 'descriptor')
  see(
    [...readPins(kernel)].flatMap(([address, { kind }]) => (kind === 'link' ? [address] : [])),
    'pin',
  )
  const addresses = [...views.keys()].slice(0, kernel.capped('BPF links', views.size, MOST_LINKS))
  const batch = kernel.ofKindsItHas().at(addresses, LINK).obeying(rulesOf(LINK)).select(MEMBERS)
  const targets = readTargets(kernel, batch)
  return Array.from({ length: batch.length }, (_, row) => ({
    address: batch.address(row),
    id: batch.column('id').number(row),
    type: wordOf(batch.column('type').text(row)),
    program: batch.column('program').bigint(row),
    program_id: batch.column('program_id').number(row),
    attached_to: targets.get(batch.address(row)) ?? null,
    found_by: views.get(batch.address(row)) ?? [],
    hidden: table.lacks(batch.address(row)),
  })).sort((left, right) => (left.id ?? 0) - (right.id ?? 0) || (left.address < right.address ? -1 : 1))
}

type LinkRows = Batch<typeof MEMBERS>

/** What each link attaches its program to, by the link's address. */
function readTargets(kernel: Kernel, links: LinkRows): Map<bigint, string | null> {
  const targets = new Map<bigint, string | null>()
  for (const [type, select] of Object.entries(DETAILS)) {
    const rows = [...links.addresses.keys()].filter((row) => wordOf(links.column('type').text(row)) === type)
    const addresses = rows.map((row) => links.address(row))
    const details = kernel.ofKindsItHas().at(addresses, LINK).select(select)
    const words = wordsOf(kernel, type, details, (row) => ({
      attach: wordOf(links.column('attach_type').text(rows[row] ?? 0)),
      called: links.column('function').text(rows[row] ?? 0),
    }))
    for (const [row, address] of addresses.entries()) targets.set(address, words(row))
  }
  return targets
}

/** What a link's program says of it. */
interface OfProgram {
  attach: string | null
  called: string | null
}

/** Puts the details of links of one type into words. */
function wordsOf(
  kernel: Kernel,
  type: string,
  details: Batch<Selects>,
  program: (row: number) => OfProgram,
): (row: number) => string | null {
  const said = (...parts: (string | number | bigint | null | undefined)[]) =>
    parts.filter((part) => part !== null && part !== undefined).join(' ') || null
  const value = (name: string, row: number) => details.column(name).get(row) as string | number | bigint | null
  switch (type) {
    case 'raw_tracepoint':
      return (row) => said(value('tracepoint', row))
    case 'tracing': {
      const into = (row: number) => (value('into', row) === null ? null : `of program ${value('into', row)}`)
      return (row) => said(program(row).attach, program(row).called, into(row))
    }
    case 'cgroup':
      return (row) => said(program(row).attach, value('cgroup', row))
    case 'netns':
      return (row) => said(program(row).attach ?? value('kind', row), 'in', value('net', row))
    case 'xdp':
    case 'tcx':
    case 'netkit':
      return (row) => said(program(row).attach, value('device', row))
    case 'perf_event': {
      const events = Array.from({ length: details.length }, (_, row) => details.column('event').bigint(row) ?? 0n)
      const words = perfEventWords(kernel, events)
      return (row) => words.get(events[row] ?? 0n) ?? null
    }
    case 'iter':
      return (row) => said('iter', value('target', row))
    case 'netfilter':
      return (row) =>
        said('family', value('family', row), 'hook', value('hook', row), 'priority', value('priority', row))
    case 'uprobe_multi':
      return (row) => said('uprobes', value('path', row), `(${value('count', row) ?? '?'})`)
    case 'kprobe_multi':
      return (row) => said('kprobes', functionNames(kernel, details.column('functions').bytes(row)))
    default:
      return (row) => said(program(row).attach, 'map', value('map', row))
  }
}

function functionNames(kernel: Kernel, addresses: Uint8Array | null): string | null {
  if (addresses === null) return null
  const view = new DataView(addresses.buffer, addresses.byteOffset, addresses.byteLength)
  const count = Math.floor(addresses.byteLength / 8)
  const named = Array.from({ length: Math.min(count, NAMED) }, (_, entry) => view.getBigUint64(entry * 8, true))
  const names = kernel.resolve(named).map((place, entry) => place?.symbol ?? `0x${named[entry]?.toString(16)}`)
  return count > NAMED ? `${names.join(' ')} and ${count - NAMED} more` : names.join(' ')
}
