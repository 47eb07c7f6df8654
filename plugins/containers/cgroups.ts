import { address, bytes, count, defineAnalyzer, text } from 'salvor'
import { cgroupMembers, containerFinder, listedTasks, parseCgroupPath } from 'salvor/containers'
import { isLeader, readCgroupLimits, readCgroups } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'cgroups',
  summary: 'Cgroups of every hierarchy, with their processes, limits, container and pod',
  torn: 'cgroups with processes that were there throughout are rows, and those above them; an empty one may be missing where a list is torn.',
  examples: [{ command: 'salvor cgroups memory.elf --container 018e0db6fd22', what: 'the cgroups of one container' }],
  columns: {
    address: address('Address of the struct cgroup', { detail: true }),
    path: text('Path from the root of the hierarchy', { meaning: 'cgroup' }),
    hierarchy: text('unified (v2), or the controllers or name of a v1 hierarchy'),
    processes: count('Processes directly in it'),
    container: text('Id of the container it belongs to', { meaning: 'container' }),
    memory_used: bytes('Memory that it and those below it pay for; null without the controller'),
    memory_limit: bytes('Memory that they may use; null where nothing limits it here'),
    pids_used: count('Tasks in it and below', { detail: true }),
    pids_limit: count('Tasks that may be; null where nothing limits them here', { detail: true }),
    pod_uid: text('Uid of the Kubernetes pod it belongs to'),
  },
  key: ['hierarchy', 'path'],
  async *run({ kernel }) {
    const processes = listedTasks(kernel).filter(isLeader)
    const members = cgroupMembers(kernel, processes)
    const containerOf = containerFinder(processes)
    const cgroups = readCgroups(kernel)
    const limits = readCgroupLimits(
      kernel,
      cgroups.map(({ address }) => address),
    )
    yield cgroups.map(({ address, path, hierarchy }) => ({
      address,
      path,
      hierarchy,
      processes: members.get(address)?.length ?? 0,
      container: containerOf(path),
      memory_used: limits.get(address)?.memory_used ?? null,
      memory_limit: limits.get(address)?.memory_limit ?? null,
      pids_used: limits.get(address)?.pids_used ?? null,
      pids_limit: limits.get(address)?.pids_limit ?? null,
      pod_uid: path === null ? null : parseCgroupPath(path).pod_uid,
    }))
  },
})
