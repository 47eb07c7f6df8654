import {
  address,
  containerOf,
  count,
  defineAnalyzer,
  isLeader,
  knownTasks,
  parseCgroupPath,
  readCgroups,
  readMemberships,
  readTasks,
  text,
} from 'salvor'

export default defineAnalyzer({
  name: 'cgroups',
  area: 'containers',
  summary: 'Cgroups of every hierarchy, with their processes, container and pod',
  examples: [{ command: 'salvor cgroups memory.elf --container 018e0db6fd22', what: 'the cgroups of one container' }],
  columns: {
    address: address('Address of the struct cgroup'),
    path: text('Path from the root of the hierarchy', { meaning: 'cgroup' }),
    hierarchy: text('unified (v2), or the controllers or name of a v1 hierarchy'),
    processes: count('Processes directly in it'),
    container: text('Id of the container it belongs to', { meaning: 'container' }),
    pod_uid: text('Uid of the Kubernetes pod it belongs to'),
  },
  async *run({ kernel }) {
    const views = knownTasks(kernel)
    const processes = readTasks(kernel, views.keys(), views).filter(isLeader)
    const members = new Map<bigint, bigint[]>()
    for (const { css_set, cgroup } of readMemberships(
      kernel,
      processes.flatMap(({ css_set }) => css_set ?? []),
    )) {
      const known = members.get(css_set)
      if (known) known.push(cgroup)
      else members.set(css_set, [cgroup])
    }
    const counts = new Map<bigint, number>()
    for (const { css_set } of processes) {
      for (const cgroup of members.get(css_set ?? 0n) ?? []) counts.set(cgroup, (counts.get(cgroup) ?? 0) + 1)
    }
    yield readCgroups(kernel).map(({ address, path, hierarchy }) => ({
      address,
      path,
      hierarchy,
      processes: counts.get(address) ?? 0,
      container: containerOf(path),
      pod_uid: path === null ? null : parseCgroupPath(path).pod_uid,
    }))
  },
})
