import { address, defineAnalyzer, integer, list, text } from 'salvor'
import { listedTasks, mountOwners, ownerColumns, ownerOf } from 'salvor/containers'
import { readMountTable } from 'salvor/kernel'

const HOST = ownerOf(null, new Map())

export default defineAnalyzer({
  name: 'mounts',
  aliases: ['mountinfo', 'findmnt'],
  summary: 'Mounts of every mount namespace, with their options, propagation and overlay layers',
  description:
    'As /proc/PID/mountinfo shows them to a process whose root is that of its namespace; what lies below that root, like ' +
    "the initramfs's, is shown too, and so are namespaces that no process is in. Options of a file system are those that " +
    'its kind prints; null where they cannot be told from memory.',
  torn: 'a mount that was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor mounts memory.elf --container shop-web-1', what: 'what one container has mounted' },
    { command: 'salvor mounts memory.elf --where type=overlay --wide', what: 'every overlay, with its layers' },
  ],
  key: ['mnt_ns', 'id'],
  columns: {
    address: address('Address of the struct mount', { detail: true }),
    mnt_ns: integer('Inode number of the mount namespace', { meaning: 'namespace' }),
    ...ownerColumns,
    id: integer('Id of the mount'),
    parent_id: integer('Id of the mount that it is mounted on; its own for the top of a tree', { detail: true }),
    device: text('Device of its file system, as major:minor', { detail: true }),
    root: text('What of its file system it shows', { meaning: 'path' }),
    target: text('Where it is mounted, from the top of its namespace', { meaning: 'path' }),
    options: text('Options of the mount', { detail: true }),
    propagation: text('Peer group and master, as in mountinfo; null where it is private', { detail: true }),
    type: text('Type of the file system'),
    source: text('Where the file system is from'),
    super_options: text('Options of the file system, as it prints them', { detail: true }),
    layers: list(
      'Directories that an overlay is made of, the upper one first, each by its path on its own file system',
      {
        detail: true,
      },
    ),
  },
  async *run({ kernel }) {
    const owners = mountOwners(kernel)
    const tasks = listedTasks(kernel).map((task) => task.address)
    yield readMountTable(kernel, tasks).map(({ superblock, layers, ...mount }) =>
      Object.assign(mount, owners.get(mount.mnt_ns ?? -1) ?? HOST, {
        layers: layers?.map(({ path }) => path) ?? null,
      }),
    )
  },
})
