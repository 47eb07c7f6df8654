/** The audit log of a Kubernetes API server: an audit.k8s.io/v1 Event for each line. */

import { field } from '../../containers/json.js'
import type { LineFormat, Losses } from '../format.js'
import type { EvidenceRecord, ExecRecord } from '../records.js'
import { items, moment, numeral, parsed, told } from '../values.js'

/** Subresources of a pod that bring somebody into it. */
const WAYS_IN = new Set(['exec', 'attach'])
/** Words of a command that are kept. */
const MOST_WORDS = 256

export function isAuditEvent(value: unknown): boolean {
  return told(value, 'apiVersion')?.startsWith('audit.k8s.io/') === true && told(value, 'kind') === 'Event'
}

/** One event: the moment that it covers, and what it asks for where that is an exec. */
export function* auditRecords(event: unknown, losses: Losses): Generator<EvidenceRecord> {
  const time = moment(field(event, 'requestReceivedTimestamp')) ?? moment(field(event, 'stageTimestamp'))
  if (!isAuditEvent(event) || time === null) {
    losses.malformed()
    return
  }
  yield { kind: 'covered', time }
  const what = told(event, 'objectRef', 'subresource')
  if (told(event, 'objectRef', 'resource') !== 'pods' || what === null || !WAYS_IN.has(what)) return
  const exec = execRecord(event, time, what)
  if (exec === null) losses.malformed()
  else yield exec
}

function execRecord(event: unknown, time: string, what: string): ExecRecord | null {
  const [namespace, name] = [told(event, 'objectRef', 'namespace'), told(event, 'objectRef', 'name')]
  if (namespace === null || name === null) return null
  const asked = new URLSearchParams(told(event, 'requestURI')?.split('?', 2)[1] ?? '')
  const [from] = items(event, 'sourceIPs')
  return {
    kind: 'exec',
    id: told(event, 'auditID'),
    time,
    what,
    user: told(event, 'user', 'username'),
    from: typeof from === 'string' ? from : null,
    agent: told(event, 'userAgent'),
    pod: `${namespace}/${name}`,
    container: asked.get('container'),
    command: asked.getAll('command').slice(0, MOST_WORDS),
    status: numeral(field(event, 'responseStatus', 'code')),
    said: event,
  }
}

export const auditLog: LineFormat = {
  name: 'Kubernetes audit log',
  form: 'lines',
  recognises: (lines) => lines.some((line) => isAuditEvent(parsed(line))),
  reader: (losses) => (line) => auditRecords(parsed(line), losses),
}
