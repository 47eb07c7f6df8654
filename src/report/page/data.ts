/** The data that stands in the page, unpacked when it is asked for. */

import { HEAD, type ImageHead, type PackedRows, type ReportHead } from '../model/document.js'
import { ReportTable } from '../model/table.js'

async function unpack(id: string): Promise<unknown> {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the report has no data ${id}`)
  const packed = atob(element.textContent ?? '')
  const bytes = new Uint8Array(packed.length)
  for (let at = 0; at < packed.length; at++) bytes[at] = packed.charCodeAt(at)
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))
  return JSON.parse(await new Response(stream).text())
}

export async function readHead(): Promise<ReportHead> {
  return (await unpack(HEAD)) as ReportHead
}

/** The tables of one image. */
export class Tables {
  private readonly loading = new Map<string, Promise<ReportTable | undefined>>()
  private readonly loaded = new Map<string, ReportTable>()

  constructor(readonly image: ImageHead) {}

  head(name: string) {
    return this.image.tables.find((table) => table.name === name)
  }

  /** The table; undefined where the report has none of that name. */
  load(name: string): Promise<ReportTable | undefined> {
    let loading = this.loading.get(name)
    if (loading === undefined) {
      loading = this.read(name)
      this.loading.set(name, loading)
    }
    return loading
  }

  async loadAll(names: Iterable<string>): Promise<void> {
    await Promise.all([...names].map((name) => this.load(name)))
  }

  /** A table that has been loaded. */
  get(name: string): ReportTable | undefined {
    return this.loaded.get(name)
  }

  private async read(name: string): Promise<ReportTable | undefined> {
    const head = this.head(name)
    if (head === undefined) return undefined
    const table = new ReportTable(head, (await unpack(head.data)) as PackedRows)
    this.loaded.set(name, table)
    return table
  }
}
