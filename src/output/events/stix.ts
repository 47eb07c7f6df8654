import { isIP } from 'node:net'
import type { Value } from '../../api/columns.js'
import type { Batch } from '../../api/table.js'
import type { Format, TableHead } from '../format.js'
import { canonical, uuid4, uuid5 } from './ids.js'
import { type Observed, type ObservedFile, observedIn, split } from './observables.js'
import { encoded, type PlainRow, plainRows } from './rows.js'

/** The namespace of ids of observables (STIX 2.1, section 2.9). */
const OBSERVABLES = '00abedb4-aa42-466c-9c01-fed23315a9b7'
/** What is dated so has no date. */
const NO_DATE = '1970-01-01T00:00:00.000Z'
const FINDINGS = 'findings'
const confidences: Readonly<Record<string, number>> = { low: 15, medium: 50, high: 85 }
/** Severities of which a finding becomes an indicator; below, it is a note. */
const indicating: ReadonlySet<unknown> = new Set(['medium', 'high', 'critical'])

type StixObject = { readonly type: string; readonly id: string; readonly [key: string]: unknown }

/** What was seen, and where in the bundle it is. */
interface Seen {
  readonly row: PlainRow
  readonly observed: Observed
  readonly id: string
}

interface Waiting {
  readonly head: TableHead
  readonly row: PlainRow
  readonly own: string | null
}

function observable(type: string, contributing: object, more: object = {}): StixObject {
  return {
    type,
    spec_version: '2.1',
    id: `${type}--${uuid5(OBSERVABLES, canonical(contributing))}`,
    ...contributing,
    ...more,
  }
}

function defined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined))
}

function addressObject(value: string): StixObject {
  return observable(isIP(value) === 4 ? 'ipv4-addr' : 'ipv6-addr', { value })
}

function fileObjects({ path, size, sha256, modified }: ObservedFile): StixObject[] {
  const { folder, name } = split(path)
  const directory = folder === null ? [] : [observable('directory', { path: folder })]
  const contributing = defined({
    hashes: sha256 === null ? null : { 'SHA-256': sha256 },
    name,
    parent_directory_ref: directory[0]?.id,
  })
  return [...directory, observable('file', contributing, defined({ size, mtime: modified }))]
}

/** The observables of a row; the last of each kind is the one that others refer to. */
function observables({ process, file, connection }: Observed, image: string): StixObject[] {
  const objects: StixObject[] = []
  if (file !== null) objects.push(...fileObjects(file))
  if (process !== null) {
    const program = process.executable?.startsWith('/')
      ? fileObjects({ path: process.executable, size: null, sha256: null, modified: null })
      : []
    objects.push(...program)
    const command = process.arguments.join(' ')
    objects.push({
      type: 'process',
      spec_version: '2.1',
      id: `process--${uuid4('process', image, process.pid, process.started, command)}`,
      pid: process.pid,
      ...defined({
        command_line: command === '' ? null : command,
        created_time: process.started,
        image_ref: program.at(-1)?.id,
      }),
    })
  }
  if (connection !== null) {
    const [source, destination] = [connection.source, connection.destination].map((one) =>
      one === null ? undefined : addressObject(one),
    )
    for (const one of [source, destination]) if (one !== undefined) objects.push(one)
    const family = isIP(connection.source ?? connection.destination ?? '') === 4 ? 'ipv4' : 'ipv6'
    const contributing = defined({
      src_ref: source?.id,
      dst_ref: destination?.id,
      src_port: connection.sourcePort,
      dst_port: connection.destinationPort,
      protocols: [family, ...(connection.protocol === null ? [] : [connection.protocol])],
    })
    objects.push(observable('network-traffic', contributing))
  }
  return objects
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}

/** What another host would be searched for, of the rows that a finding rests on. */
function patternOf(seen: readonly Seen[]): string | null {
  const parts = seen.flatMap(({ observed: { process, file, connection } }) => {
    const command = process?.arguments.join(' ') ?? ''
    const { folder = null, name = '' } = file === null ? {} : split(file.path)
    return [
      ...(command === '' ? [] : [`[process:command_line = ${quoted(command)}]`]),
      ...(file?.sha256 == null ? [] : [`[file:hashes.'SHA-256' = ${quoted(file.sha256)}]`]),
      ...(file === null || file.sha256 !== null || folder === null
        ? []
        : [`[file:name = ${quoted(name)} AND file:parent_directory_ref.path = ${quoted(folder)}]`]),
      ...(connection?.destination == null
        ? []
        : [
            `[${isIP(connection.destination) === 4 ? 'ipv4-addr' : 'ipv6-addr'}:value = ${quoted(connection.destination)}]`,
          ]),
    ]
  })
  return parts.length === 0 ? null : [...new Set(parts)].join(' OR ')
}

/**
 * A STIX 2.1 bundle: observed data for each row that shows a process, a file or a connection; a note for each finding. Where
 * the rows that a finding rests on are in the same output, an indicator says what to look for elsewhere.
 */
export class StixFormat implements Format {
  private readonly written = new Set<string>()
  private readonly seen = new Map<string, Seen[]>()
  private readonly waiting: Waiting[] = []
  private unshown = 0
  private taken = NO_DATE
  private readonly identity: StixObject = {
    type: 'identity',
    spec_version: '2.1',
    id: `identity--${uuid4('identity', 'salvor')}`,
    created: NO_DATE,
    modified: NO_DATE,
    name: 'salvor',
    identity_class: 'system',
  }

