/** A container in the layout of a checkpoint archive, as podman, CRI-O and containerd write it. */

import { append } from '../append.js'
import { type CheckpointMemory, type CheckpointProcess, criuImages, criuStats } from '../containers/checkpoint/criu.js'
import { type TarMember, type TarTarget, TarWriter } from '../containers/checkpoint/tar.js'
import { parseObject } from '../containers/json.js'
import type { ContainerRow } from '../containers/types.js'
import { readDescriptors } from '../kernel/descriptors.js'
import type { Kernel } from '../kernel/kernel.js'
import { type Mapping, readMappings } from '../kernel/mappings.js'
import { dPath, text } from '../kernel/query.js'
import { isLeader } from '../kernel/tasks.js'
import { imageTime } from '../kernel/time.js'
import { ProcessMemory } from '../kernel/user-memory.js'
import { containerEvidence } from './containers.js'
import { type FileRow, isWhiteout, upperFiles } from './files.js'
import { listedPlacedTasks, type PlacedTask } from './task.js'

/** Longest declaration that is written as it is. */
const MOST_SPEC = 16 << 20
/** PATH_MAX (include/uapi/linux/limits.h). */
const PATH_MAX = 4096
/** Bits beyond those of rwx, by the place of the letter that tells of each. */
const SPECIAL: Readonly<Record<number, number>> = { 3: 0o4000, 6: 0o2000, 9: 0o1000 }
/** Where the first process of a pid namespace stands (criu). */
const FIRST = 1

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
  /** Whether the memory of its processes is in it. */
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
  const memory = new Memories(kernel, withMemory ? [...tasks.values()].flat().filter(isLeader) : [])
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
    processes: processes.length,
    files: layer.files,
    partial: layer.partial.length,
    deleted: deleted.length,
    left_out: layer.leftOut,
    declared: spec !== null,
    memory: pages,
  }
}

/** Members of `mm_struct` in the order of `mm_entry`. */
const PLACES = [
  ...['start_code', 'end_code', 'start_data', 'end_data', 'start_stack', 'start_brk', 'brk'],
  ...['arg_start', 'arg_end', 'env_start', 'env_end'],
] as const
/** Pages beyond those of the image: many addresses may share one, but tables that lie lead to any number. */
const MORE_PAGES = 1 << 20

/** Memory of processes on its way into an archive. */
class Memories {
  readonly #kernel: Kernel
  readonly #places = new Map<bigint, bigint[]>()
  readonly #mappings = new Map<bigint, Mapping[]>()
  readonly #runs = new Map<bigint, CheckpointMemory['runs']>()
  #left: number

  constructor(kernel: Kernel, tasks: readonly PlacedTask[]) {
    this.#kernel = kernel
    this.#left = kernel.pages + MORE_PAGES
    const addresses = tasks.map(({ address }) => address)
    const select = Object.fromEntries(PLACES.map((name) => [name, `mm->${name}`]))
    const batch = kernel.at(addresses, 'struct task_struct').select(select)
    for (const [row, address] of addresses.entries()) {
      this.#places.set(
        address,
        PLACES.map((name) => batch.column(name).bigint(row) ?? 0n),
      )
    }
    for (const mapping of readMappings(kernel, addresses)) append(this.#mappings, mapping.task, mapping)
  }

