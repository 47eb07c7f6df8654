/** Whether a container runs: the kernel's word first, the engine's for what the kernel no longer knows. */

import type { Claims } from './claims.js'
import type { DeclaredContainer } from './declared.js'
import type { Subject } from './pods.js'
import type { ContainerState } from './types.js'

/** podman's database. */
const LIBPOD = 'db.sql'

export function stateOf(subject: Subject, claims: Claims): ContainerState | null {
  const actual = actualState(subject)
  const declared = declaredState(subject, actual !== null)
  // Only Docker is told of a pause; to the others a paused container still runs.
  const told = subject.declared?.docker != null
  return claims.take<ContainerState>(
    'state',
    [
      { value: actual?.state, source: actual?.source ?? '' },
      // Without a process it cannot run, whatever was last written.
      { value: actual === null && isAlive(declared?.state) ? 'exited' : null, source: 'no process in its cgroup' },
      { value: declared?.state, source: declared?.source ?? '' },
    ],
    (taken, other) => taken !== other && (told || isAlive(taken) !== isAlive(other)),
  )
}

function isAlive(state: ContainerState | null | undefined): boolean {
  return state === 'running' || state === 'paused'
}

function actualState({ group, init, declared }: Subject): { state: ContainerState; source: string } | null {
  if (init === null && (group?.processes.length ?? 0) === 0) return null
  if (group?.frozen === true) return { state: 'paused', source: 'cgroup freezer' }
  if (group?.frozen == null && declared?.docker?.value.paused === true)
    return { state: 'paused', source: 'config.v2.json' }
  // Until `start`, the runtime's own init waits where the container's program will be.
  const asleep = declared?.waiting === true || init?.comm?.startsWith('runc:[') === true
  const waiting = group?.processes.length === 1 && asleep
  return { state: waiting ? 'created' : 'running', source: 'task_struct' }
}

function declaredState({ declared, group }: Subject, alive: boolean): { state: ContainerState; source: string } | null {
  if (declared === null) return null
  const { docker, status, state, libpod } = declared
  if (docker !== null) {
    const { running, paused, started } = docker.value
    const now = running ? (paused ? 'paused' : 'running') : started === null ? 'created' : 'exited'
    return running === null ? null : { state: now, source: 'config.v2.json' }
  }
  if (status !== null) {
    const { started, finished } = status.value
    if (finished !== null) return { state: 'exited', source: 'CRI status' }
    return { state: started === null ? 'created' : 'running', source: 'CRI status' }
  }
  if (libpod?.value.state != null) return { state: libpod.value.state, source: LIBPOD }
  if (state !== null) return { state: 'running', source: state.value.source }
  const trace = alive ? null : traceOfEnd(declared, group)
  return trace === null ? null : { state: 'exited', source: trace }
}

/** A runtime removes its state with the container's last process; what the engine keeps longer tells that it ran. */
function traceOfEnd({ sandbox, userdata, engine }: DeclaredContainer, group: Subject['group']): string | null {
  // containerd keeps the directory until the pod is removed, so it tells of no sandbox that it runs.
  if (sandbox !== null && (sandbox.value.hostname !== null || sandbox.value.files.length > 0))
    return 'sandbox directory'
  if (userdata?.value.started) return "conmon's pid file"
  return group !== null && engine === 'podman' ? 'empty cgroup' : null
}
