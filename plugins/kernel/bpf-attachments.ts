import { address, defineAnalyzer, flag, integer, text } from 'salvor'
import { containerColumns, containerNames, ownerOf, parseCgroupPath } from 'salvor/containers'
import { readAttachments, readLinks, readPrograms } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'bpf-attachments',
  aliases: ['bpf_netdev', 'bpf_lsm'],
  summary: 'Where BPF programs are attached, with or without a link',
  description:
    'What the kernel calls at cgroups, tracepoints, the entry and exit of functions, interfaces, network namespaces, ' +
    'sockets and perf events: ' +
    'from the places themselves, so that a program or link that is hidden from bpftool shows here.',
  torn: 'an attachment that was there throughout is one row.',
  examples: [
    { command: 'salvor bpf-attachments memory.elf', what: 'all attachments' },
    { command: 'salvor bpf-attachments memory.elf --container shop-web-1', what: "those at one container's cgroups" },
  ],
  columns: {
    address: address('Address of the object that holds the program', { detail: true }),
    kind: text('cgroup, tracepoint, perf event, trampoline, interface, network namespace, socket, map or link'),
    type: text('How bpftool calls it: cgroup_device, raw_tracepoint, xdp …'),
    target: text('The cgroup, tracepoint, event, function, interface or socket'),
    program: address('Address of the program', { detail: true }),
    program_id: integer('Id of the program'),
    name: text('Name of the program'),
    link_id: integer('Id of the link that made it; null where it was attached without one'),
    ...containerColumns,
    container: text('Id of the container whose cgroup it is at', { meaning: 'container' }),
    net_ns: integer('Inode of the network namespace that it is at', { meaning: 'namespace', detail: true }),
    hidden: flag('Whether the id table of programs lacks the program'),
  },
  async *run({ kernel }) {
    const programs = new Map(readPrograms(kernel).map((program) => [program.address, program]))
    const links = new Map(readLinks(kernel).map(({ address, id }) => [address, id]))
    const names = containerNames(kernel)
    yield readAttachments(kernel).map(({ cgroup, link, ...attachment }) => {
      const program = programs.get(attachment.program)
      return {
        ...attachment,
        program_id: program?.id ?? null,
        name: program?.name ?? null,
        link_id: link === null ? null : (links.get(link) ?? null),
        ...ownerOf(cgroup === null ? null : (parseCgroupPath(cgroup).container?.id ?? null), names),
        hidden: program?.hidden ?? null,
      }
    })
  },
})
