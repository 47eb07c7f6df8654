import { defineRule, isRuntimeStep, need, quote } from 'salvor'
import mounts from '../../files/mounts.js'
import openFiles from '../../files/open-files.js'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'

/** Single files that engines mount into containers: below these there is no directory. */
const SINGLE = /^\/(?:etc\/(?:hosts|hostname|resolv\.conf)|dev\/termination-log|(?:usr\/)?s?bin\/docker-init)$/
/** What a mount shows of files that lie outside of it (`__prepend_path()` in fs/d_path.c). */
const NO_NAME = '/'

export default defineRule({
  name: 'opened-by-handle',
  title: 'A process of a container holds a file that lies outside of all its mounts',
  means:
    'No path leads there: it was opened by a handle (open_by_handle_at), with CAP_DAC_READ_SEARCH, by which every file of ' +
    'a file system is reached from one of it, as in the escape “Shocker”.',
  next: [
    'See in open-files its inode and device, and find that in files of the host',
    'Look for what else the process holds, and who started it, in process-tree',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'high',
  confidence: 'medium',
  reads: { files: need(openFiles), mounts: need(mounts), processes: need(processes), programs: need(memoryPrograms) },
  *find({ files, mounts, processes, programs }) {
    for (const file of files.where('path', NO_NAME)) {
      if (file.container === null || file.mount_id === null) continue
      const mount = mounts.where('id', file.mount_id).find(({ container }) => container === file.container)
      const process = processes.where('pid', file.pid)[0]
      // A mount that was taken off while a file of it is open is on no list any more, and its root has no name either.
      if (mount === undefined || process === undefined || isRuntimeStep(processes, programs, process)) continue
      const isDirectory = file.type === 'directory'
      if (isDirectory ? !SINGLE.test(mount.target ?? '') : file.type !== 'file') continue
      yield {
        about: process,
        summary: `${quote(process.args)} holds inode ${file.inode} of ${quote(mount.source)} by its descriptor ${file.fd}, past the mount at ${quote(mount.target)}`,
        evidence: [file, mount, process],
      }
    }
  },
})
