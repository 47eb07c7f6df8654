/** Histories of shells that have no readline, as these lay them out. */

import { describe, expect, it } from 'vitest'
import { readAshHistory } from '../../dist/src/programs/ash-history.js'
import { readZshHistory } from '../../dist/src/programs/zsh-history.js'
import { FakeMemory, VARIABLES } from './fake-memory.js'

const ROOT = VARIABLES + 0x40n
const COMMANDS = ['id', 'echo one two', 'ls -la | head']

describe("busybox's shells", () => {
  /** `line_input_t` of a shell: with pointers that newer ones have, and with or without what is for saving. */
  function remembering(pointers: number, saving: boolean, timeout = 0xffff_ffffn): FakeMemory {
    const memory = new FakeMemory()
    const lines = COMMANDS.map((command) => memory.write(command))
    const count = BigInt(lines.length)
    const head = [7n | (timeout << 32n), memory.write('/bin'), ...Array.from({ length: pointers }, () => 0n)]
    const counts = [count | (count << 32n), 256n, ...(saving ? [0n] : [])]
    memory.putWord(ROOT, memory.words(...head, ...counts, ...lines, 0n, 0n, 0n, 0n))
    return memory
  }

  it.each<[number, boolean]>([
    [0, false],
    [0, true],
    [1, false],
    [1, true],
    [2, true],
  ])('remember with %i pointers more, saving: %s', (pointers, saving) => {
    const history = readAshHistory(remembering(pointers, saving).program())
    expect(history?.entries).toEqual(COMMANDS.map((command) => ({ command, time: null })))
  })

  it('are none where something else reads lines, or no shell does', () => {
    expect(readAshHistory(remembering(0, true, 30n).program())).toBeNull()
    expect(readAshHistory(remembering(0, true).program(false))).toBeNull()
    expect(readAshHistory(new FakeMemory().program())).toBeNull()
  })
})

describe('zsh', () => {
  /** A ring of entries, the last of which is the line that is being typed. */
  function remembering(commands: readonly (string | Uint8Array)[]): { memory: FakeMemory; entries: bigint[] } {
    const memory = new FakeMemory()
    const entries = [...commands, ''].map((command, index) => {
      const [line, number] = [memory.write(command), BigInt(index + 1)]
      return memory.words(0n, line, 0n, 0n, 0n, 0n, 1_700_000_000n + number, 0n, 0n, 0n, number)
    })
    for (const [index, entry] of entries.entries()) {
      memory.putWord(entry + 24n, entries.at(index - 1) ?? 0n)
      memory.putWord(entry + 32n, entries[(index + 1) % entries.length] ?? 0n)
    }
    memory.putWord(ROOT, entries.at(-1) ?? 0n)
    return { memory, entries }
  }

  it('remembers commands with their times, oldest first', () => {
    const { memory } = remembering(COMMANDS)
    const history = readZshHistory(memory.program())
    expect(history?.entries.map(({ command }) => command)).toEqual(COMMANDS)
    expect(history?.entries[0]?.time).toBe('2023-11-14T22:13:21.000000Z')
  })

  it('has bytes as they were before it changed them', () => {
    // The third byte of this character is one that zsh writes in another way.
    const { memory } = remembering([Buffer.from([0xe2, 0x80, 0x83, 0x98 ^ 32])])
    expect(readZshHistory(memory.program())?.entries[0]?.command).toBe('\u2018')
  })

  it('is none where the ring is not closed, in no order, or of no shell', () => {
    const { memory, entries } = remembering(COMMANDS)
    expect(readZshHistory(memory.program(false))).toBeNull()
    memory.putWord((entries[1] ?? 0n) + 32n, 0n)
    expect(readZshHistory(memory.program())).toBeNull()
    const other = remembering(COMMANDS)
    other.memory.putWord((other.entries[0] ?? 0n) + 80n, 99n)
    expect(readZshHistory(other.memory.program())).toBeNull()
  })
})
