/** Where BPF programs are attached: what the kernel itself calls, whether or not a link or an id tells of it. */

import { readCgroups } from '../cgroups.js'
import { constantNames } from '../constants.js'
import type { Kernel } from '../kernel.js'
import { readPerfEvents } from '../perf-events.js'
import {
  array,
  bytes,
  constantName,
  firstOf,
  hash,
  hlist,
  index,
  list,
  type Nested,
  optional,
  xarray,
} from '../query.js'
import { readProbes } from '../tracepoints.js'
import { readHolders } from './holders.js'
import { readLinks } from './links.js'
import { readNetworkPrograms, wordsOf } from './network-programs.js'
import { wordOf } from './words.js'

/** Numbers of a cgroup's attach types that are named; there are 38 in 7.1. */
const ATTACH_TYPES = 64
/** TRAMPOLINE_TABLE_SIZE (kernel/bpf/trampoline.c). */
const TRAMPOLINES = 1 << 10

/** Bytes of an array of programs that are read. */
const MOST_TAIL_CALLS = 1 << 20

/** A place at which a program is attached. */
export interface Attachment {
  /** Of the object that holds the program. */
  address: bigint
  /** `cgroup`, `tracepoint`, `perf event`, `trampoline`, `interface`, `network namespace`, `socket`, `map`, `link`. */
  kind: string
  /** As bpftool calls it: `cgroup_device`, `xdp`, `raw_tracepoint`. */
  type: string | null
  /** The cgroup's path, the interface, the function. */
  target: string | null
  program: bigint
  /** The link that made it; null where the program was attached without one. */
  link: bigint | null
  /** Path of the cgroup, of those that are at one. */
  cgroup: string | null
  /** Inode of the network namespace, of those that are in one. */
  net_ns: number | null
}

type Found = Pick<Attachment, 'address' | 'kind' | 'program'> & Partial<Attachment>

/** Every attachment; read once per image. */
export function readAttachments(kernel: Kernel): readonly Readonly<Attachment>[] {
  return kernel.once(readEveryAttachment)
}

function readEveryAttachment(kernel: Kernel): Attachment[] {
  const direct = [
    ...cgroupAttachments(kernel),
    ...tracepointAttachments(kernel),
    ...perfAttachments(kernel),
    ...trampolineAttachments(kernel),
    ...networkAttachments(kernel),
    ...socketAttachments(kernel),
    ...tailCalls(kernel),
  ].filter(({ program }) => program !== 0n)
  const made = new Set(direct.map(({ program }) => program))
  const linkOf = new Map(readLinks(kernel).map(({ address, program }) => [program, address]))
  // A cgroup says which link made an attachment; elsewhere it is the link of the program.
  const whole = (found: Found): Attachment => {
    const link = found.kind === 'cgroup' ? null : (linkOf.get(found.program) ?? null)
    return { type: null, target: null, cgroup: null, net_ns: null, ...found, link: found.link ?? link }
  }
  // A link whose place is none of those above still says what it is attached to.
  const linked = readLinks(kernel).flatMap(({ address, type, program, attached_to }) =>
    program === null || program === 0n || made.has(program)
      ? []
      : [{ address, kind: 'link', type, target: attached_to, program, link: address }],
  )
  return [...direct, ...linked].map(whole)
}

const OF_CGROUP = {
  walk: array('bpf.progs'),
  select: { type: index() },
  children: {
    programs: {
      walk: firstOf(hlist('', 'struct bpf_prog_list', 'node'), list('', 'struct bpf_prog_list', 'node')),
      select: { program: 'prog', link: optional('link'), linked: optional('link->link.prog') },
    },
  },
} satisfies Nested

function cgroupAttachments(kernel: Kernel): Found[] {
  const paths = new Map(readCgroups(kernel).map(({ address, path }) => [address, path]))
  const cgroups = kernel.ofKindsItHas().at(paths.keys(), 'struct cgroup').select({}, { types: OF_CGROUP })
  const types = cgroups.child('types')
  const programs = types.child('programs')
  const names = constantNames(kernel, ['enum cgroup_bpf_attach_type', 'enum bpf_attach_type'], ATTACH_TYPES)
  return Array.from({ length: programs.length }, (_, row) => {
    const type = programs.parents[row] ?? 0
    const cgroup = paths.get(cgroups.address(types.parents[type] ?? 0)) ?? null
    const number = types.column('type').number(type) ?? 0
    const link = programs.column('link').bigint(row) ?? 0n
    return {
      address: programs.address(row),
      kind: 'cgroup',
      // Slots between CGROUP_LSM_START and CGROUP_LSM_END have no names: each is for one LSM hook.
      type: /^\d+$|_LSM_/.test(names[number] ?? '') ? 'lsm_cgroup' : wordOf(names[number] ?? null),
      target: cgroup,
      program: (link === 0n ? programs.column('program') : programs.column('linked')).bigint(row) ?? 0n,
      // `struct bpf_cgroup_link` begins with its `struct bpf_link`.
      link: link === 0n ? null : link,
      cgroup,
    }
  })
}

