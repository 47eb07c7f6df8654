/** Reads a report as its page does, without a browser. */

import { inflateRawSync } from 'node:zlib'
import type { Value } from '../../dist/src/api/columns.js'
import { unpackColumn } from '../../dist/src/report/model/columns.js'
import { DATA_TYPE, HEAD, type PackedRows, type ReportHead } from '../../dist/src/report/model/document.js'

/** What stands between the tags of the elements with data, by id. */
function elements(html: string): Map<string, string> {
  const pattern = new RegExp(`<script type="${DATA_TYPE}" id="([^"]+)">([^<]*)</script>\n`, 'g')
  return new Map([...html.matchAll(pattern)].map(([, id = '', text = '']) => [id, text]))
}

function unpack(text: string | undefined): unknown {
  if (text === undefined || !/^[A-Za-z0-9+/]+=*$/.test(text)) throw new Error('no base64')
  return JSON.parse(inflateRawSync(Buffer.from(text, 'base64')).toString())
}

/** The page without its data. */
export function withoutData(html: string): string {
  return html.replaceAll(new RegExp(`<script type="${DATA_TYPE}" id="[^"]+">[A-Za-z0-9+/]+=*</script>\n`, 'g'), '')
}

export function readReport(html: string): { head: ReportHead; rows: (table: string, image?: number) => object[] } {
  const found = elements(html)
  const head = unpack(found.get(HEAD)) as ReportHead
  const rows = (name: string, image = 0): object[] => {
    const table = head.images[image]?.tables.find((one) => one.name === name)
    if (table === undefined) throw new Error(`the report has no table ${name}`)
    const columns = Object.entries(unpack(found.get(table.data)) as PackedRows).map(
      ([column, packed]): [string, readonly Value[]] => [column, unpackColumn(packed)],
    )
    return Array.from({ length: table.rows }, (_, row) =>
      Object.fromEntries(columns.map(([column, values]) => [column, values[row]])),
    )
  }
  return { head, rows }
}
