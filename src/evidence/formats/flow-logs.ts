/** VPC flow logs: a line for each flow, with a header that names the fields or in the default order of version 2. */

import type { LineFormat, Losses } from '../format.js'
import type { EvidenceRecord } from '../records.js'
import { numeral, sinceEpoch } from '../values.js'

const DEFAULT =
  'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'
const DEFAULT_FIELDS = DEFAULT.split(' ')

/** Protocols by their numbers, as every table names them. */
const PROTOCOLS: ReadonlyMap<string, string> = new Map([
  ['1', 'icmp'],
  ['6', 'tcp'],
  ['17', 'udp'],
  ['58', 'icmpv6'],
  ['132', 'sctp'],
])

function isHeader(fields: readonly string[]): boolean {
  return fields.includes('srcaddr') && fields.includes('dstaddr')
}

/** Whether a line is a flow in the default order. */
export function isFlowLine(line: string): boolean {
  const fields = line.split(' ', DEFAULT_FIELDS.length + 1)
  return (
    isHeader(fields) ||
    (fields.length === DEFAULT_FIELDS.length &&
      fields[0] === '2' &&
      /^eni-/.test(fields[2] ?? '') &&
      LOG_STATUS.test(line))
  )
}

const LOG_STATUS = / (?:OK|NODATA|SKIPDATA)$/

export function flowReader(losses: Losses): (line: string) => readonly EvidenceRecord[] {
  let names: readonly string[] = DEFAULT_FIELDS
  return (line) => {
    const fields = line.split(' ', 64)
    if (isHeader(fields)) {
      names = fields
      return []
    }
    const value = (name: string): string | null => {
      const text = fields[names.indexOf(name)]
      return text === undefined || text === '-' ? null : text
    }
    if (fields.length !== names.length) losses.malformed()
    // An interval without any flow, or one that was not recorded.
    if (fields.length !== names.length || value('srcaddr') === null) return []
    const [source, target, protocol] = [value('srcaddr'), value('dstaddr'), value('protocol')]
    if (source === null || target === null || protocol === null) {
      losses.malformed()
      return []
    }
    const time = sinceEpoch(value('end'))
    const flow = { protocol: PROTOCOLS.get(protocol) ?? protocol, source, target }
    const ports = { source_port: numeral(value('srcport')) ?? 0, target_port: numeral(value('dstport')) ?? 0 }
    const read = { action: value('action'), bytes: numeral(value('bytes')), said: others(names, fields) }
    return [{ kind: 'flow', time, ...flow, ...ports, ...read }]
  }
}

/** Fields that the usual order does not have, as `pkt-srcaddr`; undefined where there are none, as mostly. */
function others(names: readonly string[], fields: readonly string[]): Record<string, string> | undefined {
  if (names === DEFAULT_FIELDS) return undefined
  return Object.fromEntries(
    names.flatMap((name, at) => (DEFAULT_FIELDS.includes(name) ? [] : [[name, fields[at] ?? '']])),
  )
}

export const flowLogs: LineFormat = {
  name: 'VPC flow logs',
  form: 'lines',
  recognises: (lines) => lines.some(isFlowLine),
  reader: flowReader,
}
