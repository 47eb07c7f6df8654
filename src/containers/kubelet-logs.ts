/** What the kubelet's log names tell. A Kubernetes name has no underscore, so the fields cannot run into each other. */

export interface PodLogDirectory {
  pod_namespace: string
  pod_name: string
  pod_uid: string
}

export interface ContainerLogName {
  pod_name: string
  pod_namespace: string
  container_name: string
  id: string
}

const label = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?'
const podDirectory = new RegExp(`^(${label})_(${label})_([0-9A-Za-z][0-9A-Za-z.-]{0,62})$`)
const containerLog = new RegExp(`^(${label})_(${label})_(${label})-([0-9a-f]{64})\\.log$`)

/** A name under /var/log/pods. */
export function parsePodLogDirectory(name: string): PodLogDirectory | null {
  const match = name.length > 600 ? null : podDirectory.exec(name)
  const [, pod_namespace, pod_name, pod_uid] = match ?? []
  if (pod_namespace === undefined || pod_name === undefined || pod_uid === undefined) return null
  return { pod_namespace, pod_name, pod_uid }
}

/** A name under /var/log/containers. */
export function parseContainerLogName(name: string): ContainerLogName | null {
  const match = name.length > 900 ? null : containerLog.exec(name)
  const [, pod_name, pod_namespace, container_name, id] = match ?? []
  if (!pod_name || !pod_namespace || !container_name || !id) return null
  return { pod_name, pod_namespace, container_name, id }
}

/** /var/log/pods/<namespace>_<pod>_<uid>/<container>/<attempt>.log: where the links of /var/log/containers lead. */
export function parsePodLogPath(path: string): (PodLogDirectory & { container_name: string; attempt: number }) | null {
  if (path.length > 2048) return null
  const [file, container_name, directory] = path.split('/').reverse()
  const attempt = /^(\d{1,9})\.log(?:\.\d{8}-\d{6}(?:\.gz)?)?$/.exec(file ?? '')?.[1]
  const pod = parsePodLogDirectory(directory ?? '')
  if (attempt === undefined || !container_name || pod === null) return null
  return { ...pod, container_name, attempt: Number(attempt) }
}
