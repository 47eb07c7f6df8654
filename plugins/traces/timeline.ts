import { type Columns, type Declaration, defineAnalyzer, integer, optional, type Table, text, time } from 'salvor'
import { containerColumns, containerNames, type Owner, ownerOf } from 'salvor/containers'
import containers from '../containers/containers.js'
import files from '../files/files.js'
import bpfPrograms from '../kernel/bpf-programs.js'
import kernelLog from '../kernel/kernel-log.js'
import connections from '../network/connections-tracked.js'
import processes from '../processes/processes.js'
import shellHistory from './shell-history.js'

/** What is dated in a table: its columns with what they say happened, and the column that says to what. */
interface Source {
  readonly of: Declaration
  readonly events: readonly (readonly [column: string, event: string])[]
  readonly subject: string
  /** The column that has the container's id. */
  readonly container: string
}

function dated<C extends Columns>(
  of: { readonly columns: C },
  events: { readonly [K in keyof C & string]?: string },
  subject: keyof C & string,
  container: keyof C & string = 'container',
): Source {
  return {
    of: of as unknown as Declaration,
    events: Object.entries<string>(events as Record<string, string>),
    subject,
    container,
  }
}

const SOURCES = {
  containers: dated(containers, { started: 'container started' }, 'name', 'id'),
  processes: dated(processes, { started: 'process started' }, 'args'),
  connections: dated(connections, { started: 'connection first seen' }, 'target_container_name'),
  programs: dated(bpfPrograms, { loaded: 'BPF program loaded' }, 'name'),
  files: dated(
    files,
    { born: 'file made', modified: 'file written', changed: 'inode changed', accessed: 'file read' },
    'path',
  ),
  commands: dated(shellHistory, { time: 'command typed' }, 'command'),
  messages: dated(kernelLog, { time: 'kernel message' }, 'text'),
}

interface Event extends Owner {
  time: string
  event: string
  table: string
  pid: number | null
  comm: string | null
  subject: string | null
}

/** Names of containers by their ids. */
type Named = (container: string | null) => Owner

function* eventsOf({ of, events, subject, container }: Source, table: Table, named: Named): Generator<Event> {
  const column = (name: string) => (Object.hasOwn(of.columns, name) ? table.column(name) : null)
  const [pids, comms, owners, subjects] = ['pid', 'comm', container, subject].map(column)
  for (const [dated, event] of events) {
    const times = table.column(dated)
    for (let row = 0; row < table.length; row++) {
      const time = times[row]
      if (typeof time !== 'string') continue
      const said = subjects?.[row] ?? null
      yield {
        time,
        event,
        table: of.name,
        pid: (pids?.[row] ?? null) as number | null,
        comm: (comms?.[row] ?? null) as string | null,
        ...named((owners?.[row] ?? null) as string | null),
        subject: Array.isArray(said) ? said.join(' ') : said === null ? null : String(said),
      }
    }
  }
}

export default defineAnalyzer({
  name: 'timeline',
  aliases: ['mactime'],
  summary: 'Every dated thing of every table in one order',
  description:
    'What started, was loaded, typed, said or changed, oldest first, with the table that has the whole row. Times are the ' +
    "host's own: where its clock was set, they are as right as it was.",
  torn: 'what is a row of its table is a row here for each of its dates.',
  examples: [
    { command: 'salvor timeline memory.elf --container shop-web-1', what: 'what happened in one container' },
    { command: 'salvor timeline memory.elf --format csv --output timeline.csv', what: 'all of it for a spreadsheet' },
  ],
  columns: {
    time: time('When'),
    event: text('What happened'),
    table: text('Table that has the row'),
    pid: integer('Process id', { meaning: 'pid' }),
    comm: text('Name of the process'),
    ...containerColumns,
    subject: text('To what: arguments, a path, a command, a name, a message'),
  },
  needs: Object.fromEntries(Object.entries(SOURCES).map(([name, { of }]) => [name, optional(of)])),
  *run({ kernel, tables, warn }) {
    const events: Event[] = []
    const names = containerNames(kernel)
    const named: Named = (container) => ownerOf(container, names)
    for (const [name, source] of Object.entries(SOURCES)) {
      const { table, why } = tables[name] ?? { table: null, why: 'it was not made' }
      if (table !== null) for (const event of eventsOf(source, table, named)) events.push(event)
      else warn({ code: 'absent', message: `nothing of ${source.of.name}: ${why}` })
    }
    yield events.sort((left, right) => (left.time < right.time ? -1 : left.time > right.time ? 1 : 0))
  },
})
