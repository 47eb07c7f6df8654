import { address, defineAnalyzer, integer, list, text } from 'salvor'
import { holderColumns, holderRow, readMembers } from 'salvor/containers'
import { knownPerfEvents, placeText, readHolders, readPerfEvents, readPrograms } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'perf-events',
  aliases: ['perf_events'],
  summary: 'Perf events: counters, samplers, hardware breakpoints and probes that processes have opened',
  description:
    'Of each who holds it, what it counts or watches, over which task or processor, and the BPF programs that it runs. Known ' +
    'by descriptors, by the tasks that opened them and by those that they count.',
  torn: 'an event that was open throughout is one row.',
  examples: [{ command: 'salvor perf-events memory.elf', what: 'all perf events' }],
  columns: {
    address: address('Address of the struct perf_event', { detail: true }),
    type: text('hardware, software, tracepoint, breakpoint, kprobe, uprobe … or the number of a PMU'),
    name: text('What it is at: the trace event or the probed place'),
    config: integer('What its type counts (attr.config)', { detail: true }),
    watched: address('Address that a breakpoint or kprobe watches'),
    symbol: text('Symbol of that address'),
    cpu: integer('Processor that it counts on; -1 for any'),
    target_pid: integer('Process that it counts; null for all of a processor', { meaning: 'process' }),
    owner_pid: integer('Process that opened it', { meaning: 'process' }),
    programs: list('Ids of the BPF programs that it runs'),
    ...holderColumns,
    found_by: list('Who knows it: descriptor, owner, task', { detail: true }),
  },
  async *run({ kernel }) {
    const views = knownPerfEvents(kernel)
    const holders = readHolders(kernel).perf_event
    const members = readMembers(kernel)
    const ids = new Map(readPrograms(kernel).map(({ address, id }) => [address, String(id ?? '?')]))
    const events = readPerfEvents(kernel, views.keys())
    const places = kernel.resolve(events.map(({ watched }) => watched ?? 0n))
    yield events.map(({ owner, target, programs, ...event }, row) => ({
      ...event,
      symbol: placeText(places[row] ?? null),
      target_pid: members.get(target ?? 0n)?.pid ?? null,
      owner_pid: members.get(owner ?? 0n)?.pid ?? null,
      programs: programs.map((program) => ids.get(program) ?? `0x${program.toString(16)}`),
      ...holderRow(kernel, holders.get(event.address)),
      found_by: views.get(event.address) ?? [],
    }))
  },
})
