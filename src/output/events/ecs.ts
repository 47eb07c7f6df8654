import { isIP } from 'node:net'
import type { Value } from '../../api/columns.js'
import type { TableHead } from '../format.js'
import { type EcsField, type EcsForm, ecsTables, severities, sharedFields } from './ecs-fields.js'
import { EventLines } from './event-lines.js'
import { type PlainRow, summaryOf } from './rows.js'

/** The schema that its fields are of (elastic/ecs). */
const VERSION = '9.0.0'

/** What ECS knows as a transport; of others the row itself tells. */
const transports: ReadonlySet<string> = new Set([
  'tcp',
  'udp',
  'udplite',
  'icmp',
  'ipv6-icmp',
  'icmpv6',
  'sctp',
  'dccp',
  'gre',
])

/** As columns of times are written; a log may say anything where it has a time. */
const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/

type Nested = { [key: string]: unknown }

/** A value in a field's form; undefined where it is none of it, so that no mapping is broken by it. */
function formed(value: Value, form: EcsForm): unknown {
  switch (form) {
    case 'long':
      return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
    case 'keywords':
      return Array.isArray(value) ? value.map(String) : [String(value)]
    case 'date':
      return typeof value === 'string' && ISO_TIME.test(value) ? value : undefined
    case 'ip':
      return typeof value === 'string' && isIP(value) !== 0 ? value : undefined
    case 'transport':
      return transports.has(String(value).toLowerCase()) ? String(value).toLowerCase() : undefined
    default:
      return typeof value === 'object' ? undefined : String(value)
  }
}

function place(document: Nested, path: string, value: unknown): void {
  const names = path.split('.')
  const last = names.pop() ?? path
  let inner = document
  for (const name of names) {
    const found = (inner[name] ?? {}) as Nested
    inner[name] = found
    inner = found
  }
  inner[last] = value
}

/**
 * Elastic Common Schema: a document per line, to be indexed as it is. All columns of a row are below `salvor` too, by table,
 * so that a name has one type. A row that says no time of its own is a state: its time is when memory was taken.
 */
export class EcsFormat extends EventLines {
  protected readonly undated = 'have no @timestamp: nothing says when memory was taken'

  protected events(head: TableHead, row: PlainRow): Nested[] {
    return [this.document(head, row)]
  }

  private document(head: TableHead, row: PlainRow): Nested {
    const { table, host } = head
    const { category = 'host', fields = {} } = Object.hasOwn(ecsTables, table) ? (ecsTables[table] ?? {}) : {}
    const finding = table === 'findings'
    const document: Nested = {
      ...(host?.taken == null ? {} : { '@timestamp': host.taken }),
      ecs: { version: VERSION },
      event: {
        kind: finding ? 'alert' : 'state',
        module: 'salvor',
        dataset: `salvor.${table}`,
        category: [category],
        type: ['info'],
      },
    }
    for (const name of Object.keys(head.columns)) {
      const found: EcsField | undefined = fields[name] ?? sharedFields[name]
      const value = row[name] ?? null
      const formedValue = found === undefined || value === null ? undefined : formed(value, found.form)
      if (found !== undefined && formedValue !== undefined) place(document, found.field, formedValue)
    }
    this.derive(document, row, finding)
    if (host?.hostname != null) place(document, 'host.hostname', host.hostname)
    document.message ??= summaryOf(head, row)
    document.salvor = { image: head.image, [table.replaceAll('-', '_')]: row }
    if (document['@timestamp'] === undefined) this.timeless++
    return document
  }

  /** Fields that follow from others. */
  private derive(document: Nested, row: PlainRow, finding: boolean): void {
    const process = document.process as Nested | undefined
    if (Array.isArray(process?.args) && process.args.length > 0) {
      process.args_count = process.args.length
      process.command_line ??= process.args.join(' ')
    }
    if (document.orchestrator !== undefined) {
      place(document, 'orchestrator.type', 'kubernetes')
      place(document, 'orchestrator.resource.type', 'pod')
    }
    if (typeof row.time === 'string') place(document, 'event.kind', 'event')
    if (!finding) return
    place(document, 'event.severity', severities[String(row.severity)] ?? severities.info)
    place(document, 'threat.framework', 'MITRE ATT&CK')
  }
}
