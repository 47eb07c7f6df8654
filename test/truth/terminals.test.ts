/** Terminals against the sessions that the guests recorded, and against what was typed there. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inputOf } from '../../dist/src/kernel/terminals.js'
import { sharedImages, type TruthProcess, table } from './images.js'

interface Session extends TruthProcess {
  tty_nr: number
  session: number
}

/** What a device number is called: majors of pseudo-terminals begin at 136, consoles and serial lines share 4. */
function nameOf(device: number): string {
  const [major, minor] = [(device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00)]
  if (major >= 136) return `pts${(major - 136) * 256 + minor}`
  return minor >= 64 ? `ttyS${minor - 64}` : `tty${minor}`
}

describe.each(sharedImages())('$title', (image) => {
  image.require()

  it('has the terminal of every session, with its leader', () => {
    const { rows } = table('terminals', image.as('elf'))
    const sessions = (image.processes() as Session[]).filter(({ tty_nr }) => tty_nr !== 0)
    expect(new Set(sessions.map(({ session }) => session)).size).toBeGreaterThan(3)
    for (const { pid, tty_nr, session } of sessions) {
      const own = rows.filter((row) => row.session === session && row.pid === session)
      expect(
        own.map(({ name }) => name),
        `pid ${pid}`,
      ).toEqual([nameOf(tty_nr)])
    }
    expect(new Set(rows.map(({ address }) => address)).size).toBe(rows.length)
  })

  it('keeps what was typed in the planted sessions', () => {
    const { rows } = table('terminals', image.as('elf'))
    const kept = rows.filter(({ driver }) => driver === 'pts').map(({ read, unread }) => `${read}${unread}`)
    const planted = image.truth<{ name: string; typed?: string | string[] }[]>('planted.json')
    const typed = planted.flatMap(({ typed }) => (typed === undefined ? [] : [typed].flat()))
    expect(typed.length).toBeGreaterThan(2)
    const lines = typed.flatMap((line) => line.split(';')).map((line) => line.trim())
    const found = lines.filter((line) => kept.some((text) => text.includes(line)))
    expect(found).toEqual(lines)
  })
})

describe('what was typed', () => {
  it('is told apart from what was read before it, wherever the ring is', () => {
    const text = fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => bytes.map((byte) => byte | 1))
    fc.assert(
      fc.property(text, text, fc.nat(300), (before, after, start) => {
        const size = 128
        const buffer = new Uint8Array(size)
        const place = (bytes: Uint8Array, from: number) =>
          bytes.forEach((byte, at) => {
            buffer[(from + at) % size] = byte
          })
        place(before, start)
        place(after, start + before.length)
        const [tail, head] = [start + before.length, start + before.length + after.length]
        const { read, unread } = inputOf(buffer, BigInt(head), BigInt(tail))
        expect([...unread]).toEqual([...after])
        expect([...read].slice(-before.length)).toEqual([...before])
      }),
    )
  })

  it('is within the ring whatever damaged places say', () => {
    const word = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n })
    fc.assert(
      fc.property(word, word, (head, tail) => {
        const { read, unread } = inputOf(new Uint8Array(64).fill(7), head, tail)
        expect(read.length + unread.length).toBe(64)
      }),
    )
  })
})
