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

/** Version 10 has 42. */
const MOST_FIELDS = 64
/** Addresses of the packets themselves: of a pod's, where the other field has the first address of the interface. */
const SOURCES = ['pkt-srcaddr', 'srcaddr']
const TARGETS = ['pkt-dstaddr', 'dstaddr']

function isHeader(fields: readonly string[]): boolean {
  return [SOURCES, TARGETS].every((names) => names.some((name) => fields.includes(name)))
}

/** Whether a line is a flow in the default order. */
export function isFlowLine(line: string): boolean {
  const fields = line.split(' ', MOST_FIELDS)
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
    const fields = line.split(' ', MOST_FIELDS)
    if (isHeader(fields)) {
      names = fields
      return []
    }
    const value = (name: string): string | null => {
      const text = fields[names.indexOf(name)]
      return text === undefined || text === '-' ? null : text
    }
    if (fields.length !== names.length) losses.malformed()
    const first = (names: readonly string[]) => names.map(value).find((text) => text !== null) ?? null
    const [source, target, protocol] = [first(SOURCES), first(TARGETS), value('protocol')]
    // An interval without any flow, or one that was not recorded.
    if (fields.length !== names.length || source === null) return []
    if (target === null || protocol === null) {
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

/** Fields that are not read, as `flow-direction`; undefined where there are none but those of the usual order, as mostly. */
function others(names: readonly string[], fields: readonly string[]): Record<string, string> | undefined {
  if (names === DEFAULT_FIELDS) return undefined
  const isKnown = (name: string) =>
    DEFAULT_FIELDS.includes(name) && !(/^(?:src|dst)addr$/.test(name) && names.includes(`pkt-${name}`))
  return Object.fromEntries(names.flatMap((name, at) => (isKnown(name) ? [] : [[name, fields[at] ?? '']])))
}

export const flowLogs: LineFormat = {
  name: 'VPC flow logs',
  form: 'lines',
  recognises: (lines) => lines.some(isFlowLine),
  reader: flowReader,
}
