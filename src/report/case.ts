/** The report of a case: what all its images say together, and the tables of those that are chosen. */

import type { Columns, Value } from '../api/columns.js'
import { overview } from '../case/overview.js'
import type { SavedQuery } from '../case/saved-queries.js'
import type { CaseSource } from '../case/sql.js'
import { readTablesOf } from '../case/sql-names.js'
import { columnName, literal, quoted, tableName } from '../case/sql-types.js'
import type { KnownAnalyzer } from '../engine/registry.js'
import type { ReportImage } from './html.js'
import { FINDING_OF, FLEET_IMAGES } from './model/document.js'
import { type PackedTable, packTable, type ReportTable } from './pack.js'

/** What a page may hold of packed rows: a browser still opens it. Tables beyond are named, and have no rows. */
const MOST_PACKED = 256 << 20

/** An image of a case, as it is chosen and named. */
export interface CaseImage {
  readonly id: string
  readonly path: string
  readonly hostname: string | null
  readonly bytes: number
  readonly sha256: string | null
}

export interface CaseReport {
  readonly images: readonly ReportImage[]
  /** Tables that had rows but no room. */
  readonly left: number
}

interface Rows {
  readonly columns: Columns
  readonly values: Readonly<Record<string, Value[]>>
  readonly length: number
}

/** A query's first rows, as columns. */
async function firstRows(source: CaseSource, sql: string, most: number): Promise<Rows> {
  const { columns, batches } = await source.query(`SELECT * FROM (${sql}) LIMIT ${most}`)
  const values: Record<string, Value[]> = Object.fromEntries(Object.keys(columns).map((name) => [name, []]))
  let length = 0
  for await (const batch of batches) {
    length += batch.length
    for (const [name, cells] of Object.entries(batch.columns)) {
      for (let row = 0; row < batch.length; row++) values[name]?.push(cells[row] ?? null)
    }
  }
  return { columns, values, length }
}

async function countOf(source: CaseSource, sql: string): Promise<number> {
  const { values } = await firstRows(source, `SELECT count(*) AS rows FROM (${sql})`, 1)
  return Number(values.rows?.[0] ?? 0)
}

/** The images of a case that were analyzed, by path. */
export async function imagesOf(source: CaseSource): Promise<CaseImage[]> {
  const sql = "SELECT id, path, hostname, bytes, sha256 FROM images WHERE state <> 'failed' ORDER BY path, id"
  const { values, length } = await firstRows(source, sql, Number.MAX_SAFE_INTEGER)
  return Array.from({ length }, (_, row) => ({
    id: String(values.id?.[row]),
    path: String(values.path?.[row] ?? ''),
    hostname: (values.hostname?.[row] ?? null) as string | null,
    bytes: Number(values.bytes?.[row] ?? 0),
    sha256: (values.sha256?.[row] ?? null) as string | null,
  }))
}

/** Packs tables as long as the page has room. */
class Packer {
  left = 0
  private packed = 0

  constructor(
    private readonly source: CaseSource,
    private readonly most: number,
    private readonly room: number,
  ) {}

  /** A table of a query, whose columns are those of the analyzer or of the result. */
  async table(
    sql: string,
    about: Omit<ReportTable['analyzer'], 'columns'> & { readonly columns?: Columns },
    warnings: ReportTable['warnings'] = [],
  ): Promise<PackedTable> {
    const isFull = this.packed >= this.room
    const { columns, values, length } = await firstRows(this.source, sql, isFull ? 0 : this.most)
    const total = length < this.most && !isFull ? length : await countOf(this.source, sql)
    if (isFull && total > 0) this.left++
    const analyzer = { ...about, columns: about.columns ?? columns } as ReportTable['analyzer']
    const table = await packTable({ analyzer, length, columns: values, warnings }, this.most)
    this.packed += table.text.length
    return { ...table, head: { ...table.head, total } }
  }
}

/** Images by what people call them. */
const NAMES = `SELECT id, CASE
    WHEN hostname IS NULL THEN file
    WHEN count(*) OVER (PARTITION BY hostname) > 1 THEN hostname || ' (' || file || ')'
    ELSE hostname END AS name
  FROM (SELECT id, hostname, regexp_extract(path, '[^/]*$') AS file FROM images)`

