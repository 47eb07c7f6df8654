import type { Value } from '../../api/columns.js'
import type { Batch } from '../../api/table.js'
import type { Format, TableHead } from '../format.js'
import { uuid4 } from './ids.js'
import { type Observed, observedIn, split } from './observables.js'
import { encoded, type PlainRow, plainRows } from './rows.js'

/** Templates of MISP's objects (MISP/misp-objects), by name: uuid, version, category. */
const templates = {
  process: ['02aeef94-ac23-455e-addb-731757ceafb5', '10', 'misc'],
  file: ['688c46fb-5edb-40a3-8273-1af7923e2215', '25', 'file'],
  'network-connection': ['af16764b-f8e5-4603-9de1-de34d272f80b', '7', 'network'],
} as const
/** What attributes of a type are filed under. */
const categories: Readonly<Record<string, string>> = {
  filename: 'Payload delivery',
  sha256: 'Payload delivery',
  'ip-src': 'Network activity',
  'ip-dst': 'Network activity',
  port: 'Network activity',
}
/** MISP's threat levels: 1 is high, 4 undefined. */
const threats: Readonly<Record<string, number>> = { critical: 1, high: 1, medium: 2, low: 3 }

type Relations = readonly (readonly [relation: string, type: string, value: Value])[]

function attributes(object: string, relations: Relations): object[] {
  return relations.flatMap(([relation, type, value]) => {
    if (value === null || value === '') return []
    const category = categories[type] ?? 'Other'
    const uuid = uuid4('misp-attribute', object, relation, value)
    // What lies in the memory of one host is no reason to alert on others.
    return [{ uuid, object_relation: relation, type, category, value: String(value), to_ids: false }]
  })
}

function objectsOf({ process, file, connection }: Observed): [keyof typeof templates, Relations][] {
  const objects: [keyof typeof templates, Relations][] = []
  if (process !== null) {
    objects.push([
      'process',
      [
        ['pid', 'text', process.pid],
        ['name', 'text', process.name],
        ['command-line', 'text', process.arguments.join(' ')],
        ['image', 'filename', process.executable],
        ['parent-pid', 'text', process.parent],
        ['start-time', 'datetime', process.started],
      ],
    ])
  }
  if (file !== null) {
    const { folder, name } = split(file.path)
    objects.push([
      'file',
      [
        ['filename', 'filename', name],
        ['path', 'text', folder],
        ['fullpath', 'text', file.path],
        ['size-in-bytes', 'size-in-bytes', file.size],
        ['sha256', 'sha256', file.sha256],
        ['modification-time', 'datetime', file.modified],
      ],
    ])
  }
  if (connection !== null) {
    objects.push([
      'network-connection',
      [
        ['ip-src', 'ip-src', connection.source],
        ['src-port', 'port', connection.sourcePort],
        ['ip-dst', 'ip-dst', connection.destination],
        ['dst-port', 'port', connection.destinationPort],
        ['layer4-protocol', 'text', connection.protocol],
      ],
    ])
  }
  return objects
}

/** Where in the image it was, for the people who read the event. */
function commentOf(table: string, { container, container_name, pod }: PlainRow): string {
  const name = container_name ?? container
  const places = [pod == null ? null : `pod ${pod}`, name == null ? null : `container ${name}`].filter(Boolean)
  return [table, ...places].join(', ')
}

/** An event for MISP for each image: objects of processes, files and connections, and a comment for each finding. */
export class MispFormat implements Format {
  private image: string | undefined
  private host: TableHead['host']
  private events = 0
  private objects = 0
  private unshown = 0
  private threat = 4
  private findings: object[] = []

  constructor(
    private readonly several: boolean,
    private readonly note: (line: string) => void,
  ) {}

  start({ image, host }: TableHead): string {
    this.unshown = 0
    if (this.image === image) return ''
    const before = this.image === undefined ? (this.several ? '{"response":[\n' : '') : `${this.close()},\n`
    this.image = image
    this.host = host
    this.events++
    this.objects = 0
    this.threat = 4
    this.findings = []
    return `${before}{"Event":{"Object":[`
  }

  rows(head: TableHead, batch: Batch): string {
    let output = ''
    for (const row of plainRows(head, batch)) {
      if (head.table === 'findings') this.finding(head, row)
      else output += this.shown(head, row)
    }
    return output
  }

  end({ table }: TableHead): string {
    if (this.unshown > 0)
      this.note(`${table}: ${this.unshown} rows show no process, file or connection: they are left out`)
    return ''
  }

  finish(): string {
    if (this.events === 0) return ''
    return `${this.close()}${this.several ? '\n]}' : ''}\n`
  }

  private shown({ table, image }: TableHead, row: PlainRow): string {
    const found = objectsOf(observedIn(table, row))
    if (found.length === 0) this.unshown++
    return found
      .map(([name, relations]) => {
        const [template_uuid, template_version, category] = templates[name]
        const uuid = uuid4('misp-object', image, table, name, row)
        const object = {
          uuid,
          name,
          'meta-category': category,
          template_uuid,
          template_version,
          comment: commentOf(table, row),
          Attribute: attributes(uuid, relations),
        }
        return `${this.objects++ === 0 ? '\n' : ',\n'}${encoded(object)}`
      })
      .join('')
  }

  private finding({ image }: TableHead, row: PlainRow): void {
    this.threat = Math.min(this.threat, threats[String(row.severity)] ?? 4)
    const tags = [`salvor:rule="${row.rule}"`, `salvor:severity="${row.severity}"`]
    this.findings.push({
      uuid: uuid4('misp-finding', image, row),
      type: 'comment',
      category: 'External analysis',
      value: String(row.summary ?? row.title ?? row.rule),
      comment: commentOf(String(row.title ?? row.rule), row),
      to_ids: false,
      Tag: tags.map((name) => ({ name })),
    })
  }

  private close(): string {
    const { image = '', host } = this
    const event = {
      uuid: uuid4('misp-event', image, host),
      info: `Memory of ${host?.hostname ?? 'a host'} (${image})`,
      date: (host?.taken ?? '1970-01-01').slice(0, 10),
      threat_level_id: String(this.threat),
      analysis: '0',
      distribution: '0',
      published: false,
    }
    return `],"Attribute":[${this.findings.map((one) => `\n${encoded(one)}`).join(',')}],${encoded(event).slice(1)}}`
  }
}
