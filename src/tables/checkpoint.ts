/** A container in the layout of a checkpoint archive, as podman, CRI-O and containerd write it. */

import { type CheckpointProcess, type CheckpointState, criuImages, criuStats } from '../containers/checkpoint/criu.js'
import { type TarTarget, TarWriter } from '../containers/checkpoint/tar.js'
import { parseObject } from '../containers/json.js'
import type { ContainerRow } from '../containers/types.js'
import { readDescriptors } from '../kernel/descriptors.js'
import type { Kernel } from '../kernel/kernel.js'
import { dPath } from '../kernel/query.js'
import { isLeader } from '../kernel/tasks.js'
import { imageTime } from '../kernel/time.js'
import { Layer, linkTargets } from './checkpoint-layer.js'
import { Memories, NO_MEMORY } from './checkpoint-memory.js'
import { checkpointSockets } from './checkpoint-sockets.js'
import { containerEvidence } from './containers.js'
import { type FileRow, isWhiteout, upperFiles } from './files.js'
import { listedPlacedTasks, type PlacedTask } from './task.js'

/** Longest declaration that is written as it is. */
const MOST_SPEC = 16 << 20
/** Where the first process of a pid namespace stands (criu). */
const FIRST = 1

/** Readers take no archive without a first process: that of a container which has none is dead, and nothing is known of it. */
const ENDED: CheckpointProcess = {
  ...{ tid: FIRST, comm: '', parent: 0, group: FIRST, session: FIRST, state: 'dead', cwd: '', root: '' },
  ...{ threads: [{ tid: FIRST, comm: '' }], files: [], sockets: [], memory: NO_MEMORY },
}

/** What went into an archive. */
export interface Checkpoint {
  processes: number
  files: number
  /** Files of which memory lacks pages: these are zeros in it. */
  partial: number
  /** Names of the upper layer that say that there is no file. */
  deleted: number
  /** What has no place in it: names that no archive may have, links and devices that cannot be told. */
  left_out: number
  /** Whether the declaration is the one that the runtime was given. */
  declared: boolean
  /** Bytes of its processes' memory. */
  memory: number
}

/** What is read for all of some containers at once. */
interface Read {
  readonly tasks: ReadonlyMap<string, readonly PlacedTask[]>
  readonly places: ReadonlyMap<bigint, { cwd: string; root: string }>
  readonly upper: ReadonlyMap<string, readonly { path: string; file: FileRow }[]>
  /** Where links lead, by their inodes. */
  readonly targets: ReadonlyMap<bigint, string>
}

/** Writes archives of some containers, each by its row. */
export function checkpointWriter(
  kernel: Kernel,
  rows: readonly Readonly<ContainerRow>[],
  /** Whether all memory of its processes that no file has is in it. */
  withMemory = false,
): (row: Readonly<ContainerRow>, target: TarTarget) => Promise<Checkpoint> {
  const all = listedPlacedTasks(kernel)
  const tasks = new Map(rows.map(({ id }) => [id, all.filter(({ container }) => container === id)]))
  const upper = new Map(rows.map(({ id }) => [id, upperFiles(kernel, id)]))
  const read = {
    tasks,
    places: placesOf(kernel, [...tasks.values()].flat()),
    upper,
    targets: linkTargets(kernel, [...upper.values()].flat()),
  }
  const memory = new Memories(kernel, [...tasks.values()].flat().filter(isLeader), withMemory)
  return (row, target) => write(kernel, row, target, read, memory)
}

async function write(
  kernel: Kernel,
  row: Readonly<ContainerRow>,
  target: TarTarget,
  read: Read,
  memory: Memories,
): Promise<Checkpoint> {
  const tar = new TarWriter(target)
  const json = (path: string, value: unknown) => tar.file(path, Buffer.from(`${JSON.stringify(value, null, 2)}\n`))
  const spec = specOf(kernel, row.id)
  const leaders = leadersOf(row, read)
  const processes = processesOf(kernel, leaders, read, memory)
  const upper = read.upper.get(row.id) ?? []
  const deleted = upper.filter(({ file }) => isWhiteout(file))
  json('config.dump', configOf(kernel, row))
  json('spec.dump', named(spec ?? { ociVersion: '1.0.2' }, row))
  json('network.status', networksOf(row))
  json(
    'deleted.files',
    deleted.map(({ path }) => path),
  )
  tar.file('stats-dump', criuStats())
  tar.add({ path: 'checkpoint/', type: 'Directory', mode: 0o700 })
  for (const { name, bytes } of criuImages(processes, kernel.info.architecture)) {
    tar.file(`checkpoint/${name}`, bytes)
  }
  let pages = 0
  for (const [place, task] of leaders.entries()) pages += await memory.writePages(tar, task, place + 1)
  const layer = new Layer(kernel, read.targets)
  await tar.inner('rootfs-diff.tar', (rootfs) => layer.write(rootfs, upper))
  json('partial.files', layer.partial)
  tar.end()
  return {
    processes: leaders.length,
    files: layer.files,
    partial: layer.partial.length,
    deleted: deleted.length,
    left_out: layer.leftOut,
    declared: spec !== null,
    memory: pages,
  }
}

/** The declaration as its file has it. */
function specOf(kernel: Kernel, container: string): object | null {
  const declared = containerEvidence(kernel).declared.containers.get(container)?.spec
  const contents = declared == null ? null : kernel.fileContents(declared.address)
  if (contents === null || contents.size > MOST_SPEC) return null
  const bytes = Buffer.alloc(contents.size)
  for (const piece of contents) if ('bytes' in piece) bytes.set(piece.bytes, piece.offset)
  return parseObject(bytes.toString('utf8'), 'config.json').value
}

