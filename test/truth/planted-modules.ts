/**
 * Modules that a guest had not loaded, in copies of its memory: one that it had gets another's name and types. The types
 * are those of the guest's own build (Debian's package of 6.1.0-56-cloud-amd64), so that they fit to its kernel's.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf, bytes, type Paths, text } from '../../dist/src/kernel/query.js'
import { type Patch, Scratch, word } from './patched.js'

const FOLDER = join(import.meta.dirname, '../fixtures/types')
/** MODULE_NAME_LEN (include/linux/module.h). */
const NAME = 56
/** Of `struct btf_header` (include/uapi/linux/btf.h): its own length, and where the strings begin, and their length. */
const [HEADER_LENGTH, STRINGS_AT, STRINGS_LENGTH] = [4, 16, 20]

type Width = 1 | 2 | 4 | 8
export type Members = readonly (readonly [path: Paths, width: Width, value: bigint | number])[]

/** Memory of the kernel's in which objects are forged: its log, which the tables in question do not read. */
export function forgery(kernel: Kernel, length: number): Scratch {
  return new Scratch(kernel, ((kernel.address('__log_buf') ?? 0n) + 4095n) & ~4095n, length)
}

export function forge(kernel: Kernel, scratch: Scratch, at: bigint, type: string, members: Members): void {
  for (const [path, width, value] of members) scratch.put(word(kernel, at, type, path).at, width, value)
}

/** Gives a module another's name and types, which the kernel has in a copy of its own (kernel/bpf/btf.c). */
export function disguised(kernel: Kernel, module: string, as: string): Patch[] {
  const modules = kernel.list('btf_modules', 'struct btf_module', 'list').select({
    name: text('module->name'),
    own: addressOf('module->name'),
    noted: addressOf('btf->name'),
    size: 'btf->data_size',
    types: 'btf->data',
  })
  const row = [...modules].findIndex(({ name }) => name === module)
  const value = (column: 'own' | 'noted' | 'size' | 'types') => modules.column(column).bigint(row) ?? 0n
  const types = readFileSync(join(FOLDER, `${as}.btf`))
  // The section is as long as the other's: behind its last string come empty ones.
  const whole = Buffer.concat([types, Buffer.alloc(Number(value('size')) - types.length)])
  const strings = types.readUInt32LE(HEADER_LENGTH) + types.readUInt32LE(STRINGS_AT)
  whole.writeUInt32LE(whole.length - strings, STRINGS_LENGTH)
  const name = Buffer.alloc(NAME)
  name.write(as)
  return [
    ...overwritten(kernel, value('own'), name),
    ...overwritten(kernel, value('noted'), name),
    ...overwritten(kernel, value('types'), whole),
  ]
}

/** Other bytes at an address, which need not be a word's. */
export function overwritten(kernel: Kernel, at: bigint, content: Uint8Array): Patch[] {
  const [first, end] = [at & ~7n, (at + BigInt(content.length) + 7n) & ~7n]
  const scratch = new Scratch(kernel, first, Number(end - first))
  const batch = kernel.at([first], 'char').select({ bytes: bytes('', { length: Number(end - first) }) })
  scratch.write(first, batch.column('bytes').bytes(0) ?? new Uint8Array())
  scratch.write(at, content)
  return scratch.patches()
}

/** Gives a variable of a module another name, which may not be longer. */
export function renamed(kernel: Kernel, module: string, symbol: string, as: string): Patch[] {
  const strings = kernel
    .list('modules', 'struct module', 'list')
    .select({ name: text('name'), at: 'kallsyms->strtab', count: 'kallsyms->num_symtab' })
  const row = [...strings].find(({ name }) => name === module)
  const at = BigInt(row?.at ?? 0)
  // How long all names together are is not kept: as much as can be read of what they may be.
  const read = [32, 24, 16, 8].map((each) =>
    kernel
      .at([at], 'char')
      .select({ bytes: bytes('', { length: Number(row?.count ?? 0) * each }) })
      .column('bytes')
      .bytes(0),
  )
  const place = Buffer.from(read.find((names) => names !== null) ?? []).indexOf(`\0${symbol}\0`)
  if (place < 0) throw new Error(`${module} has no symbol ${symbol}`)
  return overwritten(kernel, at + BigInt(place) + 1n, Buffer.from(`${as}\0`))
}
