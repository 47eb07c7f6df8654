import { defineRule, isOddPlace, need, quote, upperLayers } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'

/** What a container sets up when it starts, in milliseconds. */
const STARTING = 30_000

export default defineRule({
  name: 'set-uid-program-placed',
  title: 'A program that makes everybody root was put where none belongs',
  means:
    'Whoever starts it becomes root. Packages bring such programs with the image; one in a folder for temporary files, ' +
    'or made in a running container, is a way back to root.',
  next: ['Extract the program and hash it', 'See in timeline who was there when it was made'],
  tactic: 'privilege-escalation',
  attack: ['T1548.001'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(files), mounts: need(mounts), containers: need(containers) },
  *find({ files, mounts, containers }) {
    const upperOf = upperLayers(mounts, files)
    for (const file of files.where('container', null)) {
      if (!isSetUidRoot(file) || file.mount_id === null || !isOddPlace(file.path)) continue
      yield { severity: 'high', summary: `${quote(file.path)} makes everybody root`, evidence: [file] }
    }
    for (const { id, started, init_pid } of containers.rows) {
      for (const [path, file] of upperOf(id)?.files ?? []) {
        if (!isSetUidRoot(file) || !(Date.parse(file.changed ?? '') > Date.parse(started ?? '') + STARTING)) continue
        yield {
          about: { container: id, pid: init_pid },
          severity: isOddPlace(path) ? 'high' : 'medium',
          summary: `${quote(path)} was made or changed in the running container, and makes everybody root`,
          evidence: [file],
        }
      }
    }
  },
})

function isSetUidRoot({
  type,
  mode,
  uid,
  deleted,
}: {
  type: string | null
  mode: string | null
  uid: unknown
  deleted: boolean | null
}) {
  return type === 'file' && mode?.[3] === 's' && Number(uid ?? -1) === 0 && deleted !== true
}
