import { defineRule, entryOf, isOddPlace, need, quote, upperLayers } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import processes from '../../processes/processes.js'

/** What a container writes while it starts, in milliseconds. */
const STARTING = 30_000

export default defineRule({
  name: 'program-not-of-image',
  title: 'A container runs a program that its image does not have',
  means:
    'The file was written into the container after it was made. Images bring the programs that they need; one that came ' +
    'later was fetched, copied in or built there.',
  next: [
    'Hash the file: extract writes it out',
    'See who started it in process-tree, and what else was written then in files',
  ],
  tactic: 'defense-evasion',
  attack: ['T1036', 'T1105'],
  severity: 'medium',
  confidence: 'high',
  reads: { processes: need(processes), containers: need(containers), mounts: need(mounts), files: need(files) },
  *find({ processes, containers, mounts, files }, known) {
    const upperOf = upperLayers(mounts, files)
    for (const process of processes.rows) {
      const upper = process.exe === null ? undefined : upperOf(process.container)
      if (upper === undefined || upper.mnt_ns !== process.mnt_ns) continue
      const file = upper.files.get(process.exe ?? '')
      if (file === undefined) continue
      const started = containers.where('id', process.container)[0]?.started ?? null
      // What a container changes of itself as it starts is copied there too: chown -R is enough.
      const early = Date.parse(file.born ?? file.changed ?? '') < Date.parse(started ?? '') + STARTING
      const signs = [isOddPlace(process.exe), entryOf(processes, process, known) !== null, !early].filter(Boolean)
      yield {
        about: process,
        severity: signs.length > 1 ? 'high' : signs.length > 0 ? 'medium' : 'low',
        summary: `${quote(process.args)} runs from ${quote(process.exe)}, written into the container at ${file.born ?? file.changed ?? 'an unknown time'}`,
        evidence: [process, file],
      }
    }
  },
})
