/** Sets of ipset, rules that ask for them, hooked programs and a screen, against what the guest said (scripts/features). */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode } from 'fast-png'
import { describe, expect, it } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { table } from './images.js'

const image = sampleImage('features-debian12')
const lines = (name: string) =>
  readFileSync(join(import.meta.dirname, '../samples/features-debian12/truth', `${name}.txt`), 'utf8')
    .trim()
    .split('\n')

/** A line of `ipset save` after its first word: what it is of, and the rest. */
const saved = (verb: string) =>
  lines('ipset').flatMap((line) => {
    const [, set = '', what = '', more = ''] = /^\S+ (\S+) (\S+) ?(.*)$/.exec(line) ?? []
    return line.startsWith(`${verb} `) ? [{ set, what, more }] : []
  })
const numberIn = (more: string, name: string) => {
  const found = new RegExp(`\\b${name} (\\d+)`).exec(more)
  return found === null ? null : Number(found[1])
}

/** The tool names what ICMP asks, and writes hardware addresses in capitals. */
const entryText = (text: string) => text.replace('echo-request', '8/0').toLowerCase()

describe('sets of ipset', () => {
  const { rows, warnings } = table('ipset', image)
  const entries = rows.filter(({ entry }) => entry !== null)
  const sorted = <T>(rows: T[]) => rows.map((row) => JSON.stringify(row)).sort()

  it('are those that the guest had', () => {
    const types = new Map(rows.map(({ set, type }) => [set, type]))
    expect(types).toEqual(new Map(saved('create').map(({ set, what }) => [set, what])))
    expect(types.size).toBeGreaterThan(20)
    expect(rows.filter(({ entry }) => entry === null).map(({ set }) => set)).toEqual(['empty', 'marks'])
    expect(warnings).toEqual([])
  })

  it('have the entries that the guest had, no other, with what is kept beside each', () => {
    const told = saved('add').map(({ set, what, more }) => [
      ...[set, entryText(what), more.includes('nomatch'), /comment "(.*)"/.exec(more)?.[1] ?? null],
      ...[numberIn(more, 'packets'), numberIn(more, 'bytes')],
    ])
    const found = entries.map(({ set, entry, nomatch, comment, packets, bytes }) => [
      ...[set, String(entry), nomatch, comment, packets, bytes],
    ])
    expect(sorted(found)).toEqual(sorted(told))
    expect(found.length).toBeGreaterThan(300)
  })

  it('end when the guest said, some seconds later', () => {
    const ending = saved('add').filter(({ more }) => more.includes('timeout'))
    expect(ending.length).toBe(2)
    for (const { what, more } of ending) {
      const left = Number(entries.find(({ entry }) => entry === entryText(what))?.seconds_left)
      const said = numberIn(more, 'timeout') ?? 0
      expect(left).toBeLessThanOrEqual(said)
      expect(left).toBeGreaterThan(said - 60)
    }
    expect(entries.filter(({ seconds_left }) => seconds_left !== null).length).toBe(ending.length)
  })

  it('are named by the rules that ask for them', () => {
    const { rows } = table('firewall', image)
    const rules = lines('iptables').filter((line) => line.startsWith('-A'))
    expect(rows.map(({ text }) => text).sort()).toEqual(rules.sort())
    expect(rules.length).toBe(7)
  })
})

describe('imported functions', () => {
  const { rows, warnings } = table('import-hooks', image)
  const said = lines('hooked').map((line) => line.split(' '))

  it('lead where the program that hooked them says, and no others lead elsewhere', () => {
    const found = rows.map((row) => [row.function, row.reason, row.target])
    expect(found.sort()).toEqual(said.map(([name, reason, target]) => [name, reason, target]).sort())
    expect(rows.every(({ comm, library }) => comm === 'hooked' && library === '/bin/hooked')).toBe(true)
    expect(warnings.filter(({ code }) => code !== 'absent')).toEqual([])
  })

  it('are told with what is there and where they would lead', () => {
    const paths = Object.fromEntries(rows.map((row) => [row.reason, [row.target_path, row.expected]]))
    expect(paths).toEqual({
      anonymous: [null, '/lib/x86_64-linux-gnu/libc.so.6'],
      unlisted: ['/lib/libunlisted.so', '/lib/x86_64-linux-gnu/libc.so.6'],
      elsewhere: ['/lib/x86_64-linux-gnu/libc.so.6', null],
      preloaded: ['/lib/libpreloaded.so', '/lib/x86_64-linux-gnu/libc.so.6'],
    })
  })
})

