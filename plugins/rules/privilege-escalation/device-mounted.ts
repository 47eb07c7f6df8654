import { declaredMounts, defineRule, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import mounts from '../../files/mounts.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'device-mounted',
  title: 'A container that mounted a disk of the host by its device',
  means:
    'The whole file system of the host is in the container, and nobody declared it: it was mounted from inside, with the ' +
    'device, to read and write the host’s files.',
  next: [
    'See what was changed on the host since in files, cron and keys first',
    'Look for who mounted it in process-tree and shell-history of the container',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611', 'T1006'],
  severity: 'high',
  confidence: 'high',
  reads: { containers: need(containers), mounts: need(mounts), processes: need(processes) },
  *find({ containers, mounts, processes }) {
    const host = processes.where('pid', 1)[0]?.mnt_ns ?? null
    if (host === null) return
    const disks = mounts.where('mnt_ns', host).filter(({ root, source }) => root === '/' && source?.startsWith('/dev/'))
    for (const container of containers.rows) {
      const declared = declaredMounts(container.mounts)
      if (declared === null || container.init_pid === null) continue
      for (const mount of mounts.where('container', container.id)) {
        const same = disks.filter(({ device, target }) => device !== null && device === mount.device && target !== null)
        if (mount.root !== '/' || mount.mnt_ns === host || same.length === 0) continue
        // Declared as a directory of the host, or below one that was declared with all that is mounted in it.
        if (same.some(({ target }) => declared.some(({ source }) => lies(target ?? '', source)))) continue
        yield {
          about: { container: container.id, pid: container.init_pid },
          summary: `It has ${quote(mount.source)}, which the host has at ${quote(same[0]?.target ?? null)}, mounted at ${quote(mount.target)}`,
          evidence: [mount, ...same.slice(0, 1), container],
        }
      }
    }
  },
})

/** Whether a path is this directory or below it. */
function lies(path: string, directory: string): boolean {
  return path === directory || directory === '/' || path.startsWith(`${directory}/`)
}
