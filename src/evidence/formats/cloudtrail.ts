/** CloudTrail: `{"Records": […]}` as it lies in S3, the answer of lookup-events, or an event for each line. */

import { field } from '../../containers/json.js'
import type { DocumentFormat, LineFormat, Losses } from '../format.js'
import type { EvidenceRecord } from '../records.js'
import { items, moment, parsed, told } from '../values.js'

function isEvent(value: unknown): boolean {
  return told(value, 'eventVersion') !== null && told(value, 'eventName') !== null
}

function* eventRecords(event: unknown, losses: Losses): Generator<EvidenceRecord> {
  if (!isEvent(event)) {
    losses.malformed()
    return
  }
  const key = told(event, 'userIdentity', 'accessKeyId')
  // Calls of services and of the console are signed with none.
  if (key === null) return
  const service = told(event, 'eventSource')?.replace(/\.amazonaws\.com$/, '')
  yield {
    kind: 'key-use',
    time: moment(field(event, 'eventTime')),
    key,
    call: `${service ?? '?'}:${told(event, 'eventName')}`,
    from: told(event, 'sourceIPAddress'),
    agent: told(event, 'userAgent'),
    who: told(event, 'userIdentity', 'arn') ?? told(event, 'userIdentity', 'userName'),
    error: told(event, 'errorCode'),
    said: event,
  }
}

/** The events of a document: lookup-events has each as a text. */
function eventsOf(value: unknown): readonly unknown[] {
  const answers = items(value, 'Events').map((event) => {
    const inside = field(event, 'CloudTrailEvent')
    return typeof inside === 'string' ? parsed(inside) : undefined
  })
  return [...items(value, 'Records'), ...answers]
}

export const cloudTrail: DocumentFormat = {
  name: 'CloudTrail',
  form: 'document',
  recognises: (value) => eventsOf(value).some(isEvent),
  *read(value, losses) {
    for (const event of eventsOf(value)) yield* eventRecords(event, losses)
  },
}

export const cloudTrailLines: LineFormat = {
  name: 'CloudTrail',
  form: 'lines',
  recognises: (lines) => lines.some((line) => isEvent(parsed(line))),
  reader: (losses) => (line) => eventRecords(parsed(line), losses),
}
