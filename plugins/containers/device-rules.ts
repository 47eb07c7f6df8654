import { address, defineAnalyzer, list, text } from 'salvor'
import { containerColumns, containerFinder, containerNames, listedTasks, ownerOf } from 'salvor/containers'
import { isLeader, readDeviceRules } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'device-rules',
  aliases: ['device-cgroup', 'devices-allowed'],
  summary:
    'Devices that each cgroup may use, from the list of v1 and from the instructions of the programs that v2 asks',
  description:
    "What a cgroup's processes may open or make: `c 1:3 rwm` is to read, write and make a character device, `a *:* rwm` is " +
    'every device. Of v2 all programs count that the kernel asks, those of cgroups above too; what an instruction of one ' +
    'does that no runtime makes is not told. Cgroups without a list or program are left out: they may use every device.',
  torn: 'a cgroup that was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor device-rules memory.elf --container corp-agent', what: 'devices that a container may use' },
  ],
  key: ['hierarchy', 'path'],
  columns: {
    address: address('Address of the struct cgroup', { detail: true }),
    path: text('Path from the root of the hierarchy', { meaning: 'cgroup' }),
    hierarchy: text('unified (v2), or the controllers or name of a v1 hierarchy', { detail: true }),
    ...containerColumns,
    container: text('Id of the container it belongs to', { meaning: 'container' }),
    programs: list('Ids of the BPF programs that decide; empty where a list does'),
    allowed: list('What is allowed: type, major and minor, and r w m; null where that is not told'),
    reason: text('Why it is not told'),
  },
  *run({ kernel }) {
    const containerOf = containerFinder(kernel, listedTasks(kernel).filter(isLeader))
    const names = containerNames(kernel)
    yield readDeviceRules(kernel).map(({ cgroup, path, hierarchy, programs, access, reason }) => ({
      address: cgroup,
      path,
      hierarchy,
      ...ownerOf(containerOf(path), names),
      programs: programs.map(String),
      allowed: access?.rules() ?? null,
      reason,
    }))
  },
})
