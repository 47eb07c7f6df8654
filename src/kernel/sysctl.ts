/** `struct ctl_table`: what /proc/sys shows to the host's own processes (fs/proc/proc_sysctl.c, kernel/sysctl.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { addressOf, type Nested, rbtree, type Selects, symbolAt, text } from './query.js'
import { computedReaders } from './sysctl-computed.js'
import { type Entry, plainReaders, type Reader } from './sysctl-plain.js'

/** A setting. */
export interface Setting {
  /** Of the `struct ctl_table`. */
  address: bigint
  /** Its folders and its name, joined by dots. */
  name: string
  /** What reading it would give; null where it can only be written, or memory cannot be read. */
  value: string | null
  /** Of its file below /proc/sys. */
  mode: number | null
  /** The function that reads and writes it. */
  handler: string | null
}

/** Where the host's settings begin: those that all have in common, then those of its first namespaces. */
const SETS: readonly [symbol: string, type: string, set: string][] = [
  ['sysctl_table_root', 'struct ctl_table_root', 'default_set.dir'],
  ['init_net', 'struct net', 'sysctls.dir'],
  ['init_user_ns', 'struct user_namespace', 'set.dir'],
  ['init_ipc_ns', 'struct ipc_namespace', 'ipc_set.dir'],
  ['init_ipc_ns', 'struct ipc_namespace', 'mq_set.dir'],
  ['init_pid_ns', 'struct pid_namespace', 'set.dir'],
]

/** S_IFMT, S_IFDIR, S_IFLNK and the bits of who may read (include/uapi/linux/stat.h). */
const KIND = 0o170000
const FOLDER = 0o040000
const LINK = 0o120000
const READABLE = 0o444
/** NAME_MAX. */
const LONGEST_NAME = 255
/** Folders within one another: /proc/sys has six. */
const DEEPEST = 16
/** Tables of one registration: more are damage. */
const MOST_IN_HEADER = 1 << 16

/** Handlers that are named in a warning. */
const MOST_NAMED = 40

/** A node is one of as many as its header has tables, and stands for the table of the same number. */
const NODES = {
  walk: rbtree('root', 'struct ctl_node', 'node'),
  select: {
    header: 'header',
    nodes: 'header->node',
    nextNode: addressOf('header->node[1]'),
    tables: 'header->ctl_table',
    nextTable: addressOf('header->ctl_table[1]'),
  },
} satisfies Nested

const TABLE = {
  name: text('procname', LONGEST_NAME),
  data: 'data',
  length: 'maxlen',
  mode: 'mode',
  handler: symbolAt('proc_handler'),
} satisfies Selects

/** A folder's `struct ctl_dir` and what names in it begin with. */
interface Folder {
  address: bigint
  prefix: string
}

/** A file with what its value is read by. */
interface File extends Entry {
  path: string
  mode: number
  handler: string | null
}

/** Every setting, by name. What only its handler can tell is left out, and told. */
export function readSettings(kernel: Kernel): Setting[] {
  const files = readTree(kernel)
  const values = readFiles(kernel, [...files.values()])
  const settings = [...values].map(([{ table, path, mode, handler }, value]) => ({
    address: table,
    name: path,
    value,
    mode: mode & ~KIND,
    handler,
  }))
  return settings.sort((left, right) => (left.name < right.name ? -1 : 1))
}

/** Files by their names. One that is there twice is so because memory is torn. */
function readTree(kernel: Kernel): Map<string, File> {
  const files = new Map<string, File>()
  const seen = new Set<bigint>()
  let level = SETS.flatMap(([symbol, type, set]) => rootOf(kernel, symbol, type, set))
  for (let depth = 0; level.length > 0 && depth < DEEPEST; depth++) {
    const next: Folder[] = []
    for (const { folder, header, file } of entriesOf(kernel, level)) {
      const path = `${folder.prefix}${file.name}`
      const kind = file.mode & KIND
      if (kind === LINK) continue
      if (kind !== FOLDER) files.set(path, files.get(path) ?? { ...file, path })
      else if (!seen.has(header)) next.push({ address: header, prefix: `${path}.` })
      seen.add(header)
    }
    level = next
  }
  return files
}

