/**
 * Images as CRIU writes them (criu/images/*.proto): a magic number, then messages of protobuf, each after its length. What
 * stands in them is what memory tells; members that a reader needs and nobody knows are zero.
 */

import type { BinaryWriter } from '@bufbuild/protobuf/wire'
import { require } from '../../require.js'
import { type CheckpointSocket, socketEntry, socketKind } from './criu-sockets.js'

/** IMG_COMMON_MAGIC, IMG_SERVICE_MAGIC and the kinds of images (criu/include/magic.h). */
const COMMON = 0x5456_4319
const SERVICE = 0x5510_5940
const MAGIC = {
  inventory: 0x5831_3116,
  pstree: 0x5027_3030,
  core: 0x5505_3847,
  ids: 0x5443_2030,
  fs: 0x5140_3912,
  fdinfo: 0x5621_3732,
  files: 0x5630_3138,
  stats: 0x5709_3306,
  mm: 0x5749_2820,
  pagemap: 0x5608_4025,
} as const
/** CRTOOLS_IMAGES_V1_1 (criu/include/image.h). */
const VERSION = 2
/** Of `core_entry`: which machine, and what a task does (compel/include/uapi/task-state.h). */
const MACHINES: Readonly<Record<string, number>> = { x86_64: 1, arm64: 3 }
const STATES = { alive: 1, dead: 2, stopped: 3, zombie: 6 } as const
export type CheckpointState = keyof typeof STATES
/** REG of `fd_types` (images/fdinfo.proto). */
const REGULAR = 1

/** PROT_READ, PROT_WRITE and PROT_EXEC; MAP_SHARED, MAP_PRIVATE and MAP_ANONYMOUS (include/uapi/asm-generic/mman-common.h). */
const PROTECTION: Readonly<Record<string, number>> = { r: 1, w: 2, x: 4 }
const [SHARED, PRIVATE, ANONYMOUS] = [0x01, 0x02, 0x20]
/** VMA_AREA_* and VMA_* of an area's status (criu/include/image.h). */
const AREAS: Readonly<Record<string, number>> = {
  '[stack]': 1 << 1,
  '[vdso]': 1 << 3,
  '[heap]': 1 << 5,
  '[vvar]': 1 << 12,
}
const REGULAR_AREA = 1 << 0
const STATUS = { file: { p: 1 << 6, s: 1 << 7 }, none: { p: 1 << 9, s: 1 << 8 } } as const
/** PE_PRESENT: its bytes are in the file of pages (criu/include/pagemap.h). */
const PRESENT = 1 << 2

/** Memory of a process. */
export interface CheckpointMemory {
  /** Code, data, stack, heap, arguments and environment: as `mm_entry` has them, from its first member on. */
  places: readonly bigint[]
  exe: string
  areas: readonly CheckpointArea[]
  /** What of them is in the file of pages, one after the other. */
  runs: readonly { address: bigint; pages: number }[]
}

export interface CheckpointArea {
  start: bigint
  end: bigint
  /** As `r-xp`. */
  permissions: string
  /** In its file, in bytes; null where there is none. */
  offset: bigint | null
  path: string | null
}

/** A thread. */
export interface CheckpointThread {
  /** As its own pid namespace has it. */
  tid: number
  comm: string
}

/** A process, with numbers of its own pid namespace. */
export interface CheckpointProcess extends CheckpointThread {
  /** 0 for the first. */
  parent: number
  group: number
  session: number
  state: CheckpointState
  threads: readonly CheckpointThread[]
  cwd: string
  root: string
  files: readonly { fd: number; path: string; flags: number; position: number }[]
  sockets: readonly CheckpointSocket[]
  memory: CheckpointMemory
}

/** A file of the archive. */
export interface ImageFile {
  name: string
  bytes: Uint8Array
}

/** Few runs write images. */
const wire = () => require('@bufbuild/protobuf/wire') as typeof import('@bufbuild/protobuf/wire')

type Fill = (message: BinaryWriter) => BinaryWriter

