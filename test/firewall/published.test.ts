/** Ports through chains, from rules that lie. */

import { describe, expect, it } from 'vitest'
import { type Published, publishedBy } from '../../dist/src/firewall/published.js'
import type { FirewallRule } from '../../dist/src/firewall/rules.js'

const nothing = { protocol: 'tcp', destination: null, port: null, to: null, comment: null }

function rule(chain: string, target: string, translation: Partial<FirewallRule['translation']> = {}): FirewallRule {
  const place = {
    address: 1n,
    net_ns: 1,
    family: 'ip',
    table: 'nat',
    hook: null,
    priority: null,
    policy: null,
    rule: 1,
  }
  const rest = { handle: null, text: '', packets: null, bytes: null, syntax: 'iptables', backend: 'nf_tables' }
  return { ...place, ...rest, chain, target, translation: { ...nothing, ...translation } }
}

const ends = (rules: FirewallRule[]) =>
  publishedBy(rules).map(({ port, last_port, target, target_port }: Published) => [
    port,
    last_port,
    target,
    target_port,
  ])

describe('published ports', () => {
  it('are followed through chains, and end where chains lead back', () => {
    const rules = [
      rule('SERVICES', 'SVC', { port: '80', destination: '10.0.0.1/32' }),
      rule('SVC', 'SEP', {}),
      rule('SEP', 'DNAT', { to: '10.1.0.2:8080' }),
      rule('SEP', 'SVC', {}),
    ]
    expect(ends(rules)).toEqual([[80, 80, '10.1.0.2', 8080]])
  })

  it('may be ranges, of IPv6, or without a port of the target', () => {
    expect(ends([rule('A', 'DNAT', { port: '80:90', to: '10.1.0.2' })])).toEqual([[80, 90, '10.1.0.2', null]])
    expect(ends([rule('A', 'DNAT', { port: '80', to: '[fd00::2]:81' })])).toEqual([[80, 80, 'fd00::2', 81]])
    expect(ends([rule('A', 'DNAT', { port: '80', to: 'fd00::2' })])).toEqual([[80, 80, 'fd00::2', null]])
  })

  it('are none of loopback, and none without a port', () => {
    expect(ends([rule('A', 'DNAT', { port: '53', destination: '127.0.0.11/32', to: '127.0.0.11:4444' })])).toEqual([])
    expect(ends([rule('A', 'DNAT', { to: '10.0.0.1' })])).toEqual([])
  })
})
