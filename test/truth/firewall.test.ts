/** Rules against what the guests' own iptables-save said, word for word. */

import { describe, expect, it } from 'vitest'
import { sharedImage, sharedImages, type TruthImage, table } from './images.js'

/** Rules of iptables-save by table and chain, in their order, and the chains' policies. */
function saved(image: TruthImage): { rules: Map<string, string[]>; policies: Map<string, string> } {
  const rules = new Map<string, string[]>()
  const policies = new Map<string, string>()
  let current = ''
  for (const line of image.text('raw/iptables.txt').split('\n')) {
    const [, chain = '', policy = ''] = /^:(\S+) (ACCEPT|DROP) /.exec(line) ?? []
    if (line.startsWith('*')) current = line.slice(1)
    if (chain !== '') policies.set(`${current} ${chain}`, policy.toLowerCase())
    if (!line.startsWith('-A')) continue
    const key = `${current} ${line.split(' ')[1]}`
    rules.set(key, [...(rules.get(key) ?? []), line])
  }
  return { rules, policies }
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has every rule of the host word for word, in order, and no other', () => {
      const { rows } = table('firewall', image.as('elf'))
      const host = Number(image.processes().find(({ pid }) => pid === 1)?.ns.net)
      const { rules, policies } = saved(image)
      const found = new Map<string, unknown[]>()
      for (const { net_ns, family, table, chain, text, hook, policy, syntax } of rows) {
        if (net_ns !== host || family !== 'ip') continue
        const key = `${table} ${chain}`
        found.set(key, [...(found.get(key) ?? []), text])
        expect({ syntax, policy }, key).toEqual({ syntax: 'iptables', policy: policies.get(key) ?? null })
        expect(hook, key).toBe(policies.has(key) ? String(chain).toLowerCase() : null)
      }
      expect([...rules.values()].flat().length).toBeGreaterThan(20)
      expect(found).toEqual(rules)
    })

    it('numbers rules from 1 on in each chain, and counts what they matched', () => {
      const { rows } = table('firewall', image.as('elf'))
      const numbers = new Map<string, unknown[]>()
      for (const { net_ns, family, table, chain, rule } of rows) {
        const key = [net_ns, family, table, chain].join(' ')
        numbers.set(key, [...(numbers.get(key) ?? []), rule])
      }
      for (const [key, rules] of numbers) expect(rules, key).toEqual(rules.map((_, at) => at + 1))
      for (const { packets, bytes } of rows) expect(Number(bytes)).toBeGreaterThanOrEqual(20 * Number(packets))
      expect(rows.some(({ packets }) => Number(packets) > 0)).toBe(true)
    })
  })
}

const docker = sharedImage('docker-debian12')
describe(`${docker.title}, in containers`, () => {
  docker.require()

  it('has the rules by which Docker answers for names', () => {
    const { rows } = table('firewall', docker.as('elf'), '--container', 'shop-web-1')
    const rules = rows.map(({ text }) => String(text).replace(/:\d{5}$|--sport \d{5}/, '…'))
    expect(rules.sort()).toEqual([
      '-A DOCKER_OUTPUT -d 127.0.0.11/32 -p tcp -m tcp --dport 53 -j DNAT --to-destination 127.0.0.11…',
      '-A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11…',
      '-A DOCKER_POSTROUTING -s 127.0.0.11/32 -p tcp -m tcp … -j SNAT --to-source :53',
      '-A DOCKER_POSTROUTING -s 127.0.0.11/32 -p udp -m udp … -j SNAT --to-source :53',
      '-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT',
      '-A POSTROUTING -d 127.0.0.11/32 -j DOCKER_POSTROUTING',
    ])
  })
})
