/** Sections and symbols of loaded modules, as the kernel keeps them (kernel/module/sysfs.c, kernel/module/kallsyms.c). */

import type { Kernel } from './kernel.js'
import type { Area } from './module-areas.js'
import { MODULE } from './objects.js'
import { array, bytes, optional, type Selects, text } from './query.js'
import { readTexts } from './values.js'

/** More than any module has. */
const MOST_SECTIONS = 1 << 12
const MOST_POINTERS = 512
const MOST_SYMBOLS = 1 << 17
/** KSYM_NAME_LEN. */
const LONGEST_NAME = 512
/** Bytes of an Elf64_Sym. */
const SYMBOL = 24

/** A stretch of a module's memory, by what its file called it. */
export interface ModuleSection extends Area {
  readonly name: string
}

/** What a module's own table has. */
export interface ModuleSymbol {
  readonly name: string
  readonly value: bigint
  readonly size: bigint
}

/** Until 6.13 sections are counted; since then nothing but a list of pointers, with NULL behind it, says how many there are. */
const COUNTED = {
  walk: array('sect_attrs->attrs', { count: 'sect_attrs->nsections', most: MOST_SECTIONS }),
  select: { name: text(['battr.attr.name', 'name']), at: 'address' },
} as const

const LISTED = {
  pointers: optional(
    bytes(['sect_attrs->grp.bin_attrs_new', 'sect_attrs->grp.bin_attrs'], { length: 8 * MOST_POINTERS }),
  ),
} satisfies Selects

const SYMBOLS = {
  table: 'kallsyms->symtab',
  count: 'kallsyms->num_symtab',
  names: 'kallsyms->strtab',
} satisfies Selects

/**
 * All of a module's memory as sections, by ascending addresses: each goes on to where the next begins, so that nothing lies
 * between them, and what no section is known of is called by its place.
 */
export function readModuleSections(kernel: Kernel, module: bigint | null, areas: readonly Area[]): ModuleSection[] {
  const named = (module === null ? [] : namedSections(kernel, module)).sort((left, right) =>
    left.at < right.at ? -1 : 1,
  )
  return [...areas]
    .sort((left, right) => (left.start < right.start ? -1 : 1))
    .flatMap(({ start, end }, index) => {
      const own = named.filter(({ at }) => at >= start && at < end)
      const starts = own[0]?.at === start ? own : [{ name: `.memory${index}`, at: start }, ...own]
      return starts.flatMap(({ name, at }, place): ModuleSection[] => {
        const next = starts[place + 1]?.at ?? end
        // A section without a byte has a name all the same.
        return next > at ? [{ name, start: at, end: next }] : []
      })
    })
}

function namedSections(kernel: Kernel, module: bigint): { name: string; at: bigint }[] {
  const counted = kernel.attempt(() => kernel.unheard().at([module], MODULE).select({}, { sections: COUNTED }))
  const sections = counted?.child('sections')
  if (sections !== undefined && sections.length > 0) {
    return Array.from({ length: sections.length }, (_, row) => ({
      name: sections.column('name').text(row) ?? '?',
      at: sections.column('at').bigint(row) ?? 0n,
    }))
  }
  const pointers = kernel.unheard().at([module], MODULE).select(LISTED).column('pointers').bytes(0)
  const attributes = kernel
    .unheard()
    .at(pointersIn(pointers), 'struct bin_attribute')
    .select({ name: text('attr.name'), at: 'private' })
  return Array.from({ length: attributes.length }, (_, row) => ({
    name: attributes.column('name').text(row) ?? '?',
    at: attributes.column('at').bigint(row) ?? 0n,
  }))
}

function pointersIn(list: Uint8Array | null): bigint[] {
  const words = list === null ? [] : [...new BigUint64Array(Uint8Array.from(list).buffer)]
  const end = words.indexOf(0n)
  return end < 0 ? [] : words.slice(0, end)
}

/** A module's own symbols; none where it keeps none, or where they cannot be read. */
export function readModuleSymbols(kernel: Kernel, module: bigint): ModuleSymbol[] {
  const row = kernel.at([module], MODULE).select(SYMBOLS)
  const [table, names] = [row.column('table').bigint(0), row.column('names').bigint(0)]
  const count = kernel.capped("a module's symbols", row.column('count').number(0) ?? 0, MOST_SYMBOLS)
  if (!table || !names || count === 0) return []
  const symbols = kernel
    .at([table], 'char')
    .select({ all: bytes('', { length: count * SYMBOL, max: MOST_SYMBOLS * SYMBOL }) })
  const all = symbols.column('all').bytes(0)
  if (all === null) return []
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength)
  const places = Array.from({ length: count }, (_, index) => index * SYMBOL)
  const texts = readTexts(
    kernel,
    places.map((at) => names + BigInt(view.getUint32(at, true))),
    LONGEST_NAME,
  )
  return places.flatMap((at, index) => {
    const name = texts[index]
    const [value, size] = [view.getBigUint64(at + 8, true), view.getBigUint64(at + 16, true)]
    return name == null || name === '' || value === 0n ? [] : [{ name, value, size }]
  })
}
