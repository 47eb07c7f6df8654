import type { TableHead } from '../format.js'
import { EventLines } from './event-lines.js'
import { type PlainRow, summaryOf } from './rows.js'

/** What Timesketch itself asks for; a column that is called so comes with a `_` behind its name. */
const own: ReadonlySet<string> = new Set([
  'message',
  'datetime',
  'timestamp',
  'timestamp_desc',
  'data_type',
  'image',
  'tag',
])

/** Microseconds since 1970, which a number holds exactly until the year 2255. */
function microseconds(time: string): number | undefined {
  const milliseconds = Date.parse(time)
  if (Number.isNaN(milliseconds)) return undefined
  const [, fraction = ''] = /\.(\d+)Z$/.exec(time) ?? []
  return Math.floor(milliseconds / 1000) * 1_000_000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}

/**
 * JSONL as Timesketch imports it: an event for each time that a row has. A row without any is an event of the moment at
 * which memory was taken.
 */
export class TimesketchFormat extends EventLines {
  protected readonly undated = 'are left out: they have no time, and nothing says when memory was taken'

  protected *events(head: TableHead, row: PlainRow): Generator<Record<string, unknown>> {
    const { table, columns, host } = head
    const message = messageOf(head, row)
    const fields: Record<string, unknown> = { data_type: `salvor:${table}`, image: head.image }
    if (host?.hostname != null && !('hostname' in columns)) fields.hostname = host.hostname
    for (const [name, value] of Object.entries(row)) {
      if (value !== null) fields[own.has(name) ? `${name}_` : name] = value
    }
    let dated = 0
    for (const [name, { type }] of Object.entries(columns)) {
      const time = row[name]
      if (type !== 'time' || typeof time !== 'string') continue
      const timestamp = microseconds(time)
      if (timestamp === undefined) continue
      dated++
      yield { message, datetime: time, timestamp, timestamp_desc: describe(table, name, row), ...fields }
    }
    if (dated > 0) return
    const timestamp = host?.taken == null ? undefined : microseconds(host.taken)
    if (timestamp === undefined) this.timeless++
    else yield { message, datetime: host?.taken, timestamp, timestamp_desc: 'Seen in memory', ...fields }
  }
}

/** What happened then, by the table's own word for it. */
function describe(table: string, column: string, row: PlainRow): string {
  if (table === 'timeline' && typeof row.event === 'string') return row.event
  return column === 'time' ? table : `${table} ${column}`
}

function messageOf(head: TableHead, row: PlainRow): string {
  const { summary, event, subject } = row
  if (head.table === 'findings' && typeof summary === 'string') return summary
  if (head.table === 'timeline') return `${event}: ${subject}`
  return summaryOf(head, row)
}