/** The images of processes, each in the archive's folder for them. */
export function criuImages(processes: readonly CheckpointProcess[], architecture: string): ImageFile[] {
  const { BinaryWriter } = wire()
  const message = (fill: Fill) => fill(new BinaryWriter()).finish()
  const image = (name: string, kind: keyof typeof MAGIC, entries: readonly Fill[]): ImageFile => {
    const prefix = kind === 'inventory' ? [MAGIC.inventory] : [kind === 'stats' ? SERVICE : COMMON, MAGIC[kind]]
    const parts = entries.map(message).flatMap((entry) => [words([entry.length]), entry])
    return { name, bytes: Buffer.concat([words(prefix), ...parts]) }
  }
  const files = new Files()
  const of = processes.flatMap((process, place) => {
    const id = place + 1
    const { tid, cwd, root, threads } = process
    const [cwdId, rootId] = [files.id(cwd, 0, 0), files.id(root, 0, 0)]
    const open = [
      ...process.files.map(({ fd, path, flags, position }) => [files.id(path, flags, position), flags, REGULAR, fd]),
      ...process.sockets.map((socket) => [files.socket(socket), 0, socketKind(socket).type, socket.fd]),
    ]
    return [
      image(`core-${tid}.img`, 'core', [(core) => task(core, process, architecture)]),
      ...threads
        .filter((thread) => thread.tid !== tid)
        .map((thread) => image(`core-${thread.tid}.img`, 'core', [(core) => threadCore(core, thread, architecture)])),
      // What a process has of its own has its number.
      image(`ids-${tid}.img`, 'ids', [(ids) => numbers(ids, [id, id, id, id])]),
      image(`fs-${tid}.img`, 'fs', [(fs) => numbers(fs, [cwdId, rootId])]),
      image(
        `fdinfo-${id}.img`,
        'fdinfo',
        open.map((each) => (entry: BinaryWriter) => numbers(entry, each)),
      ),
      image(`mm-${tid}.img`, 'mm', [memoryEntry(process.memory, files)]),
      image(`pagemap-${tid}.img`, 'pagemap', pagemap(process.memory, id)),
    ]
  })
  const tree = processes.map(({ tid, parent, group, session, threads }) => (entry: BinaryWriter) => {
    const written = numbers(entry, [tid, parent, group, session])
    for (const thread of threads) written.tag(5, VARINT).uint32(thread.tid)
    return written
  })
  return [
    image('inventory.img', 'inventory', [(entry) => numbers(entry, [VERSION])]),
    image('pstree.img', 'pstree', tree),
    image('files.img', 'files', files.entries()),
    ...of,
  ]
}

/** `stats-dump`: nothing was frozen, and no page was looked at. */
export function criuStats(): Uint8Array {
  const { BinaryWriter } = wire()
  const dump = numbers(new BinaryWriter().tag(1, LENGTH).fork(), [0, 0, 0, 0, 0, 0, 0]).tag(9, VARINT).uint32(0)
  const entry = dump.join().finish()
  return Buffer.concat([words([SERVICE, MAGIC.stats, entry.length]), entry])
}

/** WIRETYPE_VARINT and WIRETYPE_LEN of protobuf's encoding. */
const VARINT = 0
const LENGTH = 2

function words(numbers: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(numbers.length * 4)
  for (const [place, number] of numbers.entries()) bytes.writeUInt32LE(number, place * 4)
  return bytes
}

/** Numbers as the members 1, 2, 3 and so on. */
function numbers(message: BinaryWriter, values: readonly number[]): BinaryWriter {
  for (const [place, value] of values.entries()) message.tag(place + 1, VARINT).uint32(value >>> 0)
  return message
}

/** `core_entry` with a `task_core_entry`: state, exit code, personality, flags, blocked signals, name. */
function task(core: BinaryWriter, { comm, state, tid }: CheckpointProcess, architecture: string): BinaryWriter {
  core.tag(1, VARINT).int32(MACHINES[architecture] ?? 0)
  numbers(core.tag(3, LENGTH).fork(), [STATES[state], 0, 0, 0, 0]).tag(6, LENGTH).string(comm).join()
  return threadPart(core, { tid, comm })
}

