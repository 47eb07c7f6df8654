import { defineRule, isInstalled, need, quote } from 'salvor'
import openFiles from '../../files/open-files.js'
import processes from '../../processes/processes.js'

const MEMORY = /^(?:\/[^/]+)?\/dev\/(?:mem|kmem|port)$|^(?:\/[^/]+)?\/proc\/kcore$/

export default defineRule({
  name: 'kernel-memory-open',
  title: 'A process has all of the machine’s memory open',
  means:
    'It can read every secret of the host and of all containers, and by /dev/mem write to the kernel. Tools that take an ' +
    'image of memory do so too: it may be the one that took this.',
  next: ['See whether it is what took this image', 'Otherwise write its program with elf-dump and hash it'],
  tactic: 'credential-access',
  attack: ['T1003'],
  severity: 'high',
  confidence: 'medium',
  reads: { files: need(openFiles), processes: need(processes) },
  *find({ files, processes }) {
    const told = new Set<unknown>()
    for (const file of files.rows) {
      if (file.path === null || !MEMORY.test(file.path) || told.has(file.pid)) continue
      const process = processes.where('pid', file.pid)[0]
      told.add(file.pid)
      const usual =
        file.container === null &&
        (isInstalled(process?.exe ?? null) || /avml|lime|linpmem|acquire/i.test(file.comm ?? ''))
      yield {
        about: file,
        severity: usual ? 'low' : file.container === null ? 'medium' : 'high',
        summary: `${quote(process?.args ?? file.comm)} has ${quote(file.path)} open`,
        evidence: [file, ...(process === undefined ? [] : [process])],
      }
    }
  },
})
