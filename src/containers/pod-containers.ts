/** Which of a pod's containers are which: none of the engines writes down whether one only prepared the others. */

import { list, members, parseObject, text } from './json.js'

/** The newest container of a name. */
export interface PodContainer {
  name: string
  /** How often it was made before. */
  attempt: number | null
  created: string | null
  finished: string | null
  exit_code: number | null
  /** It was put into another container's processes, as only `kubectl debug` can. */
  debugs: boolean
}

export interface PodRoles {
  containers: string[]
  init_containers: string[]
  ephemeral_containers: string[]
  /** Where it is known from that some are init containers. */
  source: string | null
}

/** What `kubectl apply` leaves in an annotation of a pod that nothing else manages. */
export const APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

export function rolesOf(containers: readonly PodContainer[], annotations: ReadonlyMap<string, string>): PodRoles {
  const ephemeral = names(containers.filter(({ debugs }) => debugs))
  const others = containers.filter(({ debugs }) => !debugs)
  const applied = readApplied(annotations.get(APPLIED) ?? null)
  const inferred = names(initBySequence(others))
  const init = applied === null ? inferred : names(others).filter((name) => applied.init.has(name))
  const named = applied === null ? 'the order in which they ran' : 'last-applied-configuration'
  return {
    containers: names(others).filter((name) => !init.includes(name)),
    init_containers: init,
    ephemeral_containers: ephemeral,
    source: init.length === 0 ? null : named,
  }
}

function names(containers: readonly { name: string }[]): string[] {
  return containers.map(({ name }) => name).sort()
}

/**
 * An init container ends well before any of the others is made, one after the other. One that was made again may have been
 * made before as well, so where any was it is not told; nor is one that is the last.
 */
function initBySequence(containers: readonly PodContainer[]): PodContainer[] {
  const timed = containers.flatMap((container) =>
    container.created === null ? [] : [{ ...container, created: container.created }],
  )
  if (timed.length !== containers.length) return []
  const ordered = timed.sort((left, right) => (left.created < right.created ? -1 : 1))
  const found: PodContainer[] = []
  for (const [index, container] of ordered.entries()) {
    const after = ordered.slice(index + 1)
    const { finished, exit_code } = container
    if (finished === null || exit_code !== 0 || after.length === 0) break
    if (after.some(({ created, attempt }) => created < finished || attempt !== 0)) break
    found.push(container)
  }
  return found
}

export interface Applied {
  init: ReadonlySet<string>
  /** Paths of the host by the names of their volumes. */
  host_paths: ReadonlyMap<string, string>
}

/** Null where it is no pod's declaration. */
export function readApplied(annotation: string | null): Applied | null {
  const pod = annotation === null ? null : parseObject(annotation, 'last-applied-configuration').value
  if (pod === null || text(pod, 'kind') !== 'Pod' || members(pod, 'spec').length === 0) return null
  const host_paths = new Map<string, string>()
  for (const volume of list(pod, 'spec', 'volumes')) {
    const [name, path] = [text(volume, 'name'), text(volume, 'hostPath', 'path')]
    if (name !== null && path !== null) host_paths.set(path, name)
  }
  const init = list(pod, 'spec', 'initContainers').flatMap((container) => text(container, 'name') ?? [])
  return { init: new Set(init), host_paths }
}
