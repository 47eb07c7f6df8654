/** Files of /proc: operations of each, and the functions by which those that are lists are read (fs/proc/generic.c). */

import type { Kernel } from '../kernel.js'
import { addressOf, type Nested, object, optional, rbtree, symbolAt, text } from '../query.js'
import type { Rule } from '../rule.js'
import type { Pointer } from './pointer.js'
import { type Found, tablePointers } from './tables.js'

const ENTRY = 'struct proc_dir_entry'
/** Entries that are read, and how deep folders lie in each other. */
const MOST_ENTRIES = 1 << 18
const DEEPEST = 32
/** An entry names the folder that it is in. */
const OF_FOLDER: Rule = { path: 'parent', is: 'origin' }
/** S_IFMT and S_IFDIR (include/uapi/linux/stat.h). */
const KIND = 0o170000
const DIRECTORY = 0o040000
/** Operations by which an entry's own functions are called (fs/proc/generic.c, fs/proc/proc_net.c), and which they are. */
const SEQUENCES = /^proc_(net_)?seq_(f?ops)$/
const SINGLES = /^proc_(net_)?single_(f?ops)$/

/** Members of `struct proc_ops`, before 5.6 of `struct file_operations`. */
const OPERATIONS = {
  open: ['proc_open', 'open'],
  read: ['proc_read', 'read'],
  read_iter: optional(['proc_read_iter', 'read_iter']),
  write: ['proc_write', 'write'],
  ioctl: ['proc_ioctl', 'unlocked_ioctl'],
  mmap: ['proc_mmap', 'mmap'],
}
const DIRECTORIES = { iterate: optional(['iterate_shared', 'iterate']), open: 'open', read: 'read' }
const INODES = { lookup: 'lookup', permission: 'permission', getattr: 'getattr' }
const SEQUENCE = { start: 'start', next: 'next', stop: 'stop', show: 'show' }

const FILE = { walk: object(['proc_ops', 'proc_fops']), select: OPERATIONS } satisfies Nested

const MEMBERS = {
  name: text('name', 256),
  mode: 'mode',
  inodes: 'proc_iops',
  operations: ['proc_dir_ops', 'proc_fops'],
  named: symbolAt(['proc_ops', 'proc_fops']),
  sequence: addressOf('((struct seq_operations *)seq_ops)'),
} as const

/** An entry, a file or a folder. */
interface Entry {
  address: bigint
  path: string
  folder: boolean
  inodes: bigint
  /** Its operations: of a folder, and of a file with the functions in them. */
  operations: bigint
  /** The symbol of a file's operations. */
  named: string
  functions: Readonly<Record<string, bigint>>
  /** How a list is read, or the function that shows what is none. */
  sequence: bigint
}

export function procPointers(kernel: Kernel): Pointer[] {
  const entries = readEntries(kernel)
  const [folders, files] = [entries.filter(({ folder }) => folder), entries.filter(({ folder }) => !folder)]
  const found = (chosen: readonly Entry[], table: 'inodes' | 'operations' | 'sequence'): Found[] =>
    chosen.map((entry) => ({ table: entry[table], name: entry.path }))
  const sequences = files.filter(({ named }) => SEQUENCES.test(named))
  return [
    ...filePointers(files),
    ...tablePointers(kernel, 'proc', 'struct file_operations', DIRECTORIES, found(folders, 'operations')),
    ...tablePointers(kernel, 'proc', 'struct inode_operations', INODES, found(entries, 'inodes')),
    ...tablePointers(kernel, 'seq_operations', 'struct seq_operations', SEQUENCE, found(sequences, 'sequence')),
  ]
}

/** Functions of files: those of each table of operations once, and each that shows a single file. */
function filePointers(files: readonly Entry[]): Pointer[] {
  const seen = new Set<bigint>()
  return files.flatMap(({ path, named, operations, functions, sequence }) => {
    // The symbol of a module's table ends in the module's name.
    const owner = named !== '' && !named.endsWith(']') ? 'kernel' : null
    const pointer = (name: string, address: bigint, of: Pointer['owner']): Pointer => {
      return { kind: 'proc', name, index: null, address, owner: of }
    }
    const single = SINGLES.test(named) ? [pointer(`${path} show`, sequence, null)] : []
    if (seen.has(operations)) return single
    seen.add(operations)
    return [
      ...single,
      ...Object.entries(functions).map(([member, address]) => pointer(`${path} ${member}`, address, owner)),
    ]
  })
}

/** All entries, folder by folder: those of the root, and those that each network namespace has below /proc/net. */
function readEntries(kernel: Kernel): Entry[] {
  const nets = kernel.list('net_namespace_list', 'struct net', 'list').select({ proc: 'proc_net' })
  let level = new Map<bigint, string>(kernel.addresses('proc_root').map((root) => [root, '/proc']))
  for (let row = 0; row < nets.length; row++) level.set(nets.column('proc').bigint(row) ?? 0n, '/proc/net')
  level.delete(0n)
  const entries = new Map<bigint, Entry>()
  for (let depth = 0; depth < DEEPEST && level.size > 0; depth++) {
    const below = entriesBelow(kernel, level).filter(({ address }) => !entries.has(address))
    below.length = kernel.capped('entries of /proc', entries.size + below.length, MOST_ENTRIES) - entries.size
    for (const entry of below) entries.set(entry.address, entry)
    level = new Map(below.flatMap(({ address, path, folder }) => (folder ? [[address, path]] : [])))
  }
  return [...entries.values()]
}

/** What is in folders, which are given with their paths. */
function entriesBelow(kernel: Kernel, folders: ReadonlyMap<bigint, string>): Entry[] {
  const walk = rbtree('subdir', ENTRY, 'subdir_node')
  const entries = { walk, rules: [OF_FOLDER], select: MEMBERS, children: { file: FILE } } satisfies Nested
  const found = kernel.ofKindsItHas().at(folders.keys(), ENTRY).select({}, { entries }).child('entries')
  const operations = found.child('file')
  const operationsOf = new Map([...operations.parents].map((parent, row) => [parent, row]))
  const members = Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[]
  const paths = [...folders.values()]
  return Array.from({ length: found.length }, (_, row) => {
    const folder = ((found.column('mode').number(row) ?? 0) & KIND) === DIRECTORY
    const file = folder ? undefined : operationsOf.get(row)
    const pointers = members.map((member) => [
      member,
      file === undefined ? 0n : (operations.column(member).bigint(file) ?? 0n),
    ])
    return {
      address: found.address(row),
      path: `${paths[found.parents[row] ?? 0]}/${found.column('name').text(row) ?? '?'}`,
      folder,
      inodes: found.column('inodes').bigint(row) ?? 0n,
      operations: found.column('operations').bigint(row) ?? 0n,
      named: found.column('named').text(row) ?? '',
      functions: Object.fromEntries(pointers),
      sequence: found.column('sequence').bigint(row) ?? 0n,
    }
  })
}
