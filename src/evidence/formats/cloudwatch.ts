/** What CloudWatch wraps around the lines of a log: EKS's audit log comes so, and flow logs. */

import { field } from '../../containers/json.js'
import type { DocumentFormat, LineFormat, Losses } from '../format.js'
import type { EvidenceRecord } from '../records.js'
import { items, parsed, told } from '../values.js'
import { auditRecords, isAuditEvent } from './audit.js'
import { flowReader, isFlowLine } from './flow-logs.js'

type LineReader = ReturnType<LineFormat['reader']>

/** A line of a log that was wrapped. Other components of EKS's control plane write into the same groups. */
function messageReader(losses: Losses): LineReader {
  const flows = flowReader(losses)
  return (message) => {
    const value = parsed(message)
    if (isAuditEvent(value)) return auditRecords(value, losses)
    if (isFlowLine(message)) return flows(message)
    losses.remark('messages of CloudWatch that are neither audit events nor flows are not joined')
    return []
  }
}

/** The messages in what an API of CloudWatch answers, or in one object of a subscription. */
function messagesOf(value: unknown): readonly string[] {
  const one = told(value, '@message') ?? fieldText(value, 'message')
  if (one !== null && items(value, 'logEvents').length === 0) return [one]
  const events = [...items(value, 'logEvents'), ...items(value, 'events')].map((event) => fieldText(event, 'message'))
  const rows = items(value, 'results').map((row) => {
    const found = (Array.isArray(row) ? row : []).find((cell) => told(cell, 'field') === '@message')
    return fieldText(found, 'value')
  })
  return [...events, ...rows].filter((message) => message !== null)
}

/** A message, whole: an audit event is longer than what is shown of a text. */
function fieldText(of: unknown, name: string): string | null {
  const value = field(of, name)
  return typeof value === 'string' ? value : null
}

function wraps(value: unknown): boolean {
  return messagesOf(value).some((message) => isAuditEvent(parsed(message)) || isFlowLine(message))
}

/** `aws logs filter-log-events`, `get-log-events` and `get-query-results`. */
export const cloudWatchAnswer: DocumentFormat = {
  name: 'CloudWatch',
  form: 'document',
  recognises: wraps,
  *read(value, losses): Generator<EvidenceRecord> {
    const read = messageReader(losses)
    for (const message of messagesOf(value)) yield* read(message)
  },
}

/** A time and a message, as an export to S3 has them. */
const EXPORTED = /^\d{4}-\d\d-\d\dT[\d:.]+Z (.*)$/s
/** Objects of a subscription come one behind the other without a line's end. */
const BETWEEN = '}{"messageType"'

function partsOf(line: string): readonly string[] {
  const exported = EXPORTED.exec(line)?.[1]
  if (exported !== undefined) return [exported]
  const objects = line.includes(BETWEEN)
    ? line.split(BETWEEN).map((part, index, all) => {
        return `${index > 0 ? '{"messageType"' : ''}${part}${index < all.length - 1 ? '}' : ''}`
      })
    : [line]
  return objects.flatMap((object) => messagesOf(parsed(object)))
}

/** Lines of a subscription, of an export to S3, or of `@message`s. */
export const cloudWatchLines: LineFormat = {
  name: 'CloudWatch',
  form: 'lines',
  recognises: (lines) =>
    lines.some((line) => partsOf(line).some((message) => isAuditEvent(parsed(message)) || isFlowLine(message))),
  reader(losses) {
    const read = messageReader(losses)
    return function* (line) {
      const parts = partsOf(line)
      // Firehose sends such objects to see whether somebody is there.
      const control = told(parsed(line), 'messageType') === 'CONTROL_MESSAGE'
      if (parts.length === 0 && !control) losses.malformed()
      for (const message of parts) yield* read(message)
    }
  },
}
