import { defineRule, firstOfHost, isRuntimeStep, need, quote } from 'salvor'
import mounts from '../../files/mounts.js'
import openFiles from '../../files/open-files.js'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'leaked-host-directory',
  title: 'A process of a container holds a directory of the host open',
  means:
    'From this directory it reaches all files of the host, past the mounts of its container. runc left one open to ' +
    'containers (CVE-2024-21626); a process that broke out may keep one.',
  next: [
    'See what else it has open in open-files, and where it came from in process-tree',
    'Look in files for what was changed on the host since it started',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'high',
  confidence: 'high',
  reads: { files: need(openFiles), mounts: need(mounts), processes: need(processes), programs: need(memoryPrograms) },
  *find({ files, mounts, processes, programs }) {
    const host = firstOfHost(processes)?.mnt_ns ?? null
    if (host === null) return
    for (const file of files.where('type', 'directory')) {
      if (file.container === null || file.mount_id === null) continue
      const mount = mounts.where('id', file.mount_id)[0]
      const process = processes.where('pid', file.pid)[0]
      if (mount?.mnt_ns !== host || process === undefined || process.mnt_ns === host) continue
      if (isRuntimeStep(processes, programs, process)) continue
      yield {
        about: process,
        summary: `${quote(process.args)} holds ${quote(file.path)} by its descriptor ${file.fd}, of a mount of the host`,
        evidence: [file, mount, process],
      }
    }
  },
})
