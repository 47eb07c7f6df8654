/** Names of addresses against the guests' own /proc/kallsyms and /proc/iomem. */

import { describe, expect, it } from 'vitest'
import { samples, sharedImages, type TruthImage, table } from './images.js'

/** Listing sockets for the record loads these afterwards. */
const LATE = /_diag$/

function listed(image: TruthImage): Map<string, number> {
  return counted(
    image
      .text('raw/proc-kallsyms.txt')
      .trim()
      .split('\n')
      .map((line) => {
        const [address = '', type, name, module = ''] = line.split(/[ \t]/)
        return [BigInt(`0x${address}`), type, name, module.slice(1, -1)].join(' ')
      }),
  )
}

function counted(lines: readonly string[]): Map<string, number> {
  const times = new Map<string, number>()
  for (const line of lines) times.set(line, (times.get(line) ?? 0) + 1)
  return times
}

describe.each(sharedImages())('$title', (image) => {
  image.require()

  it('has every line of /proc/kallsyms as often as it is there, and no other', () => {
    const { rows, warnings } = table('kernel-symbols', image.as('elf'))
    const wanted = listed(image)
    const late = rows.filter(({ module }) => LATE.test(String(module)))
    const found = counted(rows.filter((row) => !late.includes(row) || wanted.has(key(row))).map(key))
    expect(wanted.size).toBeGreaterThan(90_000)
    const differences = [...new Set([...wanted.keys(), ...found.keys()])].filter(
      (line) => wanted.get(line) !== found.get(line),
    )
    expect(differences).toEqual([])
    expect(warnings).toEqual([])
  })
})

function key({ address, type, name, module }: Record<string, unknown>): string {
  return [BigInt(address as string), type, name, module ?? ''].join(' ')
}

/** Samples that were made when this table was there have the whole file, others a line of it. */
const mapped = samples().filter((image) => image.has('raw/proc-modules.txt'))

describe.each([...mapped, ...sharedImages()])('$title', (image) => {
  image.require()

  it('has every line of /proc/iomem in its order', () => {
    const { rows, warnings } = table('io-memory', image.as(image.formats[0] ?? 'lime'))
    const lines = image.text('raw/proc-iomem.txt').trimEnd().split('\n')
    expect(lines.length).toBeGreaterThan(20)
    expect(
      rows.map(({ start, end, name, depth }) => {
        const digits = (value: unknown) =>
          BigInt(value as string)
            .toString(16)
            .padStart(8, '0')
        return `${'  '.repeat(depth as number)}${digits(start)}-${digits(end)} : ${name}`
      }),
    ).toEqual(lines)
    expect(warnings).toEqual([])
  })
})
