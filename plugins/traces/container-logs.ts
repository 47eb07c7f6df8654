import { defineAnalyzer, flag, integer, need, text } from 'salvor'
import { containerColumns, containerNames, containerRows, logOf, ownerOf, parseLogLine } from 'salvor/containers'
import type { FileContents } from 'salvor/kernel'
import files from '../files/files.js'

/** Lines of all logs that are told. */
const MOST_LINES = 1 << 18
const NEWLINE = 0x0a

interface Line {
  offset: number
  bytes: Buffer
  /** Whether its beginning and its end are there. */
  whole: boolean
}

/** Lines of what there is of a file, in order. */
function* linesOf(contents: FileContents): Generator<Line> {
  let rest = Buffer.alloc(0)
  let [start, whole] = [0, true]
  for (const piece of contents) {
    if (!('bytes' in piece)) {
      if (rest.length > 0) yield { offset: start, bytes: rest, whole: false }
      rest = Buffer.alloc(0)
      ;[start, whole] = [piece.offset + piece.length, false]
      continue
    }
    const all = rest.length === 0 ? Buffer.from(piece.bytes) : Buffer.concat([rest, piece.bytes])
    let from = 0
    for (let end = all.indexOf(NEWLINE); end >= 0; end = all.indexOf(NEWLINE, from)) {
      yield { offset: start + from, bytes: all.subarray(from, end), whole }
      ;[from, whole] = [end + 1, true]
    }
    rest = all.subarray(from)
    start += from
  }
  if (rest.length > 0) yield { offset: start, bytes: rest, whole: false }
}

export default defineAnalyzer({
  name: 'container-logs',
  aliases: ['docker-logs', 'kubectl-logs'],
  summary: 'Lines of containers’ logs that are still in the page cache',
  description:
    'What containers wrote to stdout and stderr, from the files of the engine: Docker’s json-file, the logs of pods, and ' +
    'podman’s. Pages that left memory are missing, and lines that begin or end in one are not `whole`.',
  torn: 'a line that was in memory throughout is a row.',
  examples: [{ command: 'salvor container-logs memory.elf --container shop-web-1', what: 'what one container wrote' }],
  key: ['path', 'offset'],
  needs: { files: need(files) },
  columns: {
    ...containerColumns,
    container: text('Id of the container that wrote it', { meaning: 'container' }),
    time: text('When the engine took it, as the log has it'),
    stream: text('stdout or stderr'),
    text: text('The line'),
    whole: flag('Whether all of it is there', { detail: true }),
    path: text('The log', { meaning: 'path', detail: true }),
    offset: integer('Where it begins there', { detail: true }),
  },
  *run({ kernel, tables, warn }) {
    const containers = containerRows(kernel, () => {})
    const names = containerNames(kernel)
    let lines = 0
    for (const file of tables.files.rows()) {
      const container = file.type === 'file' && file.path !== null ? logOf(file.path, containers) : null
      if (container === null || file.address === null) continue
      const contents = kernel.fileContents(BigInt(file.address))
      if (contents === null) continue
      for (const { offset, bytes, whole } of linesOf(contents)) {
        if (lines === MOST_LINES) {
          warn({ code: 'cap', message: `more than ${MOST_LINES} lines of logs: the rest is left out` })
          return
        }
        lines++
        const owner = ownerOf(container, names)
        yield { ...owner, ...parseLogLine(bytes.toString('utf8')), whole, path: file.path, offset }
      }
    }
  },
})
