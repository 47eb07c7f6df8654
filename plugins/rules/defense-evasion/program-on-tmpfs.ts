import { defineRule, isOddPlace, need, quote } from 'salvor'
import mounts from '../../files/mounts.js'
import processes from '../../processes/processes.js'

const IN_MEMORY = new Set(['tmpfs', 'ramfs'])
/** A file of memfd_create, and what lies in /dev/shm, have a rule of their own. */
const FILELESS = /^\/?memfd:|^\/dev\/shm\//

export default defineRule({
  name: 'program-on-tmpfs',
  title: 'A container runs a program from a file system in memory',
  means: 'Images have no files there: it was put there after the start, and is gone with the container.',
  next: ['Write the program to a file with elf-dump and hash it', 'See who started it in process-tree'],
  tactic: 'defense-evasion',
  attack: ['T1620', 'T1105'],
  severity: 'medium',
  confidence: 'medium',
  reads: { processes: need(processes), mounts: need(mounts) },
  *find({ processes, mounts }, known) {
    for (const process of processes.rows) {
      const { exe, container, mnt_ns } = process
      if (container === null || mnt_ns === null || exe === null || !exe.startsWith('/') || FILELESS.test(exe)) continue
      const below = mounts.where('mnt_ns', mnt_ns).filter(({ target }) => target !== null && isBelow(exe, target))
      const [over] = below.toSorted((left, right) => (right.target?.length ?? 0) - (left.target?.length ?? 0))
      if (over === undefined || !IN_MEMORY.has(over.type ?? '') || known.byDesign(container) !== null) continue
      yield {
        about: process,
        severity: isOddPlace(exe) ? 'high' : 'medium',
        summary: `${quote(process.args)} runs from ${quote(exe)}, on a ${over.type} at ${quote(over.target)}`,
        evidence: [process, over],
      }
    }
  },
})

function isBelow(path: string, target: string): boolean {
  return target === '/' || path.startsWith(`${target}/`)
}