  /** Null for one that has none. */
  of({ address, exe }: PlacedTask): CheckpointMemory | null {
    const mappings = this.#mappings.get(address)
    const memory = mappings === undefined ? null : ProcessMemory.of(this.#kernel, address)
    if (mappings === undefined || memory === null) return null
    const areas = mappings.flatMap(({ start, end, permissions, offset, path }) =>
      start === null || end === null || permissions === null ? [] : [{ start, end, permissions, offset, path }],
    )
    const runs = areas.filter(isOwn).flatMap((area) => this.#present(memory, area))
    this.#runs.set(address, runs)
    return { places: this.#places.get(address) ?? [], exe: exe ?? '', areas, runs }
  }

  #present(
    memory: ProcessMemory,
    { start, end }: { start: bigint; end: bigint },
  ): { address: bigint; pages: number }[] {
    const runs: { address: bigint; pages: number }[] = []
    for (const { address, length, state } of memory.pages({ start, end })) {
      const pages = Math.floor(length / this.#kernel.info.page_size)
      if (state !== 'present' || pages === 0) continue
      if (pages > this.#left) {
        this.#kernel.warn({ code: 'cap', message: 'more memory of processes than an archive takes', count: 1 })
        return runs
      }
      this.#left -= pages
      runs.push({ address, pages })
    }
    return runs
  }

  /** The file of pages of a process, by its number, and its size in bytes; what cannot be read by now is zeros. */
  async writePages(tar: TarWriter, { address }: PlacedTask, id: number): Promise<number> {
    const [runs, memory] = [this.#runs.get(address), ProcessMemory.of(this.#kernel, address)]
    if (runs === undefined || memory === null) return 0
    const size = runs.reduce((sum, { pages }) => sum + pages * this.#kernel.info.page_size, 0)
    await tar.contents({ path: `checkpoint/pages-${id}.img`, type: 'File', mode: 0o600 }, size, async (put) => {
      let at = 0
      for (const run of runs) {
        for (const piece of memory.read(run.address, run.pages * this.#kernel.info.page_size)) {
          if ('bytes' in piece) put(piece.bytes, at)
          at += piece.length
        }
      }
    })
    return size
  }
}

/** What no file has: memory without one, and what a process may have changed of a file for itself. */
function isOwn({
  permissions,
  offset,
  path,
}: {
  permissions: string
  offset: bigint | null
  path: string | null
}): boolean {
  if (!permissions.endsWith('p') || path === '[vvar]' || path === '[vsyscall]') return false
  return offset === null || permissions.includes('w')
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
  if (init === undefined) return []
  const tasks = [...(read.tasks.get(init.container ?? '') ?? [])]
  const numbers = innerNumbers(ordered)
  const first = numbers.get(init.pid) ?? FIRST
  const open = filesOf(kernel, ordered)
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
      stopped: task.state === 'T',
      threads: [
        { tid, comm: task.comm ?? '' },
        ...threads.map((thread) => ({ tid: thread.pid_in_ns ?? thread.tid ?? 0, comm: thread.comm ?? '' })),
      ],
      cwd: place?.cwd ?? '',
      root: place?.root ?? '/',
      files: open.get(task.address) ?? [],
      memory: memory.of(task),
    }
  })
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

/** Files of an upper layer on their way into a tar. */
class Layer {
  files = 0
  leftOut = 0
  /** Paths of files of which memory lacks pages. */
  readonly partial: string[] = []
  readonly #kernel: Kernel
  readonly #targets: ReadonlyMap<bigint, string>

  constructor(kernel: Kernel, targets: ReadonlyMap<bigint, string>) {
    this.#kernel = kernel
    this.#targets = targets
  }

  async write(tar: TarWriter, upper: readonly { path: string; file: FileRow }[]): Promise<void> {
    for (const { path, file } of upper) {
      if (isWhiteout(file)) continue
      const member = memberOf(path, file, this.#targets.get(file.address) ?? null)
      if (member === null) this.leftOut++
      else if (member.type === 'File') await this.#file(tar, member, path, file)
      else {
        tar.add(member)
        this.files++
      }
    }
  }

  async #file(tar: TarWriter, member: TarMember, path: string, file: FileRow): Promise<void> {
    const contents = this.#kernel.fileContents(file.contents)
    if (contents === null || !Number.isSafeInteger(contents.size)) {
      this.leftOut++
      return
    }
    const runs = [...contents.runs()]
    // Of a file of which there is nothing not even its zeros are told.
    if (contents.size > 0 && !runs.some(({ state }) => state === 'present' || state === 'hole')) {
      this.leftOut++
      return
    }
    if (runs.some(({ state }) => state !== 'present' && state !== 'hole')) this.partial.push(path)
    await tar.contents(member, contents.size, async (put) => {
      await contents.copyTo({ write: put })
    })
    this.files++
  }
}

/** Null for what no archive may have, or is not told. */
function memberOf(path: string, { type, uid, gid, mode, modified }: FileRow, target: string | null): TarMember | null {
  const names = path.split('/').filter((name) => name !== '')
  if (names.length === 0 || names.some((name) => name === '.' || name === '..' || name.includes('\0'))) return null
  const about = {
    mode: permissionsOf(mode ?? ''),
    uid: uid ?? 0,
    gid: gid ?? 0,
    modified: modified === null ? undefined : new Date(modified),
  }
  const plain = names.join('/')
  if (type === 'directory') return { ...about, path: `${plain}/`, type: 'Directory' }
  if (type === 'symlink') return target === null ? null : { ...about, path: plain, type: 'SymbolicLink', target }
  return type === 'file' ? { ...about, path: plain, type: 'File' } : null
}

/** Bits of a mode as `ls` has it: `-rwsr-xr-x`. */
function permissionsOf(mode: string): number {
  return [...mode].reduce((bits, letter, place) => {
    if (place === 0 || letter === '-') return bits
    const own = /[ST]/.test(letter) ? 0 : 1 << (9 - place)
    return bits | own | (/[sStT]/.test(letter) ? (SPECIAL[place] ?? 0) : 0)
  }, 0)
}

function linkTargets(kernel: Kernel, upper: readonly { file: FileRow }[]): Map<bigint, string> {
  const links = upper.filter(({ file }) => file.type === 'symlink')
  const batch = kernel
    .at(
      links.map(({ file }) => file.address),
      'struct inode',
    )
    .select({ target: text('i_link', PATH_MAX) })
  const found = Array.from(
    { length: batch.length },
    (_, row) => [batch.address(row), batch.column('target').text(row)] as const,
  )
  return new Map(found.flatMap(([address, target]) => (target === null || target === '' ? [] : [[address, target]])))
}
