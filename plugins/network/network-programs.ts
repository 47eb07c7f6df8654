import { address, count, defineAnalyzer, flag, integer, text } from 'salvor'
import { netColumns, netPlaces } from 'salvor/containers'
import { readLinks, readNetworkPrograms, readPrograms } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'network-programs',
  aliases: ['xdp', 'tc-filters', 'bpftool-net'],
  summary: 'BPF programs that see the packets of each network namespace: XDP, tc, tcx, netkit and its own',
  description:
    'What is called for packets at each interface, as tc filter show and bpftool net show have it, and what each ' +
    'namespace calls to dissect flows and to look up sockets: read from the places that the kernel calls, so that a ' +
    'program shows which its id table lacks. An action of tc (tc-action) may be called by filters of any kind at any ' +
    'interface of its namespace. Filters of queueing disciplines other than ingress and clsact are not looked at, and ' +
    'before 5.9 a driver alone knows the XDP program that it runs.',
  torn: 'a program that was attached throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor network-programs memory.elf', what: 'all of them' },
    { command: 'salvor network-programs memory.elf --container shop-web-1', what: "those of one container's network" },
  ],
  columns: {
    address: address('Address of what holds the program: device, filter, action or namespace', { detail: true }),
    ...netColumns,
    interface: text("Interface; null for what is the namespace's own"),
    hook: text(
      'xdp, tc-ingress, tc-egress, tc-action, tcx-ingress, tcx-egress, netkit-primary, netkit-peer, flow-dissector or sk-lookup',
    ),
    mode: text('How an XDP program is run: generic, driver or offload', { detail: true }),
    chain: integer("Chain of tc's filter", { detail: true }),
    protocol: text('Protocol that the filter is for, as tc calls it', { detail: true }),
    priority: integer('Where the filter comes among those of its chain: tc calls it pref'),
    handle: integer("Handle of the filter, or the action's index", { detail: true }),
    program: address('Address of the program', { detail: true }),
    program_id: integer('Id of the program; null for a classic one and for one that has lost it'),
    name: text('Name of the program'),
    type: text('Type of the program: xdp, sched_cls, sched_act, flow_dissector, sk_lookup, or classic'),
    tag: text('Hash of its instructions, which programs of the same code share', { detail: true }),
    label: text('What tc calls it: file and section that it was loaded from'),
    link_id: integer('Id of the link that attached it; null where there is none', { detail: true }),
    references: count('References that keep the program loaded', { detail: true }),
    hidden: flag('Whether the id table of programs lacks it'),
  },
  async *run({ kernel }) {
    const placed = netPlaces(kernel)
    const programs = new Map(readPrograms(kernel).map((program) => [program.address, program]))
    const links = new Map(readLinks(kernel).map(({ address, id }) => [address, id]))
    yield readNetworkPrograms(kernel).map(({ net_ns, link, classic, ...row }) => {
      const program = classic ? undefined : programs.get(row.program)
      return {
        ...placed(net_ns),
        ...row,
        program_id: program?.id ?? null,
        name: program?.name ?? null,
        type: classic ? 'classic' : (program?.type ?? null),
        tag: program?.tag ?? null,
        link_id: link === null ? null : (links.get(link) ?? null),
        references: program?.references ?? null,
        hidden: program?.hidden ?? null,
      }
    })
  },
})
