import { field, flag, integer } from '../../containers/json.js'
import type { DocumentFormat, LineFormat } from '../format.js'
import type { ContainerRecord } from '../records.js'
import { moment, parsed, told } from '../values.js'

const HERE = { node: null, address: null }

/** `/shop-web-1` is shop-web-1. */
function plain(name: string | null): string | null {
  return name?.replace(/^\//, '') ?? null
}

/** `docker inspect ID…`, and podman's, which says the same. */
export const dockerInspect: DocumentFormat = {
  name: 'docker inspect',
  form: 'document',
  recognises(value) {
    const [first] = Array.isArray(value) ? value : []
    return told(first, 'Id') !== null && field(first, 'State', 'Status') !== undefined
  },
  *read(value, losses) {
    const all = value as readonly unknown[]
    // Podman and nerdctl are not what `docker` lists.
    const docker = all.every(
      (one) => told(one, 'Conmon', 'PidFile') === null && integer(one, 'State', 'ConmonPid') === null,
    )
    if (docker && all.length > 1) yield { kind: 'listing', of: 'containers', engine: 'docker', whole: false }
    for (const one of all) {
      const id = told(one, 'Id')
      if (id === null) losses.malformed()
      else yield inspected(id, one)
    }
  },
}

function inspected(id: string, of: unknown): ContainerRecord {
  return {
    kind: 'container',
    id,
    time: moment(field(of, 'State', 'StartedAt')),
    name: plain(told(of, 'Name')),
    image: told(of, 'Config', 'Image'),
    running: flag(of, 'State', 'Running'),
    pod: null,
    place: HERE,
    said: of,
  }
}

/** `docker ps --format json`: a JSON object for each line. */
export const dockerPs: LineFormat = {
  name: 'docker ps',
  form: 'lines',
  recognises([first = '']) {
    const value = parsed(first)
    return told(value, 'ID') !== null && told(value, 'Names') !== null && field(value, 'Status') !== undefined
  },
  reader(losses) {
    let begun = false
    return function* (line) {
      if (!begun) yield { kind: 'listing', of: 'containers', engine: 'docker', whole: true }
      begun = true
      const value = parsed(line)
      const id = told(value, 'ID')
      if (id === null) losses.malformed()
      else yield listed(id, value)
    }
  },
}

/** States of a container whose processes are there. */
const RUNNING = new Set(['running', 'paused', 'restarting'])

function listed(id: string, of: unknown): ContainerRecord {
  const state = told(of, 'State')
  // Before Docker 20.10 there is only a sentence.
  const running = state === null ? /^Up\b/.test(told(of, 'Status') ?? '') : RUNNING.has(state)
  return {
    kind: 'container',
    id,
    time: null,
    name: told(of, 'Names'),
    image: told(of, 'Image'),
    running,
    pod: null,
    place: HERE,
    said: of,
  }
}
