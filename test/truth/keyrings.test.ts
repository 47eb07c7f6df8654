/** Keys against /proc/keys of the guests themselves. */

import { describe, expect, it } from 'vitest'
import { samples, sharedImages, table } from './images.js'

/** Sessions that came and went with the recorder, and keys that were being collected. */
const SESSION = /^(_ses|invocation_id)/
const GONE = /[RDN]/

/** A line of /proc/keys. */
function wanted(line: string): Record<string, unknown> {
  const [serial = '', flags, , timeout, permissions, uid, gid, type, ...rest] = line.trim().split(/\s+/)
  return {
    serial: Number.parseInt(serial, 16),
    flags,
    permissions,
    uid: Number(uid),
    gid: Number(gid) === 65534 ? 0xffffffff : Number(gid),
    type,
    forever: timeout === 'perm',
    text: rest.join(' '),
  }
}

/** Samples that were made when this table was there. */
const images = [...samples().filter((image) => image.has('raw/proc-keys.txt')), ...sharedImages()]

describe.each(images)('$title', (image) => {
  image.require()

  it('has every key that /proc/keys had', () => {
    const { rows, warnings } = table('keyrings', image.as(image.formats[0] ?? 'lime'))
    const found = new Map(rows.map((row) => [row.serial, row]))
    const lines = image.text('raw/proc-keys.txt').trim().split('\n').map(wanted)
    const lasting = lines.filter(({ flags, text }) => !GONE.test(String(flags)) && !SESSION.test(String(text)))
    expect(lasting.length).toBeGreaterThan(8)
    for (const { serial, permissions, uid, type, forever, text } of lasting) {
      const row = found.get(serial)
      expect(row, `key ${serial}`).toMatchObject({
        serial,
        permissions,
        uid,
        expires: forever ? null : expect.anything(),
      })
      expect(String(row?.type).slice(0, 9)).toBe(type)
      expect(`${text}:`.startsWith(`${row?.description}:`), `${row?.description} for ${text}`).toBe(true)
    }
    const sessions = lines.filter(({ text }) => SESSION.test(String(text)))
    expect(sessions.filter(({ serial }) => !found.has(serial)).length).toBeLessThan(3)
    expect(warnings).toEqual([])
  })

  it('shows what a program gave the kernel to keep only if asked', () => {
    const path = image.as(image.formats[0] ?? 'lime')
    const payloads = (...options: string[]) => {
      const { rows } = table('keyrings', path, ...options)
      return rows.filter(({ type }) => type === 'user' || type === 'logon').map(({ payload }) => payload)
    }
    const [masked, shown] = [payloads(), payloads('--reveal')]
    expect(masked.length).toBeGreaterThan(5)
    expect(masked.every((payload) => /^\d+ bytes, masked$/.test(String(payload)))).toBe(true)
    expect(shown.every((payload) => /^[0-9a-f]+$/.test(String(payload)))).toBe(true)
    expect(shown.map((payload) => `${String(payload).length / 2} bytes, masked`)).toEqual(masked)
  })
})
