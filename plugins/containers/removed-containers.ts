import { bytes, defineAnalyzer, integer, list } from 'salvor'
import { payerColumns, removedGroups } from 'salvor/containers'

export default defineAnalyzer({
  name: 'removed-containers',
  aliases: ['dying-cgroups', 'dead-containers'],
  summary: 'Cgroups that were removed, and what containers that are gone still have in memory',
  description:
    'When a container ends its cgroup is removed, but the kernel keeps it, with the path that names the container, as long ' +
    'as pages are charged to it: files that only it has read, mostly. Cgroups that were no container have null there.',
  torn: 'a row is a cgroup that was removed; what was freed meanwhile may still be counted.',
  examples: [
    { command: 'salvor removed-containers memory.elf', what: 'all of them, with how much they left' },
    { command: 'salvor removed-containers memory.elf --wide', what: 'with their cgroups and files' },
  ],
  key: ['id'],
  columns: {
    id: integer('Inode of the directory that the cgroup had', { meaning: 'inode' }),
    ...payerColumns,
    bytes: bytes('What is charged to it'),
    page_cache: bytes('Of that, pages of files'),
    anonymous: bytes('Of that, memory of processes'),
    slab: bytes("Of that, the kernel's objects"),
    files: list('Files whose pages it brought into memory'),
  },
  async *run({ kernel }) {
    yield removedGroups(kernel)
  },
})
