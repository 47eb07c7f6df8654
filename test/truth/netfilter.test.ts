/** Hook functions of netfilter against the guest's own symbols, and on a copy in which two were redirected. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { list } from '../../dist/src/kernel/query.js'
import { sharedImages, type TruthImage, table } from './images.js'
import { patchedCopy, word } from './patched.js'

/** `name module` of every symbol, by address. */
function symbolsOf(image: TruthImage): Map<string, Set<string>> {
  const symbols = new Map<string, Set<string>>()
  for (const line of image.text('raw/proc-kallsyms.txt').split('\n')) {
    const [, address = '', name, module = 'kernel'] = /^(\S+) \S (\S+)(?:\t\[(\S+)\])?$/.exec(line) ?? []
    const names = symbols.get(address) ?? new Set()
    symbols.set(address, names.add(`${name} ${module}`))
  }
  return symbols
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('names every hook function of every namespace as the guest does, and none is redirected', () => {
      const { rows } = table('netfilter', image.as('elf'))
      const symbols = symbolsOf(image)
      expect(rows.length).toBeGreaterThan(40)
      for (const row of rows) {
        const names = symbols.get(String(row.address).slice(2).padStart(16, '0'))
        expect(names, `${row.family} ${row.hook} ${row.priority}`).toContain(`${row.symbol} ${row.module}`)
        expect(row).toMatchObject({ redirected: false, registered: row.address })
      }
      // AppArmor has a function in each.
      const namespaces = new Set(rows.map(({ net_ns }) => String(net_ns)))
      expect(namespaces).toEqual(new Set(readdirSync(join(image.folder, 'truth', 'net'))))
    })

    it('calls each hook from the lowest priority to the highest', () => {
      const { rows } = table('netfilter', image.as('elf'))
      const hooks = new Map<string, number[]>()
      for (const { net_ns, family, hook, device, priority } of rows) {
        const key = [net_ns, family, hook, device].join(' ')
        hooks.set(key, [...(hooks.get(key) ?? []), priority as number])
      }
      for (const [key, priorities] of hooks) expect(priorities, key).toEqual(priorities.toSorted((a, b) => a - b))
    })
  })

  describe(`${image.title}, with two functions redirected`, () => {
    image.require()
    // The first hook of IPv4 is called in the initial namespace, which is the first of the list.
    const copy = patchedCopy(image, (kernel) => {
      const nets = kernel.symbol('net_namespace_list', 'struct list_head').walk(list('', 'struct net', 'list'))
      const entries = nets.select({ at: 'nf.hooks_ipv4[0]' }).column('at').bigint(0) ?? 0n
      const [first, second] = [0, 1].map((at) => word(kernel, entries, 'struct nf_hook_entries', `hooks[${at}].hook`))
      const elsewhere = kernel.address('init_task') ?? 0n
      if (first === undefined || second === undefined) throw new Error('there are no hooks')
      return [
        [first.at, first.value, entries],
        [second.at, second.value, elsewhere],
      ]
    })

    it('shows both, that without a symbol too, and what should be there', () => {
      const { rows } = table('netfilter', copy.path)
      const redirected = rows.filter((row) => row.redirected)
      expect(redirected).toHaveLength(2)
      expect(redirected).toMatchObject([
        { family: 'ip', hook: 'prerouting', position: 0, symbol: null, module: null },
        { family: 'ip', hook: 'prerouting', position: 1, symbol: 'init_task', module: 'kernel' },
      ])
      for (const row of redirected) expect(row.registered).not.toBe(row.address)
    })
  })
}