/** `mm_entry`: where things lie, the program's file, and every area (images/mm.proto, images/vma.proto). */
function memoryEntry({ places, exe, areas }: CheckpointMemory, files: Files): Fill {
  const exeId = files.id(exe, 0, 0)
  const filed = areas.map((area) => (area.offset === null ? 0 : files.id(area.path ?? '', 0, 0)))
  return (entry) => {
    for (const [place, value] of places.entries()) entry.tag(place + 1, VARINT).uint64(value)
    entry.tag(12, VARINT).uint32(exeId)
    for (const [place, area] of areas.entries()) areaEntry(entry.tag(14, LENGTH).fork(), area, filed[place] ?? 0).join()
    return entry
  }
}

function areaEntry(entry: BinaryWriter, { start, end, permissions, offset, path }: CheckpointArea, file: number) {
  const way = permissions.endsWith('s') ? 's' : 'p'
  const protection = [...permissions].reduce((bits, letter) => bits | (PROTECTION[letter] ?? 0), 0)
  const flags = (way === 's' ? SHARED : PRIVATE) | (offset === null ? ANONYMOUS : 0)
  const status = REGULAR_AREA | STATUS[offset === null ? 'none' : 'file'][way] | (AREAS[path ?? ''] ?? 0)
  for (const [place, value] of [start, end, offset ?? 0n, BigInt(file)].entries())
    entry.tag(place + 1, VARINT).uint64(value)
  for (const [place, value] of [protection, flags, status].entries()) entry.tag(place + 5, VARINT).uint32(value)
  return entry.tag(8, VARINT).sint64(-1)
}

/** `pagemap_head`, which names the file of pages, and a `pagemap_entry` for each run of them (images/pagemap.proto). */
function pagemap({ runs }: CheckpointMemory, id: number): Fill[] {
  const entries = runs.map(
    ({ address, pages }): Fill =>
      (entry) => {
        entry.tag(1, VARINT).uint64(address).tag(2, VARINT).uint32(pages)
        return entry.tag(4, VARINT).uint32(PRESENT).tag(5, VARINT).uint64(pages)
      },
  )
  return [(head) => numbers(head, [id]), ...entries]
}

function threadCore(core: BinaryWriter, thread: CheckpointThread, architecture: string): BinaryWriter {
  core.tag(1, VARINT).int32(MACHINES[architecture] ?? 0)
  return threadPart(core, thread)
}

/** `thread_core_entry`: where its list of futexes is, and its name. */
function threadPart(core: BinaryWriter, { comm }: CheckpointThread): BinaryWriter {
  return numbers(core.tag(5, LENGTH).fork(), [0, 0]).tag(13, LENGTH).string(comm).join()
}

/** Open files by their numbers in files.img. */
class Files {
  readonly #entries: Fill[] = []

  id(name: string, flags: number, position: number): number {
    const id = this.#entries.length + 1
    this.#entries.push((entry) => {
      numbers(entry, [REGULAR, id]).tag(3, LENGTH).fork()
      // `reg_file_entry`, with an owner that nobody set (`fown_entry`).
      numbers(entry, [id, flags]).tag(3, VARINT).uint64(position)
      return numbers(entry.tag(5, LENGTH).fork(), [0, 0, 0, 0, 0]).join().tag(6, LENGTH).string(name).join()
    })
    return id
  }

  socket(socket: CheckpointSocket): number {
    const id = this.#entries.length + 1
    const { type, member } = socketKind(socket)
    this.#entries.push((entry) => {
      numbers(entry, [type, id])
      return socketEntry(entry.tag(member, LENGTH).fork(), id, socket).join()
    })
    return id
  }

  entries(): readonly Fill[] {
    return this.#entries
  }
}
