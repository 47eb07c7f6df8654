import { address, bytes, count, defineAnalyzer, text } from 'salvor'
import { containerColumns, containerFinder, containerNames, listedTasks, ownerOf } from 'salvor/containers'
import { isLeader, readCgroupLimits, readCgroups } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'cgroup-limits',
  aliases: ['memory-limits'],
  summary: 'What each cgroup may use and uses of memory and tasks',
  description:
    'memory.max, memory.current, pids.max and pids.current, of v1 and v2. A limit is null where nothing limits it at this ' +
    'level, and everything is where the cgroup has no such controller.',
  torn: 'a cgroup that was there throughout is one row; what it uses is of some moment.',
  examples: [{ command: 'salvor cgroup-limits memory.elf --container shop-web-1', what: 'of one container' }],
  columns: {
    address: address('Address of the struct cgroup', { detail: true }),
    path: text('Path from the root of the hierarchy', { meaning: 'cgroup' }),
    hierarchy: text('unified (v2), or the controllers or name of a v1 hierarchy'),
    ...containerColumns,
    container: text('Id of the container it belongs to', { meaning: 'container' }),
    memory_used: bytes('Memory that it and those below it pay for'),
    memory_limit: bytes('Memory that they may use'),
    pids_used: count('Tasks in it and below'),
    pids_limit: count('Tasks that may be'),
  },
  key: ['hierarchy', 'path'],
  async *run({ kernel }) {
    const containerOf = containerFinder(kernel, listedTasks(kernel).filter(isLeader))
    const names = containerNames(kernel)
    const cgroups = readCgroups(kernel)
    const limits = readCgroupLimits(
      kernel,
      cgroups.map(({ address }) => address),
    )
    yield cgroups.map(({ address, path, hierarchy }) => ({
      address,
      path,
      hierarchy,
      ...ownerOf(containerOf(path), names),
      memory_used: limits.get(address)?.memory_used ?? null,
      memory_limit: limits.get(address)?.memory_limit ?? null,
      pids_used: limits.get(address)?.pids_used ?? null,
      pids_limit: limits.get(address)?.pids_limit ?? null,
    }))
  },
})
