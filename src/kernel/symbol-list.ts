/** Every symbol that /proc/kallsyms lists (kernel/kallsyms.c). */

import type { Kernel, Symbols } from './kernel.js'
import { MODULE } from './objects.js'
import { addressOf, array, hex, list, type Nested, optional, text } from './query.js'
import { readTexts } from './values.js'

/** A symbol of code that the kernel made while it ran, or keeps beside its own. */
interface Made {
  address: bigint | null
  name: string | null
  type: string
  module: string
}

/** Symbols, column by column. */
export interface SymbolList {
  length: number
  address: BigUint64Array
  name: readonly string[]
  /** The letter of nm(1): capital for what the kernel exports. */
  type: readonly string[]
  /** Null for the kernel's own. */
  module: readonly (string | null)[]
}

/** KSYM_NAME_LEN. */
const LONGEST_NAME = 512
/** More than any module exports. */
const MOST_EXPORTS = 1 << 16

/** The kernel's own symbols, those of modules, newest first, and of what was made since: in the order of /proc/kallsyms. */
export function listSymbols(kernel: Kernel): SymbolList {
  const symbols = kernel.symbols()
  capitalize(symbols, exportsOf(kernel))
  const all = [...frozenFunctions(kernel), ...trampolines(kernel), ...programs(kernel), ...probePages(kernel)]
  const made = all.flatMap(({ address, ...rest }) => (address === null ? [] : [{ address, ...rest }]))
  const own = symbols.names.length
  const addresses = new BigUint64Array(own + made.length)
  addresses.set(symbols.addresses)
  addresses.set(
    made.map(({ address }) => address),
    own,
  )
  return {
    length: addresses.length,
    address: addresses,
    name: symbols.names.concat(made.map(({ name }) => name ?? '?')),
    type: symbols.letters.concat(made.map(({ type }) => type)),
    module: symbols.modules.concat(made.map(({ module }) => module)),
  }
}

/** What modules let everybody use: by name, in which module and at which address. */
type Exports = ReadonlyMap<string, readonly string[]>

/** A module's letters are small but for what it lets everybody use (is_exported), not only those under the GPL. */
function capitalize({ names, addresses, letters, modules }: Symbols, exported: Exports): void {
  const first = modules.findIndex((module) => module !== null)
  for (let row = first; row >= 0 && row < names.length; row++) {
    const letter = letters[row] ?? '?'
    const places = exported.get(names[row] ?? '')
    const isExported = places?.includes(placeOf(modules[row] ?? null, addresses[row] ?? 0n)) === true
    letters[row] = isExported ? letter.toUpperCase() : letter.toLowerCase()
  }
}

function placeOf(module: string | null, address: bigint): string {
  return `${module} ${address}`
}

/** Where a symbol and its name lie: from 4.19 on by how far from here (CONFIG_HAVE_ARCH_PREL32_RELOCATIONS). */
const EXPORTED = {
  walk: array('syms', { count: 'num_syms', type: 'struct kernel_symbol', most: MOST_EXPORTS }),
  select: {
    module: text('^.name'),
    at: optional(addressOf('value_offset')),
    value: ['value_offset', 'value'],
    nameAt: optional(addressOf('name_offset')),
    name: ['name_offset', 'name'],
  },
} satisfies Nested

function exportsOf(kernel: Kernel): Exports {
  const found = kernel.list('modules', MODULE, 'list').select({}, { exported: EXPORTED }).child('exported')
  const rows = [...found.addresses.keys()]
  const place = (at: 'at' | 'nameAt', value: 'value' | 'name', row: number) =>
    BigInt.asUintN(64, (found.column(at).bigint(row) ?? 0n) + (found.column(value).bigint(row) ?? 0n))
  const texts = readTexts(
    kernel,
    rows.map((row) => place('nameAt', 'name', row)),
    LONGEST_NAME,
  )
  const exported = new Map<string, string[]>()
  for (const [row, name] of texts.entries()) {
    if (name === null) continue
    const at = placeOf(found.column('module').text(row), place('at', 'value', row))
    exported.set(name, [...(exported.get(name) ?? []), at])
  }
  return exported
}

