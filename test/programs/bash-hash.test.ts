/** The table of hashed commands. */

import { describe, expect, it } from 'vitest'
import { readHashTable } from '../../dist/src/programs/bash-hash.js'
import { FakeMemory, VARIABLES } from './fake-memory.js'

const BUCKETS = 64
const ROOT = VARIABLES + 0x40n

/** FNV-1 of a name of ASCII. */
function hash(name: string): bigint {
  return [...name].reduce((sum, char) => ((sum * 16777619n) & 0xffff_ffffn) ^ BigInt(char.charCodeAt(0)), 2166136261n)
}

/** What a bash has hashed, and where its entries lie. */
function hashing(paths: Record<string, string>, flags = 0n): { memory: FakeMemory; entries: bigint[] } {
  const memory = new FakeMemory()
  memory.write('BASH_VERSINFO')
  const heads = Array.from({ length: BUCKETS }, () => 0n)
  const entries = Object.entries(paths).map(([name, path]) => {
    const bucket = Number(hash(name) % BigInt(BUCKETS))
    const data = memory.words(memory.write(path), flags)
    const at = memory.words(heads[bucket] ?? 0n, memory.write(name), data, hash(name) | (3n << 32n))
    heads[bucket] = at
    return at
  })
  memory.putWord(ROOT, memory.words(memory.words(...heads), BigInt(BUCKETS) | (BigInt(entries.length) << 32n)))
  return { memory, entries }
}

const PATHS = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`tool-${index}`, `/usr/bin/tool-${index}`]))

describe('a table', () => {
  it('has all that is in its buckets', () => {
    const table = readHashTable(hashing(PATHS).memory.program())
    expect(Object.fromEntries(table?.entries.map(({ name, path }) => [name, path]) ?? [])).toEqual(PATHS)
    expect(table?.entries.every(({ hits, relative }) => hits === 3 && !relative)).toBe(true)
    expect(table?.lost).toBe(0)
  })

  it('has a path that has not the name, as hash -p makes it', () => {
    const { memory } = hashing({ sudo: '/tmp/.x/evil' }, 1n)
    expect(readHashTable(memory.program())?.entries).toEqual([
      { name: 'sudo', path: '/tmp/.x/evil', hits: 3, relative: true },
    ])
  })

  it('says how many entries are lost', () => {
    const { memory, entries } = hashing(PATHS)
    memory.putWord((entries[40] ?? 0n) + 8n, 0n)
    const lost = readHashTable(memory.program())?.lost ?? 0
    expect(lost).toBeGreaterThan(0)
    expect(lost).toBeLessThan(50)
  })

  it('is none where what it holds are no paths, in a ring, or in no bash', () => {
    expect(readHashTable(hashing({ PATH: 'PATH' }).memory.program())).toBeNull()
    expect(readHashTable(hashing(PATHS, 64n).memory.program())).toBeNull()
    expect(readHashTable(new FakeMemory().program())).toBeNull()
    const { memory, entries } = hashing(PATHS)
    memory.putWord(entries[0] ?? 0n, entries[0] ?? 0n)
    expect(readHashTable(memory.program())?.entries.length).toBeLessThanOrEqual(50)
  })
})
