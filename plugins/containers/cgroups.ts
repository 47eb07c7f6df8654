import { address, count, defineAnalyzer, text } from 'salvor'
import { cgroupMembers, containerFinder, listedTasks, parseCgroupPath } from 'salvor/containers'
import { isLeader, readCgroups } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'cgroups',
  summary: 'Cgroups of every hierarchy, with their processes, container and pod',
  torn: 'cgroups with processes that were there throughout are rows, and those above them; an empty one may be missing where a list is torn.',
  examples: [{ command: 'salvor cgroups memory.elf --container 018e0db6fd22', what: 'the cgroups of one container' }],
  columns: {
    address: address('Address of the struct cgroup', { detail: true }),
    path: text('Path from the root of the hierarchy', { meaning: 'cgroup' }),
    hierarchy: text('unified (v2), or the controllers or name of a v1 hierarchy'),
    processes: count('Processes directly in it'),
    container: text('Id of the container it belongs to', { meaning: 'container' }),
    pod_uid: text('Uid of the Kubernetes pod it belongs to'),
  },
  key: ['hierarchy', 'path'],
  async *run({ kernel }) {
    const processes = listedTasks(kernel).filter(isLeader)
    const members = cgroupMembers(kernel, processes)
    const containerOf = containerFinder(kernel, processes)
    yield readCgroups(kernel).map(({ address, path, hierarchy }) => ({
      address,
      path,
      hierarchy,
      processes: members.get(address)?.length ?? 0,
      container: containerOf(path),
      pod_uid: path === null ? null : parseCgroupPath(path).pod_uid,
    }))
  },
})
