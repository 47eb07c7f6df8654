/** Programs and libraries against /proc/PID/maps, and what only the mappings or only the loader knows. */

import { closeSync, openSync, readSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { readLoaded } from '../../dist/src/kernel/loader.js'
import { readMappings } from '../../dist/src/kernel/mappings.js'
import { ProcessMemory } from '../../dist/src/kernel/user-memory.js'
import { salvor } from '../hostile/salvor.js'
import { samples, sharedImage, sharedImages, type Table, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

interface Mapped {
  pid: number
  maps: string[]
}

/** Files with an executable mapping: where the first of a file's mappings begins, and where the last ends. */
function wanted({ pid, maps }: Mapped): Record<string, unknown>[] {
  const files = new Map<string, { path: string; inode: number; from: bigint[]; to: bigint[]; executable: boolean }>()
  for (const line of maps) {
    const [range = '', permissions = '', , device = '', inode = '0', ...name] = line.split(/ +/)
    if (!name[0]?.startsWith('/')) continue
    const [from, to] = range.split('-').map((part) => BigInt(`0x${part}`))
    const key = `${name.join(' ')} ${device} ${inode}`
    const file = files.get(key) ?? { path: name.join(' '), inode: Number(inode), from: [], to: [], executable: false }
    file.from.push(from ?? 0n)
    file.to.push(to ?? 0n)
    file.executable ||= permissions.includes('x')
    files.set(key, file)
  }
  const executable = [...files.values()].filter((file) => file.executable)
  return executable.map(({ path, inode, from, to }) => {
    const [base = 0n] = from
    return { pid, path, inode, base: `0x${base.toString(16)}`, size: Number((to.at(-1) ?? 0n) - base) }
  })
}

/** Samples that were made when this table was there, which credentials came with. */
const sampled = samples().filter((image) => image.has('credentials.json'))

for (const image of [...sampled, ...sharedImages()]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has every file that a process has mapped executable, and none else', () => {
      const { rows } = table('libraries', image.as(own))
      const recorded = image.parts<Mapped>('memory.json')
      const files = recorded.flatMap(wanted)
      expect(files.length).toBeGreaterThan(image.has('memory.json') ? 20 : 250)
      const pids = new Set(recorded.map(({ pid }) => pid))
      const ours = rows.filter(({ pid }) => pids.has(pid as number))
      for (const pid of pids) {
        const mine = files.filter((file) => file.pid === pid)
        expect(ours.filter((row) => row.pid === pid).map(({ path }) => path)).toEqual(mine.map(({ path }) => path))
        expect(ours.filter((row) => row.pid === pid)).toMatchObject(mine)
      }
    })
  })
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it("finds what is mapped on the loader's own list, wherever that could be read", () => {
      const { rows } = table('libraries', image.as('elf'))
      const read = rows.filter(({ loader }) => loader === 'read')
      expect(read.length).toBeGreaterThan(200)
      expect(read.filter(({ found_by }) => JSON.stringify(found_by) !== '["mapping","loader"]')).toEqual([])
    })
  })
}

const image = sharedImage('docker-debian12')
const PRELOADED = 1523
const HIDER = '/usr/local/lib/libproc-hide.so'

describe(`${image.title}, planted`, () => {
  image.require()

  it('names the library that was loaded before all others', () => {
    const { rows } = table('libraries', image.as('elf'), '--pid', `${PRELOADED}`)
    expect(rows.filter(({ path }) => path === HIDER)).toMatchObject([
      { name: HIDER, found_by: ['mapping', 'loader'], loader: 'read' },
    ])
  })
})

describe(`${image.title} with a library that has no file any more`, () => {
  image.require()
  const copy = patchedCopy(image, (kernel, path) => {
    const maps = table('memory-maps', path, '--pid', `${PRELOADED}`).rows.filter((row) => row.path === HIDER)
    return maps.map(({ address }): Patch => {
      const file = word(kernel, BigInt(address as string), 'struct vm_area_struct', 'vm_file')
      return [file.at, file.value, 0n]
    })
  })

  it('is known to the loader alone', async () => {
    // What is no file's may have a name, and is asked for it: that warns.
    const { stdout } = await salvor(['libraries', copy.path, '--pid', `${PRELOADED}`, '--format', 'json'])
    const { rows } = JSON.parse(stdout) as Table
    expect(rows.filter(({ path }) => path === HIDER)).toMatchObject([{ size: null, inode: null, found_by: ['loader'] }])
  })
})

describe(`${image.title} with a library taken off the loader's list`, () => {
  image.require()
  const copy = patchedCopy(image, (kernel, path) => {
    const task = BigInt(table('processes', path, '--pid', `${PRELOADED}`).rows[0]?.address as string)
    return unlinkLibrary(kernel, path, task)
  })

  it('is known to the mappings alone', () => {
    const { rows } = table('libraries', copy.path, '--pid', `${PRELOADED}`)
    const lonely = rows.filter(({ found_by }) => JSON.stringify(found_by) === '["mapping"]')
    expect(lonely).toMatchObject([{ path: HIDER, name: null, loader: 'read' }])
  })
})

/** Who comes before it leads to who comes after it. A process's memory is found in the raw image by its content. */
function unlinkLibrary(kernel: Kernel, path: string, task: bigint): Patch[] {
  const mappings = readMappings(kernel, [task])
  const [loaded] = readLoaded(kernel, [task], new Map([[task, mappings]]))
  const memory = ProcessMemory.of(kernel, task)
  const maps = loaded?.maps ?? []
  const at = maps.findIndex(({ name }) => name === HIDER)
  const addresses = linkMaps(memory, mappings, maps[at - 1]?.dynamic ?? 0n)
  const [before] = addresses
  const bytes = before === undefined ? null : (memory?.readWhole(before, 40) ?? null)
  if (bytes === null) throw new Error('no link_map before it')
  // More than the machine has; the file's end is the firmware's.
  const file = Buffer.alloc(1 << 30)
  const open = openSync(path, 'r')
  readSync(open, file, 0, file.length, 0)
  closeSync(open)
  const pattern = Buffer.from(bytes.buffer, bytes.byteOffset, 40)
  const physical = file.indexOf(pattern)
  expect(file.indexOf(pattern, physical + 1)).toBe(-1)
  const next = bytes.getBigUint64(24, true)
  const after = memory?.readWhole(next, 40)?.getBigUint64(24, true) ?? 0n
  const direct = kernel.symbol('page_offset_base', 'unsigned long').select({ at: '' }).column('at').bigint(0) ?? 0n
  return [[direct + BigInt(physical) + 24n, next, after]]
}

/** Where a `struct link_map` may be whose third word is this. */
function linkMaps(
  memory: ProcessMemory | null,
  mappings: readonly { path: string | null }[],
  dynamic: bigint,
): bigint[] {
  expect(mappings.length).toBeGreaterThan(0)
  return [...(memory?.findWords([dynamic]) ?? [])].map(({ address }) => address - 16n).slice(0, 1)
}
