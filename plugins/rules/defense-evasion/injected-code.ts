import { compilesAtRunTime, defineRule, isDropped, need, optional, quote } from 'salvor'
import injectedMemory from '../../memory/injected-memory.js'
import libraries from '../../processes/libraries.js'
import processes from '../../processes/processes.js'

/** What code that was put there by hand often begins with: a slide of instructions that do nothing. */
const SLIDE = 8

export default defineRule({
  name: 'injected-code',
  title: 'A process executes memory that no file is behind',
  means:
    'Code was put into the process, by itself or by another. Compilers at run time (Java, JavaScript, regular ' +
    'expressions) make such memory too; this program is not known for that, unless it is said.',
  next: [
    'Look at its first instructions in injected-memory, and write it out with memory-dump',
    'See in user-stacks whether a thread runs there, and in ptrace who traces it',
  ],
  tactic: 'defense-evasion',
  attack: ['T1055'],
  severity: 'medium',
  confidence: 'medium',
  reads: { injected: need(injectedMemory), processes: need(processes), libraries: optional(libraries) },
  *find({ injected, processes, libraries }) {
    const told = new Set<unknown>()
    for (const memory of injected.rows) {
      if (!memory.reasons?.includes('anonymous') || told.has(memory.pid)) continue
      const process = processes.where('pid', memory.pid)[0]
      if (process === undefined) continue
      const all = injected.where('pid', memory.pid).filter(({ reasons }) => reasons?.includes('anonymous'))
      told.add(memory.pid)
      const isSlide = all.some(({ disassembly }) => slides(disassembly))
      const dropped = isDropped(process.exe)
      const loaded = [...injected.where('pid', memory.pid), ...(libraries?.where('pid', memory.pid) ?? [])]
      if (compilesAtRunTime(process, loaded) && !dropped && !isSlide) continue
      const writable = all.some(({ reasons }) => reasons?.includes('writable'))
      yield {
        about: memory,
        // What cannot be written to any more was compiled by who makes sure of that: intruders seldom do.
        severity: isSlide || (writable && dropped) ? 'high' : writable || dropped ? 'medium' : 'low',
        confidence: isSlide ? 'high' : 'medium',
        summary: `${quote(process.args)} has executable${writable ? ', writable' : ''} memory without a file at 0x${(memory.start ?? 0).toString(16)}`,
        evidence: [...all.slice(0, 10), process],
      }
    }
  },
})

function slides(disassembly: readonly string[] | null): boolean {
  return disassembly !== null && disassembly.slice(0, SLIDE).filter((text) => text === 'nop').length === SLIDE
}
