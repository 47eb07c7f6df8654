import { address, count, defineAnalyzer, integer, list, text } from 'salvor'
import { placeText, readDynamicEvents, readUprobes } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'trace-events',
  aliases: ['kprobe_events', 'uprobe_events', 'uprobes'],
  summary: 'Probes that somebody put into the kernel and into programs: kprobe and uprobe events, and all uprobes',
  description:
    'What kprobe_events and uprobe_events of tracefs have, probes of perf events, which these do not show, and every ' +
    'breakpoint in a file that is mapped, whoever set it.',
  torn: 'a probe that was there throughout is one row.',
  examples: [{ command: 'salvor trace-events memory.elf', what: 'all probes' }],
  columns: {
    address: address('Address of the struct trace_event_call, or of the struct uprobe', { detail: true }),
    kind: text('kprobe, kretprobe, uprobe, fprobe, or breakpoint for a uprobe in its file'),
    name: text('Group and name of the event'),
    target: text('The function and offset, or the file'),
    offset: integer('Offset in the file, of a breakpoint'),
    probed: address('Address of the probed instruction in the kernel', { detail: true }),
    symbol: text('Symbol that this address belongs to', { detail: true }),
    handlers: list('Functions that are called, of a breakpoint'),
    users: count('Perf events that use it', { detail: true }),
    found_by: list('Who knows it: event list, perf event, uprobe tree', { detail: true }),
  },
  async *run({ kernel }) {
    const events = readDynamicEvents(kernel)
    const places = kernel.resolve(events.map(({ probed }) => probed ?? 0n))
    yield events.map(({ system, name, ...event }, row) => ({
      ...event,
      name: `${system ?? '?'}:${name ?? '?'}`,
      offset: null,
      symbol: placeText(places[row] ?? null),
      handlers: null,
    }))
    yield readUprobes(kernel).map(({ address, path, offset, handlers }) => ({
      address,
      kind: 'breakpoint',
      name: null,
      target: path,
      offset,
      probed: null,
      symbol: null,
      handlers: kernel.resolve(handlers).map((place, row) => placeText(place) ?? `0x${handlers[row]?.toString(16)}`),
      users: null,
      found_by: ['uprobe tree'],
    }))
  },
})
