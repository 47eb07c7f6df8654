/** Gathers the places in which credentials stand: environments and arguments of processes, and cached files. */

import { parseFlags } from '../containers/flags.js'
import { podName } from '../containers/pod-name.js'
import type { Kernel } from '../kernel/kernel.js'
import { cached, userStrings } from '../kernel/query.js'
import { isLeader } from '../kernel/tasks.js'
import { imageTime } from '../kernel/time.js'
import { ProcessMemory } from '../kernel/user-memory.js'
import { LARGEST, mayHoldSecrets, secretsOfFile } from '../secrets/files.js'
import { findNamed, findSecrets, type Secret } from '../secrets/find.js'
import { MOST_PLACES, secretsInMemory } from '../secrets/memory.js'
import { type SecretPlace, type SecretRow, secretRow } from '../secrets/rows.js'
import { containerEvidence, containerRows } from './containers.js'
import { type FileRow, fileRows } from './files.js'
import { containerNames, ownerOf, readMembers } from './members.js'
import { listedPlacedTasks } from './task.js'

const LONGEST_ENVIRONMENT = 1 << 20
const MOST_FILES = 1 << 14

/** In batches; with `reveal` their values are shown. */
export function* secretRows(kernel: Kernel, reveal: boolean): Generator<SecretRow[]> {
  const now = imageTime(kernel)
  const pods = podsOf(kernel)
  for (const found of [inProcesses(kernel, pods), inDeclarations(kernel, pods), inFiles(kernel, pods)]) {
    for (const { secrets, place } of found) {
      if (secrets.length > 0) yield secrets.map((secret) => secretRow(secret, place, now, reveal))
    }
  }
}

interface Found {
  secrets: readonly Secret[]
  place: SecretPlace
}

interface PodNames {
  uid: string | null
  name: string | null
}

interface Pods {
  byContainer: ReadonlyMap<string, PodNames>
  byUid: ReadonlyMap<string, PodNames>
}

/** What the table of containers says of pods; what does not fit in it is for that table to say. */
function podsOf(kernel: Kernel): Pods {
  const rows = containerRows(kernel, () => {}).map(({ id, pod_uid, pod_namespace, pod_name }) => {
    return [id, { uid: pod_uid, name: podName(pod_namespace, pod_name) }] as const
  })
  const named = rows.flatMap(([, pod]) => (pod.uid === null ? [] : [[pod.uid, pod] as const]))
  return { byContainer: new Map(rows), byUid: new Map(named) }
}

function* inProcesses(kernel: Kernel, { byContainer }: Pods): Generator<Found> {
  const members = readMembers(kernel)
  const args = new Map(
    listedPlacedTasks(kernel)
      .filter(isLeader)
      .map((task) => [task.address, task.args ?? []]),
  )
  const batch = kernel
    .at([...members.keys()], 'struct task_struct')
    .select({ environment: userStrings('mm', LONGEST_ENVIRONMENT) })
  for (const { address, environment } of batch) {
    const member = members.get(address)
    if (member === undefined) continue
    const known = new Set<string>()
    const unless = (secrets: Secret[]) => secrets.filter(({ value }) => !known.has(value))
    const pod_uid = byContainer.get(member.container ?? '')?.uid ?? null
    const place = { ...member, path: null, address, pod_uid }
    const told = [
      { secrets: inVariables((environment ?? '').split('\0')), place: { ...place, where: 'environment' as const } },
      { secrets: inArguments(args.get(address) ?? []), place: { ...place, where: 'arguments' as const } },
    ]
    yield* told
    // Both are part of its memory.
    for (const { secrets } of told) for (const { value } of secrets) known.add(value)
    yield { secrets: unless(inMemory(kernel, address)), place: { ...place, where: 'memory' } }
  }
}

function inMemory(kernel: Kernel, task: bigint): Secret[] {
  const memory = ProcessMemory.heapOf(kernel, task)
  if (memory === null) return []
  const message = `more than ${MOST_PLACES} places in a process that look like secrets: the rest is left out`
  return secretsInMemory(memory, () => kernel.warn({ code: 'cap', message, count: 1 }))
}

