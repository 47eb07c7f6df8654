/** `struct bpf_prog`: loaded programs, as `bpftool prog show` has them (kernel/bpf/syscall.c). */

import { isoTime } from '../../iso-time.js'
import type { Batch } from '../batch.js'
import type { Kernel } from '../kernel.js'
import { rulesOf } from '../objects.js'
import { addressOf, array, constantName, firstOf, hex, list, type Nested, optional, text } from '../query.js'
import { bootTime } from '../time.js'
import { readAttachments } from './attachments.js'
import { readHolders } from './holders.js'
import { type IdTable, readIdTable } from './id-table.js'
import { readLinks } from './links.js'
import { readPins } from './pins.js'
import { wordOf } from './words.js'

const PROGRAM = 'struct bpf_prog'
/** Programs that are read; each becomes a row. */
const MOST_PROGRAMS = 1 << 17
/** MAX_USED_MAPS (include/linux/bpf_verifier.h) with room. */
const MOST_MAPS = 1 << 10
/** BPF_OBJ_NAME_LEN - 1 (include/uapi/linux/bpf.h): a name that long may be cut off. */
const LONGEST_NAME = 15
/** Bytes of an instruction. */
const INSTRUCTION = 8

/** A view that knows a program. */
export type ProgramView = 'id table' | 'symbol list' | 'descriptor' | 'pin' | 'link' | 'attachment'

/** A program. */
export interface Program {
  address: bigint
  id: number | null
  /** As bpftool calls it: `cgroup_device`, `raw_tracepoint`. */
  type: string | null
  /** The whole name of its BTF, or the 15 characters that the object has. */
  name: string | null
  /** Start of the hash of its instructions: 16 digits. */
  tag: string | null
  uid: number | null
  loaded: string | null
  /** Bytes of the translated instructions, and of the machine's. */
  size: number | null
  jited: number | null
  /** Where its machine code begins. */
  code: bigint | null
  /** The function that it is attached to or replaces, where its type has one. */
  function: string | null
  /** Addresses and ids of the maps that it uses. */
  maps: { address: bigint; id: number | null }[]
  /** References that keep it. */
  references: number | null
  found_by: ProgramView[]
  /** Whether the id table lacks it; null where that is torn or was not found. */
  hidden: boolean | null
}

const MEMBERS = {
  id: 'aux->id',
  type: constantName('type'),
  short: text('aux->name'),
  long: optional(text('aux->btf->strings[aux->btf->types[aux->func_info->type_id]->name_off]', 512)),
  tag: hex('tag'),
  uid: 'aux->user->uid.val',
  loaded: 'aux->load_time',
  instructions: 'len',
  jited: 'jited_len',
  code: 'bpf_func',
  inner: 'is_func',
  function: optional(text('aux->attach_func_name', 256)),
  references: ['aux->refcnt.counter'],
} as const

const MAPS = {
  walk: array('aux->used_maps', {
    count: 'aux->used_map_cnt',
    pointers: true,
    type: 'struct bpf_map',
    most: MOST_MAPS,
  }),
  select: { id: 'id' },
} satisfies Nested

/** Every program that any view knows, by id; read once per image. */
export function readPrograms(kernel: Kernel): readonly Readonly<Program>[] {
  return kernel.once(readEveryProgram)
}

function readEveryProgram(kernel: Kernel): Program[] {
  const table = readIdTable(kernel, 'prog_idr', PROGRAM)
  const views = knownPrograms(kernel, table)
  const addresses = [...views.keys()].slice(0, kernel.capped('BPF programs', views.size, MOST_PROGRAMS))
  const batch = kernel.ofKindsItHas().at(addresses, PROGRAM).obeying(rulesOf(PROGRAM)).select(MEMBERS, { maps: MAPS })
  const maps = batch.child('maps')
  const mapsOf = maps.byParent()
  const boot = bootTime(kernel)
  return (
    Array.from({ length: batch.length }, (_, row) => row)
      // A program's inner functions have symbols of their own, and are no programs.
      .filter((row) => batch.column('inner').number(row) !== 1)
      .map((row) => ({
        ...program(batch, row, boot),
        maps: (mapsOf.get(row) ?? []).map((map) => ({ address: maps.address(map), id: maps.column('id').number(map) })),
        found_by: [...(views.get(batch.address(row)) ?? [])],
        hidden: table.lacks(batch.address(row)),
      }))
      .sort((left, right) => (left.id ?? 0) - (right.id ?? 0) || (left.address < right.address ? -1 : 1))
  )
}

function program(
  batch: Batch<typeof MEMBERS>,
  row: number,
  boot: bigint | null,
): Omit<Program, 'maps' | 'found_by' | 'hidden'> {
  const [loaded, count] = [batch.column('loaded').bigint(row), batch.column('instructions').number(row)]
  return {
    address: batch.address(row),
    id: batch.column('id').number(row),
    type: wordOf(batch.column('type').text(row)),
    name: wholeName(batch.column('short').text(row), batch.column('long').text(row)),
    tag: batch.column('tag').text(row),
    uid: batch.column('uid').number(row),
    loaded: boot === null || loaded === null ? null : isoTime(boot + loaded),
    size: count === null ? null : count * INSTRUCTION,
    jited: batch.column('jited').number(row),
    code: batch.column('code').bigint(row),
    function: batch.column('function').text(row),
    references: batch.column('references').number(row),
  }
}

/** The name in its BTF is the program's own only where the object has the beginning of it. */
function wholeName(short: string | null, long: string | null): string | null {
  if (short === null || long === null || short.length < LONGEST_NAME) return short
  return long.startsWith(short) ? long : short
}

/** Addresses of programs, and who knows each. */
function knownPrograms(kernel: Kernel, table: IdTable): Map<bigint, Set<ProgramView>> {
  const views = new Map<bigint, Set<ProgramView>>()
  const see = (addresses: Iterable<bigint | null>, view: ProgramView) => {
    for (const address of addresses) {
      if (address === null || address === 0n) continue
      const seen = views.get(address)
      if (seen) seen.add(view)
      else views.set(address, new Set([view]))
    }
  }
  see(table.addresses, 'id table')
  see(symbolList(kernel), 'symbol list')
  see(readHolders(kernel).program.keys(), 'descriptor')
  see(
    [...readPins(kernel)].flatMap(([address, { kind }]) => (kind === 'program' ? [address] : [])),
    'pin',
  )
  see(
    readLinks(kernel).map(({ program }) => program),
    'link',
  )
  see(
    readAttachments(kernel).map(({ program }) => program),
    'attachment',
  )
  return views
}

/** Programs that have symbols, which those that are compiled to machine code do (kernel/bpf/core.c). */
function symbolList(kernel: Kernel): bigint[] {
  const symbols = kernel
    .at(kernel.addresses('bpf_kallsyms'), 'struct list_head')
    .walk(firstOf(list('', 'struct bpf_ksym', 'lnode'), list('', 'struct bpf_prog_aux', 'ksym_lnode')))
    // Trampolines are on the list too, from 5.7 on with a flag that says what is a program.
    .select({ program: 'prog', aux: addressOf(['container_of(, struct bpf_prog_aux, ksym)', '']) })
  const aux = Array.from({ length: symbols.length }, (_, row) =>
    symbols.column('program').bigint(row) === 0n ? null : symbols.column('aux').bigint(row),
  )
  const batch = kernel
    .at(
      aux.filter((address): address is bigint => address !== null),
      'struct bpf_prog_aux',
    )
    .select({ program: 'prog' })
  return Array.from({ length: batch.length }, (_, row) => batch.column('program').bigint(row) ?? 0n)
}