function rootOf(kernel: Kernel, symbol: string, type: string, set: string): Folder[] {
  if (kernel.address(symbol) === null) return []
  // Namespaces of other kinds had settings of their own later than the network's.
  const found = kernel.attempt(() => kernel.symbol(symbol, type).select({ set: addressOf(set) }))
  const address = found?.column('set').bigint(0) ?? null
  return address === null ? [] : [{ address, prefix: '' }]
}

interface FolderEntry {
  folder: Folder
  /** Of the registration; of a folder it is where the folder begins. */
  header: bigint
  file: Omit<File, 'path'>
}

function entriesOf(kernel: Kernel, folders: readonly Folder[]): FolderEntry[] {
  const addresses = folders.map(({ address }) => address)
  const nodes = kernel.at(addresses, 'struct ctl_dir').select({}, { nodes: NODES }).child('nodes')
  const rows = [...nodes.addresses.keys()].flatMap((row) => {
    const table = tableOf(nodes, row)
    return table === null ? [] : [{ row, table }]
  })
  if (rows.length < nodes.length) {
    const count = nodes.length - rows.length
    kernel.warn({ code: 'torn', message: 'settings that belong to no table', count })
  }
  const tables = kernel
    .at(
      rows.map(({ table }) => table),
      'struct ctl_table',
    )
    .select(TABLE)
  return rows.flatMap(({ row, table }, index) => {
    const folder = folders[nodes.parents[row] ?? 0]
    const file = fileOf(tables, index, table)
    const header = nodes.column('header').bigint(row)
    return folder === undefined || file === null || header === null ? [] : [{ folder, header, file }]
  })
}

/** The table that a node stands for; null where the node is none of its header's. */
function tableOf(nodes: Batch<(typeof NODES)['select']>, row: number): bigint | null {
  const [first, second, table, next] = (['nodes', 'nextNode', 'tables', 'nextTable'] as const).map((name) =>
    nodes.column(name).bigint(row),
  )
  if (first == null || second == null || table == null || next == null) return null
  const distance = nodes.address(row) - first
  const number = distance / (second - first)
  const isOne = distance >= 0n && distance % (second - first) === 0n && number < MOST_IN_HEADER
  return isOne ? table + number * (next - table) : null
}

function fileOf(tables: Batch<typeof TABLE>, row: number, table: bigint): Omit<File, 'path'> | null {
  const [name, mode] = [tables.column('name').text(row), tables.column('mode').number(row)]
  if (name === null || name === '' || mode === null) return null
  return {
    table,
    name,
    mode,
    data: tables.column('data').bigint(row) ?? 0n,
    length: tables.column('length').number(row) ?? 0,
    // A module's stands with the module's name behind it.
    handler: tables.column('handler').text(row)?.split(' ')[0] ?? null,
  }
}

/** Values by file; files of one handler are read together. */
function readFiles(kernel: Kernel, files: readonly File[]): Map<File, string | null> {
  const readers: ReadonlyMap<string, Reader> = new Map([...plainReaders(kernel), ...computedReaders(kernel)])
  const byHandler = new Map<string | null, File[]>()
  for (const file of files) {
    const same = byHandler.get(file.handler)
    if (same) same.push(file)
    else byHandler.set(file.handler, [file])
  }
  const values = new Map<File, string | null>()
  const unknown = new Set<string>()
  let left = 0
  for (const [handler, reader] of readers) {
    const own = (byHandler.get(handler) ?? []).filter(({ mode }) => (mode & READABLE) !== 0)
    for (const [index, value] of reader(own).entries()) {
      const file = own[index]
      if (file && value !== undefined) values.set(file, value)
    }
  }
  for (const file of files) {
    if ((file.mode & READABLE) === 0) values.set(file, null)
    else if (!values.has(file)) {
      left++
      unknown.add(file.handler ?? 'a handler that nobody knows')
    }
  }
  if (left > 0) {
    const named = [...unknown].sort().slice(0, MOST_NAMED).join(', ')
    const message = `settings are left out whose values only their handlers can tell: ${named}`
    kernel.warn({ code: 'note', message, count: left })
  }
  return values
}
