/** What running shells remember, of all processes. */

import type { Kernel } from '../kernel/kernel.js'
import { readAshHistory } from './ash-history.js'
import { type Hashed, readHashTable } from './bash-hash.js'
import { type Program, readPrograms } from './memory.js'
import { type Remembered, readHistory } from './readline-history.js'
import { readZshHistory } from './zsh-history.js'

/** The history of one process. */
export interface ShellHistory {
  /** The task whose memory it is in. */
  task: bigint
  /** Oldest first. */
  entries: readonly Remembered[]
}

/** The histories of the processes of some tasks, in their order. */
export function readShellHistories(kernel: Kernel, tasks: readonly bigint[]): ShellHistory[] {
  return [...readPrograms(kernel, tasks)].flatMap(([task, program]) => historyOf(kernel, task, program) ?? [])
}

function historyOf(kernel: Kernel, task: bigint, program: Program): ShellHistory | null {
  const history = readHistory(program) ?? readZshHistory(program) ?? readAshHistory(program)
  if (history === null) return null
  const { entries, doubt, more } = history
  const address = `0x${task.toString(16)}`
  if (doubt !== null) kernel.warn({ code: 'torn', message: `a shell's history: ${doubt}`, count: 1, address })
  if (more > 0) kernel.warn({ code: 'cap', message: "more of a shell's history than is shown", count: more, address })
  const lost = entries.filter(({ command }) => command === null).length
  if (lost > 0)
    kernel.warn({ code: 'unreadable', message: 'commands are not in memory', count: lost, column: 'command' })
  return { task, entries }
}

/** What one bash has hashed. */
export interface ShellHash {
  /** The task whose memory it is in. */
  task: bigint
  entries: readonly Hashed[]
}

/** The tables of hashed commands of the processes of some tasks, in their order. */
export function readShellHashes(kernel: Kernel, tasks: readonly bigint[]): ShellHash[] {
  return [...readPrograms(kernel, tasks)].flatMap(([task, program]) => {
    const table = readHashTable(program)
    if (table === null) return []
    if (table.lost > 0) {
      const address = `0x${task.toString(16)}`
      kernel.warn({ code: 'torn', message: "commands of a shell's hash table are lost", count: table.lost, address })
    }
    return [{ task, entries: table.entries }]
  })
}
