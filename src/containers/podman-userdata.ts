/**
 * podman's and CRI-O's directory of one container on the tmpfs `/run`, `<id>/userdata`: the files that are mounted into
 * the container and what conmon wrote. It outlives the container's processes. What is mounted into a container its
 * root may rewrite, so these are the last to be believed.
 */

import type { CachedFiles } from './cached-files.js'

export interface Userdata {
  /** conmon wrote down a process id: the container was started since the host was. */
  started: boolean
  hostname: string | null
  /** From `.containerenv`, which podman fills for privileged containers only. */
  environment: { name: string | null; image: string | null } | null
  /** The name that follows the host's in the hosts file. */
  alias: string | null
}

const maximumLines = 1000
const containerName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,252}$/

export function readUserdata(files: CachedFiles, path: string, id: string): Userdata | null {
  const names = new Set(files.list(path).map((entry) => entry.name))
  const read = (name: string): string => (names.has(name) ? (files.read(`${path}/${name}`).text ?? '') : '')
  const hostname = /^\s*([\w.-]{1,253})\s*$/.exec(read('hostname'))?.[1] ?? null
  const value = {
    started: names.has('conmon.pid') || names.has('pidfile'),
    hostname,
    environment: parseContainerEnvironment(read('.containerenv'), id),
    alias: hostname === null ? null : aliasOf(hostname, read('hosts')),
  }
  return value.started || hostname !== null || value.environment !== null ? value : null
}

/** Lines of `name="value"`; null where they are of another container. */
export function parseContainerEnvironment(text: string, id: string): Userdata['environment'] {
  const values = new Map<string, string>()
  for (const line of text.split('\n', maximumLines)) {
    const [, name, value] = /^(\w{1,32})="([^"]{1,1024})"$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) values.set(name, value)
  }
  if (values.get('id') !== id) return null
  return { name: values.get('name') ?? null, image: values.get('image') ?? null }
}

/** Below the host's own lines podman writes `<address> <host name> … <container name>`. */
function aliasOf(hostname: string, hosts: string): string | null {
  let alias: string | null = null
  for (const line of hosts.split('\n', maximumLines)) {
    const [, host, ...names] = line.slice(0, 1024).trim().split(/\s+/)
    const last = names.at(-1)
    if (host === hostname && last !== undefined && last !== hostname && containerName.test(last)) alias = last
  }
  return alias
}
