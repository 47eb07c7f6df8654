import { defineRule, firstOfHost, isRuntimeStep, need, quote } from 'salvor'
import mounts from '../../files/mounts.js'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'
import workingDirectories from '../../processes/working-directories.js'

export default defineRule({
  name: 'host-directory-entered',
  title: 'A process of a container is in a directory of the host',
  means:
    'Its working directory is none of its container’s: by ../ it reaches all files of the host. So a leaked descriptor ' +
    'of runc was used, with a working directory such as /proc/self/fd/8 (CVE-2024-21626).',
  next: [
    'See in containers and the image which working directory was asked for',
    'See what it has open in open-files, and what was changed on the host since it started',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'high',
  confidence: 'high',
  reads: {
    processes: need(processes),
    directories: need(workingDirectories),
    mounts: need(mounts),
    programs: need(memoryPrograms),
  },
  *find({ processes, directories, mounts, programs }) {
    const host = firstOfHost(processes)?.mnt_ns ?? null
    if (host === null) return
    for (const process of processes.rows) {
      if (process.container === null || process.mnt_ns === null || process.mnt_ns === host) continue
      const directory = directories.where('pid', process.pid)[0]
      const mount = directory?.mount_id == null ? undefined : mounts.where('id', directory.mount_id)[0]
      if (mount?.mnt_ns !== host || isRuntimeStep(processes, programs, process)) continue
      yield {
        about: process,
        summary: `${quote(process.args)} is in ${quote(directory?.path ?? null)}, of the mount of the host at ${quote(mount.target)}`,
        evidence: [process, ...(directory === undefined ? [] : [directory]), mount],
      }
    }
  },
})
