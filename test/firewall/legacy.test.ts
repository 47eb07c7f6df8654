/** Rules of iptables-legacy, from a table as the kernel keeps it. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entriesOf, extensionsOf, legacyRules } from '../../dist/src/firewall/legacy.js'
import type { XtTable } from '../../dist/src/kernel/xtables.js'

const STANDARD = 0xffff_ffff_8100_0000n
const ERROR = 0xffff_ffff_8100_0100n
const TCP = 0xffff_ffff_c000_0000n
const LOG = 0xffff_ffff_c000_0100n
const targets = new Map([
  [STANDARD, { name: '', revision: 0 }],
  [ERROR, { name: 'ERROR', revision: 0 }],
  [LOG, { name: 'LOG', revision: 0 }],
])
const matches = new Map([[TCP, { name: 'tcp', revision: 0 }]])

interface Made {
  header?: (bytes: Buffer) => void
  matches?: [extension: bigint, info: Buffer][]
  target: [extension: bigint, info: Buffer]
}

/** struct xt_entry_match and xt_entry_target. */
function extension([address, info]: [bigint, Buffer]): Buffer {
  const bytes = Buffer.alloc(32 + info.length)
  bytes.writeUInt16LE(bytes.length, 0)
  bytes.writeBigUInt64LE(address, 8)
  info.copy(bytes, 32)
  return bytes
}

/** struct ipt_entry. */
function entry({ header, matches = [], target }: Made): Buffer {
  const bytes = Buffer.alloc(112)
  header?.(bytes)
  const parts = [...matches.map(extension), extension(target)]
  const size = parts.reduce((sum, { length }) => sum + length, 112)
  bytes.writeUInt16LE(size - (parts.at(-1)?.length ?? 0), 88)
  bytes.writeUInt16LE(size, 90)
  return Buffer.concat([bytes, ...parts])
}

function verdict(value: number): Made['target'] {
  const info = Buffer.alloc(8)
  info.writeInt32LE(value)
  return [STANDARD, info]
}

function head(name: string): Made['target'] {
  const info = Buffer.alloc(32)
  info.write(name)
  return [ERROR, info]
}

const [DROP, ACCEPT, RETURN] = [-1, -2, -5]
const ssh = Buffer.from([0, 0, 0xff, 0xff, 22, 0, 22, 0, 0, 0, 0, 0, 0, 0, 0, 0])
const tcp = (bytes: Buffer) => bytes.writeUInt16LE(6, 80)

/** `eth+`, not from 10.0.0.0/8. */
function fromElsewhere(bytes: Buffer): void {
  bytes.set([10, 0, 0, 0], 0)
  bytes.set([255, 0, 0, 0], 8)
  bytes.write('eth+', 16)
  bytes.set([255, 255, 255], 48)
  bytes[83] = 8
}

function tableOf(made: Made[]): XtTable {
  const blob = Buffer.concat(made.map(entry))
  const base = { address: 1n, net_ns: 1, family: 'ip', name: 'filter', priority: 0, entries: 0n } as const
  return { ...base, hooks: 1 << 1, starts: [0, 0, 0, 0, 0], policies: [0, 0, 0, 0, 0], blob }
}

describe('a table of x_tables', () => {
  const log = Buffer.alloc(32)
  log.set([4, 0])
  log.write('in: ', 2)
  // Where the user's chain begins: behind two rules, the policy and its head.
  const sizes = [112 + 48 + 40, 112 + 64, 112 + 40, 112 + 64]
  const begin = sizes.reduce((sum, size) => sum + size)
  const made: Made[] = [
    { header: tcp, matches: [[TCP, ssh]], target: verdict(begin) },
    { target: [LOG, log] },
    { target: verdict(DROP) },
    { target: head('web') },
    { header: fromElsewhere, target: verdict(ACCEPT) },
    { target: verdict(RETURN) },
    { target: head('ERROR') },
  ]
  const policy = (sizes[0] ?? 0) + (sizes[1] ?? 0)
  const table = { ...tableOf(made), policies: [0, policy, 0, 0, 0] }

  it('is rules by chains, with policies', () => {
    const { entries, isWhole } = entriesOf(table.blob ?? Buffer.alloc(0), 'ip')
    expect(isWhole).toBe(true)
    expect(extensionsOf(entries, 'match')).toEqual([TCP])
    const rules = legacyRules(table, entries, matches, targets)
    expect(rules.map(({ text }) => text)).toEqual([
      '-A INPUT -p tcp -m tcp --dport 22 -j web',
      '-A INPUT -j LOG --log-prefix "in: "',
      '-A web ! -s 10.0.0.0/8 -i eth+ -j ACCEPT',
    ])
    expect(rules.map(({ policy, rule, isBuiltin }) => ({ policy, rule, isBuiltin }))).toEqual([
      { policy: 'drop', rule: 1, isBuiltin: true },
      { policy: 'drop', rule: 2, isBuiltin: true },
      { policy: null, rule: 1, isBuiltin: false },
    ])
  })

  it('is read as far as it holds entries', () => {
    const blob = Buffer.from(table.blob ?? [])
    blob.writeUInt16LE(0, (sizes[0] ?? 0) + 90)
    const { entries, isWhole } = entriesOf(blob, 'ip')
    expect({ entries: entries.length, isWhole }).toEqual({ entries: 1, isWhole: false })
  })

  it('gives rules, whatever it holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.constantFrom('ip', 'ip6'), fc.nat(), (noise, family, at) => {
        const blob = Buffer.from(table.blob ?? [])
        blob.set(noise.subarray(0, 3), at % (blob.length - 3))
        for (const bytes of [blob, noise]) {
          const { entries } = entriesOf(bytes, family)
          for (const { text } of legacyRules({ ...table, family }, entries, matches, targets))
            expect(text).toMatch(/^-A /)
        }
      }),
    )
  })
})
