import { defineRule, isDebugger, need, quote } from 'salvor'
import openFiles from '../../files/open-files.js'
import processes from '../../processes/processes.js'

const MEMORY = /\/proc\/(?:\d{1,10}|self|thread-self)(?:\/task\/\d{1,10})?\/mem$/

export default defineRule({
  name: 'process-memory-open',
  title: 'A process has the memory of a process open as a file',
  means:
    'By /proc/PID/mem secrets are read from a process and code is written into it, without ptrace. Debuggers do so too.',
  next: ['See in injected-memory whether the other process was changed', 'Write the program with elf-dump and hash it'],
  tactic: 'credential-access',
  attack: ['T1003.007', 'T1055.009'],
  severity: 'high',
  confidence: 'medium',
  reads: { files: need(openFiles), processes: need(processes) },
  *find({ files, processes }) {
    for (const file of files.where('type', 'file')) {
      if (file.path === null || !MEMORY.test(file.path)) continue
      const process = processes.where('pid', file.pid)[0]
      const id = /\/proc\/(\d+)/.exec(file.path)?.[1]
      // Its own memory a process may read as it likes.
      if (
        process === undefined ||
        id === undefined ||
        [process.pid, process.pid_in_ns].some((own) => String(own) === id)
      )
        continue
      yield {
        about: process,
        severity: isDebugger(process) ? 'low' : 'high',
        summary: `${quote(process.args)} has ${quote(file.path)} open`,
        evidence: [file, process],
      }
    }
  },
})
