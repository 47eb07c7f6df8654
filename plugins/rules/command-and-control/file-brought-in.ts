import { defineRule, entryOf, need, quote, upperLayers } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import processes from '../../processes/processes.js'

/** Where images keep programs and what belongs to them, and what these write there themselves. */
const OF_IMAGE = /^\/(?:opt|usr|bin|sbin|lib|lib64|boot)\//
const WRITTEN_BY_PROGRAMS =
  /\/__pycache__\/|\.pyc$|^\/usr\/share\/(?:nginx|mime|icons|fonts)\/|\.(?:log|pid|lock)$|^\/opt\/[^/]+\/(?:logs?|tmp|cache|data|var)\//
/** What a container writes while it starts, in milliseconds. */
const STARTING = 30_000
/** Files that one finding names. */
const MOST = 20

export default defineRule({
  name: 'file-brought-in',
  title: 'Files came into a running container where its image keeps programs',
  means:
    'What a container needs is in its image. Files that appear beside its programs later were copied or fetched by ' +
    'somebody, or installed by the program itself.',
  next: ['Extract the files and hash them', 'See in timeline what happened then: an exec, a connection, a shell'],
  tactic: 'command-and-control',
  attack: ['T1105'],
  severity: 'low',
  confidence: 'medium',
  reads: { containers: need(containers), files: need(files), mounts: need(mounts), processes: need(processes) },
  *find({ containers, files, mounts, processes }, known) {
    const upperOf = upperLayers(mounts, files)
    for (const { id, started } of containers.rows) {
      const since = Date.parse(started ?? '') + STARTING
      const layer = [...(upperOf(id)?.files ?? [])].filter(([path, file]) => {
        const born = Date.parse(file.born ?? file.changed ?? '')
        return file.type === 'file' && born > since && OF_IMAGE.test(path) && !WRITTEN_BY_PROGRAMS.test(path)
      })
      const [first] = layer
      if (first === undefined) continue
      const isProgram = layer.some(([, file]) => /^-..x|^-.{5}x|^-.{8}x/.test(file.mode ?? ''))
      const visitor = processes.where('container', id).find((process) => entryOf(processes, process, known) === process)
      const more = layer.length > 1 ? ` and ${layer.length - 1} more` : ''
      yield {
        about: { container: id },
        severity: isProgram || visitor !== undefined ? 'medium' : 'low',
        summary: `${quote(first[0])}${more} came in after the start${visitor === undefined ? '' : `, and ${quote(visitor.args)} was started from outside`}`,
        evidence: [...layer.slice(0, MOST).map(([, file]) => file), ...(visitor === undefined ? [] : [visitor])],
      }
    }
  },
})