/** Readers take the name of a container that no Kubernetes and no podman made from an annotation, too. */
function named(spec: object, { name, pod_name, pod_namespace }: ContainerRow): object {
  const given = (spec as { annotations?: unknown }).annotations
  const annotations = typeof given === 'object' && given !== null ? given : {}
  const own = {
    ...(name === null ? {} : { 'io.kubernetes.cri.container-name': name }),
    ...(pod_name === null ? {} : { 'io.kubernetes.cri.sandbox-name': pod_name }),
    ...(pod_namespace === null ? {} : { 'io.kubernetes.cri.sandbox-namespace': pod_namespace }),
  }
  return { ...spec, annotations: { ...own, ...annotations } }
}

function configOf(kernel: Kernel, { id, name, image, runtime, started }: ContainerRow): object {
  return {
    id,
    name: name ?? '',
    ...(image === null ? {} : { rootfsImageName: image }),
    ...(runtime === null ? {} : { runtime }),
    ...(started === null ? {} : { createdTime: started }),
    checkpointedTime: imageTime(kernel) ?? undefined,
  }
}

/** As podman has it: networks, each with its interfaces. */
function networksOf({ networks }: ContainerRow): object {
  const of = (networks ?? []).map(({ name, interface: device, address }, place) => {
    const subnets = address === null ? [] : [{ ipnet: address }]
    return [name ?? `network${place}`, { interfaces: { [device ?? 'unknown']: { subnets } } }] as const
  })
  return Object.fromEntries(of)
}

/** The processes of a container, the first of them first. */
function leadersOf({ id, init_pid }: ContainerRow, read: Read): PlacedTask[] {
  const leaders = (read.tasks.get(id) ?? []).filter(isLeader)
  const init = leaders.find(({ pid }) => pid === init_pid) ?? leaders[0]
  return init === undefined ? [] : [init, ...leaders.filter((task) => task !== init)]
}

function processesOf(
  kernel: Kernel,
  ordered: readonly PlacedTask[],
  read: Read,
  memory: Memories,
): CheckpointProcess[] {
  const [init] = ordered
  if (init === undefined) return [ENDED]
  const tasks = [...(read.tasks.get(init.container ?? '') ?? [])]
  const numbers = innerNumbers(ordered)
  const first = numbers.get(init.pid) ?? FIRST
  const [open, sockets] = [filesOf(kernel, ordered), checkpointSockets(kernel)]
  return ordered.map((task): CheckpointProcess => {
    const tid = numbers.get(task.pid) ?? 0
    const threads = tasks.filter((thread) => thread.pid === task.pid && thread !== task)
    const place = read.places.get(task.address)
    return {
      tid,
      comm: task.comm ?? '',
      // Those that were started in it from outside stand below its first.
      parent: task === init ? 0 : (numbers.get(task.ppid) ?? first),
      group: tid,
      session: tid,
      state: stateOf(task),
      threads: [
        { tid, comm: task.comm ?? '' },
        ...threads.map((thread) => ({ tid: thread.pid_in_ns ?? thread.tid ?? 0, comm: thread.comm ?? '' })),
      ],
      cwd: place?.cwd ?? '',
      root: place?.root ?? '/',
      files: open.get(task.address) ?? [],
      sockets: sockets.get(task.pid ?? -1) ?? [],
      memory: memory.of(task),
    }
  })
}

function stateOf({ state }: PlacedTask): CheckpointState {
  if (state === 'Z' || state === 'X') return 'zombie'
  return state === 'T' || state === 't' ? 'stopped' : 'alive'
}

/** Numbers in the pid namespace; of two that have the same in two namespaces the second keeps that of the host. */
function innerNumbers(tasks: readonly PlacedTask[]): Map<number | null, number> {
  const numbers = new Map<number | null, number>()
  const taken = new Set<number>()
  for (const { pid, pid_in_ns } of tasks) {
    const wanted = [pid_in_ns, pid].find((number) => number !== null && number > 0 && !taken.has(number))
    if (wanted == null) continue
    taken.add(wanted)
    numbers.set(pid, wanted)
  }
  return numbers
}

function filesOf(kernel: Kernel, tasks: readonly PlacedTask[]): Map<bigint, CheckpointProcess['files'][number][]> {
  const files = new Map<bigint, CheckpointProcess['files'][number][]>()
  const addresses = tasks.map(({ address }) => address)
  for (const { task, fd, type, path, flags, position } of readDescriptors(kernel, addresses)) {
    if (fd === null || path === null || !['file', 'directory', 'memfd', 'character'].includes(type ?? '')) continue
    const own = files.get(task) ?? []
    files.set(task, own)
    const at = Number(position ?? 0)
    own.push({
      fd,
      path,
      flags: Number.parseInt(flags ?? '0', 8),
      position: Number.isSafeInteger(at) && at > 0 ? at : 0,
    })
  }
  return files
}

function placesOf(kernel: Kernel, tasks: readonly PlacedTask[]): Map<bigint, { cwd: string; root: string }> {
  const batch = kernel
    .at(
      tasks.map(({ address }) => address),
      'struct task_struct',
    )
    .select({ cwd: dPath('fs->pwd', 'fs->root'), root: dPath('fs->root') })
  return new Map(
    Array.from({ length: batch.length }, (_, row) => [
      batch.address(row),
      { cwd: batch.column('cwd').text(row) ?? '', root: batch.column('root').text(row) ?? '/' },
    ]),
  )
}
