/**
 * Findings of GuardDuty: what get-findings answers (names begin with a capital letter), what EventBridge sends and what is
 * exported to S3 (they do not).
 */

import { field } from '../../containers/json.js'
import { podName } from '../../containers/pod-name.js'
import type { DocumentFormat, LineFormat, Losses } from '../format.js'
import type { FindingRecord } from '../records.js'
import { items, moment, numeral, parsed, told } from '../values.js'

/** A member under either spelling of its name. */
function either(of: unknown, ...path: string[]): unknown {
  return path.reduce((at: unknown, name) => field(at, name) ?? field(at, name[0]?.toLowerCase() + name.slice(1)), of)
}

function text(of: unknown, ...path: string[]): string | null {
  const last = path.at(-1) ?? ''
  return told({ [last]: either(of, ...path) }, last)
}

function isFinding(value: unknown): boolean {
  return text(value, 'Type')?.includes('/') === true && either(value, 'Resource', 'ResourceType') !== undefined
}

function findingRecord(of: unknown): FindingRecord {
  const process = either(of, 'Service', 'RuntimeDetails', 'Process')
  const action = either(of, 'Service', 'Action', 'NetworkConnectionAction')
  const workload = either(of, 'Resource', 'KubernetesDetails', 'KubernetesWorkloadDetails')
  const [namespace, name] = [text(workload, 'Namespace'), text(workload, 'Name')]
  const inWorkload = items({ all: either(workload, 'Containers') }, 'all')[0]
  return {
    kind: 'finding',
    time: moment(either(of, 'Service', 'EventLastSeen')) ?? moment(either(of, 'UpdatedAt')),
    type: text(of, 'Type') ?? '?',
    title: text(of, 'Title'),
    severity: numeral(either(of, 'Severity')),
    container: text(of, 'Resource', 'ContainerDetails', 'Id') ?? text(inWorkload, 'Id'),
    pod: podName(namespace, name),
    pid: numeral(either(process, 'Pid')),
    exe: text(process, 'ExecutablePath'),
    remote: text(action, 'RemoteIpDetails', 'IpAddressV4') ?? text(action, 'RemoteIpDetails', 'IpAddressV6'),
    remote_port: numeral(either(action, 'RemotePortDetails', 'Port')),
    key: text(of, 'Resource', 'AccessKeyDetails', 'AccessKeyId'),
    said: of,
  }
}

/** The finding in what EventBridge sends around it. */
function inside(value: unknown): unknown {
  return told(value, 'detail-type') === 'GuardDuty Finding' ? field(value, 'detail') : value
}

function* records(values: readonly unknown[], losses: Losses): Generator<FindingRecord> {
  for (const value of values) {
    if (isFinding(inside(value))) yield findingRecord(inside(value))
    else losses.malformed()
  }
}

function findingsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  const listed = items(value, 'Findings')
  return listed.length > 0 ? listed : [value]
}

export const guardDuty: DocumentFormat = {
  name: 'GuardDuty',
  form: 'document',
  recognises: (value) => isFinding(inside(findingsOf(value)[0])),
  read: (value, losses) => records(findingsOf(value), losses),
}

export const guardDutyLines: LineFormat = {
  name: 'GuardDuty',
  form: 'lines',
  recognises: ([first = '']) => isFinding(inside(parsed(first))),
  reader: (losses) => (line) => records([parsed(line)], losses),
}