/** What containers were to be started with: their first processes may have written other things over it. */
function* inDeclarations(kernel: Kernel, { byContainer }: Pods): Generator<Found> {
  const names = containerNames(kernel)
  for (const { id, spec, stored_spec, docker } of containerEvidence(kernel).declared.containers.values()) {
    const found = spec ?? stored_spec ?? docker
    if (found === null) continue
    const pod_uid = byContainer.get(id)?.uid ?? null
    const process = { pid: null, comm: null, address: found.address, path: found.path, pod_uid }
    yield {
      secrets: inVariables(found.value.env),
      place: { where: 'declaration', ...process, ...ownerOf(id, names) },
    }
  }
}

function inVariables(variables: readonly string[]): Secret[] {
  const secrets = variables.flatMap((variable) => {
    const sign = variable.indexOf('=')
    return sign > 0 ? findNamed(variable.slice(0, sign), variable.slice(sign + 1)) : []
  })
  const id = secrets.find(({ kind }) => kind === 'aws-access-key')?.value ?? null
  return secrets.map((secret) => (secret.kind === 'aws-secret-key' ? { ...secret, account: id } : secret))
}

function inArguments(args: readonly string[]): Secret[] {
  const named = [...parseFlags(args)].flatMap(([name, value]) => findNamed(name, value))
  // A flag that names a secret mostly says in which file it is.
  const flags = named.filter(({ kind, value }) => kind !== 'named' || (value !== 'true' && !value.startsWith('/')))
  const known = new Set(flags.map(({ value }) => value))
  return [...flags, ...findSecrets(args.join('\n')).filter(({ value }) => !known.has(value))]
}

function* inFiles(kernel: Kernel, pods: Pods): Generator<Found> {
  const files = chosenFiles(kernel)
  const count = kernel.capped('files that may hold secrets', files.length, MOST_FILES)
  const chosen = files.slice(0, count)
  const batch = kernel
    .at(
      chosen.map(({ contents }) => contents),
      'struct inode',
    )
    .select({ text: cached('', LARGEST) })
  for (const [row, file] of chosen.entries()) {
    const text = batch.column('text').text(row)
    if (text === null || file.path === null) continue
    yield { secrets: secretsOfFile(file.path, text), place: placeOf(file, file.path, pods) }
  }
}

/** A file of the kubelet's is its pod's, and one of the engine's its container's, whoever else has it mounted. */
function placeOf({ address, ...file }: FileRow, path: string, { byContainer, byUid }: Pods): SecretPlace {
  const uid = /\/pods\/([0-9A-Za-z.-]{1,63})\/(?:volumes|volume-subpaths)\//.exec(path)?.[1]
  const id = /\/([0-9a-f]{64})\//.exec(path)?.[1]
  const around = byContainer.get(file.container ?? id ?? '')
  const pod = uid === undefined ? around : (byUid.get(uid) ?? { uid, name: null })
  const own = uid === undefined || around?.uid === uid
  const { container, container_name } = own ? file : { container: null, container_name: null }
  const process = { pid: null, comm: null }
  return {
    ...{ where: 'file', path, address, ...process, container, container_name },
    ...{ pod: pod?.name ?? null, pod_uid: pod?.uid ?? null },
  }
}

/** Each once: that of an overlay stands for the one in its layer. */
function chosenFiles(kernel: Kernel): FileRow[] {
  const found = new Map<bigint, FileRow>()
  for (const files of fileRows(kernel)) {
    for (const file of files) {
      if (file.type !== 'file' || file.path === null || file.cached_bytes === 0) continue
      if (!mayHoldSecrets(file.path, Number(file.size ?? 0))) continue
      const known = found.get(file.contents)
      if (known === undefined || (known.container === null && file.container !== null)) found.set(file.contents, file)
    }
  }
  return [...found.values()]
}
