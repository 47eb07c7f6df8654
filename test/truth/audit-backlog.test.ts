/** Audit records that nobody has read. The guests kept none: copies of their memory are given some. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { auditRecord } from '../../dist/src/kernel/audit.js'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { partialTable, sharedImages, table } from './images.js'
import { type Patch, patchedCopy, Scratch, word } from './patched.js'

/** A netlink message as the kernel makes it of a record. */
function message(type: number, text: string, length?: number): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(length ?? 16 + Buffer.byteLength(text), 0)
  header.writeUInt16LE(type, 4)
  return Buffer.concat([header, Buffer.from(text)])
}

const EXECVE = 'audit(1795438397.436:17): argc=2 a0="cat" a1="/etc/shadow"'
const SYSCALL =
  'audit(1795438397.436:17): arch=c000003e syscall=59 success=yes ppid=7 pid=4711 auid=0 comm="cat" exe="/bin/cat"'
const HELD = [message(1309, EXECVE), message(1300, SYSCALL)]
const WAITING = [message(1199, 'said without a stamp'), message(1300, SYSCALL, 4)]

/** Buffers in a queue, from an address on: 512 bytes for each, then 512 for what it holds. */
function enqueue(kernel: Kernel, scratch: Scratch, at: bigint, symbol: string, messages: Buffer[]): Patch[] {
  const head = kernel.address(symbol) ?? 0n
  const buffers = messages.map((_, index) => at + BigInt(index * 1024))
  for (const [index, content] of messages.entries()) {
    const buffer = buffers[index] ?? 0n
    const member = (path: string) => word(kernel, buffer, 'struct sk_buff', path).at
    scratch.put(buffer, 8, buffers[index + 1] ?? head)
    scratch.put(buffer + 8n, 8, buffers[index - 1] ?? head)
    scratch.put(member('head'), 8, buffer + 512n)
    scratch.put(member('data'), 8, buffer + 512n)
    scratch.put(member('len'), 4, content.length)
    scratch.write(buffer + 512n, content)
  }
  // sk_buff_head: next at 0, prev at 8; an empty one leads to itself.
  return [
    [head, head, buffers[0] ?? head],
    [head + 8n, head, buffers.at(-1) ?? head],
  ]
}

function backlog(kernel: Kernel): Patch[] {
  const base = ((kernel.address('__log_buf') ?? 0n) + 4095n) & ~4095n
  const scratch = new Scratch(kernel, base, 4096)
  const queues = [
    ...enqueue(kernel, scratch, base, 'audit_hold_queue', HELD),
    ...enqueue(kernel, scratch, base + 2048n, 'audit_queue', WAITING),
  ]
  return [...scratch.patches(), ...queues]
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()
    const kept = patchedCopy(image, backlog)

    it('has none where each was sent, or only said in the log', () => {
      const { rows, warnings } = table('audit-backlog', image.as('elf'))
      expect(image.text('raw/dmesg.txt')).toMatch(/audit: type=/)
      expect(rows).toEqual([])
      expect(warnings).toEqual([])
    })

    it('has those of each queue, and says which buffer is no record', () => {
      const { rows, warnings } = partialTable('audit-backlog', kept.path)
      const event = { queue: 'held', serial: 17, time: '2026-11-23T12:53:17.436000Z' }
      expect(rows).toEqual([
        expect.objectContaining({
          ...{ queue: 'waiting', serial: null, time: null, type: 1199, type_name: '1199', pid: null },
          text: 'said without a stamp',
        }),
        expect.objectContaining({
          ...event,
          ...{ type: 1309, type_name: 'EXECVE', pid: null, text: 'argc=2 a0="cat" a1="/etc/shadow"' },
        }),
        expect.objectContaining({
          ...event,
          ...{ type: 1300, type_name: 'SYSCALL', pid: 4711, text: SYSCALL.slice(SYSCALL.indexOf('arch')) },
        }),
      ])
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toMatchObject({ code: 'torn' })
    })
  })
}

describe('auditRecord', () => {
  it('gives back what a stamp and a text were', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((text) => !text.endsWith('\0') && !text.startsWith(' '))
    const numbers = fc.record({ type: fc.nat(65535), milliseconds: fc.nat(4e12), serial: fc.nat(2 ** 32 - 1) })
    fc.assert(
      fc.property(numbers, text, ({ type, milliseconds, serial }, text) => {
        const seconds = `${Math.floor(milliseconds / 1000)}.${String(milliseconds % 1000).padStart(3, '0')}`
        const read = auditRecord(message(type, `audit(${seconds}:${serial}): ${text}`))
        expect(read).toEqual({ type, milliseconds, serial, text })
      }),
    )
  })

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(auditRecord(bytes)?.text ?? '').toBeTypeOf('string')
      }),
    )
  })
})
