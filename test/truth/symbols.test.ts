/** What addresses are resolved to, against the guests' own /proc/kallsyms. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf, moduleAt, symbolAt } from '../../dist/src/kernel/query.js'
import { sharedImages } from './images.js'

interface Known {
  address: bigint
  type: string
  name: string
  module: string
}

/** Where a section ends, and what lies behind the kernel's end: both belong to nothing. */
const ENDS =
  /^(_etext|__indirect_thunk_end|__end_rodata|_edata|_einittext|__init_end|__bss_stop|__brk_limit|_end|sme_workarea|__init_scratch_\w+)$/
/** Names that assemblers make; the kernel passes over them when it looks for an address. */
const UNNAMED = /^(\.L|L0|\$)/

function parse(text: string): Known[] {
  const lines = text.trim().split('\n')
  return lines.map((line) => {
    const [address, type = '', name = '', module = '[kernel]'] = line.split(/\s+/)
    return { address: BigInt(`0x${address}`), type, name, module: module.slice(1, -1) }
  })
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    const warnings: string[] = []
    let kernel: Kernel
    const known = new Map<bigint, Known[]>()
    beforeAll(() => {
      if (image.missing) return
      kernel = Kernel.attach(Kernel.open(image.as('elf'), { cacheDir: null }).id, ({ message }) =>
        warnings.push(message),
      )
      for (const symbol of parse(image.text('raw/proc-kallsyms.txt'))) {
        // Per-CPU variables and other numbers are no addresses.
        if (symbol.address >> 63n === 0n) continue
        const same = known.get(symbol.address)
        if (same) same.push(symbol)
        else known.set(symbol.address, [symbol])
      }
    })
    afterAll(() => kernel?.close())

    it('gives every address that /proc/kallsyms names the name, the type and the module that it has there', () => {
      const addresses = [...known.keys()]
      const places = kernel.resolve(addresses)
      const wrong: unknown[] = []
      const freed: string[] = []
      let right = 0
      addresses.forEach((address, index) => {
        const place = places[index] ?? null
        const names = known.get(address) ?? []
        const [{ module = '' } = {}] = names
        // The kernel makes up names for compiled BPF programs; its own tables have none of them.
        if (module === 'bpf') expect(place, names[0]?.name).toBeNull()
        else if (names.every(({ name }) => UNNAMED.test(name))) expect(place?.module).toBe(module)
        else if (module === 'kernel' && names.every(({ name }) => ENDS.test(name)))
          expect(place?.symbol ?? null).toBeNull()
        else if (
          place?.offset === 0 &&
          names.some(
            (known) =>
              known.name === place.symbol &&
              known.module === place.module &&
              // /proc/kallsyms writes those large that a module exports.
              (module === 'kernel' ? known.type : known.type.toLowerCase()) === place.type,
          )
        ) {
          right++
        } else if (place?.module !== module && names.every(({ name }) => /init/.test(name)))
          freed.push(names[0]?.name ?? '')
        else wrong.push({ names, place })
      })
      expect(wrong).toEqual([])
      // What a module ran only once was freed, and may be another's memory by now.
      expect(freed.length).toBeLessThan(10)
      expect(right).toBeGreaterThan(100_000)
      expect(new Set(places.map((place) => place?.module)).size).toBeGreaterThan(50)
      expect(warnings).toEqual([])
    })

    it('prefers a function, and tells how far behind it an address lies', () => {
      const functions = [...known.values()].flatMap((names) => names.find(({ type }) => /[tT]/.test(type)) ?? [])
      const some = functions.filter(({ module, address }, index) => {
        const next = [1n, 2n, 3n].some((distance) => known.has(address + distance))
        return index % 29 === 0 && module === 'kernel' && !next
      })
      const places = kernel.resolve(some.map(({ address }) => address + 3n))
      expect(some.length).toBeGreaterThan(1000)
      some.forEach(({ address, name }, index) => {
        const names = (known.get(address) ?? []).filter(({ type }) => /[tT]/.test(type)).map(({ name }) => name)
        if (!ENDS.test(name)) expect([...names], name).toContain(places[index]?.symbol)
        if (!ENDS.test(name)) expect(places[index]?.offset).toBe(3)
      })
    })

    it("finds modules' symbols by name, and reads what lies there", () => {
      const own = [...known.values()].flat().filter(({ module, name }) => module !== 'kernel' && !UNNAMED.test(name))
      const count = new Map<string, number>()
      for (const { name } of [...known.values()].flat()) count.set(name, (count.get(name) ?? 0) + 1)
      const unique = own.filter(({ name, module }) => count.get(name) === 1 && module !== 'bpf' && !/init/.test(name))
      expect(unique.length).toBeGreaterThan(5000)
      for (const { name, address, module } of unique.slice(0, 300)) {
        expect(kernel.symbolAddress(name), name).toBe(address)
        expect(kernel.symbolAddress(`${module}:${name}`)).toBe(address)
      }
      expect(kernel.symbolAddress('init_task')).toBe(known.get(kernel.symbolAddress('init_task') ?? 0n)?.[0]?.address)
      expect(kernel.symbolAddress('no_such_symbol_anywhere')).toBeNull()
      expect(kernel.address('ovl_fs_type')).toBeNull()
      const batch = kernel.symbol('overlay:ovl_fs_type', 'struct file_system_type').select({
        at: addressOf(''),
        self: symbolAt(''),
        mount: symbolAt('mount'),
        context: symbolAt('init_fs_context'),
        owner: moduleAt('owner'),
        next: symbolAt('next'),
      })
      expect(batch.column('at').bigint(0)).toBe(kernel.symbolAddress('ovl_fs_type'))
      expect(batch.column('self').text(0)).toBe('ovl_fs_type [overlay]')
      expect(batch.column('owner').text(0)).toBe('overlay')
      const opens = batch.column('mount').text(0) ?? batch.column('context').text(0)
      expect(opens).toMatch(/^ovl_\w+ \[overlay\]$/)
    })
  })
}
