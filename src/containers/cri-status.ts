/**
 * A Kubernetes engine's own record of a container's life: containerd's `io.containerd.grpc.v1.cri/containers/<id>/status`
 * and CRI-O's `userdata/state.json`.
 */

import { field, integer, type Parsed, parseObject, text } from './json.js'
import { isoFromNanoseconds, isoFromText } from './time.js'

export interface CriStatus {
  pid: number | null
  created: string | null
  started: string | null
  finished: string | null
  exit_code: number | null
  reason: string | null
  message: string | null
}

export function parseCriStatus(content: string): Parsed<CriStatus> {
  const parsed = parseObject(content, 'CRI status')
  if (parsed.value === null) return parsed
  const status = parsed.value
  if (text(status, 'Version') === null || typeof field(status, 'CreatedAt') !== 'number') {
    return { value: null, problem: 'CRI status: no version or creation time' }
  }
  const pid = integer(status, 'Pid')
  const value: CriStatus = {
    pid: pid !== null && pid > 0 ? pid : null,
    created: isoFromNanoseconds(nanoseconds(content, status, 'CreatedAt')),
    started: isoFromNanoseconds(nanoseconds(content, status, 'StartedAt')),
    finished: isoFromNanoseconds(nanoseconds(content, status, 'FinishedAt')),
    exit_code: integer(status, 'ExitCode'),
    reason: text(status, 'Reason'),
    message: text(status, 'Message'),
  }
  return { value, problem: null }
}

export function parseCrioState(content: string): Parsed<CriStatus> {
  const parsed = parseObject(content, 'CRI-O state')
  if (parsed.value === null) return parsed
  const state = parsed.value
  if (text(state, 'ociVersion') === null && text(state, 'created') === null) {
    return { value: null, problem: 'CRI-O state: no version or creation time' }
  }
  const pid = integer(state, 'initPid') ?? integer(state, 'pid')
  const value: CriStatus = {
    pid: pid !== null && pid > 0 ? pid : null,
    created: isoFromText(text(state, 'created')),
    started: isoFromText(text(state, 'started')),
    finished: isoFromText(text(state, 'finished')),
    exit_code: integer(state, 'exitCode'),
    reason: null,
    message: text(state, 'error'),
  }
  return { value, problem: null }
}

/** Nanoseconds since 1970 are beyond what a JSON number keeps, so the digits are taken from the text when they agree. */
function nanoseconds(content: string, status: object, name: string): bigint {
  const rounded = field(status, name)
  if (typeof rounded !== 'number' || !Number.isFinite(rounded)) return 0n
  const digits = new RegExp(`(?<!\\\\)"${name}"\\s*:\\s*(\\d{1,19})(?!\\d)`).exec(content)?.[1]
  if (digits !== undefined && Number(digits) === rounded) return BigInt(digits)
  return BigInt(Math.trunc(rounded))
}
