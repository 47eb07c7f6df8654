import { defineRule, isInstalled, need, quote } from 'salvor'
import openFiles from '../../files/open-files.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'fault-delegation',
  title: 'A process handles page faults of the kernel by itself',
  means:
    'By userfaultfd it decides how long the kernel waits inside of a system call: exploits stretch a race so. Machines ' +
    'that are moved to another host use it too.',
  next: ['See what the process is and who started it in process-tree', 'Look in kernel-log for oopses'],
  tactic: 'defense-evasion',
  attack: ['T1211'],
  severity: 'medium',
  confidence: 'low',
  reads: { files: need(openFiles), processes: need(processes) },
  *find({ files, processes }) {
    const told = new Set<unknown>()
    for (const file of files.where('path', 'anon_inode:[userfaultfd]')) {
      const process = processes.where('pid', file.pid)[0]
      if (told.has(file.pid) || process === undefined) continue
      told.add(file.pid)
      const usual = process.container === null && isInstalled(process.exe)
      yield {
        about: process,
        severity: usual ? 'info' : 'medium',
        summary: `${quote(process.args)} from ${quote(process.exe)} has a userfaultfd open`,
        evidence: [file, process],
      }
    }
  },
})
