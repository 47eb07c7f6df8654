/** Histories in all the states that a shell may be in when its memory is taken. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readHistory } from '../../dist/src/programs/readline-history.js'
import { FakeMemory, VARIABLES } from './fake-memory.js'

const START = 1_700_000_000
const ROOT = VARIABLES + 0x40n

function entry(memory: FakeMemory, command: string, seconds: number): bigint {
  return memory.words(memory.write(command), memory.write(`#${seconds}`), 0n)
}

/** A program that remembers commands, a second apart. */
function remembering(commands: readonly string[]): { memory: FakeMemory; entries: bigint[]; list: bigint } {
  const memory = new FakeMemory()
  const entries = commands.map((command, index) => entry(memory, command, START + index))
  const list = memory.words(...entries, 0n)
  memory.putWord(ROOT, list)
  return { memory, entries, list }
}

const commandsOf = (memory: FakeMemory, shell = true) =>
  readHistory(memory.program(shell))?.entries.map(({ command }) => command)

const typed = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !text.includes('\0'))

describe('a history', () => {
  it('is what was typed, in its order, whatever it was', () => {
    fc.assert(
      fc.property(fc.array(typed, { minLength: 1, maxLength: 40 }), fc.boolean(), (commands, shell) => {
        expect(commandsOf(remembering(commands).memory, shell)).toEqual(commands)
      }),
      { numRuns: 30 },
    )
  })

  it('has the times', () => {
    const history = readHistory(remembering(['id', 'ls']).memory.program())
    expect(history?.entries.map(({ time }) => time)).toEqual([
      '2023-11-14T22:13:20.000000Z',
      '2023-11-14T22:13:21.000000Z',
    ])
    expect(history).toMatchObject({ doubt: null, more: 0 })
  })

  it('is not an older array, which has gone to a larger one', () => {
    const { memory, entries } = remembering(['id', 'ls', 'rm'])
    memory.putWord(ROOT + 8n, memory.words(...entries.slice(0, 2), 0n))
    expect(commandsOf(memory)).toEqual(['id', 'ls', 'rm'])
  })

  it('begins where the variable says, not where the array does', () => {
    const { memory, list } = remembering(['forgotten', 'id', 'ls'])
    memory.putWord(ROOT, list + 8n)
    memory.putWord(ROOT + 8n, list)
    expect(commandsOf(memory)).toEqual(['id', 'ls'])
  })

  it('has null for a command that is not in memory, and keeps its place', () => {
    const { memory, entries } = remembering(['id', 'ls', 'rm'])
    memory.putWord(entries[1] ?? 0n, VARIABLES + (1n << 30n))
    expect(commandsOf(memory)).toEqual(['id', null, 'rm'])
  })

  it('says where its list breaks off', () => {
    const { memory, list } = remembering(['id', 'ls', 'rm'])
    memory.putWord(list + 8n, 1n)
    expect(commandsOf(memory)).toEqual(['id'])
    expect(readHistory(memory.program())?.doubt).toBe('the list is broken off')
  })

  it('is what can be found where no variable leads to it, in a shell alone', () => {
    const { memory } = remembering(['id', 'ls'])
    memory.putWord(ROOT, 0n)
    expect(commandsOf(memory)).toEqual(['id', 'ls'])
    expect(readHistory(memory.program())?.doubt).toMatch(/^the list is not there/)
    expect(commandsOf(memory, false)).toBeUndefined()
  })

  it('ends, and throws nothing, whatever the words are', () => {
    const word = fc.oneof(
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.bigInt(0n, 4096n).map((at) => remembering([]).list + at),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.bigInt(0n, 800n), word), { maxLength: 20 }), (changes) => {
        const { memory, list } = remembering(['id', 'ls', 'rm', 'cat'])
        for (const [at, value] of changes) memory.putWord((list & ~0xfffn) + at * 8n, value)
        readHistory(memory.program())
      }),
      { numRuns: 50 },
    )
  })
})
