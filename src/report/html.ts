/** Writes the page: what the build made of src/report/page/, with data in it. */

import { readFileSync } from 'node:fs'
import { SalvorError } from '../engine/errors.js'
import { reportPage } from '../paths.js'
import { DATA_TYPE, HEAD, type ImageHead, type ReportHead } from './model/document.js'
import { type PackedTable, packJson } from './pack.js'

/** An image of a report. */
export interface ReportImage extends Omit<ImageHead, 'tables'> {
  readonly tables: readonly PackedTable[]
}

/** Where the data goes in the page that the build made. */
const PLACE = '<!--data-->'

function template(): [before: string, after: string] {
  let page: string
  try {
    page = readFileSync(reportPage, 'utf8')
  } catch (error) {
    throw new SalvorError('INTERNAL', 'the page of reports is not built: npm run build', { cause: error })
  }
  const at = page.indexOf(PLACE)
  if (at < 0) throw new SalvorError('INTERNAL', 'the page of reports has no place for data')
  return [page.slice(0, at), page.slice(at + PLACE.length)]
}

/** Nothing of the image is in its text but as base64: there is nothing to escape. */
function element(id: string, text: string): string {
  return `<script type="${DATA_TYPE}" id="${id}">${text}</script>\n`
}

/** The report, piece by piece. */
export async function* reportHtml(
  images: readonly ReportImage[],
  made: Pick<ReportHead, 'version' | 'made'>,
): AsyncGenerator<string> {
  const [before, after] = template()
  yield before
  const heads: ImageHead[] = []
  for (const [at, { tables, ...image }] of images.entries()) {
    const names = tables.map((_, table) => `rows-${at}-${table}`)
    heads.push({ ...image, tables: tables.map(({ head }, table) => ({ ...head, data: names[table] ?? '' })) })
    for (const [table, { text }] of tables.entries()) yield element(names[table] ?? '', text)
  }
  yield element(HEAD, await packJson({ ...made, images: heads } satisfies ReportHead))
  yield after
}