/** Raw tracepoints: the probe is called with the program, from 6.10 on with the link. */
function tracepointAttachments(kernel: Kernel): Found[] {
  const probes = readProbes(kernel)
  const places = kernel.resolve(probes.map((probe) => probe.function))
  const raw = probes.filter((_, row) => places[row]?.symbol?.startsWith('__bpf_trace_'))
  const links = new Map(readLinks(kernel).map((link) => [link.address, link]))
  return raw.map(({ address, tracepoint, data }) => {
    const link = links.get(data)
    return {
      address,
      kind: 'tracepoint',
      type: 'raw_tracepoint',
      target: tracepoint,
      program: link?.program ?? data,
      link: link === undefined ? null : data,
    }
  })
}

function perfAttachments(kernel: Kernel): Found[] {
  return readPerfEvents(kernel, readHolders(kernel).perf_event.keys()).flatMap(({ address, type, name, programs }) =>
    programs.map((program) => ({ address, kind: 'perf event', type, target: name, program })),
  )
}

/** What a trampoline calls at a function's entry or exit: from 7.3 on nodes of links, from 6.0 on links, programs before. */
const CALLED = {
  walk: array('progs_hlist'),
  select: {},
  children: {
    programs: {
      walk: firstOf(
        hlist('', 'struct bpf_tramp_node', 'tramp_hlist'),
        hlist('', 'struct bpf_tramp_link', 'tramp_hlist'),
        hlist('', 'struct bpf_prog_aux', 'tramp_hlist'),
      ),
      select: {
        program: ['link->prog', 'link.prog', 'prog'],
        type: constantName(['link->prog', 'link.prog', 'prog'].map((program) => `${program}->expected_attach_type`)),
      },
    },
  },
} satisfies Nested

function trampolineAttachments(kernel: Kernel): Found[] {
  const [table] = kernel.addresses('trampoline_key_table', 'trampoline_table')
  // Trampolines came with 5.5.
  if (table === undefined) return []
  const trampolines = kernel
    .at([table], 'struct hlist_head')
    .walk(
      firstOf(
        hash('', 'struct bpf_trampoline', 'hlist_key', { count: TRAMPOLINES }),
        hash('', 'struct bpf_trampoline', 'hlist', { count: TRAMPOLINES }),
      ),
    )
    .select({ function: 'func.addr' }, { called: CALLED })
  const called = trampolines.child('called')
  const programs = called.child('programs')
  const functions = Array.from(
    { length: trampolines.length },
    (_, row) => trampolines.column('function').bigint(row) ?? 0n,
  )
  const places = kernel.resolve(functions)
  return Array.from({ length: programs.length }, (_, row) => {
    const trampoline = called.parents[programs.parents[row] ?? 0] ?? 0
    return {
      address: programs.address(row),
      kind: 'trampoline',
      type: wordOf(programs.column('type').text(row)),
      target: places[trampoline]?.symbol ?? `0x${functions[trampoline]?.toString(16)}`,
      program: programs.column('program').bigint(row) ?? 0n,
      link: null,
    }
  })
}

/** What sees the packets of interfaces and of network namespaces, in bpftool's words; classic filters are no programs. */
function networkAttachments(kernel: Kernel): Found[] {
  return readNetworkPrograms(kernel)
    .filter(({ classic }) => !classic)
    .map(({ address, hook, interface: device, program, link, net_ns }) => ({
      address,
      kind: device === null ? 'network namespace' : 'interface',
      type: hook.replaceAll('-', '_'),
      target: device ?? `net:[${net_ns}]`,
      program,
      link,
      net_ns,
    }))
}

/** Programs that a socket filters by, of sockets that somebody has open; classic filters are none. */
function socketAttachments(kernel: Kernel): Found[] {
  const sockets = kernel.at(readHolders(kernel).socket.keys(), 'struct socket').select({
    socket: 'sk',
    program: 'sk->sk_filter->prog',
    classic: 'sk->sk_filter->prog->orig_prog',
    inode: 'container_of(, struct socket_alloc, socket)->vfs_inode.i_ino',
  })
  return Array.from({ length: sockets.length }, (_, row) => ({
    address: sockets.column('socket').bigint(row) ?? 0n,
    kind: 'socket',
    type: 'socket_filter',
    target: `socket:[${sockets.column('inode').number(row)}]`,
    program: sockets.column('classic').bigint(row) === 0n ? (sockets.column('program').bigint(row) ?? 0n) : 0n,
  }))
}

/** Programs that others go on with: those in arrays of programs. */
function tailCalls(kernel: Kernel): Found[] {
  const maps = kernel
    .at(kernel.addresses('map_idr'), 'struct idr')
    .walk(xarray('', 'struct bpf_map'))
    .select({ type: constantName('map_type') })
  const arrays = maps.addresses.filter((_, row) => wordOf(maps.column('type').text(row)) === 'prog_array')
  const batch = kernel.at(arrays, 'struct bpf_map').select({
    id: 'id',
    programs: bytes('container_of(, struct bpf_array, map)->ptrs', {
      length: 'max_entries << 3',
      max: MOST_TAIL_CALLS,
    }),
  })
  return Array.from({ length: batch.length }, (_, row) =>
    wordsOf(batch.column('programs').bytes(row)).map((program, entry) => ({
      address: batch.address(row),
      kind: 'map',
      type: 'tail_call',
      target: `map ${batch.column('id').number(row)} entry ${entry}`,
      program,
    })),
  ).flat()
}