/** What all images say together. */
async function fleet(
  packer: Packer,
  source: CaseSource,
  name: string,
  findings: KnownAnalyzer,
  saved: readonly SavedQuery[],
): Promise<ReportImage> {
  const names = await source.names()
  const about = (table: string, summary: string) => ({ name: table, summary, area: 'case', examples: [] })
  const tables = [await packer.table(overview(names), about(FLEET_IMAGES, 'The images of the case'))]
  if (names.has('findings')) {
    const own = Object.entries(findings.columns).filter(([column]) => column !== 'evidence')
    const columns: Columns = {
      [FINDING_OF]: {
        type: 'text',
        description: 'The image that the finding is of: its host, and its file where a host has several',
      },
      image_id: { type: 'text', description: 'What the case calls the image' },
      ...Object.fromEntries(own),
    }
    const sql = `SELECT named.name AS ${FINDING_OF}, image_id, ${own.map(([column]) => `findings.${quoted(column)}`).join(', ')}
      FROM findings JOIN (${NAMES}) AS named ON named.id = image_id
      ORDER BY list_position(['critical', 'high', 'medium', 'low', 'info'], severity), named.name, image_id, image_row`
    tables.push(await packer.table(sql, { ...findings, columns }))
  }
  for (const { name: query, what, sql } of saved) {
    if (!(await isAnswered(source, sql, names))) continue
    tables.push(await packer.table(sql.replace(/;\s*$/, ''), about(query, what)))
  }
  return { name, fleet: true, files: [], warnings: [], tables }
}

/** Whether a saved query's tables are in the case: one that reads others has nothing to say. */
async function isAnswered(source: CaseSource, sql: string, names: ReadonlyMap<string, unknown>): Promise<boolean> {
  return [...(await readTablesOf(source.store.database, sql))].every((name) => names.has(name))
}

/** Tables of one image, as the case has them. */
async function imageTables(
  packer: Packer,
  source: CaseSource,
  { id }: CaseImage,
  analyzers: readonly KnownAnalyzer[],
): Promise<PackedTable[]> {
  const made = await firstRows(source, `SELECT table_name, failed FROM outputs WHERE image_id = ${literal(id)}`, 10_000)
  const names = await source.names()
  const tables: PackedTable[] = []
  for (const analyzer of analyzers) {
    const name = tableName(analyzer.name)
    const at = made.values.table_name?.indexOf(name) ?? -1
    const known = names.get(name)
    if (at < 0 || known === undefined) continue
    // A column that a later version declares is not in an older case.
    const own = Object.keys(analyzer.columns).filter((column) => known.includes(columnName(column)))
    const list = own.map((column) => `${quoted(columnName(column))} AS ${quoted(column)}`)
    const sql = `SELECT ${list.join(', ')} FROM ${quoted(name)} WHERE image_id = ${literal(id)} ORDER BY image_row`
    const table = await packer.table(sql, analyzer, await warningsOf(source, id, analyzer.name))
    const failed = made.values.failed?.[at]
    tables.push(typeof failed === 'string' ? { ...table, head: { ...table.head, failed } } : table)
  }
  return tables
}

async function warningsOf(source: CaseSource, id: string, analyzer: string | null): Promise<ReportImage['warnings']> {
  const whose = analyzer === null ? 'analyzer IS NULL' : `analyzer = ${literal(analyzer)}`
  const sql = `SELECT code, message, analyzer, column_name, count, address FROM warnings
    WHERE image_id = ${literal(id)} AND ${whose} ORDER BY code, message, column_name`
  const { values, length } = await firstRows(source, sql, 10_000)
  return Array.from({ length }, (_, row) => {
    const text = (name: string) => values[name]?.[row] ?? null
    const told = { analyzer: text('analyzer'), column: text('column_name'), address: text('address') }
    const count = text('count')
    return {
      code: String(text('code')),
      message: String(text('message')),
      ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null)),
      ...(count === null ? {} : { count: Number(count) }),
    }
  })
}

/** The case as a whole first, then each chosen image. No more than so many rows of a table. */
export async function caseReport(
  source: CaseSource,
  name: string,
  chosen: readonly CaseImage[],
  wanted: {
    readonly analyzers: readonly KnownAnalyzer[]
    readonly findings: KnownAnalyzer
    readonly saved: readonly SavedQuery[]
    readonly most: number
    /** Bytes that all rows may take, packed. */
    readonly room?: number
    readonly signal: AbortSignal
    readonly progress: (done: number, total: number) => void
  },
): Promise<CaseReport> {
  const packer = new Packer(source, wanted.most, wanted.room ?? MOST_PACKED)
  const images = [await fleet(packer, source, name, wanted.findings, wanted.saved)]
  for (const [at, image] of chosen.entries()) {
    if (wanted.signal.aborted) break
    wanted.progress(at, chosen.length)
    const { path, bytes, sha256 } = image
    images.push({
      name: path,
      id: image.id,
      files: [{ path, bytes, sha256 }],
      warnings: await warningsOf(source, image.id, null),
      tables: await imageTables(packer, source, image, wanted.analyzers),
    })
  }
  return { images, left: packer.left }
}
