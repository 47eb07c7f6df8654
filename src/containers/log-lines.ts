/** Lines of containers' logs: Docker's json-file, and what the kubelet's runtimes and podman write (k8s-file). */

import { parseObject, text } from './json.js'
import { parsePodLogPath } from './kubelet-logs.js'
import type { ContainerRow } from './types.js'

export interface LogLine {
  /** When the engine read it, as the log has it. */
  time: string | null
  /** stdout or stderr. */
  stream: string | null
  text: string
}

/** `2026-11-23T22:01:44.123456789Z stdout F text`; P stands for a part of a line. */
const PLAIN = /^(\d{4}-\d\d-\d\dT[0-9:.]{8,18}(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) [FP](?::[^ ]*)? ?/
/** What is told of one line: longer ones the engines cut themselves. */
const LONGEST = 16384

/** A line as its engine wrote it; one that is not of its form is text alone. */
export function parseLogLine(line: string): LogLine {
  if (line.startsWith('{')) {
    const { value } = parseObject(line, 'log line')
    const log = text(value, 'log')
    if (log !== null) {
      return {
        time: text(value, 'time'),
        stream: text(value, 'stream'),
        text: log.replace(/\n$/, '').slice(0, LONGEST),
      }
    }
  }
  const [head = '', time = null, stream = null] = PLAIN.exec(line.slice(0, 128)) ?? []
  return { time, stream, text: line.slice(head.length, head.length + LONGEST) }
}

/** Of Docker and of podman the directory, or the log itself, has the container's id as its name. */
const BY_ID =
  /\/(?:containers\/([0-9a-f]{64})\/\1-json\.log|overlay-containers\/([0-9a-f]{64})\/userdata\/ctr\.log)(?:\.\d{1,4})?$/

/** The container whose log a file is; null where it is none. */
export function logOf(path: string, containers: readonly ContainerRow[]): string | null {
  const [, docker, podman] = BY_ID.exec(path.slice(-300)) ?? []
  if (docker !== undefined || podman !== undefined) return docker ?? podman ?? null
  const pod = path.startsWith('/var/log/pods/') ? parsePodLogPath(path) : null
  if (pod === null) return null
  const of = containers.filter(
    ({ kind, name, pod_uid, pod_name, pod_namespace }) =>
      kind === 'container' &&
      name === pod.container_name &&
      (pod_uid === pod.pod_uid || (pod_name === pod.pod_name && pod_namespace === pod.pod_namespace)),
  )
  // Of a container that was started anew there may be several: the newest has the last log.
  return of.find(({ state }) => state === 'running')?.id ?? of[0]?.id ?? null
}