/** Code to which the tracer of functions leads (ftrace_get_trampoline_kallsym). */
function trampolines(kernel: Kernel): Made[] {
  if (kernel.address('ftrace_ops_trampoline_list') === null) return []
  const found = kernel.list('ftrace_ops_trampoline_list', 'struct ftrace_ops', 'list').select({ at: 'trampoline' })
  return Array.from({ length: found.length }, (_, row) => ({
    address: found.column('at').bigint(row),
    name: 'ftrace_trampoline',
    type: 't',
    module: '__builtin__ftrace',
  })).filter(({ address }) => address !== 0n)
}

const FUNCTIONS = {
  walk: list('funcs', 'struct ftrace_mod_func', 'list'),
  select: { name: text('name'), at: 'ip', module: text('^.mod->name') },
} satisfies Nested

/**
 * Functions of modules that ran once and are gone, which a trace may still name. The kernel counts them so that the first
 * of a module comes twice and the last never (ftrace_mod_get_kallsym).
 */
function frozenFunctions(kernel: Kernel): Made[] {
  if (kernel.address('ftrace_mod_maps') === null) return []
  const found = kernel
    .list('ftrace_mod_maps', 'struct ftrace_mod_map', 'list')
    .select({}, { functions: FUNCTIONS })
    .child('functions')
  return [...found.byParent().values()].flatMap((rows) =>
    rows.map((_, place) => {
      const row = rows[Math.max(0, place - 1)] ?? 0
      return {
        address: found.column('at').bigint(row),
        name: found.column('name').text(row),
        type: 'T',
        module: found.column('module').text(row) ?? '?',
      }
    }),
  )
}

/** BPF programs and what leads to them (bpf_get_kallsym). */
function programs(kernel: Kernel): Made[] {
  if (kernel.address('bpf_kallsyms') === null) return []
  return [namedPrograms, oldPrograms].flatMap((read) => kernel.attempt(() => read(kernel)) ?? [])
}

function namedPrograms(kernel: Kernel): Made[] {
  const found = kernel.list('bpf_kallsyms', 'struct bpf_ksym', 'lnode').select({ at: 'start', name: text('name') })
  return Array.from({ length: found.length }, (_, row) =>
    program(found.column('at').bigint(row), found.column('name').text(row)),
  )
}

/** Before 5.8 a program's name is put together when it is asked for (bpf_get_prog_name). */
function oldPrograms(kernel: Kernel): Made[] {
  const found = kernel
    .list('bpf_kallsyms', 'struct bpf_prog_aux', 'ksym_lnode')
    .select({ at: 'prog->bpf_func', name: text('name'), tag: hex('prog->tag') })
  return Array.from({ length: found.length }, (_, row) => {
    const [name, tag] = [found.column('name').text(row), found.column('tag').text(row)]
    return program(found.column('at').bigint(row), `bpf_prog_${tag ?? '?'}${name ? `_${name}` : ''}`)
  })
}

function program(address: bigint | null, name: string | null): Made {
  return { address, name, type: 't', module: 'bpf' }
}

/** Pages of copied instructions (kprobe_cache_get_kallsym). */
function probePages(kernel: Kernel): Made[] {
  return ['kprobe_insn_slots', 'kprobe_optinsn_slots'].flatMap((cache) => {
    if (kernel.address(cache) === null) return []
    const found = kernel
      .symbol(cache, 'struct kprobe_insn_cache')
      .walk(list('pages', 'struct kprobe_insn_page', 'list'))
      .select({ at: 'insns', name: optional(text('cache->sym')) })
    return Array.from({ length: found.length }, (_, row) => ({
      address: found.column('at').bigint(row),
      name: found.column('name').text(row),
      type: 't',
      module: '__builtin__kprobes',
    }))
  })
}