/** Of an ELF file of 64 bits: sections, and symbols with the name of the section that each is in. */
function readElf(file: Buffer) {
  const text = (at: number) => file.toString('utf8', at, file.indexOf(0, at))
  const [table, count, names] = [Number(file.readBigUInt64LE(40)), file.readUInt16LE(60), file.readUInt16LE(62)]
  const headers = Array.from({ length: count }, (_, index) => {
    const at = table + index * 64
    const word = (from: number) => file.readBigUInt64LE(at + from)
    return { name: file.readUInt32LE(at), address: word(16), offset: Number(word(24)), size: Number(word(32)) }
  })
  const sections = headers.map((header) => ({ ...header, name: text((headers[names]?.offset ?? 0) + header.name) }))
  const offsetOf = (name: string) => sections.find((section) => section.name === name)?.offset ?? 0
  const symbols = sections.flatMap(({ name, offset, size }) =>
    name !== '.symtab'
      ? []
      : Array.from({ length: size / 24 - 1 }, (_, index) => {
          const at = offset + (index + 1) * 24
          const section = sections[file.readUInt16LE(at + 6)]?.name
          return {
            name: text(offsetOf('.strtab') + file.readUInt32LE(at)),
            section,
            value: file.readBigUInt64LE(at + 8),
          }
        }),
  )
  return { sections, symbols }
}

describe('a module', () => {
  const folder = mkdtempSync(join(tmpdir(), 'salvor-module-'))
  const { rows } = table('module-dump', image, '--module', 'dummy', '--output-dir', folder)
  const [row] = rows as { file: { file: string }; missing: number }[]
  const file = readFileSync(join(folder, row?.file.file ?? ''))
  rmSync(folder, { recursive: true })
  const { sections, symbols } = readElf(file)

  it('is written with the sections that the guest had, where they lie', () => {
    const said = lines('sections').map((line) => line.split(' ') as [string, string])
    // What was only for the start is gone, and the table of symbols with it: the kernel keeps another.
    const kept = said.filter(([name]) => !/^\.init|^\.(sym|str)tab$/.test(name))
    const found = sections.filter(({ address }) => address !== 0n)
    expect(found.map(({ name, address }) => [name, `0x${address.toString(16)}`]).sort()).toEqual(kept.sort())
    expect(kept.length).toBeGreaterThan(15)
    expect(row?.missing).toBe(0)
  })

  it('is written with the symbols that the guest had, each in its section', () => {
    const said = lines('symbols').map((line) => line.split(/\s+/))
    const found = symbols.map(({ name, value }) => [value.toString(16), name])
    expect(found.sort()).toEqual(said.map(([at, , name]) => [at, name]).sort())
    const start = symbols.find(({ name }) => name === 'dummy_xmit')
    const text = sections.find(({ name }) => name === '.text')
    expect(start?.section).toBe('.text')
    // What every function begins with that can be traced: a call that is a nop as long as nobody does.
    const at = (text?.offset ?? 0) + Number((start?.value ?? 0n) - (text?.address ?? 0n))
    expect(file.subarray(at, at + 5).toString('hex')).toBe('0f1f440000')
  })
})

describe('a screen', () => {
  const [name, size = '', stride] = lines('screen')
  const [width = 0, height = 0] = size.split(',').map(Number)

  it('is that of the guest', () => {
    const { rows, warnings } = table('framebuffers', image)
    expect(rows).toMatchObject([{ device: 'fb0', id: name, width, height, stride: Number(stride), no_picture: null }])
    expect(warnings).toEqual([])
  })

  it('shows what was written there, to the pixel, and nothing where nothing was', () => {
    const folder = mkdtempSync(join(tmpdir(), 'salvor-screen-'))
    try {
      const { rows } = table('framebuffer-dump', image, '--output-dir', folder)
      expect(rows).toMatchObject([{ missing: 0, reason: null }])
      const picture = decode(readFileSync(join(folder, 'fb0.png')))
      expect([picture.width, picture.height]).toEqual([width, height])
      const pixel = (at: number) => [...picture.data.subarray(at * 4, at * 4 + 4)]
      // As init.sh wrote it, blue first: ten lines from the 200th on.
      const written = Buffer.alloc(10 * width * 4, 'salvor\n')
      for (let at = 0; at < 10 * width; at++) {
        const [blue, green, red] = written.subarray(at * 4, at * 4 + 3)
        expect(pixel(200 * width + at)).toEqual([red, green, blue, 255])
      }
      const below = Array.from({ length: width }, (_, column) => pixel(211 * width + column))
      expect(new Set(below.map(String))).toEqual(new Set(['0,0,0,255']))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

it('a host without any hierarchy of cgroups is not called torn for it', () => {
  const { rows, warnings } = table('cgroups', image)
  expect(rows).toEqual([])
  expect(warnings).toEqual([])
})
