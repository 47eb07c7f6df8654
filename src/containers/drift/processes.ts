/** What processes of a container may do, against what it was declared to. */

import type { Difference, DriftEvidence, DriftProcess, Namespaces } from './types.js'

/** Names of namespaces in a declaration (runtime-spec, config-linux.md). */
const DECLARED: Readonly<Record<string, keyof Namespaces>> = {
  mount: 'mnt',
  network: 'net',
  pid: 'pid',
  uts: 'uts',
  ipc: 'ipc',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
}

type Of = Omit<Difference, 'process'>

function in_(process: DriftProcess, differences: readonly (Of | null)[]): Difference[] {
  return differences.flatMap((difference) => (difference === null ? [] : [{ ...difference, process }]))
}

/** In a user namespace of its own a process has every capability, over what belongs to that namespace alone. */
function capabilities({ spec, init }: DriftEvidence, process: DriftProcess): Of | null {
  if (spec.capabilities === null || process.namespaces.user !== init?.namespaces.user) return null
  const given = new Set(spec.capabilities)
  const held = new Set([...(process.cap_permitted ?? []), ...(process === init ? (process.cap_bounding ?? []) : [])])
  const more = [...held].filter((name) => !given.has(name)).sort()
  if (more.length === 0) return null
  return { aspect: 'capabilities', name: more.join(' '), declared: 'not given', actual: 'held', weaker: true }
}

function seccomp({ spec }: DriftEvidence, process: DriftProcess): Of | null {
  if (!spec.seccomp || process.seccomp !== 'disabled') return null
  return { aspect: 'seccomp', name: null, declared: 'filter', actual: 'disabled', weaker: true }
}

function noNewPrivileges({ spec }: DriftEvidence, process: DriftProcess): Of | null {
  if (!spec.no_new_privileges || process.no_new_privs !== false) return null
  return { aspect: 'no-new-privileges', name: null, declared: 'set', actual: 'not set', weaker: true }
}

/** `docker-default (enforce)`; a child profile is `docker-default//child`. Where AppArmor is not in use there is no label. */
function lsm({ spec, init }: DriftEvidence, process: DriftProcess): Of | null {
  const declared = spec.apparmor
  if (declared === null || declared === 'unconfined') return null
  const { label } = process
  if (label === null) {
    const actual = 'no label: AppArmor is not in use'
    return process === init ? { aspect: 'lsm', name: null, declared, actual, weaker: null } : null
  }
  const [profile = ''] = label.split(' (')
  const isComplain = label.endsWith('(complain)')
  if ((profile === declared || profile.startsWith(`${declared}//`)) && !isComplain) return null
  return { aspect: 'lsm', name: null, declared, actual: label, weaker: profile === 'unconfined' || isComplain || null }
}

/** The namespace that a declaration asks for by a path; null where it asks for a new one, or where nobody knows. */
function joined({ init, others }: DriftEvidence, name: keyof Namespaces, path: string | null): number | null {
  if (path === null) return null
  const pid = /^\/proc\/(\d{1,10})\/ns\//.exec(path)?.[1]
  // Other paths are files of the engine's that hold a namespace: its first process was started in it.
  return others(Number(pid ?? -1))?.[name] ?? init?.namespaces[name] ?? null
}

function namespaces(evidence: DriftEvidence, process: DriftProcess): Of[] {
  const { spec, init, host } = evidence
  return spec.namespaces.flatMap(({ type, path }): Of[] => {
    const name = DECLARED[type]
    const inode = name === undefined ? null : process.namespaces[name]
    if (name === undefined || inode === null) return []
    const wanted = joined(evidence, name, path)
    if (inode === wanted) return []
    const about = { aspect: 'namespace' as const, name, declared: path === null ? 'its own' : `that of ${path}` }
    if (host !== null && inode === host[name]) return [{ ...about, actual: "the host's", weaker: true }]
    const isNew = inode !== (wanted ?? init?.namespaces[name] ?? inode)
    return isNew ? [{ ...about, actual: 'another', weaker: null }] : []
  })
}

/** What user id a process has within its user namespace; lines of the map are first inside, first outside, how many. */
function uidInside({ uid, uid_map }: DriftProcess): number | null {
  if (uid === null) return null
  for (const line of uid_map ?? []) {
    const [inside = Number.NaN, outside = Number.NaN, count = 0] = line.trim().split(/\s+/).map(Number)
    if (uid >= outside && uid < outside + count) return inside + uid - outside
  }
  return uid_map === null ? uid : null
}

/** The name of the program that a command runs. What follows it is no evidence: programs write over their arguments. */
function programOf(command: string): string {
  const [path = ''] = command.trim().split(/[\s:]/, 1)
  return path.slice(path.lastIndexOf('/') + 1)
}

function first({ spec, init }: DriftEvidence): Difference[] {
  if (init === null) return []
  const uid = uidInside(init)
  const declared = spec.uid ?? 0
  const user =
    uid === null || uid === declared
      ? null
      : { aspect: 'user' as const, name: null, declared: `${declared}`, actual: `${uid}`, weaker: uid === 0 }
  const [wanted, runs] = [spec.args.join(' '), init.args?.join(' ') ?? '']
  const isSame = wanted === '' || runs === '' || runs.endsWith(` ${wanted}`) || programOf(runs) === programOf(wanted)
  const command = isSame
    ? null
    : { aspect: 'command' as const, name: null, declared: wanted, actual: runs.trim(), weaker: null }
  return in_(init, [user, command])
}

export function processDrift(evidence: DriftEvidence): Difference[] {
  const each = evidence.processes.flatMap((process) =>
    in_(process, [
      capabilities(evidence, process),
      seccomp(evidence, process),
      noNewPrivileges(evidence, process),
      lsm(evidence, process),
      ...namespaces(evidence, process),
    ]),
  )
  return [...first(evidence), ...each]
}
