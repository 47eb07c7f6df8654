/** The kernel's log against dmesg of the guests themselves, record by record. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { textOf } from '../../dist/src/kernel/printk.js'
import { armSamples, samples, sharedImages, table } from './images.js'

/** dmesg pads the further lines of a record. */
function plain(text: unknown): string[] {
  return String(text)
    .split('\n')
    .map((line) => line.trim())
}

/** What dmesg printed: seconds and text of each record. */
function recorded(text: string): { seconds: string; text: string }[] {
  const records: { seconds: string; text: string }[] = []
  for (const line of text.trimEnd().split('\n')) {
    const [, seconds, said = ''] = /^\[ *(\d+\.\d{6})\] ?(.*)$/.exec(line) ?? []
    const last = records.at(-1)
    if (seconds !== undefined) records.push({ seconds, text: said })
    else if (last) last.text += `\n${line}`
  }
  return records
}

/** Samples that were made when this table was there. */
const images = [...armSamples(), ...samples().filter((image) => image.has('raw/dmesg.txt')), ...sharedImages()]

describe.each(images)('$title', (image) => {
  image.require()

  it('has every record that dmesg had, in its order, and then only later ones', () => {
    const { rows, warnings } = table('kernel-log', image.as(image.formats[0] ?? 'lime'))
    const records = recorded(image.text('raw/dmesg.txt'))
    expect(records.length).toBeGreaterThan(image.isSmall ? 350 : 400)
    const own = rows.slice(0, records.length)
    expect(own.map(({ seconds, text }) => [seconds, plain(text)])).toEqual(
      records.map(({ seconds, text }) => [seconds, plain(text)]),
    )
    expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, index) => index))
    const last = Number(records.at(-1)?.seconds)
    expect(rows.slice(records.length).every(({ seconds }) => Number(seconds) >= last)).toBe(true)
    expect(warnings).toEqual([])
  })

  it('dates records from the boot on, and names levels and facilities', () => {
    const { rows } = table('kernel-log', image.as(image.formats[0] ?? 'lime'))
    const { btime } = image.truth<{ btime: number }>('host.json')
    const off = rows.map(({ time, seconds }) => Date.parse(time as string) / 1000 - btime - Number(seconds))
    expect(Math.max(...off.map(Math.abs))).toBeLessThan(1.1)
    // The first of arm64 names the processor, and the banner comes next.
    const banner = rows.find(({ text }) => String(text).startsWith('Linux version '))
    expect(banner).toMatchObject({ level: 'notice', facility: 'kern', caller: 'T0' })
    expect(new Set(rows.map(({ facility }) => facility))).toContain('daemon')
    expect(rows.some(({ device }) => /^pci:/.test(String(device)))).toBe(true)
  })
})

const SIZE = 256
const HEADER = 8

/** A ring of bytes in which a record's block begins at a place, as the kernel would write it (data_alloc). */
function written(place: bigint, text: Uint8Array, number: bigint) {
  const ring = new Uint8Array(SIZE)
  const room = BigInt(Math.ceil((HEADER + text.length) / 8) * 8)
  const isWhole = place % 256n <= 256n - room
  const next = isWhole ? place + room : (place / 256n + 1n) * 256n + room
  const at = isWhole ? Number(place % 256n) : 0
  new DataView(ring.buffer).setBigUint64(at, number, true)
  ring.set(text, at + HEADER)
  const bytes = { at: (from: number, length: number) => ring.slice(from, from + length) }
  return { bytes, block: { number, begin: place, next, size: SIZE, length: text.length } }
}

describe('text of a record', () => {
  const texts = fc
    .string({ minLength: 1, maxLength: 60, unit: 'grapheme' })
    .map((text) => new TextEncoder().encode(text))
  const places = fc.bigInt({ min: 0n, max: (1n << 40n) / 8n }).map((place) => place * 8n)
  const numbers = fc.bigInt({ min: 0n, max: (1n << 62n) - 1n })

  it('is read wherever its block lies, over the end of the ring too', () => {
    fc.assert(
      fc.property(places, texts, numbers, (place, text, number) => {
        fc.pre(HEADER + text.length <= SIZE)
        const { bytes, block } = written(place, text, number)
        expect(textOf(bytes, block)).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(text))
        expect(textOf(bytes, { ...block, number: number ^ 1n })).toBeNull()
      }),
    )
  })

  it('is nothing that a damaged descriptor could be made to give', () => {
    const word = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n })
    fc.assert(
      fc.property(word, word, fc.nat(0xffff), (begin, next, length) => {
        const asked: number[] = []
        const bytes = {
          at: (from: number, count: number) => {
            asked.push(from, from + count)
            return null
          },
        }
        const text = textOf(bytes, { number: 7n, begin, next, size: SIZE, length })
        expect(text).toBe(begin === 3n && next === 3n ? '' : null)
        expect(asked.every((place) => place >= 0 && place <= SIZE)).toBe(true)
      }),
    )
  })
})