  /** What observed data says beside what STIX has words for. */
  private readonly extension: StixObject = {
    type: 'extension-definition',
    spec_version: '2.1',
    id: `extension-definition--${uuid4('extension-definition', 'salvor')}`,
    created: NO_DATE,
    modified: NO_DATE,
    created_by_ref: this.identity.id,
    name: 'salvor: place in an image',
    description: 'The table and image that it is from, and the container (id, name, pod) that it belongs to',
    schema: 'table, image, container, container_name, pod: texts; the last three where there is one',
    version: '1.0.0',
    extension_types: ['property-extension'],
  }

  constructor(
    private readonly several: boolean,
    private readonly note: (line: string) => void,
  ) {}

  start({ image, host }: TableHead): string {
    this.unshown = 0
    this.taken = host?.taken ?? NO_DATE
    if (this.written.size > 0) return ''
    return `{"type":"bundle","id":"bundle--${uuid4('bundle', image)}","objects":[${this.add(this.identity)}${this.add(this.extension)}`
  }

  rows(head: TableHead, batch: Batch): string {
    let output = ''
    for (const row of plainRows(head, batch)) output += this.row(head, row)
    return output
  }

  end({ table }: TableHead): string {
    if (this.unshown > 0)
      this.note(`${table}: ${this.unshown} rows show no process, file or connection: they are left out`)
    return ''
  }

  finish(): string {
    if (this.written.size === 0) return ''
    return `${this.waiting.map((one) => this.finding(one)).join('')}\n]}\n`
  }

  private add(object: StixObject): string {
    if (this.written.has(object.id)) return ''
    const separator = this.written.size === 0 ? '\n' : ',\n'
    this.written.add(object.id)
    return separator + encoded(object)
  }

  /** A domain object; all of them are of the moment at which memory was taken. */
  private domain(type: string, name: readonly unknown[], fields: object): StixObject {
    return {
      type,
      spec_version: '2.1',
      id: `${type}--${uuid4(type, ...name)}`,
      created: this.taken,
      modified: this.taken,
      created_by_ref: this.identity.id,
      ...fields,
    }
  }

  private row(head: TableHead, row: PlainRow): string {
    const { table, image } = head
    const observed = observedIn(table, row)
    const objects = observables(observed, image)
    const id = objects.length === 0 ? null : `observed-data--${uuid4('observed-data', image, table, row)}`
    if (table === FINDINGS) this.waiting.push({ head, row, own: id })
    if (id === null) {
      if (table !== FINDINGS) this.unshown++
      return ''
    }
    if (this.several && table !== FINDINGS) {
      const known = this.seen.get(`${image}\0${table}`) ?? []
      if (known.length === 0) this.seen.set(`${image}\0${table}`, known)
      known.push({ row, observed, id })
    }
    const { container, container_name, pod } = row
    const data = this.domain('observed-data', [image, table, row], {
      first_observed: this.taken,
      last_observed: this.taken,
      number_observed: 1,
      object_refs: [...new Set(objects.map((object) => object.id))],
      extensions: {
        [this.extension.id]: {
          extension_type: 'property-extension',
          ...defined({ table, image, container, container_name, pod }),
        },
      },
    })
    return [...objects, data].map((object) => this.add(object)).join('')
  }

  /** The rows that a finding rests on, as far as they are in this output. */
  private restsOn({ image }: TableHead, evidence: Value | undefined): Seen[] {
    if (!Array.isArray(evidence)) return []
    return evidence.flatMap((one: { table?: string; key?: Record<string, Value> }) => {
      const key = Object.entries(one.key ?? {})
      const rows = this.seen.get(`${image}\0${one.table}`) ?? []
      return key.length === 0 ? [] : rows.filter(({ row }) => key.every(([name, value]) => row[name] === value))
    })
  }

  private finding({ head, row, own }: Waiting): string {
    this.taken = head.host?.taken ?? NO_DATE
    const seen = this.restsOn(head, row.evidence)
    const references = [...new Set([...(own === null ? [] : [own]), ...seen.map(({ id }) => id)])]
    const title = String(row.title ?? row.rule)
    const summary = String(row.summary ?? title)
    const confidence = confidences[String(row.confidence)]
    const labels = [`rule:${row.rule}`, `severity:${row.severity}`]
    const common = { labels, ...(confidence === undefined ? {} : { confidence }) }
    const note = this.domain('note', [head.image, row], {
      abstract: title,
      content: summary,
      // Nothing in the bundle shows it: then it is about whoever says so.
      object_refs: references.length === 0 ? [this.identity.id] : references,
      ...common,
    })
    const pattern = indicating.has(row.severity) ? patternOf(seen) : null
    if (pattern === null) return this.add(note)
    const indicator = this.domain('indicator', [head.image, row], {
      name: title,
      description: summary,
      indicator_types: ['anomalous-activity'],
      pattern,
      pattern_type: 'stix',
      pattern_version: '2.1',
      valid_from: this.taken,
      ...common,
    })
    const relations = seen.map(({ id }) =>
      this.domain('relationship', [indicator.id, id], {
        relationship_type: 'based-on',
        source_ref: indicator.id,
        target_ref: id,
      }),
    )
    return [note, indicator, ...relations].map((object) => this.add(object)).join('')
  }
}
