import { defineRule, firstOfHost, isRuntimeStep, need, quote } from 'salvor'
import openFiles from '../../files/open-files.js'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'

const KINDS = ['mnt_ns', 'pid_ns', 'net_ns', 'ipc_ns', 'uts_ns', 'cgroup_ns', 'user_ns'] as const

export default defineRule({
  name: 'host-namespace-held',
  title: 'A process of a container holds a namespace of the host open',
  means:
    'By it the process enters the host whenever it likes (setns). Network plugins do so by trade, with the network alone.',
  next: [
    'See what the process is and who started it in process-tree',
    'Look for what entered the host: namespace-escape',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(openFiles), processes: need(processes), programs: need(memoryPrograms) },
  *find({ files, processes, programs }, known) {
    const host = firstOfHost(processes)
    if (host === undefined) return
    for (const file of files.where('type', 'namespace')) {
      const kind = KINDS.find((kind) => file.inode !== null && host[kind] === file.inode)
      const process = processes.where('pid', file.pid)[0]
      if (kind === undefined || process === undefined || process.container === null) continue
      // What it shares with the host anyway it need not hold.
      if (process[kind] === host[kind] || isRuntimeStep(processes, programs, process)) continue
      const usual = known.byDesign(process.container) === null ? 'medium' : 'info'
      yield {
        about: process,
        severity: kind === 'mnt_ns' || kind === 'pid_ns' ? 'high' : usual,
        summary: `${quote(process.args)} holds ${quote(file.path)} of the host by its descriptor ${file.fd}`,
        evidence: [file, process],
      }
    }
  },
})
